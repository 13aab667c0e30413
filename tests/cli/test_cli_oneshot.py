"""`boulder ls` asks one question: it brings neither an event loop nor a WebSocket."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import sys
sys.argv = ["boulder", "ls", "--json"]
try:
    from boulder.__main__ import main
    main()
finally:
    print([name for name in ("asyncio", "websockets", "rich") if name in sys.modules], file=sys.stderr)
"""


def test_listing_imports_no_event_loop(daemon, repository):
    daemon.call("workspace.create", name="one", repository={"url": str(repository)}, start=False)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "NEXUS_HOME": str(daemon.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"name":"one"' in done.stdout.replace(" ", "")
    assert done.stderr.splitlines()[-1] == "[]"
