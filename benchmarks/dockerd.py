"""A Docker Engine: the one that runs here, or one of our own that ends with whoever uses it; and an image for it.

Tests, benchmarks and the demo share this. No registry is asked for anything: images are packed from programs that this
machine has.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.toolchains import Unavailable

__all__ = ["Engine", "OwnEngine", "Unavailable", "address", "answers", "base_image", "install", "missing"]

READY_SECONDS = 60.0
API_VERSION = "1.41"
_SHORT = 40
_USUAL = "unix:///var/run/docker.sock"
_ENGINE = ("dockerd", "containerd", "iptables", "ip", "unshare")
_PROGRAMS = (*_ENGINE, "busybox")
_PACKAGES = ("docker.io", "busybox-static", "iptables", "iproute2")


def address() -> str:
    """Where an engine is looked for: DOCKER_HOST, else its usual socket."""
    return os.environ.get("DOCKER_HOST") or _USUAL


def answers(host: str) -> bool:
    """Whether an engine is there. One that is not on this machine is taken at its word."""
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(host.removeprefix("unix://"))
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in probe.recv(200)
        except OSError:
            return False


def missing(programs: Sequence[str] = _ENGINE) -> str:
    """What an engine of our own needs and this machine has not, in words; empty when everything is there."""
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not found; install it: apt-get install {' '.join(_PACKAGES)}"
    if os.geteuid() != 0:
        return "only root can start one; start Docker, or set DOCKER_HOST"
    return ""


def install() -> None:
    """Get the programs that are missing, as root on Debian.

    Raises:
        Unavailable: that cannot be done here.
    """
    if all(shutil.which(name) for name in _PROGRAMS):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(missing(_PROGRAMS))
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    # A new machine has no lists of packages yet, or old ones.
    for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *_PACKAGES]):
        done = subprocess.run([*apt, *words], capture_output=True, text=True, env=environ, timeout=600, check=False)
    if shutil.which("dockerd") is None:
        raise Unavailable(f"apt-get install failed: {done.stderr[-500:]}")


class OwnEngine:
    """A dockerd of our own: in a root of its own, ended and cleaned up by `close`.

    Args:
        apart: in a network namespace of its own. Two engines in one would take each other's bridge away, and one that
            runs here already is somebody's; and bridge and rules of the firewall go with it. What containers publish is
            then reached in there only.
    """

    def __init__(self, *, apart: bool) -> None:
        self._apart = apart
        # Short: the engine makes sockets below it, whose addresses hold 107 bytes.
        folder = tempfile.gettempdir()
        self.root = Path(tempfile.mkdtemp(prefix="nxd", dir=folder if len(folder) <= _SHORT else "/tmp"))
        self.socket = self.root / "docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def started(cls, *, apart: bool) -> OwnEngine:
        """One that runs.

        Raises:
            Unavailable: it cannot be started here; says why.
        """
        if trouble := missing():
            raise Unavailable(trouble)
        made = cls(apart=apart)
        try:
            for _ in range(2):
                try:
                    made.start()
                    return made
                except RuntimeError:
                    # Two engines that start at once take each other's rules of the firewall away.
                    continue
            made.start()
        except RuntimeError as error:
            made.close()
            raise Unavailable(str(error)) from None
        except BaseException:
            made.close()
            raise
        return made

    @property
    def host(self) -> str:
        """Its address."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """Of the dockerd."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run it, and wait until it answers. Raises RuntimeError with its last words."""
        command = ["dockerd", "-H", self.host, "--data-root", str(self.root / "data")]
        command += ["--exec-root", str(self.root / "exec"), "--pidfile", str(self.root / "pid")]
        if self._apart:
            command = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$0" "$@"', *command]
        with (self.root / "log").open("ab") as log:
            # A session of its own: Ctrl-C is for whoever uses it, who ends it last.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + READY_SECONDS
        while not answers(self.host):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError("dockerd does not start: " + (self.root / "log").read_text()[-1500:])
            time.sleep(0.1)

    def stop(self) -> None:
        """End it, with its containers."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self) -> None:
        """End it and remove its files."""
        self.stop()
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in sorted((path for path in mounts if path.startswith(f"{self.root}/")), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.root, ignore_errors=True)


class Engine:
    """The engine that runs here, or else one of our own, apart; use it in `with`.

    What was put there is gone afterwards. Ports that containers publish may be out of reach.

    Attributes:
        host: its address.
        own: whether we started it.
        api: a client of the engine's library.
    """

    def __init__(self) -> None:
        """Find one or start one.

        Raises:
            Unavailable: there is none, and it cannot be started here; says why.
        """
        found = address()
        self._own = None if answers(found) else OwnEngine.started(apart=True)
        self.host = found if self._own is None else self._own.host
        self._images: list[str] = []
        from docker.api.client import APIClient

        self.api: Any = APIClient(base_url=self.host, version=API_VERSION, timeout=120)

    @property
    def own(self) -> bool:
        """Whether we started it."""
        return self._own is not None

    def has(self, image: str) -> bool:
        """Whether it has an image of this name."""
        return bool(self.api.images(image))

    def put(self, image: str, files: bytes | Path) -> None:
        """Make an image (`name:tag`) from a tar of its files, or from the path of one; gone again at the end."""
        name, _, tag = image.partition(":")
        self._images.append(image)
        if isinstance(files, Path):
            self.api.import_image_from_file(str(files), repository=name, tag=tag)
        else:
            self.api.import_image_from_data(files, repository=name, tag=tag)

    def close(self) -> None:
        """Remove what was put there; end it if it is ours."""
        from docker.errors import APIError

        try:
            if self._own is None:
                for image in self._images:
                    try:
                        self.api.remove_image(image, force=True)
                    except APIError as error:
                        if error.response is None or error.response.status_code != 404:
                            raise
        finally:
            self.api.close()
            if self._own is not None:
                self._own.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def base_image() -> bytes:
    """The files of a small image, as a tar: busybox, and git with the libraries that it needs where there is one.

    Raises:
        Unavailable: there is no busybox.
    """
    busybox, git = shutil.which("busybox"), shutil.which("git")
    if busybox is None:
        raise Unavailable("busybox not found; install it: apt-get install busybox-static")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder in ("bin", "etc", "tmp", "root", "usr", "usr/bin", "lib", "lib64"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        tar.add(os.path.realpath(busybox), "bin/busybox")
        listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for name in set(listed) - {"busybox"}:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        passwd = tarfile.TarInfo("etc/passwd")
        text = b"root:x:0:0:root:/root:/bin/sh\n"
        passwd.size = len(text)
        tar.addfile(passwd, io.BytesIO(text))
        if git is not None:
            for path in {git, *_libraries(git)}:
                tar.add(os.path.realpath(path), path.lstrip("/"))
    return packed.getvalue()


def _libraries(program: str) -> list[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [word for word in listed.split() if word.startswith("/")]
