"""`amble uuid`: random UUIDs, and what numbers mean. Nothing here needs a controller."""

import uuid

import support
import tool


async def draw():
    drawn = (await tool.amble("uuid", "new", "--count", 50)).lines
    assert len(set(drawn)) == 50, drawn
    for line in drawn:
        assert uuid.UUID(line).version == 4 and uuid.UUID(line).variant == uuid.RFC_4122, line
    (one,) = (await tool.amble("uuid", "new", "--json")).objects
    assert uuid.UUID(one["uuid"]).version == 4


async def look_up():
    assert (await tool.amble("uuid", "lookup", "180F")).lines == ["service        180F  Battery Service"]
    long_form = await tool.amble("uuid", "lookup", "0000180f-0000-1000-8000-00805f9b34fb", "--json")
    assert long_form.objects == [{"kind": "service", "uuid": "180F", "name": "Battery Service"}]
    found = (await tool.amble("uuid", "lookup", "battery level", "--json")).objects
    assert {"kind": "characteristic", "uuid": "2A19", "name": "Battery Level"} in found
    found = (await tool.amble("uuid", "lookup", "0x4C", "--json")).objects
    assert {"kind": "company", "number": "004C", "name": "Apple, Inc."} in found
    found = (await tool.amble("uuid", "lookup", "2902", "--json")).objects
    assert [row["kind"] for row in found] == ["descriptor"]
    found = (await tool.amble("uuid", "lookup", "272F", "--json")).objects
    assert found[0]["kind"] == "unit" and "elsius" in found[0]["name"]
    found = (await tool.amble("uuid", "lookup", "0341", "--json")).objects
    assert any(row["kind"] == "appearance" for row in found)
    assert "Apple" in (await tool.amble("uuid", "lookup", "FCB2")).out  # a company's service
    nordic = await tool.amble("uuid", "lookup", "6e400001-b5a3-f393-e0a9-e50e24dcca9e")
    assert "Nordic UART Service" in nordic.out


async def refuse():
    for nothing in ("", " ", "--", "FFFFF"):
        assert "nothing in the tables" in (await tool.amble("uuid", "lookup", "--", nothing, code=1)).err
    assert "xyzzy" in (await tool.amble("uuid", "lookup", "xyzzy", code=1)).err
    for wrong in (["uuid"], ["uuid", "lookup"], ["uuid", "old"], ["uuid", "new", "--count", "0"], ["uuid", "new", "-x"]):
        assert "--help" in (await tool.amble(*wrong, code=2)).err
    assert "examples:" in (await tool.amble("uuid", "--help")).out


async def colours():
    terminal = await tool.Terminal.start("uuid", "lookup", "180F")
    await terminal.shows("\033\\[1m180F\033\\[0m")
    assert await terminal.end() == 0
    terminal = await tool.Terminal.start("uuid", "lookup", "180F", NO_COLOR="1")
    await terminal.shows("180F  Battery")
    assert await terminal.end() == 0 and "\033" not in terminal.text


async def test():
    await draw()
    await look_up()
    await refuse()
    await colours()


support.run(test)
