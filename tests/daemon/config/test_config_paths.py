"""NEXUS_HOME: private, ours, or refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from nexusd.config.paths import Home, HomeUnusable


def modes(home: Home) -> dict[str, int]:
    return {name: stat.S_IMODE(os.stat(home.path / name).st_mode) for name in os.listdir(home.path)}


def test_a_home_is_made_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "nexus")
    old = os.umask(0)
    try:
        home.prepare()
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(home.path).st_mode) == 0o700
    assert modes(home) == dict.fromkeys(["keys", "run", "state", "logs", "repositories", "worktrees"], 0o700)
    home.prepare()


def test_where_things_are(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert os.fspath(home) == str(tmp_path)
    assert home.config == tmp_path / "config.yaml"
    assert home.database == tmp_path / "state" / "nexus.db"
    assert home.socket() == tmp_path / "run" / "nexusd.sock"
    assert home.socket("/run/other.sock") == Path("/run/other.sock")
    assert home.audit_log == tmp_path / "logs" / "audit.log"


def test_finding_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Home.find({}).path == tmp_path / ".nexus"
    assert Home.find({"NEXUS_HOME": ""}).path == tmp_path / ".nexus"
    assert Home.find({"NEXUS_HOME": "/srv/nexus"}).path == Path("/srv/nexus")


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
@pytest.mark.parametrize("name", [".", "keys"])
def test_a_home_that_others_can_write_to_is_refused(tmp_path: Path, mode: int, name: str) -> None:
    home = Home(tmp_path / "nexus")
    home.prepare()
    (home.path / name).chmod(mode)
    with pytest.raises(HomeUnusable, match=r"written to by others.*chmod go-w"):
        home.prepare()


def test_a_home_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a directory away needs root")
    home = Home(tmp_path / "nexus")
    home.prepare()
    os.chown(home.path, 12345, 12345)
    with pytest.raises(HomeUnusable, match="belongs to user id 12345, and this is user id 0"):
        home.prepare()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nexus").write_text("")
    with pytest.raises(HomeUnusable, match="is not a directory"):
        Home(tmp_path / "nexus").prepare()
    with pytest.raises(HomeUnusable, match="cannot be made"):
        Home(tmp_path / "nexus" / "below").prepare()
