// The sentences that numbers become. They say what was seen, and never what it means for health.
import type { Movement, NightSummary, Status } from "./client";
import { clock, duration } from "./clock";

export const RULES = {
  wasm2016: "WASM 2016 rules",
  wasm2006: "WASM 2006 rules",
  aasm: "AASM rules",
} as const;

const count = new Intl.NumberFormat("en-GB");

/** `368,221` */
export const whole = (value: number) => count.format(Math.round(value));

/** Decimals, one unless told, or a dash where there is no number. */
export const decimal = (value: number | null, places = 1) => value?.toFixed(places) ?? "–";

/** Whole numbers, or a dash where there is no number. */
export const rounded = (value: number | null) => (value === null ? "–" : whole(value));

export const plural = (n: number, one: string, many = `${one}s`) => `${whole(n)} ${n === 1 ? one : many}`;

export function summary(night: NightSummary): string {
  const soFar = night.state === "recording" ? " so far" : "";
  const time = `in ${duration(night.analysed_s)} recorded${soFar}.`;
  if (!night.movements) return `No leg movements ${time}`;
  const first = `${plural(night.movements, "leg movement")} ${time}`;
  if (!night.periodic) return `${first} None of them came in a periodic series.`;
  const series = `${whole(night.periodic)} of them came in ${plural(night.series, "periodic series", "periodic series")}`;
  if (night.periodic_per_hour === null) return `${first} ${series}.`;
  return `${first} ${series}: ${plural(Math.round(night.periodic_per_hour), "periodic movement")} per hour recorded.`;
}

/** When a night was recorded, and how much of it is missing. */
export function coverage(night: NightSummary): string {
  const began = `Recorded from ${clock(night.started, night.zone)}`;
  const until = night.state === "recording" ? "until now" : `to ${clock(night.ended, night.zone)}`;
  const lost = night.duration_s - night.analysed_s;
  const gaps = night.gaps
    ? `${plural(night.gaps, "gap")}, ${duration(lost)} without samples`
    : "no gaps in the recording";
  return `${began} ${until} (${night.zone.name}), ${gaps}.`;
}

const KINDS: Record<string, string> = {
  leg: "single",
  posture: "change of posture",
  locomotion: "walking",
  tremor: "shaking",
  long: "longer than a leg movement",
  bump: "bump",
  vibration: "vibration",
  artefact: "made by the sensor",
};

export type Shape = "periodic" | "single" | "other";

/** How a movement is drawn: in a series, on its own, or taken for something else than a leg movement. */
export function shape(movement: Movement): Shape {
  if (movement.kind !== "leg") return "other";
  return movement.periodic ? "periodic" : "single";
}

export const sort = (movement: Movement) =>
  movement.kind === "leg" && movement.periodic ? "periodic" : (KINDS[movement.kind] ?? movement.kind);

export function signal(rssi: number | null): string {
  if (rssi === null) return "–";
  const strength = rssi >= -65 ? "strong" : rssi >= -80 ? "fair" : "weak";
  return `${strength}, ${rssi} dBm`.replace("-", "−");
}

/** The first sentence of Tonight. */
export function headline(status: Status): string {
  if (!status.recording || status.started === null) return "Nothing is being recorded";
  return `Recording since ${clock(status.started, status.zone)}`;
}
