// Which stretch of a night a chart shows, and which it should have asked for.

export interface Span {
  start: number;
  end: number;
}

/** What a chart holds: its span and the seconds that one drawn value stands for; 0 for raw samples. */
export interface Loaded extends Span {
  bucket: number;
}

/** The narrowest view, in seconds: about a hundred raw samples. */
export const NARROWEST = 2;

export const width = (span: Span) => span.end - span.start;

/** Moves and trims a view into its bounds, without narrowing it below what can be seen. */
export function clamp(view: Span, bounds: Span): Span {
  const span = Math.min(Math.max(width(view), NARROWEST), width(bounds));
  const start = Math.min(Math.max(view.start, bounds.start), bounds.end - span);
  return { start, end: start + span };
}

/** Scales a view around `at` (0 its start, 1 its end), which keeps its place. */
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

export const around = (time: number, half: number, bounds: Span) =>
  clamp({ start: time - half, end: time + half }, bounds);

export const isWhole = (view: Span, bounds: Span) => width(view) >= width(bounds) - 1e-3;

/** Three times the view, so that moving by a screen needs no request. */
export function request(view: Span, bounds: Span): Span {
  const span = width(view);
  return { start: Math.max(bounds.start, view.start - span), end: Math.min(bounds.end, view.end + span) };
}

/** The most samples per axis that are asked for raw: 240 kB for three axes. */
const RAW = 20_000;

/**
 * Points to ask for: one a pixel of the view, or as many as bring raw samples where these are few, with
 * room for a rate that is known roughly.
 * legmon answers with raw samples as long as they are no more than twice the points.
 */
export function points(asked: Span, view: Span, pixels: number, rate: number): number {
  const samples = width(asked) * rate;
  if (samples <= RAW) return Math.max(2, Math.ceil(0.55 * samples));
  return Math.min(RAW, Math.round((pixels * width(asked)) / width(view)));
}

/** Whether what is held covers a view that is `pixels` wide, and finely enough. */
export function serves(loaded: Loaded, view: Span, pixels: number): boolean {
  const covers = loaded.start <= view.start + 1e-3 && loaded.end >= view.end - 1e-3;
  return covers && loaded.bucket <= (1.05 * width(view)) / pixels;
}
