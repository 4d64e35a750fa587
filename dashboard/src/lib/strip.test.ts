import { expect, test } from "vitest";
import type { Movement } from "./client";
import { busiest, minutesFor, shade, tiles } from "./strip";

const at = (...parts: [number, number, number, number, number?]) => Date.UTC(...parts) / 1000;

const move = (onset: number, kind = "leg"): Movement => ({
  id: `left-${onset}`,
  onset,
  offset: onset + 2,
  leg: "left",
  kind,
  candidate: true,
  periodic: false,
  series: null,
  interval_s: null,
  peak_mg: 100,
  confidence: 0.97,
  calibrated_on: "simulated",
});

const night = { started: 0, ended: 3600, uncounted: [], held: [] };

test("a movement is in the tile of its onset, and a movement of another kind is in none", () => {
  const found = tiles(night, [move(61), move(62), move(119.9), move(120), move(200, "posture")], 1);
  expect(found).toHaveLength(60);
  expect(found.map((tile) => tile.movements).slice(0, 4)).toEqual([0, 3, 1, 0]);
});

test("the cover of a tile is what covers more than half of it", () => {
  const held = [
    { start: 1200, end: 1320, state: "walking" as const },
    { start: 1320, end: 1330, state: "upright" as const },
  ];
  const found = tiles({ ...night, uncounted: [{ start: 600, end: 685 }], held }, [], 1);
  expect(found.filter((tile) => tile.cover === "no_data").map((tile) => tile.start)).toEqual([600]);
  expect(found.filter((tile) => tile.cover === "up").map((tile) => tile.start)).toEqual([1200, 1260]);
});

test.each([
  [0, 0],
  [0.5, 1],
  [1, 1],
  [2.5, 2],
  [4, 3],
])("%d a minute is shade %d", (rate, step) => expect(shade(rate)).toBe(step));

test("tiles are never thinner than two pixels", () => {
  expect(minutesFor(8 * 3600, 1200)).toBe(1);
  expect(minutesFor(8 * 3600, 358)).toBe(5);
  expect(minutesFor(48 * 3600, 300)).toBe(30);
});

test.each([
  ["Paris, autumn", at(2026, 9, 24, 21), at(2026, 9, 25, 6)],
  ["Paris, spring", at(2026, 2, 28, 22), at(2026, 2, 29, 5)],
  ["Lord Howe", at(2026, 3, 4, 12), at(2026, 3, 4, 21)],
])("a night with a clock change has as many tiles as minutes: %s", (_, started, ended) => {
  const found = tiles({ ...night, started, ended }, [move(ended - 30)], 1);
  expect(found).toHaveLength((ended - started) / 60);
  expect(found.at(-1)?.movements).toBe(1);
});

test("the busiest half hour has a time", () => {
  expect(busiest(night, [move(10), move(2000), move(2100)])).toBe(2700);
  expect(busiest({ started: 0, ended: 600 }, [move(10)])).toBe(300); // within a night that has just begun
  expect(busiest(night, [])).toBeUndefined();
});
