"""`amble connect` holds a link to a Bumble peripheral, changes its parameters and PHY, and grants what the peripheral asks
for, through the link layer and through L2CAP."""

import json

import support
import tool

DEVICE = "C0:11:22:33:44:55/r"


async def event(program, name, **expected):
    row = json.loads((await program.line(f'"event":"{name}"')).group(0) and program.lines[program.seen - 1])
    assert expected.items() <= row.items(), (row, expected)
    return row


async def changed_by_either_side(bumble, transport):
    program = await tool.follow(
        *("connect", "-t", transport, "--params", "50-60,1,3000", "--phy", "2m", "--json", "Sensor"),
    )
    first = await event(program, "connected", address=DEVICE, latency=0, send_phy="1m", send_bytes=251)
    assert 7500 <= first["interval_us"] <= 15000 and first["rssi"] < 0, first
    row = await event(program, "changed", latency=1, supervision_timeout_ms=3000, send_phy="2m", receive_phy="2m")
    assert 50000 <= row["interval_us"] <= 60000, row
    (connection,) = bumble.connections.values()
    await support.eventually(
        lambda: connection.parameters.connection_interval == row["interval_us"] / 1000
        and connection.parameters.peripheral_latency == 1
        and connection.parameters.supervision_timeout == 3000,
        "the peripheral sees the same parameters",
    )
    await connection.update_parameters(30, 30, 0, 4000)
    await event(program, "changed", latency=0, interval_us=30000, supervision_timeout_ms=4000)
    await connection.update_parameters(45, 45, 2, 5000, use_l2cap=True)
    await event(program, "changed", latency=2, interval_us=45000, supervision_timeout_ms=5000)
    return program, connection


async def far_away(transport):
    """A peripheral on LE Coded is found by who listens there."""
    far = await tool.follow("advertise", "-t", transport, "--name", "Far", "--phy", "coded", "--interval", "50")
    await far.line("^advertising as")
    assert "no device was heard" in (await tool.amble("connect", "-t", transport, "--timeout", "0.5", "Far", code=4)).err
    done = await tool.amble("connect", "-t", transport, "--coded", "--seconds", "0.3", "--json", "Far")
    assert done.objects[0]["send_phy"] == done.objects[0]["receive_phy"] == "coded", done.out
    await far.line("^disconnected")
    assert await tool.interrupt(far) == 0


async def test():
    air, transport = await support.start_air()
    await far_away(transport)
    async with support.bumble_host(transport, "Sensor", "C0:11:22:33:44:55") as bumble:
        await tool.advertise(bumble)
        program, _ = await changed_by_either_side(bumble, transport)
        assert await tool.interrupt(program) == 0
        await support.eventually(lambda: not bumble.connections, "the link is left on Ctrl-C")
        program, connection = await changed_by_either_side(bumble, transport)
        await connection.disconnect()
        row = await event(program, "disconnected")
        assert "0x13" in row["reason"], row
        done = await tool.amble("connect", "-t", transport, "--seconds", "0.3", DEVICE)
        assert f"connected {DEVICE}  interval 15 ms  latency 0" in done.out, done.out
    assert "no device was heard" in (
        await tool.amble("connect", "-t", transport, "--timeout", "0.3", "Nobody", code=4)
    ).err
    params = ("5", "7.4", "0x20", " 30", "30.0.1", "30-", "30-20", "200,4,2000")
    for wrong in ([], ["a", "b"], ["--phy", "3m", "a"], *(["--params", value, "a"] for value in params)):
        assert "--help" in (await tool.amble("connect", *wrong, code=2)).err, wrong
    assert "examples:" in (await tool.amble("connect", "--help")).out
    assert await air.stop() == 0


support.run(test)
