"""The engine: its API in threads, each call with a deadline, each failure under a name of ours.

The `docker` library costs a third of a second and 6 MB, so it is loaded with the first call. Whether an engine is there
is asked without it.
"""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nexus_sdk.protocol.errors import BackendUnavailable, NexusError

from nexusd.backends.docker import failures

if TYPE_CHECKING:
    from nexusd.backends.docker.client import Client

T = TypeVar("T")

OLDEST_API: Final = (1, 41)
"""Docker Engine 20.10."""
THREADS: Final = 16
PING_SECONDS: Final = 3.0
INFO_SECONDS: Final = 60.0
"""How long what the engine says of itself is taken for true; it runs two programs to say it."""
SLACK_SECONDS: Final = 5.0
"""How much longer than the engine may be silent a whole call may take."""


class _Local(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ping(host: str, timeout: float = PING_SECONDS) -> str:
    """What is wrong with the engine; empty where it answers. Blocks for at most `timeout` seconds."""
    kind, _, address = host.partition("://")
    if kind == "unix":
        connection: http.client.HTTPConnection = _Local(address, timeout)
    elif kind == "tcp":
        connection = http.client.HTTPConnection(address.rstrip("/"), timeout=timeout)
    else:
        return f"{host} is no address of an engine: unix:///path or tcp://host:port"
    try:
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        answer.read(100)
        version = answer.headers.get("Api-Version", "")
        if answer.status != 200 or not version:
            return f"what answers at {host} is no Docker Engine (status {answer.status})"
        if tuple(int(part) for part in version.split(".")) < OLDEST_API:
            return f"the engine at {host} speaks API {version}; 1.41 (Engine 20.10) or later is needed"
        return ""
    except TimeoutError:
        return f"the engine at {host} did not answer within {timeout:.0f} s"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"no engine answers at {host}: {failures.words(error)}"
    finally:
        connection.close()


class Engine:
    """Calls to one engine.

    Args:
        host: its address, as in DOCKER_HOST.
        timeout: seconds that it may take for one answer.
    """

    def __init__(self, host: str, timeout: float) -> None:
        self.host = host
        self.timeout = timeout
        self._threads = ThreadPoolExecutor(THREADS, "nexus-docker")
        self._mine = threading.local()
        self._api: str | None = None
        self._clients: list[Client] = []
        self._lock = threading.Lock()  # guards the list, and the choice of the API's version
        self._info: tuple[float, dict[str, Any]] | None = None

    async def ping(self) -> str:
        """What is wrong with the engine; empty where it answers."""
        # Not among the threads of calls: those may all wait for an engine that hangs.
        return await asyncio.to_thread(ping, self.host)

    async def call(
        self,
        step: str,
        function: Callable[[Client], T],
        *,
        within: float | None = None,
        naming: Callable[[Exception], NexusError | None] = lambda error: None,
    ) -> T:
        """Run `function` with a client in a thread.

        A cancelled or late call may still be done by the engine.

        Args:
            step: what is being done, for errors.
            function: what to do; blocking.
            within: seconds it may take; by default what one answer may.
            naming: gives errors of the library a name of their own where it can.

        Raises:
            BackendUnavailable: the engine is away, or took too long.
            StorageFull: its disk is full.
            BackendFailed: it refused.
        """
        limit = within if within is not None else self.timeout
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit + SLACK_SECONDS):
                return await loop.run_in_executor(self._threads, self._run, step, function, limit, naming)
        except TimeoutError:
            raise failures.late(step, self.host, limit) from None

    async def info(self) -> dict[str, Any]:
        """What the engine is and can do, as ``GET /info``; it is there now. Raises as `call`."""
        step, clock = "asking the engine", asyncio.get_running_loop().time
        if self._info is not None and clock() - self._info[0] < INFO_SECONDS:
            await self.call(step, lambda client: client.ping())
            return self._info[1]
        found: dict[str, Any] = await self.call(step, lambda client: client.info())
        self._info = clock(), found
        return found

    def client(self, patience: float | None) -> Client:
        """A client of its own for a long answer; `patience` is how long the engine may be silent, None for ever."""
        return self._make(patience)

    def close(self) -> None:
        """Take no more calls. Threads that wait for the engine end with their deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for client in self._clients:
                client.close()

    def _run(
        self,
        step: str,
        function: Callable[[Client], T],
        limit: float,
        naming: Callable[[Exception], NexusError | None],
    ) -> T:
        try:
            client: Client | None = getattr(self._mine, "client", None)
            if client is None:
                client = self._mine.client = self._make(self.timeout)
                with self._lock:
                    self._clients.append(client)
            client.patience = limit
            return function(client)
        except NexusError:
            raise
        except Exception as error:
            raise naming(error) or failures.translate(error, step, self.host, limit) from error

    def _make(self, patience: float | None) -> Client:
        from nexusd.backends.docker.client import Client

        with self._lock:
            if self._api is None:
                trouble = ping(self.host, min(self.timeout, PING_SECONDS))
                if trouble:
                    raise BackendUnavailable(
                        trouble, hint=failures.HINT, backend="docker", step="connect", reason=trouble
                    )
                self._api = Client.version_of(self.host, self.timeout)
        client = Client(base_url=self.host, version=self._api, timeout=self.timeout)
        client.patience = patience
        return client
