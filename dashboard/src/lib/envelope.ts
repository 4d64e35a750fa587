// The night's envelope, second by second, made to fit a chart: smallest and largest of each pixel, as multiples of a quiet level.

export interface Columns {
  times: Float64Array<ArrayBuffer>;
  values: Float32Array<ArrayBuffer>;
}

/** Values are never drawn below this multiple: half the quiet level is as quiet. */
export const LEAST = 0.5;

/**
 * Pairs of smallest and largest of each bucket, as many as there are pixels; NaN where nothing was recorded.
 * @param values one a second, from `t0` on
 * @param floor what a multiple of 1 stands for
 */
export function columns(
  values: Float32Array,
  t0: number,
  floor: number,
  start: number,
  end: number,
  pixels: number,
): Columns {
  const first = Math.max(0, Math.floor(start - t0));
  const last = Math.min(values.length, Math.ceil(end - t0));
  const bucket = Math.max(1, Math.ceil((last - first) / Math.max(pixels, 1)));
  const from = Math.floor(first / bucket) * bucket;
  const count = Math.max(0, Math.ceil((last - from) / bucket));
  const times = new Float64Array(2 * count);
  const found = new Float32Array(2 * count);
  for (let k = 0; k < count; k++) {
    let [low, high] = [Infinity, -Infinity];
    const begin = from + k * bucket;
    const until = Math.min(begin + bucket, values.length);
    for (let i = begin; i < until; i++) {
      const value = values[i] ?? NaN;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const missing = high < low;
    times[2 * k] = t0 + begin;
    times[2 * k + 1] = t0 + (begin + until) / 2;
    found[2 * k] = missing ? NaN : Math.max(low / floor, LEAST);
    found[2 * k + 1] = missing ? NaN : Math.max(high / floor, LEAST);
  }
  return { times, values: found };
}

/** Largest value of each ten minutes, for who reads a table: start, and g. */
export function largest(values: Float32Array, t0: number, seconds = 600): [number, number][] {
  const rows: [number, number][] = [];
  for (let i = 0; i < values.length; i += seconds) {
    const part = values.subarray(i, i + seconds).filter((value) => !Number.isNaN(value));
    rows.push([t0 + i, part.length ? part.reduce((most, value) => Math.max(most, value), 0) : NaN]);
  }
  return rows;
}
