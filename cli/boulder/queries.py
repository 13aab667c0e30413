"""What programs ask of a terminal.

A terminal answers a question by typing: where its cursor is, what it can do, which colour it has. The answer is meant
for the program that asked. Asked again, because output of before is shown again, or asked of a second terminal that
only watches, the question would be answered into whatever reads now.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["QueryFilter"]

_STRING: Final = rb"[^\x07\x1b]*"
_END: Final = rb"(?:\x07|\x1b\\)"
_QUERY: Final = re.compile(
    rb"\x05"  # answerback
    rb"|\x1bZ"  # identify
    rb"|\x1b\[[?>=]?[0-9;]*c"  # device attributes
    rb"|\x1b\[\??[0-9;]*n"  # status, position of the cursor, colour scheme
    rb"|\x1b\[[01]?x"  # terminal parameters
    rb"|\x1b\[(?:1[1345689]|2[01])(?:;[0-9]+)*t"  # of the window
    rb"|\x1b\[\??[0-9;]*\$p"  # a mode
    rb"|\x1b\[>[0-9]*q"  # name and version
    rb"|\x1b\[\?u"  # keyboard protocol
    rb"|\x1b\[\?[0-9]+(?:;[0-9]+)*S"  # graphics
    rb"|\x1b\](?:[^\x07\x1b;]*;)+\?"
    + _END  # colours, clipboard
    + rb"|\x1bP[+$]q"
    + _STRING
    + _END  # a setting, a capability
    + rb"|\x1b_G(?:[^\x07\x1b;]*,)?a=q"
    + _STRING
    + _END  # an image
)
_BEGUN: Final = re.compile(
    rb"\x1b(?:\[[?>=]?[0-9;]*\$?|\](?:[^\x07\x1b;]*;)*[^\x07\x1b;]*\x1b?|P(?:[+$](?:q" + _STRING + rb"\x1b?)?)?"
    rb"|_(?:G" + _STRING + rb"\x1b?)?)?"
)
_LONGEST: Final = 4096


class QueryFilter:
    """Takes output and gives it without the questions; all else stays as it is."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return output to show. What may be the beginning of a question is held until more comes."""
        text = self._held + data
        end = self._unfinished(text)
        self._held = text[end:]
        return _QUERY.sub(b"", text[:end])

    def flush(self) -> bytes:
        """Return what was held, because questions may be asked from here on."""
        held, self._held = self._held, b""
        return held

    @staticmethod
    def _unfinished(text: bytes) -> int:
        """Return where a sequence begins that the end of the text cuts in two; the text's length if none does."""
        start = text.find(b"\x1b", max(0, len(text) - _LONGEST))
        while start >= 0:
            if _BEGUN.fullmatch(text, start):
                return start
            start = text.find(b"\x1b", start + 1)
        return len(text)
