import { expect, test } from "vitest";
import { clock } from "./clock";
import { clockTicks, countTicks } from "./ticks";

test("ticks stand on round times of the recording's own clock", () => {
  const offset = 20_700; // Kathmandu, 5 h 45 min east
  const ticks = clockTicks(0, 8 * 3600, 8, { utc_offset_s: offset });
  expect(ticks.every((t) => (t + offset) % 3600 === 0)).toBe(true);
  expect(ticks[0]).toBe(900);
  expect(ticks).toHaveLength(8);
});

test("ticks become finer as the view narrows, and never too many", () => {
  const zone = { utc_offset_s: 3600 };
  expect(clockTicks(100, 104, 5, { utc_offset_s: 0 })).toEqual([100, 101, 102, 103, 104]);
  for (const span of [2, 37, 61, 700, 5000, 36_000]) {
    expect(clockTicks(7, 7 + span, 6, zone).length).toBeLessThanOrEqual(7);
  }
});

const utc = (...parts: [number, number, number, number, number?]) => Date.UTC(...parts) / 1000;

test.each([
  [
    "Paris, autumn: two o'clock comes twice",
    { utc_offset_s: 7200, changes: [{ at: utc(2026, 9, 25, 1), utc_offset_s: 3600 }] },
    utc(2026, 9, 24, 22, 30),
    ["01:00", "02:00", "02:00", "03:00", "04:00"],
  ],
  [
    "Paris, spring: two o'clock does not come",
    { utc_offset_s: 3600, changes: [{ at: utc(2026, 2, 29, 1), utc_offset_s: 7200 }] },
    utc(2026, 2, 28, 22, 30),
    ["00:00", "01:00", "03:00", "04:00", "05:00"],
  ],
  [
    "New York, autumn",
    { utc_offset_s: -14_400, changes: [{ at: utc(2026, 10, 1, 6), utc_offset_s: -18_000 }] },
    utc(2026, 10, 1, 3, 30),
    ["00:00", "01:00", "01:00", "02:00", "03:00"],
  ],
  [
    "Lord Howe: half an hour",
    { utc_offset_s: 39_600, changes: [{ at: utc(2026, 3, 4, 15), utc_offset_s: 37_800 }] },
    utc(2026, 3, 4, 13, 10),
    ["01:00", "02:00", "03:00", "04:00"],
  ],
])("round times of a night whose clocks are set anew: %s", (_, zone, start, shown) => {
  const ticks = clockTicks(start, start + 5 * 3600, 6, zone);
  expect(ticks.map((tick) => clock(tick, zone))).toEqual(shown);
  expect([...ticks].sort((a, b) => a - b)).toEqual(ticks);
});

test.each([
  [0, [0, 1]],
  [3, [0, 1, 2, 3]],
  [7, [0, 2, 4, 6, 8]],
  [41, [0, 20, 40, 60]],
  [100, [0, 50, 100]],
])("counts up to %d", (largest, ticks) => expect(countTicks(largest)).toEqual(ticks));
