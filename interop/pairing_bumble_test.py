"""Pairing with Bumble, in both roles, on the virtual controllers: real encryption, so both sides must have come to the same key.

`amble pair` is the central of a Bumble peripheral: every method, LE legacy pairing and Secure Connections, answers right and wrong,
the next link with the bond, and a bond that Bumble lost. A Bumble central pairs with the thermometer example, whose host accepts by
itself, and finds on the next link that its subscription is still there.
"""

import asyncio
import json
import re
import tempfile

import support
import tool
from bumble.core import UUID
from bumble.device import Peer
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig
from people import IO, Person, prompt, type_line

ADDRESS = "C0:11:22:33:44:66"


class Peripheral:
    """A Bumble device that waits to be paired with."""

    def __init__(self, device):
        self.device = device
        self.failures, self.encryptions = [], 0
        device.on("connection", self.connected)

    def connected(self, connection):
        support.take_for_the_same(self.device, connection)
        connection.on("pairing_failure", self.failures.append)
        connection.on("connection_encryption_change", self.encrypted)

    def encrypted(self):
        self.encryptions += 1

    def expect(self, person, sc=True, mitm=True):
        self.device.pairing_config_factory = lambda _: PairingConfig(sc=sc, mitm=mitm, bonding=True, delegate=person)

    async def advertise(self):
        await self.device.start_advertising(auto_restart=True)


async def begin(transport, *options):
    """Starts `amble pair` with somebody to type into it."""
    process = await asyncio.create_subprocess_exec(
        support.built("amble"), "pair", f"{ADDRESS}/r", "-t", transport, "--json", "--timeout", str(support.PATIENCE), *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=tool.ENVIRONMENT,
    )
    return process


async def end(process, code=0):
    out, err = await asyncio.wait_for(process.communicate(), support.PATIENCE)
    assert process.returncode == code, f"{process.returncode}, not {code}: {out.decode()}{err.decode()}"
    return json.loads(out) if code == 0 else err.decode()


async def just_works(transport, peripheral):
    for sc in (True, False):
        for option in ((), ("--legacy-only",), ("--crypto", "controller")):
            peripheral.expect(Person(IO.NO_OUTPUT_NO_INPUT), sc=sc, mitm=False)
            outcome = await end(await begin(transport, "--io", "none", "--no-bond", *option))
            assert outcome["secure_connections"] == (sc and "--legacy-only" not in option), outcome
            assert outcome["key_size"] == 16 and not outcome["authenticated"], outcome


async def comparison(transport, peripheral):
    for agrees, answer, code in ((True, "y", 0), (True, "n", 1), (False, "y", 1)):
        person = Person(IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT, agrees=agrees)
        peripheral.expect(person)
        process = await begin(transport, "--io", "yes-no", "--mitm", "--no-bond")
        digits = await prompt(process, r"show (\d{6}), too\?")
        await support.eventually(lambda: person.compared is not None, "Bumble compares, too")
        assert int(digits.group(1)) == person.compared
        person.other_side_shown.set()
        await type_line(process, answer)
        outcome = await end(process, code)
        if code == 0:
            assert outcome["authenticated"] and outcome["secure_connections"], outcome
        else:
            # Bumble says 0x04 when its person says no, where the specification has 0x0C.
            assert re.search("SMP 0x0C" if agrees else "SMP 0x0(C|4)", outcome), outcome


async def passkey(transport, peripheral):
    for sc in (True, False):
        for wrong in (False, True):
            # Shown by Bumble, entered here.
            person = Person(IO.DISPLAY_OUTPUT_ONLY)
            peripheral.expect(person, sc=sc)
            process = await begin(transport, "--io", "keyboard", "--mitm", "--no-bond")
            await prompt(process, "Passkey shown by")
            await support.eventually(lambda: person.shown is not None, "Bumble shows")
            await type_line(process, f"{person.shown ^ wrong:06}")
            outcome = await end(process, int(wrong))
            assert "SMP 0x04" in outcome if wrong else outcome["authenticated"], outcome
            # Shown here, entered at Bumble.
            shown = asyncio.get_running_loop().create_future()
            person = Person(IO.KEYBOARD_INPUT_ONLY, number=lambda: shown)
            peripheral.expect(person, sc=sc)
            process = await begin(transport, "--io", "display", "--mitm", "--no-bond", "--crypto", "controller")
            digits = await prompt(process, r"Type (\d{6}) on")
            shown.set_result(int(digits.group(1)) ^ wrong)
            outcome = await end(process, int(wrong))
            assert "SMP 0x04" in outcome if wrong else outcome["authenticated"], outcome


async def bonds(transport, peripheral, folder):
    """Secure Connections only: as responder Bumble answers a bonded legacy link with a wrong key."""
    file = f"{folder}/bonds.json"
    keys = peripheral.device.keystore = MemoryKeyStore()
    peripheral.expect(Person(IO.NO_OUTPUT_NO_INPUT), mitm=False)
    await end(await begin(transport, "--io", "none", "--bonds", file))
    (bond,) = (await tool.amble("bonds", "list", file, "--json")).objects
    assert bond["secure_connections"] and bond["key_size"] == 16, bond
    exported = (await tool.amble("bonds", "export", file)).objects[0]
    ((_, known),) = await keys.get_all()
    assert exported["ltk"].lower() == known.ltk.value.hex(), (exported, known)
    # The same key again, without pairing.
    before = peripheral.encryptions
    peripheral.device.smp_manager.sessions.clear()  # they outlive their links, and would answer in place of the store
    outcome = await end(await begin(transport, "--io", "none", "--bonds", file))
    assert outcome["bonded"] and peripheral.encryptions > before, outcome
    # Bumble forgets: a named error, and no pairing behind the user's back.
    await keys.delete_all()
    peripheral.device.smp_manager.sessions.clear()
    text = await end(await begin(transport, "--io", "none", "--bonds", file), 1)
    assert "no key for this bond" in text, text
    assert not await keys.get_all()
    outcome = await end(await begin(transport, "--io", "none", "--bonds", file, "--renew"))
    assert outcome["bonded"], outcome


async def subscribe(connection):
    """The handle of the temperature, which is sent from now on."""
    peer = Peer(connection)
    await peer.discover_all()
    (temperature,) = peer.get_characteristics_by_uuid(UUID("2A6E"))
    received = asyncio.Queue()
    await temperature.subscribe(received.put_nowait)
    await asyncio.wait_for(received.get(), support.PATIENCE)
    return temperature.handle


async def as_central(transport):
    """A Bumble central with our peripheral."""
    sensor = await support.Program.start(support.built("examples/temp_sensor"), "-t", transport)
    async with support.bumble_host(transport, "reader", "C0:11:22:33:44:67") as bumble:
        found = await support.scan_for(bumble, "mpy-temp")
        for sc in (True, False):
            bumble.keystore = MemoryKeyStore()
            bumble.pairing_config_factory = lambda _: PairingConfig(
                sc=sc, mitm=False, bonding=True, delegate=Person(IO.NO_OUTPUT_NO_INPUT)
            )
            connection = await bumble.connect(found.address, timeout=support.PATIENCE)
            await asyncio.wait_for(connection.pair(), support.PATIENCE)
            assert connection.is_encrypted
            handle = await subscribe(connection)
            await connection.disconnect()
            connection = await bumble.connect(found.address, timeout=support.PATIENCE)
            received = asyncio.Queue()
            connection.gatt_client.notification_subscribers[handle] = {received.put_nowait}
            await asyncio.wait_for(connection.encrypt(), support.PATIENCE)  # with the bond that both keep
            assert connection.is_encrypted
            assert len(await asyncio.wait_for(received.get(), support.PATIENCE)) == 2  # without asking for it again
            await connection.disconnect()
            if sc:  # the sensor keeps a better bond than the next one would be: it is started anew
                assert await sensor.stop() == 0
                sensor = await support.Program.start(support.built("examples/temp_sensor"), "-t", transport)
                found = await support.scan_for(bumble, "mpy-temp")
    assert await sensor.stop() == 0


async def test():
    air, transport = await support.start_air()
    async with support.bumble_host(transport, "peer", ADDRESS) as bumble:
        peripheral = Peripheral(bumble)
        await peripheral.advertise()
        await just_works(transport, peripheral)
        await comparison(transport, peripheral)
        await passkey(transport, peripheral)
        with tempfile.TemporaryDirectory() as folder:
            await bonds(transport, peripheral, folder)
        await support.stop_advertising(bumble)
    await as_central(transport)
    assert await air.stop() == 0


support.run(test)
