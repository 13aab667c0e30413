"""The refusal matrix: whatever is wrong with a token, the answer is the same."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import Unauthenticated
from nexusd.auth.keys import Key, Keyring
from nexusd.auth.tokens import LEEWAY, MAX_TOKEN, Tokens

NOW = 1_800_000_000.0
PRIVATE = ed25519.Ed25519PrivateKey.generate()
RSA_PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_PRIVATE = ec.generate_private_key(ec.SECP256R1())
SECRET = b"0123456789abcdef0123456789abcdef"
RING = Keyring(
    Key("own", "EdDSA", PRIVATE.public_key(), PRIVATE),
    [
        Key("hs256", "HS256", SECRET),
        Key("rsa", "RS256", RSA_PRIVATE.public_key()),
        Key("ec", "ES256", EC_PRIVATE.public_key()),
    ],
)
TOKENS = Tokens(RING, clock=lambda: NOW)


def claims(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "iss": "nexusd",
        "sub": "alice",
        "aud": "nexus",
        "exp": int(NOW) + 600,
        "iat": int(NOW),
        "jti": "tok_1",
        "scope": "exec:read files:read",
        "ws": ["ws_1"],
    }
    good.update(changes)
    return {name: value for name, value in good.items() if value is not ...}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: Any, payload: Any) -> str:
    """A token of the daemon's own key, with whatever header and payload, as text where JSON has to be odd."""
    parts = [b64((part if isinstance(part, str) else json.dumps(part)).encode()) for part in (header, payload)]
    text = ".".join(parts)
    return f"{text}.{b64(PRIVATE.sign(text.encode()))}"


def hs256(header: Any, payload: Any, key: bytes) -> str:
    text = ".".join(b64(json.dumps(part).encode()) for part in (header, payload))
    return f"{text}.{b64(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


HEADER = {"alg": "EdDSA", "kid": "own", "typ": "JWT"}


def with_claims(**changes: Any) -> str:
    return signed(HEADER, claims(**changes))


def with_header(**changes: Any) -> str:
    return signed({**HEADER, **changes}, claims())


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def own_jwk() -> dict[str, Any]:
    raw = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}


BAD: dict[str, Callable[[], Any]] = {
    "alg none": lambda: f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(claims()).encode())}.",
    "alg none with a signature": lambda: with_header(alg="none"),
    "alg None in capitals": lambda: with_header(alg="NONE"),
    "alg of another key": lambda: with_header(alg="HS256"),
    "alg missing": lambda: signed({"kid": "own"}, claims()),
    "alg a number": lambda: with_header(alg=1),
    "HS256 with the public key as PEM": lambda: hs256({"alg": "HS256", "kid": "own"}, claims(), public_pem(PRIVATE)),
    "HS256 with the RSA key as PEM": lambda: hs256({"alg": "HS256", "kid": "rsa"}, claims(), public_pem(RSA_PRIVATE)),
    "HS256 with a PEM, no kid": lambda: hs256({"alg": "HS256"}, claims(), public_pem(RSA_PRIVATE)),
    "HS256 with a JWK": lambda: hs256({"alg": "HS256", "kid": "hs256"}, claims(), json.dumps(own_jwk()).encode()),
    "HS256 with the raw public key": lambda: hs256(
        {"alg": "HS256", "kid": "own"}, claims(), PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    ),
    "HS256 with an empty key": lambda: hs256({"alg": "HS256", "kid": "hs256"}, claims(), b""),
    "HS512 with the secret": lambda: jwt.encode(claims(), SECRET * 2, algorithm="HS512", headers={"kid": "hs256"}),
    "RS512 with a key for RS256": lambda: jwt.encode(claims(), RSA_PRIVATE, algorithm="RS512", headers={"kid": "rsa"}),
    "another Ed25519 key": lambda: jwt.encode(
        claims(), ed25519.Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "own"}
    ),
    "key of another kid": lambda: jwt.encode(claims(), RSA_PRIVATE, algorithm="RS256", headers={"kid": "own"}),
    "embedded jwk": lambda: with_header(jwk=own_jwk()),
    "jku": lambda: with_header(jku="https://example.org/keys"),
    "x5u": lambda: with_header(x5u="https://example.org/cert"),
    "x5c": lambda: with_header(x5c=["AAAA"]),
    "kid a path": lambda: with_header(kid="../../../../dev/null"),
    "kid SQL": lambda: with_header(kid="own' OR '1'='1"),
    "kid a URL": lambda: with_header(kid="https://example.org/key"),
    "kid unknown": lambda: with_header(kid="other"),
    "kid empty": lambda: with_header(kid=""),
    "kid a number": lambda: with_header(kid=7),
    "kid null": lambda: with_header(kid=None),
    "crit unknown": lambda: with_header(crit=["exp"], exp=1),
    "crit empty": lambda: with_header(crit=[]),
    "b64 false": lambda: with_header(b64=False, crit=["b64"]),
    "typ of something else": lambda: with_header(typ="JWE"),
    "header member twice": lambda: signed('{"alg":"EdDSA","alg":"EdDSA","kid":"own"}', claims()),
    "header no object": lambda: signed(["EdDSA"], claims()),
    "expired": lambda: with_claims(exp=int(NOW) - 1),
    "expires now": lambda: with_claims(exp=int(NOW)),
    "not yet": lambda: with_claims(nbf=int(NOW) + LEEWAY + 1),
    "issued in the future": lambda: with_claims(iat=int(NOW) + LEEWAY + 1),
    "wrong aud": lambda: with_claims(aud="nexus2"),
    "wrong aud list": lambda: with_claims(aud=["other", "nexu"]),
    "wrong iss": lambda: with_claims(iss="nexusd.example.org"),
    "claim twice": lambda: signed(HEADER, json.dumps(claims())[:-1] + ',"sub":"root"}'),
    "nested claim twice": lambda: signed(HEADER, json.dumps(claims())[:-1] + ',"x":{"a":1,"a":2}}'),
    "1 MiB": lambda: with_claims(jti="x" * (1 << 20)),
    "just too long": lambda: "a" * (MAX_TOKEN + 1),
    "good but too long": lambda: with_claims(note="x" * MAX_TOKEN),
    "NaN elsewhere": lambda: signed(HEADER, json.dumps(claims(note=float("nan")))),
    "exp a string": lambda: with_claims(exp=str(int(NOW) + 600)),
    "exp true": lambda: with_claims(exp=True),
    "exp NaN": lambda: signed(HEADER, json.dumps(claims(exp=float("nan")))),
    "exp infinite": lambda: signed(HEADER, json.dumps(claims(exp=float("inf")))),
    "exp 1e999": lambda: signed(HEADER, json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": 1e999')),
    "exp beyond time": lambda: with_claims(exp=10**18),
    "iat negative": lambda: with_claims(iat=-1),
    "sub a number": lambda: with_claims(sub=1),
    "sub empty": lambda: with_claims(sub=""),
    "sub with a newline": lambda: with_claims(sub="alice\n"),
    "jti empty": lambda: with_claims(jti=""),
    "scope a list": lambda: with_claims(scope=["*"]),
    "scope with two spaces": lambda: with_claims(scope="exec:read  *"),
    "ws a number": lambda: with_claims(ws=1),
    "ws another word": lambda: with_claims(ws="all"),
    "ws star among ids": lambda: with_claims(ws=["ws_1", "*"]),
    "ws with numbers": lambda: with_claims(ws=[1]),
    "payload no object": lambda: signed(HEADER, [1]),
    "payload no JSON": lambda: signed(HEADER, "{"),
    "payload nested deeply": lambda: signed(HEADER, "[" * 5000),
    "no token": lambda: "",
    "two parts": lambda: ".".join(with_claims().split(".")[:2]),
    "four parts": lambda: with_claims() + ".x",
    "padding": lambda: with_claims() + "==",
    "not ASCII": lambda: with_claims() + "é",
    "a space": lambda: " " + with_claims(),
    "no string": lambda: None,
    "bytes": lambda: with_claims().encode(),
    **{f"{name} missing": lambda name=name: with_claims(**{name: ...}) for name in claims()},  # type: ignore[misc]
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tokens_get_one_error(name: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        TOKENS.verify(BAD[name]())
    assert (caught.value.message, caught.value.hint) == ("the token is not valid", Unauthenticated.hint)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", BAD)
def test_every_refusal_costs_one_signature_check(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nexusd.auth import tokens as module

    checked: list[str] = []
    real = module._check_signature

    def count(token: str, verifier: Any, algorithm: str) -> bytes | None:
        checked.append(algorithm)
        return real(token, verifier, algorithm)

    monkeypatch.setattr(module, "_check_signature", count)
    with pytest.raises(Unauthenticated):
        TOKENS.verify(BAD[name]())
    assert len(checked) == 1


def test_a_good_token_gives_its_identity() -> None:
    identity = TOKENS.verify(with_claims())
    assert identity.subject == "alice"
    assert identity.scopes == {"exec:read", "files:read"}
    assert identity.workspaces == {"ws_1"}
    assert identity.token_id == "tok_1"
    assert identity.via == "jwt"
    assert identity.expires_at is not None
    assert identity.expires_at.timestamp() == NOW + 600


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["x", "nexus"]},
        {"iat": int(NOW) + LEEWAY},
        {"nbf": int(NOW) + LEEWAY},
        {"exp": NOW + 0.5},
        {"extra": {"a": 1}},
        {"scope": ""},
        {"ws": []},
    ],
)
def test_what_is_not_wrong_passes(changes: dict[str, Any]) -> None:
    assert TOKENS.verify(with_claims(**changes)).subject == "alice"


@pytest.mark.parametrize(("ws", "expected"), [("*", "*"), ("own", "own"), (["*"], "*"), (["own"], "own")])
def test_words_for_workspaces(ws: Any, expected: str) -> None:
    assert TOKENS.verify(with_claims(ws=ws)).workspaces == expected


def test_other_keys_verify_with_their_own_algorithm() -> None:
    for key, algorithm, kid in ((RSA_PRIVATE, "RS256", "rsa"), (EC_PRIVATE, "ES256", "ec"), (SECRET, "HS256", "hs256")):
        assert TOKENS.verify(jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": kid})).subject == "alice"
        assert TOKENS.verify(jwt.encode(claims(), key, algorithm=algorithm)).subject == "alice"


def test_mint_and_verify_agree() -> None:
    token = TOKENS.mint(
        token_id="tok_9",
        subject="bob",
        scopes=["tokens", "exec:read"],
        workspaces={"ws_b", "ws_a"},
        expires_at=NOW + 9.2,
    )
    identity = TOKENS.verify(token)
    assert (identity.subject, identity.token_id) == ("bob", "tok_9")
    assert identity.workspaces == {"ws_a", "ws_b"}
    assert identity.expires_at is not None
    assert identity.expires_at.timestamp() == NOW + 10


def test_revoked_tokens_are_refused() -> None:
    tokens = Tokens(RING, clock=lambda: NOW)
    assert tokens.verify(with_claims(jti="tok_r")).token_id == "tok_r"
    tokens.revoke(["tok_r"])
    assert tokens.revoked("tok_r")
    with pytest.raises(Unauthenticated):
        tokens.verify(with_claims(jti="tok_r"))
    assert tokens.verify(with_claims(jti="tok_r2")).token_id == "tok_r2"


def test_the_decoy_is_no_token() -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(TOKENS._decoy)


def test_the_reason_is_logged_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    token = with_claims(exp=int(NOW) - 1)
    with caplog.at_level("DEBUG", "nexusd.auth"), pytest.raises(Unauthenticated):
        TOKENS.verify(token)
    assert "expired" in caplog.text
    assert token not in caplog.text
    assert token.split(".")[1] not in caplog.text


@given(position=st.integers(0, 10_000), bit=st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_one_changed_character_spoils_a_token(position: int, bit: int) -> None:
    token = with_claims()
    position %= len(token) - 2  # the last characters of a part may hold bits that base64 ignores
    changed = chr(ord(token[position]) ^ (1 << bit))
    forged = token[:position] + changed + token[position + 1 :]
    with pytest.raises(Unauthenticated):
        TOKENS.verify(forged)
