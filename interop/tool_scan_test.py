"""`amble scan` sees a Bumble peripheral: in lines, as JSON, as a table on a terminal.

This runs in real time on a simulated radio, so the estimated interval is judged with a wide margin, and what a busy machine did not let
be heard in one scan is looked for in the next one.
"""

import support
import tool

ADDRESS = "C0:11:22:33:44:55"
DEVICE = f"{ADDRESS}/r"


async def in_lines(transport):
    def lines(found):
        return [line for line in found.lines if DEVICE in line and "Sensor" in line]

    (line,) = lines(await tool.scan(transport, "--active", until=lines))
    for part in ("dBm", "connectable", '"Sensor"', "Heart Rate", "Battery Service", "Apple, Inc."):
        assert part in line, (part, line)


async def as_json(transport):
    def of_device(found):
        return [device for device in found.objects if device["address"] == DEVICE]

    def often(found):
        last = (of_device(found) or [{}])[-1]
        return last.get("count", 0) > 5 and "name" in last and 50 < last["interval_ms"] < 300  # 100 ms, see above

    seen = of_device(await tool.scan(transport, "--active", "--watch", "--json", until=often, seconds=2))
    last = seen[-1]
    assert last["name"] == "Sensor" and last["connectable"] is True and -120 < last["rssi"] < 0, last
    assert [s["uuid"] for s in last["services"]] == ["180D", "180F"], last
    assert [s["uuid_name"] for s in last["services"]] == ["Heart Rate", "Battery Service"], last
    assert last["manufacturer"] == {"company": 0x4C, "company_name": "Apple, Inc.", "data": "0215"}, last
    assert last["appearance"] == 0x0341 and "eart rate" in last["appearance_name"], last
    assert last["count"] == len(seen) + seen[0]["count"] - 1, last
    (first,) = (await tool.scan(transport, "--json", until=lambda found: found.lines)).objects
    assert "name" not in first and first["response"] == "", first  # passive: no scan response


async def filters(transport):
    await tool.scan(transport, "--active", "--service", "heart_rate", "--name", "Sensor", until=lambda found: found.lines)
    for others in (("--service", "181A"), ("--name", "Another"), ("--rssi", "-1")):
        assert not (await tool.amble("scan", "-t", transport, "--active", "--seconds", "0.7", *others)).lines, others


async def refusals():
    assert "--help" in (await tool.amble("scan", "--rssi", "5", code=2)).err
    assert "-t TRANSPORT" in (await tool.amble("scan", code=2)).err
    assert (await tool.amble("scan", "-t", "nothing:x", code=2)).err
    assert "nobody listens" in (await tool.amble("scan", "-t", "tcp-client:127.0.0.1:1", code=3)).err
    assert "examples:" in (await tool.amble("scan", "--help")).out


async def on_a_terminal(transport):
    terminal = await tool.Terminal.start("scan", "-t", transport, "--active", "--watch")
    await terminal.shows(r"ADDRESS.*C0:11:22:33:44:55/r.*\d+ ms.*Sensor.*Heart Rate, Battery")
    await terminal.shows("\033\\[3[123]m")  # the colour of the signal
    await terminal.shows("\033\\[2A.*\033\\[2A.*\033\\[2A")  # drawn over itself: the head and one row
    assert await terminal.control_c() == 0
    terminal = await tool.Terminal.start("scan", "-t", transport, "--seconds", "0.3")
    assert await terminal.end() == 0
    terminal = await tool.Terminal.start("scan", "-t", transport, "--watch", NO_COLOR="1")
    await terminal.shows(DEVICE)
    assert await terminal.control_c() == 0 and "\033[3" not in terminal.text and "\033[1m" not in terminal.text
    terminal = await tool.Terminal.start("scan", "-t", transport, "--watch", TERM="dumb")
    await terminal.shows(DEVICE)
    assert await terminal.control_c() == 0 and "\033" not in terminal.text


async def at_every_width(device, transport):
    """The table is drawn over itself, so none of its lines may be wider than the terminal, also one of Chinese."""
    await device.stop_advertising()
    await tool.advertise(device, name="\u6e29\u5ea6\u4f20\u611f\u5668")  # five characters, ten columns
    for columns in (20, 40, 60, 74, 75, 80, 200):
        parts = {20: (), 40: ("\u6e29",), 60: ("\u5668", " ms"), 74: ("\u5668", " ms")}.get(columns, ("\u5668", " ms", "Heart Rat"))
        terminal = await tool.Terminal.start("scan", "-t", transport, "--active", "--watch", columns=columns)
        rows = lambda: [line for line in terminal.screen.splitlines() if line]
        drawn = lambda: len(terminal.text.split("ADDRESS")) > 3 and len(rows()) > 1 and all(part in rows()[1] for part in parts)
        await support.eventually(drawn, lambda: f"{parts} drawn a few times in {columns} columns: {rows()}, {terminal.text!r}")
        shown = rows()
        assert len(shown) == 2 and shown[0].startswith("ADDRESS") and shown[1].startswith(DEVICE[:19]), (columns, shown)
        assert max(tool.width(line) for line in shown) < columns, (columns, shown)
        if columns == 80:  # what stands behind the name is under its title
            assert tool.width(shown[1].split("Heart")[0]) == shown[0].index("SERVICES"), shown
        assert await terminal.control_c() == 0, terminal.text
    await device.stop_advertising()
    await tool.advertise(device)


async def ends(transport):
    program = await tool.follow("scan", "-t", transport, "--watch", "--json")
    await program.line(ADDRESS)
    assert await tool.interrupt(program) == 0
    # A reader that leaves ends it too, as `| head -1` does.
    program = await tool.follow("scan", "-t", transport, "--watch")
    await program.line(ADDRESS)
    program.process._transport.get_pipe_transport(1).close()
    assert await program.process.wait() == 0


async def hostile_name(device, transport):
    """A name that would clear the terminal is shown, not obeyed."""
    await device.stop_advertising()
    await tool.advertise(device, name=b"\033[2J\xff")
    await tool.scan(transport, "--active", until=lambda found: "\ufffd[2J\ufffd" in found.out)


async def test():
    air, transport = await support.start_air()
    await refusals()
    async with support.bumble_host(transport, "Sensor", ADDRESS) as device:
        await tool.advertise(device)
        await in_lines(transport)
        await as_json(transport)
        await filters(transport)
        await on_a_terminal(transport)
        await at_every_width(device, transport)
        await ends(transport)
        await hostile_name(device, transport)
    assert await air.stop() == 0


support.run(test)
