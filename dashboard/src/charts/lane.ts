// How movements and gaps are drawn on a signal chart: movements in a lane above it, gaps as hatched areas in it.
import type uPlot from "uplot";
import type { Gap, Movement } from "../lib/client";
import { t } from "../lib/i18n.svelte";
import type { Palette } from "../lib/palette";
import { shape, type Shape } from "../lib/words";

/** Height of the lane in CSS pixels. Each shape has a row in it. */
export const LANE = 56;
const ROW: Record<Shape, number> = { periodic: 10, single: 28, other: 44 };
const HATCH = 8;

export function drawMovements(u: uPlot, movements: Movement[], palette: Palette): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const right = bbox.left + bbox.width;
  ctx.save();
  ctx.lineWidth = 1.5 * ratio;
  for (const movement of movements) {
    const onset = u.valToPos(movement.onset, "x", true);
    const offset = u.valToPos(movement.offset, "x", true);
    if (offset < bbox.left || onset > right) continue;
    const kind = shape(movement);
    const colour = kind === "periodic" ? palette.periodic : kind === "single" ? palette.text : palette.muted;
    const y = bbox.top - (LANE - ROW[kind]) * ratio;
    ctx.fillStyle = ctx.strokeStyle = colour;
    ctx.globalAlpha = 0.14;
    if (offset - onset > 3 * ratio) {
      const from = Math.max(onset, bbox.left);
      ctx.fillRect(from, bbox.top, Math.min(offset, right) - from, bbox.height);
    }
    ctx.globalAlpha = 1;
    if (onset < bbox.left) continue;
    ctx.beginPath();
    if (kind === "periodic") ctx.fillRect(onset - ratio, y - 8 * ratio, 2 * ratio, 16 * ratio);
    else if (kind === "single") ctx.arc(onset, y, 4 * ratio, 0, 2 * Math.PI);
    else cross(ctx, onset, y, 3 * ratio);
    ctx.stroke();
  }
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
  ctx.font = `${14 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const width = ctx.measureText(words).width + 12 * ratio;
  ctx.fillStyle = palette.ground;
  ctx.fillRect(x - width / 2, y - 12 * ratio, width, 24 * ratio);
  ctx.fillStyle = palette.text;
  ctx.fillText(words, x, y);
}
