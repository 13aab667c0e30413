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


SECRET = "work of somebody else"


@pytest.fixture
def opened(tmp_path):
    """A daemon with one opened directory, which holds a repository; beside it a closed one."""
    make_repository(tmp_path / "closed", {"theirs.txt": SECRET})
    make_repository(tmp_path / "open" / "shop")
    process = DaemonProcess(tmp_path / "home", settings=[f"repositories.allowed={tmp_path}/open"]).start()
    yield process
    assert process.stop() == 0


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize("name", ["planted/.git", ".git"])
def test_a_planted_git_file_opens_nothing(opened, tmp_path, form, name):
    closed = tmp_path / "closed"
    scopes = ["files:read", "files:write", "workspaces:read", "workspaces:write"]
    token = opened.token("mallory", scopes, workspaces=["own"])
    made = opened.rpc("workspace.create", bearer=token, name="w", repository={"url": f"{tmp_path}/open/shop"})
    workspace = made["result"]["workspace"]
    planted = {"workspace": workspace["id"], "path": name, "content": f"gitdir: {closed}/.git\n", "parents": True}
    assert "result" in opened.rpc("fs.write", bearer=token, **planted)
    before = git("for-each-ref", cwd=closed)
    url = form.format(os.path.dirname(f"{workspace['worktree']}/{name}"))
    answer = opened.rpc("workspace.create", bearer=token, name="stolen", repository={"url": url})
    assert answer["error"]["data"]["name"] == "repository_unusable", answer
    assert str(closed) not in str(answer)
    assert git("for-each-ref", cwd=closed) == before
    assert not os.path.lexists(closed / ".nexus")


def test_an_opened_directory_does_not_open_the_repository_around_it(tmp_path):
    around = make_repository(tmp_path / "around", {"theirs.txt": SECRET, "open/file.txt": "x"})
    process = DaemonProcess(tmp_path / "home", settings=[f"repositories.allowed={around}/open"]).start()
    try:
        token = process.token("mallory", workspaces=["own"])
        answer = process.rpc("workspace.create", bearer=token, name="w", repository={"url": f"{around}/open"})
        assert answer["error"]["data"]["name"] == "repository_unusable", answer
        assert answer["error"]["data"]["details"]["url"] == f"{around}/open"
        assert not os.path.lexists(around / ".nexus")
    finally:
        assert process.stop() == 0


def test_a_token_for_named_workspaces_makes_no_other(opened, tmp_path):
    token = opened.token("mallory", workspaces=["ws_aaaaaaaaaaaaaaaaaaaa"])
    answer = opened.rpc("workspace.create", bearer=token, name="w", repository={"url": f"{tmp_path}/open/shop"})
    assert answer["error"]["data"]["name"] == "forbidden", answer
    assert opened.call("workspace.list", destroyed=True)["workspaces"] == []
