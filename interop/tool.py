"""What the tests of the tool share: running `amble COMMAND`, in a pipe and on a terminal, and a Bumble peripheral for it."""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
import unicodedata

import support
from bumble.core import UUID, AdvertisingData

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "AMBLE_TRANSPORT"}
ENVIRONMENT["LSAN_OPTIONS"] = f"suppressions={support.SOURCE}/interop/data/leaks.txt:print_suppressions=0"


class Result:
    """How a command ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def objects(self):
        """One JSON object a line."""
        return [json.loads(line) for line in self.lines]


async def amble(*arguments, code=0, timeout=support.PATIENCE, stdin=None, **environment):
    """Runs a command in a pipe, with `stdin` typed into it; its exit code must be `code`."""
    process = await asyncio.create_subprocess_exec(
        support.built("amble"),
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**ENVIRONMENT, **environment},
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin.encode() if stdin else None), timeout)
    except asyncio.TimeoutError:
        process.kill()
        raise AssertionError(f"amble {arguments} does not end") from None
    result = Result(process.returncode, out.decode(), err.decode())
    assert result.code == code, f"amble {arguments}: {result.code}, not {code}\n{result.out}\n{result.err}"
    assert (code == 0) == (not result.err), f"amble {arguments}: {result.code} with stderr {result.err!r}"
    assert "\033" not in result.out, f"colours in a pipe: {result.out!r}"
    return result


def width(text):
    """How many columns of a terminal this takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


async def again(run, until):
    """For what has its own time, in which a busy machine may let too little happen: returns the first result of which `until` is true."""
    deadline = asyncio.get_running_loop().time() + support.PATIENCE
    while not until(result := await run()):
        assert asyncio.get_running_loop().time() < deadline, f"it never came: {result.out}"
    return result


async def scan(transport, *options, until, seconds=1):
    """Scans until what was heard is what is wanted."""
    return await again(lambda: amble("scan", "-t", transport, "--seconds", seconds, *options), until)


def render(text, columns):
    """What a terminal of so many columns shows after this text; it never scrolls. Knows what the tool and libedit use."""
    rows, row, column = [[]], 0, 0
    for escape, code, final, character in re.findall(r"(\033\[([?0-9;]*)([A-Za-z@])|\033.)|(.)", text, re.S):
        number = int(code) if code.isdigit() else 1
        line = rows[row]
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
        elif character == "\b":
            column = max(0, column - 1)
        elif character >= " ":
            if column == columns:
                row, column = row + 1, 0
                rows += [[] for _ in range(row + 1 - len(rows))]
                line = rows[row]
            line += [" "] * (column + 1 - len(line))
            line[column] = character
            column += 1
        elif final == "A":
            row = max(0, row - number)
        elif final == "B":
            row += number
        elif final == "C":
            column = min(columns - 1, column + number)
        elif final == "D":
            column = max(0, column - number)
        elif final == "G":
            column = number - 1
        elif final == "K":
            del line[column:]
        elif final == "J":
            del line[column:], rows[row + 1 :]
        elif final == "P":
            del line[column : column + number]
        elif final == "@":
            line[column:column] = [" "] * number
        elif escape and final not in ("m", "h", "l"):
            raise AssertionError(f"an escape sequence that render does not know: {escape!r}")
        rows += [[] for _ in range(row + 1 - len(rows))]
    return "\n".join("".join(line).rstrip() for line in rows)


class Terminal:
    """A command on a terminal of its own. `text` is all that it showed so far, with its escape sequences."""

    def __init__(self, process, master, columns):
        self.process, self.master, self.columns = process, master, columns
        self.text = ""
        self.news = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    @classmethod
    async def start(cls, *arguments, columns=100, rows=30, **environment):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # A session of its own with this terminal, so that a typed Ctrl-C reaches the program.
        process = await asyncio.create_subprocess_exec(
            support.built("amble"),
            *map(str, arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**ENVIRONMENT, "TERM": "xterm", "NO_COLOR": "", **environment},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        return cls(process, master, columns)

    def _read(self):
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the other end is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.master)
        self.text += data.decode(errors="replace")
        self.news.set()

    @property
    def screen(self):
        return render(self.text, self.columns)

    async def displays(self, pattern, timeout=support.PATIENCE):
        """Waits until what stands on the screen matches."""
        return await self.shows(pattern, timeout, lambda: self.screen)

    async def shows(self, pattern, timeout=support.PATIENCE, text=None):
        """Waits until what it showed matches; returns the match."""
        text = text or (lambda: self.text)

        async def look():
            while not (match := re.search(pattern, text(), re.S)):
                self.news.clear()
                await self.news.wait()
            return match

        try:
            return await asyncio.wait_for(look(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"the terminal never showed /{pattern}/: {text()!r}, from {self.text[-2000:]!r}") from None

    def type(self, text):
        os.write(self.master, text.encode())

    def forget(self):
        """Looks at what it shows from now on only."""
        self.text = ""

    async def control_c(self):
        """Types Ctrl-C; returns the exit code."""
        os.write(self.master, b"\x03")
        return await self.end()

    async def end(self):
        try:
            code = await asyncio.wait_for(self.process.wait(), support.PATIENCE)
        except asyncio.TimeoutError:
            self.process.kill()
            raise AssertionError(f"it does not end: {self.text!r}") from None
        with contextlib.suppress(Exception):
            asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        return code


async def follow(*arguments):
    """Starts a command in a pipe whose lines come one by one: a support.Program."""
    return await support.Program.start(support.built("amble"), *arguments)


async def interrupt(program):
    """Ctrl-C for a program in a pipe; returns its exit code."""
    return await program.stop(signal.SIGINT)


def sensor_data(name="Sensor", company=0x004C, payload=b"\x02\x15"):
    """Advertising data and scan response of the peripheral that the tests use."""
    data = AdvertisingData(
        [
            (AdvertisingData.Type.FLAGS, b"\x06"),
            (AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, bytes(UUID(0x180D)) + bytes(UUID(0x180F))),
            (AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA, struct.pack("<H", company) + payload),
            (AdvertisingData.Type.APPEARANCE, struct.pack("<H", 0x0341)),
        ]
    )
    response = AdvertisingData([(AdvertisingData.Type.COMPLETE_LOCAL_NAME, name if isinstance(name, bytes) else name.encode())])
    return bytes(data), bytes(response)


async def advertise(device, interval_ms=100, **fields):
    """Lets a Bumble device advertise, again after each link."""
    device.advertising_data, device.scan_response_data = sensor_data(**fields)
    device.advertising_interval_min = device.advertising_interval_max = interval_ms
    await device.start_advertising(auto_restart=True)
