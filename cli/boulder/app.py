"""The commands of `boulder`, by name. Nothing of them is imported here."""

from __future__ import annotations

import click

from boulder.command import Entry, RootGroup

__all__ = ["cli"]

_WORK = "Workspaces"
_INSIDE = "Inside a workspace"
_NODE = "Daemon and access"

ENTRIES = {
    "up": Entry("boulder.commands.up:command", "Make a workspace, or start the one there is.", _WORK),
    "down": Entry(
        "boulder.commands.down:command", "Take a workspace down; work that exists nowhere else stays.", _WORK
    ),
    "ls": Entry("boulder.commands.ls:command", "List workspaces.", _WORK),
    "switch": Entry("boulder.commands.lifecycle:switch", "Make a workspace the current one of its repository.", _WORK),
    "workspace": Entry("boulder.commands.workspace:group", "Everything about workspaces, in long form.", _WORK),
    "ws": Entry("boulder.commands.workspace:group", "Short for workspace.", ""),
    "checkpoint": Entry(
        "boulder.commands.checkpoint:group", "What workspaces were: save, restore and fork them.", _WORK
    ),
    "operation": Entry("boulder.commands.operation:group", "Changes of workspaces, under way and past.", _WORK),
    "exec": Entry("boulder.commands.exec:command", "Run a command, with its output and exit code.", _INSIDE),
    "run": Entry("boulder.commands.exec:command", "Another name for exec.", ""),
    "shell": Entry("boulder.commands.shell:command", "Open a terminal.", _INSIDE),
    "attach": Entry("boulder.commands.attach:command", "Return to a process.", _INSIDE),
    "ps": Entry("boulder.commands.ps:command", "List processes.", _INSIDE),
    "kill": Entry("boulder.commands.kill:command", "Send a signal to processes.", _INSIDE),
    "logs": Entry("boulder.commands.logs:command", "Print the output of a process.", _INSIDE),
    "cp": Entry("boulder.commands.cp:command", "Copy files in, out, and within.", _INSIDE),
    "watch": Entry("boulder.commands.watch:command", "Follow changes of files.", _INSIDE),
    "port": Entry("boulder.commands.port:group", "Ports: list and forward.", _INSIDE),
    "git": Entry("boulder.commands.git:group", "Git: status, diff, log, commit, branch, sync.", _INSIDE),
    "daemon": Entry("boulder.commands.daemon:group", "Start, stop and install the daemon.", _NODE),
    "doctor": Entry("boulder.commands.doctor:command", "Find what is missing, and say how to get it.", _NODE),
    "token": Entry("boulder.commands.token:group", "Make, list and revoke tokens.", _NODE),
    "config": Entry("boulder.commands.config:group", "Show and check the configuration.", _NODE),
    "backend": Entry("boulder.commands.backend:group", "What can run workspaces here.", _NODE),
    "completion": Entry("boulder.commands.completion:command", "Print what makes a shell complete boulder.", _NODE),
    "api": Entry("boulder.commands.api:command", "Call a method of the protocol.", _NODE),
    "version": Entry("boulder.commands.version:command", "Versions of this program and of the daemon.", _NODE),
}

EXAMPLES = (
    ("boulder up fix-login", "a workspace on a branch of its own, from the repository you are in"),
    ("boulder exec fix-login -- make test", "run a command in it"),
    ("boulder shell fix-login", "work in it"),
    ("boulder port forward fix-login 3000", "reach its port 3000 at localhost:3000"),
    ("boulder down fix-login", "take it down; nothing is lost"),
)


@click.command(cls=RootGroup, entries=ENTRIES, examples=EXAMPLES, invoke_without_command=True)
@click.option("--version", "show_version", is_flag=True, help="Print the version of this program.")
@click.pass_context
def cli(ctx: click.Context, show_version: bool) -> None:
    """A machine of its own for every branch.

    NAME may be left out wherever it stands for the workspace you are in: the one whose worktree you stand in, else the
    current one of the repository.
    """
    if show_version:
        from boulder import __version__

        click.echo(f"boulder {__version__}")
    elif ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
