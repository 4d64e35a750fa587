// What `legmon demo` is doing: asked every second as long as these pages belong to a demo.
import * as client from "./client";

const EVERY_MS = 1000;

export type PageName = "night" | "live" | "setup" | "tonight";
export type DemoPage = PageName | "preparing";

export class Demo {
  state = $state.raw<client.DemoState>();
  /** Whether it is known if these pages belong to a demo. */
  known = $state(false);

  get running(): boolean {
    return this.state?.running ?? false;
  }

  /** Asks again and again until the returned function is called; once only where there is no demo. */
  start(): () => void {
    let stopped = false;
    const poll = async (): Promise<void> => {
      do {
        if (!document.hidden || !this.known) await this.refresh();
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      } while (!stopped && this.running);
    };
    void poll();
    return () => (stopped = true);
  }

  async refresh(): Promise<void> {
    try {
      this.state = await client.getDemo();
    } catch {
      // the page says elsewhere that legmon does not answer
    }
    this.known = true;
  }
}

/**
 * Returns the page of a demo for the page that was asked for. A demo never shows a black page, nor one without a night: it shows
 * tonight as it arrives, or the newest past night, or how far the first ones are.
 */
export function demoPage(
  state: client.DemoState,
  wanted: PageName,
  named: boolean,
  recording: boolean,
): DemoPage {
  if (wanted === "setup" || (wanted === "live" && recording)) return wanted;
  const night = state.tonight !== null || state.recorded > 0 || state.past === 0 ? "night" : "preparing";
  if (wanted !== "tonight") return night;
  return named && !recording && state.tonight !== null ? "tonight" : night;
}
