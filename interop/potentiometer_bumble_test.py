"""The potentiometer example, used by a host nobody here wrote.

Bumble finds it by name and service, connects, raises the MTU, discovers everything, reads, subscribes, and receives
exactly the values of a recorded trace that moved by more than 10 since the last one sent; then it disconnects and finds
the potentiometer advertising again. How often it does that is seen on the air, which writes down when each packet was sent.
"""

import struct
import tempfile

import support
import tool
from bumble.device import Peer

NAME = "ESP32_Potentiometer"
SERVICE = "4fafc201-1fb5-459e-8fcc-c5c9c331914b"
CHARACTERISTIC = "1b9a473a-4493-4536-8b2b-9d4133488256"
EVENTS = 9  # that are looked at for their interval


def number(value):
    assert len(value) == 2, value
    return struct.unpack("<H", value)[0]


async def follow(characteristic, expected):
    """Subscribes and receives for half a turn and more."""
    received = []
    await characteristic.subscribe(lambda value: received.append(number(value)))
    await support.eventually(lambda: len(received) > len(expected) // 2, "half of what changes in a turn")
    assert support.in_turn(received, expected), f"{received} is no part of {expected}"
    before = len(received)
    value = number(await characteristic.read_value())
    assert value in received[before - 1 :], f"{value} was read behind {received}"


async def hear_some(bumble):
    times = []
    bumble.on("advertisement", times.append)
    await bumble.start_scanning(active=False, filter_duplicates=False)
    await support.eventually(lambda: len(times) > EVENTS, lambda: f"{EVENTS} advertisements, only {len(times)}")
    await bumble.stop_scanning()
    bumble.remove_listener("advertisement", times.append)


async def check_interval(sniffed):
    """It advertises every 250 ms, to which the link layer adds up to 10 ms each time (Vol 6 Part B 4.4.2.2.1)."""
    rows = (await tool.amble("monitor", sniffed, "--json")).objects
    times = [row["time"] for row in rows if row["name"] == "ADV_IND" and row["channel"] == 37][-EVENTS:]
    assert len(times) == EVENTS, times
    gaps = [later - sooner for sooner, later in zip(times, times[1:])]
    assert all(0.2499 < gap < 0.2601 for gap in gaps) and len(set(gaps)) > 1, gaps


async def use(bumble, expected):
    found = await support.scan_for(bumble, NAME, SERVICE)
    assert found.is_connectable, found
    connection = await bumble.connect(found.address, timeout=support.PATIENCE)
    peer = Peer(connection)
    assert await peer.request_mtu(247) == 247
    await peer.discover_all()
    (service,) = (service for service in peer.services if service.uuid == support.UUID(SERVICE))
    (characteristic,) = service.characteristics
    assert characteristic.uuid == support.UUID(CHARACTERISTIC)
    assert number(await characteristic.read_value()) in expected
    await follow(characteristic, expected)
    await connection.disconnect()
    await support.scan_for(bumble, NAME, SERVICE)
    await hear_some(bumble)


async def test():
    readings, _ = support.trace()
    with support.turning() as path, tempfile.NamedTemporaryFile() as sniffed:
        air, transport = await support.start_air("--sniff", sniffed.name)
        potentiometer = await support.Program.start(
            support.built("examples/potentiometer"), "-t", transport, "--adc", path
        )
        async with support.bumble_host(transport, "reader", "C0:11:22:33:44:02") as bumble:
            await use(bumble, support.changes(readings, more_than=10))
        assert await potentiometer.stop() == 0
        assert await air.stop() == 0
        await check_interval(sniffed.name)


support.run(test)
