"""Secrets and control characters are taken out of everything that leaves the daemon as text.

Two lines of defence: values known to be secret are wrapped in `Secret` and cannot be printed by accident; what is
written all the same passes `redact`, which knows what secrets look like.
"""

from __future__ import annotations

import hmac
import re

MASK = "***"

_WORDS = r"(?:(?:access_?|refresh_?|id_?)?token|password|passwd|passphrase|secret|api_?key|private_?key|credentials?)"

# Every repetition is bounded or ends in a match, so that no text, however made, takes more than linear time.
_PATTERNS = re.compile(
    "|".join(
        (
            # a private key, also one that was cut off
            r"(?P<pem>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z))",
            # the token in a WebSocket subprotocol
            r"(?P<protocol>nexus\.bearer\.)[A-Za-z0-9_=.\-]+",
            # Authorization: Bearer x, Basic x
            r"(?P<scheme>\b(?:Bearer|Basic)[ \t]{1,8})[A-Za-z0-9._~+/=\-]+",
            # a JSON Web Token, signed or not, also one that was cut off after its header
            r"(?P<jwt>\b(?-i:eyJ)[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){0,4})",
            # tokens that carry their maker's mark
            r"(?P<known>\b(?-i:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|AKIA)[A-Za-z0-9_\-]{12,})",
            # user and password in a URL; the name git of ssh URLs says nothing
            r"(?P<url>://)(?!git@)[^\s/?#@\"'<>]+@(?:[^\s/?#@\"'<>]+@)*",
            # name=value, name: value, "name": "value", --name value
            rf"(?P<name>{_WORDS}[A-Za-z0-9_\-]{{0,40}}[\"']?(?:\s{{0,8}}[=:]\s{{0,8}}|(?<=[a-z])\s{{1,8}}(?=\S{{16}})))"
            r"(?P<value>b?\"(?:\\.|[^\"\\])*\"?|b?'(?:\\.|[^'\\])*'?|[^\s,;&\"'}\])]+)",
        )
    ),
    re.DOTALL | re.IGNORECASE,
)
_HINTS = re.compile(
    r"://|eyJ|bearer|basic|token|passw|passphrase|secret|api_?key|private|credential|gh[pousr]_|_pat_|glpat|xox|sk-|akia",
    re.IGNORECASE,
)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Secret:
    """A text that must not be printed. `reveal` is the only way to it, and easy to search for.

    Comparison takes the same time wherever the texts differ.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment] # as a key it would end up in somebody's repr

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def _mask(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "value":
        return f"{match['name']}{MASK}"
    kept = match["protocol"] or match["scheme"] or ""
    if match["url"]:
        return f"{match['url']}{MASK}@"
    return f"{kept}{MASK}"


def redact(text: str) -> str:
    """`text` with everything that looks like a secret replaced by ``***``."""
    return _PATTERNS.sub(_mask, text) if _HINTS.search(text) else text


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    short = {9: "\\t", 10: "\\n", 13: "\\r", 27: "\\e"}.get(code)
    return short or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def escape(text: str) -> str:
    """`text` with control characters, line separators, direction marks and lone surrogates written out.

    So that a file's name cannot forge a line of the log, nor move the cursor of whoever reads it.
    """
    return _CONTROL.sub(_escape, text)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret; ``token_id`` names one and is none."""
    lowered = name.lower()
    if lowered.endswith(("_id", "_file")):
        return False
    return lowered == "authorization" or re.search(_WORDS, lowered) is not None
