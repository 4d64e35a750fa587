"""Reports of nights, kept while nothing changes them, and summaries of all nights for the list and for what is usual."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import get_args

from sqlalchemy.exc import SQLAlchemyError

from legmon import __version__
from legmon.catalog.derived import DerivedData
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.night import posture
from legmon.night.usual import COVERAGE, USABLE_S, Comparable, Usual, usual
from legmon.nights import answers
from legmon.nights.postures import FileState, Postures
from legmon.nights.report import NightReport, report, summary, whole
from legmon.scoring.rules import RULES, Rules

log = logging.getLogger(__name__)

KEPT = 16
"""Reports in memory; a night of two legs takes about 2 MB."""
LOOK_S = 10.0
BATCH = 20
VERSION = f"legmon {__version__}, summary 1, {posture.VERSION}"
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
        self._reports: OrderedDict[tuple[str, Rules], tuple[NightReport, list[FileState] | None]] = (
            OrderedDict()
        )
        self._unfinished: dict[str, tuple[int, list[FileState]]] = {}
        self._lock = threading.Lock()

    def report(self, info: NightInfo, rules: Rules = RULES) -> NightReport:
        """Return the report of a night as it stands in the catalog."""
        key = (info.id, rules)
        with self._lock:
            kept, files = self._reports.get(key, (None, None))
        if kept is None or kept.info != info or files != self._files(kept):
            files = self.postures.files(info)
            kept = self._make(info, rules)
            files = files if self._files(kept) is not None else None
        with self._lock:
            self._reports[key] = (kept, files)
            self._reports.move_to_end(key)
            while len(self._reports) > KEPT:
                self._reports.popitem(last=False)
        return kept

    def _files(self, r: NightReport) -> list[FileState] | None:
        """Return the files of a closed night that could not be read whole: it is read again when they change."""
        return None if r.final or r.info.state != "closed" else self.postures.files(r.info)

    def _make(self, info: NightInfo, rules: Rules) -> NightReport:
        return report(self._catalog, info, self._catalog.tracks(info.id), rules, postures=self.postures)

    def night(self, info: NightInfo, rules: Rules = RULES) -> answers.Night:
        """Return all that a night's page shows."""
        r = self.report(info, rules)
        earlier, later = self._catalog.neighbours(info.id)
        return whole(r, self.usual(r), earlier, later)

    def page(self, rules: Rules = RULES, *, limit: int = 50, before: str | None = None) -> answers.NightsPage:
        """Return a page of the list, the newest first: nights that began before the night `before`."""
        infos = self._catalog.nights(limit + 1, before=before)
        earlier = infos[limit - 1].id if len(infos) > limit else None
        return answers.NightsPage(self._summaries(infos[:limit], rules), self._catalog.count(), earlier)

    def page_with(self, info: NightInfo, rules: Rules = RULES, *, limit: int = 50) -> answers.NightsPage:
        """Return the first page of the list, or, if the night is not in it, the page that begins with the night."""
        page = self.page(rules, limit=limit)
        if any(n.id == info.id for n in page.nights):
            return page
        _, later = self._catalog.neighbours(info.id)
        return self.page(rules, limit=limit, before=later)

    def _summaries(self, infos: list[NightInfo], rules: Rules) -> list[answers.NightSummary]:
        kept = self._kept.summaries(infos, rules)
        return [
            answers.NightSummary.from_json(kept[n.id])
            if n.id in kept
            else self._summarise(self.report(n, rules))
            for n in infos
        ]

    def _summarise(self, r: NightReport) -> answers.NightSummary:
        """Return the summary of a night, and keep it if the night is closed and was read whole."""
        found = summary(r)
        if r.final:
            self._kept.keep_summary(r.info, r.rules, found.to_json())
        return found

    def usual(self, r: NightReport) -> Usual:
        """Return what was usual before a night, under the same rules."""
        return usual(summary(r).comparable, self._before(r))

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
                missing = self._missing()
                for info in missing:
                    self._fill(info, ended)
            except (SQLAlchemyError, LegmonError, ValueError, OSError) as error:  # a request reports it, too
                log.warning("a summary cannot be made now: %s", error)
                missing = []
            if not missing:
                ended.wait(LOOK_S)

    def _missing(self) -> list[NightInfo]:
        """Return closed nights without summaries, but for those whose files are as they were when they gave none."""
        rule_sets = len(get_args(Rules))
        infos = self._kept.without_summaries(rule_sets, limit=BATCH + len(self._unfinished))
        return [n for n in infos if self._unfinished.get(n.id) != (n.revision, self.postures.files(n))]

    def _fill(self, info: NightInfo, ended: threading.Event) -> None:
        state = (info.revision, self.postures.files(info))
        final = True
        for rules in get_args(Rules):
            if ended.is_set():
                return
            began = time.monotonic()
            if not self._kept.summaries([info], rules):
                try:
                    r = self._make(info, rules)
                except (LegmonError, ValueError, OSError):
                    self._unfinished[info.id] = state
                    raise
                self._summarise(r)
                final = final and r.final
            ended.wait(time.monotonic() - began)  # requests come first
        if final:
            self._unfinished.pop(info.id, None)
        else:
            self._unfinished[info.id] = state
