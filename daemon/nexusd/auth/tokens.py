"""Tokens: how they are made and what makes one good.

Every reason to refuse gives the same error after one signature check, so that neither the answer nor its time says how
close a forgery came. The true reason goes to the debug log, without the token.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import math
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import jwt
import msgspec
from nexus_sdk.protocol.errors import Unauthenticated

from nexusd.auth.identity import Identity
from nexusd.auth.keys import Keyring

__all__ = ["AUDIENCE", "LEEWAY", "MAX_TOKEN", "Tokens"]

AUDIENCE: Final = "nexus"
"""The only value of ``aud`` that is accepted."""

LEEWAY: Final = 30
"""Seconds by which an issuer's clock may run ahead of ours. It does not lengthen a token's life: connections are closed
at ``exp``, and what would be closed at once is not let in."""

MAX_TOKEN: Final = 16_384
"""Most characters of a token."""

_MAX_TIME: Final = 253_402_300_800
_HEADER_MEMBERS: Final = frozenset(("alg", "kid", "typ"))
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_ID: Final = re.compile(r"[\x21-\x7e]{1,256}\Z")
_WORD: Final = re.compile(r"[A-Za-z0-9_.:*-]{1,128}\Z")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_.@:-]{1,128}\Z")
_log = logging.getLogger("nexusd.auth")
_jws = jwt.PyJWS()


class _Claims(msgspec.Struct):
    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    iat: int | float
    jti: str
    scope: str
    ws: str | list[str]
    nbf: int | float | None = None


class _Refused(Exception):
    """Why a token is no good; never leaves this module but for the debug log."""


class Tokens:
    """Makes tokens and verifies them.

    Args:
        keyring: keys that sign and verify.
        issuer: value of ``iss``, of tokens made here and of tokens accepted.
        clock: seconds since the epoch.
    """

    def __init__(self, keyring: Keyring, *, issuer: str = "nexusd", clock: Callable[[], float] = time.time) -> None:
        self.keyring = keyring
        self.issuer = issuer
        self.clock = clock
        self._revoked: set[str] = set()
        # what is verified in place of tokens that name no key of ours; it grants nothing
        self._decoy = self.mint(token_id="-", subject="-", scopes=(), workspaces=(), expires_at=0)  # noqa: S106

    def mint(
        self,
        *,
        token_id: str,
        subject: str,
        scopes: Iterable[str],
        workspaces: str | Iterable[str],
        expires_at: float,
    ) -> str:
        """Sign a token with the daemon's own key. Grants whatever it is told to: `TokenService` decides who may.

        Args:
            token_id: value of ``jti``.
            subject: value of ``sub``.
            scopes: granted scopes.
            workspaces: ``"*"``, ``"own"`` or workspace ids.
            expires_at: seconds since the epoch, rounded up to a whole one.
        """
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": AUDIENCE,
            "exp": math.ceil(expires_at),
            "iat": int(self.clock()),
            "jti": token_id,
            "scope": " ".join(sorted(scopes)),
            "ws": workspaces if isinstance(workspaces, str) else sorted(workspaces),
        }
        own = self.keyring.own
        return _jws.encode(json.dumps(claims).encode(), own.signer, algorithm=own.algorithm, headers={"kid": own.id})

    def verify(self, token: str) -> Identity:
        """The identity that a token proves.

        Raises:
            Unauthenticated: for whatever reason; always with the same message.
        """
        try:
            return self._verify(token)
        except _Refused as reason:
            _log.debug("token refused: %s", reason)
        raise Unauthenticated("the token is not valid")

    def revoke(self, token_ids: Iterable[str]) -> None:
        """Refuse these tokens from now on."""
        self._revoked.update(token_ids)

    def revoked(self, token_id: str) -> bool:
        """Whether this token was revoked."""
        return token_id in self._revoked

    def _verify(self, token: str) -> Identity:
        now = self.clock()
        payload = self._payload(token)
        claims = _claims(payload)
        if claims.iss != self.issuer:
            raise _Refused("iss")
        if claims.aud != AUDIENCE and not (isinstance(claims.aud, list) and AUDIENCE in claims.aud):
            raise _Refused("aud")
        for name, moment in (("exp", claims.exp), ("iat", claims.iat), ("nbf", claims.nbf or 0)):
            if not 0 <= moment < _MAX_TIME:
                raise _Refused(f"{name} is no time")
        if claims.exp <= now:
            raise _Refused("expired")
        if claims.iat > now + LEEWAY:
            raise _Refused("iat lies in the future")
        if (claims.nbf or 0) > now + LEEWAY:
            raise _Refused("nbf lies in the future")
        if not _SUBJECT.match(claims.sub):
            raise _Refused("sub")
        if not _ID.match(claims.jti):
            raise _Refused("jti")
        if claims.jti in self._revoked:
            raise _Refused("revoked")
        scopes = frozenset(claims.scope.split(" ") if claims.scope else ())
        if not all(_WORD.match(scope) for scope in scopes):
            raise _Refused("scope")
        return Identity(
            subject=claims.sub,
            scopes=scopes,
            workspaces=_workspaces(claims.ws),
            via="jwt",
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
            token_id=claims.jti,
        )

    def _payload(self, token: str) -> bytes:
        try:
            header = _header(token)
            key = self.keyring.find(header.get("kid"), header["alg"])
            if key is None:
                raise _Refused("no key has this kid and alg")
        except _Refused:
            # the same work as for a token whose signature has to be computed
            _check_signature(self._decoy, self.keyring.own.verifier, self.keyring.own.algorithm)
            raise
        payload = _check_signature(token, key.verifier, key.algorithm)
        if payload is None:
            raise _Refused("signature")
        return payload


def _header(token: object) -> dict[str, Any]:
    if not isinstance(token, str) or len(token) > MAX_TOKEN:
        raise _Refused("no string, or too long")
    if _TOKEN.match(token) is None:
        raise _Refused("not three parts of base64url")
    header = _strict_object(_unbase64(token.partition(".")[0]), "header")
    unknown = header.keys() - _HEADER_MEMBERS
    if unknown:
        # keys and places to fetch keys from (jwk, jku, x5u, x5c), critical extensions (crit): none is ever honoured
        raise _Refused(f"header has {sorted(unknown)[0]!r}")
    if not isinstance(header.get("alg"), str) or not isinstance(header.get("kid", ""), str):
        raise _Refused("alg or kid is no string")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.upper() not in ("JWT", "AT+JWT"):
        raise _Refused("typ")
    return header


def _check_signature(token: str, verifier: Any, algorithm: str) -> bytes | None:
    try:
        payload = _jws.decode(token, verifier, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return payload if isinstance(payload, bytes) else None


def _claims(payload: bytes) -> _Claims:
    try:
        return msgspec.convert(_strict_object(payload, "claims"), _Claims, strict=True)
    except msgspec.ValidationError as error:
        raise _Refused(str(error)) from None


def _workspaces(ws: str | list[str]) -> Any:
    if isinstance(ws, str):
        if ws not in ("*", "own"):
            raise _Refused("ws")
        return ws
    if ws in (["*"], ["own"]):
        return ws[0]
    if "*" in ws or "own" in ws or not all(_WORD.match(entry) for entry in ws):
        raise _Refused("ws")
    return frozenset(ws)


def _strict_object(data: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON object and refuse what decoders disagree on: members given twice, NaN, infinities."""

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(members)
        if len(result) != len(members):
            raise _Refused(f"{what} has a member twice")
        return result

    def constant(name: str) -> Any:
        raise _Refused(f"{what} has {name}")

    try:
        value = json.loads(data.decode(), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        raise _Refused(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise _Refused(f"{what} is not an object")
    return value


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _Refused("not base64url") from None
