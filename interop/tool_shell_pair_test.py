"""`pair` in `amble shell` against Bumble: without a passkey, with one shown here or there, with a comparison, in a script."""

import asyncio
import pathlib
import tempfile

import support
import tool
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingDelegate
from person import Person
from sensor import ADDRESS, DEVICE, SECRET, Sensor


async def without_passkey(shell, device):
    Person(device, PairingDelegate.NO_OUTPUT_NO_INPUT, mitm=False)
    refused = await shell(stdin=f"connect {DEVICE}\nread {SECRET}", code=1)
    assert "ATT 0x" in refused.err, refused.err
    paired = await shell(stdin=f"connect {DEVICE}\npair\nread {SECRET}")
    assert paired.lines[1:3] == ["encrypted with a key of 16 bytes, LE Secure Connections", "for you"], paired.out
    rows = (await shell("--json", stdin=f"connect {DEVICE}\npair\nread {SECRET}")).objects
    expected = {"event": "encrypted", "address": DEVICE, "authenticated": False, "secure_connections": True, "key_size": 16}
    assert rows[1] == expected and rows[2]["text"] == "for you", rows
    assert "SMP 0x" in (await shell(stdin=f"connect {DEVICE}\npair --mitm", code=1)).err


async def gatt_with_bonds(file, none, transport):
    """`amble gatt` reads with the bond of the file what it cannot read without."""
    read = ("gatt", "read", DEVICE, SECRET, "-t", transport)
    assert (await tool.amble(*read, "--bonds", file)).lines == ["for you"]
    assert "ATT 0x" in (await tool.amble(*read, code=1)).err
    assert f"{none} holds no bond with {DEVICE}" in (await tool.amble(*read, "--bonds", none, code=1)).err


async def with_bonds(shell, device, transport):
    """With --bonds the keys outlive the shell, and `amble bonds` knows them."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "bonds.json"
        Person(device, PairingDelegate.NO_OUTPUT_NO_INPUT, mitm=False)
        device.keystore = MemoryKeyStore()
        device.on("connection", lambda connection: support.take_for_the_same(device, connection))
        await shell("--bonds", file, stdin=f"connect {DEVICE}\npair --renew\nread {SECRET}")
        assert len((await tool.amble("bonds", "list", file)).lines) == 1
        device.smp_manager.sessions.clear()  # they outlive their links, and would answer in place of the store
        await gatt_with_bonds(file, pathlib.Path(folder) / "none.json", transport)


async def in_a_script(shell, device):
    Person(device, PairingDelegate.DISPLAY_OUTPUT_ONLY)
    assert "SMP 0x" in (await shell(stdin=f"connect {DEVICE}\npair --passkey 000000", code=1)).err  # one chance in a million
    Person(device, PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    paired = await shell(stdin=f"connect {DEVICE}\npair --same --mitm\nread {SECRET}")
    assert "nobody in between" in paired.out and "for you" in paired.out, paired.out
    assert "up to six digits" in (await shell(stdin="pair --passkey 1234567", code=2)).err


async def begin(terminal, device, io):
    """A link on which pairing has begun, and who sits at its other end."""
    person = Person(device, io)
    terminal.forget()
    terminal.type(f"connect {DEVICE}\n")
    await terminal.displays(f"connected to .*\n{DEVICE}>$")
    terminal.type("pair --mitm --renew\n")
    return person


async def finish(terminal):
    await terminal.displays("encrypted with a key of 16 bytes, LE Secure Connections, nobody in between\n.*>$")
    terminal.type(f"read {SECRET}\n")
    await terminal.displays("for you\n.*>$")
    terminal.type("disconnect\n")
    await terminal.displays("disconnected.*\namble>$")


async def asked(transport, device):
    terminal = await tool.Terminal.start("shell", "-t", transport, HOME="")
    await terminal.displays("amble>")

    person = await begin(terminal, device, PairingDelegate.DISPLAY_OUTPUT_ONLY)
    await terminal.displays("which six digits does the other device show[?]")
    terminal.type(f"{await person.shown:06}\n")
    await finish(terminal)

    person = await begin(terminal, device, PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    await terminal.displays("does the other device show [0-9]{6}, too")
    assert f"show {await person.shown:06}, too" in terminal.screen
    terminal.type("yes\n")
    await finish(terminal)

    person = await begin(terminal, device, PairingDelegate.KEYBOARD_INPUT_ONLY)
    digits = (await terminal.shows("enter ([0-9]{6}) on the other device")).group(1)
    person.typed.set_result(int(digits))
    await finish(terminal)

    await begin(terminal, device, PairingDelegate.DISPLAY_OUTPUT_ONLY)
    await terminal.displays("which six digits")
    terminal.type("\x03")  # leaves the question, and the shell goes on
    await terminal.displays("interrupted\n.*>$")
    terminal.type("\x04")
    assert await terminal.end() == 0, terminal.text


async def test():
    air, transport = await support.start_air()

    async def shell(*arguments, **keywords):
        return await tool.amble("shell", *arguments, "-t", transport, **keywords)

    async with support.bumble_host(transport, "Sensor", ADDRESS) as device:
        Sensor(device)
        await tool.advertise(device)
        await without_passkey(shell, device)
        await with_bonds(shell, device, transport)
        await in_a_script(shell, device)
        await asked(transport, device)
        await support.eventually(lambda: device.is_advertising, "the sensor advertises again")
        await asyncio.sleep(0.5)  # Bumble says so before its last command; closing now would only be noisy
    assert await air.stop() == 0


support.run(test)
