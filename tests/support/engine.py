"""A real Docker Engine for tests: the one that runs, or one of our own that ends with the tests."""

from __future__ import annotations

import contextlib
import shutil
from typing import NoReturn

import engines
import pytest

from benchmarks.dockerd import API_VERSION, OwnEngine, Unavailable, address, answers, base_image, install

__all__ = [
    "BASE",
    "OwnEngine",
    "TestEngine",
    "answers",
    "base_image",
    "engine",
    "install",
    "own_engine",
    "start_own",
    "unavailable",
]

BASE = "nexus-test-base:1"
"""busybox, and git with the libraries that it needs."""


class TestEngine:
    """An engine.

    Attributes:
        host: its address.
        api: a client, for what is to happen behind the backend's back.
    """

    __test__ = False

    def __init__(self, host: str) -> None:
        from docker.api.client import APIClient

        self.host = host
        self.api = APIClient(base_url=host, version=API_VERSION, timeout=60)
        self._make_base()

    def _make_base(self) -> None:
        if not self.api.images(BASE):
            self.api.import_image_from_data(base_image(), repository=BASE.partition(":")[0], tag="1")

    def leftovers(self, instance: str) -> dict[str, list[str]]:
        """Everything at the engine that carries the marks of a daemon."""
        filters = {"label": [f"nexus.instance={instance}"]}
        return {
            "containers": [item["Names"][0] for item in self.api.containers(all=True, filters=filters)],
            "networks": [item["Name"] for item in self.api.networks(filters=filters)],
            "images": [item["Id"] for item in self.api.images(filters=filters, all=True)],
            "volumes": [item["Name"] for item in self.api.volumes(filters=filters)["Volumes"] or []],
        }

    def clear(self, instance: str) -> None:
        """Remove all that."""
        from docker.errors import APIError

        for workspace in self.leftovers(instance)["containers"]:
            self.api.remove_container(workspace, force=True, v=True)
        for network in self.leftovers(instance)["networks"]:
            self.api.remove_network(network)
        while images := self.leftovers(instance)["images"]:
            for image in images:
                with contextlib.suppress(APIError):  # one that others are made from goes after them
                    self.api.remove_image(image, force=True)
            if self.leftovers(instance)["images"] == images:
                raise AssertionError(f"{images} cannot be removed")


def unavailable(reason: str) -> NoReturn:
    """No engine can be had: a skip here, a failure where everything must run."""
    engines.unavailable(f"no Docker Engine: {reason}")


def start_own(*, apart: bool) -> OwnEngine:
    """A running engine of our own; else skip or fail."""
    try:
        install()
        return OwnEngine.started(apart=apart)
    except Unavailable as reason:
        unavailable(str(reason))


@pytest.fixture(scope="session")
def own_engine():
    """An engine that tests may stop, freeze and start again."""
    made = start_own(apart=True)
    yield made
    made.close()


@pytest.fixture(scope="session")
def engine():
    """The engine of these tests."""
    host, own = address(), None
    if not answers(host) or shutil.which("busybox") is None:
        own = start_own(apart=False)
        host = own.host
    made = TestEngine(host)
    yield made
    made.api.close()
    if own is not None:
        own.close()
