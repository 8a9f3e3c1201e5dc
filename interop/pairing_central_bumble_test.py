"""A Bumble central pairs with `amble advertise`: comparison and passkeys, answered right and wrong on either side, LE legacy pairing and
Secure Connections, the next link with the bond, and a bond that our side lost.

Each case has a central with an address of its own: after a failure the same peer would have to wait.
"""

import asyncio
import json
import pathlib
import tempfile

import support
import tool
from bumble.core import ProtocolError
from bumble.hci import HCI_Error
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig
from people import IO, PASSKEY, Person, prompt, type_line

NAME = "Lock"
CENTRALS = (f"C0:11:22:33:55:{number:02X}" for number in range(256))


class Lock:
    """`amble advertise`, with somebody to type into it."""

    @classmethod
    async def open(cls, transport, *options):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            support.built("amble"), "advertise", "-t", transport, "--name", NAME, "--interval", "50", "--json", *options,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=tool.ENVIRONMENT,
        )
        self.address = (await self.event("advertising"))["address"]
        return self

    async def event(self, name):
        while True:
            line = await asyncio.wait_for(self.process.stdout.readline(), support.PATIENCE)
            assert line, f"it never said {name}: {(await self.process.stderr.read()).decode()}"
            if (row := json.loads(line))["event"] == name:
                return row

    async def close(self):
        self.process.terminate()
        out, err = await asyncio.wait_for(self.process.communicate(), support.PATIENCE)
        assert self.process.returncode == 0, (out, err)


async def connect(central, person, keys, sc=True, mitm=True):
    central.keystore = keys
    central.pairing_config_factory = lambda _: PairingConfig(sc=sc, mitm=mitm, bonding=True, delegate=person)
    found = await support.scan_for(central, NAME)
    return await central.connect(found.address, timeout=support.PATIENCE)


async def paired(connection):
    """Whether the central says that it went well."""
    try:
        await asyncio.wait_for(connection.pair(), support.PATIENCE)
    except ProtocolError:
        return False
    return True


async def try_once(transport, lock, person, at_the_lock, sc, good):
    """One pairing, of which both sides think the same."""
    async with support.bumble_host(transport, "reader", next(CENTRALS)) as central:
        connection = await connect(central, person, MemoryKeyStore(), sc)
        pairing = asyncio.ensure_future(paired(connection))
        await at_the_lock(lock.process)
        assert await pairing == good
        row = await lock.event("paired" if good else "not-paired")
        if good:
            assert connection.is_encrypted and row["authenticated"] and row["secure_connections"] == sc, row
            assert row["key_size"] == 16, row
        await connection.disconnect()
        await lock.event("disconnected")


async def comparison(transport):
    lock = await Lock.open(transport, "--io", "yes-no", "--mitm")
    for agrees, answer in ((True, "y"), (True, "n"), (False, "y")):
        person = Person(IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT, agrees=agrees)

        async def at_the_lock(process):
            digits = await prompt(process, r"show (\d{6}), too\?")
            await support.eventually(lambda: person.compared is not None, "Bumble compares, too")
            assert int(digits.group(1)) == person.compared
            person.other_side_shown.set()
            await type_line(process, answer)

        await try_once(transport, lock, person, at_the_lock, True, agrees and answer == "y")
    await lock.close()


async def passkey_entered_here(transport):
    lock = await Lock.open(transport, "--io", "keyboard", "--mitm")
    for sc in (True, False):
        for wrong in (False, True):
            person = Person(IO.DISPLAY_OUTPUT_ONLY)

            async def at_the_lock(process):
                await prompt(process, "Passkey shown by")
                await support.eventually(lambda: person.shown is not None, "Bumble shows")
                assert person.shown == PASSKEY
                await type_line(process, f"{person.shown ^ wrong:06}")

            await try_once(transport, lock, person, at_the_lock, sc, not wrong)
    await lock.close()


async def passkey_shown_here(transport):
    lock = await Lock.open(transport, "--io", "display", "--mitm")
    for sc in (True, False):
        for wrong in (False, True):
            shown = asyncio.get_running_loop().create_future()
            person = Person(IO.KEYBOARD_INPUT_ONLY, number=lambda: shown)

            async def at_the_lock(process):
                digits = await prompt(process, r"Type (\d{6}) on")
                shown.set_result(int(digits.group(1)) ^ wrong)

            await try_once(transport, lock, person, at_the_lock, sc, not wrong)
    await lock.close()


async def question_taken_back(transport):
    """A central says no before anybody here has answered: that is told at once, and the next central's question is not behind it."""
    lock = await Lock.open(transport, "--io", "yes-no", "--mitm")
    person = Person(IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT, agrees=False)
    async with support.bumble_host(transport, "reader", next(CENTRALS)) as central:
        connection = await connect(central, person, MemoryKeyStore())
        pairing = asyncio.ensure_future(paired(connection))
        await prompt(lock.process, r"show (\d{6}), too\?")
        person.other_side_shown.set()
        assert not await pairing
        row = await lock.event("not-paired")
        assert "SMP 0x" in row["reason"], row
        await connection.disconnect()
        await lock.event("disconnected")

    async def at_the_lock(process):
        await prompt(process, r"show (\d{6}), too\?")
        person.other_side_shown.set()
        await type_line(process, "y")

    person = Person(IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    await try_once(transport, lock, person, at_the_lock, True, True)
    await lock.close()


async def bonds(transport, folder):
    """The bond outlives our host; once it is deleted here, Bumble's key opens nothing."""
    file = folder / "bonds.json"
    async with support.bumble_host(transport, "reader", next(CENTRALS)) as central:
        person, keys = Person(IO.NO_OUTPUT_NO_INPUT), MemoryKeyStore()
        kept = ("--bonds", file, "--own-address", "static")  # each controller on the air has another public address
        lock = await Lock.open(transport, *kept)
        connection = await connect(central, person, keys, mitm=False)
        assert await paired(connection)
        assert (await lock.event("paired"))["bonded"]
        await lock.close()
        (bond,) = (await tool.amble("bonds", "list", file, "--json")).objects
        lock = await Lock.open(transport, *kept)
        connection = await connect(central, person, keys, mitm=False)
        await asyncio.wait_for(connection.encrypt(), support.PATIENCE)
        assert connection.is_encrypted
        await lock.close()
        await tool.amble("bonds", "delete", file, bond["address"])
        lock = await Lock.open(transport, *kept)
        connection = await connect(central, person, keys, mitm=False)
        try:
            await asyncio.wait_for(connection.encrypt(), support.PATIENCE)
            raise AssertionError("a deleted bond still opens")
        except HCI_Error as error:
            assert error.error_code == 0x06, error  # PIN or Key Missing
        assert not connection.is_encrypted
        await lock.close()


async def test():
    air, transport = await support.start_air()
    await comparison(transport)
    await question_taken_back(transport)
    await passkey_entered_here(transport)
    await passkey_shown_here(transport)
    with tempfile.TemporaryDirectory() as folder:
        await bonds(transport, pathlib.Path(folder))
    assert await air.stop() == 0


support.run(test)
