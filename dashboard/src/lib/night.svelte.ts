// The state of the page of a night: what is loaded, what is chosen, and what the detail shows.
import * as client from "./client";
import { errorText } from "./words";
import { Zoom } from "./zoom.svelte";

const REFRESH_MS = 2000;
const HALF_S = 60; // shown on either side of a moment

export class NightState {
  /** The first page of the list of nights. */
  nights = $state.raw<client.NightsPage>();
  night = $state.raw<client.Night>();
  movements = $state.raw<client.Movement[]>([]);
  rules = $state<client.Rules>("wasm2016");
  /** A sentence where something did not load or save. */
  problem = $state("");
  /** The zoom of the detail; the envelope marks what it shows. */
  readonly detail = new Zoom();
  #leg = $state<client.Leg>();
  #movementId = $state<string>();
  #loads = 0;

  /** The leg whose signal is shown. */
  get leg(): client.Leg | undefined {
    const legs = this.night?.legs;
    return this.#leg && legs?.includes(this.#leg) ? this.#leg : legs?.[0];
  }

  /** The chosen movement while the detail shows it, so that nobody marks one that is out of sight. */
  get chosen(): client.Movement | undefined {
    const { start, end } = this.detail.view;
    return this.movements.find(({ id, onset }) => id === this.#movementId && onset >= start && onset < end);
  }

  /** The number of the chosen movement in the list, from 1; 0 where none is chosen. */
  get chosenNumber(): number {
    return this.chosen ? this.movements.indexOf(this.chosen) + 1 : 0;
  }

  chooseLeg(leg: client.Leg): void {
    this.#leg = leg;
  }

  /** Chooses a movement and shows the minutes around it. */
  showMovement(movement: client.Movement): void {
    this.showMoment(movement.onset);
    this.#movementId = movement.id;
  }

  /** Shows two minutes around a moment; no movement is chosen then. */
  showMoment(time: number): void {
    this.#movementId = undefined;
    this.detail.showAround(time, HALF_S);
  }

  /** Shows the movement before (−1) or after (1) the chosen one, or else the middle of the detail. */
  step(by: 1 | -1): void {
    const from = this.chosen?.onset ?? this.detail.middle;
    const next =
      by > 0
        ? this.movements.find(({ onset }) => onset > from)
        : this.movements.findLast(({ onset }) => onset < from);
    if (next) this.showMovement(next);
  }

  /** Loads a night, or the latest one, and loads it again while it is recorded or does not come. */
  async follow(id: string | undefined, signal: AbortSignal): Promise<void> {
    for (let first = true; !signal.aborted; first = false) {
      try {
        if (first || !document.hidden) await this.#load(id, signal);
        if (this.night?.state !== "recording") return;
      } catch (error) {
        if (signal.aborted) return;
        this.problem = errorText(error);
        if (error instanceof client.Refused) {
          this.night = undefined;
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  }

  async markVoluntary(movement: client.Movement, voluntary: boolean): Promise<void> {
    if (!this.night) return;
    try {
      await client.setVoluntary(this.night.id, movement.id, voluntary);
      await this.#load(this.night.id, new AbortController().signal);
    } catch (error) {
      this.problem = errorText(error);
    }
  }

  async removeMark(mark: string): Promise<void> {
    if (!this.night) return;
    try {
      await client.removeMark(this.night.id, mark);
      await this.#load(this.night.id, new AbortController().signal);
    } catch (error) {
      this.problem = errorText(error);
    }
  }

  /** Sets lights off and on. @throws Error if legmon refuses the times. */
  async setLights(times: client.Times): Promise<void> {
    if (!this.night) return;
    this.night = await client.setLights(this.night.id, this.rules, times);
    this.nights = await client.getNights(this.rules);
  }

  async #load(id: string | undefined, signal: AbortSignal): Promise<void> {
    const load = ++this.#loads;
    const nights = await client.getNights(this.rules, signal);
    const wanted = id ?? nights.nights[0]?.id;
    if (wanted === undefined) {
      this.nights = nights;
      this.night = undefined;
      return;
    }
    const known = nights.nights.find((night) => night.id === wanted);
    const leg = known?.legs.find((side) => side === this.#leg) ?? known?.legs[0];
    if (known && leg) void client.getEnvelope(wanted, leg, known.ended).catch(() => undefined); // the chart needs it next
    const [night, movements] = await Promise.all([
      client.getNight(wanted, this.rules, signal),
      client.getMovements(wanted, this.rules, signal),
    ]);
    if (load !== this.#loads) return; // a later load has overtaken this one
    const another = this.night?.id !== night.id;
    [this.nights, this.night, this.movements] = [nights, night, movements];
    this.problem = "";
    this.detail.setBounds({ start: night.started, end: Math.max(night.ended, night.started + 1) });
    if (another) this.#showFirst();
  }

  /** Shows the first series of the night, or its first movement, or its start. */
  #showFirst(): void {
    const first =
      this.movements.find(({ periodic }) => periodic) ?? this.movements.find(({ kind }) => kind === "leg");
    if (first) this.showMovement(first);
    else this.showMoment(this.detail.bounds.start);
  }
}
