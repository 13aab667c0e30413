"""Only the gate, and those who make and show grants, look at scopes."""

from __future__ import annotations

import ast
from pathlib import Path

import nexusd
import pytest

ROOT = Path(nexusd.__file__).parent

ALLOWED = {
    "api/exec.py": "one method whose params decide whether it writes",
    "api/token.py": "passes on what is asked for, and shows what was granted",
    "auth/gate.py": "the gate",
    "auth/identity.py": "what an identity holds, and how it is shown",
    "auth/issuing.py": "a token may not grant more than its maker holds",
}

WORDS = {"SCOPES", "administers", "may", "scopes"}


def uses(source: str) -> list[str]:
    """What in a module looks at the scopes of an identity, or compares the scope of a method."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in WORDS:
            found.append(f"{node.lineno}: {node.attr}")
        elif isinstance(node, ast.alias) and node.name in WORDS:
            found.append(f"{node.lineno}: {node.name}")
        elif isinstance(node, ast.Compare):
            parts = (node.left, *node.comparators)
            found += [
                f"{node.lineno}: scope" for part in parts if isinstance(part, ast.Attribute) and part.attr == "scope"
            ]
    return found


def test_scopes_are_compared_in_one_place() -> None:
    modules = {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}
    assert "auth/gate.py" in modules
    strays = [
        f"{name}:{use}" for name, path in modules.items() if name not in ALLOWED for use in uses(path.read_text())
    ]
    assert strays == []


def test_the_exceptions_are_needed() -> None:
    assert [name for name in ALLOWED if not uses((ROOT / name).read_text())] == []


@pytest.mark.parametrize(
    "line",
    [
        "if identity.may('x'): pass",
        "if 'x' in call.identity.scopes: pass",
        "if method.scope == 'x': pass",
        "from nexus_sdk.protocol.methods import SCOPES",
        "ok = identity.administers",
    ],
)
def test_the_lint_sees_it(line: str) -> None:
    assert uses(line)
