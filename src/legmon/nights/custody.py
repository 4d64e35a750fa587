"""Verify recordings: compare the SHA-256 of a sealed file before its signal is used, seal nights that were closed, verify again.

A file is read for this once in a process, and again when its size, time or place in the folder changes. Where a recording is not
what was sealed, the catalog keeps why, and which samples can no longer be read; every list and report shows it from then on.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Iterable, Sequence

from sqlalchemy.exc import DBAPIError

from legmon.catalog.recording_files import RecordingFiles
from legmon.catalog.state import KeptDamage, KeptFile, NightInfo
from legmon.catalog.store import Catalog
from legmon.messages import DamageCode
from legmon.movement import NS, Leg
from legmon.recording.files import FileState, RecordingError, file_state, leg_files, read_file
from legmon.recording.seal import Damage, Inspection, inspect, seal_files, set_sealed_aside

log = logging.getLogger(__name__)

SCRUB_NS = 7 * 24 * 3600 * NS
"""A recording is verified again when it was not for a week."""
_VERIFIED_MOST = 2000

_verified: dict[tuple[FileState, str], None] = {}
"""Files that this process has verified: their state, with the SHA-256 that they have."""
_lock = threading.Lock()


def _is_known(state: FileState | None, sha256: str) -> bool:
    with _lock:
        return state is not None and (state, sha256) in _verified


def _remember(state: FileState, sha256: str) -> None:
    with _lock:
        _verified[state, sha256] = None
        while len(_verified) > _VERIFIED_MOST:
            del _verified[next(iter(_verified))]


def check_legs(catalog: Catalog, info: NightInfo, legs: Iterable[Leg]) -> NightInfo:
    """Verify the recordings of a night before their signal is used.

    Returns
    -------
    NightInfo
        The night as it stands in the catalog afterwards.
    """
    news = [check_leg(catalog, info.id, leg) for leg in legs] if info.state == "closed" else []
    return catalog.night(info.id) if any(news) else info


def check_leg(catalog: Catalog, night: str, leg: Leg) -> bool:
    """Compare a sealed recording with what was sealed, unless this process has done so before.

    A recording that is not sealed yet, and one that cannot be read at the moment, are left as they are.

    Returns
    -------
    bool
        Whether something new is known.
    """
    try:
        return _check(catalog, night, leg, anew=False)
    except RecordingError as e:
        log.warning("night %s, %s leg: %s", night, leg, e)
        return False


def _check(catalog: Catalog, night: str, leg: Leg, *, anew: bool) -> bool:
    kept = RecordingFiles(catalog)
    files, end = kept.of(night, leg)
    first = catalog.segment(night, leg)
    if not files:
        return False
    if not anew and all(
        f.damage is None and _is_known(file_state(first.with_name(f.name)), f.sha256) for f in files
    ):
        return False
    now = _compare(catalog, night, leg, files, end)
    is_news = _codes(now) != _codes(files) or any(f.has_changed(first.with_name(f.name)) for f in files)
    if is_news or anew:
        try:
            kept.keep(night, leg, now)
        except DBAPIError as e:
            log.warning("the catalog does not keep what was found of night %s: %s", night, e.orig)
    return is_news


def _codes(files: Iterable[KeptFile]) -> Sequence[object]:
    return sorted((f.name, f.damage.code if f.damage else "") for f in files)


def _compare(catalog: Catalog, night: str, leg: Leg, files: Sequence[KeptFile], end: int) -> list[KeptFile]:
    """Return the files as they are now."""
    first, at_ns = catalog.segment(night, leg), time.time_ns()
    by_name = {f.name: f for f in files}
    paths = leg_files(first)
    if {p.name for p in paths} == set(by_name):
        states = [file_state(p) for p in paths]
        try:
            found = [hashlib.sha256(read_file(p)).hexdigest() for p in paths]
        except OSError:
            found = []  # `inspect` finds out why
        if found == [by_name[p.name].sha256 for p in paths] and None not in states:
            return [
                _kept(s, sha, files[0].records_sha256, at_ns)
                for s, sha in zip(states, found, strict=True)
                if s
            ]
    seen = inspect(first, night, leg, end)
    damage = seen.damage
    known = {f.records_sha256 for f in files} - {""}
    if damage is None and known and seen.records_sha256 not in known:
        damage = Damage(DamageCode.ALTERED, (), f"{first} is not what was sealed")
    if damage is None:
        return sealed_files(seen, at_ns)
    log.error("night %s, %s leg: %s", night, leg, damage.detail)
    return _damaged(files, seen, damage, at_ns)


def _kept(state: FileState, sha256: str, records_sha256: str, at_ns: int) -> KeptFile:
    _remember(state, sha256)
    return KeptFile(state.name, state.size, state.mtime_ns, sha256, records_sha256, at_ns)


def sealed_files(seen: Inspection, at_ns: int) -> list[KeptFile]:
    """Return what is kept of the files of a recording that was found whole."""
    return [_kept(f.state, f.sha256, seen.records_sha256, at_ns) for f in seen.files]


def _damaged(files: Sequence[KeptFile], seen: Inspection, damage: Damage, at_ns: int) -> list[KeptFile]:
    states = {f.state.name: f.state for f in seen.files}
    found = []
    for f in files:
        state = states.get(f.name)
        size, mtime_ns = (state.size, state.mtime_ns) if state else (-1, 0)
        what = KeptDamage(damage.code, damage.lost, size, mtime_ns, at_ns)
        found.append(KeptFile(f.name, f.size, f.mtime_ns, f.sha256, f.records_sha256, f.verified_ns, what))
    return found


# the recorder does this when it has time


def seal_next(catalog: Catalog) -> None:
    """Verify and pack one recording that is not sealed yet. What cannot be read now is left for the next start."""
    unsealed = catalog.unsealed()
    if unsealed is None:
        return
    night, leg = unsealed
    try:
        _seal(catalog, night, leg)
    except RecordingError as e:
        log.error("night %s, %s leg: %s", night, leg, e)  # noqa: TRY400 (the message says it all)
        catalog.set_unread(night, leg)


def _seal(catalog: Catalog, night: str, leg: Leg) -> None:
    kept, first = RecordingFiles(catalog), catalog.segment(night, leg)
    files, end = kept.of(night, leg)
    if files:  # verified by an earlier version, which did not pack
        now = _compare(catalog, night, leg, files, end)
        if any(f.damage for f in now):
            kept.keep(night, leg, now)
            return
    seen = inspect(first, night, leg, end)
    if seen.damage is not None and set_sealed_aside(first):  # what it was made of is still there
        seen = inspect(first, night, leg, end)
    if seen.damage is not None:
        _keep_damage(kept, night, leg, seen)
        return
    seal_files(first)
    packed = inspect(first, night, leg, end)
    if packed.damage is not None or packed.records_sha256 != seen.records_sha256:
        raise RecordingError(f"{first} changed while it was packed")
    kept.keep(night, leg, sealed_files(packed, time.time_ns()))
    log.info("night %s, %s leg: verified and sealed", night, leg)


def find_damage(catalog: Catalog, night: str, leg: Leg) -> bool:
    """Keep what is wrong with a recording that is not sealed. Return whether something is.

    Raises
    ------
    RecordingError
        If it cannot be read at the moment.
    """
    kept = RecordingFiles(catalog)
    seen = inspect(catalog.segment(night, leg), night, leg, kept.of(night, leg)[1])
    _keep_damage(kept, night, leg, seen)
    return seen.damage is not None


def _keep_damage(kept: RecordingFiles, night: str, leg: Leg, seen: Inspection) -> None:
    if seen.damage is None:
        return
    log.error("night %s, %s leg: %s", night, leg, seen.damage.detail)
    names = [f.state.name for f in seen.files] or [f"{leg}.seg"]
    never = [KeptFile(name, -1, 0, "", "", 0) for name in names]  # what it was is not known
    kept.keep(night, leg, _damaged(never, seen, seen.damage, time.time_ns()))


def scrub_next(catalog: Catalog) -> None:
    """Verify one recording again: one whose file has changed, or one that was not verified for a week."""
    found = RecordingFiles(catalog).next_to_verify(time.time_ns() - SCRUB_NS)
    if found is None:
        return
    try:
        _check(catalog, *found, anew=True)
    except RecordingError as e:
        log.warning("night %s, %s leg: %s", *found, e)
        catalog.set_unread(*found)
