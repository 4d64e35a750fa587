import { expect, test } from "vitest";
import { largestPerTenMinutes } from "./envelope";

const values = Float32Array.from({ length: 1000 }, (_, i) => (i >= 400 && i < 500 ? NaN : 0.002));
values[700] = 0.5;

test("a table has the largest value of each ten minutes", () => {
  const rows = largestPerTenMinutes(values, 100);
  expect(rows.map(([start]) => start)).toEqual([100, 700]);
  expect(rows[1]?.[1]).toBeCloseTo(0.5);
});
