"""Controllers nobody here wrote, behind pseudo-terminals: is `serial:` a serial port to them, and `pty:` one for them?

Two Bumble virtual controllers share a link. One waits at a pseudo-terminal of Bumble's, which `amble scan` opens as its
serial port; the other opens the one that `amble advertise` offers. Then one is unplugged, and the program at it says so.
"""

import asyncio
import contextlib
import pathlib
import tempfile

import support
import tool
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport import open_transport


@contextlib.asynccontextmanager
async def controller_at(transport_name, link, address):
    async with await open_transport(transport_name) as transport:
        yield Controller(
            address, host_source=transport.source, host_sink=transport.sink, link=link, public_address=address
        )


async def test():
    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = pathlib.Path(folder) / "theirs", pathlib.Path(folder) / "ours"
        link = LocalLink()
        async with controller_at(f"pty:{theirs}", link, "F0:F1:F2:F3:F4:01"):
            lamp = await support.Program.start(
                support.built("amble"), "advertise", "-t", f"pty:{ours}", "--name", "Lamp", "--interval", "50"
            )
            await support.eventually(ours.is_symlink, "a link to a pseudo-terminal")
            async with controller_at(f"serial:{ours},115200", link, "F0:F1:F2:F3:F4:02"):
                await lamp.line("advertising as F0:F1:F2:F3:F4:02")
                scan = await support.Program.start(
                    support.built("amble"), "scan", "-t", f"serial:{theirs},115200", "--name", "Lamp", "--watch"
                )
                await scan.line(r"Lamp")
                assert await tool.interrupt(scan) == 0
            await lamp.line("the connection broke")
            assert await lamp.process.wait() == 3


support.run(test)
