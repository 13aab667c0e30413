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
        self._lock = threading.Lock()
        self._errors: IO[bytes] | None = None
        self._said = b""

    def send(self, case: Json) -> concurrent.futures.Future[Json]:
        """Hand over a case; its whole answer is still to come. The id is ours to choose."""
        if self._process is None:
            self._start()
        assert self._process is not None and self._process.stdin is not None
        with self._lock:
            self._last += 1
            answer = self._waiting[self._last] = concurrent.futures.Future()
            self._process.stdin.write(json.dumps({"id": self._last, **case}).encode() + b"\n")
            self._process.stdin.flush()
        return answer

    def ask(self, case: Json) -> Json:
        """Hand over a case and wait for its answer: ``{"ok": true, "result": …}`` or ``{"ok": false, "error": …}``.

        Raises:
            AssertionError: it did not come in time; the driver is killed, the next case starts another.
        """
        answer = self.send(case)
        patience = case.get("timeout_ms", 60_000) / 1000 + GRACE_S
        try:
            return answer.result(patience)
        except TimeoutError:
            self.kill()
            raise AssertionError(f"{self.name}: no answer within {patience:g} s to {case}{self.errors()}") from None

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
        """End its input; it must end by itself, with 0, and have answered everything."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            code = process.wait(60.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.name}: the driver did not end with its input\n{self.errors()}") from None
        finally:
            self._ended(process)
        assert code == 0, f"{self.name}: the driver ended with {code}\n{self.errors()}"

    def kill(self) -> None:
        """End it whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._ended(process)

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
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
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                answer = json.loads(line)
                waiting = self._waiting.pop(answer.pop("id"))
                wanted = {"ok", "result"} if answer["ok"] else {"ok", "error"}
                if set(answer) == wanted:
                    waiting.set_result(answer)
                else:
                    waiting.set_exception(AssertionError(f"{self.name}: not an answer: {answer}"))
        for answer in self._waiting.values():
            answer.set_exception(AssertionError(f"{self.name}: the driver ended: {self.errors()}"))
        self._waiting.clear()


def each(drivers: Mapping[str, Driver], cases: Mapping[str, Json] | Json) -> dict[str, Json]:
    """Ask every driver at the same time: all the same case, or each its own. The answers by SDK."""
    own = {name: cases[name] if name in cases else cases for name in drivers}
    with concurrent.futures.ThreadPoolExecutor(len(drivers)) as pool:
        asked = {name: pool.submit(drivers[name].ask, dict(own[name])) for name in drivers}
        return {name: answer.result() for name, answer in asked.items()}
