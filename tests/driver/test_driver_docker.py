"""The method table in containers: with one SDK all of it, compared with the host; with the others what goes inside.

Making a container takes half a second, so what does not change the workspace itself shares one. Lifecycle, git, tokens
and the like are the daemon's, whichever SDK asks; commands, files and ports have code of each SDK's own.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import make_repository
from drivers import SDKS, Program
from engine import BASE, TestEngine, engine  # noqa: F401 - a fixture
from method_cases import DOCKER, HOST, client_methods
from served import Served
from test_driver_methods import REFUSED, differences, drive

WHOLE = SDKS[0]
"""The SDK that everything is done with."""
INSIDE = ("exec", "fs", "port")
"""Domains that every SDK does."""

Outcomes = dict[str, dict[str, tuple[str, Any]]]


def goes_inside(method: str) -> bool:
    return method.partition(".")[0] in INSIDE


@pytest.fixture(scope="module")
def outcomes(
    programs: dict[str, Program],
    nexus_init: Path,
    engine: TestEngine,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    """What came of each method, by SDK; and on the host, by the one that does everything."""
    folder = tmp_path_factory.mktemp("docker")
    repository = make_repository(folder / "repository")
    places = {**dict.fromkeys(SDKS, DOCKER), "host": dataclasses.replace(HOST, own=DOCKER.own)}
    served = {}
    for number, (name, place) in enumerate(places.items()):
        # Below the ports that the kernel hands out by itself, and no daemon takes another's.
        ports = [f"ports.range.start={25000 + 500 * number}", f"ports.range.end={25499 + 500 * number}"]
        settings = [f"docker.host={engine.host}", f"docker.image={BASE}", *ports]
        # Their names are as long for all, because a worktree knows its path and its size is compared.
        served[name] = Served(folder / str(number), repository, place, settings)
    try:
        with concurrent.futures.ThreadPoolExecutor(len(served)) as pool:
            list(pool.map(lambda one: one.daemon.start(), served.values()))
            running = {
                name: pool.submit(drive, WHOLE, programs[WHOLE], one)
                if name in (WHOLE, "host")
                else pool.submit(drive, name, programs[name], one, goes_inside)
                for name, one in served.items()
            }
            yield {name: run.result() for name, run in running.items()}
    finally:
        with concurrent.futures.ThreadPoolExecutor(len(served)) as pool:
            list(pool.map(lambda one: clear(engine.host, one), served.values()))


def clear(host: str, served: Served) -> None:
    """Stop the daemon, and take away what it leaves running."""
    served.daemon.stop()
    here = TestEngine(host)
    with contextlib.closing(here.api):
        # One of its containers tells by what name the daemon marks all that it makes.
        for found in here.api.containers(all=True):
            if found["Labels"].get("nexus.workspace") in served.made:
                here.clear(found["Labels"]["nexus.instance"])
                return


def test_every_method_does_in_a_container_what_it_is_for(outcomes: Outcomes) -> None:
    refused = {name: came for name, (came, _) in outcomes[WHOLE].items() if came != "ok"}
    assert refused == REFUSED
    assert set(outcomes[WHOLE]) == set(outcomes["host"]) >= {method.name for method in client_methods()}


def test_results_differ_from_those_of_the_host_where_they_should_and_nowhere_else(outcomes: Outcomes) -> None:
    found = [
        (name, place, there)
        for name, here in outcomes["host"].items()
        for place, _, there in differences(here, outcomes[WHOLE][name])
    ]
    values: dict[str, list[Any]] = {}
    for _, place, there in found:
        seen = values.setdefault(place.rpartition(".")[2], [])
        if there not in seen:
            seen.append(there)
    assert values == DOCKER.differs, "\n" + "\n".join(map(str, found))


def test_what_goes_inside_does_the_same_with_every_sdk(outcomes: Outcomes) -> None:
    for sdk in SDKS:
        if sdk != WHOLE:
            assert set(outcomes[sdk]) == {name for name in outcomes[WHOLE] if "." not in name or goes_inside(name)}, (
                f"{sdk} did something else"
            )
    unlike = [
        f"{name}{place}: {sdk} {theirs!r}, {WHOLE} {ours!r}"
        for sdk in SDKS
        for name, came in outcomes[sdk].items()
        for place, ours, theirs in differences(outcomes[WHOLE][name], came)
    ]
    assert unlike == [], "\n" + "\n".join(unlike)
