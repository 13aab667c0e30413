"""Redaction: whatever looks like a secret is gone, and what helps a reader stays."""

from __future__ import annotations

import base64
import pickle

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexusd.observe.redact import Secret, escape, is_secret_name, redact

TOKEN = jwt.encode({"sub": "somebody"}, "k" * 32, algorithm="HS256")
BODY = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***"),
        ("bearer abc.def", "bearer ***"),
        ("Basic dXNlcjpwYXNz=", "Basic ***"),
        (f"got {TOKEN}, refused", "got ***, refused"),
        ("eyJhbGciOiJub25lIn0.e30.", "***"),
        (f"nexus.v1, nexus.bearer.{base64.urlsafe_b64encode(TOKEN.encode()).decode()}", "nexus.v1, nexus.bearer.***"),
        ("GET /rpc?token=abc&x=1", "GET /rpc?token=***&x=1"),
        ("/rpc?access_token=abc", "/rpc?access_token=***"),
        ('{"password": "a b\\"c", "x": 1}', '{"password": ***, "x": 1}'),
        ("{'api_key': 'a b', 'x': 1}", "{'api_key': ***, 'x': 1}"),
        ("{b'secret': b'a b'}", "{b'secret': ***}"),
        ("DB_PASSWORD=hunter2 make", "DB_PASSWORD=*** make"),
        ("client-secret: hunter2;", "client-secret: ***;"),
        ("--token abcdefghijklmnopq", "--token ***"),
        ("https://user:pass@git.example/a.git", "https://***@git.example/a.git"),
        ("https://ghtoken@git.example/a", "https://***@git.example/a"),
        ("https://a:b@c:d@host/", "https://***@host/"),
        ("postgresql+psycopg://u:p@db/x", "postgresql+psycopg://***@db/x"),
        (f"key {PEM} end", "key *** end"),
        (PEM[:60], "***"),
        (PEM.replace("PRIVATE", "EC PRIVATE"), "***"),
        ("ghp_abcdefghijklmnopqrst", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
    ],
)
def test_secrets_are_masked(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "workspace ws_abc started",
        "ssh://git@git.example/a.git",
        "git@git.example:a.git",
        "https://git.example/a@b",
        "the token is not valid",
        "3 tokens were revoked",
        "tokens expire",
        "secret files are skipped",
        "-----BEGIN CERTIFICATE-----",
        "Eyjafjallajökull",
        "a:b@c",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


UNITS = [
    "a",
    "token",
    "token ",
    "token=",
    "://",
    "://a",
    "://a@",
    "eyJ",
    "eyJ.",
    "Bearer ",
    "nexus.bearer.",
    "ghp_",
    "@",
]
QUOTES = ['secret="\\', "password='", "-----BEGIN PRIVATE KEY-----", "-----BEGIN A", " "]


@pytest.mark.parametrize("unit", UNITS + QUOTES)
def test_no_text_takes_quadratic_time(unit: str) -> None:
    """A pattern that goes back over what it has seen would need hours for a text of this length."""
    assert redact("token " + unit * (1_000_000 // len(unit))).startswith("token ")


def test_a_secret_does_not_print() -> None:
    secret = Secret("hunter2")
    printed = [str(secret), repr(secret), f"{secret}", f"{secret!s:>20}", str([secret]), repr({"a": secret})]
    assert all("***" in text and "hunter2" not in text for text in printed)
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert not hasattr(secret, "__dict__")


def test_secrets_are_compared_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


@given(st.text())
def test_escaped_text_is_one_line_that_moves_no_cursor(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable() or all(
        ord(character) > 0x9F and not 0xD800 <= ord(character) <= 0xDFFF
        for character in escaped
        if not character.isprintable()
    )
    assert len(escaped.splitlines()) <= 1
    escaped.encode()


def test_escapes_are_readable() -> None:
    assert escape("a\nb\t\x1b[2J\x00\x7f\x9b\u202e\udcff☃") == "a\\nb\\t\\e[2J\\x00\\x7f\\x9b\\u202e\\udcff☃"


@pytest.mark.parametrize("name", ["token", "DB_PASSWORD", "apiKey", "clientSecret", "Authorization", "private_key"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["name", "key", "path", "token_id", "secret_file", "author"])
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)
