// How movements and gaps are drawn on a signal chart: movements in a lane above it, gaps as hatched areas in it.
import type uPlot from "uplot";
import type { Gap, Movement } from "../lib/client";
import { t } from "../lib/i18n.svelte";
import { FONT, type Palette } from "../lib/palette";
import { shape } from "../lib/words";

/** Height of the lane in CSS pixels. */
export const LANE = 28;
const TALL = 20;
const SHORT = 9;
const HATCH = 8;

/** Draws the marks of movements above a signal, and a shade behind it while each lasts; the chosen one has a darker shade. */
export function drawMovements(
  u: uPlot,
  movements: Movement[],
  chosen: string | undefined,
  palette: Palette,
): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const right = bbox.left + bbox.width;
  const y = bbox.top - 4 * ratio;
  ctx.save();
  ctx.lineWidth = 1.5 * ratio;
  for (const movement of movements) {
    const onset = u.valToPos(movement.onset, "x", true);
    const offset = u.valToPos(movement.offset, "x", true);
    if (offset < bbox.left || onset > right) continue;
    const kind = shape(movement);
    const colour = kind === "periodic" ? palette.periodic : kind === "single" ? palette.text : palette.muted;
    ctx.fillStyle = ctx.strokeStyle = colour;
    ctx.globalAlpha = movement.id === chosen ? 0.28 : 0.12;
    if (offset - onset > 3 * ratio) {
      const from = Math.max(onset, bbox.left);
      ctx.fillRect(from, bbox.top, Math.min(offset, right) - from, bbox.height);
    }
    ctx.globalAlpha = 1;
    if (onset < bbox.left) continue;
    ctx.beginPath();
    if (kind === "periodic") {
      bar(ctx, onset - 1.5 * ratio, y, TALL * ratio);
      bar(ctx, onset + 1.5 * ratio, y, TALL * ratio);
    } else if (kind === "single") bar(ctx, onset, y, SHORT * ratio);
    else cross(ctx, onset, y - 4 * ratio, 3 * ratio);
    ctx.stroke();
  }
  ctx.restore();
}

function bar(ctx: CanvasRenderingContext2D, x: number, y: number, length: number): void {
  ctx.moveTo(x, y);
  ctx.lineTo(x, y - length);
}

/** Draws the lines of the smallest movement that counts, and writes beside the upper one what it is. */
export function drawSmallest(u: uPlot, g: number, words: string, palette: Palette): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = palette.text;
  ctx.lineWidth = ratio;
  ctx.setLineDash([6 * ratio, 4 * ratio]);
  ctx.beginPath();
  for (const value of [g, -g]) {
    const y = u.valToPos(value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
  }
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.font = `${13 * ratio}px ${FONT}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * ratio;
  ctx.strokeStyle = palette.ground;
  ctx.fillStyle = palette.text;
  const y = Math.max(u.valToPos(g, "y", true) - 2 * ratio, bbox.top + 14 * ratio);
  ctx.strokeText(words, bbox.left + 6 * ratio, y);
  ctx.fillText(words, bbox.left + 6 * ratio, y);
  ctx.restore();
}

function cross(ctx: CanvasRenderingContext2D, x: number, y: number, arm: number): void {
  ctx.moveTo(x - arm, y - arm);
  ctx.lineTo(x + arm, y + arm);
  ctx.moveTo(x - arm, y + arm);
  ctx.lineTo(x + arm, y - arm);
}

export function drawGaps(u: uPlot, gaps: Gap[], palette: Palette): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  for (const gap of gaps) {
    const left = Math.max(u.valToPos(gap.start, "x", true), bbox.left);
    const right = Math.min(u.valToPos(gap.end, "x", true), bbox.left + bbox.width);
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    const width = Math.max(right - left, 2 * ratio);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, width, bbox.height);
    ctx.clip();
    ctx.fillStyle = palette.ground;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.strokeStyle = palette.muted;
    ctx.lineWidth = ratio;
    ctx.beginPath();
    const step = HATCH * ratio;
    for (let x = left - bbox.height - ((left - bbox.height) % step); x < left + width; x += step) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.strokeRect(left, bbox.top, width, bbox.height);
    if (width > 80 * ratio) label(ctx, left + width / 2, bbox.top + bbox.height / 2, palette);
    ctx.restore();
  }
}

function label(ctx: CanvasRenderingContext2D, x: number, y: number, palette: Palette): void {
  const ratio = devicePixelRatio;
  const words = t("chart.noSamples");
  ctx.font = `${14 * ratio}px ${FONT}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const width = ctx.measureText(words).width + 12 * ratio;
  ctx.fillStyle = palette.ground;
  ctx.fillRect(x - width / 2, y - 12 * ratio, width, 24 * ratio);
  ctx.fillStyle = palette.text;
  ctx.fillText(words, x, y);
}
