"""The head of a request: what is known before anything of its body was read, over HTTP and WebSocket alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from nexusd.server.peers import Peer

__all__ = ["Head", "Refused"]


class Refused(Exception):
    """A request is refused before any method is looked at. Answered as JSON: ``{"error": {name, message, hint}}``.

    Attributes:
        status: HTTP status.
        name: machine-readable name.
        message: what was wrong.
        hint: what to try.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        name: str,
        message: str,
        hint: str = "",
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message
        self.hint = hint
        self.headers = tuple(headers)


@dataclass(frozen=True, slots=True)
class Head:
    """One request's head.

    Attributes:
        method: the HTTP method; GET for a WebSocket.
        path: the decoded path.
        query: the raw query string.
        headers: names in lower case, values as they came.
        peer: who is on the other end.
        websocket: whether it asks for a WebSocket.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    peer: Peer
    websocket: bool = False

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order; `name` in lower case."""
        return [value for known, value in self.headers if known == name]

    def one(self, name: str) -> str | None:
        """The value of a header; None without it.

        Raises:
            Refused: it is there more than once, which intermediaries read in different ways.
        """
        values = self.all(name)
        if len(values) > 1:
            raise Refused(HTTPStatus.BAD_REQUEST, "header_repeated", f"the header {name} is there more than once")
        return values[0] if values else None

    def parameters(self) -> list[tuple[str, str]]:
        """The query, decoded; at most 64 parameters.

        Raises:
            Refused: more than that.
        """
        try:
            return parse_qsl(self.query, keep_blank_values=True, max_num_fields=64)
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "query_invalid", "the query has too many parameters") from None
