"""fs.write: a file is replaced as a whole, atomically and durably."""

from __future__ import annotations

import base64
import binascii

from nexus_sdk.protocol.types import FileInfo, FsWriteParams

from nexusd.files.beneath import Beneath
from nexusd.files.errors import naming, not_a_file, param
from nexusd.files.info import file_info
from nexusd.files.stage import Staged, check_match, check_mode, entry_status, write_all


def write(beneath: Beneath, params: FsWriteParams) -> FileInfo:
    """Put `content` at a path, see `stage` for what is guaranteed.

    Where the path ends on a link, the file that the link means is replaced and the link stays; a dangling link inside
    the root makes its file. The result's etag is that of the file just put there.

    Raises:
        InvalidParams: the content is not base64, or is not text that has a UTF-8 form.
        NotAFile: there is something at the path that is no regular file.
        EtagMismatch: `if_match` does not hold.
        StorageFull: and the errors of `Beneath`. In each case nothing was changed.
    """
    data = _decode(params)
    mode = check_mode(int(params.mode, 8), params.path) if isinstance(params.mode, str) else None
    if_match = params.if_match if isinstance(params.if_match, str) else None
    with beneath.open_target(params.path, parents=params.parents) as place, naming(params.path):
        if not place.name:
            raise not_a_file(params.path, "the root")
        # Looked at again under the lock; here it saves writing what cannot be put in place.
        check_match(entry_status(place.fd, place.name), if_match, params.path)
        with Staged(place.fd) as staged:
            write_all(staged.fd, data)
            status = staged.commit(place.name, params.path, mode=mode, if_match=if_match)
    return file_info(beneath.relative(params.path), status)


def _decode(params: FsWriteParams) -> bytes:
    try:
        if params.encoding == "base64":
            return base64.b64decode(params.content, validate=True)
        return params.content.encode()
    except (binascii.Error, ValueError) as error:
        raise param("content", f"cannot be decoded: {error}") from None
