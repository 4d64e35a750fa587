// Turns numbers and codes into the sentences of the pages. They say what was measured, never what it means for health.
import type {
  DiskRoom,
  Fit,
  Finding,
  Gap,
  Leg,
  Movement,
  Night,
  NightSummary,
  Preflight,
  PreflightItem,
  Rules,
  Sensor,
  Status,
} from "./client";
import { clock, clockSeconds, duration, type Zone } from "./clock";
import { isEnglish, n, t, tOr, translated, type Key } from "./i18n.svelte";

export const RULE_SETS: Rules[] = ["wasm2016", "wasm2006", "aasm"];
export const rulesName = (rules: Rules) => t(`rules.${rules}`);

/** `368,221` */
export const whole = (value: number) => n(Math.round(value));

/** A number with decimals, or a dash where there is none. */
export const decimal = (value: number | null, places = 1) => (value === null ? "–" : n(value, places));

/** A value on an axis in g, as the language writes it. */
export const inG = (value: number) => n(value, 2);

/** A whole number, or a dash where there is none. */
export const rounded = (value: number | null) => (value === null ? "–" : whole(value));

export const legName = (leg: Movement["leg"]) => t(`leg.${leg}`);
export const ankleName = (leg: Leg) => t(`ankle.${leg}`);

/** Returns the text for an error. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the hours of the headline are. */
export const denominator = (night: Pick<NightSummary, "headline">) =>
  t(`denominator.${night.headline.denominator}`);

/** Below this, the hours of a night give no rate. */
const SHORTEST_S = 1800;

/** The rate of a night, in series per hour; null where there is none, or too little of the night for one. */
export const rateOf = ({ headline }: Pick<NightSummary, "headline">): number | null =>
  headline.seconds < SHORTEST_S ? null : headline.periodic_per_hour;

/** What happened in a night, in one sentence. `overWhat` says in which hours. */
export function summary(night: NightSummary): string {
  const { movements, periodic } = night.headline;
  const so = night.state === "recording" ? t("night.soFar") : "";
  if (!movements) return `${so}${t("night.noMovements")}`;
  const rate = rateOf(night);
  if (!periodic) return `${so}${t("night.noSeries", { n: movements })}`;
  const counted = { n: periodic, all: movements };
  return (
    so +
    (rate === null ? t("night.series", counted) : t("night.rate", { ...counted, rate: Math.round(rate) }))
  );
}

/** Why a night has no rate; empty where it has one. */
export const tooShort = ({ headline }: Pick<NightSummary, "headline">): string =>
  headline.seconds < SHORTEST_S ? t("night.tooShort") : "";

/** The hours of the headline, the legs, and that lying awake counts. */
export function overWhat(night: NightSummary & Pick<Night, "lights">): string {
  const { seconds, denominator: hours } = night.headline;
  const values = {
    time: duration(seconds),
    legs: t(`legs.${night.legs.length > 1 ? "both" : (night.legs[0] ?? "left")}`),
  };
  const kind = hours === "lying" ? "lying" : night.lights.edited ? "bed" : "recording";
  return t(`night.over.${kind}`, values);
}

/** That much of the night is missing, so that the number is for the rest alone; empty where nine tenths or more are there. */
export const partial = (night: Pick<NightSummary, "duration_s" | "analysed_s">): string =>
  coverage(night) < ENOUGH_COVERAGE
    ? t("night.partial", { usable: duration(night.analysed_s), whole: duration(night.duration_s) })
    : "";

/** How much of the night is there, and the fit check. What `partial` says is not said again. */
export function trust(night: NightSummary & Pick<Night, "fits" | "gap_list">): string {
  const lost = night.duration_s - night.analysed_s;
  const longest = Math.max(0, ...night.gap_list.map((gap) => gap.end - gap.start));
  const values = { n: night.gaps, usable: duration(night.analysed_s), whole: duration(night.duration_s) };
  const all = night.state === "recording" ? "trust.allSoFar" : "trust.all";
  const there = !night.gaps
    ? t(all)
    : lost < 1 && longest >= 1
      ? t("trust.oneLeg", values)
      : values.usable === values.whole
        ? t("trust.seconds", { n: night.gaps, time: duration(lost) })
        : t("trust.gaps", values);
  const fits = night.fits.map((fit) =>
    night.legs.length > 1 ? `${t(`Ankle.${fit.leg}`)}: ${fitVerdict(fit)}` : fitVerdict(fit),
  );
  return [...(partial(night) ? [] : [there]), ...(fits.length ? fits : [t("trust.noFit")])].join(" ");
}

/** The share of a night's time that was recorded and can be counted. */
export const coverage = (night: Pick<NightSummary, "duration_s" | "analysed_s">): number =>
  night.duration_s ? night.analysed_s / night.duration_s : 1;

/** Below this share, the missing time changes the number. */
export const ENOUGH_COVERAGE = 0.9;

/** Why the night's number may be off; empty where nothing is known against it. */
export function doubt(night: Pick<Night, "duration_s" | "analysed_s" | "verdict" | "quality">): string {
  const findings = night.verdict === "look" ? night.quality.map(findingSentence) : [];
  if (night.verdict === "poor") return t("night.poor");
  return findings.length ? `${t("trust.look")} ${findings.join(" ")}` : "";
}

/** How many of the listed movements are not counted, by reason; empty where all count. */
export function notCounted(movements: Pick<Movement, "kind">[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of movements) if (kind !== "leg") counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([kind, count]) => `${tOr(`kind.${kind}`, kind)} ${whole(count)}`);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return total ? t("table.notCounted", { n: total, all: movements.length, kinds: kinds.join(", ") }) : "";
}

/** Leg movements outside the headline's hours: they are listed and not counted. Empty where there are none. */
export function outsideHours(
  night: Pick<NightSummary, "headline">,
  movements: Pick<Movement, "kind">[],
): string {
  const outside = movements.filter(({ kind }) => kind === "leg").length - night.headline.movements;
  return outside > 0 ? t("numbers.outside", { n: outside, where: denominator(night) }) : "";
}

const FETCHING_S = 10;

/** What legmon still fetches from the sensors' memories; empty where that is next to nothing. */
export function fetchingSentence(sensors: Sensor[]): string {
  const pending = sensors
    .filter((sensor) => sensor.link === "streaming")
    .map((sensor) => sensor.pending_samples / (sensor.declared_rate_hz ?? Infinity));
  const seconds = Math.max(0, ...pending);
  return seconds < FETCHING_S ? "" : t("live.fetching", { time: duration(seconds) });
}

/** From when to when the night was recorded, in which zone, and why it ended where nobody stopped it. */
export function recorded(night: NightSummary): string {
  const when = t(night.state === "recording" ? "night.recordedUntilNow" : "night.recorded", {
    from: clock(night.started, night.zone),
    to: clock(night.ended, night.zone),
    zone: night.zone.name,
  });
  return night.ended_by ? `${when} ${t(`night.ended.${night.ended_by}`)}` : when;
}

/** What the night is compared with, or why with nothing yet. The nights themselves are drawn beside it. */
export function comparison(night: Pick<Night, "usual" | "legs" | "headline">): string {
  const { nights, low, earlier, other_legs } = night.usual;
  if (low !== null) return t("usual.nights", { n: nights });
  if (earlier && other_legs === earlier)
    return t(night.legs.length > 1 ? "usual.oneSensor" : "usual.otherLegs", { n: earlier });
  if (nights === earlier) return t("usual.first", { at: String(earlier + 1) });
  return t("usual.few", { n: nights, all: earlier });
}

/** The compared nights and this one in words, for who does not see them drawn. */
export function range(night: Pick<Night, "usual" | "headline">): string {
  const { nights, rates } = night.usual;
  const rate = rateOf(night);
  const values = { n: nights, low: Math.round(Math.min(...rates)), high: Math.round(Math.max(...rates)) };
  const others = t("usual.range", values);
  return rate === null ? others : `${others} ${t("usual.this", { rate: Math.round(rate) })}`;
}

export type Shape = "periodic" | "single" | "other";

/** How a movement is drawn: in a series, single, or not a leg movement. */
export function shape(movement: Movement): Shape {
  if (movement.kind !== "leg") return "other";
  return movement.periodic ? "periodic" : "single";
}

export const kindName = (movement: Movement) =>
  movement.kind === "leg" && movement.periodic
    ? t("kind.periodic")
    : tOr(`kind.${movement.kind}`, movement.kind);

/** What decided of a movement: its series and the movement before it, or why it is not counted. */
export function verdict(movement: Movement): string {
  const { kind, periodic, series, interval_s } = movement;
  if (kind !== "leg") return t("detail.notCounted", { kind: kindName(movement) });
  const before =
    interval_s === null ? "" : t("detail.before", { s: decimal(interval_s, interval_s < 10 ? 1 : 0) });
  const name = periodic ? t("detail.inSeries", { n: series ?? 0 }) : t("detail.single");
  return before ? t("detail.and", { what: name, before }) : name;
}

/** Below this confidence, a movement is borderline. */
const CLEAR = 0.8;

/** How sure the detector is of a movement; undefined where it does not say. */
export const sureness = ({ confidence }: Pick<Movement, "confidence">): "clear" | "borderline" | undefined =>
  confidence === null ? undefined : confidence < CLEAR ? "borderline" : "clear";

/** How sure the detector is of a movement, in a word; empty where it does not say. */
export function sure(movement: Pick<Movement, "confidence">): string {
  const known = sureness(movement);
  return known ? t(`sure.${known}`) : "";
}

/** How many leg movements are borderline; empty where the detector does not say of any how sure it is. */
export function borderline(movements: Pick<Movement, "kind" | "confidence">[]): string {
  const known = movements.filter((movement) => movement.kind === "leg" && sureness(movement));
  const few = known.filter((movement) => sureness(movement) === "borderline");
  return known.length ? t("quality.borderline", { n: few.length, all: known.length }) : "";
}

/** A movement in a line: when, where, how strong, how long, how sure it is, and what it was taken for. */
export function moved(movement: Movement, zone: Zone): string {
  const when = clockSeconds(movement.onset, zone);
  const measured = [
    ...(movement.peak_mg === null ? [] : [`${whole(movement.peak_mg)} mg`]),
    t("time.secondsOnly", { s: decimal(movement.offset - movement.onset) }),
    ...(sureness(movement) ? [sure(movement)] : []),
  ];
  return `${when}, ${legName(movement.leg)}: ${measured.join(", ")}, ${verdict(movement)}`;
}

/** The cause of a gap in two or three words. */
export const gapWords = (gap: Pick<Gap, "cause">) => tOr(`cause.${gap.cause}`, gap.cause);

/** Whether the person can say of a movement that it was voluntary, or take that back. */
export const canBeVoluntary = ({ kind }: Pick<Movement, "kind">) => kind === "leg" || kind === "voluntary";

export function signalStrength(rssi: number | null): string {
  if (rssi === null) return "–";
  const strength: Key = rssi >= -65 ? "signal.strong" : rssi >= -80 ? "signal.fair" : "signal.weak";
  return t(strength, { dbm: rssi });
}

/** The heading of the live page. */
export function liveHeadline(status: Status): string {
  if (!status.recording || status.started === null) return t("live.nothing");
  return t("live.since", { time: clock(status.started, status.zone) });
}

export const linkSentence = (sensor: Sensor) =>
  translated(`link.${sensor.detail_code || sensor.link}`, sensor.detail);

/** The sensor's own words where the translated sentence leaves them out. They are English in every language. */
export const sensorWords = (sensor: Pick<Sensor, "detail" | "detail_code">): string =>
  !isEnglish() && sensor.detail_code === "sensor_refused"
    ? sensor.detail.replace(/ Trying again\.$/, "")
    : "";

/** What keeps the recorder from recording; empty where nothing does. */
export const troubleSentence = (status: Status): string =>
  status.trouble
    ? t("black.trouble", {
        what: translated(`trouble.${status.trouble_code ?? ""}`, status.trouble, status.trouble_values),
      })
    : "";

export const gapSentence = (gap: Gap) => translated(`gap.${gap.cause}`, gap.sentence);
export const findingSentence = (finding: Finding) => translated(`finding.${finding.code}`, finding.sentence);

export const gapTimes = (gap: Gap, zone: Zone) =>
  t("gap.times", {
    from: clockSeconds(gap.start, zone),
    to: clockSeconds(gap.end, zone),
    time: duration(gap.end - gap.start),
    ankle: ankleName(gap.leg),
  });

/** The result of the fit check: its worst problem, with what to do. */
export const fitVerdict = (fit: Fit): string =>
  translated(`fit.${fit.problems[0] ?? "ok"}`, fit.sentence, {
    ratio: n(fit.ratio ?? 0, 1),
    toes: fit.toes ?? 0,
  });

/** How many nights still fit on the disk, and what a night takes. */
export function diskSentences(disk: DiskRoom): string {
  const gb = disk.free_bytes / 1e9;
  const mb = Math.round(disk.night_bytes / 1e6);
  const recording = Math.round(disk.recording_bytes / 1e6);
  const key = disk.measured_nights ? "settings.disk.measured" : "settings.disk.estimated";
  const sentences = [
    t("settings.disk.room", { gb: n(gb, gb < 10 ? 1 : 0), n: disk.nights }),
    t(key, { hours: disk.night_hours, mb: n(mb), n: disk.measured_nights }),
  ];
  if (recording > mb) sentences.push(t("settings.disk.recording", { mb: n(recording) }));
  return sentences.join(" ");
}

/** Whether the night can begin, in one sentence. */
export const readiness = (list: Preflight | undefined): string =>
  t(!list ? "tonight.title" : list.may_start ? "tonight.ready" : "tonight.notYet");

/** Which ankles wear a sensor, and for how long it has charge. */
export function worn({ legs, items }: Preflight): string {
  const who = t(legs.length > 1 ? "tonight.both" : "tonight.one", { ankle: ankleName(legs[0] ?? "left") });
  const battery = items.find(({ item }) => item === "battery");
  const values = battery?.values ?? {};
  if (battery?.code === "nights")
    return `${who} · ${t("tonight.batteryNights", { n: Math.round(values.nights ?? 0) })}`;
  if (values.percent === undefined) return who;
  return `${who} · ${t("tonight.batteryPercent", { percent: Math.round(values.percent) })}`;
}

/** The sentence of one line of the list before the night, with what to do. */
export function preflightSentence({ item, code, values }: PreflightItem, fits: Fit[], zone: Zone): string {
  const fit = fits.find((check) => check.problems.length);
  if (item === "fit" && fit && code !== "none") return t("item.fit.problem", { what: fitVerdict(fit) });
  const shown = Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (name === "now") return ["time", clock(value, zone)];
      const oneDecimal = name === "hz" || (name === "gb" && value < 10);
      return [name, oneDecimal ? n(value, 1) : Math.round(value)];
    }),
  );
  return tOr(`item.${item}.${code}`, code, shown);
}
