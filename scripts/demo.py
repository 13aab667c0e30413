"""The main job, end to end, on a daemon and a home of its own: each step is checked, timed and printed.

``make demo`` runs it on this repository, ``make demo REPO=path-or-url`` on another one, ``make demo BACKEND=docker`` in
a container. What is there before is there afterwards: the workspace, its branch and everything else that the demo makes
is taken down again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_docker import Docker, Unavailable
from nexus_sdk import Nexus, Workspace, connect
from nexus_sdk.exceptions import NexusError
from nexus_sdk.protocol.types import MachineOptions

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 20.0
NAME = f"demo-{os.getpid()}"
COUNT = 40
_LONGEST = 64
ADDED = "\nThis line was added in a workspace.\n"
COUNTER = f'for i in $(seq 1 {COUNT}); do echo "line $i"; sleep 0.05; done'


class DemoFailed(Exception):
    """A step did not do what it should."""


def check(truth: bool, what: str) -> None:
    """Fail the demo unless `truth`."""
    if not truth:
        raise DemoFailed(what)


@dataclass(frozen=True)
class Place:
    """Where the workspace runs.

    Attributes:
        python: path of Python, as processes of the workspace see it.
        settings: of the daemon, as `key=value`.
        create: what `workspaces.create` is told of it.
        left: what there still is of a workspace that was destroyed, by its id.
    """

    python: str = sys.executable
    settings: tuple[str, ...] = ()
    create: dict[str, Any] = field(default_factory=lambda: {"backend": "host"})
    left: Callable[[str], list[str]] = lambda workspace: []


class Steps:
    """Prints each step with its time, and what was seen."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.count = 0

    @contextlib.contextmanager
    def __call__(self, title: str):  # type: ignore[no-untyped-def]
        self.count += 1
        print(f"\n{self.count:>2}. {title}", flush=True)
        began = time.monotonic()
        yield lambda text: print("\n".join(f"      {line}" for line in str(text).splitlines()), flush=True)
        print(f"    ok, {time.monotonic() - began:.2f} s", flush=True)


class Cutter:
    """A Unix socket in front of the daemon's, whose connections can be cut like a cable."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self.cuts = 0
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Cutter:
        self._server = await asyncio.start_unix_server(self._accepted, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection, without goodbye."""
        self.cuts += bool(self._writers)
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(str(self._target))
        except OSError:
            writer.transport.abort()  # no daemon any more: as if nothing listened here either
            return
        self._writers |= {writer, far_writer}
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer), return_exceptions=True)
        self._writers -= {writer, far_writer}
        writer.transport.abort()
        far_writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


@contextlib.asynccontextmanager
async def daemon(home: Path, settings: tuple[str, ...]) -> AsyncIterator[Path]:
    """A daemon on a home of its own, with settings as `key=value`; yields its Unix socket."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    log = home / "daemon.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "nexusd", "--home", str(home)),
            *(part for setting in ("daemon.port=0", *settings) for part in ("--set", setting)),
            env=environ,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            # Ctrl-C is for us: the daemon is still needed to take the workspace down
            start_new_session=True,
        )
    path = home / "run" / "nexusd.sock"
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                async with connect(f"unix:{path}", reconnect_timeout=0):
                    break
            except NexusError as error:
                check(process.returncode is None, f"the daemon ended:\n{log.read_text(errors='replace')}")
                check(time.monotonic() < deadline, f"the daemon was not ready in {READY_SECONDS:.0f} s: {error}")
            await asyncio.sleep(0.02)
        yield path
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 60)
    check(code == 0, f"the daemon ended with {code}:\n{log.read_text(errors='replace')}")


def quick_test(worktree: Path, python: str, command: str | None) -> tuple[list[str], str]:
    """The repository's own quick test, and why this one."""
    if command:
        return ["sh", "-c", command], "as asked for"
    makefile = worktree / "Makefile"
    if makefile.exists() and shutil.which("make"):
        text = "\n" + makefile.read_text(errors="replace")
        for target in ("quick", "check-quick", "test-quick"):
            if f"\n{target}:" in text:
                return ["make", target, f"PYTHON={python}"], f"its Makefile has a target {target}"
    return ["git", "fsck", "--no-dangling", "--connectivity-only"], "no quick target in its Makefile; git's own check"


async def tour(nexus: Nexus, cutter: Cutter, steps: Steps, place: Place, repository: str, command: str | None) -> None:
    """Make a workspace, work in it, take it down."""
    ws = await create(nexus, steps, place, repository)
    try:
        edited = await edit(ws, steps)
        await run_tests(ws, steps, place, command)
        await reattach(ws, steps, cutter)
        await forward(ws, steps, place, edited)
        await show_diff(ws, steps, edited)
    except BaseException:
        with contextlib.suppress(NexusError):
            await ws.destroy(force=True)
        raise
    await destroy(ws, steps, place)
    print(f"\n{steps.count} steps, each checked, in {time.monotonic() - steps.began:.1f} s")


async def create(nexus: Nexus, steps: Steps, place: Place, repository: str) -> Workspace:
    """A workspace from the repository."""
    with steps(f"create a workspace from {repository}") as say:
        ws = await nexus.workspaces.create(
            NAME, repository, on_progress=lambda progress: say(f"{progress.message} …"), **place.create
        )
        say(f"workspace {ws.name} ({ws.id}), branch {ws.branch}\n{ws.worktree}")
        check(ws.state == "running", f"the workspace is {ws.state}")
        check(Path(ws.worktree).is_dir(), "the worktree is not there")
        check(ws.backend == place.create["backend"], f"it runs on {ws.backend}")
        head = await ws.run(["git", "rev-parse", "--abbrev-ref", "HEAD"], check=True)
        check(head.stdout.strip() == ws.branch, f"HEAD is {head.stdout!r}")
    return ws


async def edit(ws: Workspace, steps: Steps) -> str:
    """List files, and change one. Returns its path."""
    with steps("list files and edit one") as say:
        entries = await ws.files.list()
        say(", ".join(entry.name for entry in entries[:12]))
        files = [entry.path for entry in entries if entry.type == "file" and entry.name != ".git"]
        path, before = await choose(ws, sorted(files, key=lambda name: not name.lower().startswith("readme")))
        await ws.files.write(path, before + ADDED)
        check(await ws.files.read_text(path) == before + ADDED, f"{path} does not hold what was written")
        say(f"added a line to {path}")
    return path


async def choose(ws: Workspace, files: list[str]) -> tuple[str, str]:
    """The file to edit and what is in it: the first that is text, else a new one; none that git ignores."""
    for path in files:
        with contextlib.suppress(NexusError):  # not text, or too large
            return path, await ws.files.read_text(path)
    for path in ("README.md", f"{NAME}.txt"):
        if not await ws.files.exists(path):
            ignored = await ws.run(["git", "check-ignore", "--quiet", path])
            if ignored.exit_code:
                return path, ""
    raise DemoFailed("every file is ignored by git or is no text, so there is nothing whose change a diff would show")


async def run_tests(ws: Workspace, steps: Steps, place: Place, command: str | None) -> None:
    """Run the repository's quick tests, live."""
    argv, why = quick_test(Path(ws.worktree), place.python, command)
    with steps(f"run its quick tests: {' '.join(argv)}  ({why})") as say:
        async with ws.exec(["sh", "-c", 'exec "$@" 2>&1', "sh", *argv], timeout=60) as process:
            async for line in process.stdout.lines():
                say(line)
            result = await process.wait()
        check(result.exit_code == 0, f"the tests ended with {result.exit_code}")


async def reattach(ws: Workspace, steps: Steps, cutter: Cutter) -> None:
    """Lose the connection in the middle of a process's output, and miss nothing."""
    with steps("cut the connection in the middle of a process and go on") as say:
        async with ws.exec(["sh", "-c", COUNTER]) as process:
            lines = []
            async for line in process.stdout.lines():
                lines.append(line)
                if len(lines) in (10, 25):
                    cutter.cut()
            result = await process.wait()
        check(lines == [f"line {number}" for number in range(1, COUNT + 1)], "lines are missing, doubled or reordered")
        check(result.exit_code == 0, f"the process ended with {result.exit_code}")
        check(process.reconnects >= 2, f"only {process.reconnects} reconnects were seen")
        say(f"{len(lines)} lines in order, over {process.reconnects} reconnects")


async def forward(ws: Workspace, steps: Steps, place: Place, path: str) -> None:
    """Reach a server in the workspace through the connection."""
    with steps("start a web server inside, forward its port, fetch a page") as say:
        port = next(mapping.port for mapping in ws.allocated_ports if mapping.name == "web")
        argv = [place.python, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
        async with ws.exec(argv, kill_on_exit=True) as server:
            await until(lambda: listens(ws, port), f"nothing listens on port {port}")
            async with ws.ports.forward(port) as listener:
                host, local = listener.local_address
                url = f"http://{host}:{local}/{path}"
                body = await asyncio.to_thread(fetch, url)
                check(body == await ws.files.read_bytes(path), "the page is not the file")
                say(f"{url} → workspace port {port}: {len(body)} bytes, the same as the file")
            await server.kill()


async def listens(ws: Workspace, port: int) -> bool:
    """Whether something in the workspace listens on a port."""
    return any(entry.port == port and entry.listening for entry in await ws.ports.list())


async def until(condition: Callable[[], object], failure: str) -> None:
    """Wait until an awaitable condition holds, at most ten seconds."""
    deadline = time.monotonic() + 10
    while not await condition():  # type: ignore[misc]
        check(time.monotonic() < deadline, failure)
        await asyncio.sleep(0.05)


def fetch(url: str) -> bytes:
    """GET a page."""
    with urllib.request.urlopen(url, timeout=10) as response:
        return bytes(response.read())


async def show_diff(ws: Workspace, steps: Steps, path: str) -> None:
    """What was changed."""
    with steps("show the diff") as say:
        diff = await ws.git.diff()
        say("\n".join(diff.diff.splitlines()[:12]))
        check([file.path for file in diff.files] == [path], f"changed: {[file.path for file in diff.files]}")
        check("+This line was added in a workspace." in diff.diff, "the added line is not in the diff")


async def destroy(ws: Workspace, steps: Steps, place: Place) -> None:
    """Take it down: refused while work would be lost, complete when forced."""
    with steps("destroy the workspace") as say:
        try:
            await ws.destroy()
        except NexusError as error:
            check(error.name == "workspace_dirty", f"refused for another reason: {error.message}")
            say(f"refused first, as it should be: {error.message}")
        else:
            raise DemoFailed("it was destroyed although uncommitted work was in it")
        await ws.destroy(force=True)
        check(not Path(ws.worktree).exists(), "the worktree is still there")
        listing = await asyncio.create_subprocess_exec(
            *("git", "-C", ws.repository.path, "branch", "--list", ws.branch), stdout=subprocess.PIPE
        )
        branches, _ = await listing.communicate()
        check(listing.returncode == 0 and not branches.strip(), f"the branch is still there: {branches.decode()}")
        left = await asyncio.to_thread(place.left, ws.id)
        check(not left, f"the engine still has {left}")
        say("with force: worktree, branch, ports, processes and what they ran in are gone")


def inside(docker: Docker) -> Place:
    """A container of this engine."""
    return Place(
        python=docker.python,
        settings=(f"docker.host={docker.engine.host}",),
        create={"backend": "docker", "machine": MachineOptions(image=docker.image, pull="never")},
        left=docker.left,
    )


async def demo(arguments: argparse.Namespace, repository: str, home: Path) -> None:
    """The demo, on a home. Raises what failed."""
    steps = Steps()
    async with contextlib.AsyncExitStack() as stack:
        place = Place()
        if arguments.backend == "docker":
            with steps("find or start a Docker Engine, and make an image") as say:
                docker = stack.enter_context(Docker(home))  # not in a thread: Ctrl-C would lose it
                say(docker)
                place = inside(docker)
        path = await stack.enter_async_context(daemon(home, place.settings))
        cutter = await stack.enter_async_context(Cutter(home / "cut.sock", path))
        async with connect(f"unix:{cutter.path}") as nexus:
            await tour(nexus, cutter, steps, place, repository, arguments.test)


async def main() -> int:
    """Run the demo. Returns the exit code."""
    parser = argparse.ArgumentParser(description="See a workspace made, worked in and taken down.")
    parser.add_argument("--repo", default=str(ROOT), help="path or URL of a git repository (default: this one)")
    parser.add_argument("--test", help="the command to run as its quick tests")
    parser.add_argument("--backend", choices=("host", "docker"), default="host", help="what runs the workspace")
    arguments = parser.parse_args()
    repository = arguments.repo
    if Path(repository).expanduser().exists():
        repository = str(Path(repository).expanduser().resolve())
    # the path of a Unix socket has at most 107 bytes
    base = tempfile.gettempdir() if len(os.fsencode(tempfile.gettempdir())) < _LONGEST else "/tmp"
    home = Path(tempfile.mkdtemp(prefix="nexus-demo-", dir=base))
    try:
        await demo(arguments, repository, home)
    except (DemoFailed, NexusError, Unavailable) as error:
        hint = getattr(error, "hint", "")
        print(f"\ndemo failed: {error}" + (f"\n  try: {hint}" if hint else ""), file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        print("\ninterrupted; what was made is taken down again", file=sys.stderr)
        sys.exit(130)
