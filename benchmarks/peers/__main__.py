"""``python -m benchmarks.peers NAME``: serve one of the peers on a free port, and print the port."""

from __future__ import annotations

import importlib
import socket
import sys

import uvicorn


def main() -> None:
    """Serve until a signal."""
    module = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}")
    config = uvicorn.Config(
        module.app,
        ws="websockets-sansio",
        http="httptools",
        loop="uvloop",
        lifespan="off",
        log_level="error",
        access_log=False,
        ws_per_message_deflate=False,
    )
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
