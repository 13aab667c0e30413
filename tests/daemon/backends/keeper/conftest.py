"""Other versions of nexus-init."""

from __future__ import annotations

from other_inits import make_init

__all__ = ["make_init"]
