"""The potentiometer example, used by a host nobody here wrote.

Bumble finds it by name and service, connects, raises the MTU, discovers everything, reads, subscribes, and receives
exactly the values of a recorded trace that moved by more than 10 since the last one sent; then it disconnects and finds
the potentiometer advertising again.
"""

import asyncio
import statistics
import struct

import support
from bumble.device import Peer

NAME = "ESP32_Potentiometer"
SERVICE = "4fafc201-1fb5-459e-8fcc-c5c9c331914b"
CHARACTERISTIC = "1b9a473a-4493-4536-8b2b-9d4133488256"


def number(value):
    assert len(value) == 2, value
    return struct.unpack("<H", value)[0]


async def follow(characteristic, expected):
    """Subscribes and receives up to the end of the trace, where the potentiometer stands still."""
    received = []
    await characteristic.subscribe(lambda value: received.append(number(value)))
    # The trace began when the example did: what was sent before the subscription is not seen.
    await support.eventually(lambda: received and received[-1] == expected[-1], "the trace's last value", 30)
    assert len(received) > len(expected) // 2, f"{received}: too few of {expected}"
    assert received == expected[-len(received) :], f"{received} is not the end of {expected}"
    assert number(await characteristic.read_value()) == expected[-1]


async def check_interval(bumble):
    """It advertises every 250 ms, to which the link layer adds up to 10 ms each time (Vol 6 Part B 4.4.2.2.1)."""
    times = []

    def heard(_advertisement):
        times.append(asyncio.get_running_loop().time())

    bumble.on("advertisement", heard)
    await bumble.start_scanning(active=False, filter_duplicates=False)
    await support.eventually(lambda: len(times) >= 9, lambda: f"nine advertisements, only {len(times)}")
    await bumble.stop_scanning()
    bumble.remove_listener("advertisement", heard)
    # The middle one: a machine that was busy for a moment delivers one late and the next one early.
    middle = statistics.median(later - sooner for sooner, later in zip(times, times[1:]))
    assert 0.24 < middle < 0.29, f"an advertisement every {middle * 1000:.0f} ms"


async def use(bumble, expected):
    found = await support.scan_for(bumble, NAME, SERVICE)
    assert found.is_connectable, found
    connection = await bumble.connect(found.address, timeout=10)
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
    await check_interval(bumble)


async def test():
    readings, path = support.trace()
    air, transport = await support.start_air()
    potentiometer = await support.Program.start(
        support.built("examples/potentiometer"), "-t", transport, "--adc", path
    )
    async with support.bumble_host(transport, "reader", "C0:11:22:33:44:02") as bumble:
        await use(bumble, support.changes(readings, more_than=10))
    assert await potentiometer.stop() == 0
    assert await air.stop() == 0


support.run(test, limit=60)
