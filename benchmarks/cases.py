"""Score a folder of small files with known right answers, and count how many are right: ``python -m benchmarks.cases FOLDER``.

The files are not part of this repository. Each is read with ``legmon score``, once for a program and once for a person. A
row of `CASES` is the right answer: movements, periodic movements and series, and what the answer must say of the file. Whatever
was left out or settled must be said in the JSON *and* on the terminal; otherwise the case is wrong.
"""

import argparse
import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from legmon.cli import main as legmon


@dataclass(frozen=True, slots=True)
class Case:
    """The right answer for a file.

    Parameters
    ----------
    kind : str
        What is wrong or unusual with the file.
    counts : tuple of int
        Movements, periodic movements and series; the last ones may be left out.
    events : bool
        Whether the file holds movements, not samples.
    rules : str
        The rule set.
    said : sequence of str
        Words that the notes of the answer and the terminal hold, in any case; of ``a|b`` one.
    values : mapping
        Values of the answer, by path, within 0.6.
    gaps : sequence of (start, end), optional
        The gaps, s, each bound within `NEAR_S`.
    refused : sequence of str
        Words of a refusal that would be right as well.
    """

    kind: str
    counts: tuple[int, ...]
    events: bool = True
    rules: str = "wasm2016"
    said: tuple[str, ...] = ()
    values: tuple[tuple[str, float], ...] = ()
    gaps: tuple[tuple[float, float], ...] | None = None
    refused: tuple[str, ...] = ()


NEAR_S: Final = 0.15
FIVE, SIX, ELEVEN = (5, 5, 1), (6, 6, 1), (11, 11, 2)


def _ankle(kind: str, counts: tuple[int, ...] = FIVE, **more: Any) -> Case:
    return Case(kind, counts, events=False, **more)


_HELD_22 = ((40.0, 62.0),)
CASES: Final[dict[str, Case]] = {
    "00_base.csv": _ankle("plain", gaps=()),
    "01_annotations_only_rec0.edf": Case("EDF+", ELEVEN),
    "01c_control_with_signal.edf": Case("plain", ELEVEN),
    "02_rk_stages.edf": Case(
        "words", ELEVEN, rules="aasm", values=(("details.sleep.periodic_per_hour_asleep", 69.5),)
    ),
    "02c_control_aasm_stages.edf": Case(
        "plain", ELEVEN, rules="aasm", values=(("details.sleep.periodic_per_hour_asleep", 69.5),)
    ),
    "03_negative_onset_lm.edf": Case("EDF+", ELEVEN, said=("before",)),
    "04_latin1_comment.edf": Case("EDF+", ELEVEN),
    "05_edfplus_d_gap.edf": Case("EDF+", (12,), gaps=((300.0, 400.0),), values=(("duration_s", 700.0),)),
    "06_zero_duration.edf": Case("EDF+", (0, 0, 0), said=("length",), refused=("length",)),
    "06b_no_duration.edf": Case("EDF+", (0, 0, 0), said=("length",), refused=("length",)),
    "07_R_leg_movement.edf": Case("words", (11, 11)),
    "10_luna_plus_duration.annot": Case("Luna", SIX),
    "11_luna_clock_grouped.annot": Case(
        "Luna", SIX, rules="aasm", values=(("details.sleep.hours_asleep", 1 / 6),)
    ),
    "11c_control_clock_in_order.annot": Case("plain", SIX, rules="aasm"),
    "12_luna_3_columns.annot": Case("Luna", SIX),
    "13_luna_epoch.annot": Case("Luna", SIX, values=(("details.sleep.hours_asleep", 1 / 6),)),
    "44_annot_spaces.annot": Case("Luna", SIX),
    "44b_annot_dates.annot": Case("Luna", SIX),
    "44c_annot_dots.annot": Case("Luna", SIX),
    "15_series_drawn_as_PLM.edf": Case("words", SIX, said=("series",)),
    "16_nsrr_arousal_plm.edf": Case("words", SIX),
    "17_resmed_eve.edf": Case("words", (0, 0, 0), said=("no leg movement",), refused=("no leg movement",)),
    "18_nsrr.xml": Case("other formats", SIX, values=(("details.sleep.hours_asleep", 1 / 6),)),
    "19_bids_events.tsv": Case("other formats", SIX, values=(("details.sleep.hours_asleep", 1 / 6),)),
    "39_remlogic.txt": Case("other formats", SIX),
    "20_whole_seconds.csv": _ankle("time axis", gaps=()),
    "21_three_per_stamp_25hz.csv": _ankle("time axis", gaps=()),
    "22_tenths_50hz.csv": _ankle("time axis", gaps=()),
    "23_m_s2.csv": _ankle("units", said=("m/s",), refused=("m/s",)),
    "29_mg.csv": _ankle("units", said=("mg",), refused=("mg",)),
    "24_zeros_22s.csv": _ankle("drop-outs", (4, 0, 0), gaps=_HELD_22),
    "24b_zeros_6s_each.csv": _ankle("drop-outs", (), gaps=((18.0, 24.0), (38.0, 44.0))),
    "25_last_value_22s.csv": _ankle("drop-outs", (4, 0, 0), gaps=_HELD_22),
    "25b_last_value_5s_each.csv": _ankle("drop-outs", (), gaps=((20.0, 25.0), (40.0, 45.0))),
    "26_dst_back.csv": _ankle("time axis", said=("hour", "twice"), refused=("hour", "twice")),
    "26b_two_samples_swapped.csv": _ankle("time axis", said=("order",), gaps=()),
    "27_jump_35h.csv": _ankle("time axis", (5,), gaps=((60.0, 129054.0),)),
    "27b_clock_set_1970_2023.csv": _ankle("time axis", (5,), said=("clock",)),
    "28_nan_gap.csv": _ankle("drop-outs", (4,), gaps=_HELD_22),
    "28b_empty_gap.csv": _ankle("drop-outs", (4,), gaps=_HELD_22),
    "32b_three_zero_rows.csv": _ankle("drop-outs"),
    "33_bangle_accellog_raw.csv": _ankle("presets", said=("8,192|8192",)),
    "33b_header_renamed_raw.csv": _ankle("units", said=("8,192|8192", "millisecond|ms")),
    "33c_header_renamed_ms_g.csv": _ankle("units", said=("millisecond|ms",)),
    "34_metabase.csv": _ankle("presets", (3,), said=("MetaBase",)),
    "35_phyphox.csv": _ankle("presets", (3,), said=("phyphox",)),
    "35b_phyphox_decimal_comma.csv": _ankle("presets", (3,), said=("phyphox",)),
    "36_actilife_raw.csv": _ankle("presets", said=("ActiLife",)),
    "37_empatica_acc.csv": _ankle("presets", said=("Empatica",)),
    "38_omgui.csv": _ankle("presets", (4, 4, 1), said=("OMGUI",)),
    "40b_lm_r_class.annot": Case("words", SIX, values=(("details.legs.right.movements", 3),)),
    "40c_control_LAT_RAT.annot": Case("words", (6, 6), values=(("details.legs.both.movements", 6),)),
    "41_quoted_header.csv": _ankle("presets"),
    "41b_extra_column.csv": _ankle("presets"),
    "41c_time_x_y_z.csv": _ankle("presets"),
    "41d_base.csv.gz": _ankle("presets"),
    "42_header_month.edf": Case("plain", ELEVEN),
    "43_no_timekeeping.edf": Case("plain", ELEVEN),
    "45_two_scorers.edf": Case("words", ELEVEN, said=("disagree|differ",)),
    "45b_two_scorers_other_order.edf": Case("words", ELEVEN, said=("disagree|differ",)),
    "46_two_scorers_agree.edf": Case(
        "words", ELEVEN, values=(("details.sleep.periodic_per_hour_asleep", 66.0),)
    ),
}


def command(*arguments: str) -> tuple[int, str, str]:
    """Run ``legmon`` in this process. Return its status, its output and its complaints."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv, status = sys.argv, ["legmon", *arguments], 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            legmon()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except Exception as e:  # noqa: BLE001 (a crash is an answer, too)
        return 99, out.getvalue(), f"{type(e).__name__}: {e}"
    finally:
        sys.argv = before
    return status, out.getvalue(), err.getvalue()


def wrong(path: Path, case: Case) -> str:
    """Return what is wrong with the answer for a file; empty if it is right."""
    asked = ("score", "--events" if case.events else "--left", str(path), "--rules", case.rules)
    status, out, err = command(*asked, "--json")
    if status:
        return (
            ""
            if status == 2 and case.refused and _holds(err, case.refused)
            else f"status {status}: {err.strip()}"
        )
    answer = json.loads(out)
    indices = answer["indices"]
    found = (indices["movements"], indices["periodic"], indices["series"])
    if case.counts != found[: len(case.counts)]:
        return f"{found}; right is {case.counts}"
    for name, right in case.values:
        value = answer
        for part in name.split("."):
            value = value[part] if value else None
        if value is None or abs(value - right) > 0.05 * max(abs(right), 1e-9):
            return f"{name} is {value}; right is {right:g}"
    if case.gaps is not None and (odd := _other_gaps(answer["gaps"], case.gaps)):
        return odd
    notes = json.dumps(answer["details"]["notes"])
    status, out, err = command(*asked)
    if status:
        return f"on the terminal, status {status}: {err.strip()}"
    terminal = " ".join(out.split())
    for text, where in ((notes, "the JSON"), (terminal, "the terminal")):
        if not _holds(text, case.said):
            return f"{where} does not say {', '.join(case.said)}"
    return ""


def _other_gaps(found: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> str:
    """Return how gaps differ from the right ones; of those of a kind, the first two are known."""
    compared = found[: len(right)] if len(right) == 2 else found
    same = len(compared) == len(right) and all(
        abs(a - b) <= NEAR_S for x, y in zip(compared, right, strict=True) for a, b in zip(x, y, strict=True)
    )
    return "" if same else f"the gaps are {found[:3]}; right are {list(right)}"


def _holds(text: str, words: Sequence[str]) -> bool:
    return all(any(w.lower() in text.lower() for w in choice.split("|")) for choice in words)


def main() -> int:
    """Read the files and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", help="cases whose name holds this text")
    args = parser.parse_args()
    right: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    for name, case in CASES.items():
        if (args.only or "") not in name or not (args.folder / name).exists():
            continue
        why = wrong(args.folder / name, case)
        all_of[case.kind] += 1
        right[case.kind] += not why
        print(f"{'wrong' if why else 'right'}  {name}  {why}", flush=True)
    print("\n| kind | right | of |\n|---|---|---|")
    for kind, count in sorted(all_of.items()):
        print(f"| {kind} | {right[kind]} | {count} |")
    print(f"| all | {right.total()} | {all_of.total()} |")
    return 0 if right == all_of else 1


if __name__ == "__main__":
    sys.exit(main())
