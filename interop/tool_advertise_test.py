"""`amble advertise`, seen and connected to by Bumble, and seen by `amble scan`."""

import re

import support
import tool


async def seen_by_bumble(bumble, transport):
    program = await tool.follow(
        *("advertise", "-t", transport, "--name", "Lamp", "--service", "battery_service", "--service", "181A"),
        *("--manufacturer", "004C:0215", "--appearance", "heart_rate_sensor", "--interval", "50", "--json"),
    )
    await program.line('"event":"advertising"')
    found = await support.scan_for(bumble, "Lamp", "180F")
    connection = await bumble.connect(found.address, timeout=support.PATIENCE)
    await program.line('"event":"connected"')
    await connection.disconnect()
    await program.line('"event":"disconnected".*"reason":"HCI 0x13')
    found = await support.scan_for(bumble, "Lamp", "181A")  # it goes on
    connection = await bumble.connect(found.address, timeout=support.PATIENCE)
    await program.line('"event":"connected"')
    assert await tool.interrupt(program) == 0
    await support.eventually(lambda: not bumble.connections, "the link is left on Ctrl-C")


async def beacon(transport):
    program = await tool.follow(
        *("advertise", "-t", transport, "--not-connectable", "--no-name", "--manufacturer", "FFFF:00AB", "--interval", "50"),
        *("--seconds", "600"),
    )
    address = (await program.line("^advertising as (.*)")).group(1)

    def of_beacon(found):
        return [row for row in found.objects if row["address"] == address]

    (seen,) = of_beacon(await tool.scan(transport, "--json", until=of_beacon))
    assert seen["connectable"] is False and "name" not in seen, seen
    assert seen["manufacturer"]["company"] == 0xFFFF and seen["manufacturer"]["data"] == "00AB", seen
    assert await tool.interrupt(program) == 0


async def anonymous(transport):
    program = await tool.follow("advertise", "-t", transport, "--anonymous", "--no-name", "--manufacturer", "FFFF:00AB")
    await program.line("^advertising without an address$")

    def without_address(found):
        return [row for row in found.objects if row.get("anonymous")]

    (seen,) = without_address(await tool.scan(transport, "--json", until=without_address))
    assert "address" not in seen and seen["manufacturer"]["data"] == "00AB" and seen["connectable"] is False, seen
    await tool.scan(transport, until=lambda found: re.search("^anonymous  .*not connectable", found.out, re.M))
    assert await tool.interrupt(program) == 0


async def test():
    air, transport = await support.start_air()
    async with support.bumble_host(transport, "central", "C0:11:22:33:44:02") as bumble:
        await seen_by_bumble(bumble, transport)
    await anonymous(transport)
    await beacon(transport)
    await tool.amble("advertise", "-t", transport, "--seconds", "0.2")
    await tool.amble("advertise", "-t", transport, "--seconds", "0.2", "--not-connectable")
    too_long = ("--service", "b0000001-1111-4222-8333-444455556666", "--manufacturer", "FFFF:" + 20 * "00", "--name", 20 * "n")
    assert "does not fit" in (await tool.amble("advertise", "-t", transport, *too_long, code=1)).err
    for wrong in (["--interval", "10"], ["--manufacturer", "4C"], ["--manufacturer", "004C:0"], ["--name", 32 * "n"], ["x"]):
        assert "--help" in (await tool.amble("advertise", *wrong, code=2)).err
    assert "examples:" in (await tool.amble("advertise", "--help")).out
    assert await air.stop() == 0


support.run(test)
