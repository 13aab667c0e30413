"""Paths that leave the workspace, by every method that takes one and over HTTP: refused, nothing outside touched."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import stat
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from method_cases import Refs, case, client_methods
from nexus_sdk.protocol.methods import METHODS
from wire_client import WireClient, failed
from world import World, tree

SECRET = "OUTSIDE-SECRET"
REFUSED = {"path_escapes", "path_invalid", "path_not_found", "too_many_links", "permission_denied"}

TAKES = [
    (method.name, field.name)
    for method in client_methods()
    for field in msgspec.structs.fields(method.params)
    if field.name in ("path", "source", "target") and (method.name, field.name) != ("fs.symlink", "target")
]
"""Every param that is a path in a workspace. What a link points to is only text until it is followed."""

FOLLOWING = [(name, field) for name, field in TAKES if name not in ("fs.remove", "fs.rename", "fs.symlink", "fs.mkdir")]
"""Those that follow a link in the last position; the others act on the link itself."""


class Place:
    """A workspace full of traps, and a directory outside that nothing may reach.

    Attributes:
        record: the workspace.
        root: its worktree.
        outside: the directory.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.outside = world.folder / "outside"
        (self.outside / "deep").mkdir(parents=True)
        (self.outside / "secret.txt").write_text(SECRET)
        (self.outside / "deep" / "secret.txt").write_text(SECRET)
        self.record = world.workspace("traps")
        self.root = Path(self.record["worktree"])
        up = os.path.relpath(self.outside, self.root)
        links = {
            "abs": f"{self.outside}/secret.txt",
            "absdir": str(self.outside),
            "updir": up,
            "root": "/",
            "proc": "/proc/self/root" + str(self.outside),
            "procfd": "/proc/self/fd/0",
            "chain": "absdir/deep",
            "dangling": f"{self.outside}/new.txt",
            "loop": "loop",
            "loopdir": "loopdir/x",
        }
        for name, target in links.items():
            os.symlink(target, self.root / name)
        (self.root / "inside").mkdir()
        (self.root / "inside" / "file.txt").write_text("inside")
        os.mkfifo(self.root / "fifo")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(world.folder / "s"))
        os.rename(world.folder / "s", self.root / "socket")
        if os.geteuid() == 0:
            os.mknod(self.root / "device", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        self.params = Refs(self.record["id"], "", "", "", "", "")

    def call(self, method: str, field: str, path: str) -> dict[str, Any]:
        """The params of a method that takes this path."""
        return {**case(method, self.params), field: path}

    def untouched(self) -> dict[str, tuple[Any, ...]]:
        """What must not change."""
        found = tree(self.outside)
        for name in ("secret.txt", "deep/secret.txt"):
            assert (self.outside / name).read_text() == SECRET
        return found


@pytest.fixture(scope="module")
def place(world: World) -> Iterator[Place]:
    made = Place(world)
    before = made.untouched()
    yield made
    made.socket.close()
    assert made.untouched() == before


@pytest.fixture
async def client(world: World, place: Place) -> AsyncIterator[WireClient]:
    """A connection; nothing outside may change while it is used, nor the workspace, and it must live on."""
    before, inside = place.untouched(), tree(place.root)
    async with await world.connect() as opened:
        yield opened
        await opened.alive()
    assert place.untouched() == before
    assert tree(place.root) == inside


OUT = [
    "..",
    "../",
    "./..",
    "../../../../../../../../../../etc/passwd",
    "inside/../../..",
    "inside/../..",
    "inside//..//..//x",
    "/",
    "/etc/passwd",
    "/proc/self/environ",
    "//etc/passwd",
    "{root}/../..",
    "{root}x",
    "{root}/../traps2/x",
    "{outside}/secret.txt",
    "{up}/secret.txt",
]

THROUGH = [
    "absdir/secret.txt",
    "absdir/deep/secret.txt",
    "updir/secret.txt",
    "root/etc/passwd",
    "proc/secret.txt",
    "chain/secret.txt",
    "inside/../absdir/secret.txt",
    "{root}/absdir/secret.txt",
]

LAST = ["abs", "absdir", "updir", "root", "proc", "procfd", "chain", "dangling", "loop"]

NONSENSE = ["inside\0", "\0", "x" * 256, "inside/" + "x" * 256, "loop/x"]


def filled(path: str, place: Place) -> str:
    up = os.path.relpath(place.outside, place.root)
    return path.format(root=place.root, outside=place.outside, up=up) if "{" in path else path


@pytest.mark.parametrize(("method", "field"), TAKES, ids=lambda value: str(value))
async def test_paths_that_leave(client: WireClient, place: Place, method: str, field: str) -> None:
    for path in OUT:
        path = filled(path, place)
        error = await client.fails(method, **place.call(method, field, path))
        assert error["name"] in ("path_escapes", "path_invalid"), (path, error)
        assert error["details"] == {"path": path}
        assert SECRET not in json.dumps(error)


@pytest.mark.parametrize(("method", "field"), TAKES, ids=lambda value: str(value))
async def test_links_that_leave_on_the_way(client: WireClient, place: Place, method: str, field: str) -> None:
    for path in THROUGH:
        path = filled(path, place)
        error = await client.fails(method, **place.call(method, field, path))
        assert error["name"] in ("path_escapes", "too_many_links"), (path, error)
        assert f"/{error['details']['path']}/".replace("//", "/") in f"/{path}/".replace("//", "/")
        assert str(place.outside) not in json.dumps(error).replace(path, "")


@pytest.mark.parametrize(("method", "field"), FOLLOWING, ids=lambda value: str(value))
async def test_links_that_leave_at_the_end(client: WireClient, place: Place, method: str, field: str) -> None:
    for path in LAST:
        answer = await client.rpc(method, **place.call(method, field, path))
        if (method, field) == ("fs.copy", "source") and "result" in answer:
            # a link is copied as a link
            assert answer["result"]["type"] == "symlink"
            (place.root / "COPY.md").unlink()
            continue
        error = failed(method, answer)
        assert error["name"] in {*REFUSED, "path_exists", "not_a_file", "not_a_directory"}, (path, error)
        assert SECRET not in json.dumps(error)


@pytest.mark.parametrize(("method", "field"), TAKES, ids=lambda value: str(value))
async def test_paths_that_are_none(client: WireClient, place: Place, method: str, field: str) -> None:
    for path in NONSENSE:
        error = await client.fails(method, **place.call(method, field, path))
        assert error["name"] in {*REFUSED, "parse_error"}, (path, error)


@pytest.mark.parametrize("trap", ["fifo", "socket", *(["device"] if os.geteuid() == 0 else [])])
async def test_what_is_no_file_is_neither_read_nor_written(client: WireClient, place: Place, trap: str) -> None:
    for method, field in FOLLOWING:
        if method in ("fs.stat", "fs.chmod"):
            continue
        answer = await client.rpc(method, **place.call(method, field, trap))
        if method in ("fs.search", "fs.glob", "fs.watch", "fs.list") and "result" in answer:
            assert not answer["result"].get("paths") and not answer["result"].get("matches")
            continue
        error = failed(method, answer)
        assert error["name"] in ("not_a_file", "not_a_directory", "path_exists", "path_invalid"), (method, error)
        assert error["details"] == {"path": trap} or error["details"]["path"] in ("COPY.md", trap)
    found = await client.call("fs.stat", workspace=place.record["id"], path=trap)
    assert found["type"] in ("fifo", "socket", "device", "other")


async def test_what_walks_does_not_follow(client: WireClient, place: Place) -> None:
    workspace = place.record["id"]
    stream = await client.stream("fs.search", workspace=workspace, pattern="SECRET", gitignore=False)
    _, answer = await stream.rest()
    assert answer["result"]["matches"] == 0
    globbed = await client.call("fs.glob", workspace=workspace, pattern="**/secret.txt", gitignore=False)
    assert globbed["paths"] == []
    listed = await client.call("fs.list", workspace=workspace, depth=10)
    assert not [entry for entry in listed["entries"] if entry["path"].endswith("secret.txt")]


async def test_links_may_be_made_but_not_followed(world: World, place: Place) -> None:
    workspace = place.record["id"]
    async with await world.connect() as client:
        for number, target in enumerate([f"{place.outside}/secret.txt", "../../../../outside/secret.txt", "/etc"]):
            name = f"made-{number}"
            answer = await client.rpc("fs.symlink", workspace=workspace, path=name, target=target)
            if "error" in answer:
                assert failed("fs.symlink", answer)["name"] in ("path_escapes", "path_invalid")
                continue
            for method in ("fs.read", "fs.download", "fs.stat"):
                error = await client.fails(method, workspace=workspace, path=name)
                assert error["name"] in ("path_escapes", "path_not_found")
            await client.call("fs.remove", workspace=workspace, path=name)


async def test_working_directories_and_git_paths(client: WireClient, place: Place) -> None:
    workspace = place.record["id"]
    for path in ("..", "absdir", "/", "updir", "proc", "inside/../..", str(place.outside), "fifo", "inside/file.txt"):
        error = await client.fails("exec.run", workspace=workspace, argv=["cat", "secret.txt"], cwd=path)
        assert error["name"] in ("cwd_invalid", "path_escapes", "path_invalid"), (path, error)
        assert SECRET not in json.dumps(error)
    for path in ("..", str(place.outside), "../../../../outside/secret.txt", ":(top)..", "--no-index"):
        for method, extra in (("git.diff", {}), ("git.log", {}), ("git.commit", {"message": "m"})):
            answer = await client.rpc(method, workspace=workspace, paths=[path], **extra)
            assert SECRET not in json.dumps(answer)
            if method == "git.commit":
                assert "error" in answer, path


HTTP_PATHS = [
    "../../secret.txt",
    "..%2f..%2fsecret.txt",
    "%2e%2e/%2e%2e/secret.txt",
    "%2Fetc%2Fpasswd",
    "/etc/passwd",
    "//etc/passwd",
    "inside%00",
    "absdir/secret.txt",
    "absdir%2Fsecret.txt",
    "abs",
    "updir/secret.txt",
    "proc/secret.txt",
    "chain/secret.txt",
    "fifo",
    "socket",
    "inside",
    "dangling",
    "%ff%fe",
    "",
    "x" * 5000,
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_over_http(client: WireClient, world: World, place: Place, method: str) -> None:
    paths = [*HTTP_PATHS, quote(f"{place.outside}/secret.txt"), quote(f"{place.outside}/secret.txt", safe="")]
    if os.geteuid() == 0:
        paths.append("device")
    for path in paths:
        answer = await asyncio.to_thread(
            world.daemon.http,
            method,
            f"/files/{place.record['id']}/{path}",
            token=world.daemon.token(),
            body=b"overwritten" if method == "PUT" else b"",
        )
        assert answer.status in (400, 403, 404, 409), (path, answer)
        assert SECRET.encode() not in answer.body
        if method != "HEAD":
            assert answer.error["name"] in {*REFUSED, "not_a_file", "not_a_directory", "invalid_params", "path_exists"}


async def test_the_workspaces_own_files_are_reached_all_the_same(world: World, place: Place) -> None:
    workspace = place.record["id"]
    async with await world.connect() as client:
        for path in ("inside/file.txt", f"{place.root}/inside/file.txt", "./inside//x/../file.txt"):
            assert (await client.call("fs.read", workspace=workspace, path=path))["content"] == "inside"


# -- a process inside that swaps a directory and a link while the calls run --------------------------------------------

SWAPPER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
outside = sys.argv[1]
def build():
    for name in ("race", "other"):
        if not os.path.lexists(name):
            try:
                os.symlink(outside, name) if name == "other" else os.mkdir(name)
            except FileExistsError:
                pass
build()
print("ready", flush=True)
while True:
    for _ in range(50):
        if libc.renameat2(-100, b"race", -100, b"other", 2):
            build()
    for name in ("race", "other"):
        if not os.path.islink(name):
            try:
                with open(name + "/secret.txt", "a") as file:
                    if not file.tell():
                        file.write("inside")
            except OSError:
                pass
"""

RACES: dict[str, dict[str, Any]] = {
    "fs.stat": {"path": "race/secret.txt"},
    "fs.list": {"path": "race"},
    "fs.read": {"path": "race/secret.txt"},
    "fs.write": {"path": "race/secret.txt", "content": "written"},
    "fs.edit": {"path": "race/secret.txt", "edits": [{"old": "i", "new": "i", "all": True}]},
    "fs.mkdir": {"path": "race/made", "parents": True},
    "fs.remove": {"path": "race/secret.txt", "missing_ok": True},
    "fs.rename": {"source": "race/secret.txt", "target": "race/moved.txt", "overwrite": True},
    "fs.copy": {"source": "race/secret.txt", "target": "race/copied.txt", "overwrite": True},
    "fs.chmod": {"path": "race/secret.txt", "mode": "600"},
    "fs.symlink": {"path": "race/link", "target": "secret.txt", "overwrite": True},
    "fs.glob": {"path": "race", "pattern": "**", "gitignore": False},
    "fs.search": {"path": "race", "pattern": "SECRET", "gitignore": False},
    "fs.download": {"path": "race/secret.txt"},
    "fs.upload": {"path": "race/secret.txt", "size": 0},
    "fs.watch": {"path": "race", "gitignore": False},
}
TREES: dict[str, dict[str, Any]] = {
    "fs.remove": {"path": "race", "recursive": True, "missing_ok": True},
    "fs.copy": {"source": "race", "target": "copy-of-race", "recursive": True, "overwrite": True},
    "fs.list": {"path": ".", "depth": 5},
    "fs.glob": {"pattern": "**/secret.txt", "gitignore": False},
    "fs.search": {"pattern": "SECRET", "gitignore": False},
}


@pytest.fixture(scope="module")
def racing(world: World, place: Place) -> Iterator[dict[str, Any]]:
    record = world.workspace("racing")
    argv = ["python3", "-c", SWAPPER, str(place.outside)]
    started = world.daemon.call("exec.start", workspace=record["id"], argv=argv)
    # the swapping has begun once its place was seen: three hundred quick calls may be over before a program has started
    deadline = time.monotonic() + 30
    while not os.path.lexists(Path(record["worktree"]) / "race"):
        assert time.monotonic() < deadline, "the swapper never began"
        time.sleep(0.01)
    yield record
    world.daemon.call("exec.signal", process=started["id"], signal="KILL")


def test_every_file_method_races() -> None:
    assert set(RACES) == {name for name in METHODS if name.startswith("fs.")}


@pytest.mark.parametrize(
    ("method", "params"),
    [*RACES.items(), *TREES.items()],
    ids=[*RACES, *(f"{name} of the tree" for name in TREES)],
)
async def test_links_swapped_during_the_call(
    world: World, place: Place, racing: dict[str, Any], method: str, params: dict[str, Any]
) -> None:
    before = place.untouched()
    inside = escaped = 0
    async with await world.connect() as client:
        # On a busy machine the swapping may stand still for a while: then it goes on until it was met.
        deadline = time.monotonic() + 30
        for number in itertools.count():
            if number >= 300 and (inside or time.monotonic() > deadline):
                break
            extra = {"upload": f"race-{method[3:]}-{number}"} if method == "fs.upload" else {}
            if METHODS[method].kind == "stream":
                ended = await _stream(client, method, {**params, **extra, "workspace": racing["id"]})
            else:
                ended = json.dumps(await client.rpc(method, **params, workspace=racing["id"]))
            assert SECRET not in ended
            escaped += "path_escapes" in ended
            inside += '"error"' not in ended
        await client.alive()
    assert place.untouched() == before
    assert inside, "no call ever hit the directory: this was no race"


async def _stream(client: WireClient, method: str, params: dict[str, Any]) -> str:
    """Run a stream to its end; everything that came, as text."""
    stream = await client.begin(method, **params)
    if await stream.started:
        if method == "fs.upload":
            await stream.eof(0)
        if method == "fs.watch":
            await stream.cancel()
    answer = await stream.answer()
    came = []
    while not stream.items.empty():
        came.append(str(stream.items.get_nowait()))
    if method == "fs.watch" and stream.number:
        answer = {}
    return json.dumps(answer) + "".join(came)
