"""An OpenSSH server of our own: temporary keys, loopback, no settings of the machine's."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from benchmarks.children import READY_S, Child

__all__ = ["Sftp"]

_HELP = "install it: apt-get install openssh-server"
_BINARY = "/usr/sbin/sshd"
_PRIVILEGE_SEPARATION = Path("/run/sshd")


class Sftp:
    """A server, and the `sftp` client that talks to it.

    Args:
        directory: for its keys and configuration.

    Raises:
        RuntimeError: OpenSSH is missing, or does not start.
    """

    def __init__(self, directory: Path) -> None:
        if _missing():
            _install()
        if missing := _missing():
            raise RuntimeError(f"OpenSSH's {missing} is missing; {_HELP}")
        directory.mkdir(mode=0o700)
        self._port = _free_port()
        host, user = (_key(directory / name) for name in ("host", "user"))
        authorized = directory / "authorized_keys"
        shutil.copy(user.with_suffix(".pub"), authorized)
        config = directory / "sshd_config"
        config.write_text(
            f"Port {self._port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {authorized}\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\nPidFile none\nSubsystem sftp internal-sftp\nLogLevel ERROR\n"
        )
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        self._child = Child([_binary(), "-D", "-e", "-f", str(config)], directory / "sshd.log")
        self._argv = [
            *("sftp", "-q", "-F", "/dev/null", "-P", str(self._port), "-i", str(user), "-b", "-"),
            *("-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
            *("-o", f"UserKnownHostsFile={directory / 'known_hosts'}", f"{getpass.getuser()}@127.0.0.1"),
        ]
        try:
            self._wait()
        except BaseException:
            self._child.stop()
            raise

    def run(self, command: str) -> None:
        """One command of sftp, in a session of its own."""
        done = subprocess.run(
            self._argv, input=f"{command}\n", capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise RuntimeError(f"sftp {command}: {done.stderr.strip()} {self._child.tail()}")

    def stop(self) -> None:
        """Stop the server."""
        self._child.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            self._child.check()
            try:
                socket.create_connection(("127.0.0.1", self._port), 5).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"sshd does not listen: {self._child.tail()}") from None
            time.sleep(0.01)


def _binary() -> str:
    return shutil.which("sshd") or _BINARY


def _missing() -> str:
    """The first program of OpenSSH that is not there; empty when all are."""
    for program in (_binary(), "sftp", "ssh-keygen"):
        if shutil.which(program) is None:
            return Path(program).name
    return ""


def _install() -> None:
    """Install OpenSSH where that starts no service: as root, on Debian and its kin, without systemd."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None or Path("/run/systemd/system").exists():
        return
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "openssh-server", "openssh-client"]
    for command in (install, ["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=environ, capture_output=True, timeout=180, check=False)
        if command is install and done.returncode == 0:
            return


def _key(path: Path) -> Path:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
    return path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
