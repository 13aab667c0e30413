"""Writes docs/configuration.md from the configuration's own list of keys; ``--check`` says whether it is current."""

from __future__ import annotations

import sys
from pathlib import Path

from nexusd.config import describe

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

HEAD = """# Configuration

<!-- Generated from daemon/nexusd/config/model.py by scripts/config_reference.py; do not edit. -->

Layers, from low to high; a higher one overrides key by key:

1. node: `/etc/nexus/config.yaml`
2. user: `$NEXUS_HOME/config.yaml` (`NEXUS_HOME` is `~/.nexus` unless set)
3. project: `.nexus/config.yaml` in a repository. What a repository says is not trusted with the node: only
   `defaults.backend` and `defaults.env` may stand there.
4. flags: `nexusd --set key=value`
5. environment: `NEXUS_` and the key in capitals with `__` for each dot, such as `NEXUS_DAEMON__PORT`. Short names:
   `NEXUS_HOST`, `NEXUS_PORT`, `NEXUS_BACKEND`.

Durations are written like `30s`, `1h30m` or `500ms`, sizes like `16M` or `4G`. Unknown keys are errors, with a
suggestion.

`nexusd --check` checks everything and says what is wrong, where, and what would be right. `boulder config get` shows
the values in force and where each came from. On SIGHUP the daemon reads the configuration again; what needs a restart
is logged.

| key | accepts | default | what it is for |
|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    rows = [
        f"| `{key}` | {accepts} | {f'`{default}`' if default else 'empty'} | {description} |"
        for key, accepts, default, description in describe()
    ]
    return HEAD + "\n".join(rows) + "\n"


def main() -> int:
    """Write or check the page. Returns the exit code."""
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        print(f"{PAGE} is not current; run: python scripts/config_reference.py", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
