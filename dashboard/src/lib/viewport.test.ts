import { expect, test } from "vitest";
import {
  around,
  clamp,
  covers,
  isWhole,
  NARROWEST,
  pan,
  pointsToLoad,
  spanToLoad,
  width,
  zoom,
} from "./viewport";

const night = { start: 1000, end: 29_800 };

test("a view beyond the night is moved back, not narrowed", () => {
  expect(clamp({ start: 0, end: 600 }, night)).toEqual({ start: 1000, end: 1600 });
  expect(clamp({ start: 29_700, end: 30_300 }, night)).toEqual({ start: 29_200, end: 29_800 });
});

test("a view is never wider than the night", () => {
  expect(clamp({ start: 0, end: 99_999 }, night)).toEqual(night);
});

test("a night shorter than the narrowest view is shown whole", () => {
  const short = { start: 5, end: 6 };
  expect(clamp({ start: 5.2, end: 5.3 }, short)).toEqual(short);
});

test("zooming keeps the time under the pointer", () => {
  const view = { start: 2000, end: 3000 };
  const closer = zoom(view, 0.5, night, 0.2);
  expect(closer.start + 0.2 * width(closer)).toBeCloseTo(2200);
  expect(width(closer)).toBeCloseTo(500);
});

test("zooming ends at the narrowest view, around the same time", () => {
  const view = zoom({ start: 2000, end: 2010 }, 1e-6, night);
  expect(width(view)).toBeCloseTo(NARROWEST);
  expect(view.start).toBeCloseTo(2004);
});

test("panning stops at the ends of the night", () => {
  expect(pan({ start: 2000, end: 3000 }, 0.25, night)).toEqual({ start: 2250, end: 3250 });
  expect(pan({ start: 1100, end: 2100 }, -0.25, night)).toEqual({ start: 1000, end: 2000 });
});

test("a movement near the start is shown in a full window", () => {
  expect(around(1010, 30, night)).toEqual({ start: 1000, end: 1060 });
});

test("the whole night is known to be whole", () => {
  expect(isWhole(night, night)).toBe(true);
  expect(isWhole({ start: 1000, end: 29_000 }, night)).toBe(false);
});

test("three times the view is loaded, within the night", () => {
  expect(spanToLoad({ start: 5000, end: 6000 }, night)).toEqual({ start: 4000, end: 7000 });
  expect(spanToLoad({ start: 1200, end: 2200 }, night)).toEqual({ start: 1000, end: 3200 });
});

test("a minute either side of a movement comes as raw samples, a night as one bucket a pixel", () => {
  const minute = { start: 5000, end: 5060 };
  expect(2 * pointsToLoad(spanToLoad(minute, night), minute, 800, 50)).toBeGreaterThan(180 * 50 * 1.05);
  expect(pointsToLoad(night, night, 800, 50)).toBe(800);
  expect(
    pointsToLoad(spanToLoad({ start: 5000, end: 9000 }, night), { start: 5000, end: 9000 }, 800, 50),
  ).toBe(2400);
});

test("loaded data are used for a view that they cover finely enough", () => {
  const loaded = { start: 4000, end: 7000, bucket: 1 };
  expect(covers(loaded, { start: 5500, end: 6500 }, 1000)).toBe(true);
  expect(covers(loaded, { start: 6500, end: 7500 }, 1000)).toBe(false);
  expect(covers(loaded, { start: 5500, end: 6000 }, 1000)).toBe(false);
  expect(covers({ ...loaded, bucket: 0 }, { start: 5500, end: 5510 }, 1000)).toBe(true);
});
