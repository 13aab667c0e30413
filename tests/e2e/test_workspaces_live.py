"""Workspaces over the wire: every verb, ports, what destroy keeps, repositories from elsewhere."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, git, make_repository
from wire_client import WireClient
from world import World


@pytest.fixture
async def client(world: World) -> Any:
    async with await world.connect(world.daemon.token()) as opened:
        yield opened
        await opened.alive()


async def create(client: WireClient, world: World, name: str, **params: Any) -> dict[str, Any]:
    made = await client.call("workspace.create", name=name, repository={"url": str(world.repository)}, **params)
    return dict(made["workspace"])


# -- verbs -------------------------------------------------------------------------------------------------------------


async def test_a_life(client: WireClient, world: World) -> None:
    made = await client.call(
        "workspace.create", name="life", repository={"url": str(world.repository)}, labels={"team": "a"}, progress=True
    )
    workspace = made["workspace"]
    id = workspace["id"]
    assert workspace["state"] == "running"
    assert workspace["branch"] == "nexus/life"
    assert Path(workspace["worktree"]) == world.repository / ".nexus" / "worktrees" / "life"
    assert git("branch", "--show-current", cwd=Path(workspace["worktree"])) == "nexus/life"
    assert git("status", "--porcelain", cwd=world.repository) == ""
    assert made["operation"]["state"] == "done"
    assert [step["state"] for step in made["operation"]["steps"]] == ["done"] * len(made["operation"]["steps"])
    assert client.progress
    assert all(one["done"] <= two["done"] for one, two in zip(client.progress, client.progress[1:], strict=False))
    states = ["running"]
    for verb, state in (
        ("stop", "stopped"),
        ("stop", "stopped"),
        ("start", "running"),
        ("start", "running"),
        ("restart", "running"),
        ("stop", "stopped"),
        ("restart", "running"),
    ):
        changed = await client.call(f"workspace.{verb}", workspace=id)
        assert changed["operation"]["state"] == "done"
        states.append(changed["workspace"]["state"])
        assert states[-1] == state, (verb, states)
    generation = (await client.call("workspace.get", workspace=id))["generation"]
    assert generation > workspace["generation"]
    updated = await client.call(
        "workspace.update", workspace=id, display_name="A life", env={"MOOD": "calm"}, labels={"team": "b"}
    )
    assert (updated["display_name"], updated["labels"]) == ("A life", {"team": "b"})
    shown = await client.call("exec.run", workspace=id, argv=["sh", "-c", "echo $MOOD $NEXUS_WORKSPACE_NAME"])
    assert shown["stdout"]["text"] == "calm life\n"
    stats = (await client.call("workspace.stats", workspace=id))["stats"]
    assert stats["processes"] >= 0
    assert stats["disk"] > 0
    operations = (await client.call("operation.list", workspace=id))["operations"]
    assert [operation["kind"] for operation in operations][-1] == "create"
    assert {operation["kind"] for operation in operations} == {"create", "stop", "start", "restart"}
    assert (await client.call("operation.get", operation=operations[0]["id"]))["id"] == operations[0]["id"]
    done = await client.call("operation.wait", operation=operations[0]["id"])
    assert done["state"] == "done"
    assert (await client.fails("operation.cancel", operation=done["id"]))["name"] == "operation_done"
    destroyed = await client.call("workspace.destroy", workspace=id)
    assert destroyed["workspace"]["state"] == "destroyed"
    assert "kept" not in destroyed
    assert not Path(workspace["worktree"]).exists()
    assert git("branch", "--list", "nexus/life", cwd=world.repository) == ""
    assert [entry["id"] for entry in (await client.call("workspace.list"))["workspaces"]].count(id) == 0
    gone = (await client.call("workspace.list", destroyed=True))["workspaces"]
    assert [entry["state"] for entry in gone if entry["id"] == id] == ["destroyed"]


async def test_stop_ends_every_process(client: WireClient, world: World) -> None:
    id = (await create(client, world, "stopping"))["id"]
    argv = ["sh", "-c", "trap '' TERM; (trap '' TERM; sleep 600) & sleep 600"]
    started = await client.call("exec.start", workspace=id, argv=argv)
    attached = await client.stream("exec.attach", process=started["id"])
    await client.call("workspace.stop", workspace=id, timeout_ms=200)
    _, answer = await attached.rest()
    assert answer["result"]["exit"]["reason"] == "stopped"
    assert answer["result"]["exit"]["signal"] == "KILL"
    refused = await client.fails("exec.run", workspace=id, argv=["true"])
    assert refused["name"] == "workspace_state"
    assert refused["details"]["state"] == "stopped"
    assert refused["details"]["allowed"] == ["running"]
    # its files are there all the same
    assert (await client.call("fs.read", workspace=id, path="README.md"))["content"] == "# Example\n"


async def test_pause_freezes_and_resume_goes_on(client: WireClient, world: World) -> None:
    made = await create(client, world, "pausing")
    id = made["id"]
    backend = next(b for b in (await client.call("backend.list"))["backends"] if b["name"] == made["backend"])
    if not backend["capabilities"]["pause"]:
        for verb in ("pause", "resume"):
            refused = await client.fails(f"workspace.{verb}", workspace=id)
            assert refused["name"] == "capability_missing"
            assert refused["details"] == {"backend": "host", "capability": "pause"}
        return
    script = "i=0; while :; do i=$((i+1)); echo $i; read _ < gate; done"
    await client.call("exec.run", workspace=id, argv=["mkfifo", "gate"])
    started = await client.call("exec.start", workspace=id, argv=["sh", "-c", script])
    attached = await client.stream("exec.attach", process=started["id"])
    assert await attached.until(b"1\n") == b"1\n"
    paused = await client.call("workspace.pause", workspace=id)
    assert paused["workspace"]["state"] == "paused"
    state = Path(f"/proc/{started['pid']}/stat").read_text().rpartition(")")[2].split()[0]
    assert state == "T"
    assert (await client.fails("exec.run", workspace=id, argv=["true"]))["name"] == "workspace_state"
    resumed = await client.call("workspace.resume", workspace=id)
    assert resumed["workspace"]["state"] == "running"
    await client.call("exec.run", workspace=id, argv=["sh", "-c", "echo > gate"])
    # who reads may open the gate again before who wrote has let go of it
    assert (await attached.until(b"2\n")).startswith(b"2\n")


async def test_switch(client: WireClient, world: World) -> None:
    first = await create(client, world, "switch-a")
    second = await create(client, world, "switch-b", start=False)
    assert second["state"] == "stopped"
    switched = await client.call("workspace.switch", workspace=first["id"])
    assert switched["workspace"]["current"]
    watch = await client.stream("workspace.watch", workspace=first["id"])
    switched = await client.call("workspace.switch", workspace=second["id"], leave="stop")
    assert (switched["workspace"]["state"], switched["workspace"]["current"]) == ("running", True)
    event = await watch.event()
    while event["workspace"]["state"] != "stopped":
        event = await watch.event()
    assert not event["workspace"]["current"]
    current = [entry["name"] for entry in (await client.call("workspace.list"))["workspaces"] if entry["current"]]
    assert current == ["switch-b"]
    # one that is stopped is started
    back = await client.call("workspace.switch", workspace="switch-a", leave="keep")
    assert (back["workspace"]["state"], back["workspace"]["current"]) == ("running", True)
    assert (await client.call("workspace.get", workspace="switch-b"))["state"] == "running"


# requirement: key.once
async def test_without_waiting(client: WireClient, world: World) -> None:
    watch = await client.stream("workspace.watch")
    made = await client.call(
        "workspace.create", name="later", repository={"url": str(world.repository)}, wait=False, key="later-1"
    )
    assert made["workspace"]["state"] == "pending"
    assert made["workspace"]["operation"] == made["operation"]["id"]
    waited = await client.call("operation.wait", operation=made["operation"]["id"])
    assert waited["state"] == "done"
    event = await watch.event()
    while event["workspace"]["id"] != made["workspace"]["id"] or event["workspace"]["state"] != "running":
        event = await watch.event()
    again = await client.call(
        "workspace.create", name="later", repository={"url": str(world.repository)}, wait=False, key="later-1"
    )
    assert again["workspace"]["id"] == made["workspace"]["id"]
    busy = await asyncio.gather(*(client.rpc("workspace.restart", workspace="later") for _ in range(5)))
    names = {answer["error"]["data"]["name"] for answer in busy if "error" in answer}
    assert names <= {"workspace_busy"}
    assert [answer for answer in busy if "result" in answer]


async def test_a_name_is_taken_once(client: WireClient, world: World) -> None:
    url = {"url": str(world.repository)}
    answers = await asyncio.gather(*(client.rpc("workspace.create", name="race", repository=url) for _ in range(8)))
    made = [answer for answer in answers if "result" in answer]
    assert len(made) == 1
    assert {answer["error"]["data"]["name"] for answer in answers if "error" in answer} == {"workspace_exists"}
    branches = git("branch", "--list", "nexus/race*", "--format=%(refname:short)", cwd=world.repository)
    assert branches == "nexus/race"


async def test_a_create_that_fails_leaves_nothing(client: WireClient, world: World) -> None:
    url = str(world.repository)
    before = await world.astate()
    for params in (
        {"name": "bad", "repository": {"url": url, "ref": "no-such-ref"}},
        {"name": "bad", "repository": {"url": "https://127.0.0.1:1/none.git"}},
        {"name": "bad", "repository": {"url": str(world.folder)}},
        {"name": "bad", "repository": {"url": url}, "backend": "none"},
        {"name": "bad", "repository": {"url": url}, "ports": ["web"]},
    ):
        await client.fails("workspace.create", **params)
        assert (await client.fails("workspace.get", workspace="bad"))["name"] == "workspace_not_found"
    after = await world.astate()
    assert after["files"] == before["files"]
    assert after["refs"] == before["refs"]
    made = await create(client, world, "bad")
    assert made["state"] == "running"


# -- ports -------------------------------------------------------------------------------------------------------------


def ports_of(record: dict[str, Any]) -> dict[str, int]:
    return {port["name"]: port["port"] for port in record["ports"]}


async def test_twenty_at_once_share_no_port(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.daemon.astart()
    async with await world.connect() as client:
        made = await asyncio.gather(*(create(client, world, f"many-{number}") for number in range(20)))
        assert [record["state"] for record in made] == ["running"] * 20
        given = [port for record in made for port in ports_of(record).values()]
        assert len(given) == len(set(given)) == 20 * 5
        shown = await client.call("exec.run", workspace=made[0]["id"], argv=["sh", "-c", "echo $NEXUS_PORT_WEB"])
        assert shown["stdout"]["text"].strip() == str(ports_of(made[0])["web"])
    world.daemon.kill()
    await world.daemon.astart()
    async with await world.connect() as client:
        listed = (await client.call("workspace.list"))["workspaces"]
        assert {r["name"]: ports_of(r) for r in listed} == {r["name"]: ports_of(r) for r in made}
        another = await create(client, world, "after")
        assert set(ports_of(another).values()).isdisjoint(given)
        # the same name gets the same ports again, after it was destroyed
        await client.call("workspace.destroy", workspace="many-7")
        again = await create(client, world, "many-7")
        assert ports_of(again) == ports_of(made[7])
    assert await world.daemon.astop() == 0


async def test_an_owner_has_so_many_and_no_more(tmp_path: Path) -> None:
    world = World(tmp_path, settings=["limits.max_workspaces_per_user=2"])
    await world.daemon.astart()
    source = {"url": str(world.repository)}
    tokens = {name: await asyncio.to_thread(world.daemon.token, name, workspaces=["own"]) for name in ("alice", "bob")}
    async with await world.connect(tokens["alice"]) as alice, await world.connect(tokens["bob"]) as bob:
        answers = await asyncio.gather(
            *(alice.rpc("workspace.create", name=f"a{n}", repository=source, start=False) for n in range(6))
        )
        refused = [answer["error"]["data"] for answer in answers if "error" in answer]
        assert [(error["name"], error["details"]["value"]) for error in refused] == [("limit_workspaces", 2)] * 4
        assert len((await alice.call("workspace.list"))["workspaces"]) == 2
        assert len(git("branch", "--list", "nexus/*", cwd=world.repository).splitlines()) == 2
        await bob.call("workspace.create", name="b", repository=source, start=False)
        gone = (await alice.call("workspace.list"))["workspaces"][0]
        await alice.call("workspace.destroy", workspace=gone["id"])
        await alice.call("workspace.create", name="another", repository=source, start=False)
    assert await world.daemon.astop() == 0


async def test_ports_are_the_same_on_another_node(tmp_path: Path) -> None:
    found = []
    for node in ("one", "two"):
        world = World(tmp_path / node)
        await world.daemon.astart()
        async with await world.connect() as client:
            found.append(ports_of(await create(client, world, "same", ports=["docs"])))
        assert await world.daemon.astop() == 0
    assert found[0] == found[1]
    assert set(found[0]) == {"ssh", "web", "api", "db", "cache", "docs"}


async def test_what_listens_is_listed(client: WireClient, world: World) -> None:
    made = await create(client, world, "listening")
    other = await create(client, world, "not-listening")
    script = (
        "import os, socket; s = socket.create_server(('127.0.0.1', int(os.environ['NEXUS_PORT_WEB'])));"
        "print('up', flush=True); s.accept()"
    )
    started = await client.call("exec.start", workspace=made["id"], argv=["python3", "-c", script])
    stream = await client.stream("exec.attach", process=started["id"])
    await stream.until(b"up")
    listed = {port["port"]: port for port in (await client.call("port.list", workspace=made["id"]))["ports"]}
    web = listed[ports_of(made)["web"]]
    assert (web["name"], web["listening"], web["address"]) == ("web", True, "127.0.0.1")
    assert web["pid"] == started["pid"]
    assert not listed[ports_of(made)["api"]]["listening"]
    others = (await client.call("port.list", workspace=other["id"]))["ports"]
    assert not [port for port in others if port["listening"]]


# -- destroy -----------------------------------------------------------------------------------------------------------


async def test_destroy_keeps_uncommitted_work(client: WireClient, world: World) -> None:
    made = await create(client, world, "dirty")
    worktree = Path(made["worktree"])
    (worktree / "README.md").write_text("changed\n")
    (worktree / "new.txt").write_text("new\n")
    refused = await client.fails("workspace.destroy", workspace=made["id"])
    assert refused["name"] == "workspace_dirty"
    assert refused["details"]["changed"] == 2
    assert refused["details"]["path"] == str(worktree)
    assert set(refused["details"]["files"]) == {"README.md", "new.txt"}
    assert (worktree / "new.txt").read_text() == "new\n"
    assert (await client.call("workspace.get", workspace=made["id"]))["state"] == "running"
    await client.call("workspace.destroy", workspace=made["id"], force=True)
    assert not worktree.exists()
    assert git("branch", "--list", "nexus/dirty", cwd=world.repository) == ""


async def test_destroy_keeps_what_is_written_while_it_stops(client: WireClient, world: World) -> None:
    made = await asyncio.to_thread(world.workspace)
    worktree = Path(made["worktree"])
    script = "trap 'echo precious > late.txt; exit' TERM; echo ready; while :; do sleep 0.02; done"
    process = await client.call("exec.start", workspace=made["id"], argv=["sh", "-c", script])
    stream = await client.stream("exec.attach", process=process["id"])
    await stream.until(b"ready")
    error = await client.fails("workspace.destroy", workspace=made["id"])
    assert error["name"] == "workspace_dirty"
    assert error["details"]["files"] == ["late.txt"]
    assert (worktree / "late.txt").read_text() == "precious\n"
    assert (await client.call("workspace.get", workspace=made["id"]))["state"] == "stopped"
    await client.call("workspace.destroy", workspace=made["id"], force=True)


@pytest.mark.parametrize("method", ["workspace.pause", "workspace.resume"])
async def test_what_a_state_does_not_allow_changes_nothing(client: WireClient, world: World, method: str) -> None:
    made = await asyncio.to_thread(world.workspace, start=False)
    error = await client.fails(method, workspace=made["id"])
    assert (error["name"], error["details"]["state"]) == ("workspace_state", "stopped")
    assert (await client.call("workspace.get", workspace=made["id"]))["state"] == "stopped"
    assert "operation" not in await client.call("workspace.get", workspace=made["id"])


async def test_destroy_keeps_commits_that_are_nowhere_else(client: WireClient, world: World) -> None:
    made = await create(client, world, "commits")
    await client.call("fs.write", workspace=made["id"], path="work.txt", content="work\n")
    await client.call("git.commit", workspace=made["id"], message="work", author="A <a@example.invalid>")
    commit = git("rev-parse", "HEAD", cwd=Path(made["worktree"]))
    destroyed = await client.call("workspace.destroy", workspace=made["id"])
    assert destroyed["kept"]["branch"] == "nexus/commits"
    assert destroyed["kept"]["unpushed"] == 1
    assert git("rev-parse", "nexus/commits", cwd=world.repository) == commit
    assert not Path(made["worktree"]).exists()


# -- remote repositories -----------------------------------------------------------------------------------------------


async def test_a_remote_repository_is_fetched_once_and_shared(client: WireClient, world: World) -> None:
    origin = make_repository(world.folder / "origin", {"README.md": "# Remote\n"})
    url = f"file://{origin}"
    made = [
        (await client.call("workspace.create", name=f"remote-{number}", repository={"url": url}))["workspace"]
        for number in range(2)
    ]
    home = world.daemon.home
    assert made[0]["repository"]["path"] == made[1]["repository"]["path"]
    assert Path(made[0]["repository"]["path"]).is_relative_to(home)
    assert made[0]["repository"]["url"] == url
    for record in made:
        assert Path(record["worktree"]).is_relative_to(home)
        assert (await client.call("fs.read", workspace=record["id"], path="README.md"))["content"] == "# Remote\n"
    await client.call("fs.write", workspace=made[0]["id"], path="pushed.txt", content="pushed\n")
    await client.call("git.commit", workspace=made[0]["id"], message="push me", author="A <a@example.invalid>")
    synced = await client.call("git.sync", workspace=made[0]["id"], pull="none", push=True)
    assert synced["pushed"] == 1
    assert git("log", "-1", "--format=%s", "nexus/remote-0", cwd=origin) == "push me"
    (origin / "later.txt").write_text("later\n")
    git("add", "-A", cwd=origin)
    git("commit", "-qm", "later", cwd=origin)
    third = (await client.call("workspace.create", name="remote-2", repository={"url": url}))["workspace"]
    assert (await client.call("fs.read", workspace=third["id"], path="later.txt"))["content"] == "later\n"
    destroyed = await client.call("workspace.destroy", workspace=made[0]["id"])
    assert destroyed.get("kept", {}).get("unpushed", 0) == 0
    assert (await client.call("git.status", workspace=made[1]["id"]))["clean"]


async def test_a_ref_to_start_from(client: WireClient, world: World) -> None:
    git("branch", "release", cwd=world.repository)
    git("tag", "v1", cwd=world.repository)
    head = git("rev-parse", "HEAD", cwd=world.repository)
    for number, ref in enumerate(("release", "v1", head, head[:10])):
        url = {"url": str(world.repository), "ref": ref}
        made = (await client.call("workspace.create", name=f"ref-{number}", repository=url))["workspace"]
        assert made["repository"]["commit"] == head


async def test_git_end_to_end(client: WireClient, world: World) -> None:
    made = await create(client, world, "gitting")
    id = made["id"]
    await client.call("fs.edit", workspace=id, path="README.md", edits=[{"old": "Example", "new": "Changed"}])
    status = await client.call("git.status", workspace=id)
    assert [file["path"] for file in status["files"]] == ["README.md"]
    diff = await client.call("git.diff", workspace=id)
    assert "-# Example\n+# Changed\n" in diff["diff"]
    await client.call("git.commit", workspace=id, message="Change it", author="A <a@example.invalid>", key="commit-1")
    await client.call("git.commit", workspace=id, message="Change it", author="A <a@example.invalid>", key="commit-1")
    log = await client.call("git.log", workspace=id)
    assert [commit["subject"] for commit in log["commits"]] == ["Change it", "first"]
    assert (await client.fails("git.commit", workspace=id, message="again"))["name"] == "nothing_to_commit"
    branches = (await client.call("git.branch", workspace=id, create="topic"))["branches"]
    assert "topic" in [branch["name"] for branch in branches]


def test_a_broken_worktree_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    daemon: DaemonProcess = world.daemon.start()
    made = world.workspace("broken")
    shutil.rmtree(made["worktree"])
    answer = daemon.rpc("fs.read", workspace=made["id"], path="README.md")
    assert answer["error"]["data"]["name"] in ("backend_failed", "path_not_found")
    daemon.call("workspace.destroy", workspace=made["id"], force=True)
    assert daemon.call("workspace.list")["workspaces"] == []
    with socket.create_connection(("127.0.0.1", daemon.port)):
        assert daemon.stop() == 0
