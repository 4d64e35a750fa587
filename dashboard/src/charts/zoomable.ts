// Connects a uPlot canvas with a zoom: keys, wheel, double click and drags.
import uPlot from "uplot";
import type { Zoom } from "../lib/zoom.svelte";

/** A drag marks a span and leaves the scale to the zoom. */
export const CURSOR: uPlot.Cursor = {
  y: false,
  points: { show: false },
  drag: { x: true, y: false, setScale: false },
  bind: { dblclick: () => () => null },
};

const SHORTEST_DRAG = 4; // pixels; less is a click

export interface Actions {
  /** Called with the time of a click that was no drag. */
  onclick?: (time: number) => void;
  /** Keys beyond those of the zoom. */
  keys?: Record<string, () => void>;
}

/** Makes a chart follow its zoom's keys, wheel and drags; `host` has the focus. */
export function makeZoomable(u: uPlot, host: HTMLElement, zoom: Zoom, actions: Actions = {}): void {
  let dragged = false;

  function select(): void {
    const { left, width } = u.select;
    if (width < SHORTEST_DRAG) return;
    dragged = true;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    zoom.show({ start: u.posToVal(left, "x"), end: u.posToVal(left + width, "x") });
  }

  function press(event: KeyboardEvent): void {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const action = plain ? actions.keys?.[event.key] : undefined;
    if (action) action();
    else if (!zoom.press(event)) return;
    event.preventDefault();
  }

  (u.hooks.setSelect ??= []).push(select);
  u.over.addEventListener("mousedown", () => (dragged = false));
  u.over.addEventListener("dblclick", () => zoom.showAll());
  u.over.addEventListener("click", (event) => {
    if (!dragged) actions.onclick?.(u.posToVal(event.offsetX, "x"));
  });
  u.over.addEventListener(
    "wheel",
    (event) => {
      if (zoom.wheel(event, event.offsetX / u.over.clientWidth)) event.preventDefault();
    },
    { passive: false },
  );
  host.addEventListener("keydown", press);
}
