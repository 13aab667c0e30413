from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nexusd.files import transfer
from nexusd.server.head import Head, Refused
from nexusd.server.peers import Peer
from nexusd.server.ranges import content_range, requested_range
from server_harness import Served

CONTENT = bytes(range(256)) * 40


class Answer:
    """An answer that was read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def error(self) -> str:
        name: str = json.loads(self.body)["error"]["name"]
        return name


@pytest.fixture
def root(served: Served) -> Path:
    served.add_workspace("ws_b", owner="bob")
    return served.add_workspace("ws_a")


@pytest.fixture
def client(served: Served, root: Path) -> Iterator[Client]:
    client = Client(served)
    yield client
    client.connection.close()


class Client:
    """Asks for files."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)

    def __call__(
        self, method: str, path: str, body: Any = None, *, workspace: str = "ws_a", grant: Any = None, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.update(self.served.bearer(**(grant if grant is not None else {"workspaces": "own"})))
        self.connection.request(method, f"/files/{workspace}/{path}", body, named)
        return Answer(self.connection.getresponse())


def test_a_whole_file(client: Client, root: Path) -> None:
    (root / "a b.bin").write_bytes(CONTENT)
    answer = client("GET", "a%20b.bin")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b.bin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    head = client("HEAD", "a%20b.bin")
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Length", "ETag", "Last-Modified"):
        assert head.headers[name] == answer.headers[name]


def test_an_empty_file_and_a_large_one(client: Client, root: Path) -> None:
    (root / "empty").write_bytes(b"")
    assert (client("GET", "empty").status, client("GET", "empty").body) == (200, b"")
    assert client("GET", "empty", Range="bytes=0-0").status == 416
    large = os.urandom(1 << 20) * 9
    (root / "large").write_bytes(large)
    assert hashlib.sha256(client("GET", "large").body).digest() == hashlib.sha256(large).digest()


# requirement: http.download
@pytest.mark.parametrize(
    ("range", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=10000-", 10000, 10240), ("bytes=-5", 10235, 10240),
     ("bytes=0-99999999", 0, 10240), ("bytes=-99999", 0, 10240), ("BYTES = 1 - 2", 1, 3)],
)  # fmt: skip
def test_ranges(client: Client, root: Path, range: str, start: int, end: int) -> None:
    (root / "f").write_bytes(CONTENT)
    answer = client("GET", "f", Range=range)
    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("range", ["bytes=0-1,4-5", "lines=0-1", "bytes=5-2", "bytes=-", "bytes=a-b", "bytes", ""])
def test_what_is_no_single_range_gets_all(client: Client, root: Path, range: str) -> None:
    (root / "f").write_bytes(CONTENT)
    answer = client("GET", "f", Range=range)
    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize("range", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
def test_ranges_beyond_the_end(client: Client, root: Path, range: str) -> None:
    (root / "f").write_bytes(CONTENT)
    answer = client("GET", "f", Range=range)
    assert (answer.status, answer.error) == (416, "range_unsatisfiable")
    assert answer.headers["Content-Range"] == "bytes */10240"


# requirement: http.download
def test_conditions(client: Client, root: Path) -> None:
    (root / "f").write_bytes(CONTENT)
    etag = client("HEAD", "f").headers["ETag"]
    assert etag.startswith('"')
    for value in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = client("GET", "f", If_None_Match=value)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
    assert client("GET", "f", If_None_Match='"other"').status == 200
    assert client("GET", "f", If_Match=etag).status == 200
    assert client("GET", "f", If_Match='"other"').status == 412
    assert client("GET", "f", If_Match=f"W/{etag}").status == 412
    assert client("GET", "f", Range="bytes=0-1", If_Range=etag).status == 206
    for value in ('"other"', f"W/{etag}", "Wed, 21 Oct 2026 07:28:00 GMT"):
        assert client("GET", "f", Range="bytes=0-1", If_Range=value).status == 200
    time.sleep(0.01)
    (root / "f").write_bytes(CONTENT + b"x")
    assert client("GET", "f", If_None_Match=etag).status == 200
    assert client("GET", "f", Range="bytes=0-1", If_Range=etag).status == 200


def test_refusals(client: Client, root: Path) -> None:
    (root / "d").mkdir()
    (root / "out").symlink_to("/etc/passwd")
    assert (client("GET", "none").status, client("GET", "none").error) == (404, "path_not_found")
    assert client("GET", "d").status == 409
    for path in ("out", "../ws_b/secret", "..%2f..%2fetc/passwd", "%2fetc/passwd", "d/../../x"):
        answer = client("GET", path)
        assert answer.status in (400, 404), path
        assert b"root:" not in answer.body
    assert client("GET", "a%00b").status == 400
    assert client("GET", "x" * 5000).status == 400
    assert client("GET", "").status == 400


def test_the_gate_decides(client: Client, root: Path) -> None:
    (root / "f").write_bytes(CONTENT)
    answers = [client("GET", "f", workspace=workspace) for workspace in ("ws_b", "ws_z", "ws_", "ws_ab")]
    assert {(answer.status, answer.error) for answer in answers} == {(404, "workspace_not_found")}
    assert answers[0].body.replace(b"ws_b", b"X") == answers[1].body.replace(b"ws_z", b"X")
    assert client("GET", "f", grant={"scopes": ["files:write"]}).status == 403
    assert client("PUT", "f", b"x", grant={"scopes": ["files:read"]}).status == 403
    assert client("HEAD", "f", grant={"scopes": ["files:read"]}, Upload_Id="upload-1").status == 403
    assert client("GET", "f", grant={"ttl": -1}).status == 401
    assert (root / "f").read_bytes() == CONTENT


def test_put_and_get(client: Client, root: Path) -> None:
    answer = client("PUT", "new", CONTENT)
    assert answer.status == 200
    assert json.loads(answer.body)["info"]["size"] == len(CONTENT)
    assert (root / "new").read_bytes() == CONTENT
    assert client("HEAD", "new").headers["ETag"] == answer.headers["ETag"]
    assert client("PUT", "new", b"").status == 200
    assert (root / "new").read_bytes() == b""
    assert client("PUT", "a/b/new", b"x").status == 404
    assert client("PUT", "a/b/new?parents&mode=755", b"x").status == 200
    assert (root / "a/b/new").stat().st_mode & 0o777 == 0o755
    assert client("PUT", "new?color=red", b"x").error == "query_invalid"
    assert leftovers(root) == []


def test_put_in_chunks(client: Client, root: Path) -> None:
    assert client("PUT", "f", iter([CONTENT, CONTENT])).status == 200
    assert (root / "f").read_bytes() == CONTENT * 2


def test_put_under_conditions(client: Client, root: Path) -> None:
    etag = client("PUT", "f", b"one", If_None_Match="*").headers["ETag"]
    assert client("PUT", "f", b"two", If_None_Match="*").status == 412
    assert client("PUT", "f", b"two", If_Match='"other"').status == 412
    assert (root / "f").read_bytes() == b"one"
    assert client("PUT", "f", b"two", If_Match=etag).status == 200
    digest = base64.b64encode(hashlib.sha256(b"three").digest()).decode()
    assert client("PUT", "f", b"four", Repr_Digest=f"sha-256=:{digest}:").error == "upload_mismatch"
    assert (root / "f").read_bytes() == b"two"
    assert client("PUT", "f", b"three", Repr_Digest=f"md5=:AA==:, sha-256=:{digest}:").status == 200
    assert client("PUT", "f", b"three", Repr_Digest="sha-256=abc").error == "digest_invalid"


def test_if_match_is_a_list_or_anything(client: Client, root: Path) -> None:
    assert client("PUT", "f", b"one", If_Match="*").error == "etag_mismatch"
    assert client("PUT", "f", b"one", If_Match="").error == "etag_mismatch"
    assert not (root / "f").exists()
    etag = client("PUT", "f", b"one").headers["ETag"]
    for condition in ("", '"other", "another"', f"W/{etag}", etag.strip('"')):
        assert client("PUT", "f", b"two", If_Match=condition).error == "etag_mismatch"
    assert (root / "f").read_bytes() == b"one"
    for condition in (f'"other", {etag}', "*"):
        assert client("PUT", "f", b"two", If_Match=condition).status == 200
        etag = client("HEAD", "f").headers["ETag"]
    assert leftovers(root) == []


# requirement: http.upload
def test_resume(client: Client, root: Path) -> None:
    assert client("HEAD", "f", Upload_Id="upload-1").headers["Upload-Offset"] == "0"
    assert leftovers(root) == []
    first = client("PUT", "f", CONTENT[:4000], Upload_Id="upload-1", Content_Range="bytes 0-3999/10240")
    assert (first.status, first.headers["Upload-Offset"]) == (202, "4000")
    assert not (root / "f").exists()
    assert client("HEAD", "f", Upload_Id="upload-1").headers["Upload-Offset"] == "4000"
    again = client("PUT", "f", CONTENT[:4000], Upload_Id="upload-1", Content_Range="bytes 0-3999/10240")
    assert (again.status, again.error, again.headers["Upload-Offset"]) == (409, "upload_mismatch", "4000")
    gap = client("PUT", "f", b"x", Upload_Id="upload-1", Upload_Offset="5000")
    assert (gap.status, gap.headers["Upload-Offset"]) == (409, "4000")
    second = client("PUT", "f", CONTENT[4000:8000], Upload_Id="upload-1", Content_Range="bytes 4000-7999/10240")
    assert second.status == 202
    last = client("PUT", "f", CONTENT[8000:], Upload_Id="upload-1", Upload_Offset="8000")
    assert last.status == 200
    assert (root / "f").read_bytes() == CONTENT
    assert leftovers(root) == []


# requirement: http.upload
def test_a_broken_upload_continues_where_it_broke(client: Client, served: Served, root: Path) -> None:
    auth = served.bearer()["Authorization"]
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(
            f"PUT /files/ws_a/f HTTP/1.1\r\nHost: localhost:{served.port}\r\nAuthorization: {auth}\r\n"
            f"Upload-Id: upload-2\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()
            + CONTENT[:3000]
        )
        # what is on its way when the connection ends is not taken any more
        until(lambda: any(upload.received == 3000 for upload in list(transfer._active.values())))
    # asked any sooner, HEAD would take the upload over, without what was not written yet
    until(lambda: not transfer._active)
    assert client("HEAD", "f", Upload_Id="upload-2").headers["Upload-Offset"] == "3000"
    assert not (root / "f").exists()
    assert client("PUT", "f", CONTENT[3000:], Upload_Id="upload-2", Upload_Offset="3000").status == 200
    assert (root / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("how", ["counted", "chunked", "malformed"])
def test_a_broken_upload_without_a_name_leaves_nothing(served: Served, root: Path, how: str) -> None:
    auth = served.bearer()["Authorization"]
    length = f"Content-Length: {len(CONTENT)}" if how == "counted" else "Transfer-Encoding: chunked"
    body = CONTENT[:3000] if how == "counted" else b"bb8\r\n" + CONTENT[:3000] + b"\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(
            f"PUT /files/ws_a/f HTTP/1.1\r\nHost: localhost:{served.port}\r\nAuthorization: {auth}\r\n"
            f"{length}\r\n\r\n".encode()
            + body
        )
        until(lambda: leftovers(root) != [])
        if how == "malformed":
            sock.sendall(b"this is no chunk\r\n")
    until(lambda: leftovers(root) == [])
    assert not (root / "f").exists()


@pytest.mark.parametrize(("stated", "body"), [("0-4/10", b"abc"), ("0-4/5", b"abc"), ("0-4/10", b"abcdef")])
def test_a_part_is_as_long_as_it_says(client: Client, root: Path, stated: str, body: bytes) -> None:
    answer = client("PUT", "f", iter([body]), Upload_Id="upload-3", Content_Range=f"bytes {stated}")
    assert answer.error == "range_invalid"
    assert not (root / "f").exists()


def test_a_part_needs_a_name(client: Client, root: Path) -> None:
    assert client("PUT", "f", b"abc", Content_Range="bytes 0-2/10").error == "upload_id_missing"
    assert leftovers(root) == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Range": "bytes 0-4/3"}, 400),
        ({"Content_Range": "bytes 4-0/10"}, 400),
        ({"Content_Range": "lines 0-1/2"}, 400),
        ({"Content_Range": "bytes 0-9/10"}, 400),
        ({"Content_Range": "bytes 1-3/10"}, 409),
        ({"Upload_Offset": "-1"}, 400),
        ({"Upload_Offset": "x"}, 400),
        ({"Upload_Id": "short"}, 400),
        ({"Upload_Id": "../../../../etc/x"}, 400),
    ],
)
def test_malformed_uploads_change_nothing(client: Client, root: Path, headers: dict[str, str], status: int) -> None:
    answer = client("PUT", "f", b"abc", **headers)
    assert answer.status == status
    assert not (root / "f").exists()


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.startswith(".nexus-")]


def until(done: Any) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


def head(**headers: str) -> Head:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Head("GET", "/", "", named, Peer("tcp"))


def test_a_file_that_changes_under_a_download_is_cut_short(client: Client, root: Path) -> None:
    path = root / "growing"
    path.write_bytes(bytes(64 << 20))
    auth = client.served.bearer()["Authorization"]
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(20)
        sock.connect(("127.0.0.1", client.served.port))
        sock.sendall(
            f"GET /files/ws_a/growing HTTP/1.1\r\nHost: localhost:{client.served.port}\r\n"
            f"Authorization: {auth}\r\n\r\n".encode()
        )
        received = len(sock.recv(4096))
        with path.open("r+b") as file:
            file.truncate(1 << 20)
        try:
            while chunk := sock.recv(1 << 20):
                received += len(chunk)
        except ConnectionResetError:
            pass
    assert received < 64 << 20


def test_a_range_header_twice_is_refused() -> None:
    twice = Head("GET", "/", "", [("range", "bytes=0-1"), ("range", "bytes=2-3")], Peer("tcp"))
    with pytest.raises(Refused, match="more than once"):
        requested_range(twice, "e", 10)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("bytes 0-0/1", (0, 1, 1)), ("bytes 5-9/*", (5, 10, None)), ("bytes 5-9/10", (5, 10, 10))],
)
def test_content_ranges(value: str, expected: Any) -> None:
    assert content_range(head(content_range=value)) == expected
    assert content_range(head()) is None
