"""The faults of a storm: each is carried out, seen to have an effect, and over when new samples come in again."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from legmon.catalog.file import CatalogError
from legmon.recording.files import leg_files
from tests.storm.world import ADDRESS, World

FILLER = "filler"
PAGE = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """What a fault was seen to do.

    Parameters
    ----------
    effect : str
        In words.
    reconnect_s : float or None
        Wall seconds from the radio being back to the first new sample; None where the radio was never away.
    """

    effect: str
    reconnect_s: float | None = None


def link_lost(world: World, draws: random.Random) -> Seen:
    """Out of reach for a while: a supervision timeout on both ends."""
    downs = len(world.downs)
    seconds = draws.uniform(1.0, 4.0)
    world.air.tell(f"shadow {ADDRESS} {seconds:.2f}")
    back = time.monotonic() + seconds
    world.wait(lambda: len(world.downs) > downs, 10, "the link is lost")
    time.sleep(max(back - time.monotonic(), 0))
    return Seen(f"{world.downs[-1]} for {seconds:.1f} s", world.flows())


def link_cut(world: World, _: random.Random) -> Seen:
    """The sensor hangs up."""
    downs = len(world.downs)
    world.sensor.tell("cut 1")
    world.wait(lambda: len(world.downs) > downs, 10, "the link is cut")
    return Seen(world.downs[-1], world.flows())


def link_silent(world: World, draws: random.Random) -> Seen:
    """Connected, but nothing is notified for longer than the watchdog allows."""
    downs = len(world.downs)
    seconds = draws.uniform(6.0, 7.5)  # by far, on a busy machine too
    world.sensor.tell(f"mute {seconds:.2f}")
    back = time.monotonic() + seconds
    world.wait(lambda: "link_silent" in world.downs[downs:], 15, "the watchdog")
    time.sleep(max(back - time.monotonic(), 0))
    return Seen(f"link_silent for {seconds:.1f} s", world.flows())


def sensor_frozen(world: World, draws: random.Random) -> Seen:
    """The sensor's firmware hangs for seconds, then goes on where it was."""
    downs = len(world.downs)
    world.sensor.signal(signal.SIGSTOP)
    try:
        world.wait(lambda: len(world.downs) > downs, 15, "the watchdog")
        time.sleep(draws.uniform(0.0, 1.0))
    finally:
        world.sensor.signal(signal.SIGCONT)
    return Seen(world.downs[-1], world.flows())


def air_down(world: World, draws: random.Random) -> Seen:
    """The radio is gone, for the computer and for the sensor, whose battery jumps with it."""
    downs, streams = len(world.downs), world.streams
    world.air.expected = world.sensor.expected = False
    world.air.kill()
    world.sensor.process.wait()
    world.wait(lambda: len(world.downs) > downs, 10, "the radio is gone")
    time.sleep(draws.uniform(0.0, 1.0))
    world.air.start()
    world.sensor.start()
    took = world.flows()
    world.wait(lambda: world.streams > streams, 10, "a new stream")
    return Seen(f"{world.downs[-1]}, a new stream", took)


def sensor_reboot(world: World, _: random.Random) -> Seen:
    """The sensor is killed and comes up again with its flash."""
    streams = world.streams
    world.sensor.expected = False
    world.sensor.kill()
    world.sensor.start()
    took = world.flows()
    world.wait(lambda: world.streams > streams, 10, "a new stream")
    return Seen("a new stream", took)


def kill_recorder(world: World, _: random.Random) -> Seen:
    """``kill -9`` of the recorder."""
    late = world.late
    world.recorder.expected = False
    world.recorder.kill()
    world.recorder.start()
    world.flows()
    world.wait(lambda: world.late > late, 20, "what it missed is fetched")
    return Seen("started again, fetched what it missed")


def kill_dashboard(world: World, _: random.Random) -> Seen:
    """``kill -9`` of the dashboard."""
    pid = world.dashboard.process.pid
    world.dashboard.expected = False
    world.dashboard.kill()
    world.flows()
    world.dashboard.start()
    return Seen(f"{pid} is {world.dashboard.process.pid} now; samples came all the while")


def corrupted(world: World, draws: random.Random) -> Seen:
    """Frames damaged where their receiver can see it."""
    before, late = _count(world, "refused_frames"), world.late
    world.sensor.tell(f"corrupt {draws.randint(1, 6)}")
    world.wait(lambda: _count(world, "refused_frames") > before, 10, "frames are refused")
    world.wait(lambda: world.late > late, 20, "they are fetched again")
    return Seen(f"{_count(world, 'refused_frames') - before} refused")


def duplicated(world: World, draws: random.Random) -> Seen:
    """Frames that come twice."""
    before = _count(world, "repeated_frames")
    world.sensor.tell(f"duplicate {draws.randint(1, 6)}")
    world.wait(lambda: _count(world, "repeated_frames") > before, 10, "frames are seen to be repeated")
    return Seen(f"{_count(world, 'repeated_frames') - before} repeated")


def dropped(world: World, draws: random.Random) -> Seen:
    """Frames that the sensor's queue overflowed with."""
    late = world.late
    world.sensor.tell(f"drop {draws.randint(1, 6)}")
    world.wait(lambda: world.late > late, 20, "they are fetched")
    return Seen("fetched")


def backfill_cut(world: World, draws: random.Random) -> Seen:
    """The link is lost, and lost again in the middle of the back-fill."""
    world.wait(lambda: not _count(world, "pending_samples"), 40, "nothing is being fetched")
    downs, late = len(world.downs), world.late
    world.air.tell(f"shadow {ADDRESS} {draws.uniform(1.5, 3.0):.2f}")
    world.wait(lambda: len(world.downs) > downs, 10, "the link is lost")
    world.sensor.tell(f"cutfill {draws.randint(2, 12)}")
    world.wait(lambda: len(world.downs) >= downs + 2, 40, "a back-fill is cut")
    took = world.flows()
    world.wait(lambda: world.late > late, 20, "the rest is fetched")
    return Seen("lost again in the back-fill", took)


def clock_jump(world: World, draws: random.Random) -> Seen:
    """The computer's clock is set, and the recorder started again under the new one."""
    offset = round(draws.choice([-1, 1]) * draws.uniform(5, 7200)) * 10**9
    world.control(offset_ns=offset)
    world.wait(
        lambda: abs(world.seen_ns() - time.time_ns() - offset) < 3 * 10**9, 20, "it reads another clock"
    )
    effect = f"set by {offset // 10**9} s"
    if draws.random() < 0.5:
        kill_recorder(world, draws)
        effect += ", and started again under it"
    world.flows()
    world.control(offset_ns=0)
    world.wait(lambda: abs(world.seen_ns() - time.time_ns()) < 3 * 10**9, 20, "it reads the clock")
    return Seen(effect)


def catalog_locked(world: World, draws: random.Random) -> Seen:
    """Another program holds the catalog for longer than a writer waits."""
    with sqlite3.connect(world.data / "catalog.sqlite", isolation_level=None, timeout=20) as other:
        other.execute("BEGIN IMMEDIATE")
        seen, live = _written_ns(other), world.live
        time.sleep(draws.uniform(5.5, 6.5))
        world.flows()
        moved = _written_ns(other) - seen
        said = _trouble(world)
        other.execute("ROLLBACK")
    other.close()
    if moved > 2 * 10**9:
        raise AssertionError("the catalog was written all the while")
    if said is None:
        raise AssertionError("it was not said")
    world.wait(lambda: _report_ns(world) > seen, 20, "it is written again")
    return Seen(f"not written for 6 s, while {world.live - live} frames were recorded")


def _written_ns(catalog: sqlite3.Connection) -> int:
    """Return when the recorder's report in the catalog was written; outside of it there may be a newer one."""
    row = catalog.execute("SELECT seen_ns FROM recorder").fetchone()
    return int(row[0]) if row else 0


def _report_ns(world: World) -> int:
    with closing(sqlite3.connect(world.data / "catalog.sqlite", timeout=20)) as catalog:
        return _written_ns(catalog)


def catalog_removed(world: World, draws: random.Random) -> Seen:
    """Somebody deletes the catalog, with or without SQLite's files beside it."""
    ends = ("", "-wal", "-shm") if draws.random() < 0.5 else ("",)

    def remove(file: Path) -> None:
        for end in ends:
            _without(file, end)

    return _lost(world, remove)


def catalog_emptied(world: World, _: random.Random) -> Seen:
    """Somebody empties the catalog."""
    return _lost(world, lambda file: file.write_bytes(b""))


def catalog_damaged(world: World, draws: random.Random) -> Seen:
    """The disk returns rubbish for most of the catalog."""

    def damage(file: Path) -> None:
        with file.open("r+b") as pages:
            size = file.stat().st_size
            pages.seek(draws.randint(0, 99))
            pages.write(draws.randbytes(size - 100))
        for end in ("-wal", "-shm"):
            _without(file, end)  # else what is newest is read from there

    return _lost(world, damage)


def _without(file: Path, end: str) -> None:
    file.with_name(file.name + end).unlink(missing_ok=True)


def _lost(world: World, lose: Callable[[Path], object]) -> Seen:
    """Lose the catalog, and see the same night in a new one."""
    file, state = world.data / "catalog.sqlite", world.catalog.recorder()
    assert state is not None
    night, pid, inode = state.night, world.recorder.process.pid, file.stat().st_ino
    lose(file)

    def is_said() -> bool:
        if not file.exists() or file.stat().st_ino == inode:
            return False
        try:
            now = world.catalog.recorder()
        except (DBAPIError, CatalogError):
            return False
        return now is not None and now.night == night and now.trouble is not None

    took = world.wait(is_said, 30, "a new catalog says what happened")
    world.flows()
    world.wait(lambda: [n.id for n in world.catalog.nights()] == [night], 20, "the night is in it")
    assert world.recorder.process.pid == pid
    return Seen(f"a new catalog after {took:.1f} s, with the same night")


def segment_removed(world: World, _: random.Random) -> Seen:
    """Somebody deletes the file that is recorded."""
    return _meddled(world, lambda file: file.unlink())


def segment_cut(world: World, draws: random.Random) -> Seen:
    """Somebody cuts the file that is recorded, perhaps to nothing."""
    share = draws.choice([0.0, draws.random()])
    return _meddled(world, lambda file: os.truncate(file, int(file.stat().st_size * share)))


def segment_replaced(world: World, draws: random.Random) -> Seen:
    """A synchroniser puts an older state of the file in its place."""

    def replace(file: Path) -> None:
        older = file.with_suffix(".older")
        older.write_bytes(file.read_bytes()[: draws.randint(0, file.stat().st_size)])
        older.replace(file)

    return _meddled(world, replace)


def segment_appended(world: World, draws: random.Random) -> Seen:
    """Somebody writes to the end of the file that is recorded."""

    def append(file: Path) -> None:
        with file.open("ab") as other:
            other.write(draws.randbytes(draws.randint(1, 5000)))

    return _meddled(world, append)


def _meddled(world: World, meddle: Callable[[Path], object]) -> Seen:
    """Change the file that is recorded, and see that recording goes on in a new one."""
    first = world.segment
    assert first is not None
    file, pid = leg_files(first)[-1], world.recorder.process.pid
    meddle(file)
    took = world.wait(lambda: leg_files(first)[-1:] not in ([], [file]), 20, "a new file")
    world.wait(lambda: str(_trouble(world)).startswith("segment_"), 10, "it is said")
    world.flows()
    assert world.recorder.process.pid == pid
    return Seen(f"{file.name} went on as {leg_files(first)[-1].name} after {took:.1f} s")


def _trouble(world: World) -> str | None:
    state = world.catalog.recorder()
    return state.trouble.code if state and state.trouble else None


def disk_full(world: World, draws: random.Random) -> Seen:
    """There is no room left, then there is again."""
    filler = world.data / FILLER
    segment = world.segment
    assert segment is not None
    pid = world.recorder.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    if world.is_mounted:
        with filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                _fill(file.write, bytes(size))
    else:  # not root: no file of the recorder's may grow
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        late = world.late
        time.sleep(0.5)
        newest = leg_files(segment)[-1]
        size = newest.stat().st_size
        time.sleep(draws.uniform(1.0, 3.0))
        stood = newest.stat().st_size - size < PAGE  # what its last page has room for may still go in
    finally:
        filler.unlink(missing_ok=True)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    if not stood:
        raise AssertionError("the segment grew on a full disk")
    world.flows()
    world.wait(lambda: world.late > late, 20, "what it could not write is fetched")
    return Seen("nothing written, then what was missed is fetched")


def slow_disk(world: World, draws: random.Random) -> Seen:
    """Every write takes its time."""
    slowed = world.folder / "control.slowed"
    slowed.unlink(missing_ok=True)
    world.control(slow_s=draws.uniform(0.05, 0.4), slow_until=time.monotonic() + draws.uniform(1.0, 2.5))
    world.wait(slowed.exists, 10, "a write is slow")
    world.flows()
    return Seen("writes held up, samples came in all the same")


FAULTS: dict[str, Callable[[World, random.Random], Seen]] = {
    f.__name__: f
    for f in (
        link_lost,
        link_cut,
        link_silent,
        sensor_frozen,
        air_down,
        sensor_reboot,
        kill_recorder,
        kill_dashboard,
        corrupted,
        duplicated,
        dropped,
        backfill_cut,
        clock_jump,
        catalog_locked,
        catalog_removed,
        catalog_emptied,
        catalog_damaged,
        segment_removed,
        segment_cut,
        segment_replaced,
        segment_appended,
        disk_full,
        slow_disk,
    )
}


def toothless(world: World, _: random.Random) -> Seen:
    """Do nothing; a storm in which this counts as a fault must fail."""
    downs, late = len(world.downs), world.late
    world.wait(lambda: len(world.downs) > downs or world.late > late, 5, "toothless: any effect")
    return Seen("")


def _count(world: World, what: str) -> int:
    state = world.state()
    return int(getattr(state, what)) if state else 0


def _fill(write: Callable[[bytes], object], block: bytes) -> None:
    try:
        while True:
            write(block)
    except OSError:
        return
