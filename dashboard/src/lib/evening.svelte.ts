// The evening's list, asked for again and again while somebody looks, and what the recorder is asked to do.
import * as client from "./client";

const EVERY_MS = 2000;

export class Evening {
  list = $state.raw<client.Preflight>();
  problem = $state("");

  /** Asks until the returned function is called. */
  start(): () => void {
    let stopped = false;
    const ask = async (): Promise<void> => {
      while (!stopped) {
        if (!document.hidden) await this.refresh();
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
    };
    void ask();
    return () => (stopped = true);
  }

  async refresh(): Promise<void> {
    try {
      this.list = await client.getPreflight();
      this.problem = "";
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  async want(mode: client.Mode, leg: client.Legs | null): Promise<void> {
    try {
      await client.want(mode, leg);
      this.problem = "";
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    await this.refresh();
  }
}
