# Generated from schema/nexus; do not edit.
"""The errors of the protocol, as exceptions.

All derive directly from one base, so that an `except` names exactly one condition:

    NexusError
     +-- ParseError             JSON-RPC
     +-- InvalidRequest         JSON-RPC
     +-- MethodNotFound         JSON-RPC
     +-- InvalidParams          JSON-RPC
     +-- InternalError          JSON-RPC
     +-- Unauthenticated        session 1000
     +-- Forbidden              session 1001
     +-- Cancelled              session 1002
     +-- DeadlineExceeded       session 1003
     +-- TooManyRequests        session 1004
     +-- StreamNeedsWebsocket   session 1005
     +-- KeyReused              session 1006
     +-- OutcomeUnknown         session 1007
     +-- Draining               session 1008
     +-- StreamProtocol         session 1009
     +-- CapabilityMissing      session 1010
     +-- StorageFull            session 1011
     +-- MessageTooLarge        session 1012
     +-- WorkspaceNotFound      workspace 2000
     +-- WorkspaceExists        workspace 2001
     +-- WorkspaceState         workspace 2002
     +-- WorkspaceBusy          workspace 2003
     +-- WorkspaceDirty         workspace 2004
     +-- BackendNotFound        workspace 2005
     +-- BackendFailed          workspace 2006
     +-- LimitWorkspaces        workspace 2007
     +-- InvalidName            workspace 2008
     +-- BackendUnavailable     workspace 2009
     +-- OptionUnsupported      workspace 2010
     +-- ImageUnusable          workspace 2011
     +-- ImageBuildFailed       workspace 2012
     +-- MachineConflict        workspace 2013
     +-- PortTaken              workspace 2014
     +-- OperationNotFound      operation 2100
     +-- OperationDone          operation 2101
     +-- CheckpointNotFound     checkpoint 2200
     +-- CheckpointExists       checkpoint 2201
     +-- CheckpointElsewhere    checkpoint 2202
     +-- CheckpointDamaged      checkpoint 2203
     +-- CheckpointImpossible   checkpoint 2204
     +-- LimitCheckpoints       checkpoint 2205
     +-- PathNotFound           fs 3000
     +-- PathExists             fs 3001
     +-- PathEscapes            fs 3002
     +-- PathInvalid            fs 3003
     +-- NotAFile               fs 3004
     +-- NotADirectory          fs 3005
     +-- DirectoryNotEmpty      fs 3006
     +-- PermissionDenied       fs 3007
     +-- EtagMismatch           fs 3008
     +-- FileTooLarge           fs 3009
     +-- NotText                fs 3010
     +-- EditFailed             fs 3011
     +-- PatternInvalid         fs 3012
     +-- FileChanged            fs 3013
     +-- UploadMismatch         fs 3014
     +-- CursorExpired          fs 3015
     +-- TooManyLinks           fs 3016
     +-- ProcessNotFound        exec 4000
     +-- ProcessExited          exec 4001
     +-- CommandNotFound        exec 4002
     +-- CwdInvalid             exec 4003
     +-- OffsetExpired          exec 4004
     +-- OffsetInvalid          exec 4005
     +-- NotATerminal           exec 4006
     +-- NotController          exec 4007
     +-- TakenOver              exec 4008
     +-- ObserverLagged         exec 4009
     +-- StdinClosed            exec 4010
     +-- SpawnFailed            exec 4011
     +-- ProcessLost            exec 4012
     +-- LimitProcesses         exec 4013
     +-- PortsExhausted         port 5000
     +-- PortRefused            port 5001
     +-- PortForbidden          port 5002
     +-- TunnelLost             port 5003
     +-- RepositoryUnusable     git 6000
     +-- RefNotFound            git 6001
     +-- BranchExists           git 6002
     +-- NothingToCommit        git 6003
     +-- MergeConflict          git 6004
     +-- PushRejected           git 6005
     +-- GitFailed              git 6006
     +-- IdentityMissing        git 6007
     +-- TokenNotFound          token 7000
     +-- ScopeInvalid           token 7001
     +-- ConfigInvalid          system 8000

Errors are raised with a message that names the thing, and keyword arguments for the typed details.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from nexus_sdk.protocol import types

__all__ = [
    "BackendFailed",
    "BackendNotFound",
    "BackendUnavailable",
    "BranchExists",
    "Cancelled",
    "CapabilityMissing",
    "CheckpointDamaged",
    "CheckpointElsewhere",
    "CheckpointExists",
    "CheckpointImpossible",
    "CheckpointNotFound",
    "CommandNotFound",
    "ConfigInvalid",
    "CursorExpired",
    "CwdInvalid",
    "DeadlineExceeded",
    "DirectoryNotEmpty",
    "Draining",
    "ERRORS",
    "EditFailed",
    "EtagMismatch",
    "FileChanged",
    "FileTooLarge",
    "Forbidden",
    "GitFailed",
    "IdentityMissing",
    "ImageBuildFailed",
    "ImageUnusable",
    "InternalError",
    "InternalErrorDetails",
    "InvalidName",
    "InvalidParams",
    "InvalidParamsDetails",
    "InvalidRequest",
    "KeyReused",
    "LimitCheckpoints",
    "LimitProcesses",
    "LimitWorkspaces",
    "MachineConflict",
    "MergeConflict",
    "MessageTooLarge",
    "MethodNotFound",
    "NexusError",
    "NotADirectory",
    "NotAFile",
    "NotATerminal",
    "NotController",
    "NotText",
    "NothingToCommit",
    "ObserverLagged",
    "OffsetExpired",
    "OffsetInvalid",
    "OperationDone",
    "OperationNotFound",
    "OptionUnsupported",
    "OutcomeUnknown",
    "ParseError",
    "PathEscapes",
    "PathExists",
    "PathInvalid",
    "PathNotFound",
    "PatternInvalid",
    "PermissionDenied",
    "PortForbidden",
    "PortRefused",
    "PortTaken",
    "PortsExhausted",
    "ProcessExited",
    "ProcessLost",
    "ProcessNotFound",
    "PushRejected",
    "RefNotFound",
    "RepositoryUnusable",
    "ScopeInvalid",
    "SpawnFailed",
    "StdinClosed",
    "StorageFull",
    "StreamNeedsWebsocket",
    "StreamProtocol",
    "TakenOver",
    "TokenNotFound",
    "TooManyLinks",
    "TooManyRequests",
    "TunnelLost",
    "Unauthenticated",
    "UploadMismatch",
    "WorkspaceBusy",
    "WorkspaceDirty",
    "WorkspaceExists",
    "WorkspaceNotFound",
    "WorkspaceState",
]


def _restore(cls: type[NexusError], args: tuple[Any, ...], state: dict[str, Any]) -> NexusError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class NexusError(Exception):
    """Base of every error of the protocol, and the plain form of one whose code is not known here.

    The class attributes of a subclass are the row of the error table; an instance may differ from it
    in ``hint`` and, when it came from a newer server, in ``retryable``.
    """

    code: int = 0
    """Number on the wire. Never reused for another meaning."""
    name: str = "unknown_error"
    """Stable machine-readable name."""
    hint: str = ""
    """What to try next, for a person; may be empty."""
    retryable: bool = False
    """Whether the same call may succeed later without anything else being changed."""
    message: str
    """What happened, to which thing, for a person."""
    may_have_run: bool
    """True when the call may have had its effect although it raised: the answer was lost."""
    data: object | None
    """The error's ``data`` as it was received; None for an error that was made here."""
    details: msgspec.Struct | None
    """The typed part of the data; None when there is none or it could not be read."""
    details_type: ClassVar[type[msgspec.Struct] | None] = None
    """Type of ``details``; None for an error that has none."""

    def __init__(self, message: str, *, hint: str | None = None, may_have_run: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.may_have_run = may_have_run
        self.data = None
        self.details = None
        if hint is not None:
            self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())

    def to_wire(self) -> dict[str, Any]:
        """The error object of a JSON-RPC response, in JSON types.

        ``data`` is ``{"name", "hint", "retryable"}`` and, when the error has details, ``"details"``.
        """
        data: dict[str, Any] = {"name": self.name, "hint": self.hint, "retryable": self.retryable}
        if self.details is not None:
            data["details"] = msgspec.to_builtins(self.details)
        elif isinstance(self.data, Mapping) and "details" in self.data:
            data["details"] = self.data["details"]
        return {"code": self.code, "message": self.message, "data": data}

    @classmethod
    def from_wire(cls, code: int, message: str, data: object = None) -> NexusError:
        """The error of a received error object.

        The code picks the class; a code that is not known here gives a plain NexusError which keeps
        code, name, hint and data. Data that is missing or malformed is kept in ``data`` and never
        hides the error: what cannot be read falls back to the error table.
        """
        known = ERRORS.get(code, NexusError)
        error = known.__new__(known, message)
        NexusError.__init__(error, message)
        error.code = code
        error.data = data
        if not isinstance(data, Mapping):
            return error
        name, hint, retryable = data.get("name"), data.get("hint"), data.get("retryable")
        if known is NexusError and isinstance(name, str):
            error.name = name
        if isinstance(hint, str):
            error.hint = hint
        if isinstance(retryable, bool):
            error.retryable = retryable
        if known.details_type is not None and "details" in data:
            try:
                error.details = msgspec.convert(data["details"], known.details_type)
            except msgspec.ValidationError:
                error.details = None
        return error


class InvalidParamsDetails(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is wrong with the params."""

    path: str
    """The offending place, from `$` for the params as a whole: `$.argv[0]`."""
    reason: str
    """What is wrong there."""


class InternalErrorDetails(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where to look."""

    incident: str | msgspec.UnsetType = msgspec.UNSET
    """Id of the log record that holds the cause, which is not sent."""


class ParseError(NexusError):
    """The message is not JSON in UTF-8."""

    code = -32700
    name = "parse_error"
    hint = "Send exactly one JSON-RPC 2.0 object per text frame, in UTF-8."


class InvalidRequest(NexusError):
    """The message is JSON, but not a JSON-RPC 2.0 request."""

    code = -32600
    name = "invalid_request"
    hint = "Send one object with jsonrpc, method and, for a call, id; batches are not supported."


class MethodNotFound(NexusError):
    """There is no such method."""

    code = -32601
    name = "method_not_found"
    hint = "rpc.discover lists the methods of this server."


class InvalidParams(NexusError):
    """A param is missing, unknown, of a wrong type or out of bounds."""

    code = -32602
    name = "invalid_params"
    details: InvalidParamsDetails | None
    details_type = InvalidParamsDetails

    def __init__(
        self, message: str, *, hint: str | None = None, may_have_run: bool = False, path: str, reason: str
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = InvalidParamsDetails(path=path, reason=reason)


class InternalError(NexusError):
    """The server failed; the cause is in its log."""

    code = -32603
    name = "internal_error"
    hint = "Look for the incident in the daemon's log."
    details: InternalErrorDetails | None
    details_type = InternalErrorDetails

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        incident: str | msgspec.UnsetType = msgspec.UNSET,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = InternalErrorDetails(incident=incident)


class Unauthenticated(NexusError):
    """No identity could be established from the token or the socket."""

    code = 1000
    name = "unauthenticated"
    hint = "Pass a token in the Authorization header; `boulder token create` makes one."


class Forbidden(NexusError):
    """The identity lacks the scope that this method needs."""

    code = 1001
    name = "forbidden"
    hint = "Ask for a token with the named scope."
    details: types.ForbiddenData | None
    details_type = types.ForbiddenData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        scope: str,
        method: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ForbiddenData(scope=scope, method=method)


class Cancelled(NexusError):
    """The call was cancelled by its caller."""

    code = 1002
    name = "cancelled"


class DeadlineExceeded(NexusError):
    """The call took longer than its deadline; it may have had an effect."""

    code = 1003
    name = "deadline_exceeded"
    hint = "Look at the state of the thing before calling again, or pass a key."
    retryable = True
    details: types.DeadlineData | None
    details_type = types.DeadlineData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        timeout_ms: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.DeadlineData(timeout_ms=timeout_ms)


class TooManyRequests(NexusError):
    """A limit of this connection or identity was reached."""

    code = 1004
    name = "too_many_requests"
    hint = "Wait for calls in flight to end, then try again."
    retryable = True
    details: types.LimitData | None
    details_type = types.LimitData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        limit: str,
        value: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.LimitData(limit=limit, value=value)


class StreamNeedsWebsocket(NexusError):
    """Stream methods need the WebSocket endpoint."""

    code = 1005
    name = "stream_needs_websocket"
    hint = "Connect to /rpc with the subprotocol nexus.v1."


class KeyReused(NexusError):
    """The key was used before with other params."""

    code = 1006
    name = "key_reused"
    hint = "Choose a new key for a new request."
    details: types.KeyData | None
    details_type = types.KeyData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        key: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.KeyData(key=key)


class OutcomeUnknown(NexusError):
    """An earlier call with this key was interrupted; whether it had an effect is unknown."""

    code = 1007
    name = "outcome_unknown"
    hint = "Look at the state of the thing, then use a new key."
    details: types.KeyData | None
    details_type = types.KeyData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        key: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.KeyData(key=key)


class Draining(NexusError):
    """The daemon is shutting down and takes no new work."""

    code = 1008
    name = "draining"
    hint = "Reconnect in a few seconds."
    retryable = True


class StreamProtocol(NexusError):
    """A stream's frames broke the protocol: a gap, data after its end, or more than was granted."""

    code = 1009
    name = "stream_protocol"
    details: types.StreamData | None
    details_type = types.StreamData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        stream: int,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.StreamData(stream=stream, reason=reason)


class CapabilityMissing(NexusError):
    """The workspace's backend cannot do this."""

    code = 1010
    name = "capability_missing"
    hint = "`boulder backend list` shows what each backend can do."
    details: types.CapabilityData | None
    details_type = types.CapabilityData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        backend: str,
        capability: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CapabilityData(backend=backend, capability=capability)


class StorageFull(NexusError):
    """The disk or quota that this needs is full; nothing was changed."""

    code = 1011
    name = "storage_full"
    hint = "Free space, then try again."
    retryable = True
    details: types.StorageData | None
    details_type = types.StorageData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.StorageData(path=path)


class MessageTooLarge(NexusError):
    """A message or a result is over the announced limit."""

    code = 1012
    name = "message_too_large"
    hint = "Use a stream method or a smaller window."
    details: types.LimitData | None
    details_type = types.LimitData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        limit: str,
        value: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.LimitData(limit=limit, value=value)


class WorkspaceNotFound(NexusError):
    """There is no such workspace for this identity."""

    code = 2000
    name = "workspace_not_found"
    hint = "`boulder ls` lists the workspaces you can see."
    details: types.WorkspaceRef | None
    details_type = types.WorkspaceRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        workspace: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.WorkspaceRef(workspace=workspace)


class WorkspaceExists(NexusError):
    """The name is taken."""

    code = 2001
    name = "workspace_exists"
    hint = "Choose another name, or work in the existing workspace."
    details: types.WorkspaceRef | None
    details_type = types.WorkspaceRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        workspace: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.WorkspaceRef(workspace=workspace)


class WorkspaceState(NexusError):
    """The workspace's state does not allow this."""

    code = 2002
    name = "workspace_state"
    hint = "Look at `state` and start, resume or repair the workspace first."
    details: types.WorkspaceStateData | None
    details_type = types.WorkspaceStateData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        workspace: str,
        state: types.WorkspaceState,
        allowed: list[types.WorkspaceState],
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.WorkspaceStateData(workspace=workspace, state=state, allowed=allowed)


class WorkspaceBusy(NexusError):
    """Another operation is changing this workspace."""

    code = 2003
    name = "workspace_busy"
    hint = "Wait for that operation: `operation.wait`."
    retryable = True
    details: types.WorkspaceBusyData | None
    details_type = types.WorkspaceBusyData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        workspace: str,
        operation: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.WorkspaceBusyData(workspace=workspace, operation=operation)


class WorkspaceDirty(NexusError):
    """Destroying would lose work, which was kept."""

    code = 2004
    name = "workspace_dirty"
    hint = "Commit and push, or pass force to lose it."
    details: types.WorkspaceKept | None
    details_type = types.WorkspaceKept

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        workspace: str,
        path: str,
        branch: str,
        changed: int,
        unpushed: int,
        files: list[str],
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.WorkspaceKept(
            workspace=workspace,
            path=path,
            branch=branch,
            changed=changed,
            unpushed=unpushed,
            files=files,
        )


class BackendNotFound(NexusError):
    """There is no such backend on this node."""

    code = 2005
    name = "backend_not_found"
    hint = "`boulder backend list` lists them."
    details: types.BackendRef | None
    details_type = types.BackendRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        backend: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.BackendRef(backend=backend)


class BackendFailed(NexusError):
    """The backend could not do its part."""

    code = 2006
    name = "backend_failed"
    retryable = True
    details: types.BackendFailure | None
    details_type = types.BackendFailure

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        backend: str,
        step: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.BackendFailure(backend=backend, step=step, reason=reason)


class LimitWorkspaces(NexusError):
    """The node's or user's limit of workspaces is reached."""

    code = 2007
    name = "limit_workspaces"
    hint = "Destroy a workspace you no longer need."
    details: types.LimitData | None
    details_type = types.LimitData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        limit: str,
        value: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.LimitData(limit=limit, value=value)


class InvalidName(NexusError):
    """The name is not a valid name."""

    code = 2008
    name = "invalid_name"
    hint = "Use lower-case letters, digits and inner hyphens, at most 63."
    details: types.NameData | None
    details_type = types.NameData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        name: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.NameData(name=name)


class BackendUnavailable(NexusError):
    """What the backend needs, such as a container engine, does not answer."""

    code = 2009
    name = "backend_unavailable"
    hint = "`boulder doctor` and `boulder backend list` say what is missing."
    retryable = True
    details: types.BackendFailure | None
    details_type = types.BackendFailure

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        backend: str,
        step: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.BackendFailure(backend=backend, step=step, reason=reason)


class OptionUnsupported(NexusError):
    """The backend cannot do what an option asks for; nothing was made."""

    code = 2010
    name = "option_unsupported"
    hint = "Leave the option out, or choose another backend: `boulder backend list`."
    details: types.OptionData | None
    details_type = types.OptionData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        backend: str,
        option: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.OptionData(backend=backend, option=option, reason=reason)


class ImageUnusable(NexusError):
    """The image is not there and cannot be had, or cannot be used."""

    code = 2011
    name = "image_unusable"
    hint = "Check its name, and log in to its registry with `docker login` as the user that runs the daemon."
    details: types.ImageData | None
    details_type = types.ImageData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        image: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ImageData(image=image, reason=reason)


class ImageBuildFailed(NexusError):
    """Building the image failed."""

    code = 2012
    name = "image_build_failed"
    hint = "`output` ends with what the failing step said."
    details: types.BuildData | None
    details_type = types.BuildData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        dockerfile: str,
        step: str,
        reason: str,
        output: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.BuildData(dockerfile=dockerfile, step=step, reason=reason, output=output)


class MachineConflict(NexusError):
    """Something that Nexus did not make has the name that the workspace's machine needs."""

    code = 2013
    name = "machine_conflict"
    hint = "Rename or remove it, then start the workspace again."
    details: types.MachineConflict | None
    details_type = types.MachineConflict

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        backend: str,
        name: str,
        id: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.MachineConflict(backend=backend, name=name, id=id)


class PortTaken(NexusError):
    """Another program on this host listens on a port that belongs to the workspace."""

    code = 2014
    name = "port_taken"
    hint = "End that program, then start the workspace again."
    retryable = True
    details: types.PortTaken | None
    details_type = types.PortTaken

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        port: int,
        name: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PortTaken(port=port, name=name)


class OperationNotFound(NexusError):
    """There is no such operation for this identity."""

    code = 2100
    name = "operation_not_found"
    details: types.OperationRef | None
    details_type = types.OperationRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        operation: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.OperationRef(operation=operation)


class OperationDone(NexusError):
    """The operation has ended; it cannot be cancelled."""

    code = 2101
    name = "operation_done"
    details: types.OperationRef | None
    details_type = types.OperationRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        operation: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.OperationRef(operation=operation)


class CheckpointNotFound(NexusError):
    """There is no such checkpoint for this identity."""

    code = 2200
    name = "checkpoint_not_found"
    hint = "`boulder checkpoint list` lists the checkpoints you can see."
    details: types.CheckpointRef | None
    details_type = types.CheckpointRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        checkpoint: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CheckpointRef(checkpoint=checkpoint)


class CheckpointExists(NexusError):
    """The workspace has a checkpoint of this name."""

    code = 2201
    name = "checkpoint_exists"
    hint = "Choose another name, or remove the other checkpoint."
    details: types.CheckpointRef | None
    details_type = types.CheckpointRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        checkpoint: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CheckpointRef(checkpoint=checkpoint)


class CheckpointElsewhere(NexusError):
    """The checkpoint was made of another workspace."""

    code = 2202
    name = "checkpoint_elsewhere"
    hint = "Make a workspace of it: `checkpoint.fork`."
    details: types.CheckpointElsewhere | None
    details_type = types.CheckpointElsewhere

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        checkpoint: str,
        workspace: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CheckpointElsewhere(checkpoint=checkpoint, workspace=workspace)


class CheckpointDamaged(NexusError):
    """Something that belongs to the checkpoint is gone; nothing was changed."""

    code = 2203
    name = "checkpoint_damaged"
    hint = "It was removed from outside of Nexus. Remove the checkpoint."
    details: types.CheckpointMissing | None
    details_type = types.CheckpointMissing

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        checkpoint: str,
        missing: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CheckpointMissing(checkpoint=checkpoint, missing=missing)


class CheckpointImpossible(NexusError):
    """The workspace holds something that cannot be saved; nothing was saved."""

    code = 2204
    name = "checkpoint_impossible"
    details: types.CheckpointObstacle | None
    details_type = types.CheckpointObstacle

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        workspace: str,
        path: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CheckpointObstacle(workspace=workspace, path=path, reason=reason)


class LimitCheckpoints(NexusError):
    """The workspace has as many checkpoints as it may."""

    code = 2205
    name = "limit_checkpoints"
    hint = "Remove one: `checkpoint.remove`."
    details: types.LimitData | None
    details_type = types.LimitData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        limit: str,
        value: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.LimitData(limit=limit, value=value)


class PathNotFound(NexusError):
    """There is nothing at this path."""

    code = 3000
    name = "path_not_found"
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class PathExists(NexusError):
    """There is already something at this path."""

    code = 3001
    name = "path_exists"
    hint = "Pass overwrite, or choose another path."
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class PathEscapes(NexusError):
    """The path leaves the workspace."""

    code = 3002
    name = "path_escapes"
    hint = "Use a path below the workspace's root; links must stay inside too."
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class PathInvalid(NexusError):
    """This is not a usable path: empty, too long, with a NUL byte, or absolute where the workspace has no files."""

    code = 3003
    name = "path_invalid"
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class NotAFile(NexusError):
    """A regular file is needed here; this is a directory, device, FIFO or socket."""

    code = 3004
    name = "not_a_file"
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class NotADirectory(NexusError):
    """A directory is needed here."""

    code = 3005
    name = "not_a_directory"
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class DirectoryNotEmpty(NexusError):
    """The directory is not empty."""

    code = 3006
    name = "directory_not_empty"
    hint = "Pass recursive to remove it with all it holds."
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class PermissionDenied(NexusError):
    """The operating system refused access."""

    code = 3007
    name = "permission_denied"
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class EtagMismatch(NexusError):
    """The file changed since that etag was read."""

    code = 3008
    name = "etag_mismatch"
    hint = "Read it again and redo the change."
    details: types.EtagData | None
    details_type = types.EtagData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
        etag: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.EtagData(path=path, etag=etag)


class FileTooLarge(NexusError):
    """The file or window is larger than this call may return."""

    code = 3009
    name = "file_too_large"
    hint = "Use a range, or fs.download."
    details: types.SizeData | None
    details_type = types.SizeData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
        size: int,
        limit: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.SizeData(path=path, size=size, limit=limit)


class NotText(NexusError):
    """The bytes are not UTF-8."""

    code = 3010
    name = "not_text"
    hint = "Ask for encoding base64, or use fs.download."
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class EditFailed(NexusError):
    """An edit did not apply; nothing was changed."""

    code = 3011
    name = "edit_failed"
    hint = "Read the file again: the text must match exactly and, without `all`, once."
    details: types.EditData | None
    details_type = types.EditData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
        index: int,
        matches: int,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.EditData(path=path, index=index, matches=matches, reason=reason)


class PatternInvalid(NexusError):
    """The pattern cannot be compiled."""

    code = 3012
    name = "pattern_invalid"
    details: types.PatternData | None
    details_type = types.PatternData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        pattern: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PatternData(pattern=pattern, reason=reason)


class FileChanged(NexusError):
    """The file changed while it was being transferred."""

    code = 3013
    name = "file_changed"
    hint = "Start the transfer again."
    retryable = True
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class UploadMismatch(NexusError):
    """The bytes received do not match the announced size or checksum; nothing was changed."""

    code = 3014
    name = "upload_mismatch"
    details: types.UploadData | None
    details_type = types.UploadData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
        expected: str,
        actual: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.UploadData(path=path, expected=expected, actual=actual)


class CursorExpired(NexusError):
    """Events after this cursor are no longer kept."""

    code = 3015
    name = "cursor_expired"
    hint = "List again, then watch without a cursor."
    details: types.CursorData | None
    details_type = types.CursorData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        cursor: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CursorData(cursor=cursor)


class TooManyLinks(NexusError):
    """The path goes through too many links, or round in a circle."""

    code = 3016
    name = "too_many_links"
    details: types.PathData | None
    details_type = types.PathData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        path: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PathData(path=path)


class ProcessNotFound(NexusError):
    """There is no such process for this identity."""

    code = 4000
    name = "process_not_found"
    hint = "`exec.list` lists the processes of a workspace; records are kept 24 hours after exit."
    details: types.ProcessRef | None
    details_type = types.ProcessRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ProcessRef(process=process)


class ProcessExited(NexusError):
    """The process has ended."""

    code = 4001
    name = "process_exited"
    details: types.ProcessRef | None
    details_type = types.ProcessRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ProcessRef(process=process)


class CommandNotFound(NexusError):
    """The program cannot be found or executed."""

    code = 4002
    name = "command_not_found"
    hint = "Check argv[0] and PATH inside the workspace."
    details: types.CommandData | None
    details_type = types.CommandData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        command: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CommandData(command=command, reason=reason)


class CwdInvalid(NexusError):
    """The working directory does not exist or leaves the workspace."""

    code = 4003
    name = "cwd_invalid"
    details: types.CommandData | None
    details_type = types.CommandData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        command: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CommandData(command=command, reason=reason)


class OffsetExpired(NexusError):
    """Output at this offset is no longer kept."""

    code = 4004
    name = "offset_expired"
    hint = "Attach from `earliest`; what came before is lost."
    details: types.OffsetData | None
    details_type = types.OffsetData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
        offset: int,
        earliest: int,
        end: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.OffsetData(process=process, offset=offset, earliest=earliest, end=end)


class OffsetInvalid(NexusError):
    """The offset lies after the end of the output."""

    code = 4005
    name = "offset_invalid"
    details: types.OffsetData | None
    details_type = types.OffsetData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
        offset: int,
        earliest: int,
        end: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.OffsetData(process=process, offset=offset, earliest=earliest, end=end)


class NotATerminal(NexusError):
    """The process has no terminal."""

    code = 4006
    name = "not_a_terminal"
    hint = "Start it with a pty."
    details: types.ProcessRef | None
    details_type = types.ProcessRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ProcessRef(process=process)


class NotController(NexusError):
    """Another attachment controls this terminal."""

    code = 4007
    name = "not_controller"
    hint = "Attach with takeover, or as an observer."
    details: types.ProcessRef | None
    details_type = types.ProcessRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ProcessRef(process=process)


class TakenOver(NexusError):
    """Another attachment took over this one."""

    code = 4008
    name = "taken_over"
    details: types.ProcessRef | None
    details_type = types.ProcessRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ProcessRef(process=process)


class ObserverLagged(NexusError):
    """This observer fell so far behind that output it had not read was dropped."""

    code = 4009
    name = "observer_lagged"
    hint = "Attach again from `earliest`."
    details: types.OffsetData | None
    details_type = types.OffsetData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
        offset: int,
        earliest: int,
        end: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.OffsetData(process=process, offset=offset, earliest=earliest, end=end)


class StdinClosed(NexusError):
    """The process's stdin was not asked for, or is closed."""

    code = 4010
    name = "stdin_closed"
    details: types.ProcessRef | None
    details_type = types.ProcessRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ProcessRef(process=process)


class SpawnFailed(NexusError):
    """The operating system could not start the program."""

    code = 4011
    name = "spawn_failed"
    retryable = True
    details: types.CommandData | None
    details_type = types.CommandData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        command: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.CommandData(command=command, reason=reason)


class ProcessLost(NexusError):
    """The daemon was killed while this process ran; its exit code is unknown."""

    code = 4012
    name = "process_lost"
    details: types.ProcessRef | None
    details_type = types.ProcessRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        process: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ProcessRef(process=process)


class LimitProcesses(NexusError):
    """The workspace has as many processes as it may."""

    code = 4013
    name = "limit_processes"
    hint = "Remove ended ones or wait."
    retryable = True
    details: types.LimitData | None
    details_type = types.LimitData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        limit: str,
        value: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.LimitData(limit=limit, value=value)


class PortsExhausted(NexusError):
    """No free port is left in the configured range."""

    code = 5000
    name = "ports_exhausted"
    hint = "Destroy a workspace, or widen ports.range in the configuration."
    details: types.PortRange | None
    details_type = types.PortRange

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        start: int,
        end: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PortRange(start=start, end=end)


class PortRefused(NexusError):
    """Nothing accepts connections on this port of the workspace."""

    code = 5001
    name = "port_refused"
    hint = "Start the server, or look at port.list for what listens."
    retryable = True
    details: types.PortData | None
    details_type = types.PortData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        port: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PortData(port=port)


class PortForbidden(NexusError):
    """This port does not belong to the workspace."""

    code = 5002
    name = "port_forbidden"
    hint = "On the host backend a tunnel reaches ports that the workspace's own processes listen on, or that are allocated to it."
    details: types.PortData | None
    details_type = types.PortData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        port: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PortData(port=port)


class TunnelLost(NexusError):
    """The tunnel's connection was lost; TCP cannot be resumed."""

    code = 5003
    name = "tunnel_lost"
    hint = "Connect again."
    details: types.PortData | None
    details_type = types.PortData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        port: int,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.PortData(port=port)


class RepositoryUnusable(NexusError):
    """The repository cannot be used: not found, not a git repository, or the remote refused."""

    code = 6000
    name = "repository_unusable"
    hint = "Check the path or URL, and the credentials git would use on this node."
    details: types.RepositoryData | None
    details_type = types.RepositoryData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        url: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.RepositoryData(url=url, reason=reason)


class RefNotFound(NexusError):
    """There is no such branch, tag or commit."""

    code = 6001
    name = "ref_not_found"
    details: types.RefData | None
    details_type = types.RefData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        ref: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.RefData(ref=ref)


class BranchExists(NexusError):
    """The branch, or the worktree directory, exists already."""

    code = 6002
    name = "branch_exists"
    hint = "Choose another name, or remove the branch."
    details: types.RefData | None
    details_type = types.RefData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        ref: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.RefData(ref=ref)


class NothingToCommit(NexusError):
    """There is nothing to commit."""

    code = 6003
    name = "nothing_to_commit"


class MergeConflict(NexusError):
    """The changes do not merge; nothing was changed."""

    code = 6004
    name = "merge_conflict"
    hint = "Resolve by hand in the workspace: boulder shell."
    details: types.ConflictData | None
    details_type = types.ConflictData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        files: list[str],
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ConflictData(files=files)


class PushRejected(NexusError):
    """The remote refused the push."""

    code = 6005
    name = "push_rejected"
    hint = "Sync first, then push again."
    details: types.RefData | None
    details_type = types.RefData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        ref: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.RefData(ref=ref)


class GitFailed(NexusError):
    """Git failed."""

    code = 6006
    name = "git_failed"
    details: types.GitFailure | None
    details_type = types.GitFailure

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        command: str,
        reason: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.GitFailure(command=command, reason=reason)


class IdentityMissing(NexusError):
    """Git does not know who commits."""

    code = 6007
    name = "identity_missing"
    hint = "Pass author, or set user.name and user.email."


class TokenNotFound(NexusError):
    """There is no such token."""

    code = 7000
    name = "token_not_found"
    details: types.TokenRef | None
    details_type = types.TokenRef

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        id: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.TokenRef(id=id)


class ScopeInvalid(NexusError):
    """There is no such scope, or the caller does not hold it."""

    code = 7001
    name = "scope_invalid"
    details: types.ScopeData | None
    details_type = types.ScopeData

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        scope: str,
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ScopeData(scope=scope)


class ConfigInvalid(NexusError):
    """The configuration is not valid."""

    code = 8000
    name = "config_invalid"
    details: types.ConfigProblems | None
    details_type = types.ConfigProblems

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        may_have_run: bool = False,
        problems: list[types.ConfigProblem],
    ) -> None:
        super().__init__(message, hint=hint, may_have_run=may_have_run)
        self.details = types.ConfigProblems(problems=problems)


ERRORS: dict[int, type[NexusError]] = {
    error.code: error
    for error in (
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InvalidParams,
        InternalError,
        Unauthenticated,
        Forbidden,
        Cancelled,
        DeadlineExceeded,
        TooManyRequests,
        StreamNeedsWebsocket,
        KeyReused,
        OutcomeUnknown,
        Draining,
        StreamProtocol,
        CapabilityMissing,
        StorageFull,
        MessageTooLarge,
        WorkspaceNotFound,
        WorkspaceExists,
        WorkspaceState,
        WorkspaceBusy,
        WorkspaceDirty,
        BackendNotFound,
        BackendFailed,
        LimitWorkspaces,
        InvalidName,
        BackendUnavailable,
        OptionUnsupported,
        ImageUnusable,
        ImageBuildFailed,
        MachineConflict,
        PortTaken,
        OperationNotFound,
        OperationDone,
        CheckpointNotFound,
        CheckpointExists,
        CheckpointElsewhere,
        CheckpointDamaged,
        CheckpointImpossible,
        LimitCheckpoints,
        PathNotFound,
        PathExists,
        PathEscapes,
        PathInvalid,
        NotAFile,
        NotADirectory,
        DirectoryNotEmpty,
        PermissionDenied,
        EtagMismatch,
        FileTooLarge,
        NotText,
        EditFailed,
        PatternInvalid,
        FileChanged,
        UploadMismatch,
        CursorExpired,
        TooManyLinks,
        ProcessNotFound,
        ProcessExited,
        CommandNotFound,
        CwdInvalid,
        OffsetExpired,
        OffsetInvalid,
        NotATerminal,
        NotController,
        TakenOver,
        ObserverLagged,
        StdinClosed,
        SpawnFailed,
        ProcessLost,
        LimitProcesses,
        PortsExhausted,
        PortRefused,
        PortForbidden,
        TunnelLost,
        RepositoryUnusable,
        RefNotFound,
        BranchExists,
        NothingToCommit,
        MergeConflict,
        PushRejected,
        GitFailed,
        IdentityMissing,
        TokenNotFound,
        ScopeInvalid,
        ConfigInvalid,
    )
}
"""Every error class by its code."""
