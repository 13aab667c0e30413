"""Every method of the schema and who serves it."""

from __future__ import annotations

from nexusd.api import checkpoint, fs, fs_streams, git, operation, port, system, token, workspace
from nexusd.api import exec as exec_
from nexusd.api.observing import Calls
from nexusd.api.services import Services


def register_all(calls: Calls, services: Services) -> None:
    """Serve all domains but `session`, which needs the endpoint that announces itself."""
    for domain in (workspace, checkpoint, operation, fs, fs_streams, exec_, port, git, system, token):
        domain.register(calls, services)
