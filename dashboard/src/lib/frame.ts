// Decodes a binary LGM1 frame: samples of a stored window or of the live trace.
// The layout is described in src/legmon/web/frames.py.

export interface Frame {
  /** Unix seconds of the first value. */
  t0: number;
  /** Seconds between values. */
  dt: number;
  /** Values per axis. */
  n: number;
  /** Number of the frame on a live socket. */
  seq: number;
  /** Whether values 2k and 2k + 1 are the minimum and the maximum of bucket k. */
  minMax: boolean;
  /** x, y and z in g; NaN where nothing was recorded. Views of the frame's own bytes. */
  axes: Float32Array<ArrayBuffer>[];
}

export const AXES = ["x", "y", "z"] as const;
const HEADER = 32;
const MAGIC = 0x4c474d31;

export function decode(buffer: ArrayBuffer, expectedAxes: number = AXES.length): Frame {
  if (buffer.byteLength < HEADER) throw new Error(`LGM1: ${buffer.byteLength} bytes, shorter than a header`);
  const view = new DataView(buffer);
  if (view.getUint32(0) !== MAGIC) throw new Error("LGM1: the first four bytes are something else");
  const version = view.getUint16(4, true);
  if (version !== 1) throw new Error(`LGM1: version ${version}, this page knows 1`);
  const count = view.getUint8(6);
  if (count !== expectedAxes) throw new Error(`LGM1: ${count} axes, ${expectedAxes} expected`);
  const n = view.getUint32(8, true);
  const expected = HEADER + 4 * count * n;
  if (buffer.byteLength !== expected)
    throw new Error(`LGM1: ${buffer.byteLength} bytes, ${expected} expected`);
  return {
    minMax: (view.getUint8(7) & 1) === 1,
    n,
    seq: view.getUint32(12, true),
    t0: view.getFloat64(16, true),
    dt: view.getFloat64(24, true),
    axes: Array.from({ length: count }, (_, axis) => new Float32Array(buffer, HEADER + 4 * axis * n, n)),
  };
}

/** Unix seconds of every value. */
export function times(frame: Frame): Float64Array<ArrayBuffer> {
  return Float64Array.from({ length: frame.n }, (_, i) => frame.t0 + i * frame.dt);
}
