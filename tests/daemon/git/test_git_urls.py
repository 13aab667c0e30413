"""Sources and what is shown of them."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import RepositoryUnusable
from nexusd.git.urls import LocalSource, RemoteSource, parse_source, redact, redact_url


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://me:s3cret@example.org:8443/a/b.git", "https://example.org:8443/a/b.git"),
        ("https://s3cret@example.org/a", "https://example.org/a"),
        ("ssh://git@example.org:22/a/b", "ssh://git@example.org:22/a/b"),
        ("ssh://git:s3cret@example.org/a/b", "ssh://git@example.org/a/b"),
        ("git://example.org/a", "git://example.org/a"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("example.org:a/b.git", "example.org:a/b.git"),
        ("file:///srv/a.git", "file:///srv/a.git"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
    ],
)
def test_addresses_are_kept_without_credentials(given_url: str, kept: str) -> None:
    source = parse_source(given_url)
    assert isinstance(source, RemoteSource)
    assert source.url == kept
    assert "s3cret" not in source.url


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "fd::17",
        "foo::https://example.org/a",
        "ftp://example.org/a",
        "javascript://example.org/a",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-oX@example.org/a",
        "-oProxyCommand=x:a",
        "git@-oProxyCommand=x:a",
        "example.org:-u",
        "--upload-pack=touch:x",
        "file://other.example.org/a",
        "https://example.org",
        "https:///a",
        "https://example.org:port/a",
        "https://me:pa/ss@example.org/a",
        "https://example.org/a?token=x",
        "https://example.org/a#x",
        "https://example.org/a\nb",
        "relative/path",
        "../up",
        "~/home",
        ".",
        "/with\nbreak",
        "/with\0nul",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(RepositoryUnusable) as caught:
        parse_source(url)
    assert caught.value.hint


def test_an_absolute_path_is_local() -> None:
    assert parse_source("/srv/it's a path:with@signs") == LocalSource("/srv/it's a path:with@signs")


def test_credentials_travel_in_the_environment_only() -> None:
    source = parse_source("https://me:p%40ss@example.org/a")
    assert isinstance(source, RemoteSource)
    env = source.environment()
    assert env["GIT_CONFIG_KEY_0"] == "http.https://example.org/.extraHeader"
    token = base64.b64encode(b"me:p@ss").decode()
    assert env["GIT_CONFIG_VALUE_0"] == f"Authorization: Basic {token}"
    assert parse_source("https://example.org/a").environment() == {}  # type: ignore[union-attr]


_SECRET = st.text(alphabet=string.ascii_letters + string.digits + "!$%&*+-._~:=,;", min_size=6, max_size=30)


@given(
    secret=_SECRET, user=st.sampled_from(["", "me", "x-access-token"]), scheme=st.sampled_from(["https", "http", "ssh"])
)
@example(secret="a:b:c:d", user="me", scheme="https")
def test_no_secret_survives_redaction(secret: str, user: str, scheme: str) -> None:
    url = f"{scheme}://{user}:{secret}@example.org/a/b"
    for shown in (redact_url(url), redact(f"fatal: unable to access '{url}': no route\nremote: {url}")):
        assert f"{secret}@" not in shown
        assert "example.org/a/b" in shown


@pytest.mark.parametrize(
    "url", ["https://me:pa/ss@example.org/a", "https://me:p@ss@example.org/a", "https://me:p@s/s@e.org/a"]
)
def test_malformed_credentials_are_redacted_too(url: str) -> None:
    shown = redact(f"fatal: {url} failed")
    assert "ss@" not in shown and "p@s" not in shown and "pa/" not in shown


@pytest.mark.parametrize(
    "url", ["https://example.org/a@v1/b", "https://example.org:8443/a@b", "git@example.org:a", "/srv/a@b"]
)
def test_addresses_without_credentials_stay(url: str) -> None:
    assert redact(url) == url
