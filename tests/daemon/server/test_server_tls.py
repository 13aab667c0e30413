from __future__ import annotations

import datetime
import http.client
import ipaddress
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from server_harness import Served
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_everything_over_tls(
    serve: Callable[..., Served], contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server, client = contexts
    served = serve(tls=server)
    assert served.server.addresses[0].startswith("https://127.0.0.1:")
    connection = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=10, context=client)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["name"]) == (200, "nexusd")
    assert answer.headers["Strict-Transport-Security"]
    connection.close()

    nexus = Subprotocol("nexus.v1")
    async with connect(
        f"wss://127.0.0.1:{served.port}/rpc", ssl=client, subprotocols=[nexus], additional_headers=served.bearer(id="t")
    ) as socket:
        assert json.loads(await socket.recv())["method"] == "session.ready"
        for size in (1, 100_000):
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": "x" * size, "method": "session.ping"}))
            assert json.loads(await socket.recv())["id"] == "x" * size
        served.see(lambda: served.sessions.revoked(["t"]))
        assert json.loads(await socket.recv())["method"] == "session.closing"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    async with unix_connect(served.socket_path, "ws://x/rpc", subprotocols=[nexus]) as socket:
        assert json.loads(await socket.recv())["method"] == "session.ready"
