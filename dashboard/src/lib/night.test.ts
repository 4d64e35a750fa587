import { expect, test } from "vitest";
import type { Movement } from "./client";
import { NightState } from "./night.svelte";

const movement = (onset: number): Movement => ({
  id: `left-${onset}`,
  onset,
  offset: onset + 2,
  leg: "left",
  kind: "leg",
  candidate: true,
  periodic: false,
  series: null,
  interval_s: null,
  peak_mg: 100,
  confidence: 0.97,
  calibrated_on: "simulated",
});

function night(...onsets: number[]): NightState {
  const view = new NightState();
  view.movements = onsets.map(movement);
  view.detail.bounds = { start: 0, end: 30_000 };
  return view;
}

test("a movement is shown in the middle of two minutes", () => {
  const view = night(1000, 1020, 2000);
  view.showMovement(movement(1020));
  expect(view.detail.view).toEqual({ start: 960, end: 1080 });
  expect([view.chosen?.id, view.chosenNumber]).toEqual(["left-1020", 2]);
});

test("a moment chooses no movement, so that nobody marks one that is out of sight", () => {
  const view = night(1000, 2000);
  view.showMovement(movement(1000));
  view.showMoment(1500);
  expect([view.chosen, view.chosenNumber]).toEqual([undefined, 0]);
});

test("a movement that the detail has left is no longer chosen, and is again when the detail comes back", () => {
  const view = night(1000);
  view.showMovement(movement(1000));
  view.detail.pan(2);
  expect(view.chosen).toBeUndefined();
  view.detail.pan(-2);
  expect(view.chosen?.onset).toBe(1000);
});

test("steps go from the chosen movement, or from the middle where none is chosen", () => {
  const view = night(1000, 1020, 2000);
  view.showMovement(movement(1000));
  view.step(1);
  expect(view.chosen?.onset).toBe(1020);
  view.step(-1);
  expect(view.chosen?.onset).toBe(1000);
  view.step(-1);
  expect(view.chosen?.onset).toBe(1000);
  view.showMoment(1500);
  view.step(1);
  expect(view.chosen?.onset).toBe(2000);
});
