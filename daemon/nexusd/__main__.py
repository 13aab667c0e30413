"""``nexusd``: run the daemon, or check its configuration."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable

from nexusd.config.loading import ConfigError, Loaded, load, parse_flags, render
from nexusd.config.paths import Home, HomeUnusable
from nexusd.version import VERSION

USAGE_ERROR = 2
CONFIG_ERROR = 78
"""EX_CONFIG of sysexits.h: service managers show it, and do not restart because of it."""


def main(argv: list[str] | None = None) -> None:
    """The entry point; exits with 0, 1 for a failure, 2 for wrong usage, 78 for a wrong configuration."""
    arguments = _parser().parse_args(argv)
    home = Home(arguments.home) if arguments.home else Home.find()
    try:
        flags = parse_flags(arguments.set)
        loaded = load(home.path, flags=flags)
    except ConfigError as error:
        sys.exit(_fail(str(error), CONFIG_ERROR))
    if arguments.check:
        sys.exit(_check(loaded))
    if loaded.problems:
        sys.exit(_fail(str(ConfigError(loaded.problems)), CONFIG_ERROR))
    try:
        home.prepare()
    except HomeUnusable as error:
        sys.exit(_fail(str(error), CONFIG_ERROR))
    sys.exit(_serve(home, loaded, flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexusd", description="The Nexus daemon: workspaces, files and processes.")
    parser.add_argument("--home", metavar="DIR", help="where everything is kept (default: $NEXUS_HOME, else ~/.nexus)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="set a configuration key; may be given again"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration, say what is wrong, and exit")
    parser.add_argument("--version", action="version", version=f"nexusd {VERSION}")
    return parser


def _check(loaded: Loaded) -> int:
    if loaded.problems:
        for problem in loaded.problems:
            print(render(problem))
        print(f"{len(loaded.problems)} problem{'s' if len(loaded.problems) > 1 else ''} in the configuration")
        return CONFIG_ERROR
    print("the configuration is valid")
    for entry in loaded.entries():
        if entry.source != "default":
            print(f"  {entry.key} = {entry.value}  ({entry.source})")
    return 0


def _serve(home: Home, loaded: Loaded, flags: dict[str, str]) -> int:
    # The imports are here so that --check and --help answer at once.
    from nexus_sdk.protocol.errors import NexusError

    from nexusd.auth.keys import KeyProblem
    from nexusd.daemon import Daemon
    from nexusd.server.listeners import BindProblem
    from nexusd.store.errors import StoreError

    async def run() -> None:
        await Daemon(home, loaded, flags).run()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run())
    except BindProblem as error:
        return _fail(f"{error}\n  try: {error.hint}", 1)
    except NexusError as error:
        return _fail(f"{error.message}\n  try: {error.hint}" if error.hint else error.message, 1)
    except (KeyProblem, StoreError, OSError, ValueError) as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return 130
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one: a third more calls per second. Elsewhere the loop of the standard library."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _fail(message: str, code: int) -> int:
    print(f"nexusd: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
