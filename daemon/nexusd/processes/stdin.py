"""A process's input: bytes are taken when its pipe or terminal has taken them, each once."""

from __future__ import annotations

import asyncio
import os

from nexus_sdk.protocol.errors import NotController, StdinClosed, StreamProtocol

WINDOW = 64 * 1024
"""Bytes that a client may send ahead of what was taken; a pipe's own size."""


class Input:
    """The writing side. One writer at a time: whoever has control.

    Args:
        process: id, for errors.
        fd: non-blocking; None where no input was asked for. It stays the caller's.

    Attributes:
        taken: how many bytes the process's pipe has taken.
        asked_for: whether there ever was an input.
    """

    def __init__(self, process: str, fd: int | None) -> None:
        self._process = process
        self._fd = fd
        self._owner: object = None
        self._waiter: asyncio.Future[None] | None = None
        self.asked_for = fd is not None
        self.taken = 0

    @property
    def position(self) -> int:
        """Position of the next byte: what lies before it is here, and is taken sooner or later."""
        return self.taken

    @property
    def open(self) -> bool:
        """Whether bytes can still be taken."""
        return self._fd is not None

    def give_to(self, owner: object) -> None:
        """Let `owner` write from now on, and nobody else: what another owner has under way ends with NotController."""
        if owner is not self._owner:
            self._owner = owner
            self._wake()

    async def write(self, owner: object, offset: int, data: bytes | memoryview) -> int:
        """Write what was not taken before, and wait until it is taken.

        Args:
            owner: who writes.
            offset: position of the first byte; what lies before `position` is a repetition and dropped.
            data: the bytes.

        Returns:
            `taken` afterwards: less than the end of `data` where the process closed its side or has ended.

        Raises:
            StdinClosed: no input was asked for.
            NotController: somebody else has control.
            StreamProtocol: the offset leaves a gap.
        """
        if not self.asked_for:
            raise StdinClosed(f"process {self._process} was started without stdin", process=self._process)
        if offset > self.position:
            reason = f"stdin continues at {self.position}, not at {offset}"
            raise StreamProtocol(f"process {self._process}: {reason}", stream=0, reason=reason)
        view = memoryview(data)[self.position - offset :]
        while len(view):
            self._check(owner)
            if not self.open:
                break
            count = self._put(view)
            if count:
                view = view[count:]
            elif self.open:
                await self._wait()
        return self.taken

    def finish(self, owner: object, offset: int) -> bool:
        """The input ends at `offset`; True where it now is to be closed. Raises as `write` does."""
        if not self.asked_for:
            raise StdinClosed(f"process {self._process} was started without stdin", process=self._process)
        if not self.open or offset < self.position:
            return False
        self._check(owner)
        if offset > self.position:
            reason = f"stdin continues at {self.position}, it cannot end at {offset}"
            raise StreamProtocol(f"process {self._process}: {reason}", stream=0, reason=reason)
        return True

    def close(self) -> None:
        """Take nothing any more. Call it before the descriptor is closed. Closing twice is harmless."""
        self._wake()
        self._fd = None

    def _check(self, owner: object) -> None:
        if owner is not self._owner:
            raise NotController(f"another attachment controls process {self._process}", process=self._process)

    def _put(self, view: memoryview) -> int:
        """Write what goes at once; 0 where nothing does."""
        assert self._fd is not None
        try:
            count = os.write(self._fd, view)
        except BlockingIOError:
            return 0
        except OSError:
            # The reader is gone (EPIPE; EIO for a terminal). Its exit says the rest.
            self.close()
            return 0
        self.taken += count
        return count

    async def _wait(self) -> None:
        """Wait until something can be written, or nothing any more, or somebody else may."""
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self._watch(True)
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                self._watch(False)
                self._waiter = None

    def _watch(self, on: bool) -> None:
        """Have `_wake` called when something can be written."""
        if self._fd is None:
            return
        if on:
            asyncio.get_running_loop().add_writer(self._fd, self._wake)
        else:
            asyncio.get_running_loop().remove_writer(self._fd)

    def _wake(self) -> None:
        if self._waiter is not None:
            self._watch(False)
            if not self._waiter.done():
                self._waiter.set_result(None)
            self._waiter = None
