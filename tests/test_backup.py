"""`legmon backup` and `legmon restore`: the same nights elsewhere, also from a folder that is recorded into."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from legmon.app.running import REPORT
from legmon.catalog.annotation_files import read_annotations
from legmon.catalog.annotations import Annotations
from legmon.catalog.report_file import LAST_RESORT
from legmon.catalog.rescan import rescan
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.exchange.backup import make_backup
from legmon.exchange.manifest import Manifest, StoredFile, is_inside
from legmon.movement import NS
from legmon.night.leg import analyse
from legmon.night.marks import mark_of
from legmon.night.track import score_night
from legmon.nights.custody import check_leg, seal_next
from legmon.recorder.night import NightRecorder
from legmon.recorder.presence import RECORDER, STOP
from legmon.recording.files import leg_files, part_path, read_segment, sealed_path
from legmon.recording.records import Samples, last_whole
from legmon.recording.seal import seal_files
from legmon.sensors.base import Frame, StreamFormat
from tests.conftest import run_command, sensor, started, until
from tests.test_doctor import mounted
from tests.test_private import readable_by_others
from tests.test_recorder import FIVE_A_MINUTE, recorder, want

SOURCE = ("s", "a", StreamFormat(50, 4, 122, "index"))
BEGAN_NS = 1_790_000_000 * NS
SEALED = "nights/first/left.sealed"
SAID = ("annotations.json", "nights/first/annotations.json")


def backed_up(target: Path, data: Path, *options: str) -> dict[str, Any]:
    done = run_command("backup", str(target), *options, "--json", data=data)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def verified(target: Path) -> tuple[int, list[str]]:
    done = run_command("backup", "--verify", str(target), "--json")
    return done.returncode, [f["path"] for f in json.loads(done.stdout)["damaged"]] if done.stdout else []


def copied(answer: dict[str, Any]) -> dict[str, int]:
    return {f["path"]: f["bytes"] for f in answer["copied"]}


def samples(file: Path) -> list[Any]:
    return [(r.first, r.arrival_ns, r.xyz.tolist()) for r in read_segment(file) if isinstance(r, Samples)]


def night_of(catalog: Catalog, night: str) -> dict[str, Any]:
    """Everything that a person sees of a night."""
    return {"info": catalog.night(night), **said_of(catalog, night)}


def said_of(catalog: Catalog, night: str) -> dict[str, Any]:
    """The score of a night, and what the person said of it."""
    annotations = Annotations(catalog)
    return {
        "score": score_night(catalog.tracks(night)).to_dict(),
        "lights": annotations.lights(night),
        "marks": annotations.marks(night),
        "checks": annotations.checks(),
        "settings": annotations.settings(),
    }


def record(catalog: Catalog, name: str, seconds: int, *, began_ns: int = BEGAN_NS) -> NightRecorder:
    """Begin a night in which nothing moves."""
    zone = ("UTC", 0)
    catalog.begin(name, started_ns=began_ns, zone=zone, simulated=True, rules="wasm2016", detector="d 1")
    night = NightRecorder(catalog, name, simulated=True)
    leg = night.leg("left", *SOURCE)
    quiet = np.random.default_rng(1).normal((0, 0, 8197), 8, (seconds, 50, 3)).astype(np.int16)
    for second, xyz in enumerate(quiet):
        leg.frame(Frame(1, 50 * second, 0, xyz), began_ns + (second + 1) * NS)
    return night


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one night, closed and sealed."""
    folder = tmp_path / "data"
    catalog = Catalog(folder)
    record(catalog, "first", 60).close(BEGAN_NS + 60 * NS)
    seal_next(catalog)
    Annotations(catalog).set_settings({"theme": "night"})
    catalog.close()
    assert (folder / SEALED).exists()
    return folder


def count(first: Path) -> int:
    return sum(len(r.xyz) for r in read_segment(first) if isinstance(r, Samples)) if leg_files(first) else 0


def a_night_begins(catalog: Catalog, most: int, nights: int) -> str:
    """Wait until so many samples of the newest night are recorded. Return its id."""
    until(lambda: len(catalog.nights()) == nights)
    night = catalog.nights()[0].id
    until(lambda: count(catalog.segment(night, "left")) > most)
    return night


def mark(catalog: Catalog, night: str) -> None:
    """Mark lights off and on, and a movement."""
    began_ns, found = catalog.night(night).started_ns, catalog.tracks(night)[0].movements[0]
    annotations = Annotations(catalog)
    annotations.set_lights(night, (began_ns + NS, began_ns + 90 * NS), began_ns)
    annotations.add_marks(night, [mark_of(catalog.tracks(night)[0], found.first or 0, began_ns)])
    annotations.set_settings({"theme": "night"})


def test_a_backup_taken_during_a_recording_restores_the_same_nights(air: str, tmp_path: Path) -> None:
    data, target, elsewhere = tmp_path / "data", tmp_path / "stick" / "legmon", tmp_path / "elsewhere"
    want(data, record=True)
    catalog = Catalog(data)
    with (
        sensor(air, tmp_path, "--speed", "30", scenario=FIVE_A_MINUTE),
        started(*recorder(data, air)) as process,
    ):
        first = a_night_begins(catalog, 9000, 1)
        want(data, record=False)
        until(lambda: catalog.night(first).state == "closed")
        until(lambda: catalog.unsealed() is None)
        sealed = sealed_path(catalog.segment(first, "left"))
        mark(catalog, first)
        want(data, record=True)
        second = a_night_begins(catalog, 6000, 2)
        answer = backed_up(target, data)
        assert answer["nights"] == sorted([first, second])
        before, path = night_of(catalog, first), catalog.segment(second, "left")
        until(lambda: count(path) > 9000)
        again = backed_up(target, data)
        assert set(copied(again)) == {"catalog.sqlite", f"nights/{second}/left.seg"}, "only what is new"
        assert again["bytes"] - again["copied_bytes"] >= sealed.stat().st_size
        assert not again["not_as_sealed"]
        assert verified(target) == (0, [])
        kept = samples(target / "files" / Manifest.read(target).files[f"nights/{second}/left.seg"].stored)
        done = run_command("restore", str(target), "--json", data=elsewhere)
        assert done.returncode == 0, done.stderr
        until(lambda: count(path) > len(kept) + 3000)
        want(data, record=False)
        until(lambda: catalog.night(second).state == "closed")
        assert process.end() == 0
    restored = Catalog(elsewhere)
    assert json.loads(done.stdout)["closed"] == [second]
    assert night_of(restored, first) == before
    assert samples(restored.segment(first, "left")) == samples(catalog.segment(first, "left"))
    again_sealed = sealed_path(restored.segment(first, "left"))
    assert again_sealed.read_bytes() == sealed.read_bytes()
    assert not check_leg(restored, first, "left"), "it is what the catalog knows of it"
    assert before["lights"] != (None, None)
    assert before["marks"]
    assert samples(restored.segment(second, "left")) == kept
    assert kept == samples(catalog.segment(second, "left"))[: len(kept)], "up to a whole record"
    assert sum(len(xyz) for *_, xyz in kept) > 9000
    closed = restored.night(second)
    assert closed.state == "closed"
    found = score_night([analyse(read_segment(restored.segment(second, "left"))).track()])
    assert (closed.movements, closed.periodic) == (found.indices.movements, found.indices.periodic)
    assert closed.movements > 0
    assert readable_by_others(elsewhere) == []
    assert stat.S_IMODE(again_sealed.stat().st_mode) == 0o400, "it stays sealed"
    restored.close()
    catalog.close()
    assert_recordings_hold_all(elsewhere, first, before)


def assert_recordings_hold_all(data: Path, night: str, before: dict[str, Any]) -> None:
    """Check that recordings and annotation files alone give a night, its lights, its marks and the settings."""
    (data / "catalog.sqlite").unlink()
    anew = Catalog(data)
    rescan(anew, anew.unknown_recordings())
    said = said_of(anew, night)
    assert said == {name: before[name] for name in said}
    anew.close()


def test_a_second_backup_copies_only_what_is_new(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    first = backed_up(target, data)
    assert set(copied(first)) == {"catalog.sqlite", SEALED, *SAID}
    assert first["copied_bytes"] == first["bytes"]
    assert copied(backed_up(target, data)) == {}, "nothing has changed"
    (data / "nights" / "first" / "annotations.json").write_text("{}")
    (data / "annotations.json").write_text("{}")
    again = backed_up(target, data)
    assert copied(again) == {"annotations.json": 2, "nights/first/annotations.json": 2}
    (data / "annotations.json").unlink()
    assert backed_up(target, data)["files"] == again["files"] - 1
    (data / SEALED).chmod(0o600)
    os.utime(data / SEALED)
    assert copied(backed_up(target, data)) == {}, "what is sealed is copied once"
    assert readable_by_others(target) == []


def test_what_is_no_part_of_the_nights_is_not_copied(data: Path, tmp_path: Path) -> None:
    passing = ("a.lock", "a.tmp", "catalog.sqlite.new", "nights/first/left.sealed.new", ".recorder.json.17")
    states = (REPORT, STOP, RECORDER, LAST_RESORT, "clock.json", "supervisor.lock", "catalog.lock")
    others = (
        "token",
        "session.key",
        "entry/x",
        "dashboard.json",
        "logs/a.log",
        "check/left.seg",
        "simulated/1.yaml",
    )
    kept = (
        "notes/a.txt",
        "catalog.before-0004.sqlite",
        "catalog.damaged-1.sqlite",
        "catalog.damaged-1.sqlite-wal",
    )
    for name in (*passing, *states, *others, *kept):
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_text("x")
    (data / "demo").mkdir()
    Catalog(data / "demo").close()
    (data / "linked").symlink_to(tmp_path)
    os.mkfifo(data / "pipe")
    answer = backed_up(tmp_path / "a", data)
    assert set(copied(answer)) == {"catalog.sqlite", SEALED, *SAID, *kept}
    assert answer["left_out"] == ["demo", "linked", "pipe"]
    assert set(copied(backed_up(tmp_path / "b", data, "--simulated"))) == {
        *copied(answer),
        "simulated/1.yaml",
    }


def damage_recording(data: Path) -> bytes:
    """Change a byte of the sealed recording, without another size or time. Return what it was."""
    file = data / SEALED
    whole, before = file.read_bytes(), file.stat().st_mtime_ns
    file.chmod(0o600)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(file, ns=(before, before + 1))
    return whole


def test_a_sealed_recording_that_is_damaged_later_stays_in_the_backup_as_it_was_sealed(
    data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backup"
    backed_up(target, data)
    whole = damage_recording(data)
    done = run_command("backup", str(target), data=data)
    assert done.returncode == 1
    assert f"{SEALED} is not as it was sealed: its content has changed; the backup keeps it" in done.stdout
    assert verified(target) == (0, [])
    (data / SEALED).unlink()
    answer = backed_up(target, data)
    assert (answer["only_in_backup"], answer["not_as_sealed"], copied(answer)) == (["first"], [], {})
    assert verified(target) == (0, [])
    assert run_command("restore", str(target), data=tmp_path / "new").returncode == 0
    assert (tmp_path / "new" / SEALED).read_bytes() == whole


def test_a_sealed_recording_that_was_damaged_before_its_first_backup_is_named(
    data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backup"
    whole = damage_recording(data)
    for _ in range(2):
        done = run_command("backup", str(target), "--json", data=data)
        assert done.returncode == 1
        assert "its content has changed; the backup has no better copy" in done.stdout
        assert verified(target) == (0, [])
    (data / SEALED).write_bytes(whole)
    assert SEALED in copied(backed_up(target, data)), "the right one is copied as soon as it is there"
    assert copied(backed_up(target, data)) == {}


def test_a_night_whose_folder_is_all_that_is_left_stays_in_the_backup(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    backed_up(target, data)
    (data / SEALED).unlink()
    (data / "catalog.sqlite").unlink()
    answer = backed_up(target, data)
    assert (answer["only_in_backup"], answer["catalog"]) == (["first"], "missing")
    done = run_command("restore", str(target), "--json", data=tmp_path / "new")
    assert (done.returncode, json.loads(done.stdout)["added"]) == (0, ["first"])


def every_file(target: Path) -> list[Path]:
    return [target / "backup.json", *(p for p in (target / "files").rglob("*") if p.is_file())]


def test_a_flipped_byte_in_the_backup_is_found_and_mended(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    backed_up(target, data)
    assert verified(target) == (0, [])
    for file in every_file(target):
        whole = file.read_bytes()
        for at in (0, len(whole) // 3, len(whole) - 1):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert verified(target)[0] == 1, f"{file.name} at {at}"
            refused = run_command("restore", str(target), data=tmp_path / "new")
            assert refused.returncode in (1, 2), file.name
            assert not list((tmp_path / "new").glob("*")), "nothing is restored from it"
        file.write_bytes(whole)
    for damage in (Path.unlink, lambda file: file.write_bytes(b"x")):
        damage(target / "files" / Manifest.read(target).files[SEALED].stored)
        assert verified(target) == (1, [SEALED])
        assert backed_up(target, data)["mended"] == [SEALED]
        assert verified(target) == (0, [])


def test_a_killed_backup_leaves_the_earlier_one_whole(data: Path, tmp_path: Path) -> None:
    target, notes = tmp_path / "backup", (data / SEALED).with_name("annotations.json")
    big = (data / SEALED).with_name("z")  # the last to be copied
    for size in (1, 16, 128):
        notes.write_text(said := str(size))
        backed_up(target, data)
        before = (target / "backup.json").read_bytes()
        notes.write_text(said + " and more")
        big.write_bytes(os.urandom(1 << 20) * size)
        with started("-m", "legmon", "backup", str(target), "--data", str(data)) as process:
            until(lambda: list(target.rglob("z*")))
            process.process.kill()
            process.process.wait(60)
        if (target / "backup.json").read_bytes() == before:
            break
    else:
        pytest.fail("it was never killed in time")
    assert verified(target) == (0, [])
    assert run_command("restore", str(target), data=tmp_path / "new").returncode == 0
    assert (tmp_path / "new" / notes.relative_to(data)).read_text() == said
    answer = backed_up(target, data)
    assert {p.relative_to(data).as_posix() for p in (notes, big)} <= set(copied(answer))
    assert verified(target) == (0, [])
    assert len(every_file(target)) == answer["files"] + 1, "nothing of the killed one stays"


def test_a_flipped_byte_in_the_list_of_the_files_is_found(data: Path, tmp_path: Path) -> None:
    backed_up(tmp_path / "backup", data)
    file = tmp_path / "backup" / "backup.json"
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(LegmonError):
            Manifest.read(file.parent)


def test_a_night_that_is_no_longer_in_the_data_folder_stays_in_the_backup(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    backed_up(target, data)
    whole = (data / SEALED).read_bytes()
    catalog = Catalog(data)
    record(catalog, "second", 10, began_ns=BEGAN_NS + 86_400 * NS).close(None)
    catalog.close()
    shutil.rmtree((data / SEALED).parent)
    answer = backed_up(target, data)
    assert answer["only_in_backup"] == ["first"]
    assert len(answer["nights"]) == 2
    assert run_command("restore", str(target), data=tmp_path / "new").returncode == 0
    assert (tmp_path / "new" / SEALED).read_bytes() == whole
    (target / "files" / SEALED).write_bytes(whole[:-1])
    assert run_command("backup", str(target), data=data).returncode == 1, "nothing can mend it any more"
    (data / "catalog.sqlite").write_bytes(b"no catalog" * 1000)
    done = run_command("backup", str(tmp_path / "other"), "--json", data=data)
    assert (done.returncode, json.loads(done.stdout)["catalog"]) == (0, "damaged")
    assert len(json.loads(done.stdout)["nights"]) == 1
    (data / "catalog.sqlite").unlink()
    assert backed_up(tmp_path / "other", data)["catalog"] == "missing"


def test_a_night_that_is_closed_during_the_backup_is_copied_as_the_catalog_has_it(
    data: Path, tmp_path: Path
) -> None:
    catalog = Catalog(data)
    night = record(catalog, "second", 30, began_ns=BEGAN_NS + 86_400 * NS)
    night.saving()()
    calls = 0

    def meanwhile(_done: int, _total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:  # the catalog is copied, the recordings are not
            night.close(BEGAN_NS + 86_430 * NS)
            seal_next(catalog)

    made = make_backup(data, tmp_path / "backup", simulated=False, on_progress=meanwhile)
    catalog.close()
    assert calls > 1
    assert run_command("restore", str(tmp_path / "backup"), data=tmp_path / "new").returncode == 0
    restored = Catalog(tmp_path / "new")
    assert [n.state for n in restored.nights()] == ["closed", "closed"]
    assert restored.unsealed() is None
    file = f"nights/{night.id}/left.sealed"
    assert (tmp_path / "new" / file).read_bytes() == (data / file).read_bytes()
    assert made.manifest.files[file].sealed
    assert f"nights/{night.id}/left.seg" not in made.manifest.files
    restored.close()


def meanwhile_once(change: Callable[[], object]) -> Callable[[int, int], None]:
    """Return a progress that changes something when the first bytes are copied."""
    left = [change]

    def on_progress(_done: int, _total: int) -> None:
        if left:
            left.pop()()

    return on_progress


def test_a_file_that_is_packed_during_the_backup_is_copied_under_its_new_name(
    data: Path, tmp_path: Path
) -> None:
    catalog = Catalog(data)
    night = record(catalog, "second", 30, began_ns=BEGAN_NS + 86_400 * NS)
    night.close(BEGAN_NS + 86_430 * NS)
    first = catalog.segment(night.id, "left")
    pack = meanwhile_once(lambda: seal_files(first))  # the catalog is told later
    made = make_backup(data, tmp_path / "backup", simulated=False, on_progress=pack)
    catalog.close()
    assert not first.exists()
    assert f"nights/{night.id}/left.sealed" in made.manifest.files


def test_what_the_catalog_is_told_of_a_packed_file_during_the_backup_is_in_its_copy(
    data: Path, tmp_path: Path
) -> None:
    catalog = Catalog(data)
    night = record(catalog, "second", 30, began_ns=BEGAN_NS + 86_400 * NS)
    night.close(BEGAN_NS + 86_430 * NS)
    seal_files(catalog.segment(night.id, "left"))
    tell = meanwhile_once(lambda: seal_next(catalog))  # no file changes any more
    make_backup(data, tmp_path / "backup", simulated=False, on_progress=tell)
    catalog.close()
    assert run_command("restore", str(tmp_path / "backup"), data=tmp_path / "new").returncode == 0
    restored = Catalog(tmp_path / "new")
    assert restored.unsealed() is None
    restored.close()


def test_a_mark_that_is_set_during_the_backup_is_in_the_catalog_and_in_the_file(
    data: Path, tmp_path: Path
) -> None:
    catalog = Catalog(data)
    lights = (BEGAN_NS + NS, BEGAN_NS + 30 * NS)
    said = meanwhile_once(lambda: Annotations(catalog).set_lights("first", lights, BEGAN_NS))
    make_backup(data, tmp_path / "backup", simulated=False, on_progress=said)
    catalog.close()
    assert run_command("restore", str(tmp_path / "backup"), data=tmp_path / "new").returncode == 0
    restored = Catalog(tmp_path / "new")
    assert Annotations(restored).lights("first") == lights
    restored.close()
    values = read_annotations(tmp_path / "new" / "nights/first/annotations.json")
    assert (values["lights"]["off_ns"], values["lights"]["on_ns"]) == lights


def test_nights_that_the_catalog_of_a_backup_does_not_list_are_added_from_their_recordings(
    data: Path, tmp_path: Path
) -> None:
    catalog = Catalog(data)
    lights = (BEGAN_NS + NS, BEGAN_NS + 30 * NS)
    Annotations(catalog).set_lights("first", lights, BEGAN_NS)
    catalog.close()
    unreadable = data / "nights" / "unreadable" / "left.sealed"
    unreadable.parent.mkdir()
    unreadable.write_bytes(b"x" * 100)
    for damage, state in (
        (lambda f: f.write_bytes(b"no catalog" * 1000), "damaged"),
        (Path.unlink, "missing"),
    ):
        damage(data / "catalog.sqlite")
        for end in ("-wal", "-shm"):
            (data / f"catalog.sqlite{end}").unlink(missing_ok=True)
        assert backed_up(tmp_path / state, data)["catalog"] == state
        new = tmp_path / f"new-{state}"
        done = run_command("restore", str(tmp_path / state), data=new)
        assert done.returncode == 1, "one cannot be read"
        assert "added from the recordings: first." in done.stdout
        assert "Restored, but not in the catalog: unreadable." in done.stdout
        assert "legmon rescan --data" in done.stdout
        restored = Catalog(new)
        assert [n.id for n in restored.nights()] == ["first"]
        assert Annotations(restored).lights("first") == lights
        assert Annotations(restored).settings() == {"theme": "night"}
        restored.close()


def test_every_part_of_a_leg_that_is_being_recorded_is_copied_up_to_its_last_whole_record(
    data: Path, tmp_path: Path
) -> None:
    catalog = Catalog(data)
    night = record(catalog, "second", 5, began_ns=BEGAN_NS + 86_400 * NS)
    file = catalog.segment(night.id, "left")
    whole = file.read_bytes()
    part = part_path(file, 2)
    part.write_bytes(whole + whole[:50])
    with file.open("ab") as torn:
        torn.write(whole[:100])
    backed_up(tmp_path / "backup", data)
    for name in (file.name, part.name):
        assert (tmp_path / "backup" / "files" / "nights" / night.id / name).read_bytes() == whole
    catalog.close()
    assert run_command("restore", str(tmp_path / "backup"), data=tmp_path / "new").returncode == 0
    assert count(tmp_path / "new" / "nights" / night.id / "left.seg") == 250


def test_a_record_that_is_not_finished_is_left_out(data: Path, tmp_path: Path) -> None:
    catalog = Catalog(data)
    night = record(catalog, "second", 5, began_ns=BEGAN_NS + 86_400 * NS)
    file = catalog.segment(night.id, "left")
    whole = file.read_bytes()
    for cut in (1, 11, 12, 100):
        assert last_whole(whole + whole[:cut]) == len(whole)
    with file.open("ab") as torn:
        torn.write(whole[:100])
    backed_up(tmp_path / "backup", data)
    assert (tmp_path / "backup" / "files" / "nights" / night.id / "left.seg").read_bytes() == whole
    name = "nights/first/left.seg.torn"
    (data / name).write_bytes(whole[:100])
    assert copied(backed_up(tmp_path / "backup", data))[name] == 100, "what a crash left is kept"
    catalog.close()


# wrong folders, other versions


def nothing(_: Path, __: Path) -> None:
    pass


def into(name: str, text: str) -> Callable[[Path, Path], None]:
    def write(data: Path, target: Path) -> None:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    return write


def a_file(_: Path, target: Path) -> None:
    target.write_text("x")


def of_others(_: Path, target: Path) -> None:
    target.mkdir()
    other = StoredFile("nights/other/left.seg", "nights/other/left.seg", 1, "0" * 64, 1, sealed=False)
    Manifest(1, "/elsewhere", "0", files={other.path: other}).write(target)


@pytest.mark.parametrize(
    ("name", "prepare", "says"),
    [
        ("data", nothing, "is in the data folder itself"),
        ("data/nights/backup", nothing, "is in the data folder itself"),
        ("", nothing, "holds the data folder"),
        ("other", into("letter.txt", "x"), "holds something else than a backup"),
        ("file.txt", a_file, "is not a folder"),
        ("of-others", of_others, "is the backup of other nights (/elsewhere)"),
        ("later", into("backup.json", '{"version": 2}'), "was made by a later version"),
    ],
)
def test_a_wrong_folder_is_refused_before_anything_is_written(
    data: Path, tmp_path: Path, name: str, prepare: Callable[[Path, Path], None], says: str
) -> None:
    target = tmp_path / name
    prepare(data, target)
    before = sorted(tmp_path.rglob("*"))
    done = run_command("backup", str(target), data=data)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert says in done.stderr
    assert [p for p in sorted(tmp_path.rglob("*")) if not p.name.endswith(("-wal", "-shm"))] == before


def test_a_folder_without_nights_or_without_a_backup_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run_command("backup", str(tmp_path / "backup"), data=tmp_path / "empty")
    assert (done.returncode, "There are no nights here yet." in done.stderr) == (2, True)
    for command in (("backup", "--verify"), ("restore",)):
        done = run_command(*command, str(tmp_path / "empty"), data=tmp_path / "new")
        assert (done.returncode, "holds no backup of legmon" in done.stderr) == (2, True)
    backed_up(tmp_path / "backup", data)
    for target in (data, tmp_path / "backup" / "new", tmp_path):
        done = run_command("restore", str(tmp_path / "backup"), data=target)
        assert done.returncode == 2
        assert "with --data" in done.stderr
    done = run_command("restore", str(tmp_path / "backup"), data=tmp_path / "empty")
    assert done.returncode == 0, "an empty folder will do"
    assert "legmon nights --data" in done.stdout


def test_a_disk_without_room_is_said_before_anything_is_copied(data: Path, tmp_path: Path) -> None:
    (data / "big").write_bytes(bytes(4 << 20))
    disk = tmp_path / "disk"
    with mounted(disk, "size=3m,mode=700"):
        done = run_command("backup", str(disk), data=data)
        assert done.returncode == 2
        assert f"{disk} has 3.1 MB free" in done.stderr
        assert "the backup needs 5." in done.stderr
        assert not (disk / "files").exists()
        backed_up(tmp_path / "backup", data)
        done = run_command("restore", str(tmp_path / "backup"), data=disk)
        assert (done.returncode, "has 3.1 MB free" in done.stderr) == (
            2,
            True,
        ) or "is not empty" in done.stderr


def changed(target: Path, **values: Any) -> None:
    made = Manifest.read(target)
    fields = {name: getattr(made, name) for name in ("made_ns", "source", "legmon", "files")}
    Manifest(**(fields | values)).write(target)


def test_a_backup_by_a_later_version_is_not_restored(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    backed_up(target, data)
    with contextlib.closing(sqlite3.connect(data / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("UPDATE alembic_version SET version_num = '9999'")
    backed_up(target, data)
    changed(target, legmon="9.0")
    done = run_command("restore", str(target), data=tmp_path / "new")
    assert (done.returncode, "later version of legmon (9.0)" in done.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "", "a\\..\\x", "C:x", "a\0b"])
def test_a_path_that_leads_out_of_the_folder_is_refused(data: Path, tmp_path: Path, path: str) -> None:
    assert not is_inside(path)
    target = tmp_path / "backup"
    backed_up(target, data)
    files = Manifest.read(target).files
    changed(target, files=files | {path: StoredFile(path, SEALED, 1, "0" * 64, 1, sealed=False)})
    done = run_command("restore", str(target), data=tmp_path / "new")
    assert (done.returncode, "backup.json is damaged" in done.stderr) == (1, True)


def test_a_link_in_the_backup_is_not_followed(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    backed_up(target, data)
    stored = target / "files" / SEALED
    stored.rename(tmp_path / "away")
    stored.symlink_to(tmp_path / "away")
    assert verified(target) == (1, [SEALED])


def test_a_restore_that_was_interrupted_is_done_again(data: Path, tmp_path: Path) -> None:
    backed_up(tmp_path / "backup", data)
    left = tmp_path / "new" / ".restoring" / "nights"
    left.mkdir(parents=True)
    (left / "x").write_text("x")
    assert run_command("restore", str(tmp_path / "backup"), data=tmp_path / "new").returncode == 0
    assert not (tmp_path / "new" / ".restoring").exists()
    assert not (tmp_path / "new" / "nights" / "x").exists()
    assert (tmp_path / "new" / SEALED).stat().st_mtime_ns == (data / SEALED).stat().st_mtime_ns
