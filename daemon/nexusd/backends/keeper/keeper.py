"""The keeper of one machine: a connection to its nexus-init that comes back by itself, and the processes behind it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from nexus_sdk.protocol.errors import CommandNotFound, InvalidParams, PortRefused
from nexus_sdk.wire.frames import UP, FrameError, FrameType, decode

from nexusd.backends.base import ListeningSocket, MachineStats, SpawnSpec
from nexusd.backends.host.environment import unusable
from nexusd.backends.host.net import TcpStream
from nexusd.backends.keeper import messages
from nexusd.backends.keeper.calls import Calls, Fd
from nexusd.backends.keeper.channel import BINARY, TEXT, Broken, Channel, Peer, connect, peer
from nexusd.backends.keeper.failures import Failed, KeeperGone, KeeperRefused, ProtocolUnknown, explain, trouble
from nexusd.backends.keeper.handle import KeptHandle
from nexusd.backends.keeper.handshake import Handshake
from nexusd.failpoints import failpoint

R = TypeVar("R")

__all__ = ["Keeper", "KeeperGone", "KeeperRefused", "ProtocolUnknown"]

CALL_TIMEOUT: Final = 30.0
"""Seconds for an answer; a keeper answers within milliseconds, unless the machine is paused or starved."""
BACK_WITHIN: Final = 10.0
"""Seconds in which a lost connection must be back; an upgrade takes a fraction of one."""
_PAUSE: Final = 0.02
_BUFFER: Final = 256 * 1024

_log = logging.getLogger("nexusd.backends.keeper")
_decode = msgspec.json.Decoder(messages.Answer).decode
_encode = msgspec.json.Encoder().encode


def _as_it_is(result: msgspec.Raw) -> msgspec.Raw:
    return result


def _too_late(answer: asyncio.Future[Any], reason: str) -> None:
    if not answer.done():
        answer.set_exception(KeeperGone(reason))


def _forgive(answer: asyncio.Future[Any]) -> None:
    """Nobody waits for it; a failure is worth a line for whoever looks for one."""
    if not answer.cancelled() and (error := answer.exception()) is not None:
        _log.debug("%s", error)


class Keeper:
    """Made by `connect`.

    Args:
        name: of the backend, for errors.
        path: the socket.
        secret: 32 bytes that both sides know.
        pid: the process that must be on the other side, as this node sees it; None to not look.
        log_of: where the output of a process is kept, by its id.

    Attributes:
        closed: done when the keeper is gone for good.
        boot: id of this run of nexus-init.
        version, build: of the program.
        pid: its process id inside.
        peer: who it is, as this node sees it.
        published: the ports of this node that it serves, as far as it was asked to.
    """

    def __init__(self, name: str, path: Path, secret: bytes, pid: int | None, log_of: Callable[[str], Path]) -> None:
        self._trouble = partial(trouble, name)
        self._path = path
        self._secret = secret
        self._expected = pid
        self._log_of = log_of
        self._loop = asyncio.get_running_loop()
        self._channel: Channel | None = None
        self._hello: asyncio.Future[messages.Hello] | None = None
        self._calls = Calls()
        self._handles: dict[str, KeptHandle] = {}
        self._streams: dict[int, KeptHandle] = {}
        self._restored = False
        self._coming_back: asyncio.Task[None] | None = None
        self._posts: set[asyncio.Task[None]] = set()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.boot = ""
        self.version = ""
        self.build = ""
        self.pid = 0
        self.peer = Peer(0, 0, 0, ())
        self.published: set[int] = set()

    @classmethod
    async def connect(
        cls,
        path: Path,
        secret: bytes,
        *,
        log_of: Callable[[str], Path],
        name: str = "keeper",
        pid: int | None = None,
        patience: float = 5.0,
        over: Callable[[], bool] = lambda: False,
    ) -> Keeper:
        """Connect and authenticate, trying again while nobody is there, for `patience` seconds or until `over`.

        Args:
            over: whether the program has ended, so that nobody will ever be there.

        Raises:
            KeeperGone: nobody is there.
            KeeperRefused: somebody else is.
        """
        keeper = cls(name, path, secret, pid, log_of)
        await keeper._dial_until(patience, over)
        return keeper

    def kept(self) -> list[KeptHandle]:
        """Its processes that it had when we connected, and those that were started since; not the forgotten."""
        return list(self._handles.values())

    # --- processes ---

    async def spawn(
        self, spec: SpawnSpec, environ: Mapping[str, str], cwd: str, user: str = "", groups: list[int] | None = None
    ) -> KeptHandle:
        """Start a process. A cancelled call leaves none behind.

        Args:
            spec: the command; `spec.log` says where its output goes.
            environ: the whole environment.
            cwd: absolute, as the machine's processes see it.
            user: who runs it: a name, a uid, or uid:gid; empty for the keeper's own.
            groups: supplementary groups.

        Raises:
            InvalidParams, CommandNotFound, CwdInvalid, SpawnFailed: as `Machine.spawn`.
            BackendFailed: the keeper does not answer.
        """
        if (bad := unusable(spec.argv, environ)) is not None:
            raise InvalidParams(f"{bad[0]} {bad[1]}", path=bad[0], reason=bad[1])
        if not spec.argv[0]:
            raise CommandNotFound("cannot execute a command without a name", command="", reason="the name is empty")
        if spec.log is None:
            raise AssertionError("a machine that keeps output is told where")
        log = spec.open_log(spec.log)
        failpoint("keeper.spawn.log")
        params: dict[str, Any] = {
            "process": spec.process,
            "argv": list(spec.argv),
            "env": [f"{name}={value}" for name, value in environ.items()],
            "cwd": cwd,
            "user": user,
            "groups": groups,
            "rlimits": {},
            "pty": None if spec.pty is None else list(spec.pty),
            "stdin": spec.stdin,
            "capacity": spec.capacity,
            "hold": {"keep_ms": int(spec.hold * 1000)} if spec.hold else None,
        }
        try:
            return await self._request("spawn", params, self._spawned, fds=(log,))
        except BaseException as error:
            if not isinstance(error, Failed):
                # It may have been started, and nobody would ever ask for it.
                self._later(self._discard(spec.process))
            spec.log.unlink(missing_ok=True)
            if isinstance(error, Failed):
                raise explain(error.failure, spec.argv[0], cwd) from None
            if isinstance(error, KeeperGone):
                raise self._trouble("spawn", error) from None
            raise
        finally:
            os.close(log)

    async def adopt(self) -> list[KeptHandle]:
        """As `kept`."""
        return self.kept()

    async def kill_all(self, grace: float) -> None:
        """End every process: TERM, `grace` seconds, KILL."""
        await self.ask("kill_all", grace_ms=int(grace * 1000), timeout=grace + CALL_TIMEOUT)

    async def shutdown(self, grace: float) -> None:
        """End every process, and the keeper itself."""
        await self.ask("shutdown", grace_ms=int(grace * 1000), timeout=grace + CALL_TIMEOUT)

    # --- the files, the network, the figures ---

    async def root(self) -> int:
        """A descriptor (O_PATH) of the root directory of the machine; the caller closes it. Raises BackendFailed."""
        try:
            return await self._request("root", {}, self._handed)
        except (Failed, KeeperGone) as error:
            raise self._trouble("root", error) from None

    async def dial(self, port: int) -> TcpStream:
        """Connect to a TCP port on the machine's loopback. Raises PortRefused."""
        try:
            fd = await self._request("dial", {"port": port}, self._handed)
        except Failed as error:
            raise PortRefused(f"cannot connect to port {port}: {error.failure.reason}", port=port) from None
        except KeeperGone as error:
            raise self._trouble("dial", error) from None
        connected = socket.socket(fileno=fd)
        connected.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connected, limit=_BUFFER)
        writer.transport.set_write_buffer_limits(high=_BUFFER)
        return TcpStream(reader, writer)

    async def publish(self, listening: socket.socket, port: int) -> None:
        """Let it accept on a TCP socket of this node, of which it gets a copy, and carry connections to a port inside.

        It serves them for as long as it lives, daemon or not. Raises BackendFailed.
        """
        try:
            await self._request("publish", {"port": port}, _as_it_is, fds=(listening.fileno(),))
        except (Failed, KeeperGone) as error:
            raise self._trouble("publish", error) from None
        self.published.add(listening.getsockname()[1])

    async def listening(self) -> list[ListeningSocket]:
        """The TCP ports that something in the machine listens on."""
        answer = await self.ask("listeners")
        found = msgspec.json.decode(answer, type=dict[str, list[messages.Listening]])["listeners"]
        return [ListeningSocket(item.port, item.address, item.pid, item.command) for item in found]

    async def stats(self) -> MachineStats:
        """What the machine's processes use now."""
        found = msgspec.json.decode(await self.ask("stats"), type=messages.Stats)
        return MachineStats(cpu_ms=found.cpu_ms, memory=found.memory, processes=found.processes)

    # --- its own life ---

    async def upgrade(self, program: Path, build: str) -> None:
        """Put another program in its place, without losing a process. Raises BackendFailed."""
        fd = os.open(program, os.O_RDONLY | os.O_CLOEXEC)
        boot = self.boot
        try:
            await self._request("upgrade", {"build": build}, _as_it_is, fds=(fd,))
        except KeeperGone:
            pass  # the connection ends with the old program
        except Failed as error:
            raise self._trouble("upgrade", error) from None
        finally:
            os.close(fd)
        if self._coming_back is not None:
            await asyncio.wait([self._coming_back])
        if self.closed.done() or self.boot != boot:
            raise self._trouble("upgrade", KeeperGone("it did not come back"))

    async def close(self) -> None:
        """Let go of the connection; the keeper and its processes go on. Closing twice is harmless."""
        self._hang_up("the connection was closed")
        if not self.closed.done():
            self.closed.set_result(None)

    def lose(self) -> None:
        """Its program has ended, as somebody knows for certain: nothing comes back. Losing it twice is harmless."""
        self._hang_up("it has ended")
        self._give_up()

    def _hang_up(self, reason: str) -> None:
        if self._coming_back is not None:
            self._coming_back.cancel()
        self._disconnect(reason)

    # --- what handles need ---

    async def call(self, method: str, timeout: float = CALL_TIMEOUT, **params: Any) -> msgspec.Raw:
        """One request. Raises KeeperGone; Failed where it was refused."""
        return await self._request(method, params, _as_it_is, timeout)

    async def ask(self, method: str, timeout: float = CALL_TIMEOUT, **params: Any) -> msgspec.Raw:
        """The same where details help nobody: every failure is BackendFailed, and an unknown process is none."""
        try:
            return await self.call(method, timeout, **params)
        except Failed as error:
            if error.failure.name == "process_unknown":
                return msgspec.Raw(b"{}")
            raise self._trouble(method, error) from None
        except KeeperGone as error:
            raise self._trouble(method, error) from None

    def post(self, method: str, **params: Any) -> None:
        """A request whose answer nobody waits for. It is sent at once, before any input that is written after it."""
        try:
            waiter = self._ask(method, params, _as_it_is)
        except KeeperGone:
            self._later(self._post(method, params))  # again when the connection is back
        else:
            waiter.add_done_callback(_forgive)

    def notify(self, method: str, **params: Any) -> bool:
        """A message without an answer; whether it was sent. It is dropped where the connection is lost."""
        return self._send(TEXT, _encode({"jsonrpc": "2.0", "method": method, "params": params}))

    def send(self, frame: bytes) -> bool:
        """A binary frame; whether it was sent."""
        return self._send(BINARY, frame)

    def forget(self, process: str) -> None:
        """A process that has ended need not be remembered."""
        # Nothing follows from the answer, and after a short command it would be half of what there is to read.
        if self.notify("forget", process=process):
            failpoint("keeper.forget.sent")
        else:
            self._later(self._post("forget", {"process": process}))  # when the connection is back

    def drop(self, process: str) -> None:
        """Nobody follows this process here any more."""
        handle = self._handles.pop(process, None)
        if handle is not None:
            self._streams = {number: other for number, other in self._streams.items() if other is not handle}

    # --- the connection ---

    async def _dial_until(self, patience: float, over: Callable[[], bool] = lambda: False) -> None:
        deadline = self._loop.time() + patience
        while True:
            try:
                # Not `wait_for`, which forgets that it was cancelled when what it waits for has just failed.
                async with asyncio.timeout(max(deadline - self._loop.time(), 0.1)):
                    await self._dial()
                return
            except (OSError, TimeoutError, KeeperGone) as error:
                self._disconnect()
                if over():
                    raise KeeperGone("it has ended") from None
                if self._loop.time() >= deadline:
                    raise KeeperGone(f"nobody answers at {self._path}: {error or 'no answer'}") from None
            except BaseException:
                self._disconnect()
                raise
            await asyncio.sleep(_PAUSE)

    async def _dial(self) -> None:
        connected = connect(self._path)
        try:
            self.peer = peer(connected)
            if self._expected not in (None, self.peer.pid):
                raise KeeperRefused(f"process {self.peer.pid} answers at {self._path}, not {self._expected}")
        except BaseException:
            connected.close()
            raise
        self._hello = self._loop.create_future()
        channel = Channel(connected, self._message, self._lost)
        self._channel = channel
        hello = await self._hello
        handshake = Handshake(self._secret, hello)
        met: dict[str, messages.Known] = {}

        def welcomed(result: msgspec.Raw) -> messages.Page:
            # What follows in the same breath is about processes that must be known by then.
            state = msgspec.json.decode(result, type=messages.State)
            if not handshake.proven(state.proof):
                raise KeeperRefused(f"what answers at {self._path} does not know the machine's secret")
            if self.boot and state.boot != self.boot:
                raise KeeperRefused(f"the keeper at {self._path} was started anew; its processes are gone")
            self.boot, self.version, self.build, self.pid = state.boot, hello.version, hello.build, state.pid
            self.published = {int(port.address.rpartition(":")[2]) for port in state.published}
            return self._meet(state, met)

        def paged(result: msgspec.Raw) -> messages.Page:
            return self._meet(msgspec.json.decode(result, type=messages.Page), met)

        try:
            page = await self._request("authenticate", handshake.params(), welcomed)
        except Failed as error:
            raise KeeperRefused(f"the keeper at {self._path} does not accept us: {error}") from None
        while page.more:
            page = await self._request("list", {"after": page.processes[-1].stream}, paged)
        await self._agree(met)

    def _meet(self, page: messages.Page, met: dict[str, messages.Known]) -> messages.Page:
        """Take note of processes that the keeper has. At the first time none has a handle; later, one that has none was
        started by a call whose answer was lost, or is being forgotten."""
        for process in page.processes:
            met[process.process] = process
            handle = self._handles.get(process.process)
            if handle is not None:
                handle.resume(process)
            elif not self._restored:
                self._own(process)
        return page

    async def _agree(self, met: Mapping[str, messages.Known]) -> None:
        """Make the handles agree with what the keeper has."""
        self._restored = True
        for id, handle in list(self._handles.items()):
            if id in met:
                await self._request("settle", {"process": id}, _as_it_is)
                handle.settled(met[id])
            else:
                self.drop(id)
                handle.lose()

    def _own(self, known: messages.Known) -> KeptHandle:
        handle = KeptHandle(self, known, self._log_of(known.process))
        self._handles[known.process] = handle
        self._streams[known.stream] = handle
        return handle

    def _lost(self, error: Exception | None) -> None:
        self._channel = None
        gone = KeeperGone(f"the connection to the keeper at {self._path} was lost" + (f": {error}" if error else ""))
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(gone)
        self._calls.fail(gone)
        if self.boot and self._coming_back is None and not self.closed.done():
            self._coming_back = self._loop.create_task(self._come_back(), name="keeper: reconnect")

    async def _come_back(self) -> None:
        try:
            await self._dial_until(BACK_WITHIN)
        except (KeeperGone, KeeperRefused) as error:
            _log.warning("%s", error)
            self._give_up()
        finally:
            self._coming_back = None

    def _give_up(self) -> None:
        for handle in list(self._handles.values()):
            handle.lose()
        self._handles.clear()
        self._streams.clear()
        if not self.closed.done():
            self.closed.set_result(None)

    def _disconnect(self, reason: str = "the connection was not made") -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self._calls.fail(KeeperGone(reason))

    # --- messages ---

    async def _request(
        self,
        method: str,
        params: Mapping[str, Any],
        accept: Callable[[msgspec.Raw], R],
        timeout: float = CALL_TIMEOUT,
        fds: tuple[int, ...] = (),
    ) -> R:
        """One request; what `accept` makes of its result, as `Calls.begin` says."""
        if self._channel is None and self._coming_back is not None and method != "authenticate":
            await asyncio.wait([self._coming_back])
        answer = self._ask(method, params, accept, fds)
        # A future and a timer: `asyncio.wait_for` would be a good part of what starting a process takes here.
        late = self._loop.call_later(timeout, _too_late, answer, f"no answer to {method} within {timeout:g} s")
        try:
            return await answer
        finally:
            late.cancel()

    def _ask(
        self,
        method: str,
        params: Mapping[str, Any],
        accept: Callable[[msgspec.Raw], R],
        fds: tuple[int, ...] = (),
    ) -> asyncio.Future[R]:
        """Send a request; its answer. Raises KeeperGone where it cannot be sent."""
        if self._channel is None:
            raise KeeperGone(f"there is no connection to the keeper at {self._path}")
        try:
            answer = self._calls.begin(partial(self._channel.send, TEXT, fds=fds), method, params, accept)
        except ConnectionError as error:
            raise KeeperGone(str(error)) from None
        failpoint(f"keeper.{method}.sent")
        return answer

    def _send(self, kind: int, data: bytes) -> bool:
        if self._channel is None:
            return False
        try:
            self._channel.send(kind, data)
        except ConnectionError:
            return False
        return True

    async def _post(self, method: str, params: Mapping[str, Any]) -> None:
        try:
            await self._request(method, params, _as_it_is)
        except (KeeperGone, Failed) as error:
            _log.debug("%s: %s", method, error)

    def _message(self, kind: int, data: bytes) -> None:
        try:
            if kind == BINARY:
                self._frame(data)
            else:
                self._text(_decode(data))
        except (msgspec.DecodeError, FrameError) as error:
            raise Broken(f"the keeper at {self._path} says what cannot be understood: {error}") from None

    def _frame(self, data: bytes) -> None:
        frame = decode(data)
        handle = self._streams.get(frame.stream)
        if handle is not None and frame.type is FrameType.CREDIT and frame.channel == UP:
            handle.io.credited(frame.offset)

    def _text(self, message: messages.Answer) -> None:
        if message.id is not None:
            self._calls.answered(message.id, message)
        elif message.method == "hello" and self._hello is not None and not self._hello.done():
            self._hello.set_result(msgspec.json.decode(message.params, type=messages.Hello))
        elif message.method == "output":
            grown = msgspec.json.decode(message.params, type=messages.Grown)
            if (handle := self._handles.get(grown.process)) is not None:
                handle.io.grew(grown)
        elif message.method == "exited":
            exited = msgspec.json.decode(message.params, type=messages.Exited)
            if (handle := self._handles.get(exited.process)) is not None:
                handle.exited(exited.exit)
        elif message.method == "ended":
            ended = msgspec.json.decode(message.params, type=messages.Ended)
            if (handle := self._handles.get(ended.process)) is not None:
                handle.io.end(ended.complete)
        elif message.method == "stalled":
            stalled = msgspec.json.decode(message.params, type=messages.Stalled)
            if (handle := self._handles.get(stalled.process)) is not None:
                handle.io.stall(stalled)
        elif message.method == "closing":
            _log.warning("the keeper at %s closes the connection: %s", self._path, bytes(message.params).decode())

    def _spawned(self, result: msgspec.Raw) -> KeptHandle:
        known = msgspec.json.decode(result, type=messages.Known)
        handle = self._own(known)
        if known.exit is not None or known.ended:
            # It has ended already: what is in the answer is not told again, and its output is yet to come.
            self._later(self._settle(handle, known))
        return handle

    async def _settle(self, handle: KeptHandle, known: messages.Known) -> None:
        await self.ask("settle", process=known.process)
        handle.settled(known)

    def _handed(self, result: msgspec.Raw) -> Fd:
        assert self._channel is not None
        return Fd(self._channel.take_fd())

    async def _discard(self, process: str) -> None:
        """End and forget a process of which nobody will ever be told."""
        self.drop(process)
        await self._post("kill", {"process": process, "grace_ms": 0})
        await self._post("forget", {"process": process})

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work, name="keeper")
        self._posts.add(task)
        task.add_done_callback(self._posted)

    def _posted(self, task: asyncio.Task[None]) -> None:
        self._posts.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("the keeper at %s: %s", self._path, error)
