import { expect, test } from "vitest";
import type { Movement, NightSummary } from "./client";
import { coverage, shape, signal, sort, summary } from "./words";

const night: NightSummary = {
  id: "n1",
  simulated: true,
  state: "closed",
  label: "2026-11-21",
  started: Date.UTC(2026, 10, 21, 20, 4) / 1000,
  ended: Date.UTC(2026, 10, 22, 3, 24) / 1000,
  zone: { name: "Europe/Berlin", utc_offset_s: 3600 },
  legs: ["left"],
  rules: "wasm2016",
  duration_s: 26_400,
  analysed_s: 25_920,
  movements: 143,
  candidates: 140,
  periodic: 96,
  series: 9,
  movements_per_hour: 19.9,
  periodic_per_hour: 13.3,
  gaps: 2,
};

const movement: Movement = {
  onset: 0,
  offset: 1,
  leg: "left",
  kind: "leg",
  candidate: true,
  periodic: true,
  series: 3,
  interval_s: 24,
  peak_mg: 120,
};

test("a night in one breath", () => {
  expect(summary(night)).toBe(
    "143 leg movements in 7 h 12 min recorded. 96 of them came in 9 periodic series: 13 periodic movements per hour recorded.",
  );
});

test("a night that goes on says so", () => {
  expect(summary({ ...night, state: "recording", movements: 1, periodic: 0 })).toBe(
    "1 leg movement in 7 h 12 min recorded so far. None of them came in a periodic series.",
  );
});

test("a quiet night", () => {
  expect(summary({ ...night, movements: 0, periodic: 0 })).toBe("No leg movements in 7 h 12 min recorded.");
});

test("times of a night are those of its own zone", () => {
  expect(coverage(night)).toBe(
    "Recorded from 21:04 to 04:24 (Europe/Berlin), 2 gaps, 8 min without samples.",
  );
  expect(coverage({ ...night, gaps: 0, analysed_s: 26_400 })).toMatch(/no gaps in the recording\.$/);
});

test("a movement is told apart by its kind first", () => {
  expect(shape(movement)).toBe("periodic");
  expect(shape({ ...movement, periodic: false })).toBe("single");
  expect(shape({ ...movement, kind: "posture" })).toBe("other");
  expect(sort(movement)).toBe("periodic");
  expect(sort({ ...movement, kind: "a kind of later", periodic: false })).toBe("a kind of later");
});

test.each([
  [-60, "strong, −60 dBm"],
  [-72, "fair, −72 dBm"],
  [-90, "weak, −90 dBm"],
  [null, "–"],
])("signal %s", (rssi, words) => expect(signal(rssi)).toBe(words));

test.each([/normal/i, /sleep/i, /PLMI/, /sever/i, /diagnos/i])("no sentence says %s", (word) => {
  expect([summary(night), coverage(night), sort(movement)].join(" ")).not.toMatch(word);
});
