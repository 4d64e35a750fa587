// The sentences that numbers become. They say what was seen, and never what it means for health.
import type { Fit, Gap, Finding, Leg, Movement, Night, NightSummary, Rules, Sensor, Status } from "./client";
import { clock, clockSeconds, duration } from "./clock";
import { foreign, n, said, t, tOr, type Key } from "./i18n.svelte";

export const RULE_SETS: Rules[] = ["wasm2016", "wasm2006", "aasm"];
export const rulesName = (rules: Rules) => t(`rules.${rules}`);

/** `368,221` */
export const whole = (value: number) => n(Math.round(value));

/** Decimals, one unless told, or a dash where there is no number. */
export const decimal = (value: number | null, places = 1) => (value === null ? "–" : n(value, places));

/** Whole numbers, or a dash where there is no number. */
export const rounded = (value: number | null) => (value === null ? "–" : whole(value));

export const side = (leg: Movement["leg"]) => t(`leg.${leg}`);
export const ankle = (leg: Leg) => t(`ankle.${leg}`);

/** What the headline's hours are. */
export const denominator = (night: Pick<NightSummary, "headline">) =>
  t(`denominator.${night.headline.denominator}`);

/** What happened, in one breath; numerator and denominator are of the same hours, which it names. */
export function summary(night: NightSummary): string {
  const { seconds, movements, periodic, series, periodic_per_hour: rate } = night.headline;
  const time = duration(seconds);
  const where = denominator(night);
  const first = movements
    ? t("night.movements", { n: movements, time, where })
    : t("night.noMovements", { time, where });
  if (!movements) return first;
  if (!periodic) return `${first} ${t("night.noSeries")}`;
  const second = t("night.series", { n: periodic, series });
  if (rate === null) return `${first} ${second}.`;
  return `${first} ${second}: ${t("night.rate", { n: Math.round(rate), where })}`;
}

/** Whether the night can be trusted: how much of it is there. */
export function trust(night: NightSummary & Partial<Pick<Night, "fits" | "gap_list">>): string[] {
  const parts = [
    t("trust.usable", { usable: duration(night.analysed_s), whole: duration(night.duration_s) }),
  ];
  const lost = night.duration_s - night.analysed_s;
  const longest = Math.max(0, ...(night.gap_list ?? []).map((gap) => gap.end - gap.start));
  const other = lost < 1 && longest >= 1;
  const gaps: Key = !night.gaps ? "trust.noGaps" : other ? "trust.gapsOneLeg" : "trust.gaps";
  parts.push(
    t(gaps, { n: night.gaps, time: duration(lost) }),
    ...(night.fits ?? []).map(
      (fit) => (night.legs.length > 1 ? `${ankle(fit.leg)}: ` : "") + fitVerdict(fit),
    ),
  );
  if (night.fits && !night.fits.length) parts.push(t("trust.noFit"));
  return parts;
}

const FETCHING_S = 10;

/** What sensors still hold of the night and are asked for; empty where that is next to nothing. */
export function fetching(sensors: Sensor[]): string {
  const missing = sensors
    .filter((sensor) => sensor.link === "streaming")
    .map((sensor) => sensor.pending_samples / (sensor.declared_rate_hz ?? Infinity));
  const seconds = Math.max(0, ...missing);
  return seconds < FETCHING_S ? "" : t("live.fetching", { time: duration(seconds) });
}

/** When it was recorded, where that is, and why it ended where nobody ended it. */
export function recorded(night: NightSummary): string {
  const when = t(night.state === "recording" ? "night.recordedUntilNow" : "night.recorded", {
    from: clock(night.started, night.zone),
    to: clock(night.ended, night.zone),
    zone: night.zone.name,
  });
  return night.ended_by ? `${when} ${t(`night.ended.${night.ended_by}`)}` : when;
}

/** Against the nights before. */
export function usualWords({ usual }: Pick<Night, "usual">): string {
  const { nights, within, low, high } = usual;
  if (low === null || high === null) return t("usual.tooFew", { n: nights });
  const range = { low: Math.round(low), high: Math.round(high) };
  if (within === nights) return t("usual.all", { n: nights, ...range });
  return t("usual.most", { within, n: nights, ...range });
}

export type Shape = "periodic" | "single" | "other";

/** How a movement is drawn: in a series, on its own, or taken for something else than a leg movement. */
export function shape(movement: Movement): Shape {
  if (movement.kind !== "leg") return "other";
  return movement.periodic ? "periodic" : "single";
}

export const sort = (movement: Movement) =>
  movement.kind === "leg" && movement.periodic
    ? t("kind.periodic")
    : tOr(`kind.${movement.kind}`, movement.kind);

export function signal(rssi: number | null): string {
  if (rssi === null) return "–";
  const strength: Key = rssi >= -65 ? "signal.strong" : rssi >= -80 ? "signal.fair" : "signal.weak";
  return t(strength, { dbm: rssi });
}

/** The first sentence of the live page. */
export function headline(status: Status): string {
  if (!status.recording || status.started === null) return t("live.nothing");
  return t("live.since", { time: clock(status.started, status.zone) });
}

export const linkSentence = (sensor: Sensor) =>
  said(`link.${sensor.detail_code || sensor.link}`, sensor.detail);

/** What a sensor says of itself, where the sentence of the link does not have it: it is in English in every language. */
export const ownWords = (sensor: Pick<Sensor, "detail" | "detail_code">): string =>
  foreign() && sensor.detail_code === "sensor_refused" ? sensor.detail.replace(/ Trying again\.$/, "") : "";

/** What keeps the recorder from its work; empty where nothing does. */
export const trouble = (status: Status): string =>
  status.trouble
    ? t("black.trouble", {
        what: said(`trouble.${status.trouble_code ?? ""}`, status.trouble, status.trouble_values),
      })
    : "";
export const gapSentence = (gap: Gap) => tOr(`gap.${gap.cause}`, gap.sentence);
export const findingSentence = (finding: Finding) => tOr(`finding.${finding.code}`, finding.sentence);

export const gapTimes = (gap: Gap, zone: Night["zone"]) =>
  t("gap.times", {
    from: clockSeconds(gap.start, zone),
    to: clockSeconds(gap.end, zone),
    time: duration(gap.end - gap.start),
    ankle: ankle(gap.leg),
  });

/** What the fit check came to, in a few words. */
export function fitVerdict(fit: Fit): string {
  const [worst] = fit.problems;
  if (!worst) return t("fit.ok");
  return t(`fit.${worst}`, { ratio: n(fit.ratio ?? 0, 1), toes: fit.toes ?? 0 });
}
