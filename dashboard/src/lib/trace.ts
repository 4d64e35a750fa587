// The last seconds of a live signal, ready to draw. New frames go in at one end, old samples leave at the other.
import { AXES, type Frame } from "./frame";

export type Columns = [Float64Array<ArrayBuffer>, ...Float32Array<ArrayBuffer>[]];

/** A smaller jump between two frames is a new fit of the sensor's clock, not a gap: legmon sends gaps as NaN. */
const JUMP_S = 1;

export class Trace {
  #times = new Float64Array(1024);
  #axes = AXES.map(() => new Float32Array(1024));
  #from = 0;
  #to = 0;

  constructor(public windowS = 30) {}

  get length(): number {
    return this.#to - this.#from;
  }

  /** Unix seconds of the newest value. */
  get end(): number | undefined {
    return this.length ? this.#times[this.#to - 1] : undefined;
  }

  clear(): void {
    this.#from = this.#to = 0;
  }

  append(frame: Frame): void {
    if (!frame.n) return;
    const step = this.end === undefined ? frame.dt : frame.t0 - this.end;
    if (step <= -JUMP_S) this.clear(); // the clock went back: another recording
    this.#reserve(frame.n + 1);
    if (this.end !== undefined && step > JUMP_S + frame.dt) this.#push(this.end + frame.dt, [NaN, NaN, NaN]);
    for (let i = 0; i < frame.n; i++) this.#times[this.#to + i] = frame.t0 + i * frame.dt;
    this.#axes.forEach((axis, k) => axis.set(frame.axes[k] ?? [], this.#to));
    this.#to += frame.n;
    const oldest = (this.end ?? 0) - this.windowS;
    while ((this.#times[this.#from] ?? oldest) < oldest) this.#from++;
  }

  /** Returns times and axes of the window as views, valid until the next `append`. */
  columns(): Columns {
    return [
      this.#times.subarray(this.#from, this.#to),
      ...this.#axes.map((axis) => axis.subarray(this.#from, this.#to)),
    ];
  }

  #push(time: number, values: number[]): void {
    this.#times[this.#to] = time;
    this.#axes.forEach((axis, k) => (axis[this.#to] = values[k] ?? NaN));
    this.#to++;
  }

  /** Makes room for `more` values: moves the window to the front, and into larger arrays if it fills half of them. */
  #reserve(more: number): void {
    const { length } = this;
    if (this.#to + more <= this.#times.length) return;
    const [times, ...axes] = this.columns();
    const capacity = Math.max(this.#times.length, 2 ** Math.ceil(Math.log2(2 * (length + more))));
    this.#times = new Float64Array(capacity);
    this.#times.set(times);
    this.#axes = axes.map((axis) => {
      const wider = new Float32Array(capacity);
      wider.set(axis);
      return wider;
    });
    this.#from = 0;
    this.#to = length;
  }
}
