// How times and durations read. Times are shown in the zone of the recording, never in that of the browser.

/** Seconds to add to Unix time for the wall clock of a recording. */
export interface Zone {
  utc_offset_s: number;
}

type Options = Intl.DateTimeFormatOptions;

const format = (options: Options) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hourCycle: "h23", ...options });
const MINUTES = format({ hour: "2-digit", minute: "2-digit" });
const SECONDS = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = format({ weekday: "short", day: "numeric", month: "short", year: "numeric" });

const local = (time: number, zone: Zone) => 1000 * (time + zone.utc_offset_s);

/** `03:10` */
export const clock = (time: number, zone: Zone) => MINUTES.format(local(time, zone));

/** `03:10:05` */
export const clockSeconds = (time: number, zone: Zone) => SECONDS.format(local(time, zone));

/** `Sat 21 Nov 2026` */
export const date = (time: number, zone: Zone) => DATE.format(local(time, zone)).replace(",", "");

/** The date of an evening: `2026-11-21` reads `Sat 21 Nov 2026`. */
export const evening = (label: string) => date(Date.parse(`${label}T12:00:00Z`) / 1000, { utc_offset_s: 0 });

/** `42 s`, `12 min`, `7 h 12 min` */
export function duration(seconds: number): string {
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (!hours) return `${rest} min`;
  return rest ? `${hours} h ${rest} min` : `${hours} h`;
}
