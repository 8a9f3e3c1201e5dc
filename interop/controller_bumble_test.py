"""Two hosts nobody here wrote, on two virtual controllers: is `amble air` a radio to them?

One Bumble host serves a characteristic, another finds it, connects, raises the MTU, discovers, reads, writes with
and without response, is notified, and disconnects; once with random own addresses, once with public ones. Then the
peripheral loses its power.
"""

import asyncio

import support
from bumble.device import Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import OwnAddressType

SERVICE = "50db505c-8ac4-4738-8448-3b1d9cc09cc5"
CHARACTERISTIC = "486f64c6-4b5f-4b3b-8aff-edf134a8446a"
LONG_VALUE = bytes(range(256)) * 2


class Peripheral:
    """A device with one service: a value to read and write, and a long one that is notified."""

    def __init__(self):
        self.value = b"before"
        self.changed = asyncio.Event()

    def prepare(self, device):
        def read(_connection):
            return self.value

        def write(_connection, value):
            self.value = bytes(value)
            self.changed.set()

        properties = Characteristic.Properties
        permissions = Characteristic.READABLE | Characteristic.WRITEABLE
        self.characteristic = Characteristic(
            CHARACTERISTIC,
            properties.READ | properties.WRITE | properties.WRITE_WITHOUT_RESPONSE | properties.NOTIFY,
            permissions,
            CharacteristicValue(read=read, write=write),
        )
        device.add_service(Service(SERVICE, [self.characteristic]))


async def use_characteristic(characteristic, peripheral, device):
    assert await characteristic.read_value() == b"before"
    await characteristic.write_value(b"by request", with_response=True)
    assert peripheral.value == b"by request"
    peripheral.changed.clear()
    await characteristic.write_value(b"by command", with_response=False)
    await asyncio.wait_for(peripheral.changed.wait(), 5)
    assert peripheral.value == b"by command"
    await characteristic.write_value(LONG_VALUE[:200], with_response=True)
    assert await characteristic.read_value() == LONG_VALUE[:200]
    peripheral.value = LONG_VALUE  # read in several parts
    assert await characteristic.read_value() == LONG_VALUE

    received = []
    await characteristic.subscribe(received.append)
    for number in range(20):
        await device.notify_subscribers(peripheral.characteristic, bytes([number]) * 200)
    await support.eventually(lambda: len(received) >= 20, "20 notifications")
    assert received == [bytes([number]) * 200 for number in range(20)]


async def session(transport, own):
    peripheral = Peripheral()
    async with support.bumble_host(transport, "served", "C0:11:22:33:44:01", peripheral.prepare, SERVICE) as server:
        async with support.bumble_host(transport, "seeker", "C0:11:22:33:44:02") as seeker:
            await server.start_advertising(own_address_type=own, auto_restart=True)
            found = await support.scan_for(seeker, "served", SERVICE, own_address_type=own)
            expected = server.public_address if own == OwnAddressType.PUBLIC else server.random_address
            assert found.address == expected and found.is_connectable, found
            connection = await seeker.connect(found.address, own_address_type=own, timeout=10)
            peer = Peer(connection)
            assert await peer.request_mtu(247) == 247
            await peer.discover_all()
            await use_characteristic(peer.get_characteristics_by_uuid(CHARACTERISTIC)[0], peripheral, server)

            lost = asyncio.Event()
            list(server.connections.values())[0].on("disconnection", lambda _reason: lost.set())
            await connection.disconnect()
            await asyncio.wait_for(lost.wait(), 5)
            await support.scan_for(seeker, "served", own_address_type=own)


async def loss_of_power(transport, air):
    async with support.bumble_host(transport, "seeker", "C0:11:22:33:44:02") as seeker:
        reasons = []
        async with support.bumble_host(transport, "served", "C0:11:22:33:44:01", Peripheral().prepare) as server:
            await server.start_advertising()
            found = await support.scan_for(seeker, "served")
            connection = await seeker.connect(found.address, timeout=10)
            connection.on("disconnection", reasons.append)
            await Peer(connection).request_mtu(100)  # a link lost before its first packets has another reason, 0x3E
        await air.line(r"controller 02:AB:1E:00:00:0\d left")
        await support.eventually(lambda: reasons, "the supervision timeout", 20)
        assert reasons == [0x08], reasons  # Connection Timeout, Vol 1 Part F 2.8


async def test():
    air, transport = await support.start_air()
    for own in (OwnAddressType.RANDOM, OwnAddressType.PUBLIC):
        await session(transport, own)
    await loss_of_power(transport, air)
    assert await air.stop() == 0


support.run(test, limit=90)
