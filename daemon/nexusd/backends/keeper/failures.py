"""What goes wrong between this daemon and a machine's keeper, and how it is told to callers."""

from __future__ import annotations

from nexus_sdk.protocol.errors import BackendFailed, CommandNotFound, CwdInvalid, NexusError, SpawnFailed

from nexusd.backends.keeper import messages

__all__ = ["Failed", "KeeperGone", "KeeperRefused", "ProtocolUnknown", "explain", "trouble"]


class KeeperGone(Exception):
    """Nobody answers at the socket, or the connection was lost; what was asked may have been done."""


class KeeperRefused(Exception):
    """Who answers is not the keeper that was meant: its proof, its protocol or its process does not fit."""


class ProtocolUnknown(KeeperRefused):
    """It is a nexus-init that does not speak our protocol, so it cannot even be asked to make room for another.

    Attributes:
        hint: what to do about it.
    """

    def __init__(self, hello: messages.Hello, ours: int) -> None:
        theirs = ", ".join(map(str, hello.protocols)) or "none"
        age = "older" if all(protocol < ours for protocol in hello.protocols) else "newer"
        super().__init__(
            f"the nexus-init of this workspace ({hello.version}) is {age} than this daemon and "
            f"cannot be replaced while it runs: it speaks protocol {theirs}, the daemon {ours}"
        )
        self.hint = "Restart the workspace, which ends its processes: boulder workspace restart NAME"
        if age == "newer":
            self.hint += ". Or upgrade the daemon"


class Failed(Exception):
    """The keeper answered with an error."""

    def __init__(self, failure: messages.Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def explain(failure: messages.Failure, command: str, cwd: str) -> NexusError:
    """Why `command` was not started in `cwd`."""
    if failure.name == "command_not_found":
        return CommandNotFound(f"cannot execute {command}: {failure.reason}", command=command, reason=failure.reason)
    if failure.name == "cwd_invalid":
        return CwdInvalid(f"cannot start in {cwd}: {failure.reason}", command=cwd, reason=failure.reason)
    return SpawnFailed(f"cannot start {command}: {failure.message}", command=command, reason=failure.reason)


def trouble(backend: str, step: str, error: Exception) -> BackendFailed:
    """What a keeper could not do, for whoever cannot help it."""
    return BackendFailed(
        f"the keeper of the machine cannot do {step}: {error}",
        hint="Restart the workspace if this stays.",
        backend=backend,
        step=step,
        reason=str(error),
    )
