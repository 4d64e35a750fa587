// The rows of a night: one an hour of the recording's clock. They are the one time axis of the page.
import type { Leg, Movement, Night } from "./client";
import { offsetAt, type Zone } from "./clock";
import type { Span } from "./viewport";

/** A part of one hour of the clock. It ends with the hour, with the night, or where the clocks are set. */
export interface Row extends Span {
  /** The hour that the clock shows, 0 to 23. */
  hour: number;
  /** Seconds from the full hour to the start of the row. */
  second: number;
}

/** Pixels left of every chart of the page, for the hour or the values of an axis. */
export const LEFT = 48;
/** Pixels right of every chart of the page. */
export const RIGHT = 24;

const HOUR = 3600;

/** Names an hour among the things that can have the focus; no movement has such an id. */
export const hourName = (row: Row): string => `hour ${row.start}`;

/** Returns the rows of a night. A clock that is set back makes an hour that comes twice, so two rows. */
export function hourRows({ started, ended, zone }: { started: number; ended: number; zone: Zone }): Row[] {
  const cuts = (zone.changes ?? []).map(({ at }) => at).filter((at) => at > started && at < ended);
  const edges = [started, ...cuts, Math.max(ended, started + 1)];
  return edges.slice(0, -1).flatMap((from, i) => {
    const to = edges[i + 1] ?? ended;
    const offset = offsetAt(from, zone);
    const rows: Row[] = [];
    for (let start = from; start < to - 1e-6;) {
      const local = start + offset;
      const full = Math.floor(local / HOUR + 1e-9) * HOUR;
      const end = Math.min(full + HOUR - offset, to);
      rows.push({
        start,
        end,
        hour: Math.floor((((full / HOUR) % 24) + 24) % 24),
        second: Math.max(0, local - full),
      });
      start = end;
    }
    return rows;
  });
}

/** The place of a moment in its hour: 0 at the full hour, 1 at the next one. */
export const placeIn = (row: Row, time: number): number => (row.second + time - row.start) / HOUR;

/** The moment at a place of a row, within the row. */
export const momentIn = (row: Row, place: number): number =>
  Math.min(Math.max(row.start + place * HOUR - row.second, row.start), row.end);

/** Returns the number of the row that a moment is in; of a moment outside the night, that of the nearest row. */
export function rowOf(rows: Row[], time: number): number {
  const at = rows.findIndex(({ start, end }) => time >= start && time < end);
  return at >= 0 ? at : time < (rows[0]?.start ?? 0) ? 0 : Math.max(0, rows.length - 1);
}

/** Returns the parts of spans that are in a row. */
export const within = <T extends Span>(row: Span, spans: T[]): T[] =>
  spans
    .filter(({ start, end }) => end > row.start && start < row.end)
    .map((span) => ({ ...span, start: Math.max(span.start, row.start), end: Math.min(span.end, row.end) }));

/** Whether a movement is one of a leg; a movement of both legs is one of each. */
export const isOf = (leg: Leg, movement: Pick<Movement, "leg">): boolean =>
  movement.leg === leg || movement.leg === "both";

/** Where, in the height of a lane, a value in g is drawn: 0 at 2 mg or less, 1 at 2 g; it doubles ten times between. */
export const heightOf = (g: number): number => Math.min(Math.max(Math.log2(g / LOWEST_G) / 10, 0), 1);
const LOWEST_G = 0.002;

/**
 * Returns the outline of a row's signal as an SVG path: the largest value of each pixel, and no line where there are no samples.
 * @param values in g, one a second from `t0` on
 * @param x pixel of a moment
 * @param base pixel of the lane's bottom
 */
export function outline(
  values: Float32Array,
  t0: number,
  row: Row,
  x: (time: number) => number,
  base: number,
  height: number,
): string {
  const [first, last] = [
    Math.max(0, Math.ceil(row.start - t0)),
    Math.min(values.length, Math.ceil(row.end - t0)),
  ];
  const step = Math.max(1, HOUR / Math.max(x(row.start + HOUR) - x(row.start), 1));
  const parts: string[] = [];
  let open = false;
  let end = 0;
  for (let from = first; from < last; from += step) {
    let most = -1;
    for (let i = Math.floor(from); i < Math.min(from + step, last); i++) {
      const value = values[i] ?? NaN;
      if (value > most) most = value;
    }
    const at = x(t0 + from).toFixed(1);
    if (most < 0) {
      if (open) parts.push(`V${base}Z`);
      open = false;
      continue;
    }
    const y = (base - height * heightOf(most)).toFixed(1);
    parts.push(open ? `L${at} ${y}` : `M${at} ${base}V${y}`);
    open = true;
    end = Number(at);
  }
  if (open) parts.push(`H${end + 1}V${base}Z`);
  return parts.join("");
}

/** The leg movements of a row, those of them in a series, and its seconds without samples, for its sentence. */
export interface Tally {
  movements: number;
  periodic: number;
  missing: number;
  up: number;
}

/** Counts what a row holds. */
export function tally(row: Row, night: Pick<Night, "uncounted" | "held">, movements: Movement[]): Tally {
  const inside = movements.filter(
    ({ kind, onset }) => kind === "leg" && onset >= row.start && onset < row.end,
  );
  const seconds = (spans: Span[]) => spans.reduce((sum, { start, end }) => sum + end - start, 0);
  return {
    movements: inside.length,
    periodic: inside.filter(({ periodic }) => periodic).length,
    missing: seconds(within(row, night.uncounted)),
    up: seconds(within(row, night.held.filter(isUp))),
  };
}

/** Returns when the leg was up or the sensor not worn; what touches is one. */
export function notLying(night: Pick<Night, "held">): (Span & { up: boolean })[] {
  const found: (Span & { up: boolean })[] = [];
  for (const held of night.held) {
    if (!isUp(held) && held.state !== "not_worn") continue;
    const last = found.at(-1);
    if (last?.up === isUp(held) && held.start - last.end < 1) last.end = held.end;
    else found.push({ start: held.start, end: held.end, up: isUp(held) });
  }
  return found;
}

/** Whether the leg was upright or walked. */
export const isUp = ({ state }: Pick<Night["held"][number], "state">): boolean =>
  state === "upright" || state === "walking";

/** Returns the nearest of some movements to a moment, if one is within so many seconds. */
export function nearest(movements: Movement[], time: number, within_s: number): Movement | undefined {
  let best: Movement | undefined;
  for (const movement of movements) {
    const away = Math.abs(movement.onset - time);
    if (away <= within_s && away < Math.abs((best?.onset ?? Infinity) - time)) best = movement;
  }
  return best;
}
