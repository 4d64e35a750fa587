"""Which past nights of the demo are missing, and the processes that record them: the newest two first, the others behind."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, get_args

from rich.markup import escape

from legmon.app.demo_nights import PAST, STAGING, next_evening
from legmon.app.processes import Child, python_module
from legmon.catalog.store import Catalog
from legmon.catalog.zone import night_name
from legmon.errors import LegmonError
from legmon.movement import NS
from legmon.outside import read_state
from legmon.web.demo_state import DemoStep

KEPT: Final = "past.json"
"""The file that keeps for which evening and which sleeper the past nights were begun."""
FIRST: Final = 2
"""So many nights are recorded at once, before tonight begins."""


class PastNights:
    """The past nights of one demo.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the demo's folder, into which no other program records now.
    seed : int
        Chooses the simulated sleeper.
    show : callable
        Gets each sentence for the terminal.
    log : callable
        Returns the file that gets the complaints of a process, by its name.
    """

    def __init__(
        self, catalog: Catalog, seed: int, show: Callable[[str], None], log: Callable[[str], Path]
    ) -> None:
        self._catalog = catalog
        self._show = show
        self._log = log
        self._workers: list[Child] = []
        self._working: dict[int, float] = {}
        self._steps: dict[int, DemoStep] = {}
        folder = catalog.folder / "simulated"
        folder.mkdir(exist_ok=True, mode=0o700)
        for left in folder.glob(f"{STAGING}*/"):  # an interrupted demo left it
            shutil.rmtree(left, ignore_errors=True)
        self.tonight, self._seed = next_evening(catalog), seed
        self._missing = self._find_missing(folder / KEPT)

    @property
    def recorded(self) -> int:
        """How many past nights are recorded."""
        return self.total - len(self._missing)

    @property
    def total(self) -> int:
        """How many past nights there will be."""
        return len(PAST) if self._kept else 0

    @property
    def share(self) -> float:
        """Which share of the nights that are being recorded now is done."""
        return sum(self._working.values()) / len(self._working) if self._working else 0.0

    @property
    def step(self) -> DemoStep:
        """What is being done for the newest night that is being recorded."""
        return self._steps[max(self._steps)] if self._steps else ""

    @property
    def are_first_there(self) -> bool:
        """Whether the newest nights are recorded, so that tonight may begin."""
        return not self._missing or max(self._missing) < len(PAST) - FIRST

    def record_first(self) -> None:
        """Begin with the newest nights, each in a process of its own."""
        for number in sorted(self._missing, reverse=True):
            if number >= len(PAST) - FIRST:
                self._start([number])

    def record_others(self) -> None:
        """Record the others, the newest first, in a process that gives way to the recorder."""
        if self._missing:
            self._start(sorted(self._missing, reverse=True), "--behind")

    def look(self) -> None:
        """Note what has been recorded meanwhile.

        Raises
        ------
        LegmonError
            If a process ended before its nights were recorded.
        """
        for worker in list(self._workers):
            if has_ended := worker.process.poll() is not None:
                worker.drop()  # what it printed last has been read then
            for line in worker.lines():
                word, _, rest = line.partition(" ")
                number, _, value = rest.partition(" ")
                if word == "share":
                    self._working[int(number)] = float(value)
                elif word == "step":
                    self._steps[int(number)] = next(s for s in get_args(DemoStep) if s == value)
                elif word == "night":
                    self._recorded(int(number), value)
            if has_ended:
                self._workers.remove(worker)
                if worker.process.returncode:
                    self._failed(worker)

    def end(self) -> None:
        """End the processes. A night that is not whole is dropped."""
        for worker in self._workers:
            worker.drop()
        for left in (self._catalog.folder / "simulated").glob(f"{STAGING}*/"):
            shutil.rmtree(left, ignore_errors=True)

    def _start(self, numbers: list[int], *options: str) -> None:
        arguments = ["--data", str(self._catalog.folder), "--seed", str(self._seed)]
        arguments += ["--tonight", self._evening.isoformat(), *options, *map(str, numbers)]
        command = python_module("legmon.app.demo_recording", *arguments)
        self._working |= {numbers[0]: 0.0}
        self._workers.append(Child("recording of a past night", command, self._log("past-nights")))

    def _failed(self, worker: Child) -> None:
        if not self.are_first_there:
            raise LegmonError(worker.failure())
        self._working.clear()
        self._steps.clear()
        self._show(f"The other past nights are not there: {escape(worker.failure())}.")

    def _recorded(self, number: int, night: str) -> None:
        self._missing.discard(number)
        self._working.pop(number, None)
        self._steps.pop(number, None)
        info = self._catalog.night(night)
        began = datetime.fromtimestamp(info.started_ns / NS + info.utc_offset_s, UTC)
        self._show(
            f"Night {self.recorded} of {self.total}: {began:%A} {began.day} {began:%B}, {info.movements} leg movements,"
            f" {info.periodic} in series."
        )

    def _find_missing(self, file: Path) -> set[int]:
        """Return the numbers of the nights that are missing. A folder that has other nights gets no past ones."""
        self._kept = True
        self._evening = self.tonight
        try:
            kept = read_state(file)
            self._evening, self._seed = date.fromisoformat(kept["tonight"]), int(kept["seed"])
        except (OSError, ValueError, KeyError, TypeError):
            if self._catalog.count():
                self._kept = False
                return set()
            file.write_text(
                json.dumps({"tonight": self.tonight.isoformat(), "seed": self._seed}), encoding="utf-8"
            )
        self.tonight = max(self.tonight, self._evening)
        names = {n: night_name(PAST[n].past_ns(self._evening)) for n in range(len(PAST))}
        there = {info.id for info in self._catalog.named(names.values())}
        return {n for n, name in names.items() if name not in there}
