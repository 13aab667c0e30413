"""What happens to our containers, followed by one thread for as long as the backend is open."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from nexusd.backends.docker.engine import Engine
from nexusd.backends.docker.names import Marks

log = logging.getLogger(__name__)

SEEN = frozenset({"create", "start", "die", "stop", "kill", "oom", "pause", "unpause", "destroy", "restart"})
"""Events after which a container may be in another state."""
AGAIN_SECONDS = 0.25
"""First pause before an engine that is away is tried again; it doubles up to `RARELY_SECONDS`."""
RARELY_SECONDS = 5.0


class Watch:
    """Follows the engine's events, also when the engine goes and comes back.

    Args:
        engine: whose.
        marks: of what.
        changed: called on the loop with the workspace whose container something happened to.
        back: called on the loop when events are followed, the first time and after every gap: look at everything.
    """

    def __init__(self, engine: Engine, marks: Marks, changed: Callable[[str], None], back: Callable[[], None]) -> None:
        self._engine = engine
        self._marks = marks
        self._changed = changed
        self._back = back
        self._loop = asyncio.get_running_loop()
        self._closed = threading.Event()
        self._lock = threading.Lock()  # guards the stream, against closing it before it is known
        self._stream: Any = None
        self._thread = threading.Thread(target=self._run, name="nexus-docker-events", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    async def close(self) -> None:
        """End; returns when the thread is gone or a second has passed."""
        self._closed.set()
        with self._lock:
            stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.to_thread(_cut, stream)
        await asyncio.to_thread(self._thread.join, 1.0)

    def _run(self) -> None:
        pause = AGAIN_SECONDS
        while not self._closed.is_set():
            try:
                self._follow()
                pause = AGAIN_SECONDS
            except Exception as error:
                log.debug("events of the engine at %s: %s", self._engine.host, error)
            self._closed.wait(pause)
            pause = min(pause * 2, RARELY_SECONDS)

    def _follow(self) -> None:
        client = self._engine.client(None)
        stream: Any = None
        try:
            # The head of the answer comes at once, the first event may take for ever.
            stream = client.events(filters={**self._marks.filter(), "type": ["container"]}, decode=True)
            with self._lock:
                if self._closed.is_set():
                    return
                self._stream = stream
            self._tell(self._back)
            for event in stream:
                # Actions such as "exec_start: sh" carry more behind a colon.
                if str(event.get("Action", "")).partition(":")[0] in SEEN:
                    workspace = self._marks.owner((event.get("Actor") or {}).get("Attributes"))
                    if workspace is not None:
                        self._tell(partial(self._changed, workspace))
        finally:
            with self._lock:
                self._stream = None
            if stream is not None:
                stream._response.close()
            client.close()

    def _tell(self, what: Callable[[], None]) -> None:
        if not self._closed.is_set():
            self._loop.call_soon_threadsafe(what)


def _cut(stream: Any) -> None:
    try:
        stream.close()
    except Exception as error:
        log.debug("closing the stream of events: %s", error)
