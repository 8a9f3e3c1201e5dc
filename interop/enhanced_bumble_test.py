"""Enhanced bearers of ATT with Bumble as the other side, in both roles.

`amble shell` is the central of a Bumble server that has them: they open by themselves when the link is encrypted, and a read that the server
takes long for does not hold up the next one, which comes on another bearer. A Bumble central opens bearers to the thermometer example,
which grants as many as it has, and reads on both of them.
"""

import asyncio

import support
import tool
from bumble.att import AttributeValueV2, is_enhanced_bearer
from bumble.gatt import Characteristic, Service
from bumble.gatt_client import Client
from bumble.keys import MemoryKeyStore
from bumble.l2cap import L2capError, LeCreditBasedChannel
from bumble.pairing import PairingConfig, PairingDelegate

ADDRESS = "C0:11:22:33:44:68"
DEVICE = f"{ADDRESS}/r"
SERVICE, SLOW, QUICK = (f"7E40000{n}-B5A3-F393-E0A9-E50E24DCCA9E" for n in (1, 2, 3))
TEMPERATURE = "2A6E"


def accept_pairing(device):
    device.pairing_config_factory = lambda _: PairingConfig(
        sc=True, mitm=False, bonding=True, delegate=PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
    )


class Server:
    """Has one value that it is slow to tell, and knows which bearer each request came on."""

    def __init__(self):
        self.bearers, self.answered = {}, []
        self.slow_ends = asyncio.Event()

    async def slow(self, bearer):
        self.bearers["slow"] = bearer
        await self.slow_ends.wait()
        self.answered.append("slow")
        return b"slow"

    def quick(self, bearer):
        self.bearers["quick"] = bearer
        self.answered.append("quick")
        return b"quick"

    def prepare(self, device):
        accept_pairing(device)
        readable = Characteristic.Properties.READ, Characteristic.Permissions.READABLE
        slow = Characteristic(SLOW, *readable, AttributeValueV2(read=self.slow))
        quick = Characteristic(QUICK, *readable, AttributeValueV2(read=self.quick))
        device.add_service(Service(SERVICE, [slow, quick]))


async def as_peripheral(transport):
    server = Server()
    async with support.bumble_host(transport, "enhanced", ADDRESS, server.prepare, eatt=True) as bumble:
        await bumble.start_advertising(auto_restart=True)
        channels = lambda: [
            channel
            for link in bumble.l2cap_channel_manager.channels.values()
            for channel in link.values()
            if isinstance(channel, LeCreditBasedChannel)
        ]
        terminal = await tool.Terminal.start("shell", "-t", transport, HOME="")
        await terminal.displays("amble>")
        terminal.type(f"connect {DEVICE}\n")
        await terminal.displays(f"connected to .*\n{DEVICE}>$")
        terminal.type("tree --no-values\n")
        await terminal.displays(f"{QUICK}(.|\n)*>$")
        assert not channels(), "bearers on a link that is not encrypted"
        terminal.type("pair\n")
        await terminal.displays("encrypted with a key of 16 bytes(.|\n)*>$")
        await support.eventually(lambda: len(channels()) == 2, "two enhanced bearers")
        terminal.forget()
        terminal.type(f"read {SLOW} --timeout 1\n")
        await terminal.displays("time allowed is over(.|\n)*>$")
        terminal.type(f"read {QUICK}\n")
        await terminal.displays("quick\n(.|\n)*>$")
        assert server.answered == ["quick"], server.answered
        assert is_enhanced_bearer(server.bearers["quick"]) and not is_enhanced_bearer(server.bearers["slow"])
        server.slow_ends.set()
        terminal.type("\x04")
        assert await terminal.end() == 0, terminal.text
        await support.stop_advertising(bumble)


async def as_central(transport):
    sensor = await support.Program.start(support.built("examples/temp_sensor"), "-t", transport)
    async with support.bumble_host(transport, "reader", "C0:11:22:33:44:69") as bumble:
        found = await support.scan_for(bumble, "mpy-temp")
        bumble.keystore = MemoryKeyStore()
        accept_pairing(bumble)
        connection = await bumble.connect(found.address, timeout=support.PATIENCE)
        try:
            await Client.connect_eatt(connection)
            raise AssertionError("a bearer on a link that is not encrypted")
        except L2capError:
            pass
        await asyncio.wait_for(connection.pair(), support.PATIENCE)
        clients = await Client.connect_eatt(connection, count=2)
        values = []
        for client in clients:
            await client.discover_services()
            for service in client.services:
                await service.discover_characteristics()
            (temperature,) = [c for s in client.services for c in s.characteristics if c.uuid == support.UUID(TEMPERATURE)]
            values.append(temperature)
        for _ in range(10):
            first, second = await asyncio.gather(*(value.read_value() for value in values))
            assert len(first) == len(second) == 2, (first, second)
        await connection.disconnect()
    assert await sensor.stop() == 0


async def test():
    air, transport = await support.start_air()
    await as_peripheral(transport)
    await as_central(transport)
    assert await air.stop() == 0


support.run(test)
