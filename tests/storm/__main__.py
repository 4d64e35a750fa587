"""``python -m tests.storm``: a simulated night over virtual BLE with faults of every kind, beside the same undisturbed."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter

from tests.storm.faults import FAULTS, Seen, toothless
from tests.storm.verdict import compare
from tests.storm.world import StormError, World

WALL_S_A_FAULT = 4.5
SCENARIO = """duration: {hours}h
seed: {seed}
movements_per_hour: 40
body:
  series: {{interval_s: {{median: 21, sigma: 0.3}}, length: 16, gap_min_s: 60}}
  peak_mg: {{median: 100, sigma: 0.8}}
  large_per_hour: 4
disturb: {{breath_mg: 4, bumps_per_hour: 10}}
"""


def main() -> int:
    """Run a storm; exit status 0 when nothing was lost and every fault had its effect, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0, help="of the night")
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("--kinds", help="only these, separated by commas: " + ", ".join(FAULTS))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", action="store_true", help="leave the night's folder there, and say where")
    parser.add_argument(
        "--no-backfill", action="store_true", help="a sensor without a buffer: this must fail"
    )
    parser.add_argument("--toothless", action="store_true", help="faults that do nothing: this must fail")
    args = parser.parse_args()
    kinds = args.kinds.split(",") if args.kinds else list(FAULTS)
    if unknown := set(kinds) - set(FAULTS):
        parser.error(f"unknown kinds of fault: {', '.join(sorted(unknown))}")
    print(f"storm: seed {args.seed}, {args.faults} faults in {args.hours:g} h", file=sys.stderr, flush=True)
    try:
        answer = storm(args.hours, args.faults, args.seed, kinds, args)
    except StormError as e:
        answer = {"error": str(e)}
    print(json.dumps(answer, indent=None if args.json else 1), flush=True)
    good = (
        "error" not in answer
        and answer["identical"]
        and not answer["gaps_unnamed"]
        and not answer["tracebacks"]
    )
    return 0 if good else 1


def drawn(kinds: list[str], faults: int, seed: int) -> list[str]:
    """Draw an order of faults in which every kind comes about as often; in a short storm, which ones come at all."""
    draws = random.Random(seed)
    kinds = draws.sample(kinds, len(kinds))
    plan = [kinds[k % len(kinds)] for k in range(faults)]
    draws.shuffle(plan)
    return plan


def storm(
    hours: float, faults: int, seed: int, kinds: list[str], args: argparse.Namespace
) -> dict[str, object]:
    """Carry out the faults, close the night, compare it."""
    draws, plan = random.Random(seed), drawn(kinds, faults, seed)
    speed = max(hours * 3600 / (faults * WALL_S_A_FAULT + 10), 1.0)
    scenario = SCENARIO.format(hours=round(hours * 3, 3), seed=seed % 100_000)
    world = World(scenario, speed=speed, buffer=0 if args.no_backfill else 2_000_000)
    seen: list[tuple[str, Seen]] = []
    try:
        world.flows(60)
        began = time.monotonic()
        for number, kind in enumerate(plan):
            try:
                world.flows()
            except StormError as e:
                print(world.last_words(), file=sys.stderr)
                raise StormError(f"before fault {number + 1}, after {plan[number - 1]}: {e}") from e
            due = began + hours * 3600 / speed * number / max(faults, 1)
            time.sleep(min(max(due - time.monotonic(), 0.0), 30.0) + draws.uniform(0.0, 0.3))
            try:
                effect = (toothless if args.toothless else FAULTS[kind])(world, draws)
            except (StormError, AssertionError) as e:
                print(world.last_words(), file=sys.stderr)
                raise StormError(f"fault {number + 1}, {kind}: {e}") from e
            seen.append((kind, effect))
            at = time.monotonic() - began
            print(f"{at:7.1f} s  {number + 1:3d}/{faults}  {kind}: {effect.effect}"
                  + (f"; back after {effect.reconnect_s:.1f} s" if effect.reconnect_s is not None else ""),
                  file=sys.stderr, flush=True)  # fmt: skip
        time.sleep(max(began + hours * 3600 / speed - time.monotonic(), 0.0))
        night = world.catalog.night("last").id
        world.catalog.want("off")
        world.wait(lambda: world.catalog.night(night).state == "closed", 120, "the night is closed")
        wall_s = time.monotonic() - began
        segment = world.segment
        if segment is None:
            raise StormError("there is no recording")
        live = list(world.catalog.tracks(night)[0].movements)
        v = compare(segment, world.log, world.scenario, live)
        waits = [(kind, e.reconnect_s) for kind, e in seen if e.reconnect_s is not None]
        silent = [s for kind, s in waits if kind in ("link_silent", "sensor_frozen")]
        lost = [s for kind, s in waits if kind not in ("link_silent", "sensor_frozen")]
        return {
            "seed": seed,
            "hours": round(v.hours, 2),
            "faults": dict(Counter(kind for kind, _ in seen)),
            "samples_expected": v.expected,
            "samples_while_restarting": v.restarting,
            "samples_lost": v.lost,
            "samples_duplicated": v.duplicated,
            "samples_wrong": v.wrong,
            "gaps_unnamed": v.unnamed,
            "gaps": v.gaps,
            "movements": v.movements,
            "identical": v.identical,
            "worst_reconnect_s": round(max(lost, default=0.0), 2),
            "worst_reconnect_silent_s": round(max(silent, default=0.0), 2),
            "tracebacks": world.tracebacks(),
            "speed": round(speed, 1),
            "wall_s": round(wall_s, 1),
        }
    finally:
        if args.keep:
            print(f"the night is in {world.folder}", file=sys.stderr)
        world.close(keep=args.keep)


if __name__ == "__main__":
    sys.exit(main())
