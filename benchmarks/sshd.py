"""An OpenSSH server of our own: temporary keys, loopback, no settings of the machine's."""

from __future__ import annotations

import contextlib
import getpass
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.children import READY_S, Child

__all__ = ["Sftp"]

HELP = "install it: apt-get install openssh-server"
_BINARY = "/usr/sbin/sshd"
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_COMMAND_S = 120.0
_STOP_S = 15.0


__all__ = ["HELP", "Sftp", "install"]


class Sftp:
    """A server, and the `sftp` client that talks to it.

    Args:
        directory: for its keys and configuration.

    Raises:
        RuntimeError: OpenSSH is missing, or does not start.
    """

    def __init__(self, directory: Path) -> None:
        if missing := install():
            raise RuntimeError(f"OpenSSH's {missing} is missing; {HELP}")
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

    def time(self, command: str) -> float:
        """Seconds of one command of sftp, within a session that is open before and until after.

        Raises:
            RuntimeError: it failed.
        """
        with tempfile.TemporaryFile() as errors:
            session = subprocess.Popen(
                self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0
            )
            try:
                self._say(session, "pwd")
                start = time.perf_counter()
                self._say(session, command, "pwd")
                return time.perf_counter() - start
            except EOFError:
                session.wait(_STOP_S)  # in batch mode a command that fails is the last one
                errors.seek(0)
                told = errors.read().decode(errors="replace").strip()
                raise RuntimeError(f"sftp {command}: {told} {self._child.tail()}") from None
            finally:
                session.kill()
                session.wait(_STOP_S)
                for pipe in (session.stdin, session.stdout):
                    assert pipe is not None
                    pipe.close()

    def _say(self, session: subprocess.Popen[bytes], *commands: str) -> None:
        """Give commands of which the last is `pwd`, and wait for its answer: by then the others are done."""
        assert session.stdin is not None and session.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            session.stdin.write("".join(f"{command}\n" for command in commands).encode())
        deadline = time.monotonic() + _COMMAND_S
        while True:
            ready, _, _ = select.select([session.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise RuntimeError(f"sftp {commands[0]} took more than {_COMMAND_S:g} s")
            line = session.stdout.readline()
            if not line:
                raise EOFError
            if line.startswith(b"Remote working directory"):
                return

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


def install() -> str:
    """Install OpenSSH where it is missing and that is allowed; the first program that is missing still, or nothing."""
    if _missing():
        _install()
    return _missing()


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
    # tests beside this one may be installing something too
    wait = ["apt-get", "-o", "DPkg::Lock::Timeout=120"]
    install = [*wait, "install", "-y", "-qq", "--no-install-recommends", "openssh-server", "openssh-client"]
    for command in (install, [*wait, "update", "-qq"], install):
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
