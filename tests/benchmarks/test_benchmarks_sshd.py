"""sftp is timed within a session, so that what the session costs is no part of it."""

from __future__ import annotations

import pytest
from engines import unavailable

from benchmarks.sshd import HELP, Sftp, install


@pytest.fixture(scope="module")
def sftp(tmp_path_factory):
    if missing := install():
        unavailable(f"OpenSSH's {missing} is missing; {HELP}")
    server = Sftp(tmp_path_factory.mktemp("sftp") / "sshd")
    yield server
    server.stop()


def test_a_small_file_takes_some_time(sftp, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x" * 100)
    assert sftp.time(f"get {source} {target}") > 0
    assert target.read_bytes() == source.read_bytes()


def test_a_command_that_fails_says_why(sftp, tmp_path):
    with pytest.raises(RuntimeError, match="not found"):
        sftp.time(f"get {tmp_path / 'nothing'} {tmp_path / 'target'}")
