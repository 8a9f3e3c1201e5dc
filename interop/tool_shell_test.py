"""`amble shell` against a Bumble peripheral: scripts in a pipe and a file, text and JSON; and a person at a terminal, with
completion, history, values that arrive while one types, Ctrl-C and Ctrl-D.
"""

import pathlib
import re
import tempfile

import support
import tool
from bumble.core import UUID
from bumble.gatt import Characteristic, Service
from sensor import ADDRESS, CONTROL, DEVICE, SECRET, Sensor


# --- scripts ---------------------------------------------------------------------------------------------------------------
async def script_in_a_pipe(shell, sensor):
    done = await shell(
        stdin=f"""
        # a comment, and blank lines

        connect {DEVICE}
        read battery_level
        read temperature --format s16le  # decoded otherwise
        write {CONTROL} "0a 0b"
        write {CONTROL} 'two words' --format utf8
        connections
        disconnect
        """
    )
    assert done.lines == [
        f"connected to {DEVICE}, MTU 517",
        "98 %",
        "-1234",
        f"* {DEVICE}  {DEVICE}  MTU 517",
        f"disconnected from {DEVICE}",
    ], done.out
    assert sensor.written[-2:] == [b"\x0a\x0b", b"two words"], sensor.written
    tree = (await shell(stdin=f"connect Sensor\ntree")).out
    assert "    Battery Level  2A19  read  = 98 %" in tree, tree  # without a newline at the end of the script


async def script_with_json(shell):
    script = f"scan --active --seconds 1\nconnect {DEVICE}\nread 2A19\nsubscribe 2A37 --count 2\nsleep 1\nconnections\nquit\nread nothing"

    def of_kind(done, **wanted):
        return [row for row in done.objects if wanted.items() <= row.items()]

    def all_came(done):  # in the second of the scan, and in the one of the sleep
        return of_kind(done, name="Sensor", address=DEVICE) and len(of_kind(done, event="value")) > 1

    rows = (await tool.again(lambda: shell("--json", stdin=script), until=all_came)).objects
    connected = next(row for row in rows if row.get("event") == "connected")
    assert connected == {"event": "connected", "address": DEVICE, "mtu": 517}, connected
    assert next(row for row in rows if row.get("uuid") == "2A19")["text"] == "98 %", rows
    values = [row for row in rows if row.get("event") == "value"]
    assert len(values) == 2 and all(row["address"] == DEVICE and row["uuid"] == "2A37" for row in values), values
    assert rows[-2]["event"] == "connection" and rows[-2]["current"] is True, rows
    assert rows[-1] == {"event": "disconnected", "address": DEVICE}, rows


async def script_that_fails(shell, device):
    failed = await shell(stdin=f"connect {DEVICE}\n\nread {SECRET}\nread 2A19", code=1)
    assert f"standard input:3: this failed: read {SECRET}" in failed.err and "ATT 0x" in failed.err, failed.err
    assert "98 %" not in failed.out, failed.out
    await support.eventually(lambda: not device.connections, "the link is left")
    for lines, code, sentence in (
        ("nonsense", 2, "there is no command nonsense"),
        ("read", 2, "this needs CHARACTERISTIC"),
        ("read xyzzy", 2, "xyzzy is no UUID"),
        ("sleep long", 2, "a number of seconds"),
        ("read 'open", 2, "a quote is not closed"),
        ("read 2A19", 1, "there is no link"),
        ("unsubscribe", 1, "there is no link"),
        ("use Nobody", 1, "there is no link to Nobody"),
        ("exec /nonexistent/file", 1, "cannot be opened"),
        ("connect C0:00:00:00:00:01/r --timeout 0.3", 4, "no link to C0:00:00:00:00:01/r"),
        (f"connect {DEVICE}\nwrite {CONTROL} 0g", 2, "is no value"),
        (f"connect {DEVICE}\nunsubscribe", 1, "there is no subscription"),
        ("exec /", 1, "/ cannot be opened: Is a directory"),
        ("read \033[2J", 2, "this failed: read \ufffd[2J"),
        ("connections\r\nnonsense\r", 2, "there is no command nonsense;"),
    ):
        failed = await shell(stdin=lines, code=code)
        assert sentence in failed.err and f"standard input:{1 + lines.count(chr(10))}:" in failed.err, (lines, failed.err)


    long = await shell(stdin="# so far\nread " + "x" * 5000, code=1)
    assert "standard input:2: a line has 4095 bytes at most" in long.err, long.err


async def script_in_a_file(shell):
    with tempfile.TemporaryDirectory() as folder:
        inner, outer, again = (pathlib.Path(folder) / name for name in ("inner file", "outer", "again"))
        inner.write_text("read battery_level\nread 2A6F\n")
        outer.write_text(f"connect {DEVICE}\nexec '{inner}'\nread temperature\n")
        failed = await shell(outer, code=1)
        assert failed.lines[1] == "98 %" and "°C" not in failed.out, failed.out
        assert f"{inner}:2: this failed: read 2A6F" in failed.err and f"{outer}:2: this failed" in failed.err, failed.err
        inner.write_text("read battery_level\n")
        assert (await shell(outer)).lines[1:3] == ["98 %", "-12.34 °C"]
        again.write_text(f"exec {again}\n")
        assert "8 deep at most" in (await shell(again, code=2)).err


async def as_many_values_as_it_says(shell, transport):
    """Each of the sixteen that it allows has its place, and the one more is refused by that sentence."""
    uuids = [f"FE{number:02X}" for number in range(17)]
    values = [Characteristic(UUID(uuid), Characteristic.Properties.NOTIFY, Characteristic.READABLE, b"") for uuid in uuids]
    address = "C0:11:22:33:44:77"
    async with support.bumble_host(transport, "Many", address, lambda device: device.add_service(Service(UUID(0xFDFF), values))) as device:
        await device.start_advertising(auto_restart=True)
        failed = await shell(stdin="\n".join([f"connect {address}/r", *(f"subscribe {uuid}" for uuid in uuids)]), code=1)
        assert "16 subscriptions are the most there can be" in failed.err and "standard input:18:" in failed.err, failed.err


async def script_that_is_stopped(transport, device):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "script"
        path.write_text(f"connect {DEVICE}\nsubscribe 2A37\nsleep 1000\n")
        program = await tool.follow("shell", path, "-t", transport)
        await program.line("Heart Rate Measurement: [0-9]+ bpm")
        assert await tool.interrupt(program) == 1  # it did not do all that it was to do
        # Between two lines it is the one before that counts.
        assert any(re.search("script:[23]: interrupted", line) for line in program.lines), program.lines
        await support.eventually(lambda: not device.connections, "the link is left on Ctrl-C")
        program = await tool.follow("shell", path, "-t", transport)
        await program.line("Heart Rate Measurement: [0-9]+ bpm")
        assert await program.stop() == 1  # SIGTERM, too
        await support.eventually(lambda: not device.connections, "the link is left on SIGTERM")


async def stopped_between_two_lines(transport):
    """Ctrl-C that meets no operation, or one that has just been done, ends a script all the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "script"
        path.write_text("help connect\n" + 100_000 * "connections\n" + "sleep 1000\n")
        program = await tool.follow("shell", path, "-t", transport)
        await program.line("connect")
        assert await tool.interrupt(program) == 1
        assert re.search("script:[0-9]+: interrupted: (connections|sleep 1000|)$", program.lines[-2]), program.lines[-3:]


def edits_lines():
    """Whether this build has libedit; without it the terminal itself edits."""
    return b"el_gets" in pathlib.Path(support.built("amble")).read_bytes()


# --- a person --------------------------------------------------------------------------------------------------------------
async def completion(terminal):
    terminal.type("sca\t--act\t--sec\t1000\n")
    await terminal.displays(r"scan --active --seconds 1000.*ADDRESS.*Sensor")
    await interrupt(terminal)
    terminal.type("conn\t")  # connect: connections begins with it, too, as a second Tab shows
    terminal.type("\t")
    await terminal.displays(r"connect +connections")
    terminal.type(" Sen\t\n")
    await terminal.displays(rf"connected to {DEVICE}, MTU 517\nSensor>")
    terminal.type("tree --no-v\t\n")
    await terminal.displays("Battery Level")
    terminal.forget()
    terminal.type("read batt\t\n")  # of what was discovered there is only one
    await terminal.displays("read battery_level *\n98 %")


async def history(terminal):
    terminal.forget()
    terminal.type("\x1b[A\n")  # the arrow up
    await terminal.displays("read battery_level *\n98 %")


async def values_while_one_types(terminal, sensor):
    terminal.forget()
    terminal.type("subscribe 2A37\n")
    await terminal.displays(r"Measurement: \d+ bpm.*Measurement: \d+ bpm")
    terminal.forget()
    terminal.type("read battery")  # no Enter yet
    # A value takes the place of the line, and the line is drawn again below it.
    await terminal.displays(r"bpm\n(Heart Rate Measurement: \d+ bpm\n)+Sensor> read battery$")
    terminal.type("_level\n")
    await terminal.displays("98 %")
    terminal.type("unsubscribe\n")
    await terminal.displays("unsubscribe\n(.* bpm\n)*Sensor>$")
    await support.eventually(lambda: not sensor.followed(), "it is unsubscribed")


async def lines_longer_than_the_terminal(transport):
    terminal = await tool.Terminal.start("shell", "-t", transport, columns=40, HOME="")
    await terminal.displays("amble>")
    terminal.type(f"connect {DEVICE}\n")
    await terminal.displays("connected to")
    terminal.type("subscribe 2A37\n")
    await terminal.displays("bpm\n.*bpm")
    terminal.type("read this_does_not_fit_into_one_line_and_not_into_two_of_them")
    await terminal.displays("two_of_th *\nem")
    terminal.forget()
    for _ in range(3):
        await terminal.displays("two_of_th *\nem$")
        text = terminal.text
        assert terminal.screen.count("read this_does") <= 1, terminal.screen
        await support.eventually(lambda: terminal.text != text, "another value")
    terminal.type("\x03quit\n")
    assert await terminal.end() == 0, terminal.text


async def interrupt(terminal):
    """Types Ctrl-C until the command is interrupted: it is only a key as long as the command has not begun."""
    for _ in range(20):
        terminal.type("\x03")
        try:
            return await terminal.displays("interrupted\n.*>$", timeout=1)
        except AssertionError:
            continue
    raise AssertionError(f"Ctrl-C does not interrupt: {terminal.screen!r}, from {terminal.text!r}")


async def control_c(terminal):
    terminal.forget()
    terminal.type("read nonsense\x03")
    await terminal.displays(r"nonsense\^C\nSensor>$")
    terminal.type("sleep 1000\n")
    await terminal.displays("sleep 1000\n")
    await interrupt(terminal)
    terminal.type("read 2A19\n")  # neither the shell nor the link is gone
    await terminal.displays("98 %\n.*>$")  # Ctrl-C before the prompt would take back what is typed behind it
    terminal.forget()
    terminal.type("connect C0:00:00:00:00:01/r\n")
    await terminal.displays("/r\n")
    await interrupt(terminal)


async def ends(terminal, device):
    terminal.forget()
    (connection,) = device.connections.values()
    terminal.type("not yet fin")
    await terminal.displays("not yet fin")
    await connection.disconnect()
    await terminal.displays(rf"disconnected from {DEVICE}: HCI 0x13.*\namble> not yet fin$")
    terminal.type("\x03")
    terminal.type(f"connect {DEVICE}\n")
    await terminal.displays("connected to.*>$")
    terminal.type("sleep 1\n")
    await terminal.displays("sleep 1\n")
    await support.asyncio.sleep(0.5)
    terminal.type("\x04")  # while a command runs, what is typed belongs to the next line
    assert await terminal.end() == 0, terminal.text
    await support.eventually(lambda: not device.connections, "the link is left on Ctrl-D")


async def a_person(transport, sensor):
    with tempfile.TemporaryDirectory() as home:
        terminal = await tool.Terminal.start("shell", "-t", transport, HOME=home)
        await terminal.displays("amble>")
        terminal.type("help\n")
        await terminal.displays("commands:.*connect.*write CHARACTERISTIC VALUE")
        terminal.type("help scan\n")
        await terminal.displays("usage: scan .*--rssi")
        terminal.type("read 2A19\n")
        await terminal.displays("there is no link")
        await completion(terminal)
        await history(terminal)
        await values_while_one_types(terminal, sensor)
        await control_c(terminal)
        await ends(terminal, sensor.device)
        kept = (pathlib.Path(home) / ".amble_history").read_text()
        assert "battery" in kept, kept
        terminal = await tool.Terminal.start("shell", "-t", transport, HOME=home)
        await terminal.displays("amble>")
        terminal.type("\x1b[A")  # the last line of the last time
        await terminal.displays("sleep 1")
        terminal.type("\x03")
        await terminal.displays(r"sleep 1\^C\namble>$")
        terminal.type("\x04")
        assert await terminal.end() == 0, terminal.text


async def a_plain_terminal(transport, device):
    """TERM=dumb: no editing, no colours; the terminal itself edits."""
    terminal = await tool.Terminal.start("shell", "-t", transport, TERM="dumb")
    await terminal.displays("amble>")
    terminal.type("scan --watch\n")
    await terminal.displays(DEVICE)
    terminal.type("\x03")
    await terminal.displays("interrupted\namble>$")
    terminal.type("\x03")  # at the prompt: another one
    await terminal.displays("interrupted\namble> *\\^C\namble>$")
    terminal.type(f"connect {DEVICE}\n")
    await terminal.displays("connected to .*>$")
    terminal.type("\x04")
    assert await terminal.end() == 0 and "\033" not in terminal.text, terminal.text
    await support.eventually(lambda: not device.connections, "the link is left")


async def test():
    air, transport = await support.start_air()

    async def shell(*arguments, **keywords):
        return await tool.amble("shell", *arguments, "-t", transport, **keywords)

    async with support.bumble_host(transport, "Sensor", ADDRESS) as device:
        sensor = Sensor(device)
        await tool.advertise(device)
        await script_in_a_pipe(shell, sensor)
        beating = support.asyncio.ensure_future(sensor.beat())
        await script_with_json(shell)
        await script_that_fails(shell, device)
        await script_in_a_file(shell)
        await as_many_values_as_it_says(shell, transport)
        await script_that_is_stopped(transport, device)
        await stopped_between_two_lines(transport)
        if edits_lines():
            await a_person(transport, sensor)
            await lines_longer_than_the_terminal(transport)
        await a_plain_terminal(transport, device)
        beating.cancel()
        await support.eventually(lambda: device.is_advertising, "the sensor advertises again")
        await support.asyncio.sleep(0.5)  # Bumble says so before its last command; closing now would only be noisy
    assert await air.stop() == 0


support.run(test)
