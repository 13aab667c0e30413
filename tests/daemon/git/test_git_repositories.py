"""Sources to repositories: local paths, remote addresses, the shared clone."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from nexus_sdk.protocol.errors import RefNotFound, RepositoryUnusable
from nexus_sdk.protocol.types import RepositorySource
from nexusd.git import repositories, worktrees
from nexusd.git.repositories import normalise, resolve, shared_clone


def source(url: object, ref: str | None = None) -> RepositorySource:
    return RepositorySource(url=str(url)) if ref is None else RepositorySource(url=str(url), ref=ref)


# -- local -------------------------------------------------------------------------------------------------------


async def test_any_directory_inside_names_the_repository(repo: Path, home: Path, git) -> None:
    for path in (repo, repo / "sub", repo / ".git"):
        handle = await resolve(source(path), home)
        assert (handle.path, handle.url, handle.ref, handle.is_bare) == (repo, str(repo), "main", False)
        assert handle.commit == git(repo, "rev-parse", "HEAD")
        assert await normalise(str(path)) == str(repo)


async def test_a_linked_worktree_names_its_main_one(repo: Path, home: Path, git, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "linked"), "main~1")
    handle = await resolve(source(tmp_path / "linked" / "sub"), home)
    assert (handle.path, handle.ref) == (repo, "main")
    inner = await resolve(source(tmp_path / "linked", "linked"), home)
    assert (inner.path, inner.ref, inner.commit) == (repo, "linked", git(repo, "rev-parse", "main~1"))


async def test_a_bare_repository_is_its_own_place(repo: Path, home: Path, git, tmp_path: Path) -> None:
    bare = tmp_path / "store.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), str(bare))
    handle = await resolve(source(bare), home)
    assert (handle.path, handle.is_bare, handle.ref) == (bare, True, "main")
    place = worktrees.location(handle, "w", home)
    assert place == home / "worktrees" / "store" / "w"


async def test_a_submodule_is_a_repository_of_its_own(repo: Path, home: Path, git, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    git(tmp_path, "init", "--quiet", str(outer))
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "inner")
    handle = await resolve(source(outer / "inner" / "sub"), home)
    assert handle.path == outer / "inner"
    made = await worktrees.create(handle.path, worktrees.location(handle, "w", home), "nexus/w", handle.commit)
    assert (made / "a.txt").exists()


async def test_a_detached_head_is_a_commit(repo: Path, home: Path, git) -> None:
    git(repo, "checkout", "--quiet", "--detach", "main~1")
    handle = await resolve(source(repo), home)
    assert (handle.ref, handle.commit) == ("HEAD", git(repo, "rev-parse", "main~1"))


@pytest.mark.parametrize("ref", ["v1", "feature", "main~1"])
async def test_a_ref_is_kept_as_it_was_named(repo: Path, home: Path, git, ref: str) -> None:
    handle = await resolve(source(repo, ref), home)
    assert (handle.ref, handle.commit) == (ref, git(repo, "rev-parse", "main~1"))


async def test_a_sha256_repository_works(home: Path, git, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "long")
    path = tmp_path / "long"
    git(path, "commit", "--quiet", "--allow-empty", "-m", "x")
    for url in (str(path), f"file://{path}"):
        handle = await resolve(source(url), home)
        assert len(handle.commit) == 64
        made = await worktrees.create(handle.path, worktrees.location(handle, "w", home), "nexus/w", handle.commit)
        assert (await worktrees.inspect_work(handle.path, made, "nexus/w")).changed == 0
        await worktrees.remove(handle.path, made)
        assert await worktrees.delete_branch(handle.path, "nexus/w")


@pytest.mark.parametrize("where", ["missing", "plain", "file"])
async def test_what_is_no_repository_is_named(home: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(RepositoryUnusable) as caught:
        await resolve(source(tmp_path / where), home)
    assert caught.value.details is not None
    assert caught.value.details.url == str(tmp_path / where)


async def test_an_empty_repository_says_so(home: Path, git, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    with pytest.raises(RefNotFound, match="no commits yet"):
        await resolve(source(tmp_path / "empty"), home)


@pytest.mark.parametrize("ref", ["nothing", "--upload-pack=x", "a b"])
async def test_a_missing_ref_is_named(repo: Path, home: Path, ref: str) -> None:
    with pytest.raises(RefNotFound) as caught:
        await resolve(source(repo, ref), home)
    assert caught.value.details is not None
    assert caught.value.details.ref == ref


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
async def test_another_users_repository_needs_trust(repo: Path, home: Path, git, own_configuration: Path) -> None:
    for directory, _, files in os.walk(repo):
        for name in [".", *files]:
            os.chown(os.path.join(directory, name), 65534, 65534, follow_symlinks=False)
    with pytest.raises(RepositoryUnusable, match="another user") as caught:
        await resolve(source(repo), home)
    assert "safe.directory" in caught.value.hint
    git(repo.parent, "config", "--file", str(own_configuration), "safe.directory", str(repo))
    assert (await resolve(source(repo), home)).path == repo


# -- remote ------------------------------------------------------------------------------------------------------


async def test_a_remote_is_cloned_once_and_fetched_later(repo: Path, home: Path, git) -> None:
    said: list[str] = []
    url = f"file://{repo}"
    first = await resolve(source(url), home, progress=said.append)
    assert first.is_bare and first.path == shared_clone(url, home)
    assert (first.url, first.ref, first.commit) == (url, "main", git(repo, "rev-parse", "main"))
    assert said[0] == f"fetching {url}"
    marker = first.path / "marker"
    marker.touch()
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "third")
    git(repo, "branch", "--delete", "feature")
    second = await resolve(source(url), home)
    assert second.commit == git(repo, "rev-parse", "main")
    assert marker.exists()
    with pytest.raises(RefNotFound):
        await resolve(source(url, "feature"), home)


async def test_refs_of_a_remote(repo: Path, home: Path, git) -> None:
    url = f"file://{repo}"
    first = git(repo, "rev-parse", "main~1")
    git(repo, "checkout", "--quiet", "--detach")
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "aside")
    aside = git(repo, "rev-parse", "HEAD")
    git(repo, "checkout", "--quiet", "main")
    for ref, commit in (("feature", first), ("v1", first), (first, first), (first[:12], first), ("main~1", first)):
        handle = await resolve(source(url, ref), home)
        assert (handle.ref, handle.commit) == (ref, commit)
    git(repo, "tag", "aside", aside)
    assert (await resolve(source(url, "aside"), home)).commit == aside
    for ref in ("nothing", "0" * 40, "-x", "refs/../x"):
        with pytest.raises(RefNotFound):
            await resolve(source(url, ref), home)


async def test_the_branch_of_another_workspace_is_no_source(repo: Path, home: Path) -> None:
    url = f"file://{repo}"
    handle = await resolve(source(url), home)
    await worktrees.create(handle.path, worktrees.location(handle, "a", home), "nexus/a", handle.commit)
    with pytest.raises(RefNotFound):
        await resolve(source(url, "nexus/a"), home)


async def test_owners_do_not_share_a_clone(repo: Path, home: Path) -> None:
    url = f"file://{repo}"
    mine = await resolve(source(url), home, owner="ada")
    theirs = await resolve(source(url), home, owner="grace")
    assert mine.path != theirs.path


async def test_twenty_at_once_share_one_clone(repo: Path, home: Path) -> None:
    url = f"file://{repo}"
    handles = await asyncio.gather(*(resolve(source(url), home) for _ in range(20)))
    assert {handle.path for handle in handles} == {shared_clone(url, home)}
    assert not repositories._fetches
    left = [name for name in os.listdir(home / "repositories") if name.startswith(".")]
    assert left == []


async def test_an_empty_remote_says_so_and_works_later(home: Path, git, tmp_path: Path) -> None:
    path = tmp_path / "late"
    git(tmp_path, "init", "--quiet", str(path))
    with pytest.raises(RefNotFound, match="no commits"):
        await resolve(source(f"file://{path}"), home)
    git(path, "commit", "--quiet", "--allow-empty", "-m", "x")
    assert (await resolve(source(f"file://{path}"), home)).ref == "main"


async def test_a_missing_remote_is_named(home: Path, tmp_path: Path) -> None:
    with pytest.raises(RepositoryUnusable) as caught:
        await resolve(source(f"file://{tmp_path}/gone"), home)
    assert "gone" in caught.value.message
    assert not any(name.endswith(".git") for name in os.listdir(home / "repositories"))


async def test_a_clone_cut_short_is_made_again(repo: Path, home: Path) -> None:
    url = f"file://{repo}"
    script = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from nexusd.git.repositories import resolve\nfrom nexus_sdk.protocol.types import RepositorySource\n"
        "asyncio.run(resolve(RepositorySource(url=sys.argv[1]), Path(sys.argv[2])))\n"
    )
    env = {**os.environ, "NEXUS_FAILPOINT": "git.clone.fetched"}
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, url, str(home)], env=env, timeout=60
    )
    assert killed.returncode == -9
    assert not shared_clone(url, home).exists()
    assert any(name.startswith(".") for name in os.listdir(home / "repositories"))
    handle = await resolve(source(url), home)
    assert handle.path.is_dir()
    assert not any(name.startswith(".") for name in os.listdir(home / "repositories"))


# -- credentials ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def smart_http(root: Path, credentials: str) -> Iterator[str]:
    """Repositories below `root` over HTTP, for whoever has the credentials."""
    backend = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    expected = "Basic " + base64.b64encode(credentials.encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            env = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_USER": "ada",
            }
            done = subprocess.run([f"{backend}/git-http-backend"], input=body, capture_output=True, env=env)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_credentials_in_a_url_are_used_and_kept_nowhere(repo: Path, home: Path) -> None:
    with smart_http(repo.parent, "ada:s3cret/x") as address:
        url = f"http://ada:s3cret%2Fx@{address}/project/.git"
        handle = await resolve(source(url), home)
        assert handle.url == f"http://{address}/project/.git"
        made = await worktrees.create(handle.path, worktrees.location(handle, "w", home), "nexus/w", handle.commit)
        assert (made / "a.txt").exists()
        token = base64.b64encode(b"ada:s3cret/x")
        for directory, _, files in os.walk(home):
            for name in files:
                content = Path(directory, name).read_bytes()
                assert b"s3cret" not in content and token not in content
        # Whoever has not the credentials does not get at the clone of somebody who had.
        for other in (f"http://{address}/project/.git", f"http://ada:wr0ng@{address}/project/.git"):
            with pytest.raises(RepositoryUnusable) as caught:
                await resolve(source(other), home)
            assert "wr0ng" not in repr(caught.value) + caught.value.details.reason  # type: ignore[union-attr]
            assert "credential" in caught.value.hint
