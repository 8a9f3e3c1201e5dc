"""The thermometer examples: the sensor used by a host nobody here wrote, then by our client.

Bumble finds the sensor by name, service and appearance, reads it, subscribes, and receives a walk of at most half a
degree a step. The client prints what the sensor serves, and ends when the sensor is gone; without one it ends too.
This takes a few seconds of real time, since the sensor measures once a second.
"""

import struct
import tempfile

import support
import tool
from bumble.core import AdvertisingData
from bumble.device import Peer

NAME = "mpy-temp"
SERVICE, CHARACTERISTIC = "181A", "2A6E"
START, STEP = 24.50, 0.50


def degrees(value):
    assert len(value) == 2, value
    return struct.unpack("<h", value)[0] / 100


def check_walk(readings):
    for before, after in zip(readings, readings[1:]):
        assert abs(after - before) < STEP + 0.001, readings


async def use(bumble):
    found = await support.scan_for(bumble, NAME, SERVICE)
    appearance = found.data.get(AdvertisingData.Type.APPEARANCE)
    assert int(appearance) == 768, appearance
    connection = await bumble.connect(found.address, timeout=support.PATIENCE)
    peer = Peer(connection)
    await peer.discover_all()
    (temperature,) = peer.get_characteristics_by_uuid(support.UUID(CHARACTERISTIC))
    assert abs(degrees(await temperature.read_value()) - START) < 20 * STEP
    received = []
    await temperature.subscribe(lambda value: received.append(degrees(value)))
    await support.eventually(lambda: len(received) >= 3, "three notifications")
    check_walk(received)
    before = len(received)
    value = degrees(await temperature.read_value())
    assert value in received[before - 1 :], f"{value} was read behind {received}"  # in order, on one bearer
    await connection.disconnect()


async def run_client(transport, sensor):
    client = await support.Program.start(support.built("examples/temp_client"), "-t", transport)
    await client.line(r"^Connecting to [0-9A-F:]{17}/[pr]$")
    await sensor.line(r"^Connection from ")
    readings = [float((await client.line(r"^Temperature: (-?\d+\.\d\d)$")).group(1)) for _ in range(3)]
    return client, readings


async def served(capture):
    """What the sensor answered on the last link, as its own capture has it."""
    rows = (await tool.amble("monitor", capture, "--json")).objects
    start = max(at for at, row in enumerate(rows) if "Connection Complete" in row["name"])
    return [degrees(bytes.fromhex(row["data"])[-2:]) for row in rows[start:] if row["name"] == "Read Response"]


async def test():
    with tempfile.NamedTemporaryFile() as capture:
        await sensor_and_client(capture.name)


async def sensor_and_client(capture):
    air, transport = await support.start_air()
    sensor = await support.Program.start(support.built("examples/temp_sensor"), "-t", transport, "--capture", capture)
    async with support.bumble_host(transport, "reader", "C0:11:22:33:44:02") as bumble:
        await use(bumble)
    client, readings = await run_client(transport, sensor)
    assert await sensor.stop() == 0
    answers = await served(capture)
    assert readings == answers[:3], f"{readings} was shown, {answers} served"
    await client.line(r"the link is gone|disconnect|terminated")
    assert await client.process.wait() == 1
    client = await support.Program.start(support.built("examples/temp_client"), "-t", transport)
    await client.line("^There is no thermometer here$")
    assert await client.process.wait() == 4  # a timeout
    assert await air.stop() == 0


support.run(test)
