"""How commands of the tool end that do not come to their end: interrupted before their deed was done, which is a failure, or with nowhere
to print to, which is one unless it is the reader who had enough.
"""

import asyncio
import os
import pathlib
import signal
import tempfile

import support
import tool

LED = "ESP32-LED"
SWITCH = "539ca2ac-09e5-49be-90da-3b157549eac3"
NOBODY = ("00:00:00:00:00:01", "--timeout", "60")


async def start(*arguments):
    return await support.Program.start(support.built("amble"), *arguments)


async def before_the_deed(transport):
    """Ctrl-C and SIGTERM while somebody is looked for who is not there: nothing was done, so it is no success."""
    waiting = (
        ("gatt", "tree", *NOBODY),
        ("gatt", "read", NOBODY[0], "2A19", *NOBODY[1:]),
        ("gatt", "write", NOBODY[0], "2A19", "00", *NOBODY[1:]),
        ("gatt", "subscribe", NOBODY[0], "2A19", *NOBODY[1:]),
        ("connect", *NOBODY),
        ("pair", *NOBODY),
        ("l2cap", "recv", "0x80"),
        ("l2cap", "send", "0x80", "--peer", *NOBODY),
    )
    for arguments in waiting:
        for how in (signal.SIGINT, signal.SIGTERM):
            with tempfile.TemporaryDirectory() as folder:
                capture = pathlib.Path(folder) / "capture"
                program = await start(*arguments, "-t", transport, "--capture", capture)
                begun = lambda: capture.exists() and capture.stat().st_size > 100
                await support.eventually(begun, f"{arguments} has opened its controller")
                assert await program.stop(how) == 1, (arguments, how, program.lines)
                assert f"amble {arguments[0]}: interrupted" in program.lines, (arguments, how, program.lines)


async def before_the_controller():
    """Nor is it one to wait for a controller that never comes."""
    for arguments in (("scan",), ("gatt", "tree", *NOBODY), ("advertise",)):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder) / "place"
            program = await start(*arguments, "-t", f"unix-server:{place}")
            await support.eventually(place.exists, "it waits for a controller")
            assert await program.stop(signal.SIGINT) == 1, program.lines
            assert program.lines == [f"amble {arguments[0]}: interrupted", "(its output ended)"], program.lines


async def a_dumb_controller():
    """What does not answer is named, and named once."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "place"
        server = await asyncio.start_unix_server(lambda reader, writer: None, place)
        program = await start("scan", "-t", f"unix-client:{place}")
        assert await asyncio.wait_for(program.process.wait(), 20) == 3, program.lines
        await program.reader
        assert len([line for line in program.lines if "did not answer command 0x0C03" in line]) == 1, program.lines
        server.close()


async def that_is_how_they_end(transport):
    """What lasts until somebody ends it was a success."""
    for arguments, sign in (
        (("advertise", "--name", "Lamp"), "advertising"),
        (("connect", LED), "connected"),
        (("scan", "--watch", "--active"), LED),
    ):
        for how in (signal.SIGINT, signal.SIGTERM):
            program = await start(*arguments, "-t", transport)
            await program.line(sign)
            assert await program.stop(how) == 0, (arguments, how, program.lines)


async def a_half_file(transport, folder):
    """The sender is interrupted: whoever receives must not take what he has for the whole."""
    big, got = folder / "big", folder / "got"
    big.write_bytes(os.urandom(3000000))
    got.write_bytes(b"before")
    receiver = await start("l2cap", "recv", "0x80", got, "--name", "Frame", "-t", transport)
    await tool.amble("scan", "-t", transport, "--active", "--name", "Frame", "--seconds", "0.3")
    assert got.read_bytes() == b"before"  # nobody has sent anything yet
    sender = await start("l2cap", "send", "0x80", big, "--peer", "Frame", "-t", transport)
    await support.eventually(lambda: got.stat().st_size > 20000, "the beginning of the file")
    assert await sender.stop(signal.SIGINT) == 1 and "amble l2cap: interrupted" in sender.lines, sender.lines
    assert await asyncio.wait_for(receiver.process.wait(), support.PATIENCE) == 1, receiver.lines
    assert got.stat().st_size < big.stat().st_size
    assert not any("bytes in" in line for line in sender.lines + receiver.lines), sender.lines + receiver.lines


async def nowhere_to_print(transport, folder):
    """A full disk is a failure, and said; a reader who has enough is not."""
    capture = folder / "capture"
    await tool.amble("scan", "-t", transport, "--seconds", "0.2", "--capture", capture)
    for arguments in (
        ("--help",),
        ("--version",),
        ("scan", "--help"),
        ("uuid", "new"),
        ("uuid", "lookup", "180F", "--json"),
        ("controllers",),
        ("monitor", capture),
        ("scan", "-t", transport, "--seconds", "60"),  # ends with the first device
        ("gatt", "tree", LED, "-t", transport),
        ("gatt", "read", LED, SWITCH, "-t", transport, "--json"),
    ):
        with open("/dev/full", "wb") as full:
            process = await asyncio.create_subprocess_exec(
                support.built("amble"), *map(str, arguments), stdout=full, stderr=asyncio.subprocess.PIPE
            )
            said = (await asyncio.wait_for(process.communicate(), support.PATIENCE))[1].decode()
        assert process.returncode == 1, (arguments, process.returncode, said)
        assert said == "amble: standard output cannot be written: No space left on device\n", (arguments, said)
    command = f"{support.built('amble')} scan -t {transport} --seconds 1 >&-"
    process = await asyncio.create_subprocess_exec("sh", "-c", command, stderr=asyncio.subprocess.PIPE)
    said = (await asyncio.wait_for(process.communicate(), 20))[1].decode()  # nor do the lines go to the controller
    assert (process.returncode, said) == (1, "amble: standard output cannot be written: Bad file descriptor\n"), said
    for arguments in (("gatt", "tree", LED), ("scan", "--seconds", "60")):
        out, into = os.pipe()
        os.close(out)
        process = await asyncio.create_subprocess_exec(
            support.built("amble"), *arguments, "-t", transport, stdout=into, stderr=asyncio.subprocess.PIPE
        )
        os.close(into)
        said = (await asyncio.wait_for(process.communicate(), support.PATIENCE))[1].decode()
        assert (process.returncode, said) == (0, ""), (arguments, process.returncode, said)


async def test():
    air, transport = await support.start_air()
    led = await support.Program.start(support.built("examples/led"), "-t", transport)
    with tempfile.TemporaryDirectory() as folder:
        await before_the_controller()
        await a_dumb_controller()
        await before_the_deed(transport)
        await that_is_how_they_end(transport)
        await a_half_file(transport, pathlib.Path(folder))
        await nowhere_to_print(transport, pathlib.Path(folder))
    assert await led.stop() == 0
    assert await air.stop() == 0


support.run(test)
