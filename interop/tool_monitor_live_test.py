"""`amble monitor` beside what happens: between a host and its controller, on the packets that `amble air --sniff` writes, and in
the time that they took. tshark judges the same file: every packet understood, every CRC right.
"""

import asyncio
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time

import support
import tool

NAME = "ESP32-LED"
LED = "539ca2ac-09e5-49be-90da-3b157549eac3"
BLUETOOTH, HCI = 31, 1


async def between(transport, folder):
    """Two hosts, one after the other, through one monitor."""
    capture = folder / "between.btsnoop"
    monitor = await tool.follow(
        "monitor", "-t", transport, "--listen", "tcp-server:127.0.0.1:0", "--capture", capture
    )
    port = (await monitor.line(r"waiting for a host at tcp-server:127\.0\.0\.1:(\d+)")).group(1)
    for value in ("1", "0"):
        await tool.amble("gatt", "write", NAME, LED, value, "--format", "u8", "-t", f"tcp-client:127.0.0.1:{port}")
        await monitor.line("a host came")
        await monitor.line("> command  Reset")
        await monitor.line(f"> att      Write Request .*{LED.upper()}.* = 0{value}")
        await monitor.line("the host left")
    assert await tool.interrupt(monitor) == 0
    shown = [line for line in monitor.lines if "amble monitor" not in line and "output ended" not in line]
    kept = (await tool.amble("monitor", capture)).lines

    def without_time(line):
        return line.split(None, 1)[1]

    assert [without_time(line) for line in shown] == [without_time(line) for line in kept]


async def without_controller(transport, air, led):
    """The controller goes, or never was there: under a monitor, under any other command, under an example."""
    scan = await tool.follow("scan", "--seconds", "60", "-t", transport)
    await scan.line("02:AB:1E")
    monitor = await tool.follow("monitor", "-t", transport, "--listen", "tcp-server:127.0.0.1:0", "--json")
    await monitor.line("waiting for a host")
    assert await air.stop() == 0
    await monitor.line("amble monitor: tcp-client:.*the other side closed the connection")
    assert await asyncio.wait_for(monitor.process.wait(), support.PATIENCE) == 3
    await scan.line("amble scan: tcp-client:.*the other side closed the connection")
    assert await asyncio.wait_for(scan.process.wait(), support.PATIENCE) == 3
    await led.line("led: tcp-client:.*the other side closed the connection")
    assert await asyncio.wait_for(led.process.wait(), support.PATIENCE) == 3
    gone = await tool.amble("monitor", "-t", transport, "--listen", "tcp-server:127.0.0.1:0", code=3)
    assert "nobody listens there" in gone.err, gone.err


async def kernel():
    try:
        socket.socket(BLUETOOTH, socket.SOCK_RAW, HCI).close()
    except OSError:
        refused = await tool.amble("monitor", "-t", "hci-monitor", code=3)
        assert "Bluetooth" in refused.err or "CAP_NET_RAW" in refused.err, refused.err


async def wrong_usage():
    for wrong, words in (
        (["-t", "air:desk"], "--listen"),
        (["a", "-t", "air:desk"], "exclude each other"),
        (["-t", "hci-monitor", "--listen", "tcp-server:_:0"], "listens by itself"),
        (["a", "--speed", "2"], "--replay"),
        (["a", "--capture", "b"], "--listen"),
        (["-t", "hci-monitor", "--replay"], "FILE"),
        ([], "FILE"),
    ):
        assert words in (await tool.amble("monitor", *wrong, code=2)).err


async def on_the_air(path):
    rows = (await tool.amble("monitor", path, "--json")).objects
    assert all(row["crc"] == "right" for row in rows)
    assert {row["channel"] for row in rows if row["direction"] == "broadcast"} == {37, 38, 39}
    connects = [row for row in rows if row["name"] == "CONNECT_IND"]
    assert len(connects) == 2, connects
    links = {row["link"] for row in rows if "link" in row}
    assert len(links) == 2 and all(f"access address 0x{link:08X}" in str(connects) for link in links)
    writes = [row for row in rows if row["name"] == "Write Request"]
    assert [row["detail"][-2:] for row in writes] == ["01", "00"] and LED.upper() in writes[0]["detail"], writes
    assert {row["direction"] for row in writes} == {"to peripheral"}
    assert {row["direction"] for row in rows if row["name"] == "Write Response"} == {"to central"}
    assert any(row["name"] == "LL_LENGTH_RSP" and "251 bytes in" in row["detail"] for row in rows)
    assert any(row["name"] == "LL_TERMINATE_IND" for row in rows)
    link = min(links)
    mine = (await tool.amble("monitor", path, "--link", f"0x{link:08X}", "--json")).objects
    assert mine and all(row["link"] == link for row in mine)
    lines = (await tool.amble("monitor", path, "--only", "ll")).lines
    assert any("* ll       ADV_IND  02:AB:1E:00:00:0" in line and "[channel 37, -" in line for line in lines)
    return rows[-1]["time"]


async def replay(path, seconds):
    began = time.monotonic()
    speed = max(1, int(seconds / 0.4))
    lines = (await tool.amble("monitor", path, "--replay", "--speed", speed)).lines
    assert time.monotonic() - began >= seconds / speed, f"{seconds} s, {speed} times as fast"
    assert lines == (await tool.amble("monitor", path)).lines


def fields(path, *names):
    wanted = [part for name in names for part in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-r", path, "-T", "fields", *wanted], capture_output=True, text=True, timeout=support.PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def without_checked_crcs(path, copy):
    """The same file, which does not say that its CRCs are right: tshark has to see for itself where it can."""
    whole = path.read_bytes()
    out, at = bytearray(whole[:24]), 24
    while at < len(whole):
        size = struct.unpack_from("<I", whole, at + 8)[0]
        record = bytearray(whole[at : at + 16 + size])
        flags = struct.unpack_from("<H", record, 24)[0] & ~0x0C00
        struct.pack_into("<H", record, 24, flags)
        out += record
        at += 16 + size
    copy.write_bytes(out)
    return copy


def judged(path, folder):
    rows = fields(path, "_ws.malformed", "btle.crc.incorrect", "btle.advertising_header.pdu_type", "btatt.opcode")
    assert len(rows) > 50 and all(not row[0] for row in rows), [row for row in rows if row[0]]
    assert any(row[3] == "0x12" for row in rows) and any(row[2] == "0x05" for row in rows)
    seen = fields(without_checked_crcs(path, folder / "unchecked.pcap"), "btle.crc.incorrect", "_ws.expert.message")
    assert not [row for row in seen if row[0] == "1" or "Incorrect" in row[1]]
    checked = [row for row in seen if "unchecked" not in row[1]]
    assert len(checked) > 5, "tshark looked at no CRC"


async def test():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sniffed = folder / "air.pcap"
        air, transport = await support.start_air("--sniff", sniffed)
        led = await support.Program.start(support.built("examples/led"), "-t", transport, "--led", "term")
        await between(transport, folder)
        await without_controller(transport, air, led)
        await replay(sniffed, await on_the_air(sniffed))
        await kernel()
        await wrong_usage()
        refused = await tool.amble("air", "--sniff", folder / "no" / "where", code=2)
        assert "cannot be written there" in refused.err
        if shutil.which("tshark"):
            judged(sniffed, folder)
        else:
            support.skip("tshark is missing; apt-get install tshark")


support.run(test)
