// The list before the night, loaded every two seconds while somebody looks, and requests to the recorder.
import * as client from "./client";
import { errorText } from "./words";

const EVERY_MS = 2000;

export class Evening {
  list = $state.raw<client.Preflight>();
  problem = $state("");

  /** Loads the list again and again until the returned function is called. */
  start(): () => void {
    let stopped = false;
    const poll = async (): Promise<void> => {
      while (!stopped) {
        if (!document.hidden) await this.refresh();
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
    };
    void poll();
    return () => (stopped = true);
  }

  async refresh(): Promise<void> {
    try {
      this.list = await client.getPreflight();
      this.problem = "";
    } catch (error) {
      this.problem = errorText(error);
    }
  }

  want(mode: client.Mode, leg: client.Legs | null): Promise<void> {
    return this.#send(() => client.want(mode, leg));
  }

  /** Chooses the sensor of a leg. A sensor of the other leg changes places. */
  choose(leg: client.Leg, address: string): Promise<void> {
    return this.#send(() => client.choose(leg, address));
  }

  /** Clears the choice of sensors. */
  release(): Promise<void> {
    return this.#send(async () => {
      await client.choose("left", null);
      await client.choose("right", null);
    });
  }

  async #send(request: () => Promise<unknown>): Promise<void> {
    let problem = "";
    try {
      await request();
    } catch (error) {
      problem = errorText(error);
    }
    await this.refresh();
    this.problem ||= problem;
  }
}
