from __future__ import annotations

import errno
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from nexusd.processes import log as log_module
from nexusd.processes.log import CHUNK, MIN_CAPACITY, Chunk, Hold, LogDamaged, OutputLog


def read_all(log: OutputLog, offset: int, limit: int = CHUNK) -> list[tuple[int, int]]:
    """(channel, byte) of everything from `offset` on."""
    found: list[tuple[int, int]] = []
    while (chunk := log.read(offset, limit)) is not None:
        assert chunk.offset == offset and chunk.data
        found += [(chunk.channel, byte) for byte in chunk.data]
        offset += len(chunk.data)
    return found


class LogAgainstBytes(RuleBasedStateMachine):
    """A log beside the plain list of everything that was ever appended."""

    capacity = MIN_CAPACITY

    @initialize(followed=st.booleans(), slots=st.sampled_from([3, 16, 1024]))
    def begin(self, followed: bool, slots: int) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "log"
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(log_module, "MAX_RUNS", slots)
        self.log = OutputLog.create(self.path, self.capacity)
        self.slots = slots
        self.model: list[tuple[int, int]] = []
        self.holds: list[Hold] = []
        if followed:
            self.log.follow()

    @rule(
        channel=st.sampled_from([1, 2]),
        size=st.one_of(st.integers(1, 50), st.integers(1, CHUNK)),
        seed=st.integers(0, 255),
    )
    def append(self, channel: int, size: int, seed: int) -> None:
        size = min(size, self.log.room())
        if size:
            data = bytes((seed + n) % 251 for n in range(size))
            assert self.log.append(channel, data) == Chunk(channel, len(self.model), data)
            self.model += [(channel, byte) for byte in data]

    @rule(data=st.data(), limit=st.sampled_from([1, 7, 1000, CHUNK]))
    def read(self, data: st.DataObject, limit: int) -> None:
        offset = data.draw(st.integers(self.log.start, self.log.end))
        if limit < 1000:
            offset = max(offset, self.log.end - 500)
            offset = max(offset, self.log.start)
        assert read_all(self.log, offset, limit) == self.model[offset:]

    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        self.holds.append(self.log.hold(data.draw(st.integers(self.log.start, self.log.end))))

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        if self.holds:
            hold = data.draw(st.sampled_from(self.holds))
            hold.move(data.draw(st.integers(hold.offset, self.log.end)))

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.holds:
            hold = data.draw(st.sampled_from(self.holds))
            self.holds.remove(hold)
            hold.release()
            hold.release()

    @rule()
    def look_from_outside(self) -> None:
        if not self.path.exists():
            assert not self.model
            return
        other = OutputLog.load(self.path)
        assert (other.start, other.end) == (self.log.start, self.log.end)
        assert OutputLog.bounds(self.path, 0) == (self.log.start, self.log.end)
        assert read_all(other, other.start) == self.model[other.start :]
        other.close()

    @invariant()
    def nothing_held_is_gone(self) -> None:
        if hasattr(self, "log"):
            assert self.log.end == len(self.model)
            assert self.log.end - self.log.start <= self.capacity
            assert len(self.log._runs) <= self.slots
            assert all(self.log.start <= hold.offset for hold in self.holds)
            if not self.holds:
                assert self.log.room() == self.capacity

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()
            self.patch.undo()
            self.directory.cleanup()


TestLogAgainstBytes = LogAgainstBytes.TestCase
TestLogAgainstBytes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_file_appears_with_the_first_byte_and_is_private(tmp_path: Path) -> None:
    log = OutputLog.create(tmp_path / "log", 1 << 20)
    assert not (tmp_path / "log").exists()
    log.append(1, b"x")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    log.close()


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    log = OutputLog.create(tmp_path / "log", 1 << 20)
    with pytest.raises(FileExistsError):
        log.append(1, b"x")
    assert not (tmp_path / "elsewhere").exists()


def test_a_small_log_takes_little_room_on_disk(tmp_path: Path) -> None:
    log = OutputLog.create(tmp_path / "log", 1 << 30)
    log.append(1, b"x")
    assert (tmp_path / "log").stat().st_blocks * 512 <= 64 * 1024
    log.close()


def test_a_missing_file_has_expired(tmp_path: Path) -> None:
    log = OutputLog.load(tmp_path / "log", 42)
    assert (log.start, log.end, log.read(42)) == (42, 42, None)
    with pytest.raises(ValueError):
        log.read(41)


def test_an_empty_file_is_the_log_of_a_process_that_said_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    log = OutputLog.load(tmp_path / "log", 0)
    assert (log.start, log.end, log.read(0)) == (0, 0, None)
    assert OutputLog.bounds(tmp_path / "log", 0) == (0, 0)
    with pytest.raises(LogDamaged):
        OutputLog.load(tmp_path / "log", 42)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 4200), junk=st.binary(min_size=1, max_size=64), cut=st.integers(0, 9000))
def test_a_damaged_file_is_refused_or_read_within_bounds(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes, cut: int
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "log"
    log = OutputLog.create(path, MIN_CAPACITY)
    for number in range(40):
        log.append(1 + number % 2, b"text of a line\n")
    log.close()
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, junk, at)
    os.ftruncate(fd, max(path.stat().st_size - cut, 0))
    os.close(fd)
    try:
        damaged = OutputLog.load(path)
    except LogDamaged:
        return
    try:
        assert damaged.end - damaged.start <= damaged.capacity
        read_all(damaged, damaged.start)
    except OSError:
        assert cut  # bytes that the header promises are not there
    finally:
        damaged.close()


def test_a_writer_killed_at_any_moment_leaves_a_whole_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for delay in range(12):
        pid = os.fork()
        if pid == 0:
            log = OutputLog.create(path, MIN_CAPACITY)
            number = 0
            while True:
                text = b"%09d\n" % number
                log.append(1 + number % 2, text * 700)
                number += 1
        while not path.exists() or OutputLog.bounds(path, 0)[1] < 100_000 + delay * 20_011:
            pass
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        log = OutputLog.load(path)
        assert log.end - log.start > MIN_CAPACITY // 2
        for position, (channel, byte) in enumerate(read_all(log, log.start), log.start):
            number, at = position // 7000, position % 10
            assert (channel, byte) == (1 + number % 2, (b"%09d\n" % number)[at])
        log.close()
        path.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small filesystem")
def test_a_full_disk_adds_nothing_and_loses_nothing(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", tmp_path], check=True)
    try:
        log = OutputLog.create(tmp_path / "log", 1 << 20)
        written = 0
        with pytest.raises(OSError) as caught:
            while True:
                log.append(1, bytes([written % 251]) * 10_000)
                written += 1
        assert caught.value.errno == errno.ENOSPC
        assert log.end == written * 10_000
        expected = [(1, n % 251) for n in range(written) for _ in range(10_000)]
        assert read_all(log, 0) == expected
        log.close()
        again = OutputLog.load(tmp_path / "log")
        assert read_all(again, 0) == expected
        again.close()
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
