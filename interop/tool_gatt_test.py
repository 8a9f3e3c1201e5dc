"""`amble gatt` against a Bumble peripheral: the tree, reading, writing and following values; the ends of links."""

import asyncio
import struct

import support
import tool
from sensor import ADDRESS, CONTROL, DEVICE, LONG, Sensor

async def show_tree(gatt):
    found = (await gatt("tree", DEVICE)).out
    for part in (
        "Heart Rate  180D",
        "    Heart Rate Measurement  2A37  notify",
        "        Client Characteristic Configuration  2902  = off",
        "    Battery Level  2A19  read  = 98 %",
        "        Characteristic Presentation Format  2904  = u8, percentage",
        "    Temperature  2A6E  read  = -12.34 °C",
        f"    {CONTROL.upper()}  read write_no_response write  = 00 01 02",
        "    Device Name  2A00  read",
        "(ATT 0x",  # the secret's refusal, in place
    ):
        assert part in found, f"{part!r} not in\n{found}"
    rows = (await gatt("tree", DEVICE, "--json")).objects
    level = next(row for row in rows if row["uuid"] == "2A19")
    assert level["kind"] == "characteristic" and level["uuid_name"] == "Battery Level", level
    assert (level["value"], level["text"], level["properties"]) == ("62", "98 %", ["read"]), level
    assert [row["uuid"] for row in rows if row["kind"] == "service"][-3:] == ["180D", "180F", "181A"], rows
    assert any("error" in row for row in rows)
    assert "98 %" not in (await gatt("tree", DEVICE, "--no-values")).out


async def read(gatt):
    assert (await gatt("read", DEVICE, "battery_level")).lines == ["98 %"]
    assert (await gatt("read", "Sensor", "2A19", "--format", "u8")).lines == ["98"]
    assert (await gatt("read", DEVICE, "temperature", "--format", "s16le")).lines == ["-1234"]
    assert (await gatt("read", DEVICE, CONTROL)).lines == [LONG.hex(" ").upper()]
    (row,) = (await gatt("read", DEVICE, CONTROL, "--byte-limit", 4, "--json")).objects
    assert (row["value"], row["size"], row["truncated"], row["text"]) == ("00010203", 300, True, "00 01 02 03"), row


async def write(gatt, sensor):
    await gatt("write", DEVICE, CONTROL, "0a0B 0c")
    await gatt("write", DEVICE, CONTROL, "-2,300", "--format", "s16le", "--no-response")
    await gatt("write", DEVICE, CONTROL, "grün", "--format", "utf8", "--service", "environmental_sensing")
    await gatt("write", DEVICE, CONTROL, "1.5", "--format", "f32le", "--json")
    expected = [b"\x0a\x0b\x0c", struct.pack("<hh", -2, 300), "grün".encode(), struct.pack("<f", 1.5)]
    await support.eventually(lambda: sensor.written == expected, f"{sensor.written} is {expected}")


async def subscribe(gatt, transport, sensor):
    beating = asyncio.ensure_future(sensor.beat())
    rows = (await gatt("subscribe", DEVICE, "heart_rate_measurement", "--count", 3, "--json")).objects
    rates = [int(row["text"].removesuffix(" bpm")) for row in rows]
    assert rates == list(range(rates[0], rates[0] + 3)) and rows[0]["indication"] is False, rows
    assert (await gatt("subscribe", DEVICE, "2A05", "--seconds", "0.2")).lines == []  # indications, none came
    program = await tool.follow("gatt", "subscribe", DEVICE, "2A37", "-t", transport)
    await program.line(r"^\d+ bpm$")
    await program.line(r"^\d+ bpm$")
    assert await tool.interrupt(program) == 0
    await support.eventually(lambda: not sensor.device.connections, "the link is left on Ctrl-C")
    terminal = await tool.Terminal.start("gatt", "subscribe", DEVICE, "2A37", "-t", transport)
    await terminal.shows(r"\d+ bpm")
    assert await terminal.control_c() == 0
    await support.eventually(lambda: not sensor.device.connections, "the link is left on a typed Ctrl-C")
    program = await tool.follow("gatt", "subscribe", DEVICE, "2A37", "-t", transport)
    await program.line(r"^\d+ bpm$")
    (connection,) = sensor.device.connections.values()
    await connection.disconnect()
    await program.line("the link is gone")
    assert await program.process.wait() == 1
    beating.cancel()


async def fail(gatt, transport):
    assert "no characteristic 2A6F" in (await gatt("read", DEVICE, "humidity", code=1)).err
    assert "no characteristic" in (await gatt("read", DEVICE, CONTROL, "--service", "180F", code=1)).err
    absent = ("C0:00:00:00:00:01/r", "2A19", "--timeout", "0.3")
    assert "no link to C0:00:00:00:00:01/r" in (await gatt("read", *absent, code=4)).err
    assert "Nobody" in (await gatt("read", "Nobody", "2A19", "--timeout", "0.3", code=4)).err
    for wrong in (
        ["read", DEVICE],
        ["tree"],
        ["tree", DEVICE, "2A19"],
        ["read", DEVICE, "xyzzy"],
        ["read", DEVICE, "2A19", "--format", "u17"],
        ["write", DEVICE, "2A19", "0g"],
        ["write", DEVICE, "2A19", "256", "--format", "u8"],
        ["write", DEVICE, "2A19", "00", "--long", "--no-response"],
        ["burn", DEVICE],
    ):
        assert "--help" in (await gatt(*wrong, code=2)).err
    assert "examples:" in (await tool.amble("gatt", "--help")).out


async def colours(transport):
    terminal = await tool.Terminal.start("gatt", "tree", DEVICE, "-t", transport)
    await terminal.shows("\033\\[32m98 %\033\\[0m")
    assert await terminal.end() == 0


async def test():
    air, transport = await support.start_air()

    async def gatt(*arguments, **keywords):
        return await tool.amble("gatt", *arguments, "-t", transport, **keywords)

    async with support.bumble_host(transport, "Sensor", ADDRESS) as device:
        sensor = Sensor(device)
        await tool.advertise(device)
        await show_tree(gatt)
        await read(gatt)
        await write(gatt, sensor)
        await subscribe(gatt, transport, sensor)
        await fail(gatt, transport)
        await colours(transport)
        await support.eventually(lambda: device.is_advertising, "the sensor advertises again")
        await asyncio.sleep(0.5)  # Bumble says so before its last command; closing now would only be noisy
    assert await air.stop() == 0


support.run(test)
