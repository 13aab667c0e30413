"""A real Docker Engine for tests: the one that runs, or one of our own that ends with the tests."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import engines
import pytest

BASE = "nexus-test-base:1"
"""busybox, and git with the libraries that it needs."""
READY_SECONDS = 60.0
_USUAL = "unix:///var/run/docker.sock"
_PACKAGES = ("docker.io", "busybox-static", "iptables", "iproute2")


class TestEngine:
    """An engine.

    Attributes:
        host: its address.
        api: a client, for what is to happen behind the backend's back.
    """

    __test__ = False

    def __init__(self, host: str) -> None:
        from docker.api.client import APIClient

        self.host = host
        self.api = APIClient(base_url=host, version="1.41", timeout=60)
        self._make_base()

    def _make_base(self) -> None:
        if not self.api.images(BASE):
            self.api.import_image_from_data(base_image(), repository=BASE.partition(":")[0], tag="1")

    def leftovers(self, instance: str) -> dict[str, list[str]]:
        """Everything at the engine that carries the marks of a daemon."""
        filters = {"label": [f"nexus.instance={instance}"]}
        return {
            "containers": [item["Names"][0] for item in self.api.containers(all=True, filters=filters)],
            "networks": [item["Name"] for item in self.api.networks(filters=filters)],
            "images": [item["Id"] for item in self.api.images(filters=filters, all=True)],
            "volumes": [item["Name"] for item in self.api.volumes(filters=filters)["Volumes"] or []],
        }

    def clear(self, instance: str) -> None:
        """Remove all that."""
        from docker.errors import APIError

        for workspace in self.leftovers(instance)["containers"]:
            self.api.remove_container(workspace, force=True, v=True)
        for network in self.leftovers(instance)["networks"]:
            self.api.remove_network(network)
        while images := self.leftovers(instance)["images"]:
            for image in images:
                with contextlib.suppress(APIError):  # one that others are made from goes after them
                    self.api.remove_image(image, force=True)
            if self.leftovers(instance)["images"] == images:
                raise AssertionError(f"{images} cannot be removed")


def base_image() -> bytes:
    """The files of `BASE`, as a tar."""
    busybox, git = shutil.which("busybox"), shutil.which("git")
    assert busybox is not None
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


class OwnEngine:
    """A dockerd of our own: in a root of its own, ended and cleaned up with the tests.

    Args:
        apart: in a network namespace of its own. Two engines in one would take each other's bridge away, and one that
            runs here already is somebody's.
    """

    def __init__(self, *, apart: bool) -> None:
        self._apart = apart
        # Short: the engine makes sockets below it, whose addresses hold 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="nxd", dir="/tmp"))
        self.socket = self.root / "docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the dockerd."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run it, and wait until it answers. Raises RuntimeError with its last words."""
        command = ["dockerd", "-H", f"unix://{self.socket}", "--data-root", str(self.root / "data")]
        command += ["--exec-root", str(self.root / "exec"), "--pidfile", str(self.root / "pid")]
        if self._apart:
            command = ["unshare", "--net", "sh", "-c", 'busybox ip link set lo up; exec "$0" "$@"', *command]
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + READY_SECONDS
        while not answers(f"unix://{self.socket}"):
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


def answers(host: str) -> bool:
    """Whether an engine is there."""
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


def unavailable(reason: str) -> Any:
    """No engine can be had: a skip here, a failure where everything must run."""
    engines.unavailable(f"no Docker Engine: {reason}")


def install() -> None:
    """Get the programs that are missing, as root on Debian; else skip or fail."""
    if all(shutil.which(name) for name in ("dockerd", "busybox", "iptables")):
        return
    if shutil.which("apt-get") is None:
        unavailable("it is not installed, and there is no apt-get")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    # A new machine has no lists of packages yet, or old ones.
    for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *_PACKAGES]):
        done = subprocess.run([*apt, *words], capture_output=True, text=True, env=environ, timeout=600, check=False)
    if shutil.which("dockerd") is None:
        unavailable(f"apt-get install failed: {done.stderr[-500:]}")


def start_own(*, apart: bool) -> OwnEngine:
    """A running engine of our own; else skip or fail."""
    if os.geteuid() != 0:
        unavailable("only root can start one")
    install()
    made = OwnEngine(apart=apart)
    for attempt in range(3):
        try:
            made.start()
            return made
        except RuntimeError as error:
            # Two engines that start at once, of two runs of the tests, take each other's rules of the firewall away.
            if attempt == 2:
                made.close()
                unavailable(str(error))
    raise AssertionError("one way or the other the loop has ended")


@pytest.fixture(scope="session")
def own_engine():
    """An engine that tests may stop, freeze and start again."""
    made = start_own(apart=True)
    yield made
    made.close()


@pytest.fixture(scope="session")
def engine():
    """The engine of these tests."""
    host, own = os.environ.get("DOCKER_HOST", _USUAL), None
    if not answers(host) or shutil.which("busybox") is None:
        own = start_own(apart=False)
        host = f"unix://{own.socket}"
    made = TestEngine(host)
    yield made
    made.api.close()
    if own is not None:
        own.close()
