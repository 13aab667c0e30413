from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import (
    CapabilityMissing,
    CheckpointNotFound,
    Draining,
    Forbidden,
    MethodNotFound,
    NexusError,
    OperationNotFound,
    ProcessNotFound,
    Unauthenticated,
    WorkspaceNotFound,
)
from nexus_sdk.protocol.methods import METHODS, SCOPES
from nexusd.auth.gate import Gate
from nexusd.auth.identity import Identity
from nexusd.wire.call import Call


@dataclass
class Record:
    id: str
    owner: str
    name: str = "demo"
    backend: str = "host"


class Resolver:
    """Two workspaces, of two owners; answers at once or later."""

    def __init__(self, later: bool) -> None:
        self.later = later
        self.records = [Record("ws_a", "alice"), Record("ws_ab", "bob"), Record("ws_c", "bob", name="ws_a")]

    def _give(self, value: Any) -> Any:
        if not self.later:
            return value

        async def give() -> Any:
            return value

        return give()

    def workspace(self, ref: str, identity: Identity) -> Any:
        by_id = [record for record in self.records if record.id == ref]
        return self._give((by_id or [record for record in self.records if record.name == ref] or [None])[0])

    def process(self, id: str) -> Any:
        return self._give({"p_a": "ws_a", "p_b": "ws_ab", "p_gone": "ws_gone"}.get(id))

    def operation(self, id: str) -> Any:
        return self._give({"op_a": "ws_a", "op_b": "ws_ab"}.get(id))

    def checkpoint(self, id: str) -> Any:
        return self._give({"cp_a": "ws_a", "cp_b": "ws_ab"}.get(id))


@pytest.fixture(params=[False, True], ids=["now", "later"])
def gate(request: pytest.FixtureRequest) -> Gate:
    return Gate(Resolver(request.param), capable=lambda backend, capability: capability != "pause")


def who(scopes: Any = ("*",), workspaces: Any = "own", subject: str = "alice", expires: Any = None) -> Identity:
    kept = workspaces if isinstance(workspaces, str) else frozenset(workspaces)
    return Identity(subject, frozenset(scopes), kept, "jwt", expires_at=expires)


PARAMS: dict[str, Any] = {
    "workspace": lambda ref: types.WorkspaceGetParams(workspace=ref),
    "process": lambda ref: types.ExecGetParams(process=ref),
    "operation": lambda ref: types.OperationGetParams(operation=ref),
    "checkpoint": lambda ref: types.CheckpointRemoveParams(checkpoint=ref),
}


def call(method: str, identity: Identity, ref: str = "") -> Call:
    row = METHODS[method]
    return Call(1, row, PARAMS[row.target](ref) if row.target in PARAMS else None, identity)


async def admit(gate: Gate, asked: Call) -> Any:
    decision: Awaitable[None] | None = gate.admit(asked)
    if decision is not None:
        await decision
    return asked.workspace


async def refusal(gate: Gate, asked: Call) -> NexusError:
    with pytest.raises(NexusError) as caught:
        await admit(gate, asked)
    return caught.value


async def test_the_workspace_is_set(gate: Gate) -> None:
    for method, ref in (
        ("workspace.get", "ws_a"),
        ("exec.get", "p_a"),
        ("operation.get", "op_a"),
        ("checkpoint.remove", "cp_a"),
    ):
        assert (await admit(gate, call(method, who(), ref))).id == "ws_a"
    assert await admit(gate, call("session.ping", who([]))) is None


# requirement: auth.scope
@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.scope is not None])
async def test_every_method_wants_its_scope(gate: Gate, method: str) -> None:
    row = METHODS[method]
    held = [scope for scope in SCOPES if scope != row.scope]
    error = await refusal(gate, call(method, who(held, "*"), "ws_a"))
    assert isinstance(error, Forbidden)
    assert error.details is not None
    assert (error.details.scope, error.details.method) == (row.scope, method)


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.target == "node"])
async def test_what_concerns_the_node_needs_all_workspaces(gate: Gate, method: str) -> None:
    for workspaces in ("own", ["ws_a"]):
        error = await refusal(gate, call(method, who(workspaces=workspaces)))
        assert isinstance(error, Forbidden)
        assert "whole node" in error.message
    assert await admit(gate, call(method, who(workspaces="*"))) is None


async def test_the_scope_is_looked_at_before_the_target(gate: Gate) -> None:
    one = await refusal(gate, call("workspace.get", who(["exec:read"]), "ws_a"))
    other = await refusal(gate, call("workspace.get", who(["exec:read"]), "ws_none"))
    assert one.to_wire() == other.to_wire()


@pytest.mark.parametrize(
    ("method", "kind", "hidden", "absent"),
    [
        ("workspace.get", WorkspaceNotFound, "ws_ab", "ws_zz"),
        ("exec.get", ProcessNotFound, "p_b", "p_z"),
        ("operation.get", OperationNotFound, "op_b", "op_z"),
        ("checkpoint.remove", CheckpointNotFound, "cp_b", "cp_z"),
    ],
)
async def test_hidden_and_absent_are_one(gate: Gate, method: str, kind: type, hidden: str, absent: str) -> None:
    one = await refusal(gate, call(method, who(), hidden))
    other = await refusal(gate, call(method, who(), absent))
    assert type(one) is type(other) is kind
    assert json.dumps(one.to_wire()).replace(hidden, "X") == json.dumps(other.to_wire()).replace(absent, "X")


async def test_a_process_of_a_workspace_without_record(gate: Gate) -> None:
    assert isinstance(await refusal(gate, call("exec.get", who(workspaces="*"), "p_gone")), ProcessNotFound)


async def test_a_record_that_is_only_named_like_the_id_is_another(gate: Gate) -> None:
    resolver = gate._resolver
    assert isinstance(resolver, Resolver)
    resolver.records.pop(0)  # now "ws_a" is the name of ws_c only
    assert (await admit(gate, call("workspace.get", who(workspaces="*"), "ws_a"))).id == "ws_c"
    assert isinstance(await refusal(gate, call("exec.get", who(workspaces="*"), "p_a")), ProcessNotFound)


@given(
    granted=st.sampled_from(["ws_a", "ws_ab", "ws_", "WS_A", "ws_a ", "w"]), asked=st.sampled_from(["ws_a", "ws_ab"])
)
def test_prefixes_of_ids_open_nothing(granted: str, asked: str) -> None:
    gate = Gate(Resolver(later=False))
    wanted = call("workspace.get", who(workspaces=[granted]), asked)
    if granted == asked:
        gate.admit(wanted)
        assert wanted.workspace.id == asked
    else:
        with pytest.raises(WorkspaceNotFound):
            gate.admit(wanted)
        assert wanted.workspace is None


async def test_an_expired_identity_is_nobody(gate: Gate) -> None:
    end = datetime.fromtimestamp(1000, UTC)
    gate._clock = lambda: 999.0
    assert (await admit(gate, call("workspace.get", who(expires=end), "ws_a"))).id == "ws_a"
    gate._clock = lambda: 1000.0
    assert isinstance(await refusal(gate, call("workspace.get", who(expires=end), "ws_a")), Unauthenticated)
    assert isinstance(await refusal(gate, call("session.ping", who(expires=end))), Unauthenticated)


async def test_what_the_schema_does_not_know_does_not_pass(gate: Gate) -> None:
    unknown = replace(METHODS["session.ping"], name="session.backdoor")
    assert isinstance(await refusal(gate, Call(1, unknown, None, who())), MethodNotFound)
    disguised = replace(METHODS["workspace.get"], scope=None, target=None)
    assert isinstance(await refusal(gate, Call(1, disguised, None, who())), MethodNotFound)


async def test_capabilities(gate: Gate) -> None:
    error = await refusal(gate, call("workspace.pause", who(), "ws_a"))
    assert isinstance(error, CapabilityMissing)
    assert error.details is not None
    assert (error.details.backend, error.details.capability) == ("host", "pause")
    unseen = await refusal(gate, call("workspace.pause", who(), "ws_ab"))
    assert isinstance(unseen, WorkspaceNotFound)


async def test_a_draining_daemon_takes_no_work(gate: Gate) -> None:
    gate.draining = True
    assert isinstance(await refusal(gate, call("workspace.get", who(), "ws_a")), Draining)
    assert await admit(gate, call("session.ping", who())) is None
