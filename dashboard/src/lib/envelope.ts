// The night's envelope, second by second, in few numbers.

/** Returns the start and the largest value in g of each ten minutes, for the table beside the chart. */
export function largestPerTenMinutes(values: Float32Array, t0: number, seconds = 600): [number, number][] {
  const rows: [number, number][] = [];
  for (let i = 0; i < values.length; i += seconds) {
    const part = values.subarray(i, i + seconds).filter((value) => !Number.isNaN(value));
    rows.push([t0 + i, part.length ? part.reduce((most, value) => Math.max(most, value), 0) : NaN]);
  }
  return rows;
}
