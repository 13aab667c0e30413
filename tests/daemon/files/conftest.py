"""A root in a temporary directory, with something outside of it that nobody may reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from files_support import SECRET, beneath_at, snapshot, without_openat2
from nexusd.files.beneath import Beneath


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory beside the root; it must be the same after the test."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_text(SECRET)
    (place / "full").mkdir()
    (place / "full" / "inner").write_text(SECRET)
    before = snapshot(place)
    yield place
    assert snapshot(place) == before


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root."""
    place = tmp_path / "root"
    place.mkdir()
    return place


@pytest.fixture
def files(root: Path) -> Beneath:
    """The files below the root."""
    return beneath_at(root)


@pytest.fixture(params=["openat2", "walker"])
def either(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Beneath:
    """The files below the root, resolved by the kernel and resolved by hand."""
    if request.param == "walker":
        without_openat2(monkeypatch)
    return beneath_at(root)
