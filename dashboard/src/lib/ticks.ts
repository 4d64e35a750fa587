// Where the marks of an axis stand.

const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];

/** Round times of the recording's clock between two times, at most `most` of them. */
export function clockTicks(start: number, end: number, most: number, offset: number): number[] {
  const step = CLOCK_STEPS.find((s) => (end - start) / s <= most) ?? 86_400;
  const first = Math.ceil((start + offset) / step) * step - offset;
  return Array.from(
    { length: Math.max(0, Math.floor((end - first) / step) + 1) },
    (_, i) => first + i * step,
  );
}

/** Whole numbers from 0 to at least `largest`, about four of them, in steps of 1, 2 or 5 times a power of ten. */
export function countTicks(largest: number): number[] {
  const rough = Math.max(largest, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 5].find((s) => s * power >= rough) ?? 10) * power);
  return Array.from({ length: Math.ceil(Math.max(largest, 1) / step) + 1 }, (_, i) => i * step);
}
