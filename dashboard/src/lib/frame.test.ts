import { expect, test } from "vitest";
import { decode, times } from "./frame";

function frame({ n = 4, magic = "LGM1", version = 1, axes = 3, flags = 1 } = {}): ArrayBuffer {
  const buffer = new ArrayBuffer(32 + 4 * axes * n);
  const view = new DataView(buffer);
  [...magic].forEach((letter, i) => view.setUint8(i, letter.charCodeAt(0)));
  view.setUint16(4, version, true);
  view.setUint8(6, axes);
  view.setUint8(7, flags);
  view.setUint32(8, n, true);
  view.setUint32(12, 77, true);
  view.setFloat64(16, 100, true);
  view.setFloat64(24, 0.5, true);
  new Float32Array(buffer, 32).set(Array.from({ length: axes * n }, (_, i) => i));
  return buffer;
}

test("header and axes are read, axis after axis", () => {
  const decoded = decode(frame());
  expect(decoded).toMatchObject({ n: 4, seq: 77, t0: 100, dt: 0.5, minMax: true });
  expect(decoded.axes.map((axis) => [...axis])).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9, 10, 11],
  ]);
  expect([...times(decoded)]).toEqual([100, 100.5, 101, 101.5]);
});

test("a clear flag means raw samples", () => expect(decode(frame({ flags: 0 })).minMax).toBe(false));

test("a frame may be empty", () => expect(decode(frame({ n: 0 })).n).toBe(0));

test.each([
  ["too short for a header", new ArrayBuffer(31), /31 bytes/],
  ["another format", frame({ magic: "RIFF" }), /something else/],
  ["a later version", frame({ version: 2 }), /version 2/],
  ["another number of axes", frame({ axes: 2 }), /2 axes/],
  ["a frame cut short", frame().slice(0, 60), /60 bytes, 80 expected/],
])("%s is refused", (_, bytes, reason) => expect(() => decode(bytes)).toThrow(reason));
