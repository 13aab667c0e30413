"""Every method of the schema and who serves it."""

from __future__ import annotations

from nexusd.api import exec as exec_
from nexusd.api import fs, fs_streams, git, operation, port, system, token, workspace
from nexusd.api.services import Services
from nexusd.wire.dispatch import Dispatcher


def register_all(dispatcher: Dispatcher, services: Services) -> None:
    """Serve all domains but `session`, which needs the endpoint that announces itself; see `register_session`."""
    for domain in (workspace, operation, fs, fs_streams, exec_, port, git, system, token):
        domain.register(dispatcher, services)
