import { expect, test } from "vitest";
import { clock, clockSeconds, date, duration, evening } from "./clock";

const night = Date.UTC(2026, 10, 21, 23, 10, 5) / 1000;

test.each([
  ["UTC", 0, "23:10", "Sat 21 Nov 2026"],
  ["Europe/Berlin", 3600, "00:10", "Sun 22 Nov 2026"],
  ["Asia/Kathmandu", 20_700, "04:55", "Sun 22 Nov 2026"],
  ["America/St_Johns", -12_600, "19:40", "Sat 21 Nov 2026"],
])("a time reads in the zone of its recording: %s", (_, utc_offset_s, time, day) => {
  expect(clock(night, { utc_offset_s })).toBe(time);
  expect(date(night, { utc_offset_s })).toBe(day);
});

test("midnight is 00:00, not 24:00", () => {
  expect(clockSeconds(Date.UTC(2026, 0, 1) / 1000, { utc_offset_s: 0 })).toBe("00:00:00");
});

test("an evening keeps its date wherever the browser is", () => {
  expect(evening("2026-11-21")).toBe("Sat 21 Nov 2026");
});

test.each([
  [0, "0 s"],
  [42.4, "42 s"],
  [59.6, "1 min"],
  [3599, "1 h"],
  [25_920, "7 h 12 min"],
  [7230, "2 h 1 min"],
])("%d s lasts %s", (seconds, words) => expect(duration(seconds)).toBe(words));
