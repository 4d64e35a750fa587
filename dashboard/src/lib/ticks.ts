// Positions of the ticks on an axis.
import { offsetAt, type Zone } from "./clock";

const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];

/** Returns about `most` round times of the recording's clock between two moments, across clock changes. */
export function clockTicks(start: number, end: number, most: number, zone: Zone): number[] {
  const step = CLOCK_STEPS.find((s) => (end - start) / s <= most) ?? 86_400;
  const cuts = (zone.changes ?? []).map((change) => change.at).filter((at) => at > start && at < end);
  const edges = [start, ...cuts, end];
  return edges.slice(0, -1).flatMap((from, i) => {
    const to = edges[i + 1] ?? end;
    const last = i === edges.length - 2;
    const offset = offsetAt(from, zone);
    const first = Math.ceil((from + offset) / step) * step - offset;
    const count = Math.max(0, Math.floor((to - first) / step) + 1);
    const ticks = Array.from({ length: count }, (_, k) => first + k * step);
    return last ? ticks : ticks.filter((tick) => tick < to - step / 2);
  });
}

/** Returns about four whole numbers from 0 to at least `largest`, in steps of 1, 2 or 5 times a power of ten. */
export function countTicks(largest: number): number[] {
  const rough = Math.max(largest, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 5].find((s) => s * power >= rough) ?? 10) * power);
  return Array.from({ length: Math.ceil(Math.max(largest, 1) / step) + 1 }, (_, i) => i * step);
}

/** Returns the minutes of an hour that are written above rows so many pixels wide; the full hours at both ends count. */
export function clockTicksOfHour(pixels: number): number[] {
  const step = [5, 10, 15, 20, 30].find((minutes) => (pixels * minutes) / 60 >= 44) ?? 60;
  return Array.from({ length: 60 / step + 1 }, (_, i) => i * step);
}
