import { expect, test } from "vitest";
import { largestPerTenMinutes, LEAST, minMaxColumns } from "./envelope";

const values = Float32Array.from({ length: 1000 }, (_, i) => (i >= 400 && i < 500 ? NaN : 0.002));
values[700] = 0.5;

test("no peak is lost between pixels, and the rest is quiet", () => {
  const found = minMaxColumns(values, 1000, 0.002, 1000, 2000, 50);
  expect(found.values).toHaveLength(100);
  expect(Math.max(...found.values.filter((value) => !Number.isNaN(value)))).toBeCloseTo(250);
  expect(found.values[2 * 35 + 1]).toBeCloseTo(250);
});

test("nothing is drawn where nothing was recorded", () => {
  const found = minMaxColumns(values, 0, 0.002, 0, 1000, 50);
  expect([...found.values].slice(40, 50).every(Number.isNaN)).toBe(true);
  expect(found.values[38]).toBeCloseTo(1);
});

test("a narrow view has one value a second", () => {
  const found = minMaxColumns(values, 0, 0.002, 690, 710, 800);
  expect(found.values).toHaveLength(40);
  expect(found.times[0]).toBe(690);
});

test("less than quiet is drawn as half of quiet", () => {
  expect(minMaxColumns(new Float32Array(4), 0, 0.002, 0, 4, 4).values[0]).toBe(LEAST);
});

test("a table has the largest value of each ten minutes", () => {
  const rows = largestPerTenMinutes(values, 100);
  expect(rows.map(([start]) => start)).toEqual([100, 700]);
  expect(rows[1]?.[1]).toBeCloseTo(0.5);
});
