"""The dimmer's remote control, with a peripheral nobody here wrote that loses its power.

A Bumble process offers the dimmer's service; dimmer_remote finds it and writes the values of a recorded trace. The
process is killed, which to the radio is a loss of power, and started again: dimmer_remote finds out, finds it again,
and goes on.
Called with --peripheral TRANSPORT, this script is that process.
"""

import asyncio
import re
import signal
import struct
import sys
import tempfile

import support
from bumble.gatt import Characteristic, CharacteristicValue, Service

NAME = "ESP32-LED"
SERVICE = "458063a1-02bf-4664-857e-16c1030be066"
CHARACTERISTIC = "a5209632-66a9-411d-9353-9be5507790fa"
# Legacy or extended, Vol 4 Part E 7.8.10 and 7.8.64: active, interval and window of 48 * 0.625 ms.
SCANS_AS_IT_SHOULD = re.compile(rb"\x01(?:\x0b\x20\x07|\x41\x20\x08..\x01)\x01\x30\x00\x30\x00", re.DOTALL)
ROUNDS = 40  # of the trace: it must outlast the supervision timeout and a scan, on a machine that is busy, too


def prepare(device):
    def write(_connection, value):
        print("duty", *struct.unpack("<H", value), flush=True)

    properties = Characteristic.Properties
    characteristic = Characteristic(
        CHARACTERISTIC,
        properties.READ | properties.WRITE | properties.WRITE_WITHOUT_RESPONSE,
        Characteristic.READABLE | Characteristic.WRITEABLE,
        CharacteristicValue(read=lambda _connection: bytes(2), write=write),
    )
    device.add_service(Service(SERVICE, [characteristic]))


async def peripheral(transport):
    async with support.bumble_host(transport, NAME, "C0:11:22:33:44:01", prepare, SERVICE) as device:
        await device.start_advertising(auto_restart=True)
        print("advertising", flush=True)
        await asyncio.get_running_loop().create_future()  # until it is killed


async def start_peripheral(transport):
    program = await support.Program.start(sys.executable, __file__, "--peripheral", transport)
    await program.line("advertising")
    return program


async def duties(program, count):
    return [int((await program.line(r"duty (\d+)")).group(1)) for _ in range(count)]


def goes_on(received, readings):
    """Whether these are the next values sent by a remote control that begins anew at some reading."""
    return any(
        support.changes(readings[start:], more_than=1000)[: len(received)] == received for start in range(len(readings))
    )


async def test():
    readings, _ = support.trace()
    readings = [value << 4 | value >> 8 for value in readings * ROUNDS]  # what board_adc_read_u16 makes of 12 bits
    air, transport = await support.start_air()
    first = await start_peripheral(transport)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file, tempfile.NamedTemporaryFile() as capture:
        file.write("".join(f"{value >> 4}\n" for value in readings))
        file.flush()
        remote = await support.Program.start(
            support.built("examples/dimmer_remote"), "-t", transport, "--adc", file.name, "--capture", capture.name
        )
        await remote.line("Found Target Device")
        received = await duties(first, 8)
        assert received == support.changes(readings, more_than=1000)[:8], received
        await first.stop(signal.SIGKILL)
        await air.line(r"controller 02:AB:1E:00:00:01 left")
        second = await start_peripheral(transport)
        await remote.line("Scanning")
        received = await duties(second, 8)
        assert goes_on(received, readings), received
        assert await remote.stop() == 0
        assert SCANS_AS_IT_SHOULD.search(capture.read()), "no LE Set Scan Parameters: active, 30 ms, 30 ms"
    await second.stop()
    assert await air.stop() == 0


if sys.argv[1:2] == ["--peripheral"]:
    asyncio.run(peripheral(sys.argv[2]))
else:
    support.run(test)
