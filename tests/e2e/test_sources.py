"""A tenant's token does not open the repositories of the host, by whatever name they are called."""

from __future__ import annotations

import os

import pytest
from daemon_process import DaemonProcess, git, make_repository


@pytest.mark.parametrize("workspaces", [["own"], ["ws_aaaaaaaaaaaaaaaaaaaa"]])
def test_local_repositories_are_closed_to_tenants(daemon, tmp_path, workspaces):
    secret = make_repository(tmp_path / "secret")
    git("branch", "nexus/theirs", cwd=secret)
    token = daemon.token("mallory", workspaces=workspaces)
    before = git("for-each-ref", cwd=secret)
    answers = {}
    for name, url in {
        "path": str(secret),
        "inside": f"{secret}/src",
        "file": f"file://{secret}",
        "missing": f"{tmp_path}/nothing",
        "not a repository": str(tmp_path),
    }.items():
        source = {"url": url, "ref": "nexus/theirs"}
        answer = daemon.rpc("workspace.create", bearer=token, name="probe", repository=source)
        error = answer["error"]
        assert error["data"]["name"] in ("repository_unusable", "forbidden"), answer
        answers[name] = (error["code"], error["data"].get("details", {}).get("reason"), error["data"]["hint"])
    assert len(set(answers.values())) == 1, "what is there and what is not must not be told apart"
    assert git("for-each-ref", cwd=secret) == before
    assert not os.path.lexists(secret / ".nexus")
    assert daemon.call("workspace.list", destroyed=True)["workspaces"] == []


def test_a_directory_that_is_opened_is_open(tmp_path):
    shared = make_repository(tmp_path / "shared" / "shop")
    closed = make_repository(tmp_path / "closed")
    (tmp_path / "shared" / "door").symlink_to(closed)
    process = DaemonProcess(tmp_path / "home", settings=[f"repositories.allowed={tmp_path}/shared"]).start()
    try:
        token = process.token("alice", workspaces=["own"])
        made = process.rpc("workspace.create", bearer=token, name="mine", repository={"url": str(shared)})
        assert made["result"]["workspace"]["owner"] == "alice"
        through = process.rpc(
            "workspace.create", bearer=token, name="door", repository={"url": f"{tmp_path}/shared/door"}
        )
        assert through["error"]["data"]["name"] == "repository_unusable"
    finally:
        assert process.stop() == 0
