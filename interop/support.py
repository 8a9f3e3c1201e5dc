"""What the tests with foreign stacks share: finding the programs, running them, a Bumble host on the simulated radio.

A test is a coroutine given to `run`. It waits for what shall happen and never for a time, for a busy machine may stop any process
at any moment; PATIENCE and the hard limit of a test only tell late from never. Every program it started is ended with it, and when it
fails everything that those programs said is printed. A test that misses something on this machine ends with 77, which
CTest counts as skipped, but under CI=true as failed.
"""

import asyncio
import contextlib
import logging
import os
import pathlib
import re
import signal
import sys
import tempfile
import traceback

SOURCE = pathlib.Path(__file__).resolve().parent.parent
SKIPPED = 77
PATIENCE, LIMIT = 60, 240  # seconds: for one thing, for a whole test


def skip(reason):
    """Ends the test: something is missing here."""
    print(reason)
    sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)


try:
    from bumble.core import UUID, AdvertisingData
    from bumble.device import Device, DeviceConfiguration
    from bumble.hci import Address
    from bumble.transport import open_transport
except ImportError as missing:
    skip(f"Bumble is missing ({missing}); ./check makes build/venv with it")


def build_folder():
    """The first argument, or where CTest says, or build/."""
    if len(sys.argv) > 1:
        return pathlib.Path(sys.argv[1]).resolve()
    return pathlib.Path(os.environ.get("AMBLE_BINARY_DIR", SOURCE / "build"))


def built(name):
    """The path of one of our programs."""
    path = build_folder() / name
    if not path.exists():
        skip(f"{path} is missing; build it first")
    return str(path)


def trace():
    """The recorded turning of a potentiometer, and the file it is in: one reading a line, 0 to 4095."""
    path = SOURCE / "interop" / "data" / "potentiometer.txt"
    return [int(line) for line in path.read_text().split()], path


@contextlib.contextmanager
def turning(rounds=40):
    """A file in which the potentiometer is turned so again and again, for more than nine minutes: nobody comes too late to see it move."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(trace()[1].read_text() * rounds)
        file.flush()
        yield file.name


def in_turn(received, sent):
    """Whether these values stand side by side in those, which come again and again."""
    again = sent * (len(received) // len(sent) + 2)
    return any(again[start : start + len(received)] == received for start in range(len(sent)))


def changes(readings, more_than):
    """What a device sends that sends only what differs enough from the last it sent."""
    sent = []
    for reading in readings:
        if not sent or abs(reading - sent[-1]) > more_than:
            sent.append(reading)
    return sent


class Program:
    """A child process. Its lines are kept, and can be waited for."""

    started = []

    def __init__(self, process, name):
        self.process = process
        self.name = name
        self.lines = []
        self.seen = 0
        self.news = asyncio.Event()
        self.reader = asyncio.ensure_future(self._read())
        Program.started.append(self)

    @classmethod
    async def start(cls, *arguments):
        process = await asyncio.create_subprocess_exec(
            *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return cls(process, pathlib.Path(str(arguments[0])).name)

    async def _read(self):
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            self.news.set()
        self.lines.append("(its output ended)")
        self.news.set()

    async def line(self, pattern, timeout=PATIENCE):
        """Waits for a line that matches, behind the last one found; returns the match."""

        async def look():
            while True:
                while self.seen < len(self.lines):
                    self.seen += 1
                    if match := re.search(pattern, self.lines[self.seen - 1]):
                        return match
                self.news.clear()
                await self.news.wait()

        try:
            return await asyncio.wait_for(look(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"{self.name} never said /{pattern}/") from None

    async def stop(self, how=signal.SIGTERM):
        """Ends it; returns its exit code."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
        try:
            code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        except asyncio.TimeoutError:
            self.process.kill()
            raise AssertionError(f"{self.name} does not end") from None
        await self.reader
        return code


async def start_air(*options):
    """Runs `amble air` on a free port; returns the program and the transport's name for a client."""
    air = await Program.start(built("amble"), "air", "--listen", "tcp-server:127.0.0.1:0", *options)
    port = (await air.line(r"listening on tcp-server:127\.0\.0\.1:(\d+)")).group(1)
    return air, f"tcp-client:127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def bumble_host(transport_name, name, address, prepare=None, service=None, eatt=False):
    """A Bumble device, powered on, on a controller of its own. `prepare(device)` runs before power on.

    It advertises its service, if it has one, and its name in the scan response.
    """
    async with await open_transport(transport_name) as transport:
        config = DeviceConfiguration(name=name, address=Address(address), eatt_enabled=eatt)
        structures = [(AdvertisingData.Type.FLAGS, b"\x06")]
        if service:
            structures.append((AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(UUID(service))))
        config.advertising_data = bytes(AdvertisingData(structures))
        config.scan_response_data = bytes(AdvertisingData([(AdvertisingData.Type.COMPLETE_LOCAL_NAME, name.encode())]))
        device = Device.from_config_with_hci(config, transport.source, transport.sink)
        if prepare:
            prepare(device)
        await device.power_on()
        yield device


def services_in(data):
    """Every service UUID in advertising data."""
    kinds = (
        AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
        AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
        AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
        AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    )
    return [uuid for kind in kinds for uuid in (data.get(kind) or [])]


def name_in(data):
    return data.get(AdvertisingData.Type.COMPLETE_LOCAL_NAME) or data.get(AdvertisingData.Type.SHORTENED_LOCAL_NAME)


def take_for_the_same(device, connection):
    """Each start of a program gets a controller with another address; Bumble shall take it for the one it has keys of."""
    store = getattr(device.keystore, "all_keys", {})
    for name in list(store):
        store[str(connection.peer_address)] = store.pop(name)


async def scan_for(device, name=None, service=None, timeout=PATIENCE, **scanning):
    """Scans until one device was seen with this name and this service; returns its last advertisement."""
    seen = {}
    found = asyncio.get_running_loop().create_future()

    def on_advertisement(advertisement):
        names, services = seen.setdefault(str(advertisement.address), (set(), set()))
        names.add(name_in(advertisement.data))
        services.update(services_in(advertisement.data))
        if (name is None or name in names) and (service is None or UUID(service) in services) and not found.done():
            found.set_result(advertisement)

    device.on("advertisement", on_advertisement)
    await device.start_scanning(**scanning)
    try:
        return await asyncio.wait_for(found, timeout)
    except asyncio.TimeoutError:
        raise AssertionError(f"nobody with name {name} and service {service}; seen: {seen}") from None
    finally:
        device.remove_listener("advertisement", on_advertisement)
        await device.stop_scanning()


async def eventually(condition, what, timeout=PATIENCE):
    """Waits until condition() is true; `what` says it, or is a function that says it when it did not come."""
    deadline = asyncio.get_running_loop().time() + timeout
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"in {timeout} s not: {what() if callable(what) else what}"
        await asyncio.sleep(0.01)


async def stop_advertising(device):
    """For a Bumble device that begins again by itself when a link ends: in the middle of that it could not be stopped."""
    await eventually(lambda: device.is_advertising, "Bumble advertises again")
    await device.stop_advertising()


async def _limited(test, limit):
    try:
        await asyncio.wait_for(test(), limit)
        return True
    except asyncio.TimeoutError:
        print(f"not done after {limit} s")
    except Exception:  # whatever it is, the programs' output belongs beside it
        traceback.print_exc()
    return False


async def _run(test, limit):
    done = False
    try:
        done = await _limited(test, limit)
    finally:
        for program in Program.started:
            with contextlib.suppress(AssertionError):
                await program.stop()
        for program in [] if done else Program.started:
            print(f"--- {program.name}, exit code {program.process.returncode}")
            print("\n".join(program.lines))
    return done


def run(test, limit=LIMIT):
    """Runs the test and ends the process with its exit code."""
    logging.basicConfig(level=os.environ.get("BUMBLE_LOGLEVEL", "ERROR").upper())
    done = asyncio.run(_run(test, limit))
    print("done" if done else "failed")
    sys.exit(0 if done else 1)
