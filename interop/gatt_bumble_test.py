"""The GATT server, asked by a host nobody here wrote: parts of writes, several values at once, the database's hash.

Bumble's client has no long writes of its own, so its requests are written out one by one; its AES-CMAC computes the hash
from what its own discovery finds.
"""

import struct

import support
import tool
from bumble import att
from bumble.crypto import aes_cmac
from bumble.device import Peer

NAME = "ESP32-LED"
GAP_NAME = b"amble"
SERVICE = "48407a44-6e13-4d28-a559-210de862bc29"
CHARACTERISTIC = "539ca2ac-09e5-49be-90da-3b157549eac3"
HASHED_WITH_VALUE = (0x2800, 0x2801, 0x2802, 0x2803, 0x2900)
HASHED = (0x2901, 0x2902, 0x2903, 0x2904, 0x2905)


def refused(response, error):
    assert isinstance(response, att.ATT_Error_Response), response
    assert response.error_code == error, response


async def write_in_parts(ask, led, program):
    def part(offset, value):
        return att.ATT_Prepare_Write_Request(attribute_handle=led.handle, value_offset=offset, part_attribute_value=value)

    def execute(flags):
        return att.ATT_Execute_Write_Request(flags=flags)

    for offset, value in ((0, b"\x00"), (1, b"\x00\x01")):
        echo = await ask(part(offset, value))
        assert (echo.attribute_handle, echo.value_offset, echo.part_attribute_value) == (led.handle, offset, value)
    assert isinstance(await ask(execute(1)), att.ATT_Execute_Write_Response)
    await program.line("^LED on$")
    assert await led.read_value() == b"\x00\x00\x01"
    await ask(part(0, b"\x00"))
    assert isinstance(await ask(execute(0)), att.ATT_Execute_Write_Response)  # cancelled
    assert await led.read_value() == b"\x00\x00\x01"
    await ask(part(0, b"12345"))
    refused(await ask(execute(1)), 0x0D)
    await ask(part(4, b"1"))
    refused(await ask(execute(1)), 0x07)
    assert await led.read_value() == b"\x00\x00\x01"
    full = [await ask(part(0, bytes(18))) for _ in range(60)]
    refused(full[-1], 0x09)
    await ask(execute(0))


async def read_several(ask, led, name):
    handles = [led.handle, name.handle]
    values = await ask(att.ATT_Read_Multiple_Request(set_of_handles=handles))
    assert values.set_of_values == b"\x00\x00\x01" + GAP_NAME, values
    values = await ask(att.ATT_Read_Multiple_Variable_Request(set_of_handles=handles))
    assert [bytes(value) for _, value in values.length_value_tuple_list] == [b"\x00\x00\x01", GAP_NAME], values


async def compare_hash(ask, peer):
    """What Bumble finds, hashed as Vol 3 Part G 7.3.1 has it."""
    message = b""
    for attribute in sorted(await peer.discover_attributes(), key=lambda found: found.handle):
        short = int.from_bytes(attribute.type.to_bytes(), "little") if len(attribute.type.to_bytes()) == 2 else 0
        if short in HASHED_WITH_VALUE or short in HASHED:
            message += struct.pack("<HH", attribute.handle, short)
        if short in HASHED_WITH_VALUE:
            message += await peer.gatt_client.read_value(attribute)
    response = await ask(
        att.ATT_Read_By_Type_Request(starting_handle=1, ending_handle=0xFFFF, attribute_type=support.UUID("2B2A"))
    )
    ((_, value),) = response.attributes
    assert value == aes_cmac(message, bytes(16))[::-1], (value.hex(), message.hex())


async def test():
    air, transport = await support.start_air()
    async with support.bumble_host(transport, "client", "C0:11:22:33:44:02") as bumble:
        program = await support.Program.start(support.built("examples/led"), "-t", transport)
        found = await support.scan_for(bumble, NAME, SERVICE)
        connection = await bumble.connect(found.address, timeout=support.PATIENCE)
        peer = Peer(connection)
        await peer.discover_all()
        (led,) = peer.get_characteristics_by_uuid(support.UUID(CHARACTERISTIC))
        (name,) = peer.get_characteristics_by_uuid(support.UUID("2A00"))
        await write_in_parts(peer.gatt_client.send_request, led, program)
        await read_several(peer.gatt_client.send_request, led, name)
        await compare_hash(peer.gatt_client.send_request, peer)
        (features,) = peer.get_characteristics_by_uuid(support.UUID("2B29"))
        await features.write_value(b"\x05", with_response=True)
        assert await features.read_value() == b"\x05"
        try:
            await features.write_value(b"\x01", with_response=True)
            raise AssertionError("a feature was taken back")
        except att.ATT_Error as error:
            assert error.error_code == 0x13, error
        await connection.disconnect()
        await tool.amble("gatt", "write", NAME, CHARACTERISTIC, "00", "--long", "-t", transport)  # ours does the same
        await program.line("^LED off$")
        assert await program.stop() == 0
    assert await air.stop() == 0


support.run(test)
