"""Ports of workspaces: deterministic, disjoint, never handed out twice."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import InvalidParams, PortsExhausted
from nexusd.workspaces.ports import STANDARD, PortRange, allocate, is_free

RANGE = PortRange(start=32800, end=34999, per_workspace=10)


def everything_is_free(port: int) -> bool:
    return True


def test_same_workspace_gets_the_same_ports():
    first = allocate(RANGE, "uid:1", "feature", ["docs"], [], everything_is_free)
    assert first == allocate(RANGE, "uid:1", "feature", ["docs"], [], everything_is_free)
    assert first["web"] - first["ssh"] == STANDARD["web"]
    assert first["docs"] - first["ssh"] == 5


def test_a_block_with_a_foreign_listener_is_passed_over():
    wanted = allocate(RANGE, "uid:1", "feature", [], [], everything_is_free)
    moved = allocate(RANGE, "uid:1", "feature", [], [], lambda port: port != wanted["api"])
    assert set(moved.values()).isdisjoint(wanted.values())


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8)), unique=True, max_size=40))
def test_no_port_is_given_twice(owners_and_names):
    taken: set[int] = set()
    for owner, name in owners_and_names:
        ports = allocate(RANGE, owner, name, [], taken, everything_is_free)
        assert taken.isdisjoint(ports.values())
        assert all(RANGE.start <= port <= RANGE.end for port in ports.values())
        taken.update(ports.values())


def test_a_full_range_says_so():
    small = PortRange(start=40000, end=40019, per_workspace=10)
    taken: set[int] = set()
    for name in ("a", "b"):
        taken.update(allocate(small, "uid:1", name, [], taken, everything_is_free).values())
    with pytest.raises(PortsExhausted) as refused:
        allocate(small, "uid:1", "c", [], taken, everything_is_free)
    assert "40000" in refused.value.message


@pytest.mark.parametrize("names", [["web"], ["a", "a"], list("abcdef")])
def test_names_that_do_not_fit_are_refused(names):
    with pytest.raises(InvalidParams):
        allocate(RANGE, "uid:1", "feature", names, [], everything_is_free)


def test_a_listener_holds_its_port_and_an_outgoing_connection_does_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as outgoing:
            assert not is_free(server.getsockname()[1])
            assert is_free(outgoing.getsockname()[1])
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        assert not is_free(everywhere.getsockname()[1])
