"""Exit codes, and how errors are shown."""

from __future__ import annotations

import json
import re

import click
import pytest
from boulder import exits, hints
from boulder.context import App
from boulder.errors import CliError, describe, show
from boulder.output import Output
from nexus_sdk.exceptions import (
    CallTimeout,
    ConnectionFailed,
    ConnectionLost,
    DaemonNotFound,
    NexusError,
    ProtocolViolation,
)
from nexus_sdk.protocol.errors import ERRORS, Forbidden, ProcessNotFound, WorkspaceDirty, WorkspaceNotFound


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WorkspaceNotFound("no", workspace="x"), exits.NOT_FOUND),
        (Forbidden("no", scope="exec:write", method="exec.run"), exits.REFUSED),
        (WorkspaceDirty("no", workspace="x", path="/", branch="b", changed=1, unpushed=0, files=[]), exits.CONFLICT),
        (ConnectionFailed("no"), exits.UNREACHABLE),
        (DaemonNotFound("no"), exits.UNREACHABLE),
        (ConnectionLost("no"), exits.UNREACHABLE),
        (CallTimeout("no", timeout=1), exits.TIMEOUT),
        (NexusError("no"), exits.FAILED),
        (OSError(2, "no"), exits.FAILED),
        (PermissionError(13, "no"), exits.REFUSED),
    ],
)
def test_exit_code(error: BaseException, code: int) -> None:
    assert exits.exit_code(error) == code


@pytest.mark.parametrize("kind", [ConnectionLost, ProtocolViolation])
def test_a_lost_answer_is_an_unknown_outcome(kind: type[NexusError]) -> None:
    error = kind("no")
    error.may_have_run = True
    assert exits.exit_code(error) == exits.UNKNOWN


def test_every_name_with_a_code_is_an_error_of_the_schema() -> None:
    known = {error.name for error in ERRORS.values()}
    assert set(exits._CODES) <= known


@pytest.mark.parametrize(
    ("code", "signalled", "reason", "expected"),
    [(0, None, "exited", 0), (7, None, "exited", 7), (None, "KILL", "signalled", 137), (None, "TERM", "timeout", 124)],
)
def test_status_code(code: int | None, signalled: str | None, reason: str, expected: int) -> None:
    assert exits.status_code(code, signalled, reason) == expected


def test_our_failures_differ_from_those_of_a_command() -> None:
    app = App()
    missing, unknown = NexusError("no"), NexusError("no")
    missing.name, unknown.name = "command_not_found", "workspace_not_found"
    assert app.failure_code(unknown, 3) == 3
    app.command_runs = True
    assert app.failure_code(unknown, 3) == 125
    assert app.failure_code(missing, 3) == 127


def test_an_error_says_what_where_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    error = WorkspaceNotFound("no workspace 'a\x1b[2J'", workspace="a\x1b[2J")
    show(error, Output(color="never"))
    assert capsys.readouterr().err.splitlines() == [
        "error: no workspace 'a\\x1b[2J'",
        "  try: `boulder ls` lists the workspaces you can see.",
    ]


def test_details_say_only_what_the_message_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        WorkspaceDirty(
            "workspace a has 1 uncommitted file",
            workspace="ws_1",
            path="/p",
            branch="b",
            changed=1,
            unpushed=12,
            files=["x"],
        ),
        Output(color="never"),
    )
    assert capsys.readouterr().err.splitlines()[1:4] == [
        "  at: workspace ws_1, path /p, branch b, unpushed 12",
        "  files:",
        "    x",
    ]


def test_hints_speak_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    show(ProcessNotFound("no process 'x'", process="x"), Output(color="never"))
    assert capsys.readouterr().err.splitlines()[1].startswith("  try: `boulder ps --all`")
    show(ProcessNotFound("no process 'x'", process="x", hint="look there"), Output(color="never"))
    assert capsys.readouterr().err.splitlines()[1] == "  try: look there"
    assert set(hints._HINTS) <= {error.name for error in ERRORS.values()}


def test_every_command_in_a_hint_exists() -> None:
    from boulder.app import cli

    for text in hints._HINTS.values():
        for words in re.findall(r"boulder ((?:[a-z]+ ?)+)", text):
            command: click.Command | None = cli
            for word in words.split():
                assert isinstance(command, click.Group), f"boulder {words}"
                command = command.get_command(click.Context(command), word)
                assert command is not None, f"boulder {words}"


def test_an_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(WorkspaceNotFound("no workspace 'x'", workspace="x"), Output(json=True))
    found = json.loads(capsys.readouterr().err)["error"]
    assert found["name"] == "workspace_not_found" and found["code"] == 2000
    assert found["details"] == {"workspace": "x"} and found["retryable"] is False and "boulder ls" in found["hint"]


def test_an_error_of_this_side() -> None:
    found = describe(CliError("broken", hint="mend it", name="it_broke"))
    assert (found["name"], found["message"], found["hint"]) == ("it_broke", "broken", "mend it")
    assert describe(FileNotFoundError(2, "No such file", "/x"))["message"] == "'/x': No such file"
