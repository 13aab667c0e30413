"""The daemon as a service of the user's systemd: units, enabling them, and what to do without systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from boulder.errors import CliError
from boulder.node.start import daemon_argv

__all__ = ["SERVICE", "SOCKET", "Manager", "Units", "render", "unit_directory"]

SERVICE: Final = "nexusd.service"
SOCKET: Final = "nexusd.socket"
_SECONDS: Final = 90
_DEFAULT_HOST: Final = "127.0.0.1"
_DEFAULT_PORT: Final = 8080


@dataclass(frozen=True, slots=True)
class Units:
    """The text of both units, by their names."""

    service: str
    socket: str

    def items(self) -> list[tuple[str, str]]:
        """Name and text of each."""
        return [(SERVICE, self.service), (SOCKET, self.socket)]


def unit_directory() -> Path:
    """Where the user's own units are."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return Path(base if base and os.path.isabs(base) else os.path.expanduser("~/.config")) / "systemd" / "user"


def render(
    home: Path,
    *,
    host: str = _DEFAULT_HOST,
    port: int | None = _DEFAULT_PORT,
    strict: bool = False,
    argv: list[str] | None = None,
) -> Units:
    """Return the units of a home.

    Args:
        home: NEXUS_HOME.
        host: address of the TCP socket.
        port: its port; None for no TCP socket of systemd's: the daemon then opens the configured one itself.
        strict: forbid set-user-ID programs in workspaces.
        argv: the daemon's command; None finds it.
    """
    address = f"[{host}]" if ":" in host else host
    words = {
        "EXEC": " ".join(_quote(word) for word in argv or daemon_argv()),
        "HOME": _quote(f"NEXUS_HOME={home}", expands=False),
        "SOCKET": str(home / "run" / "nexusd.sock").replace("%", "%%"),
        "TCP": "" if port is None else f"ListenStream={address}:{port}\n",
        "STRICT": _template("strict.in") if strict else "",
    }
    return Units(_fill("nexusd.service.in", words), _fill("nexusd.socket.in", words))


def _template(name: str) -> str:
    return (resources.files("boulder.node") / "units" / name).read_text()


def _fill(name: str, words: dict[str, str]) -> str:
    text = _template(name)
    for key, value in words.items():
        text = text.replace(f"@{key}@", value)
    return text


def _quote(word: str, *, expands: bool = True) -> str:
    """Write a word as systemd reads it back: quoted where it must be, with specifiers and variables left alone.

    Args:
        word: what is meant.
        expands: whether variables are expanded where it stands.
    """
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if expands:
        escaped = escaped.replace("$", "$$")
    return f'"{escaped}"' if any(character in word for character in " \t\"'\\;") else escaped


class Manager:
    """The user's systemd."""

    @staticmethod
    def missing() -> str | None:
        """Why it cannot be used; None if it can."""
        if shutil.which("systemctl") is None:
            return "this machine has no systemd"
        try:
            done = _systemctl("show-environment")
        except subprocess.TimeoutExpired:
            return "the user's systemd does not answer"
        if done.returncode:
            return "there is no systemd for this user: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return None

    @staticmethod
    def installed() -> bool:
        """Whether our service is among the user's units."""
        return (unit_directory() / SERVICE).exists()

    def active(self, unit: str = SERVICE) -> bool:
        """Whether a unit is running."""
        if not self.installed() or shutil.which("systemctl") is None:
            return False
        try:
            return _systemctl("is-active", unit).stdout.strip() in ("active", "activating", "reloading", "deactivating")
        except subprocess.TimeoutExpired:
            return False

    def install(self, units: Units) -> None:
        """Write the units, enable them and start them."""
        directory = unit_directory()
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            temporary = directory / f".{name}.tmp"
            temporary.write_text(text)
            os.replace(temporary, directory / name)
        self.run("daemon-reload")
        self.run("enable", "--now", SOCKET, SERVICE)

    def uninstall(self) -> bool:
        """Stop and disable the units and remove them; False if there were none."""
        directory = unit_directory()
        if not any((directory / name).exists() for name in (SERVICE, SOCKET)):
            return False
        self.run("disable", "--now", SERVICE, SOCKET)
        for name in (SERVICE, SOCKET):
            (directory / name).unlink(missing_ok=True)
        self.run("daemon-reload")
        return True

    def run(self, *argv: str) -> None:
        """Run systemctl.

        Raises:
            CliError: it failed, or took too long.
        """
        try:
            done = _systemctl(*argv)
        except subprocess.TimeoutExpired:
            raise CliError(
                f"systemctl --user {' '.join(argv)} took longer than {_SECONDS} s", name="systemd_timeout", exit=7
            ) from None
        if done.returncode:
            raise CliError(
                f"systemctl --user {' '.join(argv)} failed: {done.stderr.strip()}",
                hint=f"journalctl --user -u {SERVICE} -n 30 shows why",
                name="systemd_failed",
            )

    @staticmethod
    def lingering() -> bool | None:
        """Whether the user's services outlive the last session; None where that cannot be told."""
        import pwd

        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            return None
        folder = Path("/var/lib/systemd/linger")
        return (folder / name).exists() if folder.parent.is_dir() else None


def _systemctl(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemctl", "--user", *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
