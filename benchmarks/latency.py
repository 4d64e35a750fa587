"""How soon other programs hear of a movement: a simulated evening over virtual Bluetooth at speed 1, and one who listens.

``python -m benchmarks.latency --minutes 5``. For every true, visible leg movement that the night found it measures the time from
its true end to the first message after that end, and to its confirmation. Then it compares what was confirmed with the movements
that the recorded night lists.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np

import legmon
from legmon.catalog.store import Catalog
from legmon.recording.files import read_segment
from legmon.recording.records import Samples
from legmon.web import keys
from tests.conftest import sensor, started, until
from tests.test_recorder import info, recorder

SCENARIO = """\
# A dense evening: a movement every 14 s, of all strengths, and what moves besides.
scenario: 1
name: dense-evening
duration: 2h
seed: 1104
rate_error_percent: 1.0
movements_per_hour: 230
body:
  periodic_share: 0.9
  series: {interval_s: {median: 13.8, sigma: 0.15}, length: 40}
  peak_mg: {median: 85, sigma: 0.7}
  invisible_share: 0.1
  duration_s: {median: 3.0, sigma: 0.4}
  large_per_hour: 4
disturb: {breath_mg: 3, pulse_mg: 1, temperature_k: 6}
"""
SHORTEST_S, LONGEST_S = 0.5, 10.0


def main() -> None:
    """Record, listen, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--scenario", type=Path, help="another scenario than the dense evening")
    args = parser.parse_args()
    scenario = args.scenario.read_text() if args.scenario else SCENARIO
    with TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), scenario, 60.0 * args.minutes), indent=2))


def measure(folder: Path, scenario: str, seconds: float) -> dict[str, Any]:
    """Record an evening of so many seconds and return the figures."""
    data = folder / "data"
    catalog = Catalog(data)
    catalog.want("record", "left")
    heard: list[tuple[float, dict[str, Any]]] = []
    air = f"unix:{folder}/air"
    with (
        started("-m", "firmware_sim", "air", air, "--until-eof") as radio,
        started("-m", "legmon.web", "--data", str(data), "--port", "0") as web,
    ):
        radio.says("ready")
        address = web.says("ready")
        token = keys.bearer_token(data)

        def listen() -> None:
            for message in legmon.listen(address, token):
                heard.append((time.time(), message))
                if message["type"] == "night_ended":
                    return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        until(lambda: heard, what="hello")
        client = f"unix-client:{folder}/air"
        with (
            sensor(client, folder, "--speed", "1", scenario=scenario),
            started(*recorder(data, client, speed=1)) as recording,
        ):
            until(lambda: any(m["type"] == "night_started" for _, m in heard), what="the night begins")
            time.sleep(seconds)
            catalog.want("off")
            until(lambda: info(data).state == "closed", what="the night is closed")
            listener.join(60)
            recording.end()
        night = info(data).id
        listed = httpx.get(
            f"{address}/api/v1/nights/{night}/movements", headers={"Authorization": f"Bearer {token}"}
        ).json()["movements"]
    truth = json.loads((folder / "truth.json").read_text())
    return figures(truth, heard, listed, _taken_at(catalog, night, truth["rate_hz"]))


def _taken_at(catalog: Catalog, night: str, rate_hz: float) -> tuple[float, float]:
    """Return the wall time of the sensor's first sample as near as it can be known, and the seconds that were recorded.

    Nothing arrives before it was measured, so the earliest arrival, less the time of its last sample, is at most the delay of
    the quickest frame late.
    """
    records = [
        r for r in read_segment(catalog.segment(night, "left")) if isinstance(r, Samples) and r.arrival_ns
    ]
    first = min(r.arrival_ns / 1e9 - r.end / rate_hz for r in records)
    return first, records[-1].end / rate_hz


def figures(
    truth: dict[str, Any],
    heard: list[tuple[float, dict[str, Any]]],
    listed: list[dict[str, Any]],
    taken: tuple[float, float],
) -> dict[str, Any]:
    """Return the figures of what was heard.

    Parameters
    ----------
    truth : dict
        Of the simulator.
    heard : list of (float, dict)
        Wall time, Unix seconds, and message.
    listed : list of dict
        The movements of the recorded night.
    taken : (float, float)
        Wall time of the first sample, and seconds recorded.
    """
    zero, seconds = taken
    said = [(at - zero, m) for at, m in heard if m["type"] == "movement"]
    confirmed = [m for _, m in said if m["state"] == "confirmed"]
    told = [(at, m["movement"]["onset"] - zero, m["movement"]["offset"] - zero, m) for at, m in said]
    legs = [
        t
        for t in truth["movements"]
        if t["kind"] == "leg"
        and t["visible"]
        and SHORTEST_S <= t["offset_s"] - t["onset_s"] <= LONGEST_S
        and t["offset_s"] + LONGEST_S < seconds
    ]
    first, final, provisional = [], [], 0
    for t in legs:
        about = [x for x in told if x[1] < t["offset_s"] + 0.5 and t["onset_s"] < x[2] + 0.5]
        if not any(x[3]["state"] == "confirmed" for x in about):
            continue
        after = [x for x in about if x[0] >= t["offset_s"]]
        first.append(after[0][0] - t["offset_s"])
        provisional += after[0][3]["state"] == "provisional"
        final.append(next(x[0] for x in after if x[3]["state"] == "confirmed") - t["offset_s"])
    retracted = sum(m["state"] == "retracted" for _, m in said)
    return {
        "minutes": round(seconds / 60, 1),
        "true_movements": len(legs),
        "found": len(first),
        "first_message_s": _spread(first),
        "of_these_provisional": provisional,
        "confirmed_s": _spread(final),
        "messages": len(said),
        "retracted": retracted,
        "retracted_an_hour": round(retracted / (seconds / 3600), 1),
        "confirmed_equal_the_recorded_night": [_gist(m["movement"]) for m in confirmed]
        == [_gist(m) for m in listed],
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        name: round(float(np.percentile(values, q)), 2)
        for name, q in (("median", 50), ("p95", 95), ("max", 100))
    }


def _gist(movement: dict[str, Any]) -> tuple[object, ...]:
    return tuple(movement[k] for k in ("id", "leg", "kind", "candidate", "peak_mg"))


if __name__ == "__main__":
    main()
