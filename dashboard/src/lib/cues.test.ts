import { expect, test } from "vitest";
import { cueName, LENGTH, stageAt, stepsOf, toeAt, TOES } from "./cues";

test("a check takes under a minute and asks for five toe-ups", () => {
  expect(LENGTH).toBeLessThan(60);
  const asked = new Set(Array.from({ length: 10 * LENGTH }, (_, i) => toeAt(i / 10)));
  expect([...asked].sort()).toEqual([0, 1, 2, 3, 4, 5]);
});

test("legmon gets the steps in the recording's clock, without the time to move", () => {
  const steps = stepsOf(1000);
  expect(steps.map(({ step }) => step)).toEqual(["stand", "still", "toes", "roll"]);
  const still = steps.find(({ step }) => step === "still");
  expect((still?.end ?? 0) - (still?.start ?? 0)).toBe(15);
  const toes = steps.find(({ step }) => step === "toes");
  expect(toes?.cues).toHaveLength(TOES);
  expect(toes?.cues?.every((cue) => cue > 1000 && cue < (toes?.end ?? 0))).toBe(true);
});

test("the stages follow one another", () => {
  expect(stageAt(0)?.stage).toBe("ready");
  expect(stageAt(LENGTH - 0.1)?.stage).toBe("roll");
  expect(stageAt(LENGTH)).toBeUndefined();
});

test("each stage and each toe-up sounds once", () => {
  const heard: string[] = [];
  for (let seconds = 0; seconds < LENGTH; seconds += 0.1) {
    const name = cueName(seconds);
    if (name !== heard.at(-1)) heard.push(name);
  }
  expect(heard.filter((name) => name.startsWith("toe "))).toEqual([1, 2, 3, 4, 5].map((toe) => `toe ${toe}`));
  expect(heard.filter((name) => !name.startsWith("toe"))).toEqual(["ready", "stand", "lie", "still", "roll"]);
});
