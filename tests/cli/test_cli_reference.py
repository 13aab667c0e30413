"""The page on the command line says what the program says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date() -> None:
    script = ROOT / "scripts" / "cli_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_exit_code_is_documented() -> None:
    from boulder import exits

    page = (ROOT / "docs" / "cli.md").read_text()
    table = page.partition("## Exit codes")[2].partition("## boulder")[0]
    for name in exits.__all__:
        value = getattr(exits, name)
        if isinstance(value, int) and value < 128:
            assert f" {value} " in table or f" {value}," in table, name
