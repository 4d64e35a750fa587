import { expect, test } from "vitest";
import {
  clock,
  clockSeconds,
  date,
  duration,
  evening,
  eveningLong,
  isTwice,
  momentOf,
  offsetName,
  type Zone,
} from "./clock";

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

const utc = (...parts: [number, number, number, number, number?]) => Date.UTC(...parts) / 1000;
const changing = (from: number, at: number, to: number): Zone => ({
  utc_offset_s: from,
  changes: [{ at, utc_offset_s: to }],
});
const paris = changing(7200, utc(2026, 9, 25, 1), 3600);
const newYork = changing(-14_400, utc(2026, 10, 1, 6), -18_000);
const lordHowe = changing(39_600, utc(2026, 3, 4, 15), 37_800);
const parisSpring = changing(3600, utc(2026, 2, 29, 1), 7200);
const kathmandu: Zone = { utc_offset_s: 20_700, changes: [] };

test.each([
  ["Paris, autumn", paris, utc(2026, 9, 25, 0, 59), "02:59", utc(2026, 9, 25, 1, 0), "02:00"],
  ["New York, autumn", newYork, utc(2026, 10, 1, 5, 59), "01:59", utc(2026, 10, 1, 6, 0), "01:00"],
  ["Lord Howe, by half an hour", lordHowe, utc(2026, 3, 4, 14, 59), "01:59", utc(2026, 3, 4, 15, 0), "01:30"],
  ["Paris, spring", parisSpring, utc(2026, 2, 29, 0, 59), "01:59", utc(2026, 2, 29, 1, 0), "03:00"],
])("clocks are set anew within a night: %s", (_, zone, before, shown, at, then) => {
  expect(clock(before, zone)).toBe(shown);
  expect(clock(at, zone)).toBe(then);
});

test("an hour that comes twice says which one it is", () => {
  expect(clockSeconds(utc(2026, 9, 25, 0, 30), paris)).toBe("02:30:00 (UTC+2)");
  expect(clockSeconds(utc(2026, 9, 25, 1, 30), paris)).toBe("02:30:00 (UTC+1)");
  expect(clockSeconds(utc(2026, 9, 25, 2, 30), paris)).toBe("03:30:00");
  expect(isTwice(utc(2026, 3, 4, 15, 20), lordHowe)).toBe(true);
  expect(isTwice(utc(2026, 3, 4, 15, 40), lordHowe)).toBe(false);
  expect(isTwice(utc(2026, 2, 29, 1), parisSpring)).toBe(false);
});

test("a zone has a name by its offset", () => {
  expect(offsetName(0, kathmandu)).toBe("UTC+5:45");
  expect(offsetName(utc(2026, 10, 1, 12), newYork)).toBe("UTC−5");
});

test("a time that is typed is a moment of the night", () => {
  const [start, end] = [utc(2026, 9, 24, 20, 30), utc(2026, 9, 25, 5)];
  expect(momentOf("22:45", paris, start, end)).toBe(utc(2026, 9, 24, 20, 45));
  expect(momentOf("05:30", paris, start, end)).toBe(utc(2026, 9, 25, 4, 30));
  expect(momentOf("12:00", paris, start, end)).toBeUndefined();
  expect(momentOf("02:30", paris, start, end)).toBe(utc(2026, 9, 25, 0, 30));
  expect(momentOf("04:15", kathmandu, utc(2026, 0, 1, 17), utc(2026, 0, 2, 1))).toBe(utc(2026, 0, 1, 22, 30));
});

test("midnight is 00:00, not 24:00", () => {
  expect(clockSeconds(Date.UTC(2026, 0, 1) / 1000, { utc_offset_s: 0 })).toBe("00:00:00");
});

test("an evening keeps its date wherever the browser is", () => {
  expect(evening("2026-11-21", new Date(2026, 11, 1))).toBe("Sat 21 Nov");
  expect(evening("2026-11-21", new Date(2027, 0, 1))).toBe("Sat 21 Nov 2026");
  expect(eveningLong("2026-11-21", new Date(2026, 11, 1))).toBe("Saturday 21 November");
  expect(eveningLong("2025-12-31", new Date(2026, 11, 1))).toBe("Wednesday 31 December 2025");
});

test.each([
  [0, "0 s"],
  [42.4, "42 s"],
  [59.6, "1 min"],
  [3599, "1 h"],
  [25_920, "7 h 12 min"],
  [7230, "2 h 1 min"],
])("%d s lasts %s", (seconds, words) => expect(duration(seconds)).toBe(words));
