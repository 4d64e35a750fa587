// The stages and cues of the fit check, in seconds of the recording's clock, so that each cue matches its samples.
import type { FitStep } from "./client";

export type Stage = "ready" | "stand" | "lie" | "still" | "toes" | "roll";

export interface Cue {
  stage: Stage;
  /** Seconds from the start of the check. */
  start: number;
  end: number;
}

export const TOES = 5;
const EVERY_S = 4;
const FIRST_S = 1;

/** The stages in order; `ready` and `lie` are time to move. */
export const STAGES: Cue[] = (() => {
  const lengths: [Stage, number][] = [
    ["ready", 3],
    ["stand", 5],
    ["lie", 8],
    ["still", 15],
    ["toes", FIRST_S + TOES * EVERY_S],
    ["roll", 6],
  ];
  let at = 0;
  return lengths.map(([stage, length]) => ({ stage, start: at, end: (at += length) }));
})();

export const LENGTH = STAGES.at(-1)?.end ?? 0;

export const stageAt = (seconds: number): Cue | undefined =>
  STAGES.find(({ start, end }) => seconds >= start && seconds < end);

/** Returns the number of the toe-up that is due now, from 1; 0 between two of them. */
export function toeAt(seconds: number): number {
  const cue = STAGES.find(({ stage }) => stage === "toes");
  const since = seconds - (cue?.start ?? 0) - FIRST_S;
  if (since < 0 || since >= TOES * EVERY_S) return 0;
  return since % EVERY_S < EVERY_S / 2 ? Math.floor(since / EVERY_S) + 1 : 0;
}

/** Names what is due at a moment, so that it sounds once: a stage, or a toe-up in it. */
export function cueName(seconds: number): string {
  const toe = toeAt(seconds);
  return toe ? `toe ${toe}` : (stageAt(seconds)?.stage ?? "");
}

/** Returns the steps of a check that began at a moment, as legmon expects them. */
export function stepsOf(began: number): FitStep[] {
  return STAGES.flatMap(({ stage, start, end }) => {
    if (stage === "ready" || stage === "lie") return [];
    const cues =
      stage === "toes" ? Array.from({ length: TOES }, (_, i) => began + start + FIRST_S + i * EVERY_S) : [];
    return [{ step: stage, start: began + start, end: began + end, cues }];
  });
}
