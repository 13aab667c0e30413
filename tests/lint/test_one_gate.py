"""Only the gate, and those who make and show grants, look at scopes."""

from __future__ import annotations

import ast
from pathlib import Path

import nexusd

ROOT = Path(nexusd.__file__).parent

ALLOWED = {
    "auth/gate.py": "the gate",
    "auth/identity.py": "what an identity holds, and how it is shown",
    "auth/tokens.py": "reads and writes the claim",
    "auth/issuing.py": "a token may not grant more than its maker holds",
    "auth/peer.py": "what the daemon's own user holds",
    "store/tokens.py": "keeps what was granted",
    "api/token.py": "passes on what is asked for, and shows what was granted",
}

WORDS = {"scope", "scopes", "may", "administers", "SCOPES"}


def uses(path: Path) -> list[str]:
    """Places of a module that read a scope: by attribute, by name, or by a key."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        word: object = None
        if isinstance(node, ast.Attribute):
            word = node.attr
        elif isinstance(node, ast.alias):
            word = node.name
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            word = node.slice.value
            # an ASGI scope is a variable of that name, not a key
        if word in WORDS:
            found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {word}")
    return found


def test_scopes_are_compared_in_one_place() -> None:
    strays = [
        use
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in ALLOWED
        for use in uses(path)
    ]
    assert strays == []


def test_the_exceptions_are_needed() -> None:
    assert [name for name in ALLOWED if name != "auth/peer.py" and not uses(ROOT / name)] == []


def test_the_lint_sees_a_comparison(tmp_path: Path) -> None:
    sample = ROOT / "auth" / "gate.py"
    assert any("may" in use for use in uses(sample))
