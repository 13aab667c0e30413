"""The programs of `benchmarks.clients`: built, started, and told what to do."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.children import ROOT, environment, resident
from benchmarks.servers import Daemon
from benchmarks.toolchains import PACKAGE, Unavailable, go_program, install_packages, node_path, packages_lock

__all__ = ["LANGUAGES", "Language", "Program", "Unavailable"]

BUILD_S = 600.0
ANSWER_S = 120.0
STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        name: of the language's SDK.
        bare: what the bare client is made of.
        build: makes the program; returns its command, to which `sdk` or `bare` is added. Raises Unavailable.
    """

    name: str
    bare: str
    build: Callable[[Path], list[str]]


def _python(directory: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.clients"]


def _typescript(directory: Path) -> list[str]:
    environ = environment()
    programs = node_path(_toolchain("node"))
    if programs is not None:
        environ["PATH"] = os.pathsep.join([programs, environ["PATH"]])
    # inside node_modules, so that it finds the package ws and nobody takes it for a source
    target = PACKAGE / "node_modules" / f".nexus-bench-{os.getpid()}.mjs"
    with packages_lock():
        install_packages(environ)
        _build(
            [
                *("node", "node_modules/esbuild/bin/esbuild", "bench/main.ts", f"--outfile={target}"),
                *("--bundle", "--platform=node", "--format=esm", "--target=node20", "--external:ws"),
                "--log-level=warning",
            ],
            PACKAGE,
            environ,
        )
    program = target.rename(target.with_name(".nexus-bench.mjs"))
    node = "node" if programs is None else str(Path(programs) / "node")
    return [node, "--expose-gc", str(program)]


def _go(directory: Path) -> list[str]:
    environ = {**environment(), "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    program = directory / "go-client"
    _build([str(go_program(_toolchain("go"))), "build", "-o", str(program), "./cmd/bench"], ROOT / "sdk-go", environ)
    return [str(program)]


LANGUAGES = (
    Language("Python SDK", "websockets", _python),
    Language("TypeScript SDK", "ws", _typescript),
    Language("Go SDK", "coder/websocket", _go),
)


class Program:
    """One client process. Use it in `with`.

    Args:
        argv: its command.
        log: for what it says beside its answers.
    """

    def __init__(self, argv: list[str], log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT, env=environment()
            )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def connect(self, daemon: Daemon) -> Program:
        """Connect it."""
        self.tell("connect", url=f"ws://127.0.0.1:{daemon.port}/rpc", token=daemon.token)
        return self

    def tell(self, do: str, **arguments: Any) -> float:
        """Give it a command and wait; the seconds that it answers, 0 where there are none.

        Raises:
            RuntimeError: it failed.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        # an answer is one short line, which is written at once
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_S)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError(f"{self._process.args!r} did not answer {do}: {self._log.read_text()[-2000:]}")
        answer = json.loads(line)
        if answer.get("error"):
            raise RuntimeError(f"{do}: {answer['error']}")
        return float(answer.get("seconds", 0.0))

    def resident(self) -> int:
        """Its resident memory, in bytes."""
        return resident(self._process.pid)

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait(STOP_S)
        self._process.stdin.close()
        self._process.stdout.close()


def _toolchain(name: str) -> Path:
    """Where a toolchain is kept that this machine does not have."""
    return Path(sys.prefix) / "toolchains" / name


def _build(argv: list[str], directory: Path, environ: dict[str, str]) -> None:
    made = subprocess.run(
        argv,
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    if made.returncode != 0:
        raise Unavailable(f"{' '.join(argv[:2])} failed: {made.stdout[-600:].strip()}")
