"""Who sits at the two devices that pair: at the Bumble device, and at the terminal of `amble`."""

import asyncio
import re

import support
from bumble.pairing import PairingDelegate

IO = PairingDelegate.IoCapability
PASSKEY = 271828  # not 000000, which Bumble takes for none


class Person(PairingDelegate):
    """Sits at the Bumble device, answers as told, and remembers what was shown."""

    def __init__(self, io, agrees=True, number=None):
        super().__init__(io)
        self.agrees, self.number, self.shown, self.compared = agrees, number, None, None
        self.other_side_shown = asyncio.Event()

    async def compare_numbers(self, number, digits):
        self.compared = number
        await self.other_side_shown.wait()
        return self.agrees

    async def get_number(self):
        if callable(self.number):
            return await self.number()
        return self.number

    async def display_number(self, number, digits):
        self.shown = number

    async def generate_passkey(self):
        return PASSKEY


async def prompt(process, pattern):
    """Reads standard error until the pattern is there; a prompt has no line's end."""
    text = ""
    while not (match := re.search(pattern, text)):
        piece = await asyncio.wait_for(process.stderr.read(200), support.PATIENCE)
        assert piece, f"{pattern!r} never came, but {text!r}"
        text += piece.decode()
    return match


async def type_line(process, line):
    process.stdin.write(f"{line}\n".encode())
    await process.stdin.drain()
