"""Reports of nights, kept while nothing changes them, and summaries of all nights for the list and for what is usual."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from legmon import __version__
from legmon.catalog.derived import DerivedData, KeptSummary
from legmon.catalog.file import CATALOG_ERRORS, RECORDER_LOCK, is_locked
from legmon.catalog.rescan import try_to_add
from legmon.catalog.state import BOTH, NightInfo
from legmon.catalog.store import Catalog
from legmon.night import posture
from legmon.night.usual import COVERAGE, USABLE_S, Comparable, Usual, usual
from legmon.nights import answers
from legmon.nights.postures import Postures
from legmon.nights.report import NightReport, report, summary, whole, with_custody
from legmon.scoring.rules import RULES, Rules

log = logging.getLogger(__name__)

KEPT = 16
"""Reports in memory; a night of two legs takes about 2 MB."""
LOOK_S = 10.0
BATCH = 20
VERSION = f"legmon {__version__}, summary 3, {posture.VERSION}"
"""The version of the program that makes summaries. Another version makes them again."""


class NightReports:
    """Reports and summaries of the nights of one data folder.

    A report is kept in memory, and a summary in the catalog, as long as the night's revision stays the same. The revision is
    in the catalog: a change by another process is seen.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kept = DerivedData(catalog, VERSION)
        self.postures = Postures(catalog, self._kept)
        self._reports: OrderedDict[tuple[str, Rules], tuple[NightReport, str]] = OrderedDict()
        self._unfinished: dict[str, tuple[int, str]] = {}
        self._unreadable: dict[str, str] = {}
        self._lock = threading.Lock()

    def report(self, info: NightInfo, rules: Rules = RULES) -> NightReport:
        """Return the report of a night as it stands in the catalog."""
        return self._report(info, rules)[0]

    def _report(self, info: NightInfo, rules: Rules) -> tuple[NightReport, str]:
        """Return a report, and the state of the files of a closed night that gave less than the whole; empty else."""
        key = (info.id, rules)
        with self._lock:
            kept, files = self._reports.get(key, (None, ""))
        if kept is None or kept.info != info or (files and self.postures.have_changed(info.id, files)):
            kept, files = self._make(info, rules)
        with self._lock:
            self._reports[key] = (kept, files)
            self._reports.move_to_end(key)
            while len(self._reports) > KEPT:
                self._reports.popitem(last=False)
        return kept, files

    def _make(self, info: NightInfo, rules: Rules) -> tuple[NightReport, str]:
        info = self.postures.checked(info)
        files = self.postures.files(
            info.id, info.legs
        )  # before they are read: a change meanwhile is seen later
        r = report(self._catalog, info, self._catalog.tracks(info.id), rules, postures=self.postures)
        return r, "" if r.final or info.state != "closed" else files

    def night(self, info: NightInfo, rules: Rules = RULES) -> answers.Night:
        """Return all that a night's page shows."""
        r = self.report(info, rules)
        earlier, later = self._catalog.neighbours(info.id)
        return whole(r, self.usual(r), earlier, later)

    def page(self, rules: Rules = RULES, *, limit: int = 50, before: str | None = None) -> answers.NightsPage:
        """Return a page of the list, the newest first: nights that began before the night `before`."""
        infos = self._catalog.nights(limit + 1, before=before)
        earlier = infos[limit - 1].id if len(infos) > limit else None
        nights = self._summaries(infos[:limit], rules)
        unlisted = len(self._catalog.unknown_recordings())
        return answers.NightsPage(nights, self._catalog.count(), earlier, unlisted)

    def page_with(self, info: NightInfo, rules: Rules = RULES, *, limit: int = 50) -> answers.NightsPage:
        """Return the first page of the list, or, if the night is not in it, the page that begins with the night."""
        page = self.page(rules, limit=limit)
        if any(n.id == info.id for n in page.nights):
            return page
        _, later = self._catalog.neighbours(info.id)
        return self.page(rules, limit=limit, before=later)

    def _summaries(self, infos: list[NightInfo], rules: Rules) -> list[answers.NightSummary]:
        kept = self._valid_summaries(infos, rules)
        return [with_custody(n, _stored(kept.get(n.id)) or self._summarise(n, rules)) for n in infos]

    def _valid_summaries(self, infos: list[NightInfo], rules: Rules) -> dict[str, str]:
        """Return the kept summaries (JSON) by night, without those whose files have changed."""
        return {
            night: kept.value
            for night, kept in self._kept.summaries(infos, rules).items()
            if not kept.files or not self.postures.have_changed(night, kept.files)
        }

    def _summarise(self, info: NightInfo, rules: Rules) -> answers.NightSummary:
        """Return the summary of a night, and keep it if the night is closed and the catalog can be written."""
        r, files = self._report(info, rules)
        found = summary(r)
        try:
            self._keep(r, found, files)
        except CATALOG_ERRORS as error:
            log.warning("the summary of night %s cannot be kept: %s", info.id, error)
        return found

    def _keep(self, r: NightReport, found: answers.NightSummary, files: str) -> None:
        """Keep the summary of a closed night, with the state of its files where they gave less than the whole."""
        if r.info.state == "closed":
            self._kept.keep_summary(r.info, r.rules, KeptSummary(found.to_json(), files))

    def usual(self, r: NightReport) -> Usual:
        """Return what was usual before a night, under the same rules."""
        legs = self._catalog.legs_before(r.info.id)
        other = sum(1 for one in legs if one != r.info.legs)
        found = usual(summary(r).comparable, self._before(r))
        return replace(found, earlier=len(legs), other_legs=other)

    def _before(self, r: NightReport) -> Iterator[Comparable]:
        """Go through the nights before a night that may be compared with it, the newest first."""
        done = 0
        while infos := self._kept.comparable(
            r.info, least_s=USABLE_S, coverage=COVERAGE, skip=done, limit=BATCH
        ):
            done += len(infos)
            for found in self._summaries(infos, r.rules):
                yield found.comparable

    def fill(self, ended: threading.Event) -> None:
        """Make missing summaries in the background, the newest night first, until `ended` is set. Usually none is missing."""
        while not ended.is_set():
            try:
                self._add_unknown(ended)
                missing = self._missing()
                for info in missing:
                    self._try_to_fill(info, ended)
            except CATALOG_ERRORS as error:  # a request reports it, too
                log.warning("summaries cannot be kept now: %s", error)
                missing = []
            except Exception:
                log.exception("missing summaries cannot be looked for now")
                missing = []
            if not missing:
                ended.wait(LOOK_S)

    def _add_unknown(self, ended: threading.Event) -> None:
        """Add the nights that have a recording and are not in the catalog, one after another.

        The night that a recorder is recording is left to it. A night that cannot be read is tried again when its files change.
        """
        for night in self._catalog.unknown_recordings():
            files = self.postures.files(night, BOTH)
            if ended.is_set() or self._unreadable.get(night) == files:
                continue
            began = time.monotonic()
            found = try_to_add(
                self._catalog, night, closed_only=is_locked(self._catalog.folder / RECORDER_LOCK)
            )
            if found is not None and found.movements is None and not found.is_open:
                self._unreadable[night] = files
                log.warning("night %s cannot be added to the catalog: %s", night, " ".join(found.problems))
            ended.wait(time.monotonic() - began)  # requests come first

    def _missing(self) -> list[NightInfo]:
        """Return closed nights without valid summaries, but for those that gave none and are as they were then."""
        rule_sets = len(get_args(Rules))
        infos = self._kept.without_summaries(rule_sets, limit=BATCH + len(self._unfinished))
        changed = [n for n, files in self._kept.partial_summaries() if self.postures.have_changed(n, files)]
        if changed:
            infos += self._catalog.named(changed[:BATCH])
        return [n for n in infos if self._unfinished.get(n.id) != self._state(n)]

    def _state(self, info: NightInfo) -> tuple[int, str]:
        return info.revision, self.postures.files(info.id, info.legs)

    def _try_to_fill(self, info: NightInfo, ended: threading.Event) -> None:
        """Make the summaries of a night; one that gives none is left alone until the night or its files change.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            If the catalog cannot be read or written.
        """
        state = self._state(info)
        try:
            self._fill(info, ended)
        except CATALOG_ERRORS:
            raise
        except Exception:
            log.exception("the summaries of night %s cannot be made", info.id)
            self._unfinished[info.id] = state
        else:
            self._unfinished.pop(info.id, None)

    def _fill(self, info: NightInfo, ended: threading.Event) -> None:
        for rules in get_args(Rules):
            if ended.is_set():
                return
            began = time.monotonic()
            if not self._valid_summaries([info], rules):
                r, files = self._make(info, rules)
                self._keep(r, summary(r), files)
            ended.wait(time.monotonic() - began)  # requests come first


def _stored(text: str | None) -> answers.NightSummary | None:
    """Return a kept summary; None if there is none, or it is damaged."""
    try:
        return None if text is None else answers.NightSummary.from_json(text)
    except (ValueError, TypeError):
        return None
