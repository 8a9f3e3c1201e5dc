"""The LED example, used by a host nobody here wrote.

Bumble writes commands and reads them back; the LED is switched, or the example says that it does not know them. Where
the kernel has simulated GPIO chips (gpio-sim), the LED is a line of one, and is seen from the chip's other side.
"""

import contextlib
import pathlib

import support
from bumble.att import ATT_Error
from bumble.device import Peer

NAME = "ESP32-LED"
SERVICE = "48407a44-6e13-4d28-a559-210de862bc29"
CHARACTERISTIC = "539ca2ac-09e5-49be-90da-3b157549eac3"
SIMULATOR = pathlib.Path("/sys/kernel/config/gpio-sim")


@contextlib.asynccontextmanager
async def switch(bumble):
    """The characteristic of the LED, on a link."""
    found = await support.scan_for(bumble, NAME, SERVICE)
    connection = await bumble.connect(found.address, timeout=support.PATIENCE)
    peer = Peer(connection)
    await peer.discover_all()
    (characteristic,) = peer.get_characteristics_by_uuid(support.UUID(CHARACTERISTIC))
    yield characteristic
    await connection.disconnect()


async def use(led, program):
    for command, answer in ((b"\x01", "LED on"), (b"\x00", "LED off"), (b"\x07", "Unknown command: 7")):
        await led.write_value(command, with_response=True)
        await program.line(rf"^{answer}$")
        assert await led.read_value() == command
    said = len(program.lines)
    await led.write_value(b"", with_response=True)
    assert await led.read_value() == b""
    await led.write_value(b"\x00\x01", with_response=True)  # as a phone sends the number 1 in two bytes
    await program.line(r"^LED on$")
    assert program.lines[said:] == ["LED on"], program.lines[said:]  # nothing was said about the empty one
    await led.write_value(b"\xff\xff\xff\xff", with_response=True)
    await program.line(r"^Unknown command: 4294967295$")
    try:
        await led.write_value(b"five!", with_response=True)
        raise AssertionError("a number of five bytes was taken")
    except ATT_Error as refused:
        assert refused.error_code == 0x0D, refused  # invalid attribute value length


@contextlib.contextmanager
def simulated_line():
    """A line of a simulated chip: its name for --led, and the file that tells its level. Two times None without one."""
    if not SIMULATOR.is_dir():
        print("no simulated GPIO chips in this kernel (gpio-sim): that part is left out")
        yield None, None
        return
    device = SIMULATOR / "amble"
    bank = device / "bank0"
    bank.mkdir(parents=True)
    try:
        (bank / "num_lines").write_text("4")
        (device / "live").write_text("1")
        name, chip = (file.read_text().strip() for file in (device / "dev_name", bank / "chip_name"))
        yield f"gpio:{chip}:2", pathlib.Path("/sys/devices/platform", name, chip, "sim_gpio2/value")
    finally:
        (device / "live").write_text("0")
        bank.rmdir()
        device.rmdir()


async def see(led, level):
    for command in (b"\x01", b"\x00", b"\x01"):
        await led.write_value(command, with_response=True)
        await support.eventually(lambda: level.read_text().strip() == str(command[0]), f"the line at {command[0]}")


async def test():
    air, transport = await support.start_air()
    async with support.bumble_host(transport, "writer", "C0:11:22:33:44:02") as bumble:
        program = await support.Program.start(support.built("examples/led"), "-t", transport)
        async with switch(bumble) as led:
            await use(led, program)
        await program.line("^Disconnected$")
        await support.scan_for(bumble, NAME, SERVICE)  # it advertises again
        assert await program.stop() == 0
        with simulated_line() as (pin, level):
            if pin:
                program = await support.Program.start(support.built("examples/led"), "-t", transport, "--led", pin)
                async with switch(bumble) as led:
                    await see(led, level)
                assert await program.stop() == 0
    assert await air.stop() == 0


support.run(test)
