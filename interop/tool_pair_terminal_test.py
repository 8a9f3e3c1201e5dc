"""`amble pair` as a person at a terminal sees it, with Bumble as the other side: passkeys shown and typed, right and wrong, comparisons, answers
that are none, a peer that leaves in the middle of a question, Ctrl-C.
"""

import asyncio

import support
import tool
from bumble.pairing import PairingDelegate as IO
from person import Person
from sensor import ADDRESS, DEVICE, Sensor

ENCRYPTED = f"{DEVICE}: encrypted with a key of 16 bytes, LE Secure Connections, authenticated, nothing is kept"


class Pairing:
    """One run of `amble pair`; 80 columns, as most terminals have."""

    def __init__(self, transport, device):
        self.transport, self.device = transport, device

    async def begin(self, io, *options, **keywords):
        self.person = Person(self.device, io, **keywords)
        self.terminal = await tool.Terminal.start("pair", DEVICE, "--mitm", *options, "-t", self.transport, columns=80)
        return self.terminal, self.person

    async def end(self, code, sentence):
        """It ends with this code, its last line is this sentence, and the link is left."""
        assert await self.terminal.end() == code, self.terminal.text
        shown = self.terminal.screen
        assert sentence in shown or sentence in shown.replace("\n", ""), shown  # it may be longer than a line
        assert "\033" not in self.terminal.text, self.terminal.text
        await support.eventually(lambda: not self.device.connections, "the link is left")


async def comparison(pairing):
    terminal, person = await pairing.begin(IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    await terminal.displays(rf"^Does {DEVICE} show [0-9]{{6}}, too\? \[y/n\]$")  # alone on its line, waiting behind the question
    assert f"show {await person.shown:06}, too" in terminal.screen
    terminal.type("maybe\n")
    await terminal.displays(r"\[y/n\] maybe\nPlease answer y or n:$")
    terminal.type("y\n")
    await pairing.end(0, ENCRYPTED)

    terminal, person = await pairing.begin(IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    await terminal.displays(r"\[y/n\]$")
    terminal.type("n\n")
    await pairing.end(1, "SMP 0x0C")


async def passkey_shown_there(pairing):
    terminal, person = await pairing.begin(IO.DISPLAY_OUTPUT_ONLY)
    await terminal.displays(f"^Passkey shown by {DEVICE}:$")
    for nonsense in ("", "abc", "1234567", "12 34"):
        terminal.forget()
        terminal.type(f"{nonsense}\n")
        await terminal.displays("That is no passkey; six digits:$")
    terminal.type(f"{await person.shown:06}\n")
    await pairing.end(0, ENCRYPTED)

    terminal, person = await pairing.begin(IO.DISPLAY_OUTPUT_ONLY)
    await terminal.displays("Passkey shown by")
    terminal.type(f"{await person.shown ^ 1:06}\n")
    await pairing.end(1, "SMP 0x04")


async def passkey_shown_here(pairing):
    for wrong in (0, 1):
        terminal, person = await pairing.begin(IO.KEYBOARD_INPUT_ONLY)
        digits = (await terminal.displays(rf"^Type ([0-9]{{6}}) on {DEVICE}\.$")).group(1)
        person.typed.set_result(int(digits) ^ wrong)
        await pairing.end(wrong, "SMP 0x04" if wrong else ENCRYPTED)


async def left_alone(pairing):
    """What ends a question without an answer."""
    terminal, person = await pairing.begin(IO.DISPLAY_OUTPUT_ONLY)
    await terminal.displays("Passkey shown by")
    terminal.type("\x03")
    await pairing.end(1, "\namble pair: interrupted")  # it did not pair

    terminal, person = await pairing.begin(IO.DISPLAY_OUTPUT_ONLY)
    await terminal.displays("Passkey shown by")
    terminal.type("\x04")  # the end of the input refuses
    await pairing.end(1, "\namble pair: SMP 0x01")

    terminal, person = await pairing.begin(IO.DISPLAY_OUTPUT_ONLY)
    await terminal.displays("Passkey shown by")
    for connection in list(pairing.device.connections.values()):
        await connection.disconnect()
    await pairing.end(1, "\namble pair: HCI 0x13")


async def test():
    air, transport = await support.start_air()
    async with support.bumble_host(transport, "Sensor", ADDRESS) as device:
        Sensor(device)
        await tool.advertise(device)
        pairing = Pairing(transport, device)
        await comparison(pairing)
        await passkey_shown_there(pairing)
        await passkey_shown_here(pairing)
        await left_alone(pairing)
        await support.eventually(lambda: device.is_advertising, "the sensor advertises again")
        await asyncio.sleep(0.5)  # Bumble says so before its last command; closing now would only be noisy
    assert await air.stop() == 0


support.run(test)
