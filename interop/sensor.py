"""A heart rate sensor on Bumble, for the tests of the tool that read, write and follow values."""

import asyncio
import itertools
import struct

from bumble.core import UUID
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service

ADDRESS = "C0:11:22:33:44:55"
DEVICE = f"{ADDRESS}/r"
SECRET = "b0000002-1111-4222-8333-444455556666"
CONTROL = "b0000001-1111-4222-8333-444455556666"
LONG = bytes(range(256)) + bytes(range(44))
READ, WRITE, NOTIFY = Characteristic.READABLE, Characteristic.WRITEABLE, Characteristic.Properties.NOTIFY


class Sensor:
    """A heart rate sensor that remembers what was written to it."""

    def __init__(self, device):
        self.device = device
        self.written = []
        property = Characteristic.Properties
        self.rate = Characteristic(UUID(0x2A37), property.NOTIFY, READ, bytes([0, 60]))
        self.alert = Characteristic(UUID(0x2A05), property.INDICATE, READ, bytes(4))
        unit = Descriptor(UUID(0x2904), READ, struct.pack("<BbHBH", 4, 0, 0x27AD, 1, 0))
        level = Characteristic(UUID(0x2A19), property.READ, READ, bytes([98]), [unit])
        temperature = Characteristic(UUID(0x2A6E), property.READ, READ, struct.pack("<h", -1234))
        control = Characteristic(
            CONTROL,
            property.READ | property.WRITE | property.WRITE_WITHOUT_RESPONSE,
            READ | WRITE,
            CharacteristicValue(read=lambda _: LONG, write=lambda _, value: self.written.append(bytes(value))),
        )
        secret = Characteristic(SECRET, property.READ, Characteristic.READ_REQUIRES_ENCRYPTION, b"for you")
        device.add_services(
            [Service(UUID(0x180D), [self.rate, self.alert]), Service(UUID(0x180F), [level]), Service(UUID(0x181A), [temperature, control, secret])]
        )

    def followed(self):
        """Whether somebody has subscribed to anything."""
        subscribers = self.device.gatt_server.subscribers.values()
        return any(any(value) for subscriptions in subscribers for value in subscriptions.values())

    async def beat(self):
        """Notifies 61, 62, ... to whoever has subscribed, without an end, as 16-bit rates."""
        for rate in itertools.count(61):
            await self.device.notify_subscribers(self.rate, struct.pack("<BH", 1, rate))
            await asyncio.sleep(0.05)
