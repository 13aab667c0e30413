"""The README's snippets run, one after the other, as they stand."""

from __future__ import annotations

import ast
import asyncio
import re
import textwrap
from pathlib import Path

import nexus_sdk
import pytest
from fake_daemon import FakeDaemon, FakeProcess, file_record, operation_record, workspace_record

README = Path(nexus_sdk.__file__).parents[2] / "README.md"
SNIPPETS = re.findall(r"^```python( sync)?\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
async def home(tmp_path, monkeypatch):
    """A fake daemon where `connect()` finds it."""
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.delenv("NEXUS_URL", raising=False)
    async with FakeDaemon(path=str(tmp_path / "run" / "nexusd.sock")) as fake:

        async def workspace(call):
            return workspace_record()

        async def create(call):
            return {"workspace": workspace_record(), "operation": operation_record()}

        async def run(call):
            text = {"text": " M README.md\n", "bytes": 13, "dropped": 0}
            status = {"code": 0, "reason": "exited", "at": "2026-01-02T03:04:05Z"}
            return {"process": "pr_1", "exit": status, "stdout": text, "stderr": text, "duration_ms": 1}

        async def write(call):
            return file_record(call.params["path"])

        async def edit(call):
            return {"info": file_record(), "replacements": 1, "diff": ""}

        async def watch(call):
            await call.open({"cursor": "c", "resumed": False})
            await call.event({"kind": "change", "path": "notes/more.md", "change": "created"}, "d")
            await asyncio.Event().wait()

        async def status(call):
            return {"branch": "nexus/demo", "ahead": 0, "behind": 0, "files": [], "truncated": False, "clean": True}

        FakeProcess([(1, b"42\n")], stdin_window=1000).install(fake)
        attach = fake.handlers["exec.attach"]

        async def with_or_without_stdin(call):
            started = next(item for item in reversed(fake.calls) if item.method == "exec.start")
            window = 1000 if started.params.get("stdin") else 0
            return await FakeProcess([(1, b"42\n")], stdin_window=window).attach(call)

        assert attach is not None
        fake.handlers.update(
            {
                "exec.attach": with_or_without_stdin,
                "workspace.get": workspace,
                "workspace.create": create,
                "exec.run": run,
                "fs.write": write,
                "fs.edit": edit,
                "fs.watch": watch,
                "git.status": status,
            }
        )
        yield fake


def test_there_are_snippets():
    assert len(SNIPPETS) == 4


async def test_every_snippet_runs(home, capsys):
    scope: dict[str, object] = {}
    async with nexus_sdk.connect() as nexus:
        scope["workspace"] = await nexus.workspaces.get("demo")
        for kind, text in SNIPPETS:
            if kind:
                await asyncio.to_thread(exec, compile(text, str(README), "exec"), {})
            else:
                code = compile(text, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                await eval(code, scope) if code.co_flags & 0x80 else exec(code, scope)
                if "connect()" in text:
                    scope["workspace"] = await nexus.workspaces.get("demo")
    out = capsys.readouterr().out
    assert out.startswith("42\n M README.md\n")
    assert "stdout 0 b'42\\n'" in out
    assert "notes/more.md" in out and "http://127.0.0.1:" in out and out.endswith("nexus/demo\n")
    assert textwrap.dedent(SNIPPETS[0][1]) == SNIPPETS[0][1]
