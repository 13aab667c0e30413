"""`boulder daemon`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App
from boulder.units import DURATION

if TYPE_CHECKING:
    from nexus_sdk.protocol import types

ENTRIES = {
    "start": Entry("boulder.commands.daemon:start", "Start it in the background."),
    "stop": Entry("boulder.commands.daemon:stop", "Let calls in flight end, then end it."),
    "restart": Entry("boulder.commands.daemon:restart", "Stop it, then start it."),
    "status": Entry("boulder.commands.daemon:status", "Whether it runs, and how it is."),
    "logs": Entry("boulder.commands.daemon:logs", "Print its log."),
    "run": Entry("boulder.commands.daemon:run", "Run it in the foreground."),
    "install": Entry("boulder.commands.install:install", "Make it a service of the user's systemd."),
    "uninstall": Entry("boulder.commands.install:uninstall", "Take that service away."),
}
_SETTING = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set a key of the configuration for this run."
)


@click.command("daemon", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """The daemon of $NEXUS_HOME (default ~/.nexus). boulder up starts it by itself."""


@click.command("start", cls=Command, short_help="Start it in the background.")
@_SETTING
@click.option("--timeout", type=DURATION, default="30s", show_default=True, help="How long to wait until it is ready.")
@pass_app
def start(app: App, settings: tuple[str, ...], timeout: int) -> None:
    """Start the daemon in the background, and wait until it takes work. One that runs is success."""
    begin(app, settings, timeout / 1000)
    tell(app)


def begin(app: App, settings: tuple[str, ...], seconds: float) -> None:
    """Start it: as a service where it is one, else as a process of its own."""
    from boulder.node.start import start as start_daemon
    from boulder.node.systemd import SERVICE, SOCKET, Manager
    from boulder.units import format_duration

    manager = Manager()
    if not settings and not app.home_is_set and manager.installed() and manager.missing() is None:
        manager.run("start", SOCKET, SERVICE)
        app.out.note(f"started {SERVICE}")
        return
    flags = [part for setting in settings for part in ("--set", setting)]
    started = start_daemon(app.home, flags, timeout=seconds)
    if started.fresh:
        app.out.note(f"started in {format_duration(started.seconds)} (pid {started.pid})")
    else:
        app.out.note("it runs already")


def tell(app: App) -> None:
    """Print what the daemon says of itself."""
    import msgspec
    from nexus_sdk.protocol import types

    from boulder.node import probe

    info = msgspec.convert(probe.call(app.socket, "system.info"), types.SystemInfo, strict=False)
    app.out.result(info, lambda: say(app, info), str(info.pid))


def say(app: App, info: types.SystemInfo) -> None:
    """Print what a daemon is."""
    from boulder.text import clean
    from boulder.units import ago, format_size

    out = app.out
    out.line(f"nexusd {clean(info.version)} is {out.styled('running', 'green')} (pid {info.pid}, level {info.level})")
    out.line(f"  home         {clean(info.home)}")
    for address in info.listen:
        out.line(f"  listens      {clean(address)}")
    out.line(f"  started      {ago(info.started_at)}")
    out.line(f"  workspaces   {info.workspaces}")
    out.line(f"  processes    {info.processes}")
    out.line(f"  connections  {info.connections}")
    out.line(f"  memory       {format_size(info.memory)}")


@click.command("stop", cls=Command, short_help="Let calls in flight end, then end it.")
@click.option("--timeout", type=DURATION, default="60s", show_default=True, help="How long to wait.")
@click.option("--force", is_flag=True, help="Kill it when that has passed.")
@pass_app
def stop(app: App, timeout: int, force: bool) -> None:
    """Stop the daemon. Processes of workspaces go on where something keeps them (boulder doctor says so); to end them,
    stop their workspaces first. None running is success."""
    end(app, timeout / 1000, force)


def end(app: App, seconds: float, force: bool) -> None:
    """Stop it, and wait until it has ended."""
    from boulder.node.stop import find_pid
    from boulder.node.stop import stop as stop_daemon
    from boulder.node.systemd import SERVICE, SOCKET, Manager
    from boulder.units import format_duration

    manager = Manager()
    if not app.home_is_set and (manager.active(SERVICE) or manager.active(SOCKET)):
        # the socket would start it again for the next who connects
        manager.run("stop", SOCKET, SERVICE)
        app.out.note(f"stopped {SERVICE} and {SOCKET}")
        return
    pid = find_pid(app.home)
    if pid is None:
        app.out.note("no daemon runs")
        return
    took = stop_daemon(pid, timeout=seconds, force=force)
    app.out.note(f"stopped in {format_duration(took)} (pid {pid})")


@click.command("restart", cls=Command, short_help="Stop it, then start it.")
@_SETTING
@click.option("--timeout", type=DURATION, default="60s", show_default=True, help="How long each may take.")
@pass_app
def restart(app: App, settings: tuple[str, ...], timeout: int) -> None:
    """Stop the daemon and start it again. Settings of the former start are not kept."""
    end(app, timeout / 1000, False)
    begin(app, settings, timeout / 1000)
    tell(app)


@click.command("status", cls=Command, short_help="Whether it runs, and how it is.")
@pass_app
def status(app: App) -> int:
    """Show whether the daemon runs and how it is. The exit code is 0 if it is well, 1 if not, 6 if none runs."""
    from boulder.calls import daemon
    from boulder.exits import FAILED, OK
    from boulder.text import clean

    calls = daemon(app)
    info: types.SystemInfo = calls.call("system.info")
    health: types.SystemHealth = calls.call("system.health")

    def human() -> None:
        say(app, info)
        for check in health.checks:
            mark = app.out.styled("ok  ", "green") if check.ok else app.out.styled("fail", "red")
            app.out.line(f"  {mark} {clean(check.name)}" + (f": {clean(check.message)}" if check.message else ""))
        if health.draining:
            app.out.line("  it is draining and takes no new work")

    app.out.result({"info": info, "health": health}, human, str(info.pid))
    return OK if health.ok else FAILED


@click.command("logs", cls=Command, short_help="Print its log.")
@click.option("-f", "--follow", is_flag=True, help="Go on.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=100, show_default=True, help="So many of the last lines."
)
@pass_app
def logs(app: App, follow: bool, lines: int) -> None:
    """Print the daemon's log."""
    from boulder.errors import CliError
    from boulder.exits import NOT_FOUND
    from boulder.node.start import log_path, tail
    from boulder.node.systemd import SERVICE, Manager
    from boulder.text import clean

    path = log_path(app.home)
    if not app.home_is_set and Manager().active(SERVICE):
        argv = ["journalctl", "--user", "-u", SERVICE, "-o", "cat", "-n", str(lines), *(["-f"] if follow else [])]
        os.execvp(argv[0], argv)  # noqa: S606
    if not path.exists():
        raise CliError(
            f"there is no log at {path}",
            hint="the daemon was not started by boulder",
            name="log_not_found",
            exit=NOT_FOUND,
        )
    size = path.stat().st_size
    for line in tail(path, lines) if lines else ():
        app.out.line(clean(line))
    if follow:
        _follow(app, path, size)


def _follow(app: App, path: Path, offset: int) -> None:
    import time

    from boulder.text import clean

    rest = ""
    with path.open(errors="replace") as file:
        file.seek(offset)
        while True:
            text = file.read()
            if not text:
                time.sleep(0.2)
                continue
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                app.out.line(clean(line))


@click.command("run", cls=Command, short_help="Run it in the foreground.")
@_SETTING
@pass_app
def run(app: App, settings: tuple[str, ...]) -> None:
    """Run the daemon in the foreground, in place of this program."""
    from boulder.node.start import daemon_argv, environment

    argv = [*daemon_argv(), *(part for setting in settings for part in ("--set", setting))]
    os.execvpe(argv[0], argv, environment(app.home))  # noqa: S606
