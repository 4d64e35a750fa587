import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { DiskRoom, Movement, NightSummary, Sensor } from "./client";
import { setLanguage } from "./i18n.svelte";
import {
  diskSentences,
  doubt,
  fetchingSentence,
  findingSentence,
  fitVerdict,
  gapSentence,
  linkSentence,
  notCounted,
  outsideHours,
  preflightSentence,
  sensorWords,
  recorded,
  shape,
  signalStrength,
  kindName,
  summary,
  trust,
  usualRange,
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
  damage: [],
  imported: false,
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
  confidence: 0.97,
  calibrated_on: "simulated",
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

const NO_FIT = {
  leg: "left" as const,
  at: 0,
  problems: [],
  noise_mg: null,
  gravity_g: null,
  toes: null,
  toe_mg: null,
  ratio: null,
  rolled_deg: null,
  stood: false,
  sentence: "The strap fits.",
};

test("the summary of a night names its hours beside the rate", () => {
  expect(summary(night)).toBe(
    "143 leg movements in 7 h lying with the sensor on. 96 of them came in 9 periodic series: " +
      "14 periodic movements per hour lying with the sensor on (lying awake included).",
  );
});

test("without a calibration, the hours are those between lights off and on", () => {
  const headline = { ...night.headline, denominator: "in_bed" as const, calibrated_by: null };
  expect(summary({ ...night, headline })).toContain(
    "per hour in bed (lights off to lights on) with the sensor on",
  );
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
    "No usual range yet: 3 earlier nights can be compared with this one, and five are needed.",
  ],
  [{ nights: 7, within: 7, low: 6.2, high: 30.4 }, "Your last 7 comparable nights were between 6 and 30."],
  [
    { nights: 12, within: 10, low: 8, high: 24 },
    "10 of your last 12 comparable nights were between 8 and 24.",
  ],
])("the usual range", (usual, words) => expect(usualRange({ usual })).toBe(words));

test("the kind of a movement decides before its series", () => {
  expect(shape(movement)).toBe("periodic");
  expect(shape({ ...movement, periodic: false })).toBe("single");
  expect(shape({ ...movement, kind: "posture" })).toBe("other");
  expect(kindName(movement)).toBe("periodic");
  expect(kindName({ ...movement, kind: "voluntary", periodic: false })).toBe("marked as your own");
  expect(kindName({ ...movement, kind: "a kind of later", periodic: false })).toBe("a kind of later");
});

test.each([
  [-60, "strong, −60 dBm"],
  [-72, "fair, −72 dBm"],
  [-90, "weak, −90 dBm"],
  [null, "–"],
])("signal %s", (rssi, words) => expect(signalStrength(rssi)).toBe(words));

describe("the sensor's own words", () => {
  const refused = { detail: "The watch does not answer. Trying again.", detail_code: "sensor_refused" };

  beforeAll(() => {
    vi.stubGlobal("document", { documentElement: {} }); // these tests have no browser
  });
  afterAll(async () => {
    await setLanguage("en");
    vi.unstubAllGlobals();
  });

  test("are in the sentence of the link in English", async () => {
    await setLanguage("en");
    expect(linkSentence({ ...sensor, ...refused })).toBe(refused.detail);
    expect(sensorWords(refused)).toBe("");
  });

  test("follow it in German, and only where the sensor refused", async () => {
    await setLanguage("de");
    expect(linkSentence({ ...sensor, ...refused })).toMatch(/^Der Sensor beginnt nicht/);
    expect(sensorWords(refused)).toBe("The watch does not answer.");
    expect(sensorWords({ detail: "Streaming.", detail_code: "streaming" })).toBe("");
  });
});

test("in English the page shows legmon's own sentence, in German the text for its code", async () => {
  const sentence = "A sentence of legmon.";
  const gap = { leg: "left" as const, start: 0, end: 1, cause: "link_lost", sentence };
  const finding = { code: "noisy" as const, leg: "left" as const, seconds: 60, sentence };
  const fit = { ...NO_FIT, problems: ["looser" as const], ratio: 0.6, sentence };
  const shown = () => [gapSentence(gap), findingSentence(finding), fitVerdict(fit)];
  expect(shown()).toEqual([sentence, sentence, sentence]);
  vi.stubGlobal("document", { documentElement: {} }); // these tests have no browser
  await setLanguage("de");
  const german = shown();
  await setLanguage("en");
  vi.unstubAllGlobals();
  expect(german[0]).toMatch(/^Die Bluetooth-Verbindung/);
  expect(german[1]).toMatch(/^In Ruhe rauscht/);
  expect(german[2]).toContain("0,6");
});

test("the page says what a sensor still has, unless that is next to nothing or the link is down", () => {
  const pending = { ...sensor, link: "streaming" as const, declared_rate_hz: 50, pending_samples: 36_000 };
  expect(fetchingSentence([sensor, pending])).toContain("12 min of the signal did not arrive");
  expect(fetchingSentence([{ ...pending, pending_samples: 400 }])).toBe("");
  expect(fetchingSentence([{ ...pending, link: "searching" }])).toBe("");
  expect(fetchingSentence([])).toBe("");
});

test("a night that ended by itself says why", () => {
  expect(recorded(night)).toMatch(/^Recorded from .* to .*, Europe\/Berlin\.$/);
  expect(recorded({ ...night, ended_by: "charger" })).toMatch(
    /The night ended because the sensor was put on its charger\.$/,
  );
});

const kinds = (...names: string[]) => names.map((kind) => ({ kind }));

test("movements that are listed and not counted have a reason", () => {
  expect(notCounted(kinds("leg", "posture", "leg", "bump", "posture", "voluntary"))).toBe(
    "4 of these 6 movements are not counted: change of posture 2, bump 1, marked as your own 1.",
  );
  expect(notCounted(kinds("leg", "leg"))).toBe("");
});

test("leg movements outside the hours of the headline have a reason", () => {
  const headline = { ...night.headline, movements: 2 };
  expect(outsideHours({ headline }, kinds("leg", "leg", "leg", "posture"))).toBe(
    "1 leg movement is not counted: outside the hours lying with the sensor on.",
  );
  expect(outsideHours({ headline }, kinds("leg", "leg"))).toBe("");
});

test("a night with less than nine tenths, or with a fault, says so", () => {
  const sentence = "At rest, the signal is too noisy.";
  const noisy = { code: "noisy" as const, leg: "left" as const, seconds: 60, sentence };
  const usable = { duration_s: 1000, analysed_s: 900, verdict: "usable" as const, quality: [] };
  expect(doubt(usable)).toBe("");
  expect(doubt({ ...usable, analysed_s: 899 })).toBe(
    "Please note: Less than nine tenths of the night was recorded, so the number can be off.",
  );
  expect(doubt({ ...usable, verdict: "look", quality: [noisy] })).toMatch(
    /^Please note: At rest, the signal is too noisy\.$/,
  );
  expect(doubt({ ...usable, verdict: "poor", quality: [noisy] })).toMatch(/too poor\. Do not rely/);
});

test("the room on the disk is said with what a night is, and on what it was measured", () => {
  const disk: DiskRoom = {
    free_bytes: 78.4e9,
    recording_bytes: 32.4e6,
    night_bytes: 32.4e6,
    measured_nights: 0,
    nights: 2419,
    night_hours: 10,
    sensors: 2,
  };
  expect(diskSentences(disk)).toBe(
    "78 GB free, room for 2,419 nights. A night of 10 hours with a sensor on both legs takes 32 MB (estimated).",
  );
  expect(
    diskSentences({ ...disk, free_bytes: 1.5e9, night_bytes: 11e6, measured_nights: 3, nights: 134 }),
  ).toBe(
    "1.5 GB free, room for 134 nights. A night of 10 hours with a sensor on both legs takes 11 MB (measured on 3 nights)." +
      " While it is recorded, it takes 32 MB.",
  );
});

test("a line of the list before the night has its numbers and its advice", () => {
  const item = { level: "look" as const, text: "" };
  const zone = { utc_offset_s: 3600 };
  expect(
    preflightSentence({ ...item, item: "disk", code: "little", values: { gb: 1.23 } }, [], zone),
  ).toContain("1.2 GB free");
  expect(preflightSentence({ ...item, item: "clock", code: "ok", values: { now: 0 } }, [], zone)).toBe(
    "It is 01:00.",
  );
});
