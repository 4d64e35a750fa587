// The night strip: what is drawn for each minute or few, and what it says in words.
import type { Gap, Movement, Night } from "./client";

export type Cover = "counted" | "up" | "not_worn" | "no_data";

/** A tile: from when to when, how many leg movements a minute, and what lay over it. */
export interface Tile {
  start: number;
  end: number;
  movements: number;
  perMinute: number;
  cover: Cover;
}

interface Spans {
  start: number;
  end: number;
}

const overlap = (a: Spans, b: Spans) => Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));

const share = (tile: Spans, spans: Spans[]) =>
  spans.reduce((sum, span) => sum + overlap(tile, span), 0) / Math.max(tile.end - tile.start, 1e-9);

/** One tile for each `minutes` of the night, in elapsed time: clocks that are set anew do not matter here. */
export function tiles(
  night: Pick<Night, "started" | "ended" | "uncounted" | "held">,
  movements: Movement[],
  minutes: number,
): Tile[] {
  const step = 60 * minutes;
  const count = Math.max(1, Math.ceil((night.ended - night.started) / step));
  const found: Tile[] = Array.from({ length: count }, (_, i) => {
    const tile = {
      start: night.started + i * step,
      end: Math.min(night.started + (i + 1) * step, night.ended),
    };
    const held = (...states: string[]) =>
      share(
        tile,
        night.held.filter((h) => states.includes(h.state)),
      );
    const missing = share(tile, night.uncounted);
    const cover: Cover =
      missing > 0.5
        ? "no_data"
        : held("not_worn") > 0.5
          ? "not_worn"
          : held("upright", "walking") > 0.5
            ? "up"
            : "counted";
    return { ...tile, movements: 0, perMinute: 0, cover };
  });
  for (const movement of movements) {
    if (movement.kind !== "leg") continue;
    const tile = found[Math.floor((movement.onset - night.started) / step)];
    if (tile) tile.movements++;
  }
  for (const tile of found) tile.perMinute = tile.movements / Math.max((tile.end - tile.start) / 60, 1 / 60);
  return found;
}

/** Four steps of one hue: none, up to one a minute, up to three, more. */
export const shade = (perMinute: number): 0 | 1 | 2 | 3 =>
  perMinute <= 0 ? 0 : perMinute <= 1 ? 1 : perMinute <= 3 ? 2 : 3;

/** Whole minutes a tile stands for, so that it is at least two pixels wide. */
export const minutesFor = (seconds: number, pixels: number): number =>
  [1, 2, 5, 10, 15, 30].find((minutes) => (2 * seconds) / (60 * minutes) <= pixels) ?? 60;

/** The middle of the half hour with most movements, of the last one up to the end; undefined in a night without any. */
export function busiest(night: Pick<Night, "started" | "ended">, movements: Movement[]): number | undefined {
  const counts = new Map<number, number>();
  for (const { kind, onset } of movements) {
    if (kind !== "leg") continue;
    const half = Math.floor((onset - night.started) / 1800);
    counts.set(half, (counts.get(half) ?? 0) + 1);
  }
  const most = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0];
  if (most === undefined) return undefined;
  const start = night.started + 1800 * most[0];
  return (start + Math.min(start + 1800, night.ended)) / 2;
}

/** Seconds without samples, of any leg. */
export const lost = (gaps: Gap[]) => gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
