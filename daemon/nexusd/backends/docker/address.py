"""Where the engine is. Apart from the backend, which a daemon without an engine need not load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"


def find(configured: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Where the engine is said to be: by the configuration, by DOCKER_HOST, or by a socket in the usual place."""
    said = configured or environ.get("DOCKER_HOST")
    if said:
        return said
    return DEFAULT_HOST if os.path.exists(DEFAULT_HOST.removeprefix("unix://")) else None
