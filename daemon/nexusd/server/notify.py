"""What systemd wants to hear: one datagram each time."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping

__all__ = ["Notifier"]

_log = logging.getLogger("nexusd.server")


class Notifier:
    """Tells the service manager how we are. Does nothing when there is none.

    Args:
        environ: where ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` are.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        pid = environ.get("WATCHDOG_PID")
        usec = environ.get("WATCHDOG_USEC", "")
        watched = usec.isdecimal() and int(usec) > 0 and (pid is None or pid == str(os.getpid()))
        self.watchdog_s: float | None = int(usec) / 1e6 if watched and self._address else None
        """Seconds within which the watchdog must hear of us; None without a watchdog."""
        self._timer: asyncio.TimerHandle | None = None

    def ready(self, status: str = "") -> None:
        """We serve."""
        self._send("READY=1", status)

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends it."""
        self._send("RELOADING=1", "", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str = "") -> None:
        """We stop."""
        self._send("STOPPING=1", status)
        self.stop_watchdog()

    def status(self, text: str) -> None:
        """One line on how we are."""
        self._send("", text)

    def start_watchdog(self) -> None:
        """Let the watchdog hear of us for as long as the event loop turns."""
        if self.watchdog_s is not None and self._timer is None:
            self._beat()

    def stop_watchdog(self) -> None:
        """Stop that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        assert self.watchdog_s is not None
        self._send("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(self.watchdog_s / 3, self._beat)

    def _send(self, state: str, status: str = "", *more: str) -> None:
        if not self._address:
            return
        lines = [state, *more]
        if status:
            lines.append("STATUS=" + status.replace("\n", " "))
        message = "\n".join(line for line in lines if line).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message, self._address)
        except OSError as error:
            _log.warning("the service manager could not be told: %s", error)
