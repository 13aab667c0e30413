"""Where the client looks for a daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexus_sdk.discovery import Address, default_home, discover
from nexus_sdk.exceptions import ConnectionFailed, DaemonNotFound


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "nexusd.sock").touch()
    return {"NEXUS_HOME": str(tmp_path)}


def test_explicit_url_wins_over_everything(home):
    address = discover("https://a.example", "mine", environ={**home, "NEXUS_URL": "http://b", "NEXUS_TOKEN": "other"})
    assert (address.url, address.socket, address.token) == ("wss://a.example/rpc", None, "mine")


def test_environment_wins_over_the_socket(home):
    address = discover(environ={**home, "NEXUS_URL": "http://b:81", "NEXUS_TOKEN": "other"})
    assert (address.url, address.token) == ("ws://b:81/rpc", "other")


def test_socket_needs_no_token_and_gets_none_from_the_environment(home):
    address = discover(environ={**home, "NEXUS_TOKEN": "secret"})
    assert address.socket == str(Path(home["NEXUS_HOME"]) / "run" / "nexusd.sock")
    assert address.token is None
    assert str(address) == f"unix:{address.socket}"


def test_nothing_found_says_what_to_do(tmp_path):
    with pytest.raises(DaemonNotFound) as caught:
        discover(environ={"NEXUS_HOME": str(tmp_path)})
    assert str(tmp_path / "run" / "nexusd.sock") in str(caught.value)
    assert "boulder daemon start" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://h", "ws://h/rpc"),
        ("http://h:80/", "ws://h:80/rpc"),
        ("https://h/nexus/rpc", "wss://h/nexus/rpc"),
        ("ws://[::1]:9", "ws://[::1]:9/rpc"),
        ("wss://H.example", "wss://h.example/rpc"),
    ],
)
def test_urls(given, url):
    assert discover(given, environ={}).url == url


@pytest.mark.parametrize("given", ["unix:/run/n.sock", "unix:///run/n.sock"])
def test_unix_urls(given):
    assert discover(given, environ={}).socket == "/run/n.sock"


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8080",
        "ftp://h",
        "http://",
        "http://h:port",
        "unix:relative.sock",
        "http://u:hunter2@h",
        "ws://h?token=hunter2",
    ],
)
def test_unusable_urls_are_refused_without_repeating_credentials(given):
    with pytest.raises(ConnectionFailed) as caught:
        discover(given, environ={})
    assert "hunter2" not in str(caught.value)
    assert caught.value.hint


def test_home():
    assert default_home({"NEXUS_HOME": "/srv/nexus"}) == Path("/srv/nexus")
    assert default_home({}) == Path("~/.nexus").expanduser()


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        (Address("ws://127.0.0.1:1/rpc"), True),
        (Address("ws://[::1]/rpc"), True),
        (Address("ws://localhost/rpc", "/s"), True),
        (Address("ws://localhost.example/rpc"), False),
    ],
)
def test_loopback(address, loopback):
    assert address.loopback is loopback


def test_an_address_never_shows_its_token():
    assert "s3cret" not in repr(Address("ws://h/rpc", None, "s3cret"))
