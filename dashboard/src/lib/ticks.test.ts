import { expect, test } from "vitest";
import { clockTicks, countTicks } from "./ticks";

test("ticks stand on round times of the recording's own clock", () => {
  const offset = 20_700; // Kathmandu, 5 h 45 min east
  const ticks = clockTicks(0, 8 * 3600, 8, offset);
  expect(ticks.every((t) => (t + offset) % 3600 === 0)).toBe(true);
  expect(ticks[0]).toBe(900);
  expect(ticks).toHaveLength(8);
});

test("ticks become finer as the view narrows, and never too many", () => {
  expect(clockTicks(100, 104, 5, 0)).toEqual([100, 101, 102, 103, 104]);
  for (const span of [2, 37, 61, 700, 5000, 36_000]) {
    expect(clockTicks(7, 7 + span, 6, 3600).length).toBeLessThanOrEqual(7);
  }
});

test.each([
  [0, [0, 1]],
  [3, [0, 1, 2, 3]],
  [7, [0, 2, 4, 6, 8]],
  [41, [0, 20, 40, 60]],
  [100, [0, 50, 100]],
])("counts up to %d", (largest, ticks) => expect(countTicks(largest)).toEqual(ticks));
