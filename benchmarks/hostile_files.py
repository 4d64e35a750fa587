"""The kinds of files and requests that legmon reads: a valid one of each, how it is changed, and the function that reads it."""

import asyncio
import contextlib
import gzip
import json
import random
import re
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import edfio
import httpx
import numpy as np
import yaml
from sqlalchemy.exc import DBAPIError

from benchmarks import hostile_values as hostile
from firmware_sim import flash, playback, render
from firmware_sim import scenario as scenarios
from legmon.app import running, state
from legmon.catalog.annotation_files import load_night_annotations, read_annotations
from legmon.catalog.clock import Moment
from legmon.catalog.file import FILE
from legmon.catalog.report_file import LAST_RESORT
from legmon.catalog.report_file import _read as read_report
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.exchange.backup import make_backup, verify_backup
from legmon.exchange.capture import read_capture, record_capture
from legmon.exchange.events import score_events
from legmon.exchange.manifest import MANIFEST, _digest
from legmon.exchange.recordings import detect_recording
from legmon.movement import NS
from legmon.night.leg import analyse
from legmon.night.track import score_night
from legmon.nights.cache import NightReports
from legmon.recorder import presence
from legmon.recording.files import read_segment
from legmon.recording.records import HEADER, framed, frames
from legmon.recording.seal import inspect
from legmon.scoring.rules import Interpretation
from legmon.sensors.decode import decode
from legmon.sensors.registry import registry
from legmon.terminal import json_text
from legmon.web import keys
from legmon.web.app import create_app
from legmon.web.audit import FILE as AUDIT
from legmon.web.audit import Audit
from legmon.web.models_evening import Settings

NIGHT: Final = "2026-03-01-2245"
BEGAN_NS: Final = 1_772_400_000 * NS
SCENARIO: Final = """scenario: 1
name: restless
duration: 3m
seed: 4
movements_per_hour: 120
body: {series: {interval_s: {median: 18}}, posture_per_hour: 3, bathroom: [{at: 1m, for: 40}]}
disturb: {breath_mg: 2, strap: [{at: 90, gain: 0.8}], vibration: [{at: 10s, for: 20s, mg: 5}]}
link: {losses: [{at: 100, for: 3}]}
faults: [{kind: clip, at: &t 30, for: 1}, {kind: stuck, at: *t, for: 1}]
"""
PORT: Final = 8731


class RefusedError(Exception):
    """A request that was refused in an ordinary way."""


REFUSALS: Final = (LegmonError, DBAPIError, scenarios.ScenarioError, playback.PlaybackError, RefusedError)
"""What a reader raises for a file that is wrong: one sentence."""


@dataclass(frozen=True, slots=True)
class KindOfFile:
    """A kind of file.

    Parameters
    ----------
    name : str
        The name of a file; its ending decides how some are read.
    valid : callable
        Return files that are read well.
    read : callable
        Read the file with what the command line or the pages use.
    structured : callable or None
        Change a file by its structure.
    """

    name: str
    valid: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    structured: hostile.Change | None = None


# signals and movements


@cache
def _rows() -> str:
    rng = np.random.default_rng(1)
    xyz = rng.normal((0, 0, 1), 0.003, (1500, 3))
    xyz[400:520, 0] += 0.2 * np.sin(np.linspace(0, np.pi, 120))
    return "".join(
        f"{i / 50 + 5 * (i > 900):.3f},{x:.5f},{y:.5f},{z:.5f}\n" for i, (x, y, z) in enumerate(xyz)
    )


def _signals() -> list[bytes]:
    text = "time_s,x_g,y_g,z_g\n" + _rows()
    return [
        text.encode(),
        text.replace("\n", "\r\n").encode("utf-8-sig"),
        "".join(text.splitlines(keepends=True)[:25]).encode(),
    ]


def _tables() -> list[bytes]:
    """Return the same samples as other programs write them."""
    rows = [line.split(",") for line in _rows().splitlines()]
    dated = "".join(
        f"2026-03-01 22:{int(float(t)) // 60:02}:{float(t) % 60:06.3f},{x},{y},{z}\n" for t, x, y, z in rows
    )
    commas = "Time (s);Acceleration x (m/s^2);Acceleration y (m/s^2);Acceleration z (m/s^2)\n" + "".join(
        ";".join(
            f"{float(v) * k:.5f}".replace(".", ",") for v, k in zip(row, (1, 9.8, 9.8, 9.8), strict=True)
        )
        + "\n"
        for row in rows
    )
    cut = "n,timestamp,acc_x,acc_y,acc_z\n" + "".join(
        f"1,{int(float(t))},{x},{y},{z}\n" for t, x, y, z in rows
    )
    counts = "1772402400.0,1772402400.0,1772402400.0\n50.0,50.0,50.0\n" + "".join(
        ",".join(f"{64 * float(v):.0f}" for v in row[1:]) + "\n" for row in rows
    )
    return [text.encode() for text in (dated, commas, cut, counts)]


def _read_signal(path: Path) -> str:
    track = detect_recording(path, "left")
    return json_text(score_night([track], origin_ns=None if track.dated else 0).to_dict())


def _packed() -> list[bytes]:
    return [gzip.compress(data, mtime=0) for data in _signals()]


def _play(path: Path) -> object:
    return playback.Playback(path, "left").measured(50, 4).chip.samples(0, 200)


_MOVEMENTS: Final = [(20.0 * n, 20.0 * n + 2.5, ("left", "right")[n % 3 == 0]) for n in range(1, 25)]


def _json_events() -> list[bytes]:
    whole = {
        "movements": _MOVEMENTS,
        "gaps": [[100, 130.5]],
        "duration_s": 3600,
        "respiratory": [[50, 65]],
        "stages": [[0, 300, "N2"], [300, 600, "W"]],
    }
    return [json.dumps(whole).encode(), json.dumps([whole, {"movements": []}]).encode()]


def _csv_events() -> list[bytes]:
    return [("onset_s,offset_s,leg\n" + "".join(f"{a},{b},{leg}\n" for a, b, leg in _MOVEMENTS)).encode()]


def _annot_events() -> list[bytes]:
    head = "class\tinstance\tchannel\tstart\tstop\tmeta\n"
    seconds = "".join(f"lm_{leg}\t.\t.\t{a}\t{b}\t.\n" for a, b, leg in _MOVEMENTS)
    clock = (
        "Limb movement\t.\tR\t23:59:50\t00:00:02.5\t.\nN2\t.\t.\t0+00:00:30\t...\t.\napnea\t.\t.\t40\t60\t.\n"
    )
    return [(head + seconds).encode(), (head + clock).encode()]


def _xml_events() -> list[bytes]:
    events = "".join(
        f"<ScoredEvent><EventConcept>{c}</EventConcept><Start>{a}</Start><Duration>{n}</Duration></ScoredEvent>"
        for c, a, n in [("Stage 2 sleep|2", 0, 600), *(("PLM (Left)", a, b - a) for a, b, _ in _MOVEMENTS)]
    )
    whole = (
        f"<PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents>{events}</ScoredEvents></PSGAnnotation>"
    )
    stages = (
        "<CMPStudyConfig><SleepStages>"
        + "<SleepStage>2</SleepStage>" * 50
        + "</SleepStages></CMPStudyConfig>"
    )
    return [whole.encode(), stages.encode(), whole.encode("utf-16")]


def _table_events() -> list[bytes]:
    bids = "onset\tduration\ttrial_type\tchannel\n0\t600\tsleep_N2\tn/a\n"
    bids += "".join(f"{a}\t{b - a}\tlimb_movement\t{leg}\n" for a, b, leg in _MOVEMENTS)
    clock = "Start Time,End Time,Event,Duration\n[],[],[],[s]\n"
    clock += "".join(f"25/07/2026 23:{a // 60:02.0f}:{a % 60:02.0f},,LM,{b - a}\n" for a, b, _ in _MOVEMENTS)
    return [bids.encode(), clock.encode("utf-16"), clock.encode()]


def _edf_events() -> list[bytes]:
    file = edfio.Edf(
        [edfio.EdfSignal(np.zeros(600), 1, label="Acc X ankle L", physical_range=(-1, 1))],
        annotations=[
            edfio.EdfAnnotation(a, b - a, f"Limb movement@@EMG {'RAT' if leg == 'right' else 'LAT'}")
            for a, b, leg in _MOVEMENTS
        ]
        + [edfio.EdfAnnotation(0, 30, "Sleep stage N2"), edfio.EdfAnnotation(5, 10, "Obstructive apnea")],
    )
    with tempfile.TemporaryDirectory() as folder:
        file.write(Path(folder) / "a.edf")
        return [(Path(folder) / "a.edf").read_bytes()]


def _edf_signals() -> list[bytes]:
    xyz = np.array([[float(v) for v in row.split(",")[1:]] for row in _rows().splitlines()])
    signals = [
        edfio.EdfSignal(xyz[:, n], 50, label=f"Acc {a}", physical_range=(-8, 8)) for n, a in enumerate("XYZ")
    ]
    marks = [edfio.EdfAnnotation(5.0, 2.0, "Recording gap"), edfio.EdfAnnotation(9.0, None, "Lights off")]
    with tempfile.TemporaryDirectory() as folder:
        edfio.Edf(signals, annotations=marks).write(Path(folder) / "a.edf")
        return [(Path(folder) / "a.edf").read_bytes()]


def _in_edf(rng: random.Random, data: bytes) -> bytes:
    """Return EDF with another value in a field of its header, or another annotation."""
    if rng.random() < 0.6:
        at, length = rng.choice(
            ((184, 8), (236, 8), (244, 8), (252, 4), (256 + 432, 8), (256 + 440, 8), (0, 8), (192, 44))
        )
        value = rng.choice(
            ("-1", "0", "1", "2", "9999", "99999999", "1e8", "nan", "inf", "-5", " ", "0.0001", "5000")
        )
        return data[:at] + value.encode()[:length].ljust(length) + data[at + length :]
    at = data.find(b"\x14", rng.randrange(len(data) + 1))
    piece = rng.choice(
        (b"+1" * 500, b"1" * 3000, b"+1\x14" * 300, b"+1e5\x15\x14x\x14", b"\n\x14", b"-" * 100, b"+9" * 40)
    )
    return data[:at] + piece + data[at + len(piece) :] if at >= 0 else data


def _score(path: Path) -> str:
    scored = score_events(path, "wasm2016", Interpretation())
    return json_text([s.to_dict() for s in scored])


# the simulator


def _in_yaml(rng: random.Random, data: bytes) -> bytes:
    """Return YAML with another value somewhere, or with aliases."""
    if rng.random() < 0.3:
        extra = rng.choice(
            (
                "\nx: &a [*a, *a, *a, *a, *a]",
                f"\n{hostile.ALIASES}",
                f"\n{hostile.MERGES}",
                "\nfaults: [" + "{kind: clip, at: 1, for: 1}, " * 3000 + "]",
                "\n? [a, b]\n: c",
                "\n" + "- " * 2000,
                "\nx: " + "{a: " * 800,
                "\nbody: !!set {a, b}",
                "\nat: 2001-99-99",
                "\nx: !!int " + "1:" * 2000 + "1",
            )
        )  # fmt: skip
        return data + extra.encode()
    if b"<<" in data or data.count(b"*") > 20 or len(data) > 20_000:
        return data  # the library would write out what its aliases repeat
    try:
        value = yaml.safe_load(data)
    except Exception:  # noqa: BLE001 (the library raises many)
        return data
    with contextlib.suppress(Exception):
        return str(yaml.safe_dump(hostile.in_value(rng, value), allow_unicode=True)).encode(
            "utf-8", "replace"
        )
    return data


def _read_scenario(path: Path) -> object:
    return scenarios.write_scenario(scenarios.read_scenario(path))


@cache
def _capture() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "left.capture"
        render.capture(scenarios.parse_scenario(SCENARIO), file, lambda _: None)
        return file.read_bytes()


def _in_capture(rng: random.Random, data: bytes) -> bytes:
    """Return a capture with a change in its header, or in the length or the time of a notification."""
    head, _, body = data.partition(b"\n")
    if rng.random() < 0.5 or len(body) < 40:
        return hostile.in_json(rng, head) + b"\n" + body
    at = rng.randrange(len(body) - 10)
    uptime, length = rng.choice(((0, 0), (2**64 - 1, 65535), (2**63, 16), (10**15, 30)))
    return head + b"\n" + body[:at] + struct.pack("<QH", uptime, length) + body[at + 10 :]


def _read_capture(path: Path) -> int:
    capture = read_capture(path)
    return sum(len(frame.xyz) for _, frame in capture.frames())


def _flash() -> list[bytes]:
    start = {
        "event": "start",
        "zero_ns": 5,
        "stream": 1,
        "rate_hz": 50,
        "range_g": 4,
        "batch": 20,
        "night_first": 0,
        "night_us": 0,
    }
    sent = [{"event": "sent", "first": 20 * n, "count": 20} for n in range(40)]
    lines = [start, *sent, {"event": "stop", "next": 800}]
    return ["\n".join(map(json.dumps, lines)).encode()]


# the data folder


@cache
def _folder() -> Path:
    """Make a data folder with a closed night, marks and settings; it is never changed."""
    folder = Path(tempfile.mkdtemp(prefix="legmon-mutations-"))
    capture = folder / "left.capture"
    capture.write_bytes(_capture())
    catalog = Catalog(folder / "data")
    record_capture(catalog, read_capture(capture), BEGAN_NS)
    catalog.want("check", "left")
    with contextlib.closing(sqlite3.connect(folder / "data" / FILE)) as c, c:
        (night,) = c.execute("SELECT id FROM nights").fetchone()
        c.execute("INSERT INTO marks (night_id, leg, start_ns, end_ns, kind, set_ns) VALUES (?, 'left', ?, ?, 'voluntary', 1)",
                  (night, BEGAN_NS + 30 * NS, BEGAN_NS + 32 * NS))  # fmt: skip
        c.execute("INSERT INTO settings (id, value) VALUES (1, ?)", ('{"theme": "dark", "leg": "left"}',))
        c.execute(
            "INSERT INTO checks (leg, at_ns, result) VALUES ('left', ?, ?)",
            (BEGAN_NS - 60 * NS, json.dumps(_FIT)),
        )
    catalog.close()
    return folder / "data"


_FIT: Final = {
    "problems": ["looser"], "noise_mg": 2.0, "gravity_g": 1.0, "toes": 5, "toe_mg": 80.0, "ratio": 0.6, "rolled_deg": 40.0,
    "standing": [0.0, 0.6, 0.8],
}  # fmt: skip


def _annotations() -> list[bytes]:
    values = {
        "format": "legmon annotations",
        "version": 1,
        "night": {
            "zone_name": "Europe/Paris",
            "utc_offset_s": 3600,
            "simulated": True,
            "ended_by": "",
            "counted": None,
        },
        "lights": {"off_ns": BEGAN_NS, "on_ns": BEGAN_NS + 100 * NS, "set_ns": 5},
        "marks": [
            {"leg": "left", "start_ns": BEGAN_NS, "end_ns": BEGAN_NS + NS, "kind": "voluntary", "set_ns": 1}
        ],
        "checks": [{"leg": "left", "at_ns": BEGAN_NS, "fit": _FIT}],
        "seals": [
            {
                "leg": "left",
                "name": "left.sealed",
                "size": 5,
                "mtime_ns": 5,
                "sha256": "ab",
                "records_sha256": "cd",
            }
        ],
        "settings": {"theme": "dark", "leg": "left", "set_up": True},
    }
    return [json.dumps(values, indent=1).encode()]


class _UndoError(Exception):
    """Ends a transaction without a trace."""


@cache
def _open_catalog() -> tuple[Catalog, str]:
    place = Path(tempfile.mkdtemp(prefix="legmon-mutations-")) / "data"
    shutil.copytree(_folder(), place)
    catalog = Catalog(place)
    return catalog, catalog.nights()[0].id


def _read_annotations(path: Path) -> object:
    values = read_annotations(path)
    catalog, night = _open_catalog()
    with contextlib.suppress(_UndoError), catalog.session() as s:
        load_night_annotations(s, night, values)
        raise _UndoError
    settings = values.get("settings")
    return Settings.of(settings if isinstance(settings, dict) else {})


def _manifests() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        backup = Path(folder) / "backup"
        make_backup(_folder(), backup, simulated=False, on_progress=lambda _, __: None)
        return [(backup / MANIFEST).read_bytes()]


def _in_manifest(rng: random.Random, data: bytes) -> bytes:
    """Return a list of a backup with a change, and mostly with the digest that belongs to it."""
    try:
        content = json.loads(hostile.in_json(rng, data))
        content["sha256"] = _digest({k: v for k, v in content.items() if k != "sha256"})
    except (AttributeError, ValueError, TypeError, RecursionError):
        return hostile.in_json(rng, data)
    return json.dumps(content).encode("utf-8", "replace")


def _verify(path: Path) -> object:
    return verify_backup(path.parent, lambda _, __: None)


def _states() -> list[bytes]:
    this = presence.Presence.this().values()
    report = this | {
        "process": this,
        "since_ns": BEGAN_NS,
        "said": [[1, "Hello."]],
        "pages": "http://127.0.0.1:1",
        "port": 1,
    }
    report |= {"wall_ns": BEGAN_NS, "ticks_ns": 5, "boot": Moment.now().boot}
    supervisor = {k: report[k] for k in ("process", "since_ns", "said", "pages", "port")}
    moment = {k: report[k] for k in ("wall_ns", "ticks_ns", "boot")}
    return [
        json.dumps(value).encode() for value in (report, supervisor, this | {"pages": "http://x"}, moment)
    ]


def _read_states(path: Path) -> object:
    """Read the file in the place of each file of state in turn."""
    folder = path.parent
    data = path.read_bytes()
    for name in (presence.RECORDER, running.REPORT, keys.DASHBOARD, "clock.json", LAST_RESORT, keys.BEARER):
        (folder / name).write_bytes(data)
    keys.pages_of(folder)
    keys.has_bearer_token(folder)
    Moment.kept(folder / "clock.json", anew=False).wall_now_ns()
    read_report(folder / LAST_RESORT)
    running.Report.read(folder)
    return json_text(state.what_runs(folder)) + "".join(state.sentences(state.what_runs(folder)))


def _audits() -> list[bytes]:
    lines = [{"at": 1.79e9 + n, "event": "mark", "client": "browser", "night": NIGHT} for n in range(20)]
    return ["\n".join(map(json.dumps, lines)).encode()]


def _read_audit(path: Path) -> str:
    path.rename(path.with_name(AUDIT))
    entries = Audit(path.parent).newest(500)
    return json_text([[e.at, e.event, e.client, e.night] for e in entries])


def _catalogs() -> list[bytes]:
    with contextlib.closing(sqlite3.connect(_folder() / FILE)) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return [(_folder() / FILE).read_bytes()]


def _in_catalog(rng: random.Random, data: bytes) -> bytes:
    """Return a catalog with another value in a column of a row."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_bytes(data)
        with (
            contextlib.suppress(sqlite3.Error, OverflowError, UnicodeError),
            contextlib.closing(sqlite3.connect(file)) as c,
        ):
            tables = [r[0] for r in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            table = rng.choice(tables)
            column = rng.choice([r[1] for r in c.execute(f'PRAGMA table_info("{table}")')])
            value = rng.choice(hostile.VALUES)
            if isinstance(value, dict | list):
                value = json.dumps(value)
            elif isinstance(value, str) and rng.random() < 0.3:
                value = value.encode("utf-8", "replace")
            c.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ?', (value,))  # noqa: S608
            c.commit()
            c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.read_bytes()


def _read_catalog(path: Path) -> str:
    """List the nights, and report each as the pages and the command line do."""
    (path.parent / "nights").symlink_to(_folder() / "nights")
    with contextlib.closing(Catalog(path.parent)) as catalog:
        reports = NightReports(catalog)
        answers: list[Any] = [repr(catalog.recorder()), repr(catalog.wanted()), repr(reports.page())]
        for info in catalog.nights():
            answers.append(repr(reports.night(info)))
            for track in catalog.tracks(info.id):
                if track.end and track.anchors:
                    score_night([track])
    return "".join(answers)


def _recordings() -> list[bytes]:
    folder = next((_folder() / "nights").iterdir())
    return [next(p for p in folder.iterdir() if p.suffix in {".seg", ".sealed"}).read_bytes()]


def _in_recording(rng: random.Random, data: bytes) -> bytes:
    """Return a recording with a record changed whose checksum is right, doubled, or left out."""
    found = [(kind, payload) for _, kind, payload in frames(data)]
    if not found:
        return data
    at = rng.randrange(len(found))
    kind, payload = found[at]
    if payload[:1] == b"{":
        found[at] = kind, hostile.in_json(rng, payload)
    elif rng.random() < 0.5 and len(payload) > 30:
        found[at] = kind, struct.pack("<q", rng.choice((-1, 2**62, 10**15, 0))) + payload[8:]
    else:
        found[at : at + 1] = [(rng.choice((kind, 8, 200)), payload)] * rng.choice((0, 2))
    return b"".join(framed(kind, payload[: 1 << 20]) for kind, payload in found) or HEADER.pack(1, 1, 0, 0, 0)


def _read_recording(path: Path) -> object:
    inspect(path, NIGHT, "left", 1000)
    try:
        track = analyse(read_segment(path)).track()
    except ValueError as e:
        raise RefusedError(str(e)) from e
    return json_text(score_night([track]).to_dict()) if track.end and track.anchors else None


# what is sent


def _notifications() -> list[bytes]:
    return [
        b"polar factor=0.000244\n02650000000000000081f1ff1400f003\n",
        b"witmotion \n" + b"5561000001000200030004000500060007000800\n" * 3,
        b"ankle \n01\nff00\n",
    ]


def _decode(path: Path) -> str:
    head, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    name, _, setting = head.partition(" ")
    driver: Any = registry().drivers.get(name)
    try:
        given = dict([setting.split("=", 1)]) if "=" in setting else {}
        decoder = driver.decoder(given)
        return "".join(json_text(d) for d in decode(decoder, [bytes.fromhex(line) for line in lines]))
    except (AttributeError, ValueError) as e:
        raise RefusedError(str(e)) from e


def _requests() -> list[bytes]:
    fit = {
        "leg": "left",
        "steps": [{"step": "toes", "start": 1772400005, "end": 1772400020, "cues": [1772400008]}],
    }
    sent: list[tuple[str, str, Any]] = [
        ("POST", "/api/v1/checks/fit", fit),
        ("PUT", "/api/v1/settings", {"theme": "dark", "language": "de", "leg": "left", "set_up": True}),
        ("POST", "/api/v1/wanted", {"mode": "off", "leg": "left"}),
        ("PUT", "/api/v1/wanted/sensors/left", {"address": "AA:BB"}),
        ("PATCH", "/api/v1/nights/last", {"off": 1772400001.5, "on": 1772400100}),
        ("PUT", "/api/v1/nights/last/movements/left-1500", {"voluntary": True}),
        ("DELETE", "/api/v1/nights/last/marks/left-1772400030000000000", None),
        ("GET", "/api/v1/nights?limit=5&before=2026-03-01-2245", None),
        ("GET", "/api/v1/nights/last/window?start=1772400000&end=1772400100&points=100&leg=left", None),
        ("GET", "/api/v1/audit?limit=50", None),
        ("GET", "/night/last.json?rules=aasm", None),
    ]
    return [f"{m} {p}\n{json.dumps(b) if b else ''}".encode() for m, p, b in sent]


def _in_request(rng: random.Random, data: bytes) -> bytes:
    """Return a request with another value in its address or its body."""
    line, _, body = data.partition(b"\n")
    if body and rng.random() < 0.7:
        return line + b"\n" + hostile.in_json(rng, body)
    parts = re.split(rb"([/?=&-])", line)
    parts[rng.randrange(len(parts))] = rng.choice((*hostile.NUMBERS, *hostile.TEXTS)).encode(
        "utf-8", "replace"
    )[:3000]
    return b"".join(parts) + b"\n" + body


@cache
def _pages() -> tuple[Any, dict[str, str]]:
    catalog, _ = _open_catalog()
    (catalog.folder / "check").mkdir(exist_ok=True)
    shutil.copy(next(catalog.folder.glob("nights/*/*.se*")), catalog.folder / "check" / "left.seg")
    headers = {"Host": f"127.0.0.1:{PORT}", "Authorization": f"Bearer {keys.bearer_token(catalog.folder)}"}
    return create_app(catalog, PORT), headers


def _ask(path: Path) -> None:
    line, _, body = path.read_bytes().partition(b"\n")
    method, _, target = line.decode("utf-8", "replace").partition(" ")
    answer = asyncio.run(_sent(method, target, body))
    if answer.status_code >= 500:
        raise AssertionError(f"{answer.status_code} {answer.text[:300]}")
    if len(answer.content) > 10_000_000:
        raise AssertionError(f"an answer of {len(answer.content)} bytes")
    if answer.status_code >= 400:
        if len(answer.content) > 5000 or answer.headers["content-type"] != "application/problem+json":
            raise AssertionError(f"{answer.status_code} {answer.text[:300]}")
        raise RefusedError(answer.json()["detail"])


async def _sent(method: str, target: str, body: bytes) -> httpx.Response:
    app, headers = _pages()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{PORT}") as client:
        try:
            request = client.build_request(
                method or "GET", target, content=body, headers=headers | {"Content-Type": "application/json"}
            )
        except (
            httpx.InvalidURL,
            httpx.UnsupportedProtocol,
            ValueError,
            UnicodeError,
        ) as e:  # no client can send it
            raise RefusedError(str(e)) from e
        if request.url.host != "127.0.0.1":
            raise RefusedError("it goes elsewhere")
        return await client.send(request)


KINDS: Final[dict[str, KindOfFile]] = {
    "signal": KindOfFile("ankle.csv", _signals, _read_signal, hostile.in_rows(b",")),
    "replayed signal": KindOfFile("ankle.csv", _signals, _play, hostile.in_rows(b",")),
    "events, JSON": KindOfFile("a.json", _json_events, _score, hostile.in_json),
    "events, CSV": KindOfFile("a.csv", _csv_events, _score, hostile.in_rows(b",")),
    "events, Luna": KindOfFile("a.annot", _annot_events, _score, hostile.in_rows(b"\t")),
    "events, EDF+": KindOfFile("a.edf", _edf_events, _score, _in_edf),
    "events, XML": KindOfFile("a.xml", _xml_events, _score, None),
    "events, tables": KindOfFile("a.tsv", _table_events, _score, hostile.in_rows(b"\t")),
    "signal, tables": KindOfFile("ankle.csv", _tables, _read_signal, hostile.in_rows(b",")),
    "signal, EDF": KindOfFile("ankle.edf", _edf_signals, _read_signal, _in_edf),
    "signal, packed": KindOfFile("ankle.csv.gz", _packed, _read_signal, None),
    "scenario": KindOfFile("a.yaml", lambda: [SCENARIO.encode()], _read_scenario, _in_yaml),
    "capture": KindOfFile("left.capture", lambda: [_capture()], _read_capture, _in_capture),
    "flash": KindOfFile("sent.jsonl", _flash, flash.read_flash, hostile.in_json_lines),
    "backup": KindOfFile(MANIFEST, _manifests, _verify, _in_manifest),
    "annotations": KindOfFile("annotations.json", _annotations, _read_annotations, hostile.in_json),
    "state": KindOfFile("state.json", _states, _read_states, hostile.in_json),
    "audit": KindOfFile("lines.jsonl", _audits, _read_audit, hostile.in_json_lines),
    "recording": KindOfFile("left.seg", _recordings, _read_recording, _in_recording),
    "notifications": KindOfFile("hex.txt", _notifications, _decode, None),
    "catalog": KindOfFile(FILE, _catalogs, _read_catalog, _in_catalog),
    "request": KindOfFile("request.txt", _requests, _ask, _in_request),
}


@cache
def valid_files(kind: KindOfFile) -> list[bytes]:
    """Return the valid files of a kind, which are made once."""
    return kind.valid()


def mutations(kind: KindOfFile, seed: int) -> bytes:
    """Return the changed file of a number: the same one each time."""
    rng = random.Random(seed)  # noqa: S311
    files = valid_files(kind)
    return hostile.changed(rng, rng.choice(files), files, kind.structured)


@contextlib.contextmanager
def placed(kind: KindOfFile, data: bytes) -> Iterator[Path]:
    """Write a file into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="legmon-mutated-") as folder:
        path = Path(folder) / kind.name
        path.write_bytes(data)
        yield path
