"""Terminals, tunnels, searches and watches over the wire, with the programs that people use them with."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nexus_sdk
import pytest
from wire_client import WINDOW, WireClient, WireStream
from world import World


@pytest.fixture(scope="module")
def home(world: World) -> dict[str, Any]:
    return world.workspace("live")


@pytest.fixture
async def client(world: World) -> AsyncIterator[WireClient]:
    async with await world.connect(world.daemon.token()) as opened:
        yield opened
        await opened.alive()


@pytest.fixture
async def other(world: World) -> AsyncIterator[WireClient]:
    async with await world.connect(world.daemon.token("other")) as opened:
        yield opened
        await opened.alive()


# -- terminals ---------------------------------------------------------------------------------------------------------

SHELL = ["sh", "-i"]


async def shell(client: WireClient, workspace: str, *argv: str) -> tuple[str, WireStream]:
    """A terminal and the attachment that controls it."""
    started = await client.call(
        "exec.start",
        workspace=workspace,
        argv=list(argv) or SHELL,
        pty={"cols": 80, "rows": 24},
        env={"PS1": "$ ", "TERM": "dumb", "ENV": ""},
    )
    stream = await client.stream("exec.attach", process=started["id"], window=WINDOW)
    assert stream.info["role"] == "controller"
    return started["id"], stream


async def test_a_terminal_of_two(client: WireClient, other: WireClient, home: dict[str, Any]) -> None:
    process, first = await shell(client, home["id"])
    await first.until(b"$ ")
    second = await other.stream("exec.attach", process=process, window=WINDOW)
    assert second.info["role"] == "observer"
    assert second.info["stdin_window"] == 0
    line = "echo wörld-$((40+2)); stty size; test -t 0 && echo tty\n".encode()
    await first.send(0, line)
    for stream in (first, second):
        shown = await stream.until(b"tty\r\n$ ")
        assert "wörld-42\r\n".encode() in shown
        assert b"24 80\r\n" in shown
    # only who controls may resize: the size is one, and the observer's own window does not change it
    resized = await client.call("exec.resize", process=process, size={"cols": 132, "rows": 50})
    assert resized["pty"] == {"cols": 132, "rows": 50}
    await first.send(len(line), b"stty size\n")
    for stream in (first, second):
        await stream.until(b"50 132\r\n")
    await second.cancel()
    # taking over ends the former controller's attachment, with the reason
    third = await other.stream("exec.attach", process=process, role="controller", takeover=True, window=WINDOW)
    assert third.info["role"] == "controller"
    ended = await first.answer()
    assert ended["error"]["data"]["name"] == "taken_over"
    refused = await client.fails("exec.attach", process=process, role="controller")
    assert refused["name"] == "not_controller"
    offset = third.info["stdin_offset"]
    assert offset == len(line) + len(b"stty size\n")
    await third.send(offset, b"exit 3\n")
    _, answer = await third.rest()
    assert answer["result"]["exit"]["code"] == 3


async def test_keys_that_are_signals(client: WireClient, home: dict[str, Any]) -> None:
    _, stream = await shell(client, home["id"])
    await stream.until(b"$ ")
    line = b"sh -c 'echo u''p; exec sleep 600'\n"
    await stream.send(0, line)
    await stream.until(b"up\r\n")
    sent = len(line)
    await stream.send(sent, b"\x03")
    await stream.until(b"$ ")
    await stream.send(sent + 1, b"\x04")
    _, answer = await stream.rest()
    assert answer["result"]["exit"]["reason"] == "exited"


async def test_a_terminal_survives_its_connection(world: World, home: dict[str, Any]) -> None:
    first = await world.connect(world.daemon.token())
    process, stream = await shell(first, home["id"], "sh", "-c", "echo one; read line; echo got $line; exit 7")
    seen = await stream.until(b"one\r\n")
    await first.drop()
    async with await world.connect(world.daemon.token()) as second:
        again = await second.stream("exec.attach", process=process, offset=len(seen), window=WINDOW)
        assert again.info["role"] == "controller"
        await again.send(again.info["stdin_offset"], b"back\n")
        output, answer = await again.rest()
        assert output.endswith(b"got back\r\n")
        assert answer["result"]["exit"]["code"] == 7
        whole = await second.stream("exec.attach", process=process, window=WINDOW)
        assert (await whole.rest())[0] == seen + output


async def test_a_terminal_by_the_sdk(world: World, home: dict[str, Any]) -> None:
    async with nexus_sdk.connect(world.daemon.url, world.daemon.token(), environ={}) as nexus:
        workspace = await nexus.workspaces.get(home["id"])
        async with workspace.shell(SHELL, cols=100, rows=30, env={"PS1": "$ ", "ENV": ""}) as process:
            await process.stdin.write("stty size; exit 5\n")
            text = await process.stdout.text()
            assert "30 100" in text
            assert (await process.wait()).exit_code == 5


# -- tunnels -----------------------------------------------------------------------------------------------------------

SERVER = """
import http.server, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"page " * int(self.path.strip("/") or 1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

ECHO = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    got = b""
    while data := connection.recv(65536):
        got += data
    # only now, when the other half is closed, is there an answer
    connection.sendall(b"%d:" % len(got) + got[::-1])
    connection.close()
"""


@contextlib.asynccontextmanager
async def serving(client: WireClient, workspace: str, script: str) -> AsyncIterator[int]:
    """Run a server in the workspace; gives its port."""
    started = await client.call("exec.start", workspace=workspace, argv=["python3", "-c", script])
    stream = await client.stream("exec.attach", process=started["id"])
    yield int(await stream.until(b"\n"))
    await client.call("exec.signal", process=started["id"], signal="KILL")


async def test_a_tunnel_to_a_web_server(world: World, client: WireClient, home: dict[str, Any]) -> None:
    async with serving(client, home["id"], SERVER) as port:
        async with nexus_sdk.connect(world.daemon.url, world.daemon.token(), environ={}) as nexus:
            workspace = await nexus.workspaces.get(home["id"])
            async with workspace.ports.forward(port) as listener:

                def fetch(size: int) -> bytes:
                    connection = http.client.HTTPConnection("127.0.0.1", listener.local_address[1], timeout=20)
                    pages = []
                    for _ in range(2):  # twice over one connection
                        connection.request("GET", f"/{size}")
                        pages.append(connection.getresponse().read())
                    connection.close()
                    assert pages[0] == pages[1]
                    return pages[0]

                pages = await asyncio.gather(*(asyncio.to_thread(fetch, size) for size in (1, 10, 1_000_000, 3, 77)))
                assert [len(page) for page in pages] == [5, 50, 5_000_000, 15, 385]


# requirement: stream.half
async def test_each_half_of_a_tunnel_ends_alone(client: WireClient, home: dict[str, Any]) -> None:
    async with serving(client, home["id"], ECHO) as port:
        stream = await client.stream("port.forward", workspace=home["id"], port=port, window=WINDOW)
        data = bytes(range(256)) * 20_000
        await stream.pump(data)
        await stream.eof(len(data))
        output, answer = await stream.rest()
        assert output == b"%d:" % len(data) + data[::-1]
        assert answer["result"] == {"sent": len(data), "received": len(output)}


async def test_a_port_where_nobody_listens(client: WireClient, home: dict[str, Any]) -> None:
    async with serving(client, home["id"], ECHO) as port:
        pass
    refused = await client.fails("port.forward", workspace=home["id"], port=port)
    assert refused["name"] in ("port_refused", "port_forbidden")
    assert refused["details"] == {"port": port}


async def test_a_cancelled_tunnel_closes_its_connection(client: WireClient, home: dict[str, Any]) -> None:
    async with serving(client, home["id"], ECHO) as port:
        stream = await client.stream("port.forward", workspace=home["id"], port=port)
        await stream.cancel()
        assert (await stream.answer())["error"]["data"]["name"] == "cancelled"
        # the server serves one after the other: it would not serve this one if the first were still open
        again = await client.stream("port.forward", workspace=home["id"], port=port)
        await again.send(0, b"abc")
        await again.eof(3)
        assert (await again.rest())[0] == b"3:cba"


# -- watching and searching --------------------------------------------------------------------------------------------


async def changes(stream: WireStream, wanted: set[str]) -> dict[str, list[str]]:
    """Changes by path, until every wanted path was named."""
    seen: dict[str, list[str]] = {}
    while not wanted <= set(seen):
        event = await stream.event()
        assert event["kind"] == "change", event
        seen.setdefault(event["path"], []).append(event["change"])
    return seen


async def test_files_in_folders_made_a_moment_ago(client: WireClient, other: WireClient, home: dict[str, Any]) -> None:
    workspace = home["id"]
    stream = await client.stream("fs.watch", workspace=workspace)
    script = "mkdir -p new/deep/er && echo 1 > new/deep/er/a.txt && echo 2 > new/b.txt && mv new/b.txt new/deep/c.txt"
    await other.call("exec.run", workspace=workspace, argv=["sh", "-c", script])
    await changes(stream, {"new", "new/deep", "new/deep/er", "new/deep/er/a.txt", "new/deep/c.txt"})
    await other.call("fs.write", workspace=workspace, path="new/deep/er/a.txt", content="again")
    seen = await changes(stream, {"new/deep/er/a.txt"})
    assert set(seen["new/deep/er/a.txt"]) <= {"created", "modified"}
    await other.call("fs.remove", workspace=workspace, path="new", recursive=True)
    seen = await changes(stream, {"new", "new/deep/er/a.txt"})
    assert seen["new"][-1] == "deleted"


# requirement: resume.events
async def test_a_watch_goes_on_at_its_cursor(world: World, home: dict[str, Any]) -> None:
    first = await world.connect(world.daemon.token())
    stream = await first.stream("fs.watch", workspace=home["id"])
    async with await world.connect() as second:
        await second.call("fs.write", workspace=home["id"], path="seen.txt", content="1")
        item = await stream.next()
        cursor = item[1]
        await first.drop()
        await second.call("fs.write", workspace=home["id"], path="missed.txt", content="2")
        again = await second.stream("fs.watch", workspace=home["id"], cursor=cursor)
        assert again.info["resumed"]
        await changes(again, {"missed.txt"})
        expired = await second.fails("fs.watch", workspace=home["id"], cursor="of-another-daemon-1")
        assert expired["name"] == "cursor_expired"


# requirement: resume.events
async def test_what_was_missed_is_said(client: WireClient, other: WireClient, home: dict[str, Any]) -> None:
    workspace = home["id"]
    behind = await client.stream("fs.watch", workspace=workspace, window=1, gitignore=False)
    beside = await other.stream("fs.watch", workspace=workspace, window=65_536, gitignore=False)
    await other.call("fs.write", workspace=workspace, path="first.txt", content="x")
    assert (await behind.event())["path"] == "first.txt"
    # its credit is used up: what happens now waits where it happens, and there is no room for so much
    script = "import os; os.mkdir('many'); [open(f'many/{i}', 'w').close() for i in range(10_500)]"
    await other.call("exec.run", workspace=workspace, argv=["python3", "-c", script])
    await other.call("fs.write", workspace=workspace, path="last.txt", content="x")
    while (await beside.event()).get("path") != "last.txt":
        pass
    await behind.grant(2)
    event = await behind.event()
    assert event["kind"] == "overflow"
    assert "10000" in event["reason"]
    # from there on it is told of everything again
    await behind.grant(100)
    await other.call("fs.write", workspace=workspace, path="after.txt", content="x")
    await changes(behind, {"after.txt"})
    await other.call("fs.remove", workspace=workspace, path="many", recursive=True)


async def test_search_honours_gitignore_and_streams(client: WireClient, home: dict[str, Any]) -> None:
    workspace = home["id"]
    files = {
        ".gitignore": "ignored/\n*.log\n",
        "src/one.py": "first\nneedle here\nlast\n",
        "src/deep/two.py": "no\n",
        "ignored/x.py": "needle\n",
        "app.log": "needle\n",
        "bin.dat": "needle\0needle\n",
    }
    for path, content in files.items():
        await client.call("fs.write", workspace=workspace, path=path, content=content, parents=True)

    async def search(**params: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        stream = await client.stream("fs.search", workspace=workspace, **params)
        found = []
        while (item := await stream.next())[0] == "event":
            if item[2]["kind"] == "match":
                found.append(item[2])
        return found, item[1]["result"]

    found, result = await search(pattern="needle", context=1)
    assert [(match["path"], match["line"]) for match in found] == [("src/one.py", 2)]
    assert (found[0]["before"], found[0]["after"]) == (["first"], ["last"])
    assert result["matches"] == 1
    found, _ = await search(pattern="needle", gitignore=False)
    assert {match["path"] for match in found} >= {"src/one.py", "ignored/x.py", "app.log"}
    found, _ = await search(pattern="^NEEDLE", regex=True, ignore_case=True, gitignore=False, include=["**/*.py"])
    assert {match["path"] for match in found} == {"src/one.py", "ignored/x.py"}
    bad = await client.fails("fs.search", workspace=workspace, pattern="(", regex=True)
    assert bad["name"] == "pattern_invalid"
    assert bad["details"]["pattern"] == "("
    await client.call("fs.write", workspace=workspace, path="lots.txt", content="needle\n" * 5000)
    found, result = await search(pattern="needle", limit=10)
    assert (len(found), result["truncated"]) == (10, True)
    # more than the window: it waits for credit, and goes on when it comes
    stream = await client.stream("fs.search", workspace=workspace, pattern="needle", limit=5000, window=4)
    count, limit = 0, 4
    while (item := await stream.next())[0] == "event":
        count += item[2]["kind"] == "match"
        limit += 1
        await stream.grant(limit)
    assert count == 5000
    assert "result" in item[1]


async def test_a_search_that_never_ends_can_be_stopped(client: WireClient, home: dict[str, Any]) -> None:
    await client.call("fs.write", workspace=home["id"], path="slow.txt", content="a" * 500_000 + "!")
    stream = await client.begin("fs.search", workspace=home["id"], pattern="(a+)+$", regex=True, path="slow.txt")
    opened = await stream.started
    if opened:
        await stream.cancel()
    answer = await stream.answer()
    assert "result" in answer or answer["error"]["data"]["name"] in ("cancelled", "pattern_invalid")


# -- files over HTTP ---------------------------------------------------------------------------------------------------


def test_ranges_and_resume(world: World, home: dict[str, Any]) -> None:
    daemon, token = world.daemon, world.daemon.token()
    place = f"/files/{home['id']}/ranged.bin"
    data = bytes(range(256)) * 4096
    put = daemon.http("PUT", place, token=token, body=data)
    assert put.status == 200
    whole = daemon.http("GET", place, token=token)
    assert (whole.status, whole.body) == (200, data)
    assert whole.headers["etag"] == put.headers["etag"]
    part = daemon.http("GET", place, token=token, headers=[("Range", "bytes=1000-1999")])
    assert (part.status, part.body) == (206, data[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(data)}"
    tail = daemon.http("GET", place, token=token, headers=[("Range", "bytes=-10")])
    assert (tail.status, tail.body) == (206, data[-10:])
    beyond = daemon.http("GET", place, token=token, headers=[("Range", f"bytes={len(data)}-")])
    assert beyond.status == 416
    same = daemon.http("GET", place, token=token, headers=[("If-None-Match", whole.headers["etag"])])
    assert (same.status, same.body) == (304, b"")
    refused = daemon.http("PUT", place, token=token, body=b"x", headers=[("If-Match", '"other"')])
    assert (refused.status, refused.error["name"]) == (412, "etag_mismatch")
    head = daemon.http("HEAD", place, token=token)
    assert (head.status, head.headers["content-length"], head.body) == (200, str(len(data)), b"")
    # in two parts, with a look in between at how far it is
    resumed = f"/files/{home['id']}/resumed.bin"
    half, size = len(data) // 2, len(data)
    id = ("Upload-Id", "resumed-upload-1")
    first = daemon.http(
        "PUT", resumed, token=token, body=data[:half], headers=[id, ("Content-Range", f"bytes 0-{half - 1}/{size}")]
    )
    assert first.status == 202
    assert not (Path(home["worktree"]) / "resumed.bin").exists()
    assert daemon.http("HEAD", resumed, token=token, headers=[id]).headers["upload-offset"] == str(half)
    wrong = daemon.http("PUT", resumed, token=token, body=b"x", headers=[id, ("Content-Range", f"bytes 1-1/{size}")])
    assert (wrong.status, wrong.headers["upload-offset"]) == (409, str(half))
    last = daemon.http(
        "PUT",
        resumed,
        token=token,
        body=data[half:],
        headers=[id, ("Content-Range", f"bytes {half}-{size - 1}/{size}")],
    )
    assert last.status == 200
    assert json.loads(last.body)["info"]["size"] == size
    assert daemon.http("GET", resumed, token=token).body == data
