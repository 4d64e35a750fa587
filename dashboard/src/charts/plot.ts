// A uPlot canvas that follows the width of its host and the theme. All signal charts use it.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { AXES } from "../lib/frame";
import { FONT, withPalette, type Palette } from "../lib/palette";
import { LEFT, RIGHT } from "../lib/rows";
import { inG } from "../lib/words";

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
  cursor: uPlot.Cursor;
  hooks: (colours: Colours) => uPlot.Hooks.Arrays;
}

/** Width of the drawing itself in CSS pixels. */
export const plotWidth = (host: HTMLElement) => Math.max(1, host.clientWidth - LEFT - RIGHT);

/** Makes a chart in `host` and returns it with a function that removes it. */
export function plot(host: HTMLElement, drawing: Drawing): [uPlot, () => void] {
  let palette!: Palette;
  const axis: uPlot.Axis = {
    font: `14px ${FONT}`,
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
          range: (_, low, high) =>
            low !== null && high !== null && Number.isFinite(low + high)
              ? drawing.bounds(low, high)
              : [-1, 1],
        },
      },
      axes: [
        { ...axis, ...drawing.time, size: 32 },
        {
          ...axis,
          size: LEFT,
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
  void document.fonts.ready.then(() => u.redraw(false));
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
