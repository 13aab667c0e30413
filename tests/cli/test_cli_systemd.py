"""The units of systemd."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
from boulder.app import cli
from boulder.node import systemd
from click.testing import CliRunner


def parsed(text: str) -> configparser.RawConfigParser:
    """A unit as sections; the last of several values of a key wins."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_service(tmp_path: Path) -> None:
    units = systemd.render(tmp_path / "home", argv=["/opt/bin/python", "-m", "nexusd"])
    service = parsed(units.service)["Service"]
    assert service["Type"] == "notify" and service["NotifyAccess"] == "main"
    assert service["ExecStart"] == "/opt/bin/python -m nexusd"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Environment"] == f"NEXUS_HOME={tmp_path / 'home'}"
    assert service["WatchdogSec"] == "30" and service["KillMode"] == "process" and service["Restart"] == "on-failure"
    assert "NoNewPrivileges" not in service
    assert "@" not in units.service.replace("nexusd@", "") and "@" not in units.socket


def test_strict(tmp_path: Path) -> None:
    service = parsed(systemd.render(tmp_path, argv=["/x"], strict=True).service)["Service"]
    assert service["NoNewPrivileges"] == "yes" and service["RestrictSUIDSGID"] == "yes"


def test_the_sockets(tmp_path: Path) -> None:
    text = systemd.render(tmp_path, argv=["/x"]).socket
    assert f"ListenStream={tmp_path}/run/nexusd.sock\n" in text and "ListenStream=127.0.0.1:8080\n" in text
    assert parsed(text)["Socket"]["SocketMode"] == "0600"
    assert "ListenStream=[::1]:99\n" in systemd.render(tmp_path, argv=["/x"], host="::1", port=99).socket
    assert systemd.render(tmp_path, argv=["/x"], port=None).socket.count("ListenStream=") == 1


def test_words_that_systemd_would_change() -> None:
    units = systemd.render(Path("/home/a b/100%"), argv=["/opt/a b/python", "$x"])
    assert 'ExecStart="/opt/a b/python" $$x\n' in units.service
    assert 'Environment="NEXUS_HOME=/home/a b/100%%"\n' in units.service
    assert "ListenStream=/home/a b/100%%/run/nexusd.sock\n" in units.socket


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("home", ["home", "a b/100%"])
def test_systemd_accepts_them(tmp_path: Path, strict: bool, home: str) -> None:
    place = tmp_path / "units"
    place.mkdir()
    for name, text in systemd.render(tmp_path / home, argv=["/bin/true", "a b"], strict=strict).items():
        (place / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "verify", place / systemd.SERVICE, place / systemd.SOCKET],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "nexusd" in line]
    assert done.returncode == 0 and not complaints, done.stderr


def test_print_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    done = CliRunner().invoke(cli, ["daemon", "install", "--print", "--port", "9000"])
    assert done.exit_code == 0
    assert "ListenStream=127.0.0.1:9000" in done.stdout and "Type=notify" in done.stdout
    assert not (tmp_path / "config").exists() and not (tmp_path / "home").exists()


def test_without_systemd_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(cli, ["daemon", "install"])
    assert done.exit_code == 1
    assert "this machine has no systemd" in done.stderr and "boulder daemon start" in done.stderr
    assert not (tmp_path / "config").exists()


def test_install_and_uninstall_with_a_systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n[ "$2" = is-active ] && echo inactive\nexit 0\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    done = CliRunner().invoke(cli, ["daemon", "install"])
    assert done.exit_code == 0, done.output
    written = tmp_path / "config" / "systemd" / "user"
    assert sorted(path.name for path in written.iterdir()) == ["nexusd.service", "nexusd.socket"]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[-2:] == ["--user daemon-reload", "--user enable --now nexusd.socket nexusd.service"]
    done = CliRunner().invoke(cli, ["daemon", "uninstall"])
    assert done.exit_code == 0, done.output
    assert list(written.iterdir()) == []
    assert "--user disable --now nexusd.service nexusd.socket" in (tmp_path / "calls").read_text()
