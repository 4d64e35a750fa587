import { expect, test } from "vitest";
import type { HeardSensor } from "./client";
import { bars, kept } from "./nearby";

const near = (address: string): HeardSensor => ({
  address,
  name: null,
  rssi_dbm: null,
  driver: "ankle",
  side: null,
  heard_s: 0,
  leg: null,
  battery_percent: null,
});

test("what is heard at all has a bar, and the strongest have four", () => {
  expect([-95, -80, -65, -55, null].map(bars)).toEqual([1, 2, 3, 4, 0]);
});

test("a list that somebody is in keeps its order; what comes is put behind, what went is gone", () => {
  const list = ["c", "b", "a", "d"].map(near);
  expect(kept(list, ["a", "b", "x"]).map((sensor) => sensor.address)).toEqual(["a", "b", "c", "d"]);
});
