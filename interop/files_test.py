"""l2cap_file_server and l2cap_file_client as processes on one simulated radio: list, get, put, transfers that are killed in the middle and go
on later, and names that would lead out of the directory.

What shall happen in the middle of a transfer happens while it stands still: the client's way to its controller leads through this test.
"""

import asyncio
import os
import pathlib
import random
import signal
import tempfile

import support

BIG = random.Random(3).randbytes(300_000)
FILES = {"big.bin": BIG, "empty": b"", "hello.txt": b"hello\n", "below/inner": b"inner"}


class Way:
    """Leads to a controller, and stands still as soon as something is in an unfinished file, until it is to go on."""

    def __init__(self, transport, part):
        self.host, self.port = transport.split(":")[1:]
        self.part, self.writers = part, []
        self.stands, self.goes_on = asyncio.Event(), asyncio.Event()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.lead, "127.0.0.1", 0)
        self.transport = f"tcp-client:127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.goes_on.set()
        for writer in self.writers:
            writer.close()
        self.server.close()

    async def lead(self, reader, writer):
        further_reader, further_writer = await asyncio.open_connection(self.host, self.port)
        self.writers += [writer, further_writer]
        await asyncio.gather(self.carry(reader, further_writer), self.carry(further_reader, writer), return_exceptions=True)

    async def carry(self, reader, writer):
        while piece := await reader.read(4096):
            if self.part.exists() and self.part.stat().st_size > 0:
                self.stands.set()
                await self.goes_on.wait()
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def middle(self):
        """Waits for the beginning of the file."""
        await asyncio.wait_for(self.stands.wait(), support.PATIENCE)


async def kill(transport, folder, *arguments, part):
    """Ends the client without a word in the middle of a transfer."""
    async with Way(transport, part) as way:
        await client(way.transport, folder, *arguments, code=-signal.SIGKILL, kill=way.middle)


async def client(transport, folder, *arguments, code=0, kill=None):
    """Runs the client in a folder; `kill` says when it is to be ended without a word."""
    process = await asyncio.create_subprocess_exec(
        support.built("examples/l2cap_file_client"), "-t", transport, *arguments, cwd=folder,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    if kill:
        await kill()
        process.send_signal(signal.SIGKILL)
    said = (await asyncio.wait_for(process.communicate(), support.PATIENCE))[0].decode()
    assert process.returncode == code, (arguments, process.returncode, said)
    return said


async def fetch(transport, folder):
    said = await client(transport, folder, "list")
    assert sorted(said.splitlines()) == ["0:empty", "300000:big.bin", "6:hello.txt", "done"], said
    for name in ("hello.txt", "empty"):
        await client(transport, folder, "get", name)
        assert (folder / name).read_bytes() == FILES[name]
    await client(transport, folder, "get", "below/inner", "copy")
    assert (folder / "copy").read_bytes() == b"inner"
    await kill(transport, folder, "get", "big.bin", part=folder / ".big.bin.part")
    assert not (folder / "big.bin").exists()
    part = (folder / ".big.bin.part").stat().st_size
    assert 0 < part < len(BIG), part
    said = await client(transport, folder, "get", "big.bin")
    assert f"going on at {part}" in said, (part, said)
    assert (folder / "big.bin").read_bytes() == BIG
    assert not (folder / ".big.bin.part").exists()


async def fetch_what_changed(transport, served, folder):
    """The rest of another file does not fit what is there, however long it is: it begins anew by itself."""
    for rest in (b"hex", b"hello", b"much longer than that file"):
        (folder / ".hello.txt.part").write_bytes(rest)
        said = await client(transport, folder, "get", "hello.txt")
        assert ("going on at 5" if rest == b"hello" else "beginning anew") in said, (rest, said)
        assert (folder / "hello.txt").read_bytes() == b"hello\n"
    changing = served / "changing.bin"
    changing.write_bytes(BIG)
    part = folder / ".changing.bin.part"
    async with Way(transport, part) as way:
        fetching = asyncio.create_task(client(way.transport, folder, "get", "changing.bin", code=1))
        await way.middle()
        with changing.open("r+b") as file:
            file.write(b"changed")  # what has been sent already
        way.goes_on.set()
        assert "the checksums differ" in await fetching
    assert not (folder / "changing.bin").exists()
    part.unlink()
    async with Way(transport, part) as way:
        fetching = asyncio.create_task(client(way.transport, folder, "get", "changing.bin", code=1))
        await way.middle()
        os.truncate(changing, len(BIG) // 2)
        way.goes_on.set()
        assert "became shorter" in await fetching
    assert not (folder / "changing.bin").exists()
    changing.unlink()


async def store_over_another(transport, served, folder):
    """What an interrupted upload of another file left is dropped, whether it is shorter or longer."""
    (folder / "one.bin").write_bytes(BIG[:20000])
    for rest in (BIG[20000:30000], BIG, BIG[:5000]):
        (served / ".one.bin.part").write_bytes(rest)
        said = await client(transport, folder, "put", "one.bin")
        assert ("going on at 5000" if rest == BIG[:5000] else "beginning anew") in said, said
        assert (served / "one.bin").read_bytes() == BIG[:20000]
        (served / "one.bin").unlink()


async def survive_the_server(start_server, transport, served, folder):
    """The server dies in the middle of each kind of transfer; with the next one they go on."""
    (folder / "up.bin").write_bytes(BIG)
    (folder / "big.bin").unlink()
    for deed, name, part in (("get", "big.bin", folder / ".big.bin.part"), ("put", "up.bin", served / ".up.bin.part")):
        server = await start_server()
        async with Way(transport, part) as way:
            transfer = asyncio.create_task(client(way.transport, folder, deed, name, code=1))
            await way.middle()
            await server.stop(signal.SIGKILL)
            way.goes_on.set()
            assert "the link" in await transfer
        assert 0 < part.stat().st_size < len(BIG)
        server = await start_server()
        said = await client(transport, folder, deed, name)
        assert "going on at" in said, said
        await server.stop(signal.SIGKILL)
    assert (folder / "big.bin").read_bytes() == (served / "up.bin").read_bytes() == BIG


async def wrong_numbers(transport, folder):
    for number in ("0", "256", "-1", "0x80x", "psm", ""):
        assert "from 1 to 255" in await client(transport, folder, "--psm", number, "list", code=2), number
    assert "from 1 to 255" in await client(transport, folder, "list", "--psm", code=2)
    said = await client(transport, folder, "list", "--psm", "0x80", code=1)
    assert "nobody listens" in said, said


async def store(transport, served, folder):
    (folder / "new.bin").write_bytes(BIG[::-1])
    await kill(transport, folder, "put", "new.bin", part=served / ".new.bin.part")
    assert not (served / "new.bin").exists()
    said = await client(transport, folder, "put", "new.bin")
    assert "going on at" in said, said
    assert (served / "new.bin").read_bytes() == BIG[::-1]
    assert not (served / ".new.bin.part").exists()
    await client(transport, folder, "put", "hello.txt", "below/again")
    assert (served / "below" / "again").read_bytes() == b"hello\n"


HOSTILE = "evil\033[31m\033]0;title\a"


async def names_of_all_kinds(transport, served, folder):
    """Names that a terminal would obey, that end lines, that look like options, that are too long or of no file."""
    names = ("-rf", "--help", "--", "\u4e2d\u6587.txt", "with blanks", "n" * 99)
    for name in names:
        (served / name).write_text(name)
    for name in (HOSTILE, "torn\nline", "end\n", "c1\x9bm"):
        (served / name).write_text("never seen")
    said = await client(transport, folder, "list")
    shown = {line.partition(":")[2] for line in said.splitlines()[:-1]}
    assert set(names) <= shown and not any("\x1b" in name or "m" == name for name in shown), shown
    assert not any(name.startswith(("evil", "torn", "line", "end", "c1")) for name in shown), shown  # nor are the lines torn
    for name in names[1:]:
        await client(transport, folder, "get", "--", name, "got")
        assert (folder / "got").read_text() == name
    await client(transport, folder, "get", "--", "-rf", "-got")
    assert (folder / "-got").read_text() == "-rf"
    await client(transport, folder, "put", "--", "-got", "-again")
    assert (served / "-again").read_text() == "-rf"
    for name in (HOSTILE, "torn\nline", "end\n"):
        said = await client(transport, folder, "get", name, "stolen", code=1)
        assert "\033" not in said and "the server has no such file" in said, said
        said = await client(transport, folder, "put", "hello.txt", name, code=1)
        assert "\033" not in said and "the server takes no file of this name" in said, said
    (folder / "folder").mkdir()
    with (served / "huge").open("wb") as huge:
        huge.truncate(2**32 + 3)  # its size has no room in an answer
    for arguments, sentence in (
        (("get", "huge"), "huge: the server has no such file"),
        (("put", "nothing"), "nothing cannot be read: No such file"),
        (("put", "folder"), "folder cannot be read: Is a directory"),
        (("put", "hello.txt", "below"), "below: the server takes no file of this name"),
        (("put", "hello.txt", "below/"), "below/: the server takes no file of this name"),
        (("put", "hello.txt", "n" * 100), "a name of more than 99 bytes"),
        (("get", "n" * 100), "a name of more than 99 bytes"),
        (("get", "hello.txt", "../here"), "../here cannot be written"),
        (("get", "hello.txt", "none/here"), "none/here cannot be written: No such file"),
        (("get", "hello.txt", "folder"), "folder cannot be written: Is a directory"),
        (("get", "none"), "none: the server has no such file"),
    ):
        began = asyncio.get_running_loop().time()
        assert sentence in await client(transport, folder, *arguments, code=1), arguments
        assert asyncio.get_running_loop().time() - began < 10, arguments
    for arguments in ((), ("list", "x"), ("get",), ("get", "a", "b", "c"), ("take", "a"), ("--psm",), ("list", "--bogus")):
        assert "see --help" in await client(transport, folder, *arguments, code=2), arguments
    (folder / "folder").rmdir()
    (served / "huge").unlink()


async def interrupted(transport, folder):
    """Ctrl-C: not done is no success, and the next time it goes on."""
    (folder / "big.bin").unlink()
    part = folder / ".big.bin.part"
    async with Way(transport, part) as way:
        program = support.built("examples/l2cap_file_client")
        process = await support.Program.start("env", "-C", folder, program, "get", "big.bin", "-t", way.transport)
        await way.middle()
        process.process.send_signal(signal.SIGINT)
        way.goes_on.set()
        assert await process.process.wait() == 1 and not (folder / "big.bin").exists()
        await process.reader
    assert any("interrupted" in line for line in process.lines), process.lines
    assert "going on at" in await client(transport, folder, "get", "big.bin")
    assert (folder / "big.bin").read_bytes() == BIG


async def stay_inside(transport, served, folder):
    (served.parent / "secret").write_text("secret")
    os.symlink(served.parent / "secret", served / "link")
    os.symlink(served.parent, served / "out")
    for name in ("../secret", "/etc/passwd", "link", "out/secret", "below/../../secret", ".", "", "below//inner", "none"):
        said = await client(transport, folder, "get", name, "stolen", code=1)
        assert "the server has no such file" in said, (name, said)
        said = await client(transport, folder, "put", "hello.txt", name, code=1) if name not in ("link", "none") else ""
        assert not name or not said or "done" not in said, said
    assert not (folder / "stolen").exists()
    assert (served.parent / "secret").read_text() == "secret"


async def test():
    air, transport = await support.start_air("--speed", "5")
    with tempfile.TemporaryDirectory() as place:
        served, folder = pathlib.Path(place) / "served", pathlib.Path(place) / "mine"
        (served / "below").mkdir(parents=True)
        folder.mkdir()
        for name, data in FILES.items():
            (served / name).write_bytes(data)
        start_server = lambda: support.Program.start(support.built("examples/l2cap_file_server"), served, "-t", transport)
        server = await start_server()
        await fetch(transport, folder)
        await fetch_what_changed(transport, served, folder)
        await store(transport, served, folder)
        await store_over_another(transport, served, folder)
        await wrong_numbers(transport, folder)
        await stay_inside(transport, served, folder)
        await names_of_all_kinds(transport, served, folder)
        await interrupted(transport, folder)
        assert not any("\033" in line for line in server.lines), server.lines
        await server.stop(signal.SIGKILL)
        await survive_the_server(start_server, transport, served, folder)


if __name__ == "__main__":
    support.run(test)
