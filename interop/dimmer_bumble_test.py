"""The dimmer example, used by a host nobody here wrote.

Bumble writes the duty with and without response and reads it back, and the LED follows; a value of another length is
ignored, and the dimmer says so.
"""

import struct

import support
from bumble.device import Peer

NAME = "ESP32-LED"
SERVICE = "458063a1-02bf-4664-857e-16c1030be066"
CHARACTERISTIC = "a5209632-66a9-411d-9353-9be5507790fa"


async def use(duty, dimmer):
    for value in (0, 1, 256, 32768, 65535):
        for with_response in (True, False):
            encoded = struct.pack("<H", value)
            await duty.write_value(encoded, with_response=with_response)
            await dimmer.line(rf"duty {value}$")
            assert await duty.read_value() == encoded
    for wrong in (b"", b"\x01", b"\x01\x02\x03"):
        await duty.write_value(wrong, with_response=True)
        await dimmer.line(rf"ignored a value of {len(wrong)} bytes")
    await duty.write_value(b"\x34\x12", with_response=False)
    await dimmer.line(r"duty 4660$")
    for value in range(0, 20000, 1000):  # in a burst
        await duty.write_value(struct.pack("<H", value), with_response=False)
    await dimmer.line(r"duty 19000$")


async def test():
    air, transport = await support.start_air()
    dimmer = await support.Program.start(support.built("examples/dimmer"), "-t", transport, "--pwm", "term")
    async with support.bumble_host(transport, "writer", "C0:11:22:33:44:02") as bumble:
        found = await support.scan_for(bumble, NAME, SERVICE)
        connection = await bumble.connect(found.address, timeout=support.PATIENCE)
        peer = Peer(connection)
        await peer.discover_all()
        await use(peer.get_characteristics_by_uuid(support.UUID(CHARACTERISTIC))[0], dimmer)
        await connection.disconnect()
        await support.scan_for(bumble, NAME, SERVICE)
    assert await dimmer.stop() == 0
    assert await air.stop() == 0


support.run(test)
