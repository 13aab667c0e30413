"""`boulder daemon install` and `uninstall`."""

from __future__ import annotations

import click

from boulder.command import Command, pass_app
from boulder.context import App


@click.command("install", cls=Command, short_help="Make it a service of the user's systemd.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the TCP port.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The TCP port.")
@click.option("--no-tcp", is_flag=True, help="Let the daemon open its configured port, not systemd.")
@click.option("--strict", is_flag=True, help="Nothing in a workspace can gain rights: no sudo there.")
@click.option("--print", "only_print", is_flag=True, help="Print the units, and change nothing.")
@pass_app
def install(app: App, host: str, port: int, no_tcp: bool, strict: bool, only_print: bool) -> None:
    """Make the daemon a service of the user's systemd, started when somebody connects to its sockets.

    A daemon that runs otherwise is stopped first. Units of before are replaced; drop-ins are kept.
    """
    from boulder.errors import CliError
    from boulder.node.stop import find_pid, stop
    from boulder.node.systemd import SERVICE, Manager, render, unit_directory

    units = render(app.home, host=host, port=None if no_tcp else port, strict=strict)
    if only_print:
        if app.out.json:
            app.out.item(dict(units.items()))
        else:
            for name, text in units.items():
                app.out.line(f"# {unit_directory() / name}\n{text}")
        return
    manager = Manager()
    missing = manager.missing()
    if missing is not None:
        raise CliError(
            f"{missing}, so there is nothing to install into",
            hint="`boulder daemon start` runs it without systemd; for a start at boot, let your service manager run "
            "`boulder daemon run` as this user. Where there is systemd, log in as this user (not by su) and try again",
            name="systemd_missing",
        )
    if not manager.active(SERVICE):
        pid = find_pid(app.home)
        if pid is not None:
            stop(pid)
            app.out.note(f"stopped the daemon that ran (pid {pid})")
    for directory in (app.home, app.home / "run"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    manager.install(units)
    paths = [str(unit_directory() / name) for name, _ in units.items()]
    lingering = manager.lingering()

    def human() -> None:
        for path in paths:
            app.out.line(f"wrote {path}")
        app.out.line(f"{SERVICE} is enabled and runs")
        if lingering is False:
            app.out.line("it ends with your last session; to keep it: loginctl enable-linger")

    app.out.result({"units": paths, "lingering": lingering}, human)


@click.command("uninstall", cls=Command, short_help="Take that service away.")
@pass_app
def uninstall(app: App) -> None:
    """Stop the service and take its units away. Workspaces and configuration stay."""
    from boulder.errors import CliError
    from boulder.node.systemd import Manager

    manager = Manager()
    missing = manager.missing()
    if missing is not None and manager.installed():
        raise CliError(f"{missing}, so the service cannot be stopped", name="systemd_missing")
    done = missing is None and manager.uninstall()
    app.out.note("the service is gone" if done else "there was no service")
