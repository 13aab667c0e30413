"""The filesystem of a running container, opened for file calls: whose it is, and which of its mounts are served."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nexus_sdk.protocol.errors import CapabilityMissing

from nexusd.backends.base import RootHandle
from nexusd.backends.docker import names
from nexusd.files.acting import Actor
from nexusd.files.syscalls import mount_id
from nexusd.files.whole import Whole

if TYPE_CHECKING:
    from nexusd.backends.keeper.channel import Peer

HOLDS_FILES: Final = frozenset(
    {
        *("overlay", "aufs", "fuse.fuse-overlayfs", "tmpfs", "ramfs"),
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "nilfs2", "reiserfs", "ecryptfs"),
        *("nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "virtiofs", "fuse", "fuseblk", "gfs2", "ocfs2", "lustre"),
        *("erofs", "squashfs", "vfat", "exfat", "ntfs3", "ubifs"),
    }
)
"""Kinds of filesystems that are storage. Of the others (proc, sysfs, cgroup2, devpts, mqueue …) none is served."""

_ENGINES_OWN: Final = frozenset({"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"})
"""What the engine writes for each container."""

_VOLUME: Final = re.compile(r"/volumes/[0-9a-f]{64}/_data\Z")
"""Where the engine keeps what an image declares as a volume: under a name that nobody can choose."""

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line of mountinfo.

    Attributes:
        id: its number.
        root: which directory of its filesystem it shows.
        point: where it is.
        kind: what kind of filesystem it is.
    """

    id: int
    root: str
    point: str
    kind: str


def parse(text: str) -> list[Mount]:
    """The mounts in the text of a /proc/<pid>/mountinfo, see proc(5)."""
    found = []
    for line in text.splitlines():
        words = line.split(" ")
        kind = words[words.index("-", 6) + 1]
        found.append(Mount(int(words[0]), _unescape(words[3]), _unescape(words[4]), kind))
    return found


def served(mounts: Iterable[Mount], root: int) -> set[int]:
    """Ids of the mounts whose files a caller may have: the root, memory, what the engine writes, declared volumes.

    Everything else that is shown inside stays what it is for: the run directory with the helper's socket, the helper's
    program, the repository's git directory. They are known by not being any of these, since root inside can move the
    directories that they are in.

    Args:
        mounts: all that the container's processes see.
        root: the id of the mount that is their root.
    """
    mounts = list(mounts)
    others = [mount.point.rstrip("/") + "/" for mount in mounts if mount.kind not in HOLDS_FILES]
    found = set()
    for mount in mounts:
        if mount.kind not in HOLDS_FILES or mount.point.startswith(tuple(others)):
            continue
        own_memory = mount.kind == "tmpfs" and mount.root == "/"
        if mount.id == root or own_memory or _VOLUME.search(mount.root) or mount.point in _ENGINES_OWN:
            found.add(mount.id)
    return found


def open_whole(root: int, peer: Peer, worktree: RootHandle, ended: asyncio.Future[Any]) -> Whole:
    """The filesystem of a container.

    Args:
        root: its root directory; not closed.
        peer: its helper, which runs as its user.
        worktree: the worktree, which is a part of it as well.
        ended: see `Whole`.

    Raises:
        CapabilityMissing: its mounts cannot be seen from here, so that nothing is known of what it holds.
    """
    try:
        with open(f"/proc/{peer.pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = parse(file.read())
        base = mount_id(root)
        if not any(mount.id == base and mount.point == "/" for mount in mounts):
            raise _unreachable("its first process is not to be found on this node")
        ids = served(mounts, base)
        inner = os.open(names.ROOT[1:], os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
        try:
            if os.path.samestat(os.fstat(inner), os.fstat(worktree.fd)):
                ids.add(mount_id(inner))
        finally:
            os.close(inner)
    except OSError as error:
        raise _unreachable(error.strerror or str(error)) from None
    handle = RootHandle(fd=root, path="/", in_root=True)
    return Whole(handle, names.ROOT, Actor(peer.uid, peer.gid, peer.groups), ids, ended)


def _unreachable(reason: str) -> CapabilityMissing:
    return CapabilityMissing(
        f"the filesystem of this workspace's container cannot be reached from here: {reason}",
        hint=f"Paths below {names.ROOT} work. The daemon has to run on the engine's node, under Linux 5.8 or later.",
        backend="docker",
        capability="files outside of the worktree",
    )


def _unescape(word: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), word)
