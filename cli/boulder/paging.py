"""Lists of workspaces, page by page, whoever makes the calls."""

from __future__ import annotations

import msgspec
from nexus_sdk.protocol import types

__all__ = ["next_page"]

_PAGE = 1000


def next_page(asked: types.WorkspaceListParams, page: types.WorkspaceList | None) -> types.WorkspaceListParams | None:
    """Return the params of the page that follows one, or of the first; None after the last."""
    if page is None:
        return msgspec.structs.replace(asked, limit=_PAGE)
    return msgspec.structs.replace(asked, cursor=page.next_cursor) if isinstance(page.next_cursor, str) else None
