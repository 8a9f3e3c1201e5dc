"""A capture of a whole session, dissected by tshark: every packet understood, nothing malformed.

The potentiometer example captures its side, `amble air` both controllers in one file; Bumble connects, discovers and
listens a while. Each host and its controller show the same session.
"""

import pathlib
import shutil
import subprocess
import tempfile

import support
from bumble.device import Peer

NAME = "ESP32_Potentiometer"
CHARACTERISTIC = "1b9a473a-4493-4536-8b2b-9d4133488256"


def tshark(path, display_filter):
    """The lines tshark shows of the packets that pass the filter."""
    done = subprocess.run(
        ["tshark", "-r", path, "-Y", display_filter], capture_output=True, text=True, timeout=support.PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def check_capture(path, adapter=None):
    only = "frame" if adapter is None else f"hci_mon.adapter_id == {adapter}"
    malformed = tshark(path, f"{only} && _ws.malformed")
    assert not malformed, "\n".join(malformed)
    packets = len(tshark(path, f"{only} && (bthci_cmd || bthci_evt || bthci_acl)"))
    assert packets > 50, f"{path} {adapter}: only {packets} packets"
    mtu = tshark(path, f"{only} && (btatt.opcode == 0x02 || btatt.opcode == 0x03)")
    assert len(mtu) == 2, f"{path} {adapter}: no MTU exchange"
    assert len(tshark(path, f"{only} && btatt.opcode == 0x1b")) > 5, f"{path} {adapter}: hardly a notification"
    return packets


async def session(transport):
    received = []
    async with support.bumble_host(transport, "reader", "C0:11:22:33:44:02") as bumble:
        found = await support.scan_for(bumble, NAME)
        connection = await bumble.connect(found.address, timeout=support.PATIENCE)
        peer = Peer(connection)
        await peer.request_mtu(247)
        await peer.discover_all()
        await peer.get_characteristics_by_uuid(support.UUID(CHARACTERISTIC))[0].subscribe(received.append)
        await support.eventually(lambda: len(received) > 10, "ten notifications")
        await connection.disconnect()
        await support.scan_for(bumble, NAME)  # it advertises again: the end of the link is behind both hosts


async def test():
    if not shutil.which("tshark"):
        support.skip("tshark is missing; apt-get install tshark")
    with tempfile.TemporaryDirectory() as folder, support.turning() as turning:
        host, both = pathlib.Path(folder) / "host.btsnoop", pathlib.Path(folder) / "air.btsnoop"
        air, transport = await support.start_air("--capture", both)
        potentiometer = await support.Program.start(
            support.built("examples/potentiometer"), "-t", transport, "--adc", turning, "--capture", host
        )
        await session(transport)
        assert await potentiometer.stop() == 0
        assert await air.stop() == 0
        opened = tshark(both, "hci_mon.opcode == 0")
        assert len(opened) == 2 and len(tshark(both, "hci_mon.opcode == 1")) == 2, opened
        packets, of_controllers = check_capture(host), [check_capture(both, adapter) for adapter in (0, 1)]
        assert packets in of_controllers, f"the host saw {packets} packets, the controllers {of_controllers}"


support.run(test)
