"""Count the minutes in which lying is detected wrongly, on simulated nights with known walks.

    uv run python -m benchmarks.lying [--json]

The nights are the golden nights and those of ``tests/nights`` with a walk. A minute is wrong if the posture is lying during
a walk, or not lying outside a walk.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from legmon.app.simulator import run_simulator
from legmon.exchange.capture import read_capture
from legmon.night.lying import axis_of_walking, stretches
from legmon.night.posture import Posture, PostureReader
from legmon.recording.records import Gap, Meta, Samples

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Wrong:
    """Wrong minutes of one night, and whether the axis of the shank was found."""

    night: str
    calibrated: bool
    hours: float
    up_min: float
    missed_min: float
    invented_min: float
    not_worn_min: float

    @property
    def wrong_min(self) -> float:
        """Return the sum of the wrong minutes."""
        return self.missed_min + self.invented_min


def nights() -> list[Path]:
    """Return every scenario, of the golden nights and of the tests, in order."""
    return sorted((ROOT / "firmware_sim" / "golden").glob("*.yaml")) + sorted(
        (ROOT / "tests" / "nights").glob("*.yaml")
    )


def read_posture(capture: Path) -> tuple[Posture, float]:
    """Return the samples of a captured night, and its declared rate."""
    night = read_capture(capture)
    meta = Meta(
        "n",
        night.leg,
        "",
        "",
        float(night.format.rate_hz),
        night.format.scale_ug,
        night.format.range_g,
        simulated=True,
    )
    reader = PostureReader(meta)
    end = 0
    for at_us, frame in night.frames():
        if frame.first > end:
            reader.feed(Gap(end, frame.first - end, "not_sent"))
        end = frame.first + len(frame.xyz)
        reader.feed(Samples(frame.first, at_us * 1000, frame.t_us, frame.xyz))
    return reader.posture(), float(night.format.rate_hz)


def count_wrong(scenario: Path, folder: Path) -> Wrong:
    """Simulate one night and compare, second by second of true time."""
    capture = folder / f"{scenario.stem}.capture"
    run_simulator(["capture", str(scenario), "-o", str(capture)])
    posture, _ = read_posture(capture)
    truth = json.loads(capture.with_suffix(".truth.json").read_text())
    rate = truth["rate_hz"]
    axis = axis_of_walking(posture)
    found = stretches(posture, axis)
    walks = [(m["onset_s"], m["offset_s"]) for m in truth["movements"] if m["kind"] == "locomotion"]
    up = [(s.first / rate, s.end / rate) for s in found if s.state in {"upright", "walking"}]
    off = sum(s.end - s.first for s in found if s.state == "not_worn") / rate
    both = sum(max(min(b, d) - max(a, c), 0) for a, b in walks for c, d in up)
    walked, detected = (sum(b - a for a, b in x) for x in (walks, up))
    return Wrong(
        scenario.stem,
        axis is not None,
        round(truth["duration_s"] / 3600, 2),
        round(walked / 60, 2),
        round((walked - both) / 60, 2) if axis is not None else 0.0,
        round((detected - both) / 60, 2),
        round(off / 60, 2),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line for each night."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        results = [count_wrong(scenario, Path(folder)) for scenario in nights()]
    if args.json:
        print(json.dumps([{**asdict(w), "wrong_min": w.wrong_min} for w in results]))
        return
    print("night                 axis  hours  on feet  wrong  (missed, invented)  not worn, min")
    for w in results:
        wrong = (
            f"{w.wrong_min:6.2f}  ({w.missed_min:.2f}, {w.invented_min:.2f})"
            if w.calibrated
            else "     –  (no walk)"
        )
        print(
            f"{w.night:20} {'yes' if w.calibrated else 'no':>5} {w.hours:6.1f} {w.up_min:8.1f} {wrong:22} {w.not_worn_min:8.1f}"
        )


if __name__ == "__main__":
    main()
