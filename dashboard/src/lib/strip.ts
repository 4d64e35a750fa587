// The tiles of the night strip, and the words beside it.
import type { Movement, Night } from "./client";
import type { Span } from "./viewport";

export type Cover = "counted" | "up" | "not_worn" | "no_data";

/** A tile: its time, its leg movements, and how most of it is covered. */
export interface Tile {
  start: number;
  end: number;
  movements: number;
  perMinute: number;
  cover: Cover;
}

const overlap = (a: Span, b: Span) => Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));

const share = (tile: Span, spans: Span[]) =>
  spans.reduce((sum, span) => sum + overlap(tile, span), 0) / Math.max(tile.end - tile.start, 1e-9);

/** Returns a tile for each `minutes` of the night, in elapsed time: a clock change makes no difference. */
export function tiles(
  night: Pick<Night, "started" | "ended" | "uncounted" | "held">,
  movements: Movement[],
  minutes: number,
): Tile[] {
  const step = 60 * minutes;
  const count = Math.max(1, Math.ceil((night.ended - night.started) / step));
  const strip: Tile[] = Array.from({ length: count }, (_, i) => {
    const tile = {
      start: night.started + i * step,
      end: Math.min(night.started + (i + 1) * step, night.ended),
    };
    const inState = (...states: string[]) =>
      share(
        tile,
        night.held.filter(({ state }) => states.includes(state)),
      );
    const withoutSamples = share(tile, night.uncounted);
    const cover: Cover =
      withoutSamples > 0.5
        ? "no_data"
        : inState("not_worn") > 0.5
          ? "not_worn"
          : inState("upright", "walking") > 0.5
            ? "up"
            : "counted";
    return { ...tile, movements: 0, perMinute: 0, cover };
  });
  for (const movement of movements) {
    if (movement.kind !== "leg") continue;
    const tile = strip[Math.floor((movement.onset - night.started) / step)];
    if (tile) tile.movements++;
  }
  for (const tile of strip) tile.perMinute = tile.movements / Math.max((tile.end - tile.start) / 60, 1 / 60);
  return strip;
}

/** Returns the step of one hue: 0 for none, 1 for up to one a minute, 2 for up to three, 3 for more. */
export const shade = (perMinute: number): 0 | 1 | 2 | 3 =>
  perMinute <= 0 ? 0 : perMinute <= 1 ? 1 : perMinute <= 3 ? 2 : 3;

/** Returns the minutes of a tile, so that it is at least two pixels wide. */
export const minutesFor = (seconds: number, pixels: number): number =>
  [1, 2, 5, 10, 15, 30].find((minutes) => (2 * seconds) / (60 * minutes) <= pixels) ?? 60;

/** Returns the middle of the half hour with the most movements; undefined in a night without any. */
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
