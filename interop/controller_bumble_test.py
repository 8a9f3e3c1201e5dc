"""Two hosts nobody here wrote, on two virtual controllers: is `amble air` a radio to them?

One Bumble host serves a characteristic, another finds it, connects, raises the MTU, discovers, reads, writes with
and without response, is notified, and disconnects; once with random own addresses, once with public ones. Two more
hosts change the parameters and the PHY of their link from both sides, pair and encrypt it, with LE legacy pairing and with
LE Secure Connections. Then a peripheral loses its power. Last, one host advertises as much as extended and periodic
advertising can carry, and the other one hears all of it.
"""

import asyncio

import support
from bumble import hci
from bumble.device import (
    AdvertisingEventProperties,
    AdvertisingParameters,
    Peer,
    PeriodicAdvertisingParameters,
)
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import OwnAddressType, Phy
from bumble.pairing import PairingConfig

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
    await asyncio.wait_for(peripheral.changed.wait(), support.PATIENCE)
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
            connection = await seeker.connect(found.address, own_address_type=own, timeout=support.PATIENCE)
            peer = Peer(connection)
            assert await peer.request_mtu(247) == 247
            await peer.discover_all()
            await use_characteristic(peer.get_characteristics_by_uuid(CHARACTERISTIC)[0], peripheral, server)

            lost = asyncio.Event()
            list(server.connections.values())[0].on("disconnection", lambda _reason: lost.set())
            await connection.disconnect()
            await asyncio.wait_for(lost.wait(), support.PATIENCE)
            await support.scan_for(seeker, "served", own_address_type=own)


async def change_parameters(central, served):
    await central.update_parameters(30, 30, 0, 2000)
    await support.eventually(lambda: served.parameters.connection_interval == 30, "30 ms at the peripheral")
    assert central.parameters.connection_interval == 30
    await served.update_parameters(15, 15, 2, 3000)
    await support.eventually(lambda: central.parameters.connection_interval == 15, "15 ms at the central")
    assert (central.parameters.peripheral_latency, central.parameters.supervision_timeout) == (2, 3000)


async def change_phy(asks, other, tx, rx):
    """Bumble does not wait for the end of the procedure, so both sides are asked until they agree."""
    await asks.set_phy([tx], [rx])
    for connection, expected in ((asks, (tx, rx)), (other, (rx, tx))):
        for _ in range(100 * support.PATIENCE):
            phy = await connection.get_phy()
            if (phy.tx_phy, phy.rx_phy) == expected:
                break
            await asyncio.sleep(0.01)
        assert (phy.tx_phy, phy.rx_phy) == expected, phy


async def encrypted_session(transport, secure_connections):
    def pairing(_connection):
        identity = PairingConfig.AddressType.RANDOM
        return PairingConfig(sc=secure_connections, mitm=False, bonding=True, identity_address_type=identity)

    peripheral = Peripheral()
    async with support.bumble_host(transport, "served", "C0:11:22:33:44:01", peripheral.prepare, SERVICE) as server:
        async with support.bumble_host(transport, "seeker", "C0:11:22:33:44:02") as seeker:
            server.pairing_config_factory = seeker.pairing_config_factory = pairing
            await server.start_advertising(auto_restart=True)
            connection = await seeker.connect(server.random_address, timeout=support.PATIENCE)
            await support.eventually(lambda: server.connections, "a connection at the peripheral")
            served = list(server.connections.values())[0]
            await change_parameters(connection, served)
            await change_phy(connection, served, Phy.LE_2M, Phy.LE_2M)
            await connection.pair()
            assert connection.is_encrypted
            await support.eventually(lambda: served.is_encrypted, "encryption at the peripheral")
            assert connection.sc == served.sc == secure_connections
            peer = Peer(connection)
            assert await peer.request_mtu(247) == 247
            await peer.discover_all()
            characteristic = peer.get_characteristics_by_uuid(CHARACTERISTIC)[0]
            await use_characteristic(characteristic, peripheral, server)
            await change_phy(connection, served, Phy.LE_CODED, Phy.LE_1M)
            await change_parameters(connection, served)
            assert await characteristic.read_value() == LONG_VALUE
            await connection.disconnect()
            if secure_connections:  # as responder, Bumble answers a bonded legacy reconnection with a wrong key
                await reconnect(seeker, server)


async def reconnect(seeker, server):
    await support.eventually(lambda: not server.connections, "the end at the peripheral")
    connection = await seeker.connect(server.random_address, timeout=support.PATIENCE)
    await connection.encrypt()
    assert connection.is_encrypted
    await support.eventually(lambda: list(server.connections.values())[0].is_encrypted, "encryption at the peripheral")
    await connection.disconnect()


async def loss_of_power(transport, air):
    async with support.bumble_host(transport, "seeker", "C0:11:22:33:44:02") as seeker:
        reasons = []
        async with support.bumble_host(transport, "served", "C0:11:22:33:44:01", Peripheral().prepare) as server:
            await server.start_advertising()
            found = await support.scan_for(seeker, "served")
            connection = await seeker.connect(found.address, timeout=support.PATIENCE)
            connection.on("disconnection", reasons.append)
            await Peer(connection).request_mtu(100)  # a link lost before its first packets has another reason, 0x3E
        await air.line(r"controller 02:AB:1E:00:00:0\d left")
        await support.eventually(lambda: reasons, "the supervision timeout")
        assert reasons == [0x08], reasons  # Connection Timeout, Vol 1 Part F 2.8


MOST = 1650  # octets of advertising data: Vol 4 Part E 7.8.57
SET_IDENTIFIER = 3
ADVERTISED = bytes(i * 7 % 251 for i in range(MOST))


async def set_long_data(device, handle):
    """Bumble itself sends one fragment only."""
    command = hci.HCI_LE_Set_Extended_Advertising_Data_Command
    parts = [ADVERTISED[at : at + 251] for at in range(0, MOST, 251)]
    operations = [command.Operation.FIRST_FRAGMENT]
    operations += [command.Operation.INTERMEDIATE_FRAGMENT] * (len(parts) - 2) + [command.Operation.LAST_FRAGMENT]
    for operation, part in zip(operations, parts):
        await device.send_sync_command(
            command(
                advertising_handle=handle, operation=operation, fragment_preference=1, advertising_data=part
            )
        )


async def hear_long_data(device, address):
    """Passive scanning on LE 1M until a whole extended advertisement of this device was heard."""
    done = asyncio.get_running_loop().create_future()
    heard = b""

    def on_report(report):
        nonlocal heard
        if report.address != address or not hasattr(report, "secondary_phy"):
            return
        status = report.event_type >> 5 & 3
        heard += report.data
        if status == 0 and not done.done():
            assert report.advertising_sid == SET_IDENTIFIER and report.secondary_phy == hci.HCI_LE_2M_PHY, report
            done.set_result(heard)
        if status != 1:
            heard = b""

    device.host.on("advertising_report", on_report)
    await device.start_scanning(active=False, scanning_phys=[hci.HCI_LE_1M_PHY])
    try:
        return await asyncio.wait_for(done, support.PATIENCE)
    finally:
        await device.stop_scanning()


async def follow_train(device, address):
    sync = await device.create_periodic_advertising_sync(address, SET_IDENTIFIER, sync_timeout=2.0)
    established = asyncio.Event()
    heard = []
    sync.on("establishment", established.set)
    sync.on("periodic_advertisement", lambda advertisement: heard.append(bytes(advertisement.data_bytes)))
    await device.start_scanning(active=False, scanning_phys=[hci.HCI_LE_1M_PHY])
    await asyncio.wait_for(established.wait(), support.PATIENCE)
    await device.stop_scanning()
    await support.eventually(lambda: len(heard) >= 5, "five events of the train")
    assert set(heard) == {ADVERTISED[:200]}, heard
    await sync.terminate()


async def told_of_train(speaker, listener, advertised):
    """The speaker tells the listener of its train through a link; the listener does not scan."""
    told = asyncio.get_running_loop().create_future()
    heard = []

    def on_transfer(sync, _connection):
        sync.on("periodic_advertisement", lambda advertisement: heard.append(bytes(advertisement.data_bytes)))
        told.set_result(sync)

    listener.on(listener.EVENT_PERIODIC_ADVERTISING_SYNC_TRANSFER, on_transfer)
    await listener.start_advertising()
    connection = await speaker.connect(listener.random_address, timeout=support.PATIENCE)
    await support.eventually(lambda: listener.connections, "a connection at the listener")
    await connection.get_remote_le_features()
    await listener.send_sync_command(
        hci.HCI_LE_Set_Periodic_Advertising_Sync_Transfer_Parameters_Command(
            connection_handle=list(listener.connections)[0], mode=2, skip=0, sync_timeout=200, cte_type=0
        )
    )
    await advertised.transfer_periodic_info(connection, 0x1234)
    sync = await asyncio.wait_for(told, support.PATIENCE)
    assert (sync.advertiser_address, sync.sid) == (speaker.random_address, SET_IDENTIFIER), sync
    await connection.disconnect()
    await support.eventually(lambda: len(heard) >= 5, "five events of the train, without the link")
    assert set(heard) == {ADVERTISED[:200]}, heard
    await sync.terminate()


async def extended(transport):
    parameters = AdvertisingParameters(
        advertising_event_properties=AdvertisingEventProperties(is_connectable=False),
        primary_advertising_interval_min=50,
        primary_advertising_interval_max=50,
        secondary_advertising_phy=hci.Phy.LE_2M,
        advertising_sid=SET_IDENTIFIER,
    )
    async with support.bumble_host(transport, "speaker", "C0:11:22:33:44:01") as speaker:
        async with support.bumble_host(transport, "listener", "C0:11:22:33:44:02") as listener:
            advertised = await speaker.create_advertising_set(
                parameters,
                random_address=speaker.random_address,
                periodic_advertising_parameters=PeriodicAdvertisingParameters(100, 100),
                periodic_advertising_data=ADVERTISED[:200],
                auto_start=False,
            )
            await set_long_data(speaker, advertised.advertising_handle)
            await advertised.start()
            assert await hear_long_data(listener, speaker.random_address) == ADVERTISED
            await advertised.start_periodic()
            await follow_train(listener, speaker.random_address)
            await told_of_train(speaker, listener, advertised)
            await advertised.stop_periodic()
            await advertised.stop()
            await advertised.remove()


async def test():
    air, transport = await support.start_air()
    for own in (OwnAddressType.RANDOM, OwnAddressType.PUBLIC):
        await session(transport, own)
    for secure_connections in (False, True):
        await encrypted_session(transport, secure_connections)
    await loss_of_power(transport, air)
    await extended(transport)
    assert await air.stop() == 0


support.run(test)
