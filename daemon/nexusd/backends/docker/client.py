"""The library's client, with a deadline on every answer. Importing this module loads the library."""

from __future__ import annotations

from typing import Any

from docker.api.client import APIClient
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.utils import compare_version


class Client(APIClient):  # type: ignore[misc] # the library has no types
    """As the library's, but calls that it would let wait for ever wait for `patience` seconds of silence.

    Attributes:
        patience: seconds, or None for ever.
    """

    patience: float | None = None

    def _set_request_timeout(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.patience
        return kwargs

    @classmethod
    def version_of(cls, host: str, timeout: float) -> str:
        """The newest version of the API that both sides speak."""
        client = cls(base_url=host, version="1.41", timeout=timeout)
        client.patience = timeout
        try:
            theirs = str(client.version(api_version=False)["ApiVersion"])
        finally:
            client.close()
        # compare_version is positive where the second is newer
        return theirs if compare_version(theirs, DEFAULT_DOCKER_API_VERSION) > 0 else str(DEFAULT_DOCKER_API_VERSION)

    def exists(self, container: str, path: str) -> bool:
        """Whether there is something at a path inside a container, running or not."""
        response = self.head(self._url("/containers/{0}/archive", container), params={"path": path})
        if response.status_code == 404:
            return False
        self._raise_for_status(response)
        return True
