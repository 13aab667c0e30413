"""The keys that sign and verify tokens.

Each key has one algorithm, fixed when the key is loaded. A token names at most a key, and its word on the algorithm is
compared, never followed: that is what ends the confusion of public keys with shared secrets.

    KeyProblem      a key file is missing, open to others, or not a key of the expected kind
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

__all__ = ["Key", "KeyProblem", "Keyring", "load_hs256", "load_jwks", "load_or_create_pair"]

_PRIVATE_NAME: Final = "token-ed25519.pem"
_PUBLIC_NAME: Final = "token-ed25519.pub.pem"
_MAX_FILE: Final = 1 << 20
_MIN_SECRET: Final = 32
_MIN_RSA: Final = 2048
_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_KEY_LIKE: Final = (b"-----BEGIN", b"ssh-rsa ", b"ssh-ed25519 ", b"ecdsa-sha2-", b"---- BEGIN")


class KeyProblem(Exception):
    """A key file cannot be used; the message names the file, what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that verifies.

    Attributes:
        id: what a token's ``kid`` has to equal.
        algorithm: the only algorithm it is ever used with.
        verifier: the public key, or the shared secret.
        signer: the private key; None when this daemon cannot sign with it.
    """

    id: str
    algorithm: str
    verifier: Any
    signer: Any = None

    def __repr__(self) -> str:
        return f"Key(id={self.id!r}, algorithm={self.algorithm!r})"


class Keyring:
    """The keys of one daemon.

    Args:
        own: the pair that signs this daemon's tokens.
        others: further keys whose tokens are accepted.

    Raises:
        KeyProblem: two keys share an id.
    """

    def __init__(self, own: Key, others: Iterable[Key] = ()) -> None:
        if own.signer is None:
            raise KeyProblem("the daemon's own key cannot sign")
        self.own = own
        self._by_id: dict[str, Key] = {}
        for key in (own, *others):
            if key.id in self._by_id:
                raise KeyProblem(f"two keys have the id {key.id!r}; each kid must be unique")
            self._by_id[key.id] = key

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key that a token's header means, None if there is none.

        A header without ``kid``, as simple issuers write it, means the only key with its algorithm.
        """
        if kid is not None:
            key = self._by_id.get(kid)
            return key if key is not None and key.algorithm == algorithm else None
        fitting = [key for key in self._by_id.values() if key.algorithm == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def public(self) -> dict[str, Any]:
        """The own public key as a JWK set, for those who verify this daemon's tokens."""
        raw = self.own.verifier.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {
            "keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.own.id, "x": _b64(raw)}]
        }


def load_or_create_pair(directory: str | os.PathLike[str]) -> Key:
    """The daemon's own Ed25519 pair; made on the first call.

    The directory is made with mode 0700 and the files with 0600. The private key appears under its name only when it
    was written whole, and of two daemons that start together one makes it and both use it.

    Raises:
        KeyProblem: directory or file belong to another user or are open to others, or the file holds no Ed25519 key.
    """
    folder = Path(directory)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(folder.stat(follow_symlinks=False), folder, want=stat.S_ISDIR)
    path = folder / _PRIVATE_NAME
    if not path.exists():
        _create_pair(folder)
    try:
        private = load_pem_private_key(_read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(f"{path} holds no private key; move it away and restart to make a new one") from None
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise KeyProblem(f"{path} holds no Ed25519 key; move it away and restart to make a new one")
    public = private.public_key()
    digest = hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest()
    return Key(f"nexus-{_b64(digest)[:16]}", "EdDSA", public, private)


def load_hs256(path: str | os.PathLike[str]) -> Key:
    """A shared secret for HS256: the content of a file without one newline at its end.

    Raises:
        KeyProblem: shorter than 32 bytes, or a PEM, SSH or JSON key, which is public more often than not.
    """
    secret = _read_private(Path(path))
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if len(secret) < _MIN_SECRET:
        raise KeyProblem(f"{path} has {len(secret)} bytes; an HS256 secret needs at least {_MIN_SECRET}")
    stripped = secret.strip()
    if any(mark in stripped for mark in _KEY_LIKE) or stripped[:1] in (b"{", b"["):
        raise KeyProblem(f"{path} looks like a public or private key; an HS256 secret is random bytes")
    return Key("hs256", "HS256", secret)


def load_jwks(path: str | os.PathLike[str]) -> list[Key]:
    """The public keys of a JWK set file.

    The type of a key fixes its algorithm (Ed25519: EdDSA; P-256, P-384, P-521: ES256, ES384, ES512; RSA: RS256, or what
    its own ``alg`` says).

    Raises:
        KeyProblem: not a JWK set, a key without ``kid``, of another type, too weak, or private.
    """
    file = Path(path)
    try:
        document = json.loads(_read(file, os.O_RDONLY))
        entries = document["keys"]
        if not isinstance(entries, list) or not entries:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeyProblem(f'{path} is not a JWK set: expected {{"keys": [...]}} with at least one key') from None
    return [_load_jwk(entry, f"{path}: keys[{index}]") for index, entry in enumerate(entries)]


def _load_jwk(entry: Any, where: str) -> Key:
    if not isinstance(entry, dict):
        raise KeyProblem(f"{where} is not an object")
    kid = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        raise KeyProblem(f"{where} has no kid")
    if entry.get("kty") == "oct":
        raise KeyProblem(f"{where} is a shared secret; use auth.jwt.hs256_secret_file for that")
    if "d" in entry:
        raise KeyProblem(f"{where} holds a private key; the file must hold public keys only")
    if entry.get("use", "sig") != "sig":
        raise KeyProblem(f"{where} is not a signing key (use is not sig)")
    try:
        # every type is loaded with the algorithm that its type implies, whatever its alg member says
        kind = {"RSA": "RS256", "EC": _CURVES.get(str(entry.get("crv")), ""), "OKP": "EdDSA"}[entry["kty"]]
        public = jwt.PyJWK({**entry, "alg": kind}).key
    except (KeyError, TypeError, jwt.PyJWTError, ValueError):
        raise KeyProblem(f"{where} is no key of a known type (Ed25519, P-256, P-384, P-521, RSA)") from None
    algorithm = _algorithm_of(public, entry.get("alg"), where)
    return Key(kid, algorithm, public)


def _algorithm_of(public: Any, stated: object, where: str) -> str:
    allowed: tuple[str, ...]
    if isinstance(public, ed25519.Ed25519PublicKey):
        algorithm, allowed = "EdDSA", ("EdDSA", "Ed25519")
    elif isinstance(public, ec.EllipticCurvePublicKey):
        algorithm = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}.get(public.curve.name, "")
        allowed = (algorithm,)
    elif isinstance(public, rsa.RSAPublicKey):
        if public.key_size < _MIN_RSA:
            raise KeyProblem(f"{where} has {public.key_size} bits; RSA needs at least {_MIN_RSA}")
        algorithm, allowed = (stated if stated in _RSA_ALGORITHMS else "RS256"), _RSA_ALGORITHMS
    else:
        raise KeyProblem(f"{where} is no key of a known type (Ed25519, P-256, P-384, P-521, RSA)")
    if stated is not None and stated not in allowed:
        raise KeyProblem(f"{where} states the algorithm {stated!r}, which does not fit its type")
    return str(algorithm)


def _create_pair(folder: Path) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = folder / f".{_PRIVATE_NAME}.{secrets.token_hex(8)}"
    _write_new(temporary, pem)
    try:
        # a link, unlike a rename, never replaces a key that another daemon made meanwhile
        os.link(temporary, folder / _PRIVATE_NAME)
        _write_new(folder / _PUBLIC_NAME, public)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _read_private(path: Path) -> bytes:
    return _read(path, os.O_RDONLY | os.O_NOFOLLOW, private=True)


def _read(path: Path, flags: int, private: bool = False) -> bytes:
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyProblem(f"{path} cannot be read: {error.strerror}") from None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if private:
            _check_private(status, path, want=stat.S_ISREG)
        elif not stat.S_ISREG(status.st_mode):
            raise KeyProblem(f"{path} is not a file")
        if status.st_size > _MAX_FILE:
            raise KeyProblem(f"{path} has {status.st_size} bytes; a key file has at most {_MAX_FILE}")
        return file.read(_MAX_FILE)


def _check_private(status: os.stat_result, path: Path, *, want: Any) -> None:
    if not want(status.st_mode):
        raise KeyProblem(f"{path} is not a {'file' if want is stat.S_ISREG else 'directory'}")
    if status.st_uid != os.geteuid():
        raise KeyProblem(
            f"{path} belongs to uid {status.st_uid}; it must belong to uid {os.geteuid()}, who runs nexusd"
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        mode = "700" if want is stat.S_ISDIR else "600"
        raise KeyProblem(f"{path} is open to other users (mode {stat.S_IMODE(status.st_mode):o}); chmod {mode} {path}")


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
