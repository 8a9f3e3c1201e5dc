"""Channels with a stack nobody here wrote, both ways and in both roles: `amble l2cap` on one side, Bumble on the other.

A megabyte goes each way (10 MB with AMBLE_LONG=1), and a checksum says whether it is the same; with small SDUs and frames, too. The air
runs fifty times as fast as a real one.
"""

import asyncio
import hashlib
import os
import pathlib
import random
import tempfile

import support
from bumble.hci import Address
from bumble.l2cap import LeCreditBasedChannel, LeCreditBasedChannelSpec

SPSM = 0x85
NAME, ADDRESS = "amble-l2cap", "C0:AB:CD:EF:00:01"
SIZE = 10_000_000 if os.environ.get("AMBLE_LONG") == "1" else 1_000_000
DATA = random.Random(7).randbytes(SIZE)
SPECS = (  # SDU, frame, credits
    dict(mtu=2048, mps=2048, max_credits=256),
    dict(mtu=23, mps=23, max_credits=10),
    dict(mtu=1000, mps=100, max_credits=1),
)


def some_of(spec):
    """Small frames take long: less of it."""
    return DATA if spec["mps"] > 1000 else DATA[:20_000]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def collect_from_the_start():
    """Bumble drops what comes before somebody sets a sink, and data may come in the same breath as the channel."""
    begin = LeCreditBasedChannel.__init__

    def begin_collecting(channel, *arguments, **named):
        begin(channel, *arguments, **named)
        channel.collected = bytearray()
        channel.sink = channel.collected.extend
        channel.ended = asyncio.Event()
        channel.on("close", channel.ended.set)

    LeCreditBasedChannel.__init__ = begin_collecting


async def collected(channel, expected):
    await asyncio.wait_for(channel.ended.wait(), 240)
    assert len(channel.collected) == len(expected), (len(channel.collected), len(expected))
    assert digest(channel.collected) == digest(expected)


async def send(channel, data):
    for at in range(0, len(data), channel.peer_mtu):
        channel.write(data[at : at + channel.peer_mtu])
        await channel.drain()
    await channel.disconnect()


async def with_tool(transport, *arguments):
    return await support.Program.start(support.built("amble"), "l2cap", *arguments, "-t", transport, "--json")


async def finished(tool, size):
    found = await tool.line(r'"bytes": (\d+), .*"kbit_per_second": ([0-9.]+)', timeout=240)
    assert int(found.group(1)) == size, found.group(0)
    assert await asyncio.wait_for(tool.process.wait(), support.PATIENCE) == 0


async def connect_to_tool(bumble, air):
    """Its controller was the last to join; looking for it would drown Bumble in reports at this speed."""
    address = (await air.line(r"^controller (\S+) joined$")).group(1)
    return await bumble.connect(Address(address, Address.PUBLIC_DEVICE_ADDRESS), timeout=support.PATIENCE)


async def tool_listens(bumble, air, transport, folder, spec):
    """The tool is the peripheral and listens; Bumble connects, link and channel."""
    data = some_of(spec)
    target = folder / "received"
    tool = await with_tool(transport, "recv", SPSM, target, "--name", NAME)
    connection = await connect_to_tool(bumble, air)
    channel = await connection.create_l2cap_channel(LeCreditBasedChannelSpec(psm=SPSM, **spec))
    assert channel.peer_mtu == 65535
    await asyncio.wait_for(send(channel, data), 240)
    await finished(tool, len(data))
    assert digest(target.read_bytes()) == digest(data)
    source = folder / "source"
    source.write_bytes(data)
    tool = await with_tool(transport, "send", SPSM, source, "--name", NAME)
    connection = await connect_to_tool(bumble, air)
    channel = await connection.create_l2cap_channel(LeCreditBasedChannelSpec(psm=SPSM, **spec))
    await collected(channel, data)
    await finished(tool, len(data))


async def bumble_listens(bumble, air, transport, folder, spec):
    """Bumble is the peripheral and listens; the tool connects, link and channel."""
    data = some_of(spec)
    channels = asyncio.Queue()
    server = bumble.create_l2cap_server(LeCreditBasedChannelSpec(psm=SPSM, **spec), channels.put_nowait)
    source, target = folder / "source", folder / "received"
    source.write_bytes(data)
    tool = await with_tool(transport, "send", SPSM, source, "--peer", f"{ADDRESS}/r")
    await air.line(r"^controller (\S+) joined$")
    await collected(await asyncio.wait_for(channels.get(), support.PATIENCE), data)
    await finished(tool, len(data))
    tool = await with_tool(transport, "recv", SPSM, target, "--peer", f"{ADDRESS}/r")
    await air.line(r"^controller (\S+) joined$")
    await asyncio.wait_for(send(await asyncio.wait_for(channels.get(), support.PATIENCE), data), 240)
    await finished(tool, len(data))
    assert digest(target.read_bytes()) == digest(data)
    server.close()


async def refusals(bumble, air, transport):
    tool = await with_tool(transport, "send", SPSM, "/dev/null", "--peer", f"{ADDRESS}/r")
    await air.line(r"^controller (\S+) joined$")
    await tool.line(r"L2CAP 0x0?2 SPSM not supported")
    assert await asyncio.wait_for(tool.process.wait(), support.PATIENCE) == 1


async def test():
    air, transport = await support.start_air("--speed", "50")
    collect_from_the_start()
    async with support.bumble_host(transport, "Bumble", ADDRESS) as bumble:
        await air.line(r"^controller (\S+) joined$")
        await bumble.start_advertising(auto_restart=True)
        await refusals(bumble, air, transport)
        with tempfile.TemporaryDirectory() as folder:
            for spec in SPECS:
                await tool_listens(bumble, air, transport, pathlib.Path(folder), spec)
                await bumble_listens(bumble, air, transport, pathlib.Path(folder), spec)


if __name__ == "__main__":
    support.run(test, 600 if SIZE > 1_000_000 else support.LIMIT)
