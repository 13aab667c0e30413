"""Drivers as the runner sees them: programs that take cases and answer them."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

SDKS = ("python", "typescript", "go")
"""Every SDK, in the order of the tables."""

GRACE_S = 15.0
"""How long after its deadline a case may be answered, on a machine that is busy; then its driver hangs."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Program:
    """How a driver is started."""

    argv: Sequence[str]
    environ: Mapping[str, str]


class Driver:
    """One running driver.

    Args:
        name: of its SDK.
        program: how to start it.
    """

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: dict[int, concurrent.futures.Future[Json]] = {}
        self._last = 0
        self._errors: IO[bytes] | None = None
        self._said = b""

    def ask(self, case: Json) -> Json:
        """Hand over a case and wait for its answer: ``{"ok": true, "result": …}`` or ``{"ok": false, "error": …}``.

        One that does not come in time, or never will because the driver has ended, is an error too, by the name of
        ``hangs`` or ``ended``; the next case then starts another driver.
        """
        if self._process is None:
            self._start()
        assert self._process is not None and self._process.stdin is not None
        self._last += 1
        answer = self._waiting[self._last] = concurrent.futures.Future()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"id": self._last, **case}).encode() + b"\n")
            self._process.stdin.flush()
        try:
            return answer.result(case.get("timeout_ms", 60_000) / 1000 + GRACE_S)
        except TimeoutError:
            fault = "hangs"
        except EOFError:
            fault = "ended"
        self.kill()
        return {"ok": False, "error": {"name": fault, "code": None, "message": self.errors(), "may_have_run": None}}

    def result(self, case: Json) -> Any:
        """Like `ask`, of a case that must succeed: its result."""
        answer = self.ask(case)
        assert answer["ok"], f"{self.name}: {case}: {answer['error']}"
        return answer["result"]

    def errors(self) -> str:
        """What it said on its standard error."""
        if self._errors is not None:
            self._errors.seek(0)
            self._said = self._errors.read()
        return self._said[-4000:].decode(errors="replace")

    def stop(self) -> None:
        """End its input; it must end by itself, with 0."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            code = process.wait(60.0)
        except subprocess.TimeoutExpired:
            code = None
        self.kill()
        assert code == 0, f"{self.name}: at the end of its input the driver ended with {code}\n{self.errors()}"

    def kill(self) -> None:
        """End it whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        self.errors()
        assert process.stdin is not None and self._errors is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        self._errors.close()
        self._errors = None

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the driver
        self._process = subprocess.Popen(
            [*self._program.argv],
            env=dict(self._program.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._waiting = {}
        threading.Thread(target=_read, args=(self._process, self._waiting), daemon=True).start()


def _read(process: subprocess.Popen[bytes], waiting: dict[int, concurrent.futures.Future[Json]]) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            answer = json.loads(line)
            future = waiting.pop(answer.pop("id"))
            if set(answer) == ({"ok", "result"} if answer["ok"] else {"ok", "error"}):
                future.set_result(answer)
            else:
                future.set_exception(AssertionError(f"not an answer: {answer}"))
    for future in waiting.values():
        future.set_exception(EOFError())


def each(drivers: Mapping[str, Driver], cases: Mapping[str, Json]) -> dict[str, Json]:
    """Ask every driver its own case, at the same time. The answers by SDK."""
    with concurrent.futures.ThreadPoolExecutor(len(drivers)) as pool:
        asked = {name: pool.submit(drivers[name].ask, cases[name]) for name in drivers}
        return {name: answer.result() for name, answer in asked.items()}
