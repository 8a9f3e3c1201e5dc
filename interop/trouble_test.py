"""TrouBLE, a host written in Rust, as the peer of interop/trouble/: on our controllers unchanged, and over the air with our host.

Its peripheral is used by `amble` and by an example, its central uses our examples and the tool, its two sides use each other; with 0, 5 and
20 % of the packets lost. Only with AMBLE_LONG=1, since it has to be built first: ./check --long does both.

What TrouBLE 0.8.0 does otherwise than one would hope is written down in docs/decisions/013; two of these things show here. SDUs that came
before a Disconnection Request are thrown away if nobody had read them yet. A central says that it has paired before it has sent its keys,
so a step that takes a round trip stands behind `pair`.
"""

import asyncio
import os
import pathlib
import re
import tempfile

import support
import tool
from people import prompt, type_line

PEER = support.SOURCE / "build" / "trouble" / "debug" / "trouble-peer"
HOW = "./check --long makes it with cargo (Rust 1.87 or later, see https://rustup.rs) and crates.io"
NAME, PASSKEY = "TrouBLE", "271828"
LOSSES = (0, 5, 20)
SIZE = 100_000
UNREAD = 64 * 245  # its queue: what a closed channel may lose


def uuid(number):
    return f"7E57{number:04X}-7472-6F75-626C-65686F737400"


NOTE, COMMAND, ORDER, TICKS, ALARMS, ENCRYPTED, AUTHENTICATED = map(uuid, range(1, 8))
FILES = "0492fcec-7194-11eb-9439-0242ac130003"
LED = "539ca2ac-09e5-49be-90da-3b157549eac3"


def pattern(size):
    """What a transfer consists of, as interop/trouble/src/main.rs has it."""
    return bytes(at % 251 ^ at // 251 % 241 for at in range(size))


def digits(data):
    return data.hex(" ").upper()


class World:
    """An air, and whoever joins it."""

    def __init__(self, air, transport, folder):
        self.air, self.transport, self.folder = air, transport, folder

    async def trouble(self, role, *words):
        return await support.Program.start(PEER, self.transport.split(":", 1)[1], role, *words)

    async def peripheral(self, *options):
        peer = await self.trouble("peripheral", *options)
        await peer.line("^advertising$")
        return peer

    async def central(self, *words):
        """Runs a TrouBLE central to its end; returns its lines."""
        peer = await self.trouble("central", *words)
        try:
            code = await asyncio.wait_for(peer.process.wait(), 2 * support.PATIENCE)
        except asyncio.TimeoutError:
            raise AssertionError(f"central {words} does not end: {peer.lines}") from None
        await peer.reader
        assert code == 0 and "done" in peer.lines, f"central {words}: {code}, {peer.lines}"
        return peer.lines

    async def example(self, name, *arguments):
        return await support.Program.start(support.built(f"examples/{name}"), "-t", self.transport, *arguments)

    async def amble(self, *arguments, **keywords):
        return await tool.amble(*arguments, "-t", self.transport, "--timeout", support.PATIENCE, **keywords)

    async def l2cap(self, *arguments):
        """`amble l2cap`, which says on standard error how it was."""
        moved = await support.Program.start(support.built("amble"), "l2cap", *arguments, "-t", self.transport)
        assert await asyncio.wait_for(moved.process.wait(), 3 * support.PATIENCE) == 0, moved.lines


def has(lines, *patterns):
    """Whether there is a line for each pattern, in this order."""
    rest = iter(lines)
    for pattern in patterns:
        assert any(re.search(pattern, line) for line in rest), f"no /{pattern}/ behind the one before in {lines}"


# --- its peripheral ----------------------------------------------------------------------------------------------------------
async def values(world, peer):
    tree = (await world.amble("gatt", "tree", NAME)).out
    for line in ("Device Name  2A00  read  = TrouBLE", f"{TICKS}  read notify", f"{ALARMS}  indicate", "Temperature  2A6E  read notify  = 21.50"):
        assert line in tree, tree
    assert tree.count("insufficient authentication") == 2, tree
    assert (await world.amble("gatt", "read", NAME, NOTE)).lines == [digits(pattern(400))]
    written = pattern(500)[::-1]
    await world.amble("gatt", "write", NAME, NOTE, written.hex())
    await peer.line(f"^note {written.hex()}$")
    await world.amble("gatt", "write", NAME, COMMAND, "0102")
    await peer.line("^command 1 0102$")
    order = (50).to_bytes(2, "little") + (5).to_bytes(2, "little")
    script = f"connect {NAME}\nsubscribe {TICKS}\nsubscribe {ALARMS}\nwrite {ORDER} {order.hex()}\nsleep 1000\n"
    (world.folder / "script").write_text(script)
    shell = await tool.follow("shell", world.folder / "script", "-t", world.transport)
    for characteristic, count in ((TICKS, 50), (ALARMS, 5)):
        for number in range(count):
            await shell.line(f"^{characteristic}: {digits(number.to_bytes(4, 'little'))}$")
    assert await shell.stop() == 1  # it did not do all that it was to do
    await peer.line("^delivered 50 5$")


async def channels(world, peer):
    source, target = world.folder / "source", world.folder / "target"
    source.write_bytes(pattern(SIZE))
    await world.l2cap("send", "0x81", source, "--peer", NAME)
    received = int((await peer.line(r"^received (\d+)$")).group(1))  # each as it should be
    assert SIZE - UNREAD <= received <= SIZE, received
    await world.l2cap("recv", "0x82", target, "--peer", NAME)
    assert target.read_bytes() == pattern(1_000_000)


async def bonds(world, *options):
    """Paired, and found again by the bond; private, too."""
    peer = await world.peripheral(*options)
    kept = ("--bonds", world.folder / f"bonds{len(options)}", "--own-address", "static")
    row = (await world.amble("pair", NAME, "--io", "none", "--json", *kept)).objects[0]
    assert row["secure_connections"] and row["bonded"] and not row["authenticated"], row
    await peer.line("^paired Encrypted bonded$")
    assert (await world.amble("gatt", "read", NAME, ENCRYPTED, "--format", "hex", *kept)).lines == ["2A 2A 2A 2A"]
    await peer.line("^encrypted Encrypted$")
    refused = await world.amble("gatt", "read", NAME, AUTHENTICATED, *kept, code=1)
    assert "ATT 0x05" in refused.err, refused.err
    assert await peer.stop() != 0  # by the signal


async def begin(world, *arguments):
    """Starts the tool with somebody to type into it."""
    return await asyncio.create_subprocess_exec(
        support.built("amble"), *map(str, arguments), "-t", world.transport, "--json",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=tool.ENVIRONMENT,
    )


async def answer(process, io, answers):
    """What a person at our side does: compares, or types what the other side shows; nobody is asked, perhaps, if the other side is quick."""
    if io == "nobody":
        return None
    if io == "yes-no":
        shown = await prompt(process, r"show (\d{6}), too\?")
        await type_line(process, answers)
        return shown.group(1)
    await prompt(process, "Passkey shown by")
    await type_line(process, answers)


async def prompts(world):
    """With people at both sides, who agree or do not, in both roles."""
    for here, there, answers, options, good in (
        ("yes-no", "yes-no", "y", (), True),
        ("yes-no", "yes-no", "n", (), False),
        ("nobody", "yes-no", "", ("--disagree",), False),
        ("keyboard", "display", PASSKEY, (), True),
        ("keyboard", "keyboard", PASSKEY, (), True),
        ("keyboard", "display", "271829", (), False),
    ):
        io = "yes-no" if here == "nobody" else here
        options = ("--io", there, "--passkey", PASSKEY, *options)
        peer = await world.peripheral(*options)
        process = await begin(world, "pair", NAME, "--io", io, "--mitm", "--timeout", support.PATIENCE)
        shown = await answer(process, here, answers)
        out, err = await asyncio.wait_for(process.communicate(), support.PATIENCE)
        assert process.returncode == (0 if good else 1), (here, there, answers, options, out, err)
        await peer.line("^paired EncryptedAuthenticated bonded" if good else "^not paired")
        assert not shown or f"compares {shown}" in peer.lines, (shown, peer.lines)
        await peer.stop()
        if there == "display":
            continue  # the central would show another number each time
        process = await begin(world, "advertise", "--name", "Lock", "--io", io, "--mitm")
        peer = await world.trouble("central", "Lock", *options, "pair", "read", "2a00", "level")
        await answer(process, here, answers)
        await peer.line("^paired EncryptedAuthenticated bonded" if good else "^not paired")
        await peer.line("^level EncryptedAuthenticated" if good else "^level NoEncryption")
        assert await asyncio.wait_for(peer.process.wait(), support.PATIENCE) == 0
        process.terminate()
        out, err = await asyncio.wait_for(process.communicate(), support.PATIENCE)
        assert (b'"paired"' if good else b'"not-paired"') in out, (here, there, answers, options, out, err)


async def its_peripheral(world):
    peer = await world.peripheral()
    await values(world, peer)
    await channels(world, peer)
    row = (await world.amble("connect", NAME, "--phy", "2m", "--params", "100-100", "--seconds", "1", "--json")).objects
    assert row, row
    await peer.line("^phy Le2M Le2M$")
    await peer.stop()
    peer = await world.peripheral("--name", "mpy-temp")
    client = await world.example("temp_client")
    await client.line(r"^Temperature: 21\.50$")
    assert await client.stop() == 0
    await peer.stop()


# --- its central -------------------------------------------------------------------------------------------------------------
async def its_central(world, extended):
    with support.turning() as turning:
        device = await world.example("potentiometer", "--adc", turning)
        readings = support.changes(support.trace()[0], 10)
        value = "1b9a473a-4493-4536-8b2b-9d4133488256"
        lines = await world.central("ESP32_Potentiometer", *extended, "tree", "read", value, "follow", value, "notify", "5")
        has(lines, "^service 4fafc2011fb5459e8fccc5c9c331914b", "^subscribed", *["^notified"] * 5)
        notified = [int.from_bytes(bytes.fromhex(line.split()[1]), "little") for line in lines if line.startswith("notified")]
        assert support.in_turn(notified, readings), f"{notified} is no part of {readings}"
        await device.stop()
    device = await world.example("led")
    has(await world.central("ESP32-LED", *extended, "write", LED, "01", "read", LED), "^written", "^read 01$")
    await device.line("^LED on$")
    await device.stop()
    device = await world.example("temp_sensor")
    steps = "pair read 2a00 phy 2m phy coded interval 100 length rssi again level follow 2a6e notify 2".split()
    lines = await world.central("mpy-temp", *extended, *steps)
    has(lines, "^paired Encrypted bonded", "^read ", "^phy Le2M", "^phy LeCoded", "^interval 100000", "^length 251 251", "^rssi -")
    has(lines, "^disconnected", "^encrypted Encrypted", "^level Encrypted$", "^notified", "^notified")
    await device.stop()


async def its_channels(world, extended):
    served = world.folder / "served"
    served.mkdir(exist_ok=True)
    (served / "f").write_bytes(pattern(SIZE))
    device = await world.example("l2cap_file_server", served)
    ask = ("follow", FILES, "notify", "1", "with", FILES, "040166")
    lines = await world.central("mpy-file", *extended, "open", "22", *ask, "write", FILES, "000266", "receive", SIZE, "close")
    has(lines, "^notified 040101", f"^received {SIZE}$")
    await device.stop()
    target = world.folder / "target"
    tool_listens = asyncio.ensure_future(world.l2cap("recv", "0x90", target, "--name", "Sink"))
    await world.central("Sink", *extended, "open", "0x90", "send", SIZE, "close", "wait")
    await tool_listens
    assert target.read_bytes() == pattern(SIZE)


# --- both ----------------------------------------------------------------------------------------------------------------------
async def each_other(world, extended):
    """Nobody of ours but the controllers and the air."""
    peer = await world.peripheral("--io", "yes-no")
    lines = await world.central(
        *(NAME, *extended, "--io", "yes-no", "tree", "read", NOTE, "write", NOTE, "0102", "read", NOTE, "command", COMMAND, "aa", 50),
        *("follow", TICKS, "notify", 50, "with", ORDER, "32000000", "follow", ALARMS, "indicate", 5, "with", ORDER, "00000500"),
        *("read", ENCRYPTED, "pair", "read", ENCRYPTED, "read", AUTHENTICATED, "open", "0x80", "echo", 20, "close"),
        *("open", "0x81", "send", SIZE, "close", "phy", "2m", "interval", 50, "length", "again", "level"),
    )
    has(lines, f"^read {pattern(400).hex()}$", "^written", "^read 0102$", "^commanded", *["^notified"] * 50, *["^indicated"] * 5)
    has(lines, "^read refused", r"^compares \d{6}$", "^paired EncryptedAuthenticated bonded", "^read 2a2a2a2a$", "^read 3b3b3b3b$")
    has(lines, "^echoed 20$", f"^sent {SIZE}$", "^phy Le2M", "^interval 50000", "^disconnected", "^level EncryptedAuthenticated$")
    await peer.line("^command 50 aa$")
    await peer.stop()


async def with_loss(loss, folder):
    air, transport = await support.start_air("--speed", "5", "--loss", loss)
    world = World(air, transport, folder)
    await its_peripheral(world)
    await its_central(world, ())
    await its_channels(world, ())
    await each_other(world, ())
    await bonds(world)
    await bonds(world, "--privacy", "--random", "C0:11:22:33:44:55")
    if loss == 0:
        await prompts(world)
        await its_central(world, ("--extended",))
        await its_channels(world, ("--extended",))
        await each_other(world, ("--extended",))
    assert await air.stop() == 0


async def test():
    if os.environ.get("AMBLE_LONG") != "1":
        support.skip("only with AMBLE_LONG=1, as ./check --long has it")
    if not PEER.exists():
        support.skip(f"{PEER} is missing; {HOW}")
    for loss in LOSSES:
        with tempfile.TemporaryDirectory() as folder:
            await with_loss(loss, pathlib.Path(folder))


support.run(test, 800)
