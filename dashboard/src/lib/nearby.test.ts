import { expect, test } from "vitest";
import type { HeardSensor } from "./client";
import { inOrder, signalBars } from "./nearby";

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

test("a sensor that is heard has a bar, and the strongest have four", () => {
  expect([-95, -80, -65, -55, null].map(signalBars)).toEqual([1, 2, 3, 4, 0]);
});

test("a list with the focus keeps its order; new sensors go to the end", () => {
  const list = ["c", "b", "a", "d"].map(near);
  expect(inOrder(list, ["a", "b", "x"]).map((sensor) => sensor.address)).toEqual(["a", "b", "c", "d"]);
});
