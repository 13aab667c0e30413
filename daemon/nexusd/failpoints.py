"""Named points at which a test kills the daemon, to prove that a crash there loses and orphans nothing.

``NEXUS_FAILPOINT=name`` or ``name@n`` (the n-th pass, from 1) makes the process end itself with SIGKILL on reaching
that point, which no handler can soften. Unset, a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

_armed, _, _count = os.environ.get("NEXUS_FAILPOINT", "").partition("@")
_left = int(_count) if _count.isdigit() else 1


def failpoint(name: str) -> None:
    """Die here if the test asked for it."""
    global _left
    if name == _armed:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
