"""Who sits before a Bumble device while it is paired with: sees and says what the test wants."""

import asyncio

from bumble.pairing import PairingConfig, PairingDelegate


class Person(PairingDelegate):
    def __init__(self, device, io, mitm=True, agrees=True):
        super().__init__(io)
        self.agrees = agrees
        self.shown = asyncio.get_running_loop().create_future()
        self.typed = asyncio.get_running_loop().create_future()
        device.pairing_config_factory = lambda connection: PairingConfig(mitm=mitm, delegate=self)

    async def display_number(self, number, digits=6):
        self.shown.set_result(number)

    async def get_number(self):
        return await self.typed

    async def compare_numbers(self, number, digits=6):
        self.shown.set_result(number)
        return self.agrees
