"""`boulder cp`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from boulder.arguments import complete_place
from boulder.command import Command, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection
    from nexus_sdk.files import Files

    from boulder.copying import Copied, Place
    from boulder.progress import Transfer


@click.command("cp", cls=Command, short_help="Copy files in, out, and within.")
@click.argument("source", shell_complete=complete_place)
@click.argument("target", shell_complete=complete_place)
@click.option("-r", "--recursive", is_flag=True, help="Copy directories.")
@pass_app
async def command(app: App, source: str, target: str, recursive: bool) -> int:
    """Copy files. One side, or both, is NAME:path; :path is in the workspace you are in; - is stdin or stdout.

    A file appears at its place when all of it has come. An interrupted copy of a large file goes on where it ended when
    it is called again. Links are copied as links; those that lead out are left out, and named.
    """
    from boulder.client import connect
    from boulder.copying import parse_place
    from boulder.exits import FAILED, OK
    from boulder.text import clean
    from boulder.units import format_size

    start, end = parse_place(source), parse_place(target)
    if start.workspace is None and end.workspace is None:
        raise click.UsageError("neither side is in a workspace; write NAME:path")
    async with connect(app) as connection:
        copied = await copy(app, connection, start, end, recursive)
    for line in copied.skipped:
        app.out.warn(f"left out: {clean(line)}")

    def human() -> None:
        many = "1 file" if copied.files == 1 else f"{copied.files} files"
        app.out.note(f"copied {many}, {format_size(copied.bytes)}")

    app.out.result({"files": copied.files, "bytes": copied.bytes, "skipped": copied.skipped}, human)
    return FAILED if copied.skipped else OK


async def copy(app: App, connection: Connection, source: Place, target: Place, recursive: bool) -> Copied:
    """Copy in the direction that the places say."""
    from nexus_sdk.files import Files

    from boulder.client import named
    from boulder.copying import Copied, Place, download, upload
    from boulder.progress import Transfer

    if source.workspace is None:
        workspace = await named(connection, target.workspace or None)
        files = Files(connection, workspace)
        with Transfer(app.out, "upload") as progress:
            if source.path == "-":
                return await upload_stdin(files, target.path, progress)
            return await upload(
                files, workspace, local(source.path), target.path, recursive=recursive, progress=progress
            )
    workspace = await named(connection, source.workspace or None)
    files = Files(connection, workspace)
    if target.workspace is None:
        if target.path == "-":
            return await download_stdout(files, source.path)
        with Transfer(app.out, "download") as progress:
            return await download(files, source.path, local(target.path), recursive=recursive, progress=progress)
    other = await named(connection, target.workspace or None)
    if other == workspace:
        with Transfer(app.out, "copy") as progress:
            info = await files.copy(source.path, target.path, recursive=recursive, overwrite=True, on_progress=progress)
        return Copied(1, info.size)
    with tempfile.TemporaryDirectory(prefix="boulder-") as directory:
        between = Place(None, str(Path(directory, Path(source.path).name or "workspace")))
        fetched = await copy(app, connection, source, between, recursive)
        sent = await copy(app, connection, between, Place(other, target.path), recursive)
        return Copied(sent.files, sent.bytes, [*fetched.skipped, *sent.skipped])


def local(path: str) -> Path:
    """Return a local path; a trailing slash stands for a directory that must be there."""
    found = Path(os.path.expanduser(path))
    if path.endswith("/") and not found.is_dir():
        raise click.UsageError(f"there is no directory {path} here")
    return found


async def upload_stdin(files: Files, target: str, progress: Transfer) -> Copied:
    """Send what comes on stdin. It is put into a file first: an upload must be able to go back."""
    import asyncio
    import shutil

    from boulder.copying import Copied

    with tempfile.TemporaryFile(prefix="boulder-") as spool:
        await asyncio.to_thread(shutil.copyfileobj, sys.stdin.buffer, spool, 1 << 20)
        size = spool.tell()
        spool.seek(0)
        await files.upload(spool, target, parents=True, on_progress=progress.file(target))
    return Copied(1, size)


async def download_stdout(files: Files, source: str) -> Copied:
    """Write a file to stdout, as it comes."""
    from boulder.copying import Copied
    from boulder.pipes import OutputWriter

    size = 0
    async with OutputWriter() as writer, files.open(source) as download:
        async for data in download:
            await writer.write(1, data)
            size += len(data)
    return Copied(1, size)
