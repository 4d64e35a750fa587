// Which stretch of a night a chart shows, and which stretch it should load.

export interface Span {
  start: number;
  end: number;
}

/** What a chart has loaded: the span, and the seconds that one drawn value stands for; 0 for raw samples. */
export interface Loaded extends Span {
  bucket: number;
}

/** The narrowest view in seconds: about a hundred raw samples. */
export const NARROWEST = 2;

export const width = (span: Span) => span.end - span.start;

/** Moves and trims a view into the bounds. It never becomes narrower than `NARROWEST`. */
export function clamp(view: Span, bounds: Span): Span {
  const span = Math.min(Math.max(width(view), NARROWEST), width(bounds));
  const start = Math.min(Math.max(view.start, bounds.start), bounds.end - span);
  return { start, end: start + span };
}

/** Scales a view around a place in it, which keeps its time; `at` is 0 at the start and 1 at the end. */
export function zoom(view: Span, factor: number, bounds: Span, at = 0.5): Span {
  const span = Math.min(Math.max(width(view) * factor, NARROWEST), width(bounds));
  const start = view.start + at * (width(view) - span);
  return clamp({ start, end: start + span }, bounds);
}

/** Moves a view by a share of its width. */
export function pan(view: Span, share: number, bounds: Span): Span {
  const step = share * width(view);
  return clamp({ start: view.start + step, end: view.end + step }, bounds);
}

/** Returns the view of `half` seconds on either side of a moment. */
export const around = (time: number, half: number, bounds: Span) =>
  clamp({ start: time - half, end: time + half }, bounds);

export const isWhole = (view: Span, bounds: Span) => width(view) >= width(bounds) - 1e-3;

/** Returns what to load for a view: three times its width, so that moving by a screen needs no request. */
export function spanToLoad(view: Span, bounds: Span): Span {
  const span = width(view);
  return { start: Math.max(bounds.start, view.start - span), end: Math.min(bounds.end, view.end + span) };
}

/** The most samples per axis that are loaded raw: 240 kB for three axes. */
const MOST_RAW = 20_000;

/**
 * Returns how many points to load: one a pixel of the view, or enough for raw samples where these are few.
 * legmon answers with raw samples if there are at most twice as many as points. The rate is known only roughly, so
 * the number has room.
 */
export function pointsToLoad(load: Span, view: Span, pixels: number, rate: number): number {
  const samples = width(load) * rate;
  if (samples <= MOST_RAW) return Math.max(2, Math.ceil(0.55 * samples));
  return Math.min(MOST_RAW, Math.round((pixels * width(load)) / width(view)));
}

/** Whether the loaded data cover a view that is `pixels` wide, and finely enough. */
export function covers(loaded: Loaded, view: Span, pixels: number): boolean {
  const contains = loaded.start <= view.start + 1e-3 && loaded.end >= view.end - 1e-3;
  return contains && loaded.bucket <= (1.05 * width(view)) / pixels;
}
