import { expect, test } from "vitest";
import type { DemoState } from "./client";
import { demoPage } from "./demo.svelte";

const state: DemoState = {
  running: true,
  past: 14,
  recorded: 0,
  step: "",
  speed: 1,
  share: 0.2,
  tonight: null,
  over: false,
  movements: 0,
  in_series: 0,
};

test("while the first nights are recorded, every page says how far they are", () => {
  for (const wanted of ["tonight", "live", "night"] as const)
    expect(demoPage(state, wanted, true, false)).toBe("preparing");
  expect(demoPage(state, "setup", true, false)).toBe("setup");
});

test("as soon as there is a night, it is shown", () => {
  const first = { ...state, recorded: 1 };
  for (const wanted of ["tonight", "live", "night"] as const)
    expect(demoPage(first, wanted, true, false)).toBe("night");
});

test("tonight is shown as it arrives, not a black page", () => {
  const arriving = { ...state, recorded: 2, tonight: "2026-11-21-2245" };
  expect(demoPage(arriving, "tonight", false, true)).toBe("night");
  expect(demoPage(arriving, "tonight", true, true)).toBe("night");
  expect(demoPage(arriving, "live", true, true)).toBe("live");
});

test("when it is over, the night stays, and Tonight is there for whoever asks for it", () => {
  const over = { ...state, recorded: 14, tonight: "2026-11-21-2245", over: true };
  expect(demoPage(over, "tonight", false, false)).toBe("night");
  expect(demoPage(over, "live", true, false)).toBe("night");
  expect(demoPage(over, "tonight", true, false)).toBe("tonight");
});
