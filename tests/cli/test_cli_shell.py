"""Terminal sessions, on pseudo-terminals, against a real daemon."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

SHELL = ("--env", "SHELL=/bin/sh", "--env", "PS1=>", "--env", "ENV=")
"""A shell without a profile's doings: a prompt of one character."""


@pytest.fixture(autouse=True)
def tidy(boulder):
    """Nothing that a test leaves running is seen by the next one."""
    yield
    left = boulder.ok("ps", "-q", "work").split()
    if left:
        boulder("kill", "-s", "KILL", *left)


def started(boulder, *args: str, **options):
    """A shell whose prompt has come."""
    terminal = boulder.pty("shell", *SHELL, *(args or ("work",)), **options)
    terminal.until_raw()
    terminal.type("echo rea''dy\r")
    terminal.until("ready\r\n")
    return terminal


def test_a_full_terminal(boulder) -> None:
    with started(boulder, cols=123, rows=45) as terminal:
        terminal.type("stty size; echo $TERM\r")
        terminal.until("45 123\r\n")
        terminal.until("xterm-256color\r\n")
        terminal.type("while [ \"$(stty size)\" != '20 80' ]; do sleep 0.05; done; echo re''sized\r")
        terminal.until("sized\r\n")
        terminal.resize(80, 20)
        terminal.until("resized\r\n")
        terminal.type("printf '%s\\n' 'grüße 漢字…' | tr a-z A-Z\r")
        terminal.until("GRüßE 漢字…\r\n")
        terminal.type("exit 7\r")
        assert terminal.wait() == 7
        assert terminal.attributes == terminal.before


def test_control_c_reaches_the_program(boulder) -> None:
    with started(boulder) as terminal:
        terminal.type("sleep 1000; echo en''ded $?\r")
        terminal.until("$?\r\n")
        until_runs(boulder, "sleep 1000")
        terminal.type("\x03")
        terminal.type("\recho co''de $?\r")
        terminal.until("code")
        terminal.type("exit\r")
        terminal.wait()
        assert terminal.attributes == terminal.before


def until_runs(boulder, command: str) -> None:
    """Wait until a command runs on this machine."""
    deadline = time.monotonic() + 20
    while subprocess.run(["pgrep", "-f", f"^{command}$"], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, f"{command} does not run"
        time.sleep(0.02)


def test_leaving_and_returning(boulder) -> None:
    with started(boulder) as terminal:
        terminal.type("MARK=kept\r")
        terminal.until("kept\r\n")
        terminal.type("~.")
        said = terminal.wait()
        assert said == 0 and terminal.attributes == terminal.before
        process = terminal.seen.decode().split("boulder attach ")[1].split()[0]
    assert process in boulder.ok("ps", "-q", "work").split()
    with boulder.pty("shell", "--attach", process, cols=90, rows=33) as terminal:
        terminal.until_raw()
        terminal.type("echo is:$MARK; stty size\r")
        terminal.until("is:kept\r\n")
        terminal.until("33 90\r\n")
        terminal.type("exit 3\r")
        assert terminal.wait() == 3
    assert process not in boulder.ok("ps", "-q", "work").split()


def test_what_was_asked_of_a_terminal_is_not_asked_again_on_return(boulder) -> None:
    with started(boulder) as terminal:
        terminal.type("printf 'as''ked\\033[6n\\033[c\\033]11;?\\033\\\\-then\\n'\r")
        terminal.until("asked\x1b[6n\x1b[c\x1b]11;?\x1b\\-then\r\n")
        terminal.type("\r~.")
        assert terminal.wait() == 0
        process = terminal.seen.decode().split("boulder attach ")[1].split()[0]
    with boulder.pty("attach", process) as terminal:
        terminal.until("asked-then\r\n")
        terminal.type("printf 'li''ve\\033[6n\\n'\r")
        terminal.until("live\x1b[6n\r\n")
        terminal.type("exit\r")
        assert terminal.wait() == 0


def test_what_we_say_begins_a_line(boulder) -> None:
    with started(boulder) as terminal:
        terminal.type("\r~.")
        assert terminal.wait() == 0
        assert b"\nleft pr_" in terminal.seen


def test_a_shell_that_goes_by_itself_says_why(boulder) -> None:
    boulder.ok("up", "brief")
    with started(boulder, "brief") as terminal:
        boulder.ok("ws", "stop", "brief")
        assert terminal.wait() > 128
        assert b"was ended by SIG" in terminal.seen and b"was stopped" in terminal.seen
    boulder.ok("down", "brief")


def test_help_of_the_escapes_and_a_tilde(boulder) -> None:
    with started(boulder) as terminal:
        terminal.type("\r~?")
        terminal.until("escapes, after Enter:")
        terminal.type("\r~~x")
        terminal.until("~x")
        terminal.type("\x15exit\r")
        terminal.wait()


def test_an_observer_is_told_and_cannot_type(boulder) -> None:
    with started(boulder) as controller:
        process = boulder.ok("ps", "-q", "work").strip()
        with boulder.pty("attach", process) as observer:
            observer.until("you observe")
            observer.until_raw()
            controller.type("echo fo''r both\r")
            observer.until("for both\r\n")
            controller.type("clear; printf 'as''ked\\033[6n-\\n'\r")
            observer.until("asked-\r\n")
            observer.type("echo in''trusion\r")
            observer.until("you observe")
            observer.until("\a")
            observer.type("~.")
            assert observer.wait() == 0
            assert observer.attributes == observer.before
        assert b"intrusion" not in controller.seen
        controller.type("exit\r")
        assert controller.wait() == 0
        assert b"intrusion" not in controller.seen


def test_a_takeover_ends_the_old_one_with_a_reason(boulder) -> None:
    with started(boulder) as old:
        process = boulder.ok("ps", "-q", "work").strip()
        with boulder.pty("attach", "--takeover", process) as new:
            new.until_raw()
            assert old.wait() == 125
            assert b"took over" in old.seen and b"--observe" in old.seen
            assert old.attributes == old.before
            new.type("echo mi''ne\r")
            new.until("mine\r\n")
            new.type("exit\r")
            assert new.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back_after_a_signal(boulder, number: signal.Signals) -> None:
    with started(boulder) as terminal:
        process = boulder.ok("ps", "-q", "work").strip()
        os.kill(terminal.pid, number)
        assert terminal.wait() == 128 + number
        assert terminal.attributes == terminal.before
    assert boulder.ok("ps", "-q", "work").strip() == process
    boulder.ok("kill", "-s", "KILL", process)


def test_being_stopped_and_continued(boulder) -> None:
    with started(boulder) as terminal:
        os.kill(terminal.pid, signal.SIGSTOP)
        # as a shell does when it takes the terminal back
        termios.tcsetattr(terminal.slave, termios.TCSANOW, terminal.before)
        terminal.resize(70, 22, signal_it=False)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.until_raw()
        terminal.type("stty size\r")
        terminal.until("22 70\r\n")
        terminal.type("exit\r")
        assert terminal.wait() == 0


def test_modes_that_a_program_leaves_on_are_put_back(boulder) -> None:
    with started(boulder) as terminal:
        terminal.type("printf '\\033[?1049h\\033[?2004h\\033[?25l'; echo o''n\r")
        terminal.until("on\r\n")
        terminal.type("\r~.")
        assert terminal.wait() == 0
        after = terminal.seen.rpartition(b"on\r\n")[2]
        assert b"\x1b[?25h" in after and b"\x1b[?1049l" in after and b"\x1b[?2004l" in after


def test_exec_with_a_terminal(boulder) -> None:
    with boulder.pty("exec", "-t", "work", "--", "sh", "-c", "tty; stty size; exit 4", cols=77, rows=11) as terminal:
        terminal.until("/dev/pts/")
        terminal.until("11 77\r\n")
        assert terminal.wait() == 4
        assert terminal.attributes == terminal.before


def test_without_a_terminal_there_is_no_shell(boulder) -> None:
    done = boulder("shell", "work")
    assert done.returncode == 2 and b"boulder exec" in done.stderr


def test_a_workspace_that_does_not_run(boulder) -> None:
    boulder.ok("ws", "create", "asleep", "--no-start")
    with boulder.pty("shell", "asleep") as terminal:
        assert terminal.wait() == 125
        assert b"is stopped" in terminal.seen and terminal.attributes == terminal.before
    boulder.ok("down", "asleep")


class Relay:
    """A relay in front of the daemon's socket whose connections a test can cut."""

    def __init__(self, target: Path, place: Path) -> None:
        self._target = target
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(place))
        self._server.listen()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.url = f"unix:{place}"
        self.accepted = 0

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(str(self._target))
            self._pairs.append((client, upstream))
            self.accepted += 1
            thread = threading.Thread(target=self._carry, args=(client, upstream))
            self._threads.append(thread)
            thread.start()

    @staticmethod
    def _carry(client: socket.socket, upstream: socket.socket) -> None:
        other = {client: upstream, upstream: client}
        with client, upstream, contextlib.suppress(OSError):
            while True:
                for source in select.select([client, upstream], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    other[source].sendall(data)

    def cut(self) -> None:
        """Break every connection that is open."""
        pairs, self._pairs = self._pairs, []
        for end in [end for pair in pairs for end in pair]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def relay(boulder, node, tmp_path):
    """The daemon's socket behind a relay, and the environment that leads there."""
    relay = Relay(node.socket, tmp_path / "relay")
    yield relay, {"NEXUS_URL": relay.url}
    relay.close()


def test_a_dropped_connection_goes_unnoticed(boulder, relay) -> None:
    line, environ = relay
    with started(boulder, "work", **environ) as terminal:
        for turn in range(5):
            line.cut()
            terminal.type(f"echo tu''rn {turn}\r")
            terminal.until(f"turn {turn}\r\n")
        assert line.accepted >= 6
        terminal.type("exit 5\r")
        assert terminal.wait() == 5
        assert terminal.seen.count(b"turn 3\r\n") == 1


def test_exec_survives_dropped_connections(boulder, relay) -> None:
    line, environ = relay
    code = "import sys\nfor i in range(300000): print(f'{i:07d}', flush=i % 1000 == 0)"
    argv = [*boulder.argv, "exec", "work", "--", sys.executable, "-c", code]
    with subprocess.Popen(argv, cwd=boulder.cwd, env=boulder.env(**environ), stdout=subprocess.PIPE) as running:
        number = 0
        for number, text in enumerate(running.stdout):
            assert text == b"%07d\n" % number
            if number % 40_000 == 20_000:
                line.cut()
        assert number == 299_999
        assert running.wait(20) == 0
    assert line.accepted >= 5
