import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { DiskRoom, Movement, NightSummary, Sensor } from "./client";
import { setLanguage } from "./i18n.svelte";
import {
  comparison,
  diskSentences,
  doubt,
  fetchingSentence,
  findingSentence,
  fitVerdict,
  gapSentence,
  inG,
  linkSentence,
  moved,
  notCounted,
  outsideHours,
  overWhat,
  partial,
  preflightSentence,
  range,
  rateOf,
  sensorWords,
  recorded,
  shape,
  signalStrength,
  kindName,
  summary,
  tooShort,
  trust,
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

const lights = { off: 0, on: 1, edited: false, recorded_off: 0, recorded_on: 1 };

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

test("the sentence of a night: how many, how many of them in series, and how many an hour", () => {
  expect(summary(night)).toBe("96 of 143 leg movements came in series: 14 an hour.");
  const headline = { ...night.headline, periodic: 0 };
  expect(summary({ ...night, headline })).toBe("143 leg movements, none of them in a series.");
  expect(summary({ ...night, headline: { ...headline, movements: 1 } })).toBe(
    "1 leg movement, not in a series.",
  );
  expect(summary({ ...night, headline: { ...headline, movements: 0 } })).toBe("No leg movements.");
  expect(summary({ ...night, state: "recording" })).toMatch(/^So far: 96 of 143/);
});

test("below half an hour there is no rate, not even 0", () => {
  const short = { ...night, lights, headline: { ...night.headline, seconds: 1790, periodic_per_hour: 0 } };
  expect(rateOf(short)).toBeNull();
  expect(summary(short)).toBe("96 of 143 leg movements came in series.");
  expect(tooShort(short)).toBe("No rate below 30 minutes.");
  expect(rateOf({ headline: { ...night.headline, seconds: 1800 } })).toBe(13.7);
});

test("the sentence names its hours, the leg, and that being awake counts", () => {
  expect(overWhat({ ...night, lights })).toBe("Over 7 h lying down, left leg, awake or asleep.");
  expect(overWhat({ ...night, lights, legs: ["left", "right"] })).toContain("both legs");
  const headline = { ...night.headline, denominator: "in_bed" as const, calibrated_by: null };
  expect(overWhat({ ...night, lights, headline })).toBe(
    "Over 7 h of recording, left leg; bedtime is not set.",
  );
  expect(overWhat({ ...night, lights: { ...lights, edited: true }, headline })).toBe(
    "Over 7 h in bed, left leg, awake or asleep.",
  );
});

test("where much is missing, that is said first, and only once", () => {
  const half = { ...night, fits: [], gap_list: [], analysed_s: 15_180, duration_s: 23_400 };
  expect(partial(half)).toBe("4 h 13 min of 6 h 30 min are there, so the number is for those hours only.");
  expect(trust(half)).toBe("No fit check that evening.");
  expect(partial(night)).toBe("");
});

test("how much of the night is there", () => {
  const whole = { ...night, fits: [], gap_list: [] };
  expect(trust(whole)).toBe("7 h 12 min of 7 h 20 min are there: 2 gaps. No fit check that evening.");
  expect(trust({ ...whole, gaps: 0, analysed_s: 26_400 })).toMatch(/^All of the night is there\./);
  expect(trust({ ...whole, gaps: 1, analysed_s: 26_390 })).toMatch(
    /^All but 10 s of the night is there: 1 gap\./,
  );
  const gap = { leg: "right" as const, start: 9000, end: 26_400, cause: "link_lost", sentence: "" };
  expect(trust({ ...whole, gaps: 1, analysed_s: 26_400, gap_list: [gap] })).toMatch(
    /^1 gap at one ankle, while the other one counts\./,
  );
  expect(trust({ ...whole, fits: [NO_FIT] })).toContain("The strap fits.");
});

const usual = (some: object) => ({
  ...night,
  usual: { nights: 0, within: 0, low: null, high: null, rates: [], earlier: 0, other_legs: 0, ...some },
});

test.each([
  [{}, "Your first night. From five comparable ones on, your own range stands here."],
  [{ nights: 2, earlier: 2 }, "Your third night. From five comparable ones on, your own range stands here."],
  [
    { nights: 3, earlier: 12 },
    "3 of your 12 earlier nights can be compared with this one. From five on, your own range stands here.",
  ],
  [
    { earlier: 12, other_legs: 12 },
    "Your 12 earlier nights had sensors at other legs than this one, so they are not compared.",
  ],
  [{ nights: 11, low: 7, high: 30, earlier: 20 }, "Your last 11 nights:"],
])("what a night is compared with: %o", (some, words) => {
  expect(comparison(usual(some))).toBe(words);
});

test("a night of two sensors says so where the others had one", () => {
  expect(comparison({ ...usual({ earlier: 12, other_legs: 12 }), legs: ["left", "right"] })).toBe(
    "Your 12 earlier nights had one sensor, this one two, so they are not compared.",
  );
});

test("the dots have words", () => {
  const some = usual({ nights: 5, low: 7, high: 30, rates: [7.2, 30, 12, 14, 9] });
  expect(range(some)).toBe(
    "Your last 5 comparable nights lay between 7 and 30 in series an hour. This one: 14.",
  );
});

test.each([
  [{}, "00:00:00, left: 120 mg, 1.0 s, clear, in series 3: 24 s after the one before"],
  [
    { periodic: false, interval_s: 240 },
    "00:00:00, left: 120 mg, 1.0 s, clear, single: 240 s after the one before",
  ],
  [{ periodic: false, interval_s: null, peak_mg: null }, "00:00:00, left: 1.0 s, clear, single"],
  [{ kind: "posture" }, "00:00:00, left: 120 mg, 1.0 s, clear, not counted: change of posture"],
])("a movement in a line", (some, words) => {
  expect(moved({ ...movement, ...some }, { utc_offset_s: 0 })).toBe(words);
});

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

test("an axis in g has the comma of its language", async () => {
  vi.stubGlobal("document", { documentElement: {} });
  expect(inG(-0.2)).toBe("−0.20");
  await setLanguage("de");
  expect(inG(-0.2)).toBe("−0,20");
  await setLanguage("en");
  vi.unstubAllGlobals();
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
  expect(doubt({ ...usable, analysed_s: 899 })).toBe(""); // the headline says it
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
