"""The hosts that Node.js programs use, unchanged on `amble air`: noble and bleno on a serial port, ble-host on TCP.

Each of the two roles meets our examples: a central finds, connects to, discovers, reads and is notified by the
potentiometer; a peripheral is found by the dimmer's remote, which writes to it.
"""

import asyncio
import contextlib
import os
import pty
import shutil
import tty

import support

MODULES = support.SOURCE / "build" / "node" / "node_modules"
SCRIPTS = support.SOURCE / "interop" / "node"
MORE_THAN = 10


@contextlib.asynccontextmanager
async def serial_port(transport):
    """A pseudo terminal whose other end is a controller; yields its path."""
    _, host, port = transport.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, lambda: writer.write(os.read(ours, 4096)))

    async def upwards():
        while received := await reader.read(4096):
            os.write(ours, received)

    task = asyncio.ensure_future(upwards())
    try:
        yield os.ttyname(theirs)
    finally:
        loop.remove_reader(ours)
        task.cancel()
        writer.close()
        os.close(ours)
        os.close(theirs)


async def start_potentiometer(air, transport, turning):
    """The example and its address."""
    air.seen = len(air.lines)  # who joins next is it
    program = await support.Program.start(support.built("examples/potentiometer"), "-t", transport, "--adc", turning)
    return program, (await air.line(r"controller (\S+) joined")).group(1)


async def check_central(node, potentiometer, address):
    """Follows a central through its session with the potentiometer."""
    readings = support.changes(support.trace()[0], MORE_THAN)
    found = await node.line(r"^found (\S+) (.*)")
    assert found.group(1).upper() == address and found.group(2) == "ESP32_Potentiometer", found.group(0)
    await potentiometer.line("Connection from 02:AB:1E")
    assert int((await node.line(r"^read (\d+)")).group(1)) in readings
    notified = [int((await node.line(r"^notified (\d+)")).group(1)) for _ in range(5)]
    assert support.in_turn(notified, readings), f"{notified} is no part of {readings}"
    await node.line("^disconnected")
    await potentiometer.line("Disconnected")


async def check_peripheral(node, transport):
    """Has the dimmer's remote write to a peripheral; each value it tells of must arrive."""
    remote = await support.Program.start(support.built("examples/dimmer_remote"), "-t", transport, "--adc", "sweep")
    await remote.line("Ready to send data")
    for _ in range(4):
        duty = (await remote.line(r"Sending duty: (\d+)")).group(1)
        written = await node.line(r"^written (\d+) (true|false)")
        assert written.group(1) == duty, f"{duty} was sent, {written.group(1)} arrived"
    assert await remote.stop() == 0


async def test_noble(air, transport, turning):
    potentiometer, address = await start_potentiometer(air, transport, turning)
    async with serial_port(transport) as port:
        node = await support.Program.start("node", SCRIPTS / "noble.js", port)
        await check_central(node, potentiometer, address)
        assert (await node.line(r"^again (\S+)")).group(1).upper() == address
        assert await asyncio.wait_for(node.process.wait(), support.PATIENCE) == 0
        assert any(line.startswith("rssi -") for line in node.lines), node.lines
    assert await potentiometer.stop() == 0


async def test_bleno(transport):
    async with serial_port(transport) as port:
        node = await support.Program.start("node", SCRIPTS / "bleno.js", port)
        await node.line("^advertising")
        await check_peripheral(node, transport)
        await node.line("^disconnected 02:ab:1e")
        await check_peripheral(node, transport)  # it advertises again
        await node.stop()


async def test_ble_host(air, transport, turning):
    potentiometer, address = await start_potentiometer(air, transport, turning)
    node = await support.Program.start("node", SCRIPTS / "ble_host.js", transport.split(":")[2])
    await check_central(node, potentiometer, address)
    assert "mtu 247" in node.lines and "disconnected CONNECTION_TERMINATED_BY_LOCAL_HOST" in node.lines, node.lines
    assert await potentiometer.stop() == 0
    await check_peripheral(node, transport)
    await node.line("^client left REMOTE_USER_TERMINATED_CONNECTION")
    await node.stop()


async def test():
    if not shutil.which("node") or not (MODULES / "ble-host").exists():
        support.skip(f"Node.js or {MODULES} is missing; ./check makes it where npm and its registry can be reached")
    os.environ["NODE_PATH"] = str(MODULES)
    air, transport = await support.start_air()
    with support.turning() as turning:
        await test_noble(air, transport, turning)
        await test_bleno(transport)
        await test_ble_host(air, transport, turning)
    assert await air.stop() == 0


support.run(test)
