// The zoom of a chart of the night: what it shows, and how keys, wheel, buttons and drags change that. All charts share it.
import * as viewport from "./viewport";
import type { Span } from "./viewport";

/** The parts of the browser's events that a zoom needs; tests make them without a browser. */
export type Wheel = Pick<WheelEvent, "ctrlKey" | "shiftKey" | "deltaX" | "deltaY" | "deltaMode">;
export type KeyPress = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">;

const STEP = 2; // a press of + or − halves or doubles the view
const KEY_PAN = 0.25;
const BUTTON_PAN = 0.5;
const PIXELS_PER_LINE = 16; // Firefox measures a mouse wheel in lines
const WHEEL_ZOOM = 300; // pixels of wheel for a factor of e
const WHEEL_PAN = 1000; // pixels of wheel for the width of the view

export class Zoom {
  bounds = $state.raw<Span>({ start: 0, end: 1 });
  view = $state.raw<Span>({ start: 0, end: 1 });
  readonly isWhole = $derived(viewport.isWhole(this.view, this.bounds));
  readonly middle = $derived((this.view.start + this.view.end) / 2);

  /** Shows a span, moved and trimmed into the bounds. */
  show(span: Span): void {
    this.view = viewport.clamp(span, this.bounds);
  }

  showAll(): void {
    this.view = this.bounds;
  }

  /** Shows `half` seconds on either side of a moment. */
  showAround(time: number, half: number): void {
    this.view = viewport.around(time, half, this.bounds);
  }

  /** Sets new bounds, as of a night that grows. A view of the whole night stays whole; another view stays where it is. */
  setBounds(bounds: Span): void {
    const whole = this.isWhole;
    this.bounds = bounds;
    if (whole) this.showAll();
    else this.show(this.view);
  }

  zoomIn(): void {
    this.scale(1 / STEP);
  }

  zoomOut(): void {
    this.scale(STEP);
  }

  earlier(): void {
    this.pan(-BUTTON_PAN);
  }

  later(): void {
    this.pan(BUTTON_PAN);
  }

  /** Scales the view around a place in it: 0 is its start, 1 its end. */
  scale(factor: number, at = 0.5): void {
    this.view = viewport.zoom(this.view, factor, this.bounds, at);
  }

  /** Moves the view by a share of its width. */
  pan(share: number): void {
    this.view = viewport.pan(this.view, share, this.bounds);
  }

  /**
   * Follows the wheel: Ctrl zooms around the pointer, Shift or a sideways wheel moves. Without them the page scrolls.
   * @param at where the pointer is in the view: 0 its start, 1 its end
   * @returns whether the chart used the wheel, so that the page must not scroll
   */
  wheel(event: Wheel, at: number): boolean {
    const unit = event.deltaMode === 1 ? PIXELS_PER_LINE : 1;
    if (event.ctrlKey) {
      this.scale(Math.exp((unit * event.deltaY) / WHEEL_ZOOM), at);
      return true;
    }
    if (!event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return false;
    const before = this.view.start;
    this.pan((unit * (event.deltaX || event.deltaY)) / WHEEL_PAN);
    return this.view.start !== before; // at the end of the night the page scrolls again
  }

  /** Follows a key. @returns whether the key means something to a chart */
  press(event: KeyPress): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    switch (event.key) {
      case "+":
      case "=":
        this.zoomIn();
        return true;
      case "-":
        this.zoomOut();
        return true;
      case "ArrowLeft":
        this.pan(-KEY_PAN);
        return true;
      case "ArrowRight":
        this.pan(KEY_PAN);
        return true;
      case "Home":
        this.showAll();
        return true;
      default:
        return false;
    }
  }
}
