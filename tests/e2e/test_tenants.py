"""Two tenants on one daemon: neither sees, touches, or tells apart "absent" and "forbidden" of the other's.

Every method of the table is called by one tenant with the references of the other, and with references of the same
form that name nothing. The two answers must be the same bytes, but for the reference that was sent.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemon_process import make_repository
from method_cases import Refs, case, client_methods
from nexus_sdk.protocol.methods import METHODS, SCOPES
from wire_client import PATIENCE, WireClient, failed, open_socket
from world import World, tree

SECRET = "SECRET-OF-THE-OTHER"
NAMES = [method.name for method in client_methods()]


class Tenant:
    """A subject with a workspace, a process, an operation and a token of its own.

    Attributes:
        subject: who it is.
        token: a token for its own workspaces, with every scope.
        refs: its things.
        gone: the same for things that were destroyed.
    """

    def __init__(self, world: World, subject: str, name: str) -> None:
        daemon = world.daemon
        self.world = world
        self.subject = subject
        self.name = name
        self.token = daemon.token(subject, workspaces=["own"])
        self.repository = make_repository(
            world.folder / f"{subject}-repository",
            {"README.md": "# Example\n", f"{subject}.txt": f"{SECRET} {subject}\n"},
        )
        self.record: dict[str, Any] = {}
        self.refs = self._make(name)
        self.workspace = self.record["id"]
        self.worktree = Path(self.record["worktree"])
        self.gone = self._make(f"{name}-gone")
        self.ok("workspace.destroy", workspace=self.gone.workspace, force=True)

    def _make(self, name: str) -> Refs:
        made = self.ok("workspace.create", name=name, repository={"url": str(self.repository)})
        record = made["workspace"]
        self.record = record if not self.record else self.record
        process = self.ok("exec.start", workspace=record["id"], argv=["sleep", "600"], stdin=True, pty=_PTY)
        token = self.ok("token.create", subject=self.subject, scopes=["files:read"])
        saved = self.ok("checkpoint.create", workspace=record["id"], comment=f"{SECRET} {self.subject}")
        return Refs(
            workspace=record["id"],
            process=process["id"],
            operation=made["operation"]["id"],
            token=token["info"]["id"],
            repository=str(self.repository),
            subject=self.subject,
            checkpoint=saved["checkpoint"]["id"],
        )

    def post(self, method: str, params: dict[str, Any], token: str | None = None) -> bytes:
        """One call by POST; the body of the answer."""
        answer = self.world.daemon.http(
            "POST",
            "/rpc",
            token=token or self.token,
            headers=[("Content-Type", "application/json")],
            body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode(),
        )
        assert answer.status == 200, answer
        return answer.body

    def ok(self, method: str, **params: Any) -> Any:
        """One call that must succeed."""
        answer = json.loads(self.post(method, params))
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def state(self) -> dict[str, Any]:
        """Everything of this tenant's, as it sees it itself."""
        record = self.ok("workspace.get", workspace=self.workspace)
        del record["last_active_at"]
        return {
            "record": record,
            "workspaces": [entry["id"] for entry in self.ok("workspace.list", destroyed=True)["workspaces"]],
            "process": self.ok("exec.get", process=self.refs.process),
            "processes": len(self.ok("exec.list", workspace=self.workspace)["processes"]),
            "operations": self.ok("operation.list", limit=1000)["operations"],
            "checkpoints": self.ok("checkpoint.list")["checkpoints"],
            "tokens": self.ok("token.list")["tokens"],
            "files": tree(self.worktree),
            "refs": self.ok("git.branch", workspace=self.workspace)["branches"],
        }


_PTY = {"cols": 80, "rows": 24}


@pytest.fixture(scope="module")
def tenants(world: World) -> Iterator[tuple[Tenant, Tenant]]:
    """Alice, who attacks, and bob. Their names are prefixes of each other in both directions."""
    alice, bob = Tenant(world, "alice", "proj"), Tenant(world, "bob", "project")
    for tenant, name in ((alice, "project-x"), (alice, "shared"), (bob, "shared"), (bob, "pro")):
        tenant.ok("workspace.create", name=name, repository={"url": str(tenant.repository)}, start=False)
    before = bob.state()
    yield alice, bob
    assert bob.state() == before
    assert SECRET + " bob" in (bob.worktree / "bob.txt").read_text()


def nothing(reference: str) -> str:
    """A reference of the same form and length that names nothing."""
    head, underscore, tail = reference.partition("_")
    if underscore:
        return f"{head}_" + "".join("a" if letter != "a" else "b" for letter in tail)
    return "".join("x" if letter != "x" else "y" for letter in reference)


def variants(reference: str) -> list[str]:
    """References that resemble one: prefixes, suffixes, other case, blanks, wildcards."""
    return [
        reference,
        reference[:-1],
        reference + "x",
        reference.upper(),
        reference.capitalize(),
        f" {reference}",
        f"{reference} ",
        f"{reference}\n",
        f"{reference}/",
        f"./{reference}",
        f"{reference}*",
        f"{reference}%",
        f"{reference}\u200b",
    ]


def grants(world: World, alice: Tenant) -> dict[str, str]:
    """Alice's tokens: for what is her own, for ids, and for nothing."""
    return {
        "own": alice.token,
        "ids": world.daemon.token("alice", workspaces=[alice.workspace]),
        "another subject, ids": world.daemon.token("carol", workspaces=[alice.workspace]),
        "another subject, own": world.daemon.token("carol", workspaces=["own"]),
    }


async def answers(tenant: Tenant, token: str, method: str, params: dict[str, Any]) -> bytes:
    """The whole answer to a call, as bytes; of a stream, over a WebSocket, everything that came."""
    if METHODS[method].kind != "stream":
        return await asyncio.to_thread(tenant.post, method, params, token)
    socket = await open_socket(tenant.world.daemon.ws_url, token)
    try:
        await socket.recv()
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        got = await asyncio.wait_for(socket.recv(), PATIENCE)
        return got.encode() if isinstance(got, str) else got
    finally:
        socket.transport.abort()
        await socket.wait_closed()


def blank(answer: bytes, reference: str) -> bytes:
    """An answer without the reference that it echoes."""
    for shown in (json.dumps(reference)[1:-1], json.dumps(reference, ensure_ascii=False)[1:-1], repr(reference)[1:-1]):
        answer = answer.replace(shown.encode(), b"<reference>")
    return answer


TARGETED = [name for name in NAMES if METHODS[name].target not in (None, "node")]
NODE = [name for name in NAMES if METHODS[name].target == "node"]
OPTIONAL = [
    name
    for name in ("operation.list", "workspace.watch", "checkpoint.list", "checkpoint.fork")
    if METHODS[name].target is None
]
"""Methods whose workspace may be left out: the gate does not resolve it, so their handlers do."""


def test_every_method_is_of_a_known_kind() -> None:
    plain = set(NAMES) - set(TARGETED) - set(OPTIONAL) - set(NODE)
    assert plain == {
        "session.info",
        "session.ping",
        "session.refresh",
        "rpc.discover",
        "workspace.create",
        "workspace.list",
        "token.create",
        "token.list",
        "token.revoke",
        "backend.list",
        "config.get",
        "config.validate",
    }, "a new method: say here, and below, what it must hide"
    assert set(NODE) == {"system.info", "system.health", "system.drain"}


@pytest.mark.parametrize("method", NODE)
def test_the_node_is_not_a_tenants(tenants: tuple[Tenant, Tenant], method: str) -> None:
    alice, _ = tenants
    for token in grants(alice.world, alice).values():
        answer = json.loads(alice.post(method, case(method, alice.refs), token))
        assert failed(method, answer)["name"] == "forbidden"


# requirement: auth.invisible
@pytest.mark.parametrize("grant", ["own", "ids", "another subject, ids", "another subject, own"])
@pytest.mark.parametrize("method", [*TARGETED, *OPTIONAL])
async def test_absent_and_forbidden_are_one_answer(tenants: tuple[Tenant, Tenant], method: str, grant: str) -> None:
    alice, bob = tenants
    token = (await asyncio.to_thread(grants, alice.world, alice))[grant]
    target = METHODS[method].target or "workspace"
    own = case(method, bob.refs)
    for theirs in (own[target], getattr(bob.gone, target), *(["project", "pro"] if target == "workspace" else [])):
        absent = nothing(theirs)
        for keyed in {False, METHODS[method].keyed}:
            # Where the gate does not see the reference, the key is noted with it: the same key would be refused.
            extra = [{"key": f"tenant-{reference}"} if keyed else {} for reference in (theirs, absent)]
            forbidden = await answers(alice, token, method, {**own, **extra[0], target: theirs})
            missing = await answers(alice, token, method, {**own, **extra[1], target: absent})
            assert failed(method, json.loads(forbidden))["name"] == f"{target}_not_found"
            assert blank(forbidden, theirs) == blank(missing, absent)


@pytest.mark.parametrize("method", [name for name in [*TARGETED, *OPTIONAL] if METHODS[name].kind != "stream"])
async def test_what_resembles_a_reference_names_nothing(tenants: tuple[Tenant, Tenant], method: str) -> None:
    alice, bob = tenants
    target = METHODS[method].target or "workspace"
    references = variants(getattr(bob.refs, target))
    if target == "workspace":
        references += variants("project")
    async with await WireClient.open(alice.world.daemon.ws_url, alice.token) as client:
        for reference in references:
            answer = await client.rpc(method, **{**case(method, bob.refs), target: reference})
            if target == "workspace" and reference in ("project-x", "proj"):
                continue
            error = failed(method, answer)
            assert error["name"] in (f"{target}_not_found", "invalid_params"), reference
            assert SECRET not in json.dumps(answer)


# requirement: auth.invisible
@pytest.mark.parametrize("http", ["GET", "HEAD", "PUT"])
def test_files_over_http(tenants: tuple[Tenant, Tenant], http: str) -> None:
    alice, bob = tenants
    daemon = alice.world.daemon
    for token in grants(alice.world, alice).values():
        for theirs in (bob.workspace, bob.gone.workspace, "project"):
            found = []
            for reference in (theirs, nothing(theirs)):
                path = f"/files/{reference}/bob.txt"
                answer = daemon.http(http, path, token=token, body=b"overwritten" if http == "PUT" else b"")
                headers = {name: value for name, value in answer.headers.items() if name != "date"}
                found.append((answer.status, headers, blank(answer.body, reference)))
            assert found[0] == found[1]
            assert found[0][0] == 404


async def test_lists_show_only_what_is_ones_own(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    theirs = {bob.workspace, bob.gone.workspace, bob.refs.process, bob.refs.operation, bob.refs.token}
    theirs |= {bob.refs.checkpoint, bob.gone.checkpoint}
    for grant, token in grants(alice.world, alice).items():
        async with await WireClient.open(alice.world.daemon.ws_url, token) as client:
            for method, params in (
                ("workspace.list", {"limit": 1000, "destroyed": True}),
                ("workspace.list", {"repository": str(bob.repository), "destroyed": True}),
                ("operation.list", {"limit": 1000}),
                ("checkpoint.list", {"limit": 1000}),
                ("token.list", {}),
            ):
                shown = json.dumps(await client.call(method, **params))
                assert not [thing for thing in theirs if thing in shown], (grant, method)
                assert '"bob"' not in shown and "bob-repository" not in shown.replace(str(bob.repository), "")


# requirement: auth.invisible
@pytest.mark.parametrize("method", ["checkpoint.fork", "checkpoint.restore"])
async def test_a_checkpoint_of_another_is_no_checkpoint(tenants: tuple[Tenant, Tenant], method: str) -> None:
    alice, bob = tenants
    for grant, token in grants(alice.world, alice).items():
        for theirs in (bob.refs.checkpoint, bob.gone.checkpoint):
            own = {"name": "stolen"} if method == "checkpoint.fork" else {"workspace": alice.workspace}
            if grant == "another subject, own" and method == "checkpoint.restore":
                continue  # it does not see that workspace either
            found = [
                await answers(alice, token, method, {**own, "checkpoint": reference})
                for reference in (theirs, nothing(theirs))
            ]
            assert failed(method, json.loads(found[0]))["name"] == "checkpoint_not_found"
            assert blank(found[0], theirs) == blank(found[1], nothing(theirs))


async def test_a_name_means_ones_own(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    for tenant in tenants:
        found = json.loads(tenant.post("workspace.get", {"workspace": "shared"}))["result"]
        assert found["owner"] == tenant.subject
    assert json.loads(alice.post("workspace.get", {"workspace": "proj"}))["result"]["id"] == alice.workspace
    assert json.loads(bob.post("workspace.get", {"workspace": "project"}))["result"]["id"] == bob.workspace


async def test_tokens_of_others(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    revoke = [alice.post("token.revoke", {"id": id}) for id in (bob.refs.token, nothing(bob.refs.token))]
    assert blank(revoke[0], bob.refs.token) == blank(revoke[1], nothing(bob.refs.token))
    assert failed("token.revoke", json.loads(revoke[0]))["name"] == "token_not_found"
    for token in grants(alice.world, alice).values():
        granted = []
        for workspace in (bob.workspace, nothing(bob.workspace)):
            subject = "carol" if token != alice.token else "alice"
            params = {"subject": subject, "scopes": ["files:read"], "workspaces": [workspace]}
            granted.append(blank(alice.post("token.create", params, token), workspace))
        assert granted[0] == granted[1]
        assert b'"error"' in granted[0]
    for params in (
        {"subject": "bob", "scopes": ["files:read"]},
        {"subject": "alice", "scopes": ["files:read"], "workspaces": ["*"]},
        {"subject": "uid:0", "scopes": ["*"]},
    ):
        error = failed("token.create", json.loads(alice.post("token.create", params)))
        assert error["name"] in ("forbidden", "scope_invalid")


async def test_the_configuration_of_others_repositories(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    absent = str(bob.repository)[:-1] + "X"
    answers = [alice.post("config.get", {"repository": path}) for path in (str(bob.repository), absent)]
    assert failed("config.get", json.loads(answers[0]))["name"] == "invalid_params"
    assert blank(answers[0], str(bob.repository)) == blank(answers[1], absent)
    assert alice.ok("config.get", repository=str(alice.repository))["entries"]


async def test_a_name_of_another_owner_is_free(tenants: tuple[Tenant, Tenant]) -> None:
    alice, _ = tenants
    made = alice.ok("workspace.create", name="pro", repository={"url": str(alice.repository)}, start=False)
    assert made["workspace"]["owner"] == "alice"
    alice.ok("workspace.destroy", workspace=made["workspace"]["id"], force=True)


async def test_a_watch_tells_only_of_ones_own(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    async with await WireClient.open(alice.world.daemon.ws_url, alice.token) as client:
        stream = await client.stream("workspace.watch")
        other = await asyncio.to_thread(bob.ok, "workspace.get", workspace="pro")
        for subject, workspace in ((bob, other["id"]), (alice, alice.workspace)):
            await asyncio.to_thread(subject.ok, "workspace.update", workspace=workspace, labels={"seen": "yes"})
        event = await stream.event()
        assert event["workspace"]["id"] == alice.workspace
        await stream.cancel()
    # a cursor of somebody else's watch shows nothing more
    async with await WireClient.open(alice.world.daemon.ws_url, bob.token) as client:
        stream = await client.stream("workspace.watch")
        await asyncio.to_thread(bob.ok, "workspace.update", workspace=other["id"], labels={})
        item = await stream.next()
        cursor = item[1]
    instance, _, number = cursor.rpartition(".")
    async with await WireClient.open(alice.world.daemon.ws_url, alice.token) as client:
        stream = await client.stream("workspace.watch", cursor=f"{instance}.{max(int(number) - 3, 0)}")
        await asyncio.to_thread(alice.ok, "workspace.update", workspace=alice.workspace, labels={})
        event = await stream.event()
        while event["workspace"]["labels"] != {}:
            assert event["workspace"]["owner"] == "alice"
            event = await stream.event()
        assert event["workspace"]["id"] == alice.workspace


async def test_a_key_of_another_owner_says_nothing(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    params = {"workspace": "shared", "display_name": "one", "key": "same-key"}
    first = json.loads(bob.post("workspace.update", params))["result"]
    second = json.loads(alice.post("workspace.update", params))["result"]
    assert (first["owner"], second["owner"]) == ("bob", "alice")
    assert first["id"] != second["id"]
    bob.ok("workspace.update", workspace=first["id"], display_name="")


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_less_is_refused_before_anything_is_looked_up(tenants: tuple[Tenant, Tenant], scope: str) -> None:
    alice, bob = tenants
    others = [other for other in SCOPES if other != scope]
    token = await asyncio.to_thread(alice.world.daemon.token, "alice", others, ["own"])
    methods = [name for name in NAMES if METHODS[name].scope == scope]
    assert methods
    for method in methods:
        found = [await answers(alice, token, method, case(method, refs)) for refs in (alice.refs, bob.refs)]
        error = failed(method, json.loads(found[0]))
        assert error["name"] == "forbidden"
        assert error["details"] == {"scope": scope, "method": method}
        assert found[0] == found[1]


async def test_reading_does_not_grant_writing_to_stdin(tenants: tuple[Tenant, Tenant]) -> None:
    alice, _ = tenants
    token = await asyncio.to_thread(alice.world.daemon.token, "alice", ["exec:read"], ["own"])
    async with await WireClient.open(alice.world.daemon.ws_url, token) as client:
        stream = await client.stream("exec.attach", process=alice.refs.process)
        assert stream.info["role"] == "observer"
        assert stream.info["stdin_window"] == 0
        await stream.cancel()
        refused = await client.fails("exec.attach", process=alice.refs.process, role="controller")
        assert refused["name"] in ("forbidden", "not_controller")


def test_planted_git_metadata_runs_nothing(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    made = alice.ok("workspace.create", name="planted", repository={"url": str(alice.repository)})["workspace"]
    token = alice.world.daemon.token("alice", ["files:read", "files:write", "git:read", "git:write"], ["own"])
    marker = alice.world.folder / "executed"
    script = f"#!/bin/sh\ntouch {marker}\n"
    config = (
        "[core]\nrepositoryformatversion = 0\nbare = false\n"
        f"fsmonitor = {marker.parent}/hook\nsshCommand = touch {marker}\npager = touch {marker}\nhooksPath = hooks\n"
        f'[diff]\nexternal = touch {marker}\n[filter "x"]\nclean = touch {marker}\nsmudge = touch {marker}\n'
    )
    (marker.parent / "hook").write_text(script)
    (marker.parent / "hook").chmod(0o755)
    alice.post("fs.write", {"workspace": made["id"], "path": ".gitattributes", "content": "* filter=x diff=x\n"}, token)
    gitdirs = [f"{bob.repository}/.git", f"{bob.repository}/.git/worktrees/project", "evil"]
    for name, content in (("evil/config", config), ("evil/HEAD", "ref: refs/heads/main\n"), ("evil/hooks/x", script)):
        alice.post("fs.write", {"workspace": made["id"], "path": name, "content": content, "parents": True}, token)
    for gitdir in gitdirs:
        params = {"workspace": made["id"], "path": ".git", "content": f"gitdir: {gitdir}\n"}
        alice.post("fs.remove", {"workspace": made["id"], "path": ".git"}, token)
        alice.post("fs.write", params, token)
        for method in ("git.status", "git.log", "git.diff", "git.branch"):
            answer = alice.post(method, {"workspace": made["id"]}, token)
            assert SECRET.encode() + b" bob" not in answer
            assert b"nexus/project" not in answer.replace(b"nexus/project-x", b""), (gitdir, method, answer)
        alice.post("git.commit", {"workspace": made["id"], "message": "m"}, token)
        assert not marker.exists()
    alice.ok("workspace.destroy", workspace=made["id"], force=True)
    assert not marker.exists()


# -- the end of an identity --------------------------------------------------------------------------------------------


def token_id(token: str) -> str:
    """The id of a token, by which it is revoked."""
    claims = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"])


async def busy(tenant: Tenant, token: str) -> WireClient:
    """A connection in the middle of a watch, an attachment, a tunnel's like and a call."""
    client = await WireClient.open(tenant.world.daemon.ws_url, token)
    await client.stream("fs.watch", workspace=tenant.workspace)
    await client.stream("workspace.watch")
    await client.stream("exec.attach", process=tenant.refs.process)
    await client.stream("fs.upload", workspace=tenant.workspace, path="never.txt", upload="never-ends", size=10)
    await client.send("exec.wait", {"process": tenant.refs.process, "timeout_ms": 60_000})
    return client


async def test_revocation_closes_what_is_open(tenants: tuple[Tenant, Tenant]) -> None:
    alice, _ = tenants
    daemon = alice.world.daemon
    token = await asyncio.to_thread(daemon.token, "alice", ["*"], ["own"])
    clients = [await busy(alice, token) for _ in range(3)]
    async with await WireClient.open(daemon.ws_url, alice.token) as bystander:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.to_thread(daemon.call, "token.revoke", id=token_id(token))
        codes = await asyncio.wait_for(asyncio.gather(*(client.closed for client in clients)), PATIENCE)
        assert loop.time() - began < 5.0  # the promise of the protocol, not a measurement
        assert codes == [4401, 4401, 4401]
        assert all(client.closing[-1]["code"] == 4401 for client in clients)
        await bystander.alive()
    assert (await asyncio.to_thread(daemon.http, "GET", "/files/x/y", token=token)).status == 401
    assert not (alice.worktree / "never.txt").exists()
    assert alice.ok("exec.get", process=alice.refs.process)["state"] == "running"


async def test_expiry_closes_what_is_open(tenants: tuple[Tenant, Tenant]) -> None:
    alice, _ = tenants
    daemon = alice.world.daemon
    token = await asyncio.to_thread(daemon.token, "alice", ["*"], ["own"], 1000)
    client = await busy(alice, token)
    assert await asyncio.wait_for(client.closed, PATIENCE) == 4401
    assert client.closing[-1]["code"] == 4401
    assert (await asyncio.to_thread(daemon.http, "GET", "/files/x/y", token=token)).status == 401


async def test_a_refreshed_connection_lives_on(tenants: tuple[Tenant, Tenant]) -> None:
    alice, bob = tenants
    daemon = alice.world.daemon
    short = await asyncio.to_thread(daemon.token, "alice", ["*"], ["own"], 2000)
    other = await WireClient.open(daemon.ws_url, short)
    async with await WireClient.open(daemon.ws_url, short) as client:
        for token, name in ((bob.token, "unauthenticated"), ("x.y.z", "unauthenticated")):
            assert (await client.fails("session.refresh", token=token))["name"] == name
        longer = await asyncio.to_thread(daemon.token, "alice", ["*"], ["own"], 600_000)
        renewed = await client.call("session.refresh", token=longer)
        assert renewed["identity"]["subject"] == "alice"
        # its twin with the same token shows that the time has come
        assert await asyncio.wait_for(other.closed, PATIENCE) == 4401
        await client.alive()
        await asyncio.to_thread(daemon.call, "token.revoke", id=token_id(longer))
        assert await asyncio.wait_for(client.closed, PATIENCE) == 4401


def test_a_token_grants_no_more_than_its_maker_has(tenants: tuple[Tenant, Tenant]) -> None:
    alice, _ = tenants
    daemon = alice.world.daemon
    weak = daemon.token("alice", ["tokens", "files:read"], ["own"], 60_000)
    params = {"subject": "alice", "scopes": ["files:read"], "ttl_ms": 10**9}
    made = json.loads(alice.post("token.create", params, weak))["result"]
    assert made["info"]["expires_at"] <= json.loads(alice.post("session.info", {}, weak))["result"]["expires_at"]
    for scopes in (["*"], ["exec:write"], ["files:read", "files:write"]):
        answer = json.loads(alice.post("token.create", {**params, "scopes": scopes}, weak))
        assert failed("token.create", answer)["name"] == "scope_invalid"


def test_the_same_refs_serve_their_owner(tenants: tuple[Tenant, Tenant]) -> None:
    # or the tests above would pass because nothing works at all
    _, bob = tenants
    refs = replace(bob.refs)
    for method in ("workspace.get", "exec.get", "operation.get", "fs.read", "git.status", "port.list", "exec.list"):
        assert "result" in json.loads(bob.post(method, case(method, refs))), method
