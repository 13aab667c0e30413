"""`boulder git`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import argument_name
from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.protocol import types

ENTRIES = {
    "status": Entry("boulder.commands.git:status", "Where the worktree stands."),
    "diff": Entry("boulder.commands.git:diff", "What changed."),
    "log": Entry("boulder.commands.git:log", "Commits."),
    "commit": Entry("boulder.commands.git:commit", "Commit changes."),
    "branch": Entry("boulder.commands.git:branch", "List branches; make, check out or delete one."),
    "sync": Entry("boulder.commands.git:sync", "Fetch, take and send commits."),
}

_LETTERS = {
    "unmodified": " ",
    "modified": "M",
    "added": "A",
    "deleted": "D",
    "renamed": "R",
    "copied": "C",
    "typechange": "T",
    "unmerged": "U",
    "untracked": "?",
}
_DIFF_STYLES = (
    ("+++", "bold"),
    ("---", "bold"),
    ("diff ", "bold"),
    ("@@", "cyan"),
    ("+", "green"),
    ("-", "red"),
)


@click.command("git", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """Git on a workspace's worktree. Hooks of the repository do not run; commit in boulder shell where they must."""


def ask(app: App, name: str | None, method: str, params: dict[str, Any]) -> Any:
    """Call a method on the workspace that is meant."""
    from boulder.calls import daemon, named

    calls = daemon(app)
    return calls.call(f"git.{method}", {**params, "workspace": named(calls, name)})


@click.command("status", cls=Command, short_help="Where the worktree stands.")
@argument_name
@pass_app
def status(app: App, name: str | None) -> None:
    """Show where the worktree stands: two letters per file, for the index and for the worktree."""
    found: types.GitStatus = ask(app, name, "status", {})
    app.out.result(found, lambda: say_status(app, found), [file.path for file in found.files])


def say_status(app: App, found: types.GitStatus) -> None:
    """Print where a worktree stands."""
    from boulder.text import clean

    out = app.out
    branch = clean(found.branch) if isinstance(found.branch, str) else "no branch"
    line = f"on {out.styled(branch, 'bold')}"
    if isinstance(found.upstream, str):
        line += f", {found.ahead} ahead and {found.behind} behind {clean(found.upstream)}"
    out.line(line)
    for file in found.files:
        index, worktree = _LETTERS.get(file.index, "!"), _LETTERS.get(file.worktree, "!")
        moved = f"{clean(file.original)} → " if isinstance(file.original, str) else ""
        out.line(f"{out.styled(index, 'green')}{out.styled(worktree, 'red')} {moved}{clean(file.path)}")
    if found.truncated:
        out.line("… and more")
    if found.clean:
        out.line("nothing is changed")


@click.command("diff", cls=Command, short_help="What changed.")
@argument_name
@click.argument("paths", nargs=-1)
@click.option("--base", metavar="REF", help="Compare with this commit.  [default: the index]")
@click.option("--staged", is_flag=True, help="What would be committed.")
@click.option("--tracked", is_flag=True, help="Without new files.")
@click.option(
    "-U", "--context", type=click.IntRange(0, 1000), default=3, show_default=True, help="Lines around a change."
)
@click.option("--stat", is_flag=True, help="Only how much changed in which file.")
@pass_app
def diff(
    app: App,
    name: str | None,
    paths: tuple[str, ...],
    base: str | None,
    staged: bool,
    tracked: bool,
    context: int,
    stat: bool,
) -> None:
    """Show what changed, as a unified diff."""
    params: dict[str, Any] = {"staged": staged, "untracked": not tracked, "paths": list(paths), "context": context}
    if base is not None:
        params["base"] = base
    found: types.GitDiff = ask(app, name, "diff", params)
    say = say_stat if stat else say_diff
    app.out.result(found, lambda: say(app, found), [file.path for file in found.files])


def say_stat(app: App, found: types.GitDiff) -> None:
    """Print how much changed in which file."""
    rows = []
    for file in found.files:
        added = ("binary", None) if file.binary else (f"+{file.added}", "green")
        removed = "" if file.binary else (f"-{file.removed}", "red")
        rows.append((file.path, added, removed))
    app.out.table(("FILE", "ADDED", "REMOVED"), rows, empty="nothing is changed")


def say_diff(app: App, found: types.GitDiff) -> None:
    """Print a diff, coloured."""
    from boulder.text import clean

    for line in found.diff.split("\n")[:-1]:
        name = next((style for start, style in _DIFF_STYLES if line.startswith(start)), None)
        app.out.line(app.out.styled(clean(line.rstrip("\r"), lines=True), name))
    if found.truncated:
        app.out.warn("the diff is longer than one answer; name paths, or use boulder exec -- git diff")


@click.command("log", cls=Command, short_help="Commits.")
@argument_name
@click.argument("paths", nargs=-1)
@click.option("--ref", default="HEAD", show_default=True, help="Where to begin.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@click.option("--skip", type=click.IntRange(0), default=0, help="Leave out the first.")
@pass_app
def log(app: App, name: str | None, paths: tuple[str, ...], ref: str, limit: int, skip: int) -> None:
    """List commits, the newest first."""
    params = {"ref": ref, "paths": list(paths), "limit": limit, "skip": skip}
    found: types.GitLog = ask(app, name, "log", params)

    def human() -> None:
        from boulder.units import ago

        rows = [((item.commit[:12], "yellow"), ago(item.time), item.author, item.subject) for item in found.commits]
        app.out.table(("COMMIT", "WHEN", "AUTHOR", "SUBJECT"), rows, empty="no commits")

    app.out.result(found, human, [item.commit for item in found.commits])


@click.command("commit", cls=Command, short_help="Commit changes.")
@argument_name
@click.argument("paths", nargs=-1)
@click.option("-m", "--message", required=True, help="The message; - reads it from stdin.")
@click.option("--staged", is_flag=True, help="Only what is in the index already.")
@click.option("--author", metavar="NAME <ADDRESS>", help="Who wrote it.")
@click.option("--amend", is_flag=True, help="Replace the last commit.")
@pass_app
def commit(
    app: App,
    name: str | None,
    paths: tuple[str, ...],
    message: str,
    staged: bool,
    author: str | None,
    amend: bool,
) -> None:
    """Commit every change, new files too, or only those of PATHS."""
    from boulder.text import clean

    if message == "-":
        message = sys.stdin.read()
    params: dict[str, Any] = {"message": message, "paths": list(paths), "all": not staged, "amend": amend}
    if author is not None:
        params["author"] = author
    found: types.GitCommit = ask(app, name, "commit", params)
    app.out.result(found, lambda: app.out.line(f"{found.commit[:12]} {clean(found.subject)}"), found.commit)


@click.command("branch", cls=Command, short_help="List branches; make, check out or delete one.")
@argument_name
@click.option("-c", "--create", metavar="BRANCH", help="Make a branch.")
@click.option("--start", metavar="REF", help="Where the new branch begins.  [default: HEAD]")
@click.option("-s", "--switch", metavar="BRANCH", help="Check a branch out.")
@click.option("-d", "--delete", metavar="BRANCH", help="Delete a branch that is merged.")
@click.option("-r", "--remote", is_flag=True, help="List remote branches, too.")
@pass_app
def branch(
    app: App,
    name: str | None,
    create: str | None,
    start: str | None,
    switch: str | None,
    delete: str | None,
    remote: bool,
) -> None:
    """List branches; make, check out or delete one."""
    wanted = {"create": create, "start": start, "switch": switch, "delete": delete}
    params = {key: value for key, value in wanted.items() if value is not None}
    found: types.GitBranches = ask(app, name, "branch", params)
    shown = [item for item in found.branches if remote or not item.remote]

    def human() -> None:
        rows = [
            (
                ("* " if item.current else "  ") + item.name,
                item.commit[:12],
                item.upstream if isinstance(item.upstream, str) else "",
            )
            for item in shown
        ]
        app.out.table(("BRANCH", "COMMIT", "FOLLOWS"), rows, empty="no branches")

    app.out.result(found, human, [item.name for item in shown])


@click.command("sync", cls=Command, short_help="Fetch, take and send commits.")
@argument_name
@click.option("--remote", help="The remote.  [default: origin]")
@click.option(
    "--pull",
    type=click.Choice(["none", "ff", "rebase", "merge"]),
    default="rebase",
    show_default=True,
    help="How to take theirs.",
)
@click.option("--push", is_flag=True, help="Send ours, to the branch of the same name.")
@pass_app
async def sync(app: App, name: str | None, remote: str | None, pull: str, push: bool) -> None:
    """Fetch, take and send commits. A conflict leaves the worktree as it was, with exit code 5."""
    from boulder.client import connect, named
    from boulder.progress import Progress

    params: dict[str, Any] = {"pull": pull, "push": push}
    if remote is not None:
        params["remote"] = remote
    async with connect(app) as connection:
        params["workspace"] = await named(connection, name)
        with Progress(app.out, "syncing") as progress:
            found: types.GitSynced = await connection.call("git.sync", params, on_progress=progress)

    def human() -> None:
        app.out.line(f"took {found.pulled} and sent {found.pushed} commits")
        say_status(app, found.status)

    app.out.result(found, human)
