// A uPlot canvas that follows the width of its host and the theme. All signal charts use it.
import uPlot from "uplot";
import { AXES } from "../lib/frame";
import { withPalette, type Palette } from "../lib/palette";

/** The colours of the theme, read at each drawing. */
export type Colours = () => Palette;

export interface Drawing {
  height: number;
  /** CSS pixels above the signal. */
  top: number;
  paths: uPlot.Series.PathBuilder;
  /** Marks and values of the time axis. */
  time: Pick<uPlot.Axis, "splits" | "values">;
  /** Bounds of the vertical axis for the smallest and the largest value in view. */
  bounds: (low: number, high: number) => [number, number];
  /** Names of the lines; x, y and z by default. */
  names?: readonly (keyof Palette)[];
  /** Text of a value on the vertical axis; g by default. */
  values?: (value: number) => string;
  /** Whether the vertical axis doubles at each step. */
  doubling?: boolean;
  cursor: uPlot.Cursor;
  hooks: (colours: Colours) => uPlot.Hooks.Arrays;
}

const GUTTER = 56;
const RIGHT = 24;

const inG = (value: number) => value.toFixed(2).replace("-", "−");

/** Width of the drawing itself in CSS pixels. */
export const plotWidth = (host: HTMLElement) => Math.max(1, host.clientWidth - GUTTER - RIGHT);

/** Makes a chart in `host` and returns it with a function that removes it. */
export function plot(host: HTMLElement, drawing: Drawing): [uPlot, () => void] {
  let palette!: Palette;
  const axis: uPlot.Axis = {
    font: "14px system-ui, sans-serif",
    stroke: () => palette.muted,
    grid: { stroke: () => palette.line, width: 1 },
    ticks: { show: false },
    gap: 8,
  };
  const names = drawing.names ?? AXES;
  const written = drawing.values ?? inG;
  const series = names.map((name) => ({
    paths: drawing.paths,
    stroke: () => palette[name],
    fill: () => palette[name],
    width: 1,
    points: { show: false },
  }));
  const u = new uPlot(
    {
      width: host.clientWidth,
      height: drawing.height,
      padding: [drawing.top, RIGHT, 0, 0],
      legend: { show: false },
      cursor: drawing.cursor,
      series: [{}, ...series],
      scales: {
        x: { time: false, auto: false },
        y: {
          ...(drawing.doubling ? { distr: 3, log: 2 as const } : {}),
          range: (_, low, high) =>
            low !== null && high !== null && Number.isFinite(low + high)
              ? drawing.bounds(low, high)
              : drawing.doubling
                ? [1, 16]
                : [-1, 1],
        },
      },
      axes: [
        { ...axis, ...drawing.time, size: 32 },
        {
          ...axis,
          size: GUTTER,
          values: (_, values) => values.map((value) => (value === null ? "" : written(value))),
        },
      ],
      hooks: drawing.hooks(() => palette),
    },
    [[], ...names.map(() => [])],
    host,
  );
  const dropTheme = withPalette((next) => {
    palette = next;
    u.redraw(false);
  });
  const size = new ResizeObserver(() => u.setSize({ width: host.clientWidth, height: drawing.height }));
  size.observe(host);
  return [
    u,
    () => {
      dropTheme();
      size.disconnect();
      u.destroy();
    },
  ];
}
