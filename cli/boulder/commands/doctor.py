"""`boulder doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from boulder.command import Command, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from boulder.checks import Finding

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "dim"}


@click.command("doctor", cls=Command, short_help="Find what is missing, and say how to get it.")
@pass_app
def command(app: App) -> int:
    """Look at everything that Nexus needs on this machine, and say how to get what is missing.

    The exit code is 1 if something must be mended, 0 otherwise; warnings do not count.
    """
    from boulder.checks import run_all

    findings = run_all(app)
    failed = [finding for finding in findings if finding.status == "fail"]
    value = {
        "ok": not failed,
        "checks": [
            {"name": item.name, "status": item.status, "message": item.message, "hint": item.hint} for item in findings
        ],
    }
    app.out.result(value, lambda: say(app, findings), [finding.name for finding in failed])
    return 1 if failed else 0


def say(app: App, findings: list[Finding]) -> None:
    """Print what was found."""
    from boulder.text import clean

    out = app.out
    for finding in findings:
        mark = out.styled(f"{finding.status:<4}", _STYLES[finding.status])
        out.line(f"{mark}  {finding.name:<12} {clean(finding.message)}")
        if finding.hint and finding.status in ("warn", "fail"):
            out.line(f"      {'':<12} try: {clean(finding.hint)}")
    counts = {status: sum(finding.status == status for finding in findings) for status in ("fail", "warn")}
    if counts["fail"]:
        out.line(f"{counts['fail']} to mend, {counts['warn']} to know")
    else:
        out.line("all is well" + (f"; {counts['warn']} to know" if counts["warn"] else ""))
