"""Files over HTTP: `GET`, `HEAD` and `PUT` of ``/files/{workspace}/{path}``.

The same gate, the same path resolution and the same transfers as `fs.download` and `fs.upload`. What a tenant stored is
never shown as a page of ours: it is an attachment of no particular type, in a sandbox.

An upload that should survive a broken connection has an id, in ``Upload-Id``. ``HEAD`` with that header tells in
``Upload-Offset`` how many bytes have arrived; ``PUT`` continues there, saying so in ``Upload-Offset`` or
``Content-Range``. A part that is not the last is answered with 202.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import secrets
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import msgspec
from nexus_sdk.protocol.errors import EtagMismatch, InvalidParams, PathNotFound
from nexus_sdk.protocol.methods import METHODS
from nexus_sdk.protocol.types import FileInfo, FsDownloadParams, FsUploadParams

from nexusd.files.beneath import Beneath
from nexusd.files.info import etag
from nexusd.files.transfer import READ, Download, Upload
from nexusd.server.app import Route
from nexusd.server.authenticate import Authenticator
from nexusd.server.exchange import Exchange
from nexusd.server.head import Head, Refused
from nexusd.server.ranges import check_match, content_range, not_modified, requested_range
from nexusd.wire.call import Call
from nexusd.wire.dispatch import Admit

__all__ = ["FILES_PATH", "FilesHttp", "Opener"]

P = TypeVar("P", bound=msgspec.Struct)

FILES_PATH: Final = "/files/"
_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|\Z)")


class Opener(Protocol):
    """Finds the files of a workspace; `nexusd.files.service.FileService` is one."""

    async def place(self, record: Any, params: msgspec.Struct) -> Beneath:
        """The files of a workspace, given its record, that `params` speak of."""
        ...


class FilesHttp:
    """The handlers.

    Args:
        authenticator: establishes identities.
        admit: the gate.
        files: finds the files of a workspace.
    """

    def __init__(self, authenticator: Authenticator, admit: Admit, files: Opener) -> None:
        self._authenticator = authenticator
        self._admit = admit
        self._files = files

    def routes(self) -> list[Route]:
        """Where they are."""
        return [Route(FILES_PATH, {"GET": self.get, "HEAD": self.head, "PUT": self.put})]

    async def get(self, exchange: Exchange) -> None:
        """Send a file, or the one range of it that was asked for."""
        await self._download(exchange)

    async def head(self, exchange: Exchange) -> None:
        """Tell how far an upload is, or what `GET` would answer."""
        head = exchange.head
        if head.one("upload-id") is None:
            await self._download(exchange)
            return
        upload = await self._open_upload(head, _upload_params(head, None))
        offset = upload.opened.offset
        # one that has not begun leaves nothing behind by being asked for
        await upload.abort(keep=offset > 0)
        await exchange.start(HTTPStatus.OK, [("upload-offset", str(offset)), ("content-length", "0")])
        await exchange.end()

    async def put(self, exchange: Exchange) -> None:
        """Receive a file, or a part of it. It is put in place, atomically, when its last byte has come."""
        head = exchange.head
        part = content_range(head)
        stated = head.one("upload-offset")
        start = part[0] if part is not None else _number("upload-offset", stated) if stated is not None else 0
        length = head.one("content-length")
        if part is not None and length is not None and _number("content-length", length) != part[1] - part[0]:
            raise Refused(HTTPStatus.BAD_REQUEST, "range_invalid", "Content-Range and Content-Length disagree")
        if part is not None:
            size = part[2]
        else:
            size = start + _number("content-length", length) if length is not None else None
        upload = await self._open_upload(head, _upload_params(head, size))
        try:
            if upload.opened.offset != start:
                raise _elsewhere(upload.opened.offset, start)
            if part is not None and part[1] != part[2] and head.one("upload-id") is None:
                raise Refused(
                    HTTPStatus.BAD_REQUEST,
                    "upload_id_missing",
                    "a part that is not the last needs an Upload-Id to be continued by",
                )
            async for chunk in exchange.chunks():
                if part is not None and upload.received + len(chunk) > part[1]:
                    raise Refused(HTTPStatus.BAD_REQUEST, "range_invalid", "the body is longer than Content-Range says")
                await upload.write(chunk)
            if part is not None and upload.received < part[1]:
                raise Refused(HTTPStatus.BAD_REQUEST, "range_invalid", "the body is shorter than Content-Range says")
            if part is not None and part[1] != part[2]:
                await upload.abort()
                await exchange.reply(HTTPStatus.ACCEPTED, headers=[("upload-offset", str(part[1]))])
                return
            done = await upload.finish()
        finally:
            # nobody can continue what has no name
            await upload.abort(keep=head.one("upload-id") is not None)
        body = msgspec.json.encode(done)
        await exchange.reply(
            HTTPStatus.OK, body, [("content-type", "application/json"), ("etag", f'"{done.info.etag}"')]
        )

    async def _download(self, exchange: Exchange) -> None:
        head = exchange.head
        workspace, path = _place(head)
        params = _convert(FsDownloadParams, {"workspace": workspace, "path": path})
        beneath, _ = await self._enter(head, "fs.download", params)
        download = await asyncio.to_thread(Download, beneath, params)
        try:
            info = download.opened.info
            check_match(head, info.etag)
            if not_modified(head, info.etag):
                await exchange.reply(HTTPStatus.NOT_MODIFIED, headers=_describe(info))
                return
            chosen = requested_range(head, info.etag, info.size)
            headers = [*_describe(info), *_as_attachment(info.name)]
            status = HTTPStatus.OK
            if chosen is not None:
                start, end = chosen
                await asyncio.to_thread(download.close)
                params = msgspec.structs.replace(params, offset=start, length=end - start, if_match=info.etag)
                download = await asyncio.to_thread(Download, beneath, params)
                headers.append(("content-range", f"bytes {start}-{end - 1}/{info.size}"))
                status = HTTPStatus.PARTIAL_CONTENT
            headers.append(("content-length", str(download.opened.length)))
            await exchange.start(status, headers)
            if head.method == "HEAD":
                await exchange.end()
            else:
                await _send(exchange, download)
        finally:
            await asyncio.to_thread(download.close)

    async def _open_upload(self, head: Head, params: FsUploadParams) -> Upload:
        beneath, subject = await self._enter(head, "fs.upload", params)
        return await asyncio.to_thread(_begin_upload, beneath, params, subject, head)

    async def _enter(self, head: Head, method: str, params: Any) -> tuple[Beneath, str]:
        """Pass the gate; returns the files of the workspace that `params` name, and who asks."""
        identity = self._authenticator.identify(head)
        call = Call(None, METHODS[method], params, identity)
        decision = self._admit(call)
        if decision is not None:
            await decision
        return await self._files.place(call.workspace, params), identity.subject


async def _send(exchange: Exchange, download: Download) -> None:
    # the last piece is held back until it is certain that all were of one version of the file
    held = memoryview(b"")
    while piece := await download.read(READ):
        if held:
            await exchange.write(held)
        held = piece
    await asyncio.to_thread(download.finish)
    await exchange.end(held)


def _place(head: Head) -> tuple[str, str]:
    workspace, _, path = head.path.removeprefix(FILES_PATH).partition("/")
    return workspace, path


def _begin_upload(beneath: Beneath, params: FsUploadParams, subject: str, head: Head) -> Upload:
    """Open an upload, under the condition of ``If-Match``: one of several etags, or anything that is there."""
    if head.one("if-match") is not None:
        try:
            with beneath.acting():
                now = etag(beneath.stat(params.path))
        except PathNotFound:
            raise EtagMismatch(f"{params.path!r}: the file is gone", path=params.path, etag="") from None
        check_match(head, now)
        # once more when it is put in place: what was there is what is replaced
        params = msgspec.structs.replace(params, if_match=now)
    return Upload(beneath, params, subject)


def _upload_params(head: Head, size: int | None) -> FsUploadParams:
    workspace, path = _place(head)
    upload = head.one("upload-id")
    fields: dict[str, Any] = {
        "workspace": workspace,
        "path": path,
        "upload": upload if upload is not None else secrets.token_urlsafe(24),
    }
    if size is not None:
        fields["size"] = size
    for name, value in head.parameters():
        if name == "mode":
            fields["mode"] = value
        elif name == "parents":
            fields["parents"] = value in ("", "1", "true")
        else:
            raise Refused(HTTPStatus.BAD_REQUEST, "query_invalid", f"there is no parameter {name[:64]!r}")
    if (head.one("if-none-match") or "").strip() == "*":
        fields["if_match"] = ""
    digest = head.one("repr-digest")
    if digest is not None:
        fields["sha256"] = _sha256(digest)
    return _convert(FsUploadParams, fields)


def _sha256(digest: str) -> str:
    found = _DIGEST.search(digest)
    try:
        if found is not None:
            return base64.b64decode(found[1], validate=True).hex()
    except binascii.Error:
        pass
    raise Refused(HTTPStatus.BAD_REQUEST, "digest_invalid", "Repr-Digest has no sha-256", "Write sha-256=:<base64>:.")


def _convert(type: type[P], fields: dict[str, Any]) -> P:
    try:
        return msgspec.convert(fields, type)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        path = path.rstrip("`") or "$"
        raise InvalidParams(f"{reason} at {path}", path=path, reason=reason) from None


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 16:
        raise Refused(HTTPStatus.BAD_REQUEST, "header_invalid", f"the header {name} is no number")
    return int(text)


def _elsewhere(offset: int, start: int) -> Refused:
    return Refused(
        HTTPStatus.CONFLICT,
        "upload_mismatch",
        f"the upload continues at {offset}, not at {start}",
        "HEAD with Upload-Id tells the offset.",
        [("upload-offset", str(offset))],
    )


def _describe(info: FileInfo) -> list[tuple[str, str]]:
    return [
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-cache"),
        ("etag", f'"{info.etag}"'),
        ("last-modified", format_datetime(info.mtime, usegmt=True)),
    ]


def _as_attachment(name: str) -> list[tuple[str, str]]:
    return [
        ("content-type", "application/octet-stream"),
        ("content-disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}"),
    ]
