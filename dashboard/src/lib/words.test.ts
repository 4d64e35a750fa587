import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Movement, NightSummary, Sensor } from "./client";
import { speak } from "./i18n.svelte";
import {
  fetching,
  linkSentence,
  ownWords,
  recorded,
  shape,
  signal,
  sort,
  summary,
  trust,
  usualWords,
} from "./words";

const night: NightSummary = {
  id: "n1",
  simulated: true,
  state: "closed",
  label: "2026-11-21",
  started: Date.UTC(2026, 10, 21, 20, 4) / 1000,
  ended: Date.UTC(2026, 10, 22, 3, 24) / 1000,
  zone: { name: "Europe/Berlin", utc_offset_s: 3600, changes: [] },
  legs: ["left"],
  rules: "wasm2016",
  duration_s: 26_400,
  analysed_s: 25_920,
  movements: 150,
  candidates: 140,
  periodic: 99,
  series: 9,
  movements_per_hour: 19.9,
  periodic_per_hour: 13.3,
  ended_by: "",
  gaps: 2,
  detector: "legmon 1",
  verdict: "usable",
  indices: {
    movements: 150,
    candidates: 140,
    periodic: 99,
    series: 9,
    hours: 7.2,
    periodic_per_hour: 13.75,
    periodicity_index_2006: 0.8,
    periodic_ratio: 0.71,
    interval_geometric_mean_s: 24,
  },
  headline: {
    denominator: "lying",
    calibrated_by: "walking",
    seconds: 25_200,
    movements: 143,
    periodic: 96,
    series: 9,
    periodic_per_hour: 13.7,
  },
};

const movement: Movement = {
  id: "left-1",
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

const sensor: Sensor = {
  leg: "left",
  name: null,
  address: null,
  link: "searching",
  detail: "",
  detail_code: "",
  battery_percent: null,
  rssi_dbm: null,
  declared_rate_hz: null,
  measured_rate_hz: null,
  samples: 0,
  missing_samples: 0,
  pending_samples: 0,
  refused_frames: 0,
  last_sample: null,
  moving: false,
};

test("a night in one breath, with the hours named where the rate stands", () => {
  expect(summary(night)).toBe(
    "143 leg movements in 7 h lying with the sensor on. 96 of them came in 9 periodic series: " +
      "14 periodic movements per hour lying with the sensor on (lying awake included).",
  );
});

test("without a calibration the hours are those marked in bed, and it says so", () => {
  const headline = { ...night.headline, denominator: "in_bed" as const, calibrated_by: null };
  expect(summary({ ...night, headline })).toContain("per hour in bed as marked with the sensor on");
});

test("a quiet night", () => {
  const headline = { ...night.headline, movements: 0, periodic: 0 };
  expect(summary({ ...night, headline })).toBe("No leg movements in 7 h lying with the sensor on.");
  expect(summary({ ...night, headline: { ...headline, movements: 1 } })).toBe(
    "1 leg movement in 7 h lying with the sensor on. None of them came in a periodic series.",
  );
});

test("how much of the night is there", () => {
  expect(trust(night)).toEqual(["7 h 12 min usable of 7 h 20 min", "2 gaps, 8 min"]);
  expect(trust({ ...night, gaps: 0, analysed_s: 26_400 })[1]).toBe("no gaps");
  const gap = { leg: "right" as const, start: 9000, end: 26_400, cause: "link_lost", sentence: "" };
  expect(trust({ ...night, gaps: 1, analysed_s: 26_400, gap_list: [gap] })[1]).toBe(
    "1 gap at one ankle, while the other one counts",
  );
});

test.each([
  [
    { nights: 3, within: 0, low: null, high: null },
    "Too few nights to say what is usual for you (3 so far).",
  ],
  [
    { nights: 7, within: 7, low: 6.2, high: 30.4 },
    "Your last 7 nights that can be compared were between 6 and 30.",
  ],
  [
    { nights: 12, within: 10, low: 8, high: 24 },
    "10 of your last 12 nights that can be compared were between 8 and 24.",
  ],
])("against one's own nights", (usual, words) => expect(usualWords({ usual })).toBe(words));

test("a movement is told apart by its kind first", () => {
  expect(shape(movement)).toBe("periodic");
  expect(shape({ ...movement, periodic: false })).toBe("single");
  expect(shape({ ...movement, kind: "posture" })).toBe("other");
  expect(sort(movement)).toBe("periodic");
  expect(sort({ ...movement, kind: "voluntary", periodic: false })).toBe("made on purpose");
  expect(sort({ ...movement, kind: "a kind of later", periodic: false })).toBe("a kind of later");
});

test.each([
  [-60, "strong, −60 dBm"],
  [-72, "fair, −72 dBm"],
  [-90, "weak, −90 dBm"],
  [null, "–"],
])("signal %s", (rssi, words) => expect(signal(rssi)).toBe(words));

describe("what a sensor says of itself", () => {
  const refused = { detail: "The watch does not answer. Trying again.", detail_code: "sensor_refused" };

  beforeAll(() => {
    vi.stubGlobal("document", { documentElement: {} }); // these tests have no browser
  });
  afterAll(async () => {
    await speak("en");
    vi.unstubAllGlobals();
  });

  test("is in the sentence of the link in English", async () => {
    await speak("en");
    expect(linkSentence({ ...sensor, ...refused })).toBe(refused.detail);
    expect(ownWords(refused)).toBe("");
  });

  test("follows it in German, and only where the sensor refused", async () => {
    await speak("de");
    expect(linkSentence({ ...sensor, ...refused })).toMatch(/^Der Sensor nahm nicht an/);
    expect(ownWords(refused)).toBe("The watch does not answer.");
    expect(ownWords({ detail: "Streaming.", detail_code: "streaming" })).toBe("");
  });
});

test("what a sensor still has is said, unless it is next to nothing or the link is down", () => {
  const held = { ...sensor, link: "streaming" as const, declared_rate_hz: 50, pending_samples: 36_000 };
  expect(fetching([sensor, held])).toContain("12 min of the signal did not come");
  expect(fetching([{ ...held, pending_samples: 400 }])).toBe("");
  expect(fetching([{ ...held, link: "searching" }])).toBe("");
  expect(fetching([])).toBe("");
});

test("a night that ended by itself says why", () => {
  expect(recorded(night)).toMatch(/^Recorded from .* to .*, Europe\/Berlin\.$/);
  expect(recorded({ ...night, ended_by: "charger" })).toMatch(
    /It ended by itself: the sensor was put on its charger\.$/,
  );
});
