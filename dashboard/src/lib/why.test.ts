import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Movement, Reason, Why } from "./client";
import { setLanguage } from "./i18n.svelte";
import { atMoment, decided, Explanation } from "./why.svelte";
import { borderline, moved, sure } from "./words";

beforeEach(() => {
  vi.stubGlobal("document", { documentElement: {} }); // these tests have no browser
});
afterEach(async () => {
  await setLanguage("en");
  vi.unstubAllGlobals();
});

const zone = { utc_offset_s: 0 };

const movement: Movement = {
  id: "left-50",
  onset: 10,
  offset: 11.8,
  leg: "left",
  kind: "leg",
  candidate: true,
  periodic: false,
  series: null,
  interval_s: 240,
  peak_mg: 110,
  confidence: 0.97,
  calibrated_on: "simulated",
};

const reason = (rule: string, sentence: string, values: Record<string, number> = {}) =>
  ({ rule, sentence, values }) as Reason;
const OPENED = reason("by_motion", "Opened by motion: 15.9 mg, threshold 9 mg.", {
  value: 15.9,
  threshold: 9,
});
const ENDED = reason("ended", "Ended.", { motion: 9, turning: 10 });
const LEG = reason("leg", "Leg movement: peak 110 mg, 1.8 s.", { peak: 110, seconds: 1.8 });
const RETURN = reason("return", "Joined: it brings the leg back, 1.2 s after the lift began.", {
  since: 1.2,
});
const LATE = reason("late", "Single: 240 s after the one before.", { interval: 240 });
const WEAK = reason("weak", "Left out: peak 8 mg, below 19.5 mg.", { peak: 8, least: 19.5 });
const BED = reason("bed", "Left out: the bed, not the leg (leg chance 0.31, below 0.5).", {
  chance: 0.31,
  least: 0.5,
});
const NOTHING = reason(
  "nothing",
  "Nothing here: motion came to 1.4 of the 9 mg that open a bout, turn to 2 of 7 mg.",
);

type Bout = Why["legs"][number]["bouts"][number];
const bout = (start: number, reasons: Reason[], id?: string): Bout => ({
  start,
  end: start + 1,
  opened: start,
  closed: start + 2,
  signals: [],
  features: {},
  reasons,
  movement:
    id === undefined
      ? null
      : { id, onset: 10, offset: 11.8, kind: "leg", peak_mg: 110, confidence: 0.97, verdict: LATE },
});

const why = (...legs: Partial<Why["legs"][number]>[]): Why => ({
  night: "n",
  simulated: true,
  detector: { name: "legmon-adaptive", version: "4" },
  rules: "wasm2016",
  start: 0,
  end: 1,
  legs: legs.map((leg) => ({ leg: "left", bouts: [], rest: null, gaps: [], ...leg })),
});

test("a movement is clear or borderline, and neither where nothing is known", () => {
  expect(moved(movement, zone)).toBe(
    "00:00:10, left: 110 mg, 1.8 s, clear, single: 240 s after the one before",
  );
  expect(sure({ confidence: 0.8 })).toBe("clear");
  expect(moved({ ...movement, confidence: 0.79 }, zone)).toContain("1.8 s, borderline, single");
  expect(moved({ ...movement, confidence: null }, zone)).toContain("1.8 s, single");
});

test("the borderline movements of a night are counted among its leg movements", () => {
  const night = [
    movement,
    { ...movement, confidence: 0.5 },
    { ...movement, kind: "posture", confidence: 0.2 },
  ];
  expect(borderline(night)).toBe("1 of 2 leg movements is borderline. Calibrated on simulated nights only.");
  expect(borderline([movement])).toBe(
    "None of 1 leg movement is borderline. Calibrated on simulated nights only.",
  );
  expect(borderline([{ ...movement, confidence: null }])).toBe("");
});

test("what decided of a movement is short: what opened it, what was joined, what it was taken for, and the verdict", () => {
  const bouts = [
    bout(10, [OPENED, ENDED, LEG], "left-50"),
    bout(11, [OPENED, ENDED, RETURN, LEG], "left-50"),
    bout(11.5, [OPENED, ENDED, WEAK]),
  ];
  expect(decided(why({ bouts }), movement, zone)).toEqual([
    OPENED.sentence,
    RETURN.sentence,
    LEG.sentence,
    LATE.sentence,
    "Clear: on simulated nights, at least four in five of such movements are right.",
  ]);
});

test("a movement that is not found again is said not to be, with what is there instead", () => {
  const found = decided(why({ bouts: [bout(10, [OPENED, ENDED, WEAK])] }), movement, zone);
  expect(found[0]).toContain("finds no such movement here");
  expect(found[1]).toBe(`00:00:10: ${WEAK.sentence}`);
});

test("a moment says what was left out there, or that there is nothing, or no samples", () => {
  expect(atMoment(why({ bouts: [bout(10, [OPENED, ENDED, WEAK])] }), zone)).toEqual([
    `00:00:10: ${WEAK.sentence}`,
  ]);
  expect(atMoment(why({ bouts: [bout(10, [OPENED, LEG], "left-50")] }), zone)).toEqual([
    `00:00:10: ${LEG.sentence} ${LATE.sentence}`,
  ]);
  const rest = { signals: [], reason: NOTHING };
  expect(atMoment(why({ rest }), zone)).toEqual([NOTHING.sentence]);
  expect(atMoment(why({ rest }, { leg: "right" }), zone)).toEqual([
    `Left ankle: ${NOTHING.sentence}`,
    "Right ankle: No samples here.",
  ]);
  expect(atMoment(why(), zone)).toEqual(["No samples here."]);
});

test("reasons are translated, their numbers too", async () => {
  await setLanguage("de");
  expect(atMoment(why({ bouts: [bout(10, [WEAK]), bout(11, [BED])] }), zone)).toEqual([
    "00:00:10: Ausgelassen: Spitze 8 mg, unter 19,5 mg.",
    "00:00:11: Ausgelassen: das Bett, nicht das Bein (Wahrscheinlichkeit fürs Bein 0,31, unter 0,5).",
  ]);
});

test("the late answer of an earlier question is not shown, nor its error", async () => {
  const answer = new Explanation();
  let late: (why: Why) => void = () => undefined;
  const first = answer.ask(() => new Promise((resolve) => (late = resolve)));
  let fail: (error: Error) => void = () => undefined;
  const second = answer.ask(() => new Promise((_, reject) => (fail = reject)));
  const now = why();
  await answer.ask(() => Promise.resolve(now));
  late(why({}));
  fail(new Error("late"));
  await Promise.all([first, second]);
  expect([answer.why, answer.problem, answer.waiting]).toEqual([now, "", false]);
});

test("an error is said, and the next question clears it", async () => {
  const answer = new Explanation();
  await answer.ask(() => Promise.reject(new Error("legmon does not answer.")));
  expect([answer.problem, answer.waiting]).toEqual(["legmon does not answer.", false]);
  await answer.ask(() => Promise.resolve(why()));
  expect(answer.problem).toBe("");
});
