"""Choose what a replay plays, and follow its progress."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from legmon.catalog.clock import Clock
from legmon.catalog.file import CATALOG_ERRORS
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.exchange.playable import write_csv
from legmon.nights.custody import check_legs
from legmon.recording.files import read_segment

REPORTS: Final = 4
"""A replay reports its progress at each of so many equal parts."""
SCENARIOS, FILES = {".yaml", ".yml"}, {".csv"}


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """The source that a simulated sensor plays.

    Parameters
    ----------
    name : str
        The source in words, for a person.
    options : tuple of str
        Options of the simulated sensor that name the source.
    has_truth : bool
        Whether the true movements of the source are known.
    """

    name: str
    options: tuple[str, ...]
    has_truth: bool

    def sensor_options(self, output: Path) -> list[str]:
        """Return all options of the simulated sensor. The files that it writes have names that begin like `output`."""
        output.parent.mkdir(exist_ok=True)
        truth = ["--truth", f"{output}.truth.json"] if self.has_truth else []
        return [*self.options, "--progress", "--log", f"{output}.sent.jsonl", *truth]


def find_source(source: str, open_catalog: Callable[[], Catalog], folder: Path) -> ReplaySource:
    """Return what a person means by a file name or the id of a night.

    Parameters
    ----------
    source : str
        A CSV file, a scenario, the id of a night, or `last`.
    open_catalog : callable
        Opens the catalog that holds the night. Called only for a night.
    folder : Path
        Where a night's samples are written for the simulated sensor to read.

    Raises
    ------
    LegmonError
        If there is no such file or night, or it cannot be played.
    """
    path = Path(source)
    kind = path.suffix.lower()
    if kind in SCENARIOS | FILES:
        if not path.is_file():
            raise LegmonError(f"there is no file {path}")
        if kind in SCENARIOS:
            options: tuple[str, ...] = ("--scenario", str(path.absolute()))
            return ReplaySource(f"the scenario {path}", options, has_truth=True)
        leg = "right" if path.stem.lower() == "right" else "left"
        return ReplaySource(f"{path}", ("--play", str(path.absolute()), "--leg", leg), has_truth=False)
    if path.is_file():
        raise LegmonError(
            f"{path} cannot be played: it is neither a .csv file with the header time_s,x_g,y_g,z_g nor a scenario (.yaml)"
        )
    return _night_source(source, open_catalog(), folder)


def _night_source(name: str, catalog: Catalog, folder: Path) -> ReplaySource:
    """Write the first leg of a recorded night where the simulated sensor can read it."""
    try:
        info = catalog.night(name)
        info = check_legs(catalog, info, info.legs)
        track = next(iter(catalog.tracks(info.id)), None)
        if track is None or not track.anchors:
            raise LegmonError(f"night {info.id} holds no samples, so there is nothing to play")
        _, scale_ug = catalog.scales(info.id)[track.leg]
        file = folder / f"{info.id}.csv"
        write_csv(file, read_segment(catalog.segment(info.id, track.leg)), track, scale_ug)
    finally:
        catalog.close()
    options = ("--play", str(file), "--leg", track.leg)
    damaged = ", whose recording is damaged" if track.leg in info.damaged else ""
    return ReplaySource(f"the {track.leg} ankle of the night {info.id}{damaged}", options, has_truth=False)


@dataclass(frozen=True, slots=True)
class PlayedStream:
    """The stream that the simulated sensor plays, as it reports it."""

    leg: str
    rate_hz: int
    seconds: float

    @classmethod
    def parse(cls, line: str) -> "PlayedStream":
        """Parse the sensor's line: leg, rate (Hz) and length (s)."""
        leg, rate, seconds = line.split()
        return cls(leg, int(rate), float(seconds))

    def sentence(self, speed: float) -> str:
        """Return a sentence for a person about what is recorded and how long it takes."""
        return (
            f"Recording {_length(self.seconds)} of the {self.leg} ankle at {self.rate_hz} Hz over simulated Bluetooth,"
            f" {speed:g} times as fast as real time. It takes {_length(self.seconds / speed)}."
        )


class ReplayProgress:
    """Reports to a person how far a replay has come.

    Parameters
    ----------
    catalog : Catalog
        Where the recorder reports.
    clock : Clock
        The replay's clock. It separates the replay's reports from older ones.
    stream : PlayedStream
        The stream that the simulated sensor plays.
    report : callable
        Shows a sentence to a person.
    is_over : callable
        Whether the sensor has reported the end.
    """

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        stream: PlayedStream,
        report: Callable[[str], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._stream = stream
        self._report = report
        self._is_over = is_over
        self._reported = 0

    def is_over(self) -> bool:
        """Report each quarter once. Return whether all of it has been played."""
        state = None
        with contextlib.suppress(*CATALOG_ERRORS):  # the catalog is busy
            state = self._catalog.recorder()
        if state is not None and state.clock == self._clock and state.sensors:
            sensor = state.sensors[0]
            played_s = (sensor.samples + sensor.missing_samples) / self._stream.rate_hz
            part = int(REPORTS * played_s / self._stream.seconds)
            if self._reported < part < REPORTS:
                self._reported = part
                self._report(f"{100 * part // REPORTS} % is recorded ({_length(played_s)}).")
        return self._is_over()


def _length(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {s:02d} s" if minutes else f"{s} s"
