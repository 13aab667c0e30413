"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import nexus_sdk
import nexus_sdk.sync
import pytest
from nexus_sdk import exceptions

NAMES = [
    "Address",
    "CallTimeout",
    "Chunk",
    "ConnectionClosed",
    "ConnectionFailed",
    "ConnectionLost",
    "DaemonNotFound",
    "Download",
    "FileWatch",
    "Listener",
    "Nexus",
    "NexusError",
    "OutputGap",
    "Process",
    "ProcessError",
    "ProcessResult",
    "ProcessTimeout",
    "Progress",
    "ProtocolViolation",
    "RunResult",
    "Search",
    "Tunnel",
    "Workspace",
    "WorkspaceWatch",
    "connect",
    "discover",
    "is_transient",
]


def test_names_are_pinned():
    assert nexus_sdk.__all__ == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_name_loads(name):
    assert getattr(nexus_sdk, name) is not None
    assert name in dir(nexus_sdk)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nexus_sdk.nothing


def test_every_exception_is_drawn_in_the_tree():
    for name in exceptions.__all__:
        assert name in (exceptions.__doc__ or "")


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys; before = set(sys.modules); import nexus_sdk; loaded = set(sys.modules) - before;"
        "heavy = ('msgspec', 'websockets', 'asyncio', 'ssl', 'typing', 'nexus_sdk');"
        "print(sorted(m for m in loaded if m.split('.')[0] in heavy))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "['nexus_sdk']"


def test_the_synchronous_client_is_reachable_without_importing_it():
    code = "import nexus_sdk; print(nexus_sdk.sync.connect.__name__)"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "connect"


def test_errors_are_one_family_and_the_builtin_one_too():
    lost = nexus_sdk.ConnectionLost("x", may_have_run=True)
    assert isinstance(lost, nexus_sdk.NexusError) and isinstance(lost, ConnectionError) and lost.may_have_run
    timeout = nexus_sdk.CallTimeout("x", timeout=1)
    assert isinstance(timeout, TimeoutError) and str(timeout) == "x"
    failed = nexus_sdk.ProcessTimeout(["make"], None, "KILL", b"", b"boom", timeout=2)
    assert isinstance(failed, nexus_sdk.ProcessError) and isinstance(failed, TimeoutError)
    assert str(failed) == "command 'make' did not end within 2 s: boom"
    assert str(nexus_sdk.ProcessError(["make"], 2, None, b"out", b"")) == "command 'make' exited with code 2: out"
    assert "ended by signal KILL" in str(nexus_sdk.ProcessError(["make"], None, "KILL", b"", b""))
