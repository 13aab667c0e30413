"""Every bad token, over every way in: one answer, the same for all, that says nothing of how close it came."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from websockets.exceptions import InvalidStatus
from wire_client import WireClient, open_socket
from world import World

SECRET = b"0123456789abcdef0123456789abcdef"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Forge:
    """Makes tokens that are good but for one thing.

    Attributes:
        own: the daemon's private key.
        header: of a good token.
        claims: of a good token.
        rsa: a key whose public half the daemon trusts, by its JWK set, as ``team-rsa``.
        ec: another, as ``team-ec``.
    """

    own: ed25519.Ed25519PrivateKey
    header: dict[str, Any]
    claims: dict[str, Any]
    rsa: rsa.RSAPrivateKey
    ec: ec.EllipticCurvePrivateKey

    @property
    def public_pem(self) -> bytes:
        return self.own.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def public_raw(self) -> bytes:
        return self.own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def rsa_pem(self) -> bytes:
        return self.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def jwk(self) -> dict[str, str]:
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(self.public_raw), "kid": self.header["kid"]}

    def text(self, header: dict[str, Any] | str, claims: dict[str, Any] | str) -> str:
        """What is signed."""
        parts = (part if isinstance(part, str) else json.dumps(part) for part in (header, claims))
        return ".".join(b64(part.encode()) for part in parts)

    def signed(self, header: dict[str, Any] | str | None = None, claims: dict[str, Any] | str | None = None) -> str:
        """Signed with the daemon's own key."""
        text = self.text(self.header if header is None else header, self.claims if claims is None else claims)
        return f"{text}.{b64(self.own.sign(text.encode()))}"

    def changed(self, **claims: Any) -> str:
        """Signed with the daemon's own key, with other claims; None leaves one out."""
        return self.signed(claims={key: value for key, value in {**self.claims, **claims}.items() if value is not None})

    def headed(self, **header: Any) -> str:
        """Signed with the daemon's own key, with other header members; None leaves one out."""
        return self.signed({key: value for key, value in {**self.header, **header}.items() if value is not None})

    def hmac(self, key: bytes, **header: Any) -> str:
        """Signed with a shared secret."""
        text = self.text({"alg": "HS256", "typ": "JWT", **header}, self.claims)
        return f"{text}.{b64(hmac.new(key, text.encode(), hashlib.sha256).digest())}"

    def by_rsa(self, **header: Any) -> str:
        """Signed with the trusted RSA key."""
        text = self.text({"alg": "RS256", "typ": "JWT", "kid": "team-rsa", **header}, self.claims)
        return f"{text}.{b64(self.rsa.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def by_ec(self, **header: Any) -> str:
        """Signed with the trusted key on a curve."""
        text = self.text({"alg": "ES256", "typ": "JWT", "kid": "team-ec", **header}, self.claims)
        r, s = decode_dss_signature(self.ec.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


def prepare(folder: Path) -> tuple[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, list[str]]:
    """Write a shared secret and a JWK set; gives their private keys and the daemon's settings."""
    private = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    numbers, point = private.public_key().public_numbers(), curve.public_key().public_numbers()
    keys = [
        {"kty": "RSA", "kid": "team-rsa", "n": b64(numbers.n.to_bytes(256)), "e": b64(numbers.e.to_bytes(3))},
        {"kty": "EC", "crv": "P-256", "kid": "team-ec", "x": b64(point.x.to_bytes(32)), "y": b64(point.y.to_bytes(32))},
    ]
    secret, jwks = folder / "secret", folder / "jwks.json"
    secret.touch(0o600)
    secret.write_bytes(SECRET)
    jwks.write_text(json.dumps({"keys": keys}))
    return private, curve, [f"auth.jwt.hs256_secret_file={secret}", f"auth.jwt.jwks_file={jwks}"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("tokens")
    private, curve, settings = prepare(folder)
    made = World(folder, settings)
    made.daemon.start()
    made.daemon.forge_keys = (private, curve)  # type: ignore[attr-defined]
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]


@pytest.fixture(scope="module")
def forge(world: World) -> Forge:
    header, claims, _ = world.daemon.token().split(".")
    own = load_pem_private_key((world.daemon.home / "keys" / "token-ed25519.pem").read_bytes(), None)
    assert isinstance(own, ed25519.Ed25519PrivateKey)
    private, curve = world.daemon.forge_keys  # type: ignore[attr-defined]
    return Forge(own, json.loads(unb64(header)), json.loads(unb64(claims)), private, curve)


GOOD: dict[str, Callable[[Forge], str]] = {
    "as it was made": lambda forge: forge.signed(),
    "without kid": lambda forge: forge.headed(kid=None),
    "shared secret": lambda forge: forge.hmac(SECRET),
    "RSA": lambda forge: forge.by_rsa(),
    "curve": lambda forge: forge.by_ec(),
    "two audiences": lambda forge: forge.changed(aud=["other", "nexus"]),
    "not before now": lambda forge: forge.changed(nbf=int(time.time())),
}

BAD: dict[str, Callable[[Forge], str]] = {
    "empty": lambda forge: "",
    "one dot": lambda forge: ".",
    "two dots": lambda forge: "..",
    "words": lambda forge: "let.me.in",
    "a fourth part": lambda forge: forge.signed() + ".x",
    "padding": lambda forge: forge.signed() + "=",
    "no signature": lambda forge: forge.text(forge.header, forge.claims) + ".",
    "half a signature": lambda forge: forge.signed()[:-20],
    "a bit of the signature": lambda forge: forge.signed()[:-4] + "AAAA",
    "signed by somebody else": lambda forge: Forge(
        ed25519.Ed25519PrivateKey.generate(), forge.header, forge.claims, forge.rsa, forge.ec
    ).signed(),
    "other claims under the signature": lambda forge: ".".join(
        [forge.signed().split(".")[0], forge.changed(sub="root").split(".")[1], forge.signed().split(".")[2]]
    ),
    # algorithms
    "alg none": lambda forge: forge.text({**forge.header, "alg": "none"}, forge.claims) + ".",
    "alg None": lambda forge: forge.text({**forge.header, "alg": "None"}, forge.claims) + ".",
    "alg NONE with a signature": lambda forge: forge.headed(alg="NONE"),
    "alg none without kid": lambda forge: forge.text({"alg": "none", "typ": "JWT"}, forge.claims) + ".",
    "no alg": lambda forge: forge.headed(alg=None),
    "alg of a number": lambda forge: forge.headed(alg=0),
    "alg of a list": lambda forge: forge.headed(alg=["EdDSA"]),
    "another alg than the key's": lambda forge: forge.headed(alg="HS256"),
    "HS with the PEM": lambda forge: forge.hmac(forge.public_pem),
    "HS with the PEM, kid": lambda forge: forge.hmac(forge.public_pem, kid=forge.header["kid"]),
    "HS with the PEM of RSA": lambda forge: forge.hmac(forge.rsa_pem, kid="team-rsa"),
    "HS with the raw key": lambda forge: forge.hmac(forge.public_raw, kid=forge.header["kid"]),
    "HS with the JWK": lambda forge: forge.hmac(json.dumps(forge.jwk).encode()),
    "HS with an empty key": lambda forge: forge.hmac(b""),
    "HS with zeros": lambda forge: forge.hmac(bytes(32)),
    "HS384 of the secret": lambda forge: forge.hmac(SECRET, alg="HS384"),
    "RS512 for RS256": lambda forge: forge.by_rsa(alg="RS512"),
    "PS256 for RS256": lambda forge: forge.by_rsa(alg="PS256"),
    "RSA under our kid": lambda forge: forge.by_rsa(kid=forge.header["kid"]),
    "a curve under RSA's kid": lambda forge: forge.by_ec(kid="team-rsa"),
    "an all-zero curve signature": lambda forge: (
        forge.text({"alg": "ES256", "kid": "team-ec"}, forge.claims) + "." + b64(bytes(64))
    ),
    # keys that the token brings along
    "jwk": lambda forge: forge.headed(jwk=forge.jwk),
    "jku": lambda forge: forge.headed(jku="http://127.0.0.1:1/keys"),
    "x5u": lambda forge: forge.headed(x5u="http://127.0.0.1:1/cert"),
    "x5c": lambda forge: forge.headed(x5c=[b64(forge.public_pem)]),
    "kid of a path": lambda forge: forge.headed(kid="../../../../dev/null"),
    "kid of a file": lambda forge: forge.hmac(b"", kid="/dev/null"),
    "kid of SQL": lambda forge: forge.headed(kid="x' UNION SELECT 'secret' --"),
    "kid of a URL": lambda forge: forge.headed(kid="http://127.0.0.1:1/key"),
    "kid of a number": lambda forge: forge.headed(kid=1),
    "kid of nothing": lambda forge: forge.headed(kid=""),
    "kid with NUL": lambda forge: forge.headed(kid=forge.header["kid"] + "\0"),
    "crit": lambda forge: forge.headed(crit=["exp"]),
    "crit unknown": lambda forge: forge.headed(crit=["nexus-x"], **{"nexus-x": True}),
    "crit empty": lambda forge: forge.headed(crit=[]),
    "b64 false": lambda forge: forge.headed(b64=False, crit=["b64"]),
    "zip": lambda forge: forge.headed(zip="DEF"),
    "cty": lambda forge: forge.headed(cty="JWT"),
    "typ of something else": lambda forge: forge.headed(typ="dpop+jwt"),
    "header is a list": lambda forge: forge.signed("[]"),
    "header is no JSON": lambda forge: forge.signed("{"),
    "header has a member twice": lambda forge: forge.signed(
        f'{{"alg":"none","alg":"EdDSA","kid":"{forge.header["kid"]}"}}'
    ),
    # claims
    "expired": lambda forge: forge.changed(exp=int(time.time()) - 1),
    "expired long ago": lambda forge: forge.changed(exp=1),
    "expires never": lambda forge: forge.changed(exp=None),
    "expires as text": lambda forge: forge.changed(exp=str(int(time.time()) + 1000)),
    "expires at infinity": lambda forge: forge.signed(
        claims=json.dumps(forge.claims).replace(str(forge.claims["exp"]), "Infinity")
    ),
    "expires far beyond": lambda forge: forge.changed(exp=10**30),
    "not before tomorrow": lambda forge: forge.changed(nbf=int(time.time()) + 86_400),
    "issued never": lambda forge: forge.changed(iat=None),
    "issued tomorrow": lambda forge: forge.changed(iat=int(time.time()) + 86_400),
    "no audience": lambda forge: forge.changed(aud=None),
    "another audience": lambda forge: forge.changed(aud="nexus2"),
    "another audience in a list": lambda forge: forge.changed(aud=["other"]),
    "an audience in part": lambda forge: forge.changed(aud="nexu"),
    "another issuer": lambda forge: forge.changed(iss="evil"),
    "no issuer": lambda forge: forge.changed(iss=None),
    "no subject": lambda forge: forge.changed(sub=None),
    "an empty subject": lambda forge: forge.changed(sub=""),
    "a subject with a line": lambda forge: forge.changed(sub="bob\nroot"),
    "no id": lambda forge: forge.changed(jti=None),
    "an empty id": lambda forge: forge.changed(jti=""),
    "no scope": lambda forge: forge.changed(scope=None),
    "scopes in a list": lambda forge: forge.changed(scope=["*"]),
    "no workspaces": lambda forge: forge.changed(ws=None),
    "workspaces of a number": lambda forge: forge.changed(ws=1),
    "all workspaces and one": lambda forge: forge.changed(ws=["*", "ws_x"]),
    "a claim twice": lambda forge: forge.signed(claims=json.dumps(forge.claims)[:-1] + ', "sub": "root"}'),
    "claims are a list": lambda forge: forge.signed(claims="[]"),
    "claims are no JSON": lambda forge: forge.signed(claims="{"),
    "claims nested without end": lambda forge: forge.signed(claims="[" * 5000),
}


def answer_of(world: World, way: str, token: str) -> tuple[int, str, str | None, bytes]:
    """What a token gets: status, kind of content, challenge, body."""
    if way == "post":
        body = b'{"jsonrpc":"2.0","id":1,"method":"session.ping"}'
        got = world.daemon.http("POST", "/rpc", token=token, headers=[("Content-Type", "application/json")], body=body)
    else:
        got = world.daemon.http("GET", "/files/ws_x/y", token=token)
    return got.status, got.headers["content-type"], got.headers.get("www-authenticate"), got.body


async def handshake(world: World, way: str, token: str) -> tuple[int, str, str | None, bytes]:
    """What a token gets when it opens a WebSocket, in a header or as a subprotocol."""
    try:
        if way == "header":
            socket = await open_socket(world.daemon.ws_url, token)
        else:
            carrier = "nexus.bearer." + b64(token.encode())
            socket = await open_socket(world.daemon.ws_url, subprotocols=("nexus.v1", carrier))
    except InvalidStatus as refused:
        response = refused.response
        return (
            response.status_code,
            response.headers["content-type"],
            response.headers.get("www-authenticate"),
            bytes(response.body or b""),
        )
    await socket.close()
    return 101, "", None, b""


# requirement: auth.bearer, auth.subprotocol
@pytest.mark.parametrize("name", GOOD)
async def test_the_good_ones_get_in(world: World, forge: Forge, name: str) -> None:
    token = GOOD[name](forge)
    assert (await asyncio.to_thread(answer_of, world, "post", token))[0] == 200
    assert (await asyncio.to_thread(answer_of, world, "files", token))[0] == 404
    assert (await handshake(world, "header", token))[0] == 101
    assert (await handshake(world, "subprotocol", token))[0] == 101


@pytest.fixture(scope="module")
def refusal(world: World) -> tuple[int, str, str | None, bytes]:
    """What a token gets that is simply wrong."""
    got = answer_of(world, "post", "x.y.z")
    assert got[0] == 401
    assert json.loads(got[3])["error"]["name"] == "unauthenticated"
    assert got[2] == 'Bearer realm="nexus"'
    return got


# requirement: auth.claims, auth.algorithm, auth.uniform
@pytest.mark.parametrize("name", BAD)
async def test_the_bad_ones_get_one_answer(
    world: World, forge: Forge, refusal: tuple[int, str, str | None, bytes], name: str
) -> None:
    token = BAD[name](forge)
    assert await asyncio.to_thread(answer_of, world, "post", token) == refusal
    assert await asyncio.to_thread(answer_of, world, "files", token) == refusal
    if len(token) < 5000:
        assert await handshake(world, "header", token) == refusal
        assert await handshake(world, "subprotocol", token) == refusal


async def test_none_of_them_renews_a_session(world: World, forge: Forge) -> None:
    async with await WireClient.open(world.daemon.ws_url, world.daemon.token(scopes=["files:read"])) as client:
        messages = set()
        for name, make in BAD.items():
            token = make(forge)
            if len(token) <= 16_384:
                error = await client.fails("session.refresh", token=token)
                assert error["name"] == "unauthenticated", name
                messages.add(error["message"])
        assert messages == {"the token is not valid"}
        assert (await client.call("session.info"))["identity"]["scopes"] == ["files:read"]


def test_a_token_that_is_too_long(world: World, forge: Forge, refusal: tuple[int, str, str | None, bytes]) -> None:
    assert answer_of(world, "files", forge.changed(jti="x" * 16_384)) == refusal


def test_a_revoked_token(world: World, refusal: tuple[int, str, str | None, bytes]) -> None:
    token = world.daemon.token()
    claims = json.loads(unb64(token.split(".")[1]))
    assert answer_of(world, "post", token)[0] == 200
    world.daemon.call("token.revoke", id=claims["jti"])
    assert answer_of(world, "post", token) == refusal
    assert answer_of(world, "files", token) == refusal


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Basic dXNlcjpwYXNz")],
        [("Authorization", "Bearer")],
        [("Cookie", "token={token}")],
        [("X-Token", "{token}")],
    ],
    ids=["none", "empty", "basic", "nothing", "cookie", "own header"],
)
def test_a_token_elsewhere_is_no_token(world: World, headers: list[tuple[str, str]]) -> None:
    token = world.daemon.token()
    sent = [(name, value.replace("{token}", token)) for name, value in headers]
    assert world.daemon.http("GET", "/files/ws_x/y", headers=sent).status == 401


def test_two_tokens_are_refused(world: World) -> None:
    token = world.daemon.token()
    twice = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x.y.z")]
    answer = world.daemon.http("GET", "/files/ws_x/y", headers=twice)
    assert (answer.status, answer.error["name"]) == (400, "header_repeated")


async def test_two_tokens_as_subprotocols_are_refused(
    world: World, refusal: tuple[int, str, str | None, bytes]
) -> None:
    carrier = "nexus.bearer." + b64(world.daemon.token().encode())
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(world.daemon.ws_url, subprotocols=("nexus.v1", carrier, carrier))
    assert refused.value.response.status_code == 401


# requirement: auth.url
@pytest.mark.parametrize("name", ["token", "access_token", "bearer", "Authorization"])
@pytest.mark.parametrize("path", ["/files/ws_x/y", "/health/live", "/metrics", "/rpc", "/openrpc.json"])
def test_a_token_in_the_url_is_refused(world: World, path: str, name: str) -> None:
    answer = world.daemon.http("GET", f"{path}?{name}=secret", token=world.daemon.token())
    assert (answer.status, answer.error["name"]) == (400, "token_in_url")
    assert b"secret" not in answer.body


# requirement: auth.url
@pytest.mark.parametrize("name", ["token", "access_token"])
async def test_a_token_in_the_url_opens_no_websocket(world: World, name: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened = await open_socket(f"{world.daemon.ws_url}?{name}={world.daemon.token()}", world.daemon.token())
        await opened.close()
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body or b"")["error"]["name"] == "token_in_url"


# requirement: auth.subprotocol
async def test_the_chosen_subprotocol_never_carries_the_token(world: World) -> None:
    carrier = "nexus.bearer." + b64(world.daemon.token().encode())
    socket = await open_socket(world.daemon.ws_url, subprotocols=(carrier, "nexus.v1"))
    assert socket.subprotocol == "nexus.v1"
    await socket.close()


def test_no_token_is_in_the_log(world: World) -> None:
    assert world.daemon.tokens
    for token in world.daemon.tokens:
        assert token not in world.daemon.log
        assert token.rpartition(".")[2] not in world.daemon.log
