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

  want(mode: client.Mode, leg: client.Legs | null): Promise<void> {
    return this.#ask(() => client.want(mode, leg));
  }

  /** Asks for a sensor for a leg; one that the other leg has changes places. */
  choose(leg: client.Leg, address: string): Promise<void> {
    return this.#ask(() => client.choose(leg, address));
  }

  /** Takes back what was chosen. */
  release(): Promise<void> {
    return this.#ask(async () => {
      await client.choose("left", null);
      await client.choose("right", null);
    });
  }

  async #ask(asking: () => Promise<unknown>): Promise<void> {
    let problem = "";
    try {
      await asking();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    await this.refresh();
    this.problem ||= problem;
  }
}
