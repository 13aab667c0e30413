"""What a workspace's code may come from, and addresses without their credentials.

A source is the absolute path of a local repository, or a URL of the schemes https, http, ssh, git and file, or the
short form ``user@host:path``. Anything that git would hand to a helper program (``ext::``, ``fd::``, unknown schemes)
and anything that a transport could take for an option is refused.
"""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
from nexus_sdk.protocol.errors import RepositoryUnusable

SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "file"})

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SHORT = re.compile(r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\s\[\]]+):(?P<path>.+)")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_CREDENTIALS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)"
    r"(?P<info>[^/\s'\"]*|[^/\s'\"]*:(?!\d+(?:/|$))[^\s'\"]*)@"
)


class RemoteSource(msgspec.Struct, frozen=True):
    """A repository that is fetched.

    Attributes:
        url: the address without credentials; what is shown, stored and given to git.
        header: the HTTP header that carries the credentials of the original address; None if it had none. A secret.
        scope: the part of the address that the header is for.
    """

    url: str
    header: str | None = None
    scope: str = ""

    def environment(self) -> dict[str, str]:
        """Environment that lets git use the credentials: neither in an argument list nor in a file."""
        if self.header is None:
            return {}
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.scope}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {self.header}",
        }


class LocalSource(msgspec.Struct, frozen=True):
    """A repository on this node, by any absolute path inside it."""

    path: str


def parse_source(url: str) -> LocalSource | RemoteSource:
    """Take a source apart.

    Raises:
        RepositoryUnusable: it is relative, or not an address that git may be given here.
    """
    if url.startswith("/"):
        if any(sign in url for sign in "\0\r\n"):
            raise _refused(url, "the path contains a line break or NUL")
        return LocalSource(url)
    if _UNPRINTABLE.search(url):
        raise _refused(url, "the address contains a space or control character")
    if _HELPER.match(url):
        raise _refused(url, "remote helpers are not allowed")
    scheme = _SCHEME.match(url)
    if scheme:
        return _parse_url(url, scheme.group(1).lower())
    short = _SHORT.fullmatch(url)
    if short:
        if any((short[part] or "").startswith("-") for part in ("user", "host", "path")):
            raise _refused(url, "a part of the address begins with a hyphen")
        return RemoteSource(url)
    raise _refused(url, "neither an absolute path nor a URL")


def redact_url(url: str) -> str:
    """The address without credentials: no user for HTTP and the like, no password for SSH.

    Total: whatever it is given, nothing that could be a password comes back.
    """
    return redact(url)


def redact(text: str) -> str:
    """Any text with the credentials taken out of the addresses in it."""
    return _CREDENTIALS.sub(_without_credentials, text)


def _without_credentials(match: re.Match[str]) -> str:
    scheme, info = match["scheme"], match["info"]
    user = info.partition(":")[0]
    if scheme.lower() == "ssh://" and user and not {"/", "@"} & set(user):
        return f"{scheme}{user}@"
    return scheme


def _parse_url(url: str, scheme: str) -> RemoteSource:
    if scheme not in SCHEMES:
        raise _refused(url, f"the scheme {scheme} is not supported")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, "the address is malformed") from None
    if parts.query or parts.fragment:
        raise _refused(url, "the address has a query or fragment")
    host = parts.hostname or ""
    if scheme == "file":
        if host not in ("", "localhost") or not parts.path.startswith("/") or "@" in parts.netloc:
            raise _refused(url, "a file URL needs an absolute path and no host")
        return RemoteSource(f"file://{parts.path}")
    if not host or host.startswith("-") or not parts.path.strip("/"):
        raise _refused(url, "the address lacks a host or a path")
    if (parts.username or "").startswith("-"):
        raise _refused(url, "a part of the address begins with a hyphen")
    return _remote(parts, scheme, host, port)


def _remote(parts: SplitResult, scheme: str, host: str, port: int | None) -> RemoteSource:
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place = f"{place}:{port}"
    if scheme == "ssh":
        user = f"{parts.username}@" if parts.username else ""
        return RemoteSource(f"ssh://{user}{place}{parts.path}")
    url = f"{scheme}://{place}{parts.path}"
    if scheme == "git" or not (parts.username or parts.password):
        return RemoteSource(url)
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    token = base64.b64encode(pair.encode()).decode("ascii")
    return RemoteSource(url, header=f"Basic {token}", scope=f"{scheme}://{place}/")


def _refused(url: str, reason: str) -> RepositoryUnusable:
    shown = redact_url(url)
    return RepositoryUnusable(
        f"cannot use {shown!r}: {reason}",
        hint="Give a local repository's absolute path, or a URL: https, ssh, git or file.",
        url=shown,
        reason=reason,
    )
