// Formats times and durations. Times are in the zone of the recording, never in that of the browser.
import { locale, t } from "./i18n.svelte";

/** A recording's zone: seconds to add to Unix time, and the moments at which that changes. */
export interface Zone {
  utc_offset_s: number;
  changes?: { at: number; utc_offset_s: number }[];
}

type Options = Intl.DateTimeFormatOptions;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Options): Intl.DateTimeFormat {
  const key = `${locale()} ${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(locale(), { timeZone: "UTC", hourCycle: "h23", ...options });
    formats.set(key, found);
  }
  return found;
}

/** Seconds to add to Unix time at a moment. */
export const offsetAt = (time: number, zone: Zone): number =>
  zone.changes?.findLast((change) => change.at <= time)?.utc_offset_s ?? zone.utc_offset_s;

const local = (time: number, zone: Zone) => 1000 * (time + offsetAt(time, zone));

/** `03:10` */
export const clock = (time: number, zone: Zone) =>
  format("minutes", { hour: "2-digit", minute: "2-digit" }).format(local(time, zone));

/** `03:10:05`; an hour that comes twice in a night has its offset: `02:10:05 (UTC+1)`. */
export function clockSeconds(time: number, zone: Zone): string {
  const shown = format("seconds", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return shown.format(local(time, zone)) + (isTwice(time, zone) ? ` (${offsetName(time, zone)})` : "");
}

/** `Sat 21 Nov 2026` */
export const date = (time: number, zone: Zone) =>
  format("date", { weekday: "short", day: "numeric", month: "short", year: "numeric" })
    .format(local(time, zone))
    .replace(",", "");

const noon = (label: string) => Date.parse(`${label}T12:00:00Z`);
const isThisYear = (label: string, today: Date) => label.startsWith(`${today.getFullYear()}-`);

/** The date of an evening: `2026-11-21` reads `Sat 21 Nov`, and has its year if it is not this one. */
export const evening = (label: string, today = new Date()): string =>
  isThisYear(label, today)
    ? format("day", { weekday: "short", day: "numeric", month: "short" }).format(noon(label)).replace(",", "")
    : date(noon(label) / 1000, { utc_offset_s: 0 });

/** The date of an evening as a title: `Saturday 21 November`, with its year if it is not this one. */
export function eveningLong(label: string, today = new Date()): string {
  const day: Options = { weekday: "long", day: "numeric", month: "long" };
  const shown = isThisYear(label, today)
    ? format("long day", day)
    : format("long date", { ...day, year: "numeric" });
  return shown.format(noon(label)).replace(",", "");
}

/** Whether clocks show this time twice in the recording. */
export function isTwice(time: number, zone: Zone): boolean {
  return (zone.changes ?? []).some(({ at, utc_offset_s }) => {
    const back = offsetAt(at - 1, zone) - utc_offset_s;
    return back > 0 && time >= at - back && time < at + back;
  });
}

/** `UTC+5:45` */
export function offsetName(time: number, zone: Zone): string {
  const minutes = Math.round(offsetAt(time, zone) / 60);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** Returns the first moment of a span at which the recording's clock shows a time such as `22:45`, in Unix time. */
export function momentOf(text: string, zone: Zone, start: number, end: number): number | undefined {
  const match = /^(\d{2}):(\d{2})/.exec(text);
  if (!match) return undefined;
  const second = 3600 * Number(match[1]) + 60 * Number(match[2]);
  const offsets = [zone.utc_offset_s, ...(zone.changes ?? []).map((change) => change.utc_offset_s)];
  const moments = offsets.flatMap((offset) => {
    const day = Math.floor((start + offset) / 86_400) * 86_400;
    return [0, 1, 2]
      .map((days) => day + 86_400 * days + second - offset)
      .filter((time) => time >= start - 60 && time <= end + 60 && offsetAt(time, zone) === offset);
  });
  return moments.length ? Math.min(Math.max(Math.min(...moments), start), end) : undefined;
}

/** `42 s`, `12 min`, `7 h 12 min` */
export function duration(seconds: number): string {
  if (seconds < 59.5) return t("time.seconds", { s: Math.round(seconds) });
  const minutes = Math.round(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (!hours) return t("time.minutes", { m: rest });
  return rest ? t("time.hoursMinutes", { h: hours, m: rest }) : t("time.hours", { h: hours });
}
