from __future__ import annotations

import os
import socket

import pytest
from nexus_sdk.protocol.errors import Unauthenticated
from nexusd.auth.peer import PeerCredentials, peer_credentials, peer_identity


def test_the_kernel_vouches_for_the_other_end() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        found = peer_credentials(one)
    assert (found.uid, found.gid) == (os.geteuid(), os.getegid())
    assert found.pid in (os.getpid(), None)


def test_tcp_has_no_credentials() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()[:2]) as client:
            with pytest.raises(OSError):
                peer_credentials(client)


@pytest.mark.parametrize("uid", [1000, 0])
def test_the_daemons_user_and_root_may_do_everything(uid: int) -> None:
    identity = peer_identity(PeerCredentials(uid, uid, 1), trust=True, uid=1000)
    assert identity.subject == f"uid:{uid}"
    assert identity.administers
    assert identity.via == "peer"
    assert identity.expires_at is None


# requirement: auth.peer
@pytest.mark.parametrize(("uid", "trust"), [(1001, True), (100, True), (10000, True), (1000, False), (0, False)])
def test_nobody_else_is_known(uid: int, trust: bool) -> None:
    with pytest.raises(Unauthenticated):
        peer_identity(PeerCredentials(uid, uid, 1), trust=trust, uid=1000)
