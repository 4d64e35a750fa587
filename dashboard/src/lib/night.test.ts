import { afterEach, expect, test, vi } from "vitest";
import * as client from "./client";
import type { Movement } from "./client";
import { agree, NightState } from "./night.svelte";

vi.mock("./client", async (original) => {
  const there = await original<typeof client>();
  const names = [
    "getNights",
    "getNight",
    "getMovements",
    "setVoluntary",
    "setNote",
    "setLights",
    "addMark",
    "removeMark",
  ];
  return { ...there, ...Object.fromEntries(names.map((name) => [name, vi.fn()])) };
});

afterEach(() => {
  vi.clearAllMocks();
  vi.unstubAllGlobals();
});

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

test("the signal opens where somebody asked for it, and steps stay there", () => {
  const view = night(1000, 2000);
  view.showMovement(movement(1000), "list");
  view.step(1);
  expect(view.open).toEqual({ time: 2000, place: "list" });
  view.close();
  expect([view.open, view.chosen]).toEqual([undefined, undefined]);
});

test("of movements that begin together, each is stepped to", () => {
  const view = night(1000, 2000);
  view.movements = [movement(1000), { ...movement(1000), id: "right-1000", leg: "right" }, movement(2000)];
  view.showMovement(movement(1000));
  view.step(1);
  expect(view.chosen?.leg).toBe("right");
  view.step(1);
  expect(view.chosen?.onset).toBe(2000);
});

test("where the signal goes is said", () => {
  const view = night(1000);
  view.showMovement(movement(1000));
  expect(view.said).toContain("single");
});

test("a night and its movements agree if they are of one moment", () => {
  expect(agree({ movements: 2 }, [movement(1), movement(2), { ...movement(3), kind: "posture" }])).toBe(true);
  expect(agree({ movements: 1 }, [movement(1), movement(2)])).toBe(false);
});

const shown = { id: "n1", legs: [], state: "closed", started: 0, ended: 100, movements: 2 };

/** What legmon answers: a list of one night, and that night. */
function serve(): void {
  vi.stubGlobal("document", { hidden: false });
  vi.mocked(client.getNights).mockResolvedValue({ nights: [shown], total: 1 } as never);
  vi.mocked(client.getNight).mockResolvedValue(shown as never);
  vi.mocked(client.getMovements).mockResolvedValue([movement(1), movement(2)]);
}

const follow = (view: NightState, id?: string) => view.follow(id, new AbortController().signal);

test("movements of a later moment than the figures are loaded again, so that list and headline agree", async () => {
  serve();
  vi.mocked(client.getNight).mockResolvedValueOnce({ ...shown, movements: 1 } as never);
  const view = new NightState();
  await follow(view, "n1");
  expect([view.night?.movements, view.movements.length]).toEqual([2, 2]);
  expect(client.getNight).toHaveBeenCalledTimes(2);
});

test("a night that there is not is said, and the list of the others is there", async () => {
  serve();
  vi.mocked(client.getNight).mockRejectedValue(new client.Refused("there is no night 'x'", "no_such_night"));
  const view = new NightState();
  await follow(view, "x");
  expect([view.missing, view.problem, view.night]).toEqual([true, "", undefined]);
  expect(view.nights?.nights.map(({ id }) => id)).toEqual(["n1"]);
});

test("a change of the latest night shows at once, says what it did, and can be taken back", async () => {
  serve();
  const view = new NightState();
  await follow(view);
  vi.mocked(client.getMovements).mockResolvedValue([{ ...movement(1), kind: "voluntary" }, movement(2)]);
  vi.mocked(client.getNight).mockResolvedValue({ ...shown, movements: 1 } as never);
  await view.markVoluntary(movement(1), true);
  expect(view.movements[0]?.kind).toBe("voluntary");
  expect(view.change?.said).toContain("It no longer counts");
  expect(view.said).toBe(view.change?.said);
  serve();
  await view.undo();
  expect(vi.mocked(client.setVoluntary).mock.calls).toEqual([
    ["n1", "left-1", true],
    ["n1", "left-1", false],
  ]);
  expect([view.movements[0]?.kind, view.change, view.said]).toEqual(["leg", undefined, "Taken back."]);
});

test("every change has a way back", async () => {
  serve();
  const lights = { off: 5, on: 9, edited: true, recorded_off: 0, recorded_on: 100 };
  const before = { text: "a", tags: [] };
  vi.mocked(client.getNight).mockResolvedValue({ ...shown, lights, note: before } as never);
  const view = new NightState();
  await follow(view);
  await view.setNote({ text: "b", tags: ["travel"] });
  await view.undo();
  expect(vi.mocked(client.setNote).mock.lastCall).toEqual(["n1", before]);
  await view.setLights({ off: null, on: null });
  await view.undo();
  expect(vi.mocked(client.setLights).mock.lastCall).toEqual(["n1", "wasm2016", { off: 5, on: 9 }]);
  await view.removeMark({ id: "left-1", leg: "left", start: 1, end: 2 });
  await view.undo();
  expect(vi.mocked(client.addMark).mock.lastCall).toEqual(["n1", { leg: "left", start: 1, end: 2 }]);
});
