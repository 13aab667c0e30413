"""The thread that waits for changes on behalf of one watcher."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from nexusd.files.beneath import Beneath
from nexusd.files.watchtree import Scope, Source, Tree

if sys.platform == "linux":
    from nexusd.files.watchkernel import KernelDriver as SystemDriver
else:
    from nexusd.files.watchportable import PortableDriver as SystemDriver

_STOP_WAIT: Final = 10.0

_log: Final = logging.getLogger(__name__)


class Driver(Source, Protocol):
    """Where events come from."""

    def wake(self) -> None:
        """End the wait of `pump`; from any thread."""
        ...

    def pump(self, tree: Tree) -> None:
        """Wait for changes or `wake`, then tell them."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class WatchThread:
    """Owns the driver and the tree; scopes come and go by message."""

    def __init__(self, beneath: Beneath, exclude: str, root_gone: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            exclude: see `Ignore.at`.
            root_gone: called in the event loop when the root itself was removed.

        Raises:
            OSError: a limit of the system; the root cannot be watched.
        """
        self._loop = asyncio.get_running_loop()
        self._acting = beneath.acting
        self._driver: Driver = SystemDriver(beneath, lambda: self._tell(root_gone))
        self._tree = Tree(beneath, self._driver, exclude)
        self._orders: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="nexus-watch", daemon=True)
        self._thread.start()

    async def add(self, scope: Scope) -> None:
        """Watch for a scope; returns when the watch is in place. If the wait is cancelled, the scope is removed again.

        Raises:
            OSError: see `Tree.add`.
        """
        done: asyncio.Future[None] = self._loop.create_future()

        def order() -> None:
            try:
                self._tree.add(scope)
            except BaseException as error:
                self._tell(_settle, done, error)
            else:
                self._tell(_settle, done, None)

        self._send(order)
        try:
            await done
        except asyncio.CancelledError:
            self.remove(scope)
            raise

    def remove(self, scope: Scope) -> None:
        """Stop watching for a scope, soon."""
        self._send(lambda: self._tree.remove(scope))

    def close(self) -> None:
        """End the thread. Blocks until it has ended."""
        self._send(self._stop)
        self._thread.join(_STOP_WAIT)

    def _stop(self) -> None:
        self._stopping = True

    def _send(self, order: Callable[[], None]) -> None:
        self._orders.append(order)
        self._driver.wake()

    def _tell(self, call: Callable[..., None], *args: object) -> None:
        """Call in the event loop, unless that is over."""
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            self._stopping = True

    def _run(self) -> None:
        try:
            with self._acting():
                while not self._stopping:
                    self._driver.pump(self._tree)
                    while self._orders:
                        self._orders.popleft()()
        except Exception:
            _log.exception("a watch ended")
            self._tree.fail("the watch failed; the cause is in the daemon's log")
        finally:
            self._driver.close()


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
