"""Text frames: one JSON-RPC 2.0 object each.

Stricter than the standard where it leaves room, because a mistake that is tolerated once must be tolerated forever:
no batches, no positional parameters, no members that JSON-RPC does not define, integer ids only as far as JavaScript
holds them exactly. Ids may be `0` and `""`; test them for absence, never for truth.

A well-formed message costs one typed decode. One that fails is looked at twice, to say what is wrong with it.

Raised here:

    Exception
    └── MessageError    the text is not a message this protocol knows
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from nexus_sdk.protocol.errors import InvalidParams, InvalidRequest, NexusError, ParseError

__all__ = [
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "MAX_ID",
    "MAX_MESSAGE",
    "METHOD_NOT_FOUND",
    "NO_PARAMS",
    "PARSE_ERROR",
    "ErrorObject",
    "ErrorResponse",
    "Message",
    "MessageError",
    "MessageId",
    "Notification",
    "Request",
    "Response",
    "decode_message",
    "encode_error",
    "encode_notification",
    "encode_request",
    "encode_response",
]

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

MAX_MESSAGE: Final = 1_048_576
"""Most bytes of UTF-8 in one text frame."""

MAX_ID: Final = 2**53 - 1
"""Greatest magnitude of an integer id."""

NO_PARAMS: Final = Raw(b"{}")
"""What `params` reads as when a message has none."""

MessageId: TypeAlias = int | str

_CLASSES: Final[dict[int, type[NexusError]]] = {
    PARSE_ERROR: ParseError,
    INVALID_REQUEST: InvalidRequest,
    INVALID_PARAMS: InvalidParams,
}


class Request(msgspec.Struct, frozen=True, gc=False):
    """A call that wants exactly one answer. `params` is the undecoded object, `{}` when absent."""

    id: MessageId
    method: str
    params: Raw = NO_PARAMS


class Notification(msgspec.Struct, frozen=True, gc=False):
    """A call that is never answered. `params` is the undecoded object, `{}` when absent."""

    method: str
    params: Raw = NO_PARAMS


class Response(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request. `result` is undecoded; the method decides its type."""

    id: MessageId
    result: Raw


class ErrorObject(msgspec.Struct, frozen=True):
    """The `error` member of an answer; `data` is None when absent."""

    code: int
    message: str
    data: Any = None


class ErrorResponse(msgspec.Struct, frozen=True):
    """The answer to a request that failed; `id` is None when the peer could not read the request's id."""

    id: MessageId | None
    error: ErrorObject


Message: TypeAlias = Request | Notification | Response | ErrorResponse


class MessageError(Exception):
    """The text is not a message this protocol knows; answer with it, the connection stays usable.

    Attributes:
        code: −32700, −32600 or −32602.
        message: what is wrong.
        id: id of the offending request where it could be read, else None.
        data: `name`, `hint`, `retryable` and `details`, in the form of every Nexus error.
    """

    def __init__(
        self,
        code: int,
        message: str,
        id: MessageId | None = None,
        *,
        hint: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id
        row = _CLASSES[code]
        self.data: dict[str, Any] = {"name": row.name, "hint": row.hint if hint is None else hint, "retryable": False}
        if details is not None:
            self.data["details"] = details


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    # float and null are accepted here and refused below: as types they keep 1.0 from being read as the integer 1
    jsonrpc: Literal["2.0"]
    method: str | UnsetType = UNSET
    id: int | float | str | UnsetType | None = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class _RequestOut(msgspec.Struct, gc=False):
    jsonrpc: str
    id: MessageId
    method: str
    params: Any


class _NotificationOut(msgspec.Struct, gc=False):
    jsonrpc: str
    method: str
    params: Any


class _ResponseOut(msgspec.Struct, gc=False):
    jsonrpc: str
    id: MessageId
    result: Any


class _ErrorOut(msgspec.Struct, gc=False):
    jsonrpc: str
    id: MessageId | None
    error: dict[str, Any]


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_error = msgspec.json.Decoder(ErrorObject).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_BRACE: Final = ord("{")
_BRACKET: Final = ord("[")
_MEMBERS: Final = frozenset(("jsonrpc", "method", "id", "params"))


def decode_message(data: bytes | str, limit: int = MAX_MESSAGE) -> Message:
    """Read one text frame.

    Args:
        data: the whole frame, as text or as UTF-8.
        limit: most bytes of UTF-8 to accept.

    Raises:
        MessageError: −32700 when it is not UTF-8 or not JSON; −32602 for positional params; −32600 for everything else:
            too long, nested too deeply, a batch, not a request, an id of another type, unknown members.
    """
    try:
        _measure(data, limit)
        envelope = _decode_envelope(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return _diagnose(data, error)
    id = envelope.id
    if envelope.method is not UNSET:
        params = NO_PARAMS if envelope.params is UNSET else envelope.params
        if envelope.result is UNSET and envelope.error is UNSET and memoryview(params)[0] == _BRACE:
            if type(id) is str or (type(id) is int and -MAX_ID <= id <= MAX_ID):
                return Request(id, envelope.method, params)
            if id is UNSET:
                return Notification(envelope.method, params)
    elif envelope.params is UNSET and (envelope.result is UNSET) is not (envelope.error is UNSET):
        if type(id) is str or (type(id) is int and -MAX_ID <= id <= MAX_ID):
            return _answer(id, envelope.result, envelope.error)
        if id is None and envelope.error is not UNSET:
            return _answer(None, UNSET, envelope.error)
    return _diagnose(data, None)


def encode_request(id: MessageId, method: str, params: object | None = None) -> bytes:
    """Return a request; `params` is a struct or mapping, None sends an empty object."""
    return _encode(_RequestOut("2.0", id, method, NO_PARAMS if params is None else params))


def encode_notification(method: str, params: object | None = None) -> bytes:
    """Return a notification; `params` is a struct or mapping, None sends an empty object."""
    return _encode(_NotificationOut("2.0", method, NO_PARAMS if params is None else params))


def encode_response(id: MessageId, result: object) -> bytes:
    """Return a successful answer; `result` is anything msgspec encodes, `msgspec.Raw` included; None sends null."""
    return _encode(_ResponseOut("2.0", id, result))


def encode_error(id: MessageId | None, code: int, message: str, data: object | None = None) -> bytes:
    """Return a failed answer; `id` is None when the request's could not be read, `data` None leaves the member out."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return _encode(_ErrorOut("2.0", id, error))


def _measure(data: bytes | str, limit: int) -> None:
    # A text is only encoded to count it when its length leaves a doubt; bytes outside ASCII are checked to be UTF-8
    # here because undecoded params would otherwise carry the mistake past this point.
    if isinstance(data, str):
        size = len(data)
        if size <= limit and size * 4 > limit and not data.isascii():
            size = len(data.encode())
    else:
        size = len(data)
        if size <= limit and not data.isascii():
            data.decode()
    if size > limit:
        hint = "send large content as a stream (fs.upload, exec.attach) or over HTTP"
        raise MessageError(INVALID_REQUEST, f"a text frame has at most {limit} bytes", hint=hint)


def _answer(id: MessageId | None, result: Raw | UnsetType, error: Raw | UnsetType) -> Response | ErrorResponse:
    if error is UNSET:
        assert id is not None and result is not UNSET
        return Response(id, result)
    try:
        return ErrorResponse(id, _decode_error(error))
    except msgspec.ValidationError as mistake:
        raise MessageError(INVALID_REQUEST, f"`error` is not an error object: {mistake}", id) from None


def _diagnose(data: bytes | str, error: Exception | None) -> Message:
    """Say what is wrong with a message that was refused; return it if only its unknown members were in the way."""
    try:
        value = _decode_any(data)
    except (msgspec.DecodeError, UnicodeError) as mistake:
        raise MessageError(PARSE_ERROR, f"not JSON: {_plain(mistake)}") from None
    except RecursionError:
        raise MessageError(INVALID_REQUEST, "nested too deeply") from None
    if isinstance(value, list):
        hint = "send the calls one after the other; they run concurrently anyway"
        raise MessageError(INVALID_REQUEST, "batches are not supported", hint=hint)
    if not isinstance(value, dict):
        raise MessageError(INVALID_REQUEST, "a message is a JSON object")
    id = value.get("id")
    known = id if type(id) is str or (type(id) is int and -MAX_ID <= id <= MAX_ID) else None
    if value.get("jsonrpc") != "2.0":
        raise MessageError(INVALID_REQUEST, '`jsonrpc` must be "2.0"', known)
    if "id" in value and known is None and not (id is None and "error" in value):
        raise MessageError(INVALID_REQUEST, "`id` must be a string or an integer between -(2^53 - 1) and 2^53 - 1")
    if "method" not in value and ("result" in value) is not ("error" in value) and "id" in value:
        members = ("result", "error")
        picked = {name: Raw(_encode(value[name])) if name in value else UNSET for name in members}
        return _answer(known, picked["result"], picked["error"])
    if type(value.get("method")) is not str:
        raise MessageError(INVALID_REQUEST, "`method` must be a string", known)
    if isinstance(value.get("params"), list):
        details = {"path": "$", "reason": "positional parameters are not supported"}
        raise MessageError(
            INVALID_PARAMS, "`params` must be an object", known, hint="pass parameters by name", details=details
        )
    if "params" in value and not isinstance(value["params"], dict):
        raise MessageError(INVALID_REQUEST, "`params` must be an object", known)
    unknown = sorted(value.keys() - _MEMBERS)
    if unknown:
        raise MessageError(INVALID_REQUEST, f"unknown member `{unknown[0][:64]}`", known)
    raise MessageError(INVALID_REQUEST, f"not a request: {_plain(error)}", known)


def _plain(error: Exception | None) -> str:
    # messages of UnicodeError quote the input; only the position may leave this end
    if isinstance(error, UnicodeDecodeError | UnicodeEncodeError):
        return f"not UTF-8 (position {error.start})"
    return str(error)
