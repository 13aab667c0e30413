"""Working among a machine's files in the name of its user: this thread's file calls have his rights and no others.

The kernel decides what may be read and written, and to whom what is made belongs. It does so by credentials of the
thread: filesystem user and group, supplementary groups and capabilities, which Linux keeps for each thread. The process
as a whole keeps its own; only where it is root it can take on others.

While a thread acts, what it opens is looked at as well (`look`, `check_entry`): a machine's filesystem holds other
ones, of which not all are for a caller.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from nexus_sdk.protocol.errors import PermissionDenied

from nexusd.files.syscalls import mount_id

O_PATH: Final = getattr(os, "O_PATH", os.O_RDONLY)

_CAP_CHOWN: Final = 0
_CAP_DAC_OVERRIDE: Final = 1
_CAP_FOWNER: Final = 3
_CAP_FSETID: Final = 4
_ROOT_KEEPS: Final = 1 << _CAP_CHOWN | 1 << _CAP_DAC_OVERRIDE | 1 << _CAP_FOWNER | 1 << _CAP_FSETID
"""What root in a container has of the capabilities that speak of files."""

_CAPABILITY_VERSION_3: Final = 0x20080522
_SETGROUPS: Final = {"x86_64": 116}
_SETGROUPS_ELSEWHERE: Final = 159
"""Its number where architectures share a table (aarch64, riscv64). The C library's function is for all threads."""

_ASK: Final = 0xFFFFFFFF
"""An id that nobody can have: setting it changes nothing and tells the one there is."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_here: Final = threading.local()

Look = Callable[[int], bool]
"""Whether what an open descriptor means may be served."""


class Refused(OSError):
    """What the system would do and we do not: `errors.named` gives it to the caller as PermissionDenied.

    Attributes:
        reason: why, for a person.
        hint: what to do instead.
    """

    def __init__(self, number: int, reason: str, hint: str) -> None:
        super().__init__(number, reason)
        self.reason = reason
        self.hint = hint


class Actor:
    """A user of this node in whose name a thread can work.

    Args:
        uid: his id, as this node sees it.
        gid: the id of his group.
        groups: ids of his other groups.
    """

    def __init__(self, uid: int, gid: int, groups: Sequence[int]) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = tuple(groups)

    @contextmanager
    def act(self, look: Look) -> Iterator[None]:
        """Have his rights in this thread until the context is left. In a context of the same actor nothing changes.

        No thread may be started meanwhile: it would begin with these rights and keep them.

        A daemon that is not root acts as itself, where it is that user: its supplementary groups then count, not his.

        Args:
            look: whether what a descriptor means may be served.

        Raises:
            PermissionDenied: this daemon cannot act as that user.
        """
        before: tuple[Actor, Look] | None = getattr(_here, "acting", None)
        if before is not None:
            if before[0] is not self:
                raise RuntimeError("this thread acts for somebody else")
            yield
            return
        try:
            leave = self._enter()
        except OSError as error:
            raise self._impossible(error.strerror or str(error)) from None
        _here.acting = (self, look)
        try:
            yield
        finally:
            _here.acting = None
            leave()

    def _enter(self) -> Callable[[], None]:
        if os.geteuid() != 0:
            if self.uid != os.geteuid():
                raise OSError(errno.EPERM, "only root can act as somebody else")
            return _nothing
        before = _Credentials.now()
        capabilities = before.effective & _ROOT_KEEPS if self.uid == 0 else 0
        wanted = _Credentials(self.uid, self.gid, self.groups, capabilities, before.permitted, before.inheritable)

        def leave() -> None:
            before.restore()

        try:
            wanted.take()
        except BaseException:
            leave()
            raise
        return leave

    def _impossible(self, reason: str) -> PermissionDenied:
        return PermissionDenied(
            f"the files of this machine are its user's, and this daemon cannot act as uid {self.uid}: {reason}",
            hint="Read and write them by a command in the workspace, or run the daemon as root or as that user.",
            path="/",
        )


class _Credentials:
    """What the kernel judges a thread's file calls by."""

    def __init__(
        self, uid: int, gid: int, groups: tuple[int, ...], effective: int, permitted: int, inheritable: int
    ) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.effective = effective
        self.permitted = permitted
        self.inheritable = inheritable

    @classmethod
    def now(cls) -> _Credentials:
        """Those of this thread."""
        header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
        data = ctypes.create_string_buffer(24)
        _check(_libc.capget(header, data))
        low, high = struct.unpack("=3I", data.raw[:12]), struct.unpack("=3I", data.raw[12:])
        sets = [first | second << 32 for first, second in zip(low, high, strict=True)]
        uid, gid = _ask(_libc.setfsuid), _ask(_libc.setfsgid)
        return cls(uid, gid, tuple(os.getgroups()), *sets)

    def take(self) -> None:
        """Give them to this thread, which is root. Raises OSError; some may be taken then."""
        _set_groups(self.groups)
        _libc.setfsgid(ctypes.c_uint(self.gid))
        _libc.setfsuid(ctypes.c_uint(self.uid))
        self._set_capabilities()
        # Those two calls say nothing of a failure.
        if (_ask(_libc.setfsuid), _ask(_libc.setfsgid)) != (self.uid, self.gid):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def restore(self) -> None:
        """Give them back to this thread, to which they belong: first what the other steps need."""
        self._set_capabilities()
        self.take()

    def _set_capabilities(self) -> None:
        low = [value & 0xFFFFFFFF for value in (self.effective, self.permitted, self.inheritable)]
        high = [value >> 32 for value in (self.effective, self.permitted, self.inheritable)]
        _check(_libc.capset(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), struct.pack("=6I", *low, *high)))


def acting(actor: Actor) -> bool:
    """Whether this thread acts for somebody."""
    now = getattr(_here, "acting", None)
    return now is not None and now[0] is actor


def anybody() -> bool:
    """Whether this thread acts for anybody; then what it makes is his already."""
    return getattr(_here, "acting", None) is not None


def user() -> int:
    """The user to whom belongs what this thread makes."""
    now: tuple[Actor, Look] | None = getattr(_here, "acting", None)
    return os.geteuid() if now is None else now[0].uid


def look(fd: int) -> int:
    """Give back a descriptor whose file may be served to whom this thread acts for; close any other.

    Raises:
        Refused: it may not.
    """
    now: tuple[Actor, Look] | None = getattr(_here, "acting", None)
    if now is not None:
        try:
            served = now[1](fd)
        except BaseException:
            os.close(fd)
            raise
        if not served:
            os.close(fd)
            raise Refused(
                errno.EACCES,
                "it lies in a filesystem of the kernel or of Nexus, which is not served",
                "Look at it by a command in the workspace.",
            )
    return fd


def check_entry(directory: int, name: str) -> None:
    """Before an entry is removed, moved or replaced: it must be no place where something is mounted.

    The kernel refuses that only within the mount namespace that the mount is in. To us it would take the mount away.
    Nobody can move a mount to this entry meanwhile: within, the kernel refuses, and from here this does.

    Raises:
        Refused: something is mounted there.
    """
    if not anybody():
        return
    try:
        fd = os.open(name, O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return
    try:
        mounted = mount_id(fd) != mount_id(directory)
    finally:
        os.close(fd)
    if mounted:
        raise Refused(
            errno.EBUSY,
            "something is mounted there, so it cannot be replaced, moved or removed",
            "A mounted file can be written to by a command in the workspace.",
        )


def _set_groups(groups: tuple[int, ...]) -> None:
    if tuple(os.getgroups()) == groups:
        return
    array = (ctypes.c_uint * max(1, len(groups)))(*groups)
    number = _SETGROUPS.get(platform.machine(), _SETGROUPS_ELSEWHERE)
    _check(_libc.syscall(ctypes.c_long(number), ctypes.c_size_t(len(groups)), array))


def _ask(call: Callable[[ctypes.c_uint], int]) -> int:
    return call(ctypes.c_uint(_ASK)) & 0xFFFFFFFF


def _check(failed: int) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _nothing() -> None:
    return None
