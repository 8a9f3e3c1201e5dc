"""The tool and the potentiometer example, which is ours: found by name, read, followed; each time the link is left cleanly,
or the next command would not find it advertising.
"""

import support
import tool

NAME = "ESP32_Potentiometer"
CHARACTERISTIC = "1b9a473a-4493-4536-8b2b-9d4133488256"


async def test():
    readings, _ = support.trace()
    with support.turning() as path:
        await use(path, support.changes(readings, more_than=10))


async def use(path, sent):
    air, transport = await support.start_air()
    example = await support.Program.start(support.built("examples/potentiometer"), "-t", transport, "--adc", path)
    numbers = ("--format", "u16le", "-t", transport)

    (value,) = (await tool.amble("gatt", "read", NAME, CHARACTERISTIC, *numbers)).lines
    assert int(value) in sent, value
    program = await tool.follow("gatt", "subscribe", NAME, CHARACTERISTIC, *numbers)
    received = [int((await program.line(r"^(\d+)$")).group(1)) for _ in range(len(sent) // 2)]
    assert support.in_turn(received, sent), f"{received} is no part of {sent}"
    assert await tool.interrupt(program) == 0
    (row,) = (await tool.amble("gatt", "read", NAME, CHARACTERISTIC, *numbers, "--json")).objects
    assert int(row["text"]) in sent and row["size"] == 2, row
    tree = (await tool.amble("gatt", "tree", NAME, "-t", transport)).out
    assert "Device Name  2A00" in tree and CHARACTERISTIC.upper() in tree, tree

    assert await example.stop() == 0
    assert await air.stop() == 0


support.run(test)
