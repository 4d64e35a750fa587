// Draws signals on a uPlot canvas: lines that break at gaps, bands of minimum and maximum, and the names of the axes.
import type uPlot from "uplot";
import { AXES } from "../lib/frame";
import { FONT, type Palette } from "../lib/palette";

/** Returns a function from values to canvas pixels. It is faster than a call of uPlot for each value. */
function toPixels(u: uPlot, scale: "x" | "y"): (value: number) => number {
  const { min = 0, max = 1 } = u.scales[scale] ?? {};
  const { left, top, width, height } = u.bbox;
  if (scale === "x") return (value) => left + ((value - (min ?? 0)) / ((max ?? 1) - (min ?? 0))) * width;
  return (value) => top + (((max ?? 1) - value) / ((max ?? 1) - (min ?? 0))) * height;
}

/** Returns a line through every value; NaN breaks it. */
export function line(u: uPlot, series: number, first: number, last: number): uPlot.Series.Paths {
  const [x, y] = [toPixels(u, "x"), toPixels(u, "y")];
  const [times, values] = [u.data[0], u.data[series] ?? []];
  const stroke = new Path2D();
  let drawing = false;
  for (let i = first; i <= last; i++) {
    const value = values[i] ?? NaN;
    if (Number.isNaN(value)) {
      drawing = false;
      continue;
    }
    if (drawing) stroke.lineTo(x(times[i] ?? 0), y(value));
    else stroke.moveTo(x(times[i] ?? 0), y(value));
    drawing = true;
  }
  return { stroke };
}

/** Returns the area between minimum and maximum, for values that come in such pairs; NaN breaks it. */
export function band(u: uPlot, series: number, first: number, last: number): uPlot.Series.Paths {
  const [x, y] = [toPixels(u, "x"), toPixels(u, "y")];
  const [times, values] = [u.data[0], u.data[series] ?? []];
  const area = new Path2D();
  const end = Math.min(last | 1, values.length - 1);
  let run = first & ~1;
  for (let i = run; i <= end + 1; i += 2) {
    if (i < end && !Number.isNaN(values[i] ?? NaN)) continue;
    for (let k = run; k < i; k += 2) {
      const place = x(times[k + 1] ?? 0);
      if (k === run) area.moveTo(place, y(values[k + 1] ?? 0));
      else area.lineTo(place, y(values[k + 1] ?? 0));
    }
    for (let k = i - 2; k >= run; k -= 2) area.lineTo(x(times[k + 1] ?? 0), y(values[k] ?? 0));
    if (i > run) area.closePath();
    run = i + 2;
  }
  return { stroke: area, fill: area };
}

/** Writes x, y and z at the right ends of their lines, moved apart where they would overlap. */
export function nameAxes(u: uPlot, palette: Palette): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const last = u.valToIdx(u.scales.x?.max ?? 0);
  const y = toPixels(u, "y");
  const names = AXES.flatMap((name, axis) => {
    const values = u.data[axis + 1] ?? [];
    let i = last;
    while (i > 0 && Number.isNaN(values[i] ?? NaN)) i--;
    const value = values[i] ?? NaN;
    return Number.isNaN(value) ? [] : [{ name, place: y(value) }];
  }).sort((a, b) => a.place - b.place);
  ctx.save();
  ctx.font = `600 ${14 * ratio}px ${FONT}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  let free = bbox.top;
  for (const { name, place } of names) {
    const at = Math.max(place, free);
    ctx.fillStyle = palette[name];
    ctx.fillText(name, bbox.left + bbox.width + 6 * ratio, at);
    free = at + 14 * ratio;
  }
  ctx.restore();
}
