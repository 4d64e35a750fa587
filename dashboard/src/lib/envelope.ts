// The night's envelope, second by second, reduced to the pixels of a chart as multiples of the quiet level.

export interface Columns {
  times: Float64Array<ArrayBuffer>;
  values: Float32Array<ArrayBuffer>;
}

/** Values are never drawn below this multiple of the quiet level. */
export const LEAST = 0.5;

/**
 * Returns the smallest and the largest value of each bucket, one bucket a pixel; NaN where nothing was recorded.
 * @param values in g, one a second from `t0` on
 * @param floor the quiet level in g
 */
export function minMaxColumns(
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
  const multiples = new Float32Array(2 * count);
  for (let k = 0; k < count; k++) {
    let [low, high] = [Infinity, -Infinity];
    const begin = from + k * bucket;
    const until = Math.min(begin + bucket, values.length);
    for (let i = begin; i < until; i++) {
      const value = values[i] ?? NaN;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const gap = high < low;
    times[2 * k] = t0 + begin;
    times[2 * k + 1] = t0 + (begin + until) / 2;
    multiples[2 * k] = gap ? NaN : Math.max(low / floor, LEAST);
    multiples[2 * k + 1] = gap ? NaN : Math.max(high / floor, LEAST);
  }
  return { times, values: multiples };
}

/** Returns the start and the largest value in g of each ten minutes, for the table beside the chart. */
export function largestPerTenMinutes(values: Float32Array, t0: number, seconds = 600): [number, number][] {
  const rows: [number, number][] = [];
  for (let i = 0; i < values.length; i += seconds) {
    const part = values.subarray(i, i + seconds).filter((value) => !Number.isNaN(value));
    rows.push([t0 + i, part.length ? part.reduce((most, value) => Math.max(most, value), 0) : NaN]);
  }
  return rows;
}
