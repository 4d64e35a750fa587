import { expect, test } from "vitest";
import type { Movement } from "./client";
import {
  heightOf,
  hourRows,
  isOf,
  momentIn,
  nearest,
  notLying,
  outline,
  placeIn,
  rowOf,
  tally,
  within,
  type Row,
} from "./rows";

const UTC = { utc_offset_s: 0 };

/** The first row. */
function row(rows: Row[]): Row {
  const [first] = rows;
  if (!first) throw new Error("no rows");
  return first;
}

test("a night has a row for each hour of its clock", () => {
  const rows = hourRows({ started: 22.5 * 3600, ended: 25.25 * 3600, zone: UTC });
  expect(rows.map(({ hour, second }) => [hour, second])).toEqual([
    [22, 1800],
    [23, 0],
    [0, 0],
    [1, 0],
  ]);
  expect(rows.map(({ start, end }) => (end - start) / 3600)).toEqual([0.5, 1, 1, 0.25]);
});

test("the hour of the rows is that of the recording's zone", () => {
  const rows = hourRows({ started: 0, ended: 3600, zone: { utc_offset_s: 20_700 } }); // Kathmandu
  expect(rows.map(({ hour, second }) => [hour, second])).toEqual([
    [5, 2700],
    [6, 0],
  ]);
});

test("an hour that comes twice has two rows, and one that is left out has none", () => {
  const back = { utc_offset_s: 7200, changes: [{ at: 3600, utc_offset_s: 3600 }] };
  expect(hourRows({ started: 0, ended: 7200, zone: back }).map(({ hour }) => hour)).toEqual([2, 2]);
  const forward = { utc_offset_s: 3600, changes: [{ at: 3600, utc_offset_s: 7200 }] };
  expect(hourRows({ started: 0, ended: 7200, zone: forward }).map(({ hour }) => hour)).toEqual([1, 3]);
});

test("a clock that is set by half an hour begins a row in the middle of its hour", () => {
  const zone = { utc_offset_s: 3600, changes: [{ at: 3600, utc_offset_s: 1800 }] };
  const rows = hourRows({ started: 0, ended: 7200, zone });
  expect(rows.map(({ hour, second, start, end }) => [hour, second, end - start])).toEqual([
    [1, 0, 3600],
    [1, 1800, 1800],
    [2, 0, 1800],
  ]);
});

test("a moment has the same place in every hour, and comes back from it", () => {
  const rows = hourRows({ started: 1000, ended: 10_000, zone: UTC });
  for (const [i, one] of rows.entries()) {
    expect(placeIn(one, 3600 * i + 1800)).toBe(0.5);
    expect(momentIn(one, 0.5)).toBe(3600 * i + 1800);
    expect(rowOf(rows, 3600 * i + 1800)).toBe(i);
  }
  expect(momentIn(row(rows), 0)).toBe(1000);
  expect([rowOf(rows, 0), rowOf(rows, 1e9)]).toEqual([0, rows.length - 1]);
});

test("a night of a second has one row", () => {
  expect(hourRows({ started: 50, ended: 50, zone: UTC })).toHaveLength(1);
});

test("a movement of both legs is one of each", () => {
  expect(isOf("left", { leg: "both" }) && isOf("right", { leg: "both" })).toBe(true);
  expect(isOf("left", { leg: "right" })).toBe(false);
});

test("the signal has no line where there are no samples", () => {
  const values = Float32Array.from({ length: 3600 }, (_, i) => (i >= 1000 && i < 2000 ? NaN : 0.02));
  const rows = hourRows({ started: 0, ended: 3600, zone: UTC });
  const path = outline(values, 0, row(rows), (time) => time / 3.6, 40, 40);
  expect(path.match(/M/g)).toHaveLength(2);
  expect(path.match(/Z/g)).toHaveLength(2);
  const drawn = [...path.matchAll(/[ML]([\d.]+) /g)].map(([, at]) => Number(at));
  expect(drawn.filter((at) => at > 280 && at < 550)).toEqual([]);
});

test("2 mg is the floor of a lane and 2 g its ceiling", () => {
  expect([heightOf(0), heightOf(0.002), heightOf(0.064), heightOf(5)]).toEqual([0, 0, 0.5, 1]);
});

test("a row counts leg movements and says what is missing", () => {
  const rows = hourRows({ started: 0, ended: 3600, zone: UTC });
  const one = (onset: number, kind: string, periodic: boolean) => ({ onset, kind, periodic }) as Movement;
  const found = tally(
    row(rows),
    { uncounted: [{ start: 3000, end: 4000 }], held: [{ start: 100, end: 160, state: "walking" }] },
    [one(1, "leg", true), one(2, "leg", false), one(3, "posture", false), one(4000, "leg", true)],
  );
  expect(found).toEqual({ movements: 2, periodic: 1, missing: 600, up: 60 });
});

test("a click takes the nearest movement, if one is near", () => {
  const movements = [10, 20, 60].map((onset) => ({ onset }) as Movement);
  expect(nearest(movements, 17, 5)?.onset).toBe(20);
  expect(nearest(movements, 40, 5)).toBeUndefined();
});

test("spans are cut at the row", () => {
  expect(
    within({ start: 10, end: 20 }, [
      { start: 0, end: 12 },
      { start: 30, end: 40 },
    ]),
  ).toEqual([{ start: 10, end: 12 }]);
});

test("standing and walking are one time on the feet", () => {
  const held = [
    { start: 0, end: 10, state: "lying" as const },
    { start: 10, end: 20, state: "upright" as const },
    { start: 20, end: 30, state: "walking" as const },
    { start: 30, end: 50, state: "not_worn" as const },
  ];
  expect(notLying({ held })).toEqual([
    { start: 10, end: 30, up: true },
    { start: 30, end: 50, up: false },
  ]);
});
