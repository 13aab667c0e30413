from __future__ import annotations

import base64
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from nexusd.auth.keys import Key, KeyProblem, Keyring, load_hs256, load_jwks, load_or_create_pair


def test_a_pair_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "keys"
    first = load_or_create_pair(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(file.name for file in folder.iterdir()) == ["token-ed25519.pem", "token-ed25519.pub.pem"]
    second = load_or_create_pair(folder)
    assert second.id == first.id
    assert first.algorithm == "EdDSA"
    token = jwt.encode({"a": 1}, first.signer, algorithm="EdDSA")
    assert jwt.decode(token, second.verifier, algorithms=["EdDSA"]) == {"a": 1}


def test_daemons_that_start_together_use_one_pair(tmp_path: Path) -> None:
    ids: list[str] = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait(timeout=10)
        ids.append(load_or_create_pair(tmp_path / "keys").id)

    (tmp_path / "keys").mkdir(mode=0o700)
    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(ids) == 8
    assert len(set(ids)) == 1


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_an_open_directory_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(KeyProblem, match=r"open to other users .* chmod 700"):
        load_or_create_pair(folder)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_an_open_key_is_refused(tmp_path: Path, mode: int) -> None:
    load_or_create_pair(tmp_path / "keys")
    (tmp_path / "keys" / "token-ed25519.pem").chmod(mode)
    with pytest.raises(KeyProblem, match=r"token-ed25519\.pem is open to other users .* chmod 600"):
        load_or_create_pair(tmp_path / "keys")


def test_a_link_in_place_of_the_key_is_refused(tmp_path: Path) -> None:
    load_or_create_pair(tmp_path / "keys")
    load_or_create_pair(tmp_path / "other")
    key = tmp_path / "keys" / "token-ed25519.pem"
    key.unlink()
    key.symlink_to(tmp_path / "other" / "token-ed25519.pem")
    with pytest.raises(KeyProblem, match="cannot be read"):
        load_or_create_pair(tmp_path / "keys")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_a_key_of_somebody_else_is_refused(tmp_path: Path) -> None:
    load_or_create_pair(tmp_path / "keys")
    os.chown(tmp_path / "keys" / "token-ed25519.pem", 12345, 12345)
    with pytest.raises(KeyProblem, match="belongs to uid 12345"):
        load_or_create_pair(tmp_path / "keys")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_broken_key_is_named(tmp_path: Path, content: bytes) -> None:
    load_or_create_pair(tmp_path / "keys")
    (tmp_path / "keys" / "token-ed25519.pem").write_bytes(content)
    with pytest.raises(KeyProblem, match=r"token-ed25519\.pem holds no private key"):
        load_or_create_pair(tmp_path / "keys")


def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    load_or_create_pair(tmp_path / "keys")
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "keys" / "token-ed25519.pem").write_bytes(pem)
    with pytest.raises(KeyProblem, match="no Ed25519 key"):
        load_or_create_pair(tmp_path / "keys")


def secret_file(tmp_path: Path, content: bytes, mode: int = 0o600) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_shared_secret(tmp_path: Path) -> None:
    key = load_hs256(secret_file(tmp_path, b"s" * 32 + b"\n"))
    assert (key.algorithm, key.verifier, key.signer) == ("HS256", b"s" * 32, None)
    assert "sss" not in repr(key)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has 0 bytes"),
        (b"s" * 31, "has 31 bytes"),
        (b"s" * 31 + b"\n", "has 31 bytes"),
        (b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----", "looks like"),
        (b"\n  -----BEGIN CERTIFICATE-----\n" + b"A" * 64, "looks like"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIabcdefgh", "looks like"),
        (b'{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAA"}', "looks like"),
        (b' [{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAA"}]', "looks like"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(KeyProblem, match=reason):
        load_hs256(secret_file(tmp_path, content))


def test_an_open_or_missing_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="open to other users"):
        load_hs256(secret_file(tmp_path, b"s" * 32, 0o644))
    with pytest.raises(KeyProblem, match="cannot be read"):
        load_hs256(tmp_path / "missing")
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(KeyProblem, match="is not a file"):
        load_hs256(tmp_path / "fifo")


def jwk(algorithm: Any, key: Any, **more: Any) -> dict[str, Any]:
    return {**json.loads(algorithm.to_jwk(key)), "kid": "k1", **more}


def jwks_file(tmp_path: Path, *keys: Any) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    return path


RSA_PUBLIC = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


@pytest.mark.parametrize(
    ("entry", "algorithm"),
    [
        (jwk(OKPAlgorithm, ed25519.Ed25519PrivateKey.generate().public_key()), "EdDSA"),
        (jwk(ECAlgorithm, ec.generate_private_key(ec.SECP256R1()).public_key()), "ES256"),
        (jwk(ECAlgorithm, ec.generate_private_key(ec.SECP384R1()).public_key()), "ES384"),
        (jwk(ECAlgorithm, ec.generate_private_key(ec.SECP521R1()).public_key(), alg="ES512"), "ES512"),
        (jwk(RSAAlgorithm, RSA_PUBLIC), "RS256"),
        (jwk(RSAAlgorithm, RSA_PUBLIC, alg="PS256", use="sig"), "PS256"),
    ],
)
def test_the_type_of_a_jwk_fixes_its_algorithm(tmp_path: Path, entry: dict[str, Any], algorithm: str) -> None:
    (key,) = load_jwks(jwks_file(tmp_path, entry))
    assert (key.id, key.algorithm, key.signer) == ("k1", algorithm, None)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"kty": "oct", "k": base64.urlsafe_b64encode(b"x" * 32).decode(), "kid": "k"}, "shared secret"),
        (jwk(RSAAlgorithm, RSA_PUBLIC, alg="HS256"), "does not fit"),
        (jwk(RSAAlgorithm, RSA_PUBLIC, alg="none"), "does not fit"),
        (jwk(RSAAlgorithm, RSA_PUBLIC, use="enc"), "not a signing key"),
        (jwk(RSAAlgorithm, RSA_PUBLIC, kid=""), "no kid"),
        (jwk(RSAAlgorithm, RSA_PUBLIC, kid=1), "no kid"),
        (jwk(RSAAlgorithm, rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()), "1024 bits"),
        (jwk(ECAlgorithm, ec.generate_private_key(ec.SECP256R1())), "private key"),
        ({"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "k"}, "no key of a known type"),
        ({"kty": "magic", "kid": "k"}, "no key of a known type"),
        ("text", "not an object"),
    ],
)
def test_unfit_jwks_are_refused(tmp_path: Path, entry: Any, reason: str) -> None:
    with pytest.raises(KeyProblem, match=rf"keys\[0\].*{reason}"):
        load_jwks(jwks_file(tmp_path, entry))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": []}', '{"keys": 1}', "[" * 100_000])
def test_no_jwk_set(tmp_path: Path, content: str) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content)
    with pytest.raises(KeyProblem, match="is not a JWK set"):
        load_jwks(path)


def test_ids_are_unique() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    own = Key("a", "EdDSA", private.public_key(), private)
    with pytest.raises(KeyProblem, match="two keys have the id 'a'"):
        Keyring(own, [Key("a", "HS256", b"s" * 32)])
    with pytest.raises(KeyProblem, match="cannot sign"):
        Keyring(Key("b", "HS256", b"s" * 32))


def test_without_kid_only_an_unambiguous_key_is_meant() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    own = Key("a", "EdDSA", private.public_key(), private)
    ring = Keyring(own, [Key("b", "EdDSA", private.public_key()), Key("c", "HS256", b"s" * 32)])
    assert ring.find(None, "EdDSA") is None
    assert ring.find(None, "HS256") is not None
    assert ring.find("a", "HS256") is None
    assert ring.find("a", "EdDSA") is own


def test_the_public_half_can_be_published(tmp_path: Path) -> None:
    key = load_or_create_pair(tmp_path / "keys")
    published = jwks_file(tmp_path, *Keyring(key).public()["keys"])
    (other,) = load_jwks(published)
    assert other.id == key.id
    raw = [one.verifier.public_bytes(Encoding.Raw, PublicFormat.Raw) for one in (key, other)]
    assert raw[0] == raw[1]
