from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from nexusd.server.listeners import BindProblem, activated, bind_tcp, bind_unix

HOLDER = """
import signal, sys
from pathlib import Path
from nexusd.server.listeners import bind_unix
held = bind_unix(Path(sys.argv[1]))
print("bound", flush=True)
signal.pause()
"""


def test_tcp_on_a_chosen_port() -> None:
    (listener,) = bind_tcp("127.0.0.1", 0)
    try:
        port = listener.port
        assert port > 0
        assert listener.address == f"http://127.0.0.1:{listener.port}"
        socket.create_connection(("127.0.0.1", listener.port), timeout=5).close()
        with pytest.raises(BindProblem, match=rf"cannot listen on 127\.0\.0\.1 port {listener.port}") as caught:
            bind_tcp("127.0.0.1", listener.port)
        assert "daemon.port" in caught.value.hint
    finally:
        listener.close()
    (again,) = bind_tcp("127.0.0.1", port)
    again.close()


def test_all_addresses_of_a_name_have_one_port() -> None:
    listeners = bind_tcp("localhost", 0)
    try:
        assert len({listener.port for listener in listeners}) == 1
        assert any(listener.address.startswith("http://127.0.0.1:") for listener in listeners)
    finally:
        for listener in listeners:
            listener.close()


@pytest.mark.skipif(not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here")
def test_ipv6() -> None:
    (listener,) = bind_tcp("::1", 0)
    try:
        assert listener.address == f"http://[::1]:{listener.port}"
    finally:
        listener.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "host.invalid"])
def test_an_address_of_somebody_else(host: str) -> None:
    with pytest.raises(BindProblem) as caught:
        bind_tcp(host, 0)
    assert "daemon.host" in caught.value.hint


def test_a_unix_socket_is_private_and_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "run" / "nexusd.sock"
    listener = bind_unix(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert listener.address == f"unix:{path}"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listener.close()
    assert not path.exists()


def test_what_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "nexusd.sock"
    tmp_path.chmod(0o700)
    process = start_holder(path)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    assert path.exists()
    listener = bind_unix(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listener.close()


def test_a_running_daemon_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "nexusd.sock"
    process = start_holder(path)
    try:
        with pytest.raises(BindProblem, match=rf"another nexusd is running \(pid {process.pid}\)"):
            bind_unix(path)
        assert path.exists()
    finally:
        process.kill()
        process.wait(timeout=10)


def start_holder(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"bound\n"
    process.stdout.close()
    return process


def test_a_socket_that_somebody_else_serves_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "nexusd.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(BindProblem, match="another nexusd is running"):
            bind_unix(path)
        assert path.exists()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "nexusd.sock"
    path.write_text("mine")
    with pytest.raises(BindProblem, match="is no socket"):
        bind_unix(path)
    assert path.read_text() == "mine"


def test_a_place_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(BindProblem, match="others can write"):
        bind_unix(folder / "nexusd.sock")
    assert list(folder.iterdir()) == []


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(BindProblem, match="bytes"):
        bind_unix(tmp_path / ("x" * 200))


ACTIVATED = """
import os, socket, sys
from nexusd.server.listeners import BindProblem, activated
os.environ["LISTEN_PID"] = str(os.getpid())
try:
    found = activated()
except BindProblem as problem:
    print("problem", problem)
else:
    print([(listener.kind, listener.ours, os.get_inheritable(listener.socket.fileno())) for listener in found])
    for listener in found:
        listener.close()
"""


def run_activated(*sockets: socket.socket) -> str:
    """Run the probe with these sockets as descriptors 3 and up."""
    arguments = [sys.executable, "-c", ACTIVATED]
    copies = [os.dup(sock.fileno()) for sock in sockets]
    # moved up first, so that placing one does not overwrite another
    high = [fcntl.fcntl(copy, fcntl.F_DUPFD, 100) for copy in copies]
    moves = "; ".join(f"os.dup2({source}, {target})" for target, source in enumerate(high, 3))
    starter = (
        f"import os; {moves}; os.environ['LISTEN_FDS'] = '{len(sockets)}'; os.execv({arguments[0]!r}, {arguments!r})"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", starter], pass_fds=high, capture_output=True, text=True, timeout=30, check=True
        )
    finally:
        for descriptor in {*copies, *high}:
            os.close(descriptor)
    return done.stdout.strip()


def test_sockets_of_the_service_manager(tmp_path: Path) -> None:
    path = tmp_path / "given.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        assert run_activated(tcp, unix) == "[('tcp', False, False), ('unix', False, False)]"
    assert path.exists()


def test_descriptors_that_do_not_listen() -> None:
    with socket.socket() as idle:
        assert "does not listen" in run_activated(idle)
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        assert run_activated(datagrams).startswith("problem")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_sockets_for_somebody_else_are_not_ours(environ: dict[str, str]) -> None:
    assert activated(environ) == []
