"""Whatever a client sends that is wrong: a named error that says what, nothing changed, the connection alive."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import types as python_types
import typing
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from daemon_process import UnixHTTPConnection
from method_cases import Refs, case, client_methods
from nexus_sdk.protocol.methods import METHODS
from websockets.exceptions import ConnectionClosed
from wire_client import PATIENCE, WireClient, failed
from world import World

MIB = 1 << 20
NOBODY = Refs("ws_nobody", "pr_nobody", "op_nobody", "tok_nobody", "/nowhere", "uid:0")
NAMES = [method.name for method in client_methods()]


@pytest.fixture
async def client(world: World) -> AsyncIterator[WireClient]:
    """A connection that must still serve when the test is over."""
    async with await world.connect(world.daemon.token()) as opened:
        yield opened
        await opened.alive()


@pytest.fixture
async def unchanged(world: World) -> AsyncIterator[None]:
    """The test must leave everything as it was."""
    before = await world.astate()
    yield
    assert await world.astate() == before


@pytest.fixture(scope="module")
def home(world: World) -> dict[str, Any]:
    """A workspace for tests that need a real one."""
    return world.workspace("bad-input")


def test_every_method_has_a_case() -> None:
    for name in NAMES:
        msgspec.convert(case(name, NOBODY), METHODS[name].params)


# -- frames ------------------------------------------------------------------------------------------------------------

MALFORMED = {
    "nothing": ("", -32700),
    "no JSON": ("{", -32700),
    "two objects": ('{"jsonrpc":"2.0","id":1,"method":"session.ping"}{}', -32700),
    "a batch": ('[{"jsonrpc":"2.0","id":1,"method":"session.ping"}]', -32600),
    "an empty batch": ("[]", -32600),
    "a number": ("1", -32600),
    "null": ("null", -32600),
    "no version": ('{"id":1,"method":"session.ping"}', -32600),
    "another version": ('{"jsonrpc":"1.0","id":1,"method":"session.ping"}', -32600),
    "no method": ('{"jsonrpc":"2.0","id":1}', -32600),
    "a method that is no string": ('{"jsonrpc":"2.0","id":1,"method":7}', -32600),
    "an id of null": ('{"jsonrpc":"2.0","id":null,"method":"session.ping"}', -32600),
    "an id that is an object": ('{"jsonrpc":"2.0","id":{},"method":"session.ping"}', -32600),
    "an id beyond 2^53": ('{"jsonrpc":"2.0","id":9007199254740993,"method":"session.ping"}', -32600),
    "positional params": ('{"jsonrpc":"2.0","id":1,"method":"session.ping","params":[]}', -32602),
    "a member of its own": ('{"jsonrpc":"2.0","id":1,"method":"session.ping","token":"x"}', -32600),
    "a response": ('{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
    "nesting without end": ('{"jsonrpc":"2.0","id":1,"method":"fs.stat","params":' + "[" * 100_000, -32600),
    "half a surrogate": ('{"jsonrpc":"2.0","id":1,"method":"config.validate","params":{"text":"\\ud800"}}', -32700),
}


# requirement: frame.text, frame.batch
@pytest.mark.parametrize(("frame", "code"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_frame(client: WireClient, frame: str, code: int) -> None:
    await client.raw(frame)
    answer = await asyncio.wait_for(client.unasked.get(), PATIENCE)
    error = failed("the frame", answer)
    assert error["code"] == code, error
    assert error["name"] in ("parse_error", "invalid_request", "invalid_params")
    assert error["message"]
    assert "Traceback" not in json.dumps(answer)


@pytest.mark.parametrize("frame", [frame for frame, _ in MALFORMED.values()], ids=MALFORMED.keys())
async def test_a_malformed_body_gets_what_the_frame_gets(client: WireClient, world: World, frame: str) -> None:
    await client.raw(frame)
    by_socket = await asyncio.wait_for(client.unasked.get(), PATIENCE)
    by_post = await asyncio.to_thread(
        world.daemon.http,
        "POST",
        "/rpc",
        token=world.daemon.tokens[-1],
        headers=[("Content-Type", "application/json")],
        body=frame.encode(),
    )
    assert by_post.status == 200
    assert json.loads(by_post.body) == by_socket


# requirement: call.unknown
@pytest.mark.parametrize(
    "name", ["session.pong", "", "fs", "fs.", "FS.stat", "fs.stat ", "__init__", "workspace.get\0"]
)
async def test_an_unknown_method_is_named(client: WireClient, name: str) -> None:
    error = await client.fails(name)
    assert (error["code"], error["name"]) == (-32601, "method_not_found")
    assert name in error["message"]


# -- sizes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [MIB + 1, 2 * MIB, 4 * MIB])
async def test_a_message_over_the_limit_is_answered(client: WireClient, size: int) -> None:
    head = b'{"jsonrpc":"2.0","id":1,"method":"config.validate","params":{"text":"'
    tail = b'"}}'
    await client.raw((head + b"x" * (size - len(head) - len(tail)) + tail).decode())
    error = failed("it", await asyncio.wait_for(client.unasked.get(), PATIENCE))
    assert error["code"] == -32600
    assert str(MIB) in error["message"]


# requirement: frame.size
async def test_a_message_of_exactly_the_limit_is_served(client: WireClient) -> None:
    head = '{"jsonrpc":"2.0","id":"edge","method":"session.ping"'
    await client.raw(head + " " * (MIB - len(head) - 1) + "}")
    assert "time" in (await asyncio.wait_for(client.unasked.get(), PATIENCE))["result"]


# requirement: close.size
@pytest.mark.parametrize("fragments", [1, 100])
async def test_a_frame_beyond_what_can_be_answered_closes(world: World, fragments: int) -> None:
    client = await world.connect(world.daemon.token())
    size = 4 * MIB + 1
    part = "x" * (size // fragments + 1)
    try:
        await client.socket.send(part if fragments == 1 else [part] * fragments)
    except ConnectionClosed:
        pass  # it may be closed before the last of it is out
    assert await asyncio.wait_for(client.closed, PATIENCE) == 1009
    async with await world.connect(world.daemon.token()) as other:
        await other.alive()


# requirement: frame.payload, close.frames, close.reason
async def test_a_binary_frame_with_too_much_payload_closes(world: World) -> None:
    client = await world.connect(world.daemon.token())
    await client.raw(bytes.fromhex("0000000000010000000000000000") + b"x" * 65_537)
    assert await asyncio.wait_for(client.closed, PATIENCE) == 4400
    assert client.closing[0]["code"] == 4400
    assert "payload" in client.closing[0]["reason"]


def test_a_body_over_the_limit_is_refused(world: World) -> None:
    for body, headers in ((b"x" * (MIB + 1), []), (b"", [("Content-Length", str(10 * MIB))])):
        answer = world.daemon.http(
            "POST",
            "/rpc",
            token=world.daemon.token(),
            headers=[("Content-Type", "application/json"), *headers],
            body=body,
        )
        assert answer.status == 413
        assert answer.error["name"] == "message_too_large"


def test_a_head_without_end_is_refused(world: World) -> None:
    with socket.create_connection(("127.0.0.1", world.daemon.port), timeout=PATIENCE) as raw:
        raw.sendall(b"GET /health/live HTTP/1.1\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 64 * MIB:
                raw.sendall(b"X-Filler: " + b"y" * 4000 + b"\r\n")
                sent += 4012
        assert sent < 64 * MIB
    assert world.daemon.http("GET", "/health/live").status == 200


def test_one_megabyte_of_token_is_no_token(world: World) -> None:
    try:
        answer = world.daemon.http("GET", "/files/x/y", token="x" * MIB)
    except (ConnectionError, http.client.HTTPException):
        return  # cut off while still sending
    assert answer.status in (401, 431)


# -- params ------------------------------------------------------------------------------------------------------------


# requirement: call.extra
@pytest.mark.parametrize("name", NAMES)
async def test_unknown_params_are_refused(client: WireClient, name: str) -> None:
    error = await client.fails(name, **case(name, NOBODY), colour="red")
    assert (error["code"], error["name"]) == (-32602, "invalid_params")
    assert error["details"] == {"path": "$.colour", "reason": "unknown"}


FIELDS = [(name, field.name) for name in NAMES for field in msgspec.structs.fields(METHODS[name].params)]


def accepts(kind: Any, wanted: type) -> bool:
    """Whether a field's type has room for a JSON value of this kind."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return accepts(typing.get_args(kind)[0], wanted)
    if origin in (typing.Union, python_types.UnionType):
        return any(accepts(option, wanted) for option in typing.get_args(kind))
    if origin is typing.Literal:
        return any(isinstance(option, wanted) for option in typing.get_args(kind))
    kind = origin or kind
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return wanted is dict
    if kind is bytes:
        return wanted is str
    return isinstance(kind, type) and issubclass(kind, wanted)


# requirement: call.params
@pytest.mark.parametrize(("name", "field"), FIELDS, ids=lambda value: str(value))
async def test_wrong_types_are_refused_at_their_path(client: WireClient, name: str, field: str) -> None:
    kind = typing.get_type_hints(METHODS[name].params, include_extras=True)[field]
    wrong = [value for value in ("text", 7, 1.5, True, ["x"], {"x": "y"}, None) if not accepts(kind, type(value))]
    assert len(wrong) >= 4, f"the test knows too little of {kind}"
    for value in wrong:
        error = await client.fails(name, **{**case(name, NOBODY), field: value})
        assert (error["code"], error["name"]) == (-32602, "invalid_params"), value
        assert error["details"]["path"] == f"$.{field}", value
        assert f"$.{field}" in error["message"]


# requirement: call.params
@pytest.mark.parametrize("name", NAMES)
async def test_missing_params_are_named(client: WireClient, name: str) -> None:
    required = [field.name for field in msgspec.structs.fields(METHODS[name].params) if field.required]
    for field in required:
        params = {key: value for key, value in case(name, NOBODY).items() if key != field}
        error = await client.fails(name, **params)
        assert error["details"] == {"path": f"$.{field}", "reason": "missing"}


BOUNDS = [
    ("fs.list", "limit", 0),
    ("fs.list", "limit", 10_001),
    ("fs.list", "depth", 65),
    ("fs.read", "offset", -1),
    ("fs.read", "offset", 2**53),
    ("fs.read", "encoding", "latin-1"),
    ("fs.write", "mode", "999"),
    ("fs.write", "path", ""),
    ("fs.write", "path", "x" * 4097),
    ("fs.download", "window", 0),
    ("fs.download", "window", 2**31),
    ("fs.upload", "upload", "../../x"),
    ("fs.upload", "sha256", "A" * 64),
    ("exec.start", "argv", []),
    ("exec.start", "argv", ["x"] * 10_001),
    ("exec.start", "log_limit", 1),
    ("exec.run", "output_limit", 2**30),
    ("exec.run", "input", "no base64!"),
    ("exec.start", "pty", {"cols": 0, "rows": 1}),
    ("exec.signal", "signal", "SEGV"),
    ("exec.signal", "signal", "9"),
    ("port.forward", "port", 0),
    ("port.forward", "port", 65_536),
    ("token.create", "subject", "a b"),
    ("token.create", "subject", "bob\n"),
    ("token.create", "scopes", []),
    ("token.create", "ttl_ms", -1),
    ("workspace.switch", "leave", "burn"),
    ("workspace.list", "limit", 0),
    ("git.commit", "message", ""),
    ("git.sync", "pull", "force"),
]


@pytest.mark.parametrize(("name", "field", "value"), BOUNDS)
async def test_values_out_of_bounds_are_refused(client: WireClient, name: str, field: str, value: object) -> None:
    error = await client.fails(name, **{**case(name, NOBODY), field: value})
    assert (error["code"], error["name"]) == (-32602, "invalid_params")
    assert error["details"]["path"].startswith(f"$.{field}")


# -- things ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if METHODS[name].target not in (None, "node")])
async def test_what_does_not_exist_is_named(client: WireClient, name: str) -> None:
    target = METHODS[name].target
    assert target is not None
    params = case(name, NOBODY)
    error = await client.fails(name, **params)
    assert error["name"] == f"{target}_not_found"
    assert error["details"] == {target: params[target]}
    assert params[target] in error["message"]


async def test_other_things_that_do_not_exist(client: WireClient, home: dict[str, Any], unchanged: None) -> None:
    workspace = home["id"]
    assert (await client.fails("token.revoke", id="tok_nobody"))["details"] == {"id": "tok_nobody"}
    assert (await client.fails("operation.list", workspace="nobody"))["name"] == "workspace_not_found"
    assert (await client.fails("workspace.watch", workspace="nobody"))["name"] == "workspace_not_found"
    assert (await client.fails("git.log", workspace=workspace, ref="no-such"))["details"] == {"ref": "no-such"}
    assert (await client.fails("git.diff", workspace=workspace, base="no-such"))["name"] == "ref_not_found"
    missing = await client.fails("exec.run", workspace=workspace, argv=["no-such-program"])
    assert missing["name"] == "command_not_found"
    assert missing["details"]["command"] == "no-such-program"
    nowhere = await client.fails("exec.run", workspace=workspace, argv=["true"], cwd="no/such")
    assert nowhere["name"] == "cwd_invalid"
    url = {"url": "/no/such/repository"}
    unusable = await client.fails("workspace.create", name="x", repository=url)
    assert unusable["name"] == "repository_unusable"
    assert unusable["details"]["url"] == "/no/such/repository"
    backend = await client.fails("workspace.create", name="x", repository=url, backend="cloud")
    assert backend["name"] in ("backend_not_found", "repository_unusable")


NO_NAMES = ["", "A", "-a", "a-", "a" * 64, "a/b", "..", ".", "a\n", "a b", "ä", "a.b", "a_b", "a\0b", "../../etc", "ａ"]


@pytest.mark.parametrize("name", NO_NAMES)
async def test_names_that_are_no_names(client: WireClient, world: World, unchanged: None, name: str) -> None:
    error = await client.fails("workspace.create", name=name, repository={"url": str(world.repository)})
    assert error["name"] in ("invalid_params", "invalid_name")
    assert error["details"].get("path") == "$.name" or error["details"].get("name") == name


@pytest.mark.parametrize("name", ["-D", "--all", "a..b", "a b", "a~1", "@{", "x.lock", "/x", "x/", "a\n", "x^", "ä?"])
async def test_branches_that_are_no_branches(
    client: WireClient, home: dict[str, Any], unchanged: None, name: str
) -> None:
    for verb in ("create", "switch", "delete"):
        error = await client.fails("git.branch", workspace=home["id"], **{verb: name})
        assert error["name"] in ("ref_not_found", "git_failed", "invalid_params", "branch_exists"), error
        assert name.strip() in json.dumps(error, ensure_ascii=False)


@pytest.mark.parametrize("ref", ["--output=/tmp/x", "-p", "HEAD --all", "HEAD\n", "a..b", ":/x", "@{-1}"])
async def test_refs_that_are_options(client: WireClient, home: dict[str, Any], unchanged: None, ref: str) -> None:
    for method, field in (("git.log", "ref"), ("git.diff", "base")):
        answer = await client.rpc(method, workspace=home["id"], **{field: ref})
        assert failed(method, answer)["name"] in ("ref_not_found", "invalid_params", "git_failed")


@pytest.mark.parametrize(
    "env", [{"": "x"}, {"A=B": "x"}, {"A": "x\0y"}, {"A\0": "x"}], ids=["empty", "equals", "NUL", "NUL in name"]
)
async def test_variables_that_are_no_variables(
    client: WireClient, world: World, home: dict[str, Any], unchanged: None, env: dict[str, str]
) -> None:
    for error in (
        await client.fails("exec.run", workspace=home["id"], argv=["true"], env=env),
        await client.fails("workspace.update", workspace=home["id"], env=env),
        await client.fails("workspace.create", name="env", repository={"url": str(world.repository)}, env=env),
    ):
        assert error["name"] == "invalid_params"
        assert error["details"]["path"].startswith("$.env")


async def test_arguments_with_nul(client: WireClient, home: dict[str, Any], unchanged: None) -> None:
    error = await client.fails("exec.run", workspace=home["id"], argv=["echo", "a\0b"])
    assert error["name"] in ("invalid_params", "spawn_failed")


# -- keys --------------------------------------------------------------------------------------------------------------


async def test_a_key_that_was_used_with_other_params(client: WireClient, home: dict[str, Any]) -> None:
    workspace = home["id"]
    first = await client.call("fs.write", workspace=workspace, path="keyed.txt", content="one", key="key-1")
    again = await client.call("fs.write", workspace=workspace, path="keyed.txt", content="one", key="key-1")
    assert again == first
    for method, params in (
        ("fs.write", {"path": "keyed.txt", "content": "two"}),
        ("fs.write", {"path": "other.txt", "content": "one"}),
        ("fs.remove", {"path": "keyed.txt"}),
        ("exec.start", {"argv": ["touch", "made-by-key"]}),
        ("workspace.stop", {}),
        ("workspace.destroy", {"force": True}),
    ):
        error = await client.fails(method, workspace=workspace, key="key-1", **params)
        assert (error["code"], error["name"]) == (1006, "key_reused")
        assert error["details"] == {"key": "key-1"}
    assert (await client.call("fs.read", workspace=workspace, path="keyed.txt"))["content"] == "one"
    assert (await client.call("workspace.get", workspace=workspace))["state"] == "running"
    listed = {entry["name"] for entry in (await client.call("fs.list", workspace=workspace))["entries"]}
    assert {"other.txt", "made-by-key"} & listed == set()


async def test_keys_are_of_their_owner(world: World, home: dict[str, Any]) -> None:
    async with (
        await world.connect(world.daemon.token("alice")) as alice,
        await world.connect(world.daemon.token("bob")) as bob,
    ):
        await alice.call("fs.write", workspace=home["id"], path="a.txt", content="alice", key="shared")
        await bob.call("fs.write", workspace=home["id"], path="b.txt", content="bob", key="shared")
        assert (await bob.call("fs.read", workspace=home["id"], path="b.txt"))["content"] == "bob"


async def test_many_at_once_with_one_key_are_one(client: WireClient, home: dict[str, Any]) -> None:
    script = "echo x >> counted.txt"
    params = {"workspace": home["id"], "argv": ["sh", "-c", script], "key": "once"}
    answers = await asyncio.gather(*(client.call("exec.run", **params) for _ in range(10)))
    assert len({answer["process"] for answer in answers}) == 1
    assert (await client.call("fs.read", workspace=home["id"], path="counted.txt"))["content"] == "x\n"


async def test_a_key_of_a_call_under_way_with_other_params(client: WireClient, home: dict[str, Any]) -> None:
    workspace = home["id"]
    await client.call("exec.run", workspace=workspace, argv=["mkfifo", "under-way"])
    params = {"workspace": workspace, "argv": ["sh", "-c", "echo started >&2; cat under-way"], "key": "under-way"}
    running = await client.send("exec.run", params)
    async with asyncio.timeout(PATIENCE):
        while not (await client.call("exec.list", workspace=workspace, running=True))["processes"]:
            await client.alive()
    error = await client.fails("exec.run", workspace=workspace, argv=["true"], key="under-way")
    assert error["name"] == "key_reused"
    same = await client.send("exec.run", params)
    await client.call("exec.run", workspace=workspace, argv=["sh", "-c", "echo through > under-way"])
    answers = [await client.answer(id) for id in (running, same)]
    assert answers[0]["result"] == answers[1]["result"]
    assert answers[0]["result"]["stdout"]["text"] == "through\n"
    await client.call("fs.remove", workspace=workspace, path="under-way")


# -- what has ended ----------------------------------------------------------------------------------------------------


async def test_a_dead_process(client: WireClient, home: dict[str, Any]) -> None:
    started = await client.call("exec.start", workspace=home["id"], argv=["echo", "last words"], stdin=True)
    process = started["id"]
    assert (await client.call("exec.wait", process=process))["state"] == "exited"
    for method, params in (("exec.signal", {"signal": "TERM"}), ("exec.resize", {"size": {"cols": 80, "rows": 24}})):
        error = await client.fails(method, process=process, **params)
        assert error["name"] in ("process_exited", "not_a_terminal"), error
        assert process in json.dumps(error)
    stream = await client.stream("exec.attach", process=process)
    output, answer = await stream.rest()
    assert output == b"last words\n"
    assert answer["result"]["exit"]["code"] == 0
    beyond = await client.fails("exec.attach", process=process, offset=1000)
    assert beyond["name"] == "offset_invalid"
    assert beyond["details"]["end"] == len(output)
    await client.call("exec.remove", process=process)
    assert (await client.fails("exec.get", process=process))["name"] == "process_not_found"


async def test_a_destroyed_workspace_serves_nothing(client: WireClient, world: World) -> None:
    made = await asyncio.to_thread(world.workspace, "gone")
    await client.call("workspace.destroy", workspace=made["id"], force=True)
    refs = Refs(made["id"], "", "", "", str(world.repository), "tester")
    for name in NAMES:
        if METHODS[name].target != "workspace" or name == "workspace.get":
            continue
        error = await client.fails(name, **case(name, refs))
        assert error["name"] == "workspace_not_found", name
    assert (await client.call("workspace.get", workspace=made["id"]))["state"] == "destroyed"
    assert (await client.fails("workspace.get", workspace="gone"))["name"] == "workspace_not_found"


def test_a_stream_by_post_is_refused(world: World) -> None:
    for method in METHODS.values():
        if method.kind == "stream":
            answer = world.daemon.rpc(method.name, **case(method.name, NOBODY))
            assert failed(method.name, answer)["name"] == "stream_needs_websocket"


def test_a_post_that_is_not_json_is_refused(world: World) -> None:
    connection = UnixHTTPConnection(world.daemon.socket)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "session.ping"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        connection.request("POST", "/rpc", body, {"Content-Type": kind})
        response = connection.getresponse()
        assert response.status == 415
        assert json.loads(response.read())["error"]["name"] == "media_type"
    connection.close()
