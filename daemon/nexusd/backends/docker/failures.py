"""What the engine says when something fails, as errors of the protocol."""

from __future__ import annotations

import re

from nexus_sdk.protocol.errors import (
    BackendFailed,
    BackendUnavailable,
    MachineConflict,
    NexusError,
    StorageFull,
)

HINT = (
    "Install and start it (Debian: apt install docker.io; systemctl start docker), let this user use it (the group "
    "docker), or name its address in docker.host."
)
_TIMEOUT = re.compile(r"timed out|timeout", re.IGNORECASE)
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


def words(error: Exception) -> str:
    """What an error says, without what the library wraps around it."""
    explained = getattr(error, "explanation", None)
    if explained:
        return str(explained).strip()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    inner = error.args[-1] if error.args else None
    if isinstance(inner, Exception):
        return words(inner)
    text = str(error).strip()
    match = re.search(r"(?:Connection\w*Error|FileNotFoundError|PermissionError)\((.*?)\)", text)
    return match[1] if match else text or type(error).__name__


def missing(error: Exception) -> bool:
    """Whether the engine said that there is no such thing."""
    return getattr(getattr(error, "response", None), "status_code", None) == 404


def conflict(error: Exception) -> bool:
    """Whether the engine said that it is in the way of something else, or being done already."""
    return getattr(getattr(error, "response", None), "status_code", None) == 409


def unchanged(error: Exception) -> bool:
    """Whether the engine said that it is so already."""
    return getattr(getattr(error, "response", None), "status_code", None) == 304


def full(error: Exception) -> bool:
    """Whether the engine said that its disk is full."""
    return bool(_FULL.search(words(error)))


def no_addresses(error: Exception) -> bool:
    """Whether the engine said that its pools of addresses are used up."""
    return "non-overlapping" in words(error) or "fully subnetted" in words(error)


def name_taken(error: Exception) -> bool:
    """Whether the engine said that it has a network of the name; up to 24.0 it forbids that, later it is a conflict."""
    return conflict(error) or "already exists" in words(error)


def ambiguous(error: Exception) -> bool:
    """Whether the engine said that it has two networks of a name."""
    return "is ambiguous" in words(error)


def network_gone(error: Exception) -> bool:
    """Whether the engine said that a container's network is not there."""
    return bool(re.search(r"network \S+ not found|No such network", words(error)))


def overlaps(error: Exception) -> bool:
    """Whether the engine said that the addresses we chose belong to another network."""
    return "overlaps" in words(error)


def taken(what: str, name: str, id: str) -> MachineConflict:
    """Somebody else's thing has a name of ours; it is left alone."""
    return MachineConflict(
        f"there is a {what} named {name} that this daemon did not make",
        hint=f"If nobody needs it: docker {'rm' if what == 'container' else 'network rm'} {id[:12]}",
        backend="docker",
        name=name,
        id=id,
    )


def late(step: str, host: str, seconds: float) -> BackendUnavailable:
    """The engine took too long."""
    reason = f"the engine at {host} did not answer within {seconds:.0f} s"
    return BackendUnavailable(
        f"{step}: {reason}",
        hint="It is overloaded or hangs: look at its log (journalctl -u docker), or raise docker.timeout.",
        may_have_run=True,
        backend="docker",
        step=step,
        reason=reason,
    )


def translate(error: Exception, step: str, host: str, seconds: float) -> NexusError:
    """The error of ours that an error of the library is."""
    reason = words(error)
    if getattr(error, "response", None) is None:
        if _TIMEOUT.search(str(error)) or isinstance(error, TimeoutError):
            return late(step, host, seconds)
        if _connection(error):
            said = f"no engine answers at {host}: {reason}"
            return BackendUnavailable(
                f"{step}: {said}", hint=HINT, may_have_run=True, backend="docker", step=step, reason=said
            )
    if full(error):
        return StorageFull(f"{step}: the engine's disk is full: {reason}", path="the engine's data directory")
    return BackendFailed(f"{step}: {reason}", backend="docker", step=step, reason=reason)


def _connection(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(
        names & {"ConnectionError", "ChunkedEncodingError", "ProtocolError", "OSError", "DockerException"}
    ) and not names & {"APIError", "HTTPError"}
