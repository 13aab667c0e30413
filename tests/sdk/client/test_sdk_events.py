"""Watches and searches: credit, cursors, breaks."""

from __future__ import annotations

import asyncio

import pytest
from fake_daemon import workspace_record
from nexus_sdk import ConnectionLost, ProtocolViolation
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import CursorExpired, PathNotFound, PatternInvalid


def change(index: int) -> dict:
    return {"kind": "change", "path": f"f{index}", "change": "modified"}


class Log:
    """Changes with cursors, served from any cursor on; cuts the connection after some events of each attachment."""

    def __init__(self, fake, total: int, *, drop_after: int | None = None) -> None:
        self.total = total
        self.drop_after = drop_after
        self.begins: list[str | None] = []
        self.ignore_credit = False
        fake.handlers["fs.watch"] = self.watch

    async def watch(self, call):
        cursor = call.params.get("cursor")
        self.begins.append(cursor)
        start = int(cursor) if cursor is not None else 0
        await call.open({"cursor": str(start), "resumed": cursor is not None})
        for count, index in enumerate(range(start, self.total)):
            if self.drop_after is not None and count == self.drop_after:
                call.session.drop()
                return None
            if not self.ignore_credit:
                await call.room(count + 1)
            await call.event(change(index), str(index + 1))
        await asyncio.Event().wait()


async def take(events, count: int) -> list[str]:
    async with asyncio.timeout(10):
        return [(await anext(events)).path for _ in range(count)]


async def test_a_watch_is_in_place_when_it_is_entered(fake, workspace):
    Log(fake, 2)
    async with workspace.files.watch("src", recursive=False) as events:
        assert events.cursor is not None
        assert await take(events, 2) == ["f0", "f1"]
        assert events.cursor == "2"
    params = fake.calls[-1].params
    assert (params["path"], params["recursive"]) == ("src", False)


async def test_leaving_cancels_on_the_daemon(fake, workspace):
    Log(fake, 1)
    async with workspace.files.watch() as events:
        async for _ in events:
            break
    async with asyncio.timeout(5):
        await fake.session.cancel_seen.wait()
    with pytest.raises(Exception, match="was left"):
        await anext(events)


async def test_credit_is_topped_up_as_events_are_read(fake, workspace):
    Log(fake, 500)
    async with workspace.files.watch(window=10) as events:
        assert await take(events, 500) == [f"f{index}" for index in range(500)]


async def test_a_reader_who_does_not_read_holds_back_only_this_stream(fake, nexus, workspace):
    Log(fake, 1000)
    async with workspace.files.watch(window=10) as events:
        for _ in range(5):
            await nexus.ping()
        assert len(events._events) <= 10
        assert await take(events, 1000) == [f"f{index}" for index in range(1000)]


# requirement: stream.exceeded
async def test_a_daemon_that_ignores_credit_is_found_out(fake, nexus, workspace):
    log = Log(fake, 100)
    log.ignore_credit = True
    async with workspace.files.watch(window=10) as events:
        with pytest.raises(ProtocolViolation, match="exceeds the credit"):
            async with asyncio.timeout(5):
                while not events.finished:
                    await nexus.ping()
                await take(events, 100)


async def test_a_watch_continues_at_its_cursor_without_losing_or_doubling(fake, workspace):
    log = Log(fake, 100, drop_after=7)
    async with workspace.files.watch() as events:
        got = await take(events, 99)
        assert got == [f"f{index}" for index in range(99)]
        assert events.reconnects >= 14
    assert log.begins[:3] == [None, "7", "14"]


async def test_unread_events_bound_what_is_asked_for_on_resume(fake, nexus, workspace):
    log = Log(fake, 500, drop_after=9)
    async with workspace.files.watch(window=10) as events:
        while events.reconnects < 1:
            await nexus.ping()
        for _ in range(10):
            await nexus.ping()
        assert len(events._events) <= 20
        log.drop_after = None
        assert await take(events, 500) == [f"f{index}" for index in range(500)]
    assert fake.calls[1].params["window"] == 10


async def test_a_watch_that_cannot_continue_says_so_with_an_overflow(fake, workspace):
    begins = []

    @fake.on("fs.watch")
    async def watch(call):
        begins.append(call.params.get("cursor"))
        if len(begins) == 2:
            raise CursorExpired("too old", cursor="c1")
        await call.open({"cursor": f"c{len(begins)}", "resumed": False})
        if len(begins) == 1:
            await call.event(change(0), "c1")
            call.session.drop()
            return None
        await call.event(change(1), "d1")
        await asyncio.Event().wait()

    async with workspace.files.watch() as events:
        first, second, third = [await asyncio.wait_for(anext(events), 5) for _ in range(3)]
    assert isinstance(first, types.FsChange) and isinstance(third, types.FsChange)
    assert isinstance(second, types.FsOverflow) and "no longer kept" in second.reason
    assert begins == [None, "c1", None]


async def test_a_daemon_that_did_not_resume_is_an_overflow_too(fake, workspace):
    attached = []

    @fake.on("fs.watch")
    async def watch(call):
        attached.append(call)
        await call.open({"cursor": "c", "resumed": False})
        if len(attached) == 1:
            call.session.drop()
            return None
        await asyncio.Event().wait()

    async with workspace.files.watch() as events:
        event = await asyncio.wait_for(anext(events), 5)
    assert isinstance(event, types.FsOverflow)


async def test_an_expired_cursor_of_the_caller_is_an_error(fake, workspace):
    @fake.on("fs.watch")
    async def watch(call):
        raise CursorExpired("too old", cursor="mine")

    with pytest.raises(CursorExpired):
        async with workspace.files.watch(cursor="mine"):
            pass


async def test_overflow_events_of_the_daemon_are_handed_on(fake, workspace):
    @fake.on("fs.watch")
    async def watch(call):
        await call.open({"cursor": "c", "resumed": False})
        await call.event({"kind": "overflow", "reason": "too many"}, "d")
        await asyncio.Event().wait()

    async with workspace.files.watch() as events:
        assert await asyncio.wait_for(anext(events), 5) == types.FsOverflow(reason="too many")


async def test_an_event_that_breaks_the_schema_ends_the_stream_only(fake, nexus, workspace):
    @fake.on("fs.watch")
    async def watch(call):
        await call.open({"cursor": "c", "resumed": False})
        await call.event({"kind": "surprise"})
        await asyncio.Event().wait()

    async with workspace.files.watch() as events:
        with pytest.raises(ProtocolViolation):
            await asyncio.wait_for(anext(events), 5)
    await nexus.ping()
    assert len(fake.sessions) == 1


async def test_a_watch_of_something_that_is_not_there(fake, workspace):
    @fake.on("fs.watch")
    async def watch(call):
        raise PathNotFound("nothing at 'x'", path="x")

    with pytest.raises(PathNotFound):
        async with workspace.files.watch("x"):
            pass


async def test_workspaces_are_watched_across_breaks(fake, nexus):
    attached = []

    @fake.on("workspace.watch")
    async def watch(call):
        attached.append(call.params.get("cursor"))
        await call.open()
        if len(attached) == 1:
            call.session.drop()
            return None
        await call.event({"kind": "changed", "workspace": workspace_record()}, "c1")
        if len(attached) == 2:
            call.session.drop()
            return None
        await asyncio.Event().wait()

    async with nexus.workspaces.watch() as events:
        overflow = await asyncio.wait_for(anext(events), 5)
        changed = await asyncio.wait_for(anext(events), 5)
        while events.reconnects < 2:
            await nexus.ping()
    assert isinstance(overflow, types.WorkspaceOverflow)
    assert changed.workspace.name == "demo"
    assert attached == [None, None, "c1"]


async def test_a_search_gives_matches_progress_and_a_result(fake, workspace):
    @fake.on("fs.search")
    async def search(call):
        await call.open()
        sent = 0
        for index in range(300):
            for event in (
                {"kind": "progress", "files": index + 1},
                {"kind": "match", "path": "f", "line": index, "column": 1, "text": "t", "before": [], "after": []},
            ):
                await call.room(sent + 1)
                await call.event(event)
                sent += 1
        return {"files": 300, "matches": 300, "skipped": 1, "truncated": False}

    async with workspace.files.search("t", regex=True, include=["*.py"]) as matches:
        with pytest.raises(RuntimeError, match="has not ended"):
            _ = matches.result
        lines = [match.line async for match in matches]
    assert lines == list(range(300))
    assert matches.result.skipped == 1 and matches.files == 300
    assert fake.calls[-1].params["include"] == ["*.py"]


# requirement: stream.failed
async def test_a_search_that_breaks_is_not_resumed(fake, workspace):
    @fake.on("fs.search")
    async def search(call):
        await call.open()
        call.session.drop()

    async with workspace.files.search("t") as matches:
        with pytest.raises(ConnectionLost, match="search"):
            await asyncio.wait_for(anext(matches), 5)
    assert fake.methods().count("fs.search") == 1


async def test_a_bad_pattern(fake, workspace):
    @fake.on("fs.search")
    async def search(call):
        raise PatternInvalid("unbalanced", pattern="(", reason="unbalanced")

    with pytest.raises(PatternInvalid):
        async with workspace.files.search("(", regex=True):
            pass


async def test_a_stream_must_be_entered(workspace):
    with pytest.raises(RuntimeError, match="async with"):
        await anext(workspace.files.watch())


async def test_a_stream_that_is_never_opened_is_given_up(fake, workspace, monkeypatch):
    monkeypatch.setattr("nexus_sdk.attachment._OPEN_TIMEOUT", 0.05)

    @fake.on("fs.watch")
    async def watch(call):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match="not opened within"):
        async with workspace.files.watch():
            pass
    async with asyncio.timeout(5):
        await fake.session.cancel_seen.wait()


async def test_a_stream_that_is_opened_twice_ends_the_link(fake, workspace):
    @fake.on("fs.search")
    async def search(call):
        await call.open()
        await call.open()

    async with workspace.files.search("t") as matches:
        with pytest.raises(ProtocolViolation, match="opened twice"):
            await asyncio.wait_for(anext(matches), 5)


async def test_a_search_that_is_answered_before_it_is_open(fake, workspace):
    @fake.on("fs.search")
    async def search(call):
        return {"files": 1, "matches": 0, "skipped": 0, "truncated": False}

    with pytest.raises(ProtocolViolation, match="before it was open"):
        async with workspace.files.search("t"):
            pass
