import { expect, test } from "vitest";
import { NARROWEST, width } from "./viewport";
import { Zoom, type KeyPress, type Wheel } from "./zoom.svelte";

const night = { start: 1000, end: 29_800 };

function zoomed(start = 2000, end = 3000): Zoom {
  const zoom = new Zoom();
  zoom.bounds = night;
  zoom.show({ start, end });
  return zoom;
}

const wheel = (some: Partial<Wheel>): Wheel => ({
  ctrlKey: false,
  shiftKey: false,
  deltaX: 0,
  deltaY: 0,
  deltaMode: 0,
  ...some,
});

const key = (name: string, some: Partial<KeyPress> = {}): KeyPress => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...some,
});

test("a wheel without Ctrl scrolls the page and leaves the chart alone", () => {
  const zoom = zoomed();
  expect(zoom.wheel(wheel({ deltaY: 100 }), 0.5)).toBe(false);
  expect(zoom.view).toEqual({ start: 2000, end: 3000 });
});

test("a wheel with Ctrl zooms around the pointer, in and out", () => {
  const zoom = zoomed();
  expect(zoom.wheel(wheel({ ctrlKey: true, deltaY: -100 }), 0.2)).toBe(true);
  expect(width(zoom.view)).toBeLessThan(1000);
  expect(zoom.view.start + 0.2 * width(zoom.view)).toBeCloseTo(2200);
  zoom.wheel(wheel({ ctrlKey: true, deltaY: 100 }), 0.2);
  expect(zoom.view.start).toBeCloseTo(2000);
  expect(zoom.view.end).toBeCloseTo(3000);
});

test("a wheel with Ctrl never zooms the page, even where the chart cannot go further", () => {
  const zoom = zoomed();
  zoom.showAll();
  expect(zoom.wheel(wheel({ ctrlKey: true, deltaY: 100 }), 0.5)).toBe(true);
  expect(zoom.view).toEqual(night);
});

test("a wheel that counts lines moves as far as one that counts pixels", () => {
  const [pixels, lines] = [zoomed(), zoomed()];
  pixels.wheel(wheel({ ctrlKey: true, deltaY: -48 }), 0.5);
  lines.wheel(wheel({ ctrlKey: true, deltaY: -3, deltaMode: 1 }), 0.5);
  expect(lines.view.start).toBeCloseTo(pixels.view.start);
});

test("Shift or a sideways wheel moves the chart until the night ends", () => {
  for (const turn of [wheel({ deltaX: 100, deltaY: 5 }), wheel({ shiftKey: true, deltaY: 100 })]) {
    const zoom = zoomed();
    expect(zoom.wheel(turn, 0.5)).toBe(true);
    expect(zoom.view).toEqual({ start: 2100, end: 3100 });
    zoom.show({ start: 28_800, end: 29_800 });
    expect(zoom.wheel(turn, 0.5)).toBe(false);
  }
});

test.each([
  ["+", { start: 2250, end: 2750 }],
  ["=", { start: 2250, end: 2750 }],
  ["-", { start: 1500, end: 3500 }],
  ["ArrowLeft", { start: 1750, end: 2750 }],
  ["ArrowRight", { start: 2250, end: 3250 }],
  ["Home", night],
])("the key %s", (name, view) => {
  const zoom = zoomed();
  expect(zoom.press(key(name))).toBe(true);
  expect(zoom.view).toEqual(view);
});

test.each([key("Tab"), key("a"), key("+", { ctrlKey: true }), key("-", { metaKey: true })])(
  "a key that is not for the chart is left to the browser",
  (press) => {
    const zoom = zoomed();
    expect(zoom.press(press)).toBe(false);
    expect(zoom.view).toEqual({ start: 2000, end: 3000 });
  },
);

test("keys and buttons stop at the same limits", () => {
  const zoom = zoomed();
  for (let i = 0; i < 40; i++) zoom.zoomIn();
  expect(width(zoom.view)).toBeCloseTo(NARROWEST);
  for (let i = 0; i < 40; i++) zoom.zoomOut();
  expect(zoom.view).toEqual(night);
  expect(zoom.isWhole).toBe(true);
  zoom.show({ start: 28_000, end: 29_000 });
  for (let i = 0; i < 10; i++) zoom.later();
  expect(zoom.view).toEqual({ start: 28_800, end: 29_800 });
  for (let i = 0; i < 100; i++) zoom.earlier();
  expect(zoom.view).toEqual({ start: 1000, end: 2000 });
});

test("a night that grows stays whole where it was whole, and keeps its view otherwise", () => {
  const longer = { start: 1000, end: 30_000 };
  const whole = zoomed();
  whole.showAll();
  whole.setBounds(longer);
  expect(whole.view).toEqual(longer);
  const part = zoomed();
  part.setBounds(longer);
  expect(part.view).toEqual({ start: 2000, end: 3000 });
});

test("the minutes around a moment stay within the night", () => {
  const zoom = zoomed();
  zoom.showAround(1010, 60);
  expect(zoom.view).toEqual({ start: 1000, end: 1120 });
  expect(zoom.middle).toBe(1060);
});
