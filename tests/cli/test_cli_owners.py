"""A token for all workspaces sees those of several people, and names are unique for their owner only."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, make_repository


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A remote repository: each owner gets a clone of it."""
    return f"file://{make_repository(tmp_path / 'remote')}"


@pytest.fixture
def made(node: DaemonProcess) -> Iterator[list[str]]:
    """Ids of what a test makes; destroyed at its end."""
    ids: list[str] = []
    yield ids
    for workspace in ids:
        node.call("workspace.destroy", workspace=workspace, force=True)


@pytest.fixture
def person(node: DaemonProcess, boulder):
    """`boulder` of somebody with a token for all workspaces."""

    def of(subject: str):
        return dataclasses.replace(boulder, environ={"NEXUS_URL": node.url, "NEXUS_TOKEN": node.token(subject)})

    return of


@pytest.fixture
def make(node: DaemonProcess, made: list[str]):
    """Make a workspace that belongs to somebody; gives its id."""

    def of(subject: str, name: str, url: str) -> str:
        answer = node.rpc(
            "workspace.create", bearer=node.token(subject), name=name, repository={"url": url}, start=False
        )
        made.append(answer["result"]["workspace"]["id"])
        return made[-1]

    return of


@pytest.mark.parametrize("order", [("ada", "bob"), ("bob", "ada")])
def test_up_takes_ones_own(person, make, url: str, order: tuple[str, str]) -> None:
    ids = {subject: make(subject, "same", url) for subject in order}
    for subject in order:
        found = person(subject).json("up", "same", "--repo", url)["workspace"]
        assert (found["id"], found["owner"], found["state"]) == (ids[subject], subject, "running")


def test_up_takes_the_only_one_of_the_repository(person, make, url: str, tmp_path: Path) -> None:
    elsewhere = f"file://{make_repository(tmp_path / 'elsewhere')}"
    for subject, where in (("ada", url), ("bob", elsewhere)):
        make(subject, "same", where)
    for subject, where in (("ada", url), ("bob", elsewhere)):
        assert person("root").json("up", "same", "--repo", where)["workspace"]["owner"] == subject


def test_up_does_not_guess_between_others(person, make, url: str, node: DaemonProcess) -> None:
    ids = {make(subject, "same", url): subject for subject in ("ada", "bob")}
    root = person("root")
    done = root("up", "same", "--repo", url, "--json")
    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert error["name"] == "workspace_ambiguous"
    assert all(f"{id} of {subject}" in error["message"] for id, subject in ids.items())
    assert {node.call("workspace.get", workspace=id)["state"] for id in ids} == {"stopped"}
    said = root("up", "same", "--repo", url).stderr.decode()
    advised = next(word.strip(";") for word in said.split() if word.startswith("ws_") and word.endswith(";"))
    assert f"boulder workspace start {advised};" in said
    root.ok("workspace", "start", advised)
    assert node.call("workspace.get", workspace=advised)["state"] == "running"


def test_names_of_others_are_free(person, make, url: str, tmp_path: Path, made: list[str]) -> None:
    make("ada", "same", url)
    other = make_repository(tmp_path / "other")
    mine = person("root").json("up", "same", "--repo", str(other), "--no-start")["workspace"]
    made.append(mine["id"])
    assert (mine["owner"], mine["name"], mine["repository"]["path"]) == ("root", "same", str(other))
    done = person("root")("up", "same", "--repo", url)
    assert done.returncode == 5 and str(other).encode() in done.stderr


def test_other_commands_say_that_a_name_is_not_enough(person, make, url: str) -> None:
    ids = [make(subject, "same", url) for subject in ("ada", "bob")]
    done = person("root")("workspace", "get", "same", "--json")
    assert done.returncode == 3
    error = json.loads(done.stderr)["error"]
    assert error["name"] == "workspace_not_found"
    assert error["message"] == "2 workspaces are named 'same', and none is yours"
    assert f"{ids[0]} of ada, {ids[1]} of bob" in error["hint"]
    assert person("ada").json("workspace", "get", "same")["id"] == ids[0]
