import { expect, test } from "vitest";
import type { Frame } from "./frame";
import { Trace } from "./trace";

const frame = (t0: number, values: number[], dt = 1): Frame => ({
  t0,
  dt,
  n: values.length,
  seq: 0,
  minMax: false,
  axes: [new Float32Array(values), new Float32Array(values), new Float32Array(values)],
});

const first = (trace: Trace) => [...(trace.columns()[1] ?? [])];

test("frames join into one line", () => {
  const trace = new Trace(30);
  trace.append(frame(0, [1, 2]));
  trace.append(frame(2, [3]));
  expect([...trace.columns()[0]]).toEqual([0, 1, 2]);
  expect(first(trace)).toEqual([1, 2, 3]);
  expect(trace.end).toBe(2);
});

test("samples older than the window leave", () => {
  const trace = new Trace(3);
  trace.append(frame(0, [0, 1, 2, 3, 4, 5]));
  expect(first(trace)).toEqual([2, 3, 4, 5]);
});

test("a jump in time breaks the line instead of bridging it", () => {
  const trace = new Trace(30);
  trace.append(frame(0, [1]));
  trace.append(frame(5, [2]));
  expect(first(trace)).toEqual([1, NaN, 2]);
});

test("a clock that is fitted anew does not break the line", () => {
  const trace = new Trace(30);
  trace.append(frame(0, [1, 2], 0.02));
  trace.append(frame(0.09, [3], 0.0001));
  trace.append(frame(0.0899, [4], 0.02));
  expect(first(trace)).toEqual([1, 2, 3, 4]);
});

test("a clock that goes back starts another trace", () => {
  const trace = new Trace(30);
  trace.append(frame(100, [1, 2]));
  trace.append(frame(50, [3]));
  expect(first(trace)).toEqual([3]);
});

test("an empty frame changes nothing", () => {
  const trace = new Trace(30);
  trace.append(frame(0, []));
  expect(trace.length).toBe(0);
  expect(trace.end).toBeUndefined();
});

test("a long stream keeps exactly its window, in order", () => {
  const trace = new Trace(100);
  for (let t = 0; t < 20_000; t += 7) trace.append(frame(t, [0, 1, 2, 3, 4, 5, 6]));
  const [times] = trace.columns();
  expect(trace.length).toBe(101);
  expect([...times].every((time, i) => i === 0 || time - (times[i - 1] ?? 0) === 1)).toBe(true);
});

test("one frame larger than the store fits", () => {
  const trace = new Trace(10_000);
  trace.append(
    frame(
      0,
      Array.from({ length: 5000 }, (_, i) => i),
    ),
  );
  expect(trace.length).toBe(5000);
  expect(first(trace).at(-1)).toBe(4999);
});
