"""`amble monitor` shows a capture that `amble gatt` wrote while it talked to a Bumble peripheral, and follows one.

The same packets in the two other kinds of btsnoop file come from the corpus of the fuzz target.
"""

import asyncio
import pathlib
import tempfile

import support
import tool
from bumble.core import UUID
from bumble.gatt import Characteristic, Service

DEVICE = "C0:11:22:33:44:55/r"
CORPUS = support.SOURCE / "fuzz" / "cli_monitor"


async def in_text(file):
    lines = (await tool.amble("monitor", file)).lines
    assert "> command  Reset" in lines[0] and lines[0].startswith("    0.000000 "), lines[0]

    def shown(*parts):
        assert any(all(part in line for part in parts) for line in lines), (parts, lines)

    shown("< event    LE Enhanced Connection Complete  success", "central", f"peer {DEVICE}")
    shown("> att      Exchange MTU Request  517")
    shown("< att      Read By Group Type Response", "Battery Service")
    shown("> att      Read Request", "(Battery Level)")
    shown("< att      Read Response", "= 62 (98 %)")
    shown("> command  Disconnect  link 0x", "reason HCI 0x13")
    only = (await tool.amble("monitor", file, "--only", "att")).lines
    assert only and all(" att " in line for line in only) and len(only) < len(lines)


async def as_json(file):
    rows = (await tool.amble("monitor", file, "--json")).objects
    assert rows[0]["name"] == "Reset" and rows[0]["layer"] == "command" and rows[0]["data"] == "030C00", rows[0]
    (read,) = (row for row in rows if row["name"] == "Read Response")
    assert (read["direction"], read["layer"]) == ("received", "att") and read["detail"].endswith("= 62 (98 %)"), read
    mine = (await tool.amble("monitor", file, "--link", read["link"], "--json")).objects
    assert mine and all(row["link"] == read["link"] for row in mine)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


async def other_kinds():
    async def details(name):
        rows = (await tool.amble("monitor", CORPUS / name, "--json")).objects
        return [(row["name"], row["detail"], row["direction"]) for row in rows]

    expected = await details("writing")
    assert ("Write Response", "", "received") in expected, expected
    assert await details("h1") == expected
    assert await details("linux_monitor") == expected
    assert await details("pcap_h4") == expected
    assert await details("pcap_linux_monitor") == expected


async def broken(folder, whole):
    def file(name, data):
        path = folder / name
        path.write_bytes(data)
        return path

    assert "cut off" in (await tool.amble("monitor", file("cut", whole[:-3]), code=1)).err
    assert "no btsnoop file" in (await tool.amble("monitor", file("text", b"hello"), code=1)).err
    assert "another kind" in (await tool.amble("monitor", file("kind", whole[:12] + b"\0\0\0\1" + whole[16:]), code=1)).err
    assert "no sense" in (await tool.amble("monitor", file("length", whole[:20] + b"\x7f" + whole[21:]), code=1)).err
    assert "cannot be opened" in (await tool.amble("monitor", folder / "absent", code=1)).err
    assert (await tool.amble("monitor", file("empty", whole[:16]))).lines == []
    for wrong in ([], ["a", "b"], ["a", "--only", "radio"], ["a", "--link", "x"]):
        assert "--help" in (await tool.amble("monitor", *wrong, code=2)).err
    assert "examples:" in (await tool.amble("monitor", "--help")).out


async def follow(folder, whole):
    """A file that grows in pieces, which end within packets."""
    path = folder / "growing"
    program = await tool.follow("monitor", path, "--follow")
    await program.line(f"waiting for {path}")  # it may be started first, and say so when it takes long
    path.write_bytes(whole[:10])
    await asyncio.sleep(0.2)
    with path.open("ab") as file:
        file.write(whole[10:16])
    with path.open("ab", buffering=0) as file:
        middle = len(whole) // 2
        file.write(whole[16:50])
        await program.line("Reset")
        file.write(whole[50:middle])
        file.write(whole[middle:])
        await program.line("Command Status  Disconnect: success")
    assert await tool.interrupt(program) == 0
    program = await tool.follow("monitor", folder / "never", "--follow")
    await program.line("waiting for")
    assert await tool.interrupt(program) == 0
    terminal = await tool.Terminal.start("monitor", path, "--follow")
    await terminal.shows("\033\\[32matt +Read Request\033\\[0m")
    assert await terminal.control_c() == 0


async def test():
    air, transport = await support.start_air()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        async with support.bumble_host(transport, "Sensor", DEVICE[:-2]) as device:
            level = Characteristic(UUID(0x2A19), Characteristic.Properties.READ, Characteristic.READABLE, bytes([98]))
            device.add_services([Service(UUID(0x180F), [level])])
            device.advertising_data, device.scan_response_data = tool.sensor_data()
            await device.start_advertising()
            file = folder / "read.btsnoop"
            await tool.amble("gatt", "read", DEVICE, "battery_level", "-t", transport, "--capture", file)
        await in_text(file)
        await as_json(file)
        await other_kinds()
        await broken(folder, file.read_bytes())
        await follow(folder, file.read_bytes())
    assert await air.stop() == 0


support.run(test)
