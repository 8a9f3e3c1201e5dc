"""The thermometer examples: the sensor used by a host nobody here wrote, then by our client.

Bumble finds the sensor by name, service and appearance, reads it, subscribes, and receives a walk of at most half a
degree a step. The client prints what the sensor serves, and ends when the sensor is gone; without one it ends too.
This takes a few seconds of real time, since the sensor measures once a second.
"""

import struct

import support
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
    connection = await bumble.connect(found.address, timeout=10)
    peer = Peer(connection)
    await peer.discover_all()
    (temperature,) = peer.get_characteristics_by_uuid(support.UUID(CHARACTERISTIC))
    assert abs(degrees(await temperature.read_value()) - START) < 20 * STEP
    received = []
    await temperature.subscribe(lambda value: received.append(degrees(value)))
    await support.eventually(lambda: len(received) >= 3, "three notifications")
    check_walk(received)
    # In order on one bearer; only a step that was taken since the response may have come on top.
    assert degrees(await temperature.read_value()) in received[-2:]
    await connection.disconnect()


async def run_client(transport, sensor):
    client = await support.Program.start(support.built("examples/temp_client"), "-t", transport)
    await client.line(r"^Connecting to [0-9A-F:]{17}/[pr]$")
    await sensor.line(r"^Connection from ")
    readings = [float((await client.line(r"^Temperature: (\d+\.\d\d)$")).group(1)) for _ in range(3)]
    # The client's second may be a little longer than the sensor's: two steps lie between its readings then.
    assert all(abs(after - before) <= 2 * STEP for before, after in zip(readings, readings[1:])), readings
    assert abs(readings[0] - START) < 20 * STEP
    return client


async def test():
    air, transport = await support.start_air()
    sensor = await support.Program.start(support.built("examples/temp_sensor"), "-t", transport)
    async with support.bumble_host(transport, "reader", "C0:11:22:33:44:02") as bumble:
        await use(bumble)
    client = await run_client(transport, sensor)
    assert await sensor.stop() == 0
    await client.line(r"the link is gone|disconnect|terminated")
    assert await client.process.wait() == 1
    client = await support.Program.start(support.built("examples/temp_client"), "-t", transport)
    await client.line("^There is no thermometer here$")
    assert await client.process.wait() == 4  # a timeout
    assert await air.stop() == 0


support.run(test)
