"""Every command of the tool on a terminal, with our own programs at the other end: what is coloured and drawn anew, and that a
typed Ctrl-C ends it and leaves links in good order. `amble shell` has a test of its own, so has each command with
Bumble as its peer.
"""

import pathlib
import re
import tempfile

import support
import tool

LED = "ESP32-LED"
SWITCH = "539ca2ac-09e5-49be-90da-3b157549eac3"
CLOSED = "HCI 0x13"  # the other side ended the link by itself: no supervision timeout


async def ended(*arguments, code=0):
    """Runs a command to its end on a terminal; returns it."""
    terminal = await tool.Terminal.start(*arguments)
    assert await terminal.end() == code, terminal.text
    return terminal


async def scan(transport):
    terminal = await tool.Terminal.start("scan", "-t", transport, "--watch", "--active")
    await terminal.displays(rf"ADDRESS.*\n\S+ +-\d+ .* ms +{LED}")
    await terminal.shows("\033\\[2A.*\033\\[2A")  # drawn over itself
    await terminal.shows("\033\\[3[123]m")
    assert await terminal.control_c() == 0

    def led(found):
        return any(row.get("name") == LED and row["connectable"] for row in found.objects)

    await tool.scan(transport, "--active", "--json", until=led)


async def gatt(transport):
    await ended("gatt", "write", LED, SWITCH, "01", "-t", transport)
    assert "\n01\n" in "\n" + (await ended("gatt", "read", LED, SWITCH, "-t", transport)).screen + "\n"
    (row,) = (await tool.amble("gatt", "read", LED, SWITCH, "-t", transport, "--json")).objects
    assert (row["value"], row["size"]) == ("01", 1), row
    (row,) = (await tool.amble("gatt", "write", LED, SWITCH, "0", "--format", "u8", "-t", transport, "--json")).objects
    assert row["written"] == 1, row
    terminal = await ended("gatt", "tree", LED, "-t", transport)
    assert "Device Name  2A00" in terminal.screen and "\033[32m00\033[0m" in terminal.text, terminal.text
    rows = (await tool.amble("gatt", "tree", LED, "-t", transport, "--json")).objects
    (switch,) = (row for row in rows if row["uuid"] == SWITCH.upper())
    assert set(switch["properties"]) == {"read", "write"} and switch["text"] == "00", switch
    failed = await ended("gatt", "subscribe", LED, SWITCH, "-t", transport, code=1)
    assert "not" in failed.screen, failed.screen


async def links(transport, led, folder):
    terminal = await tool.Terminal.start("connect", LED, "-t", transport)
    await terminal.displays(r"connected \S+/p  interval .*  MTU \d+  -\d+ dBm")
    assert await terminal.control_c() == 0
    await led.line("Disconnected")
    sent, received = folder / "sent", folder / "received"
    sent.write_bytes(bytes(range(256)) * 64)
    receiver = await tool.Terminal.start("l2cap", "recv", "0x80", received, "--name", "Frame", "-t", transport)
    sender = await ended("l2cap", "send", "0x80", sent, "--peer", "Frame", "-t", transport)
    assert "16384 bytes" in sender.screen, sender.text
    assert await receiver.end() == 0 and "16384 bytes" in receiver.screen, receiver.text
    assert received.read_bytes() == sent.read_bytes()
    receiver = await tool.Terminal.start("l2cap", "recv", "0x80", "--name", "Frame", "-t", transport)
    sender = await tool.Terminal.start("l2cap", "send", "0x80", "--peer", "Frame", "-t", transport)
    sender.type("hello\n\x04")  # what is typed is what is sent; Ctrl-D is its end
    assert await sender.end() == 0, sender.text
    assert await receiver.end() == 0 and "hello\n" in receiver.screen, receiver.text
    receiver = await tool.Terminal.start("l2cap", "recv", "0x80", "--name", "Frame", "-t", transport)
    await tool.amble("scan", "-t", transport, "--active", "--name", "Frame", "--seconds", "0.5")
    assert await receiver.control_c() == 1  # nothing was received


async def advertise(transport, folder):
    script = folder / "script"
    script.write_text("connect Lamp\nread 2A00\nsleep 1000\n")
    terminal = await tool.Terminal.start("advertise", "-t", transport, "--name", "Lamp", "--interval", "50")
    await terminal.displays("^advertising as .*/p$")
    rows = (await tool.amble("gatt", "tree", "Lamp", "-t", transport, "--json")).objects
    assert any(row["uuid"] == "2A00" and row["text"] == "Lamp" for row in rows), rows
    await terminal.displays(f"\nconnected (.*)\ndisconnected \\1: {CLOSED}")
    program = await tool.follow("shell", script, "-t", transport)
    await program.line("^Lamp$")
    assert await terminal.control_c() == 0
    await program.line(f"^disconnected from .*: {CLOSED}")
    assert await tool.interrupt(program) == 1


async def without_links(transport, folder):
    capture = folder / "scan.btsnoop"
    await tool.amble("scan", "-t", transport, "--seconds", "0.3", "--capture", capture)
    assert "\033[34mcommand" in (await ended("monitor", capture)).text
    rows = (await tool.amble("monitor", capture, "--json")).objects
    assert any(row["layer"] == "command" for row in rows), rows
    terminal = await tool.Terminal.start("monitor", capture, "--follow")
    await terminal.shows("Reset")
    assert await terminal.control_c() == 0
    terminal = await ended("controllers")
    assert "air:NAME" in terminal.screen and re.search("\033\\[[12]m", terminal.text), terminal.text
    assert {row["kind"] for row in (await tool.amble("controllers", "--json")).objects} == {"usb", "hci-socket", "serial"}
    terminal = await tool.Terminal.start("air", "--listen", "tcp-server:127.0.0.1:0")
    await terminal.displays("listening on tcp-server:127.0.0.1:[0-9]+")
    assert await terminal.control_c() == 0
    terminal = await ended("scan", "--rssi", "loud", "-t", transport, code=2)
    assert "a number of dBm" in terminal.screen and "amble scan --help" in terminal.screen
    assert "amble shell" not in (await ended("--version")).screen
    assert "examples:" in (await ended("--help")).screen


async def test():
    air, transport = await support.start_air()
    led = await support.Program.start(support.built("examples/led"), "-t", transport)
    with tempfile.TemporaryDirectory() as folder:
        await scan(transport)
        await gatt(transport)
        await links(transport, led, pathlib.Path(folder))
        assert await led.stop() == 0
        await advertise(transport, pathlib.Path(folder))
        await without_links(transport, pathlib.Path(folder))
    assert await air.stop() == 0


support.run(test)
