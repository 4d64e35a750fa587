// The state of the page of a night: what is loaded, what is chosen, which two minutes are open, and what can be undone.
import * as client from "./client";
import { t } from "./i18n.svelte";
import { changeSettings, settings } from "./settings.svelte";
import { errorText, moved } from "./words";
import { Zoom } from "./zoom.svelte";

const REFRESH_MS = 2000;
const HALF_S = 60; // shown on either side of a moment
const TRIES = 3; // while a night is recorded, its movements and its figures can be of two moments

/** Where the signal is open: under a row of the picture, or under a line of the list. */
export type Place = "rows" | "list";

/** A change that was made, and how to take it back. */
export interface Change {
  said: string;
  undo: () => Promise<void>;
}

export class NightState {
  /** The first page of the list of nights. */
  nights = $state.raw<client.NightsPage>();
  night = $state.raw<client.Night>();
  movements = $state.raw<client.Movement[]>([]);
  /** A sentence where something did not load or save. */
  problem = $state("");
  /** Whether there is no such night. */
  missing = $state(false);
  /** Where the signal is open; undefined while it is closed. */
  open = $state.raw<{ time: number; place: Place }>();
  /** What is said to who cannot see it: where the signal is now, and what was changed. */
  said = $state("");
  /** The last change, as long as it can be undone. */
  change = $state.raw<Change>();
  /** The zoom of the open signal. */
  readonly detail = new Zoom();
  #movementId = $state<string>();
  #loads = 0;

  /** The rule set, which is kept with the settings. */
  get rules(): client.Rules {
    return settings.value.rules;
  }

  /** The chosen movement while the signal shows it, so that nobody marks one that is out of sight. */
  get chosen(): client.Movement | undefined {
    if (!this.open) return undefined;
    const { start, end } = this.detail.view;
    return this.movements.find(({ id, onset }) => id === this.#movementId && onset >= start && onset < end);
  }

  /** The moment that was opened without a movement. */
  get moment(): number | undefined {
    return this.#movementId === undefined ? this.open?.time : undefined;
  }

  /** The number of the chosen movement in the list, from 1; 0 where none is chosen. */
  get chosenNumber(): number {
    return this.chosen ? this.movements.indexOf(this.chosen) + 1 : 0;
  }

  /** Chooses a movement and opens the two minutes around it. */
  showMovement(movement: client.Movement, place: Place = "rows"): void {
    this.showMoment(movement.onset, place);
    this.#movementId = movement.id;
    this.said = moved(movement, this.night?.zone ?? { utc_offset_s: 0 });
  }

  /** Opens two minutes around a moment; no movement is chosen then. */
  showMoment(time: number, place: Place = "rows"): void {
    this.#movementId = undefined;
    this.open = { time, place };
    this.detail.showAround(time, HALF_S);
  }

  close(): void {
    this.open = undefined;
    this.#movementId = undefined;
  }

  /** Shows the movement before (−1) or after (1) the chosen one, or else the middle of the signal. */
  step(by: 1 | -1): void {
    const from = this.chosen?.onset ?? this.detail.middle;
    const at = this.chosen ? this.movements.indexOf(this.chosen) : -1;
    const next =
      at >= 0
        ? this.movements[at + by]
        : by > 0
          ? this.movements.find(({ onset }) => onset > from)
          : this.movements.findLast(({ onset }) => onset < from);
    if (next) this.showMovement(next, this.open?.place);
  }

  /** Loads a night, or the latest one, and loads it again while it is recorded or does not come. */
  async follow(id: string | undefined, signal: AbortSignal): Promise<void> {
    this.missing = false;
    for (let first = true; !signal.aborted; first = false) {
      try {
        if (first || !document.hidden) await this.#load(id, signal);
        if (this.night?.state !== "recording") return;
      } catch (error) {
        if (signal.aborted) return;
        this.missing = error instanceof client.Refused && error.code === "no_such_night";
        this.problem = this.missing ? "" : errorText(error);
        if (error instanceof client.Refused) {
          this.night = undefined;
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  }

  /** Counts by other rules, now and from now on. */
  async setRules(rules: client.Rules): Promise<void> {
    const before = this.rules;
    if (rules === before) return;
    await this.#do(
      t("undo.rules", { rules: t(`rules.short.${rules}`) }),
      () => changeSettings({ rules }),
      () => changeSettings({ rules: before }),
    );
  }

  markVoluntary(movement: client.Movement, voluntary: boolean): Promise<void> {
    return this.#change(
      t(voluntary ? "undo.voluntary" : "undo.counted"),
      (id) => client.setVoluntary(id, movement.id, voluntary),
      (id) => client.setVoluntary(id, movement.id, !voluntary),
    );
  }

  removeMark({ id: mark, leg, start, end }: client.Mark): Promise<void> {
    return this.#change(
      t("undo.mark"),
      (id) => client.removeMark(id, mark),
      (id) => client.addMark(id, { leg, start, end }),
    );
  }

  /** Sets lights off and on. @throws Error if legmon refuses the times. */
  async setLights(times: client.Times): Promise<void> {
    const lights = this.night?.lights;
    if (!lights) return;
    const before = {
      off: lights.edited ? lights.off : null,
      on: lights.edited ? lights.on : null,
    };
    const set = (to: client.Times) => (id: string) => client.setLights(id, this.rules, to);
    await this.#change(t("undo.lights"), set(times), set(before), true);
  }

  setNote(note: client.NightNote): Promise<void> {
    const before = this.night?.note ?? { text: "", tags: [] };
    return this.#change(
      t("undo.note"),
      (id) => client.setNote(id, note),
      (id) => client.setNote(id, before),
    );
  }

  async undo(): Promise<void> {
    const change = this.change;
    this.change = undefined;
    if (!change) return;
    try {
      await change.undo();
      this.said = t("undo.undone");
    } catch (error) {
      this.problem = errorText(error);
    }
  }

  /** Changes something of the night that is shown, loads it again, and offers to undo that. */
  #change(
    said: string,
    make: (id: string) => Promise<unknown>,
    undo: (id: string) => Promise<unknown>,
    raises = false,
  ): Promise<void> {
    const id = this.night?.id;
    if (!id) return Promise.resolve();
    const and = (request: (id: string) => Promise<unknown>) => async () => {
      await request(id);
      if (this.night?.id === id) await this.#load(id, new AbortController().signal);
    };
    return this.#do(said, and(make), and(undo), raises);
  }

  async #do(
    said: string,
    make: () => Promise<void>,
    undo: () => Promise<void>,
    raises = false,
  ): Promise<void> {
    try {
      await make();
      this.change = { said, undo };
      this.said = said;
    } catch (error) {
      if (raises) throw error;
      this.problem = errorText(error);
    }
  }

  async #load(id: string | undefined, signal: AbortSignal): Promise<void> {
    const load = ++this.#loads;
    const rules = this.rules;
    const nights = await client.getNights(rules, signal);
    if (load !== this.#loads) return;
    const wanted = id ?? nights.nights[0]?.id;
    this.nights = nights;
    if (wanted === undefined) {
      this.night = undefined;
      return;
    }
    const known = nights.nights.find((night) => night.id === wanted);
    for (const leg of known?.legs ?? [])
      void client.getEnvelope(wanted, leg, known?.ended ?? 0).catch(() => undefined); // the rows need them next
    const [night, movements] = await this.#both(wanted, rules, signal);
    if (load !== this.#loads) return; // a later load has overtaken this one
    if (this.night?.id !== night.id) this.close();
    [this.night, this.movements] = [night, movements];
    this.problem = "";
    this.detail.setBounds({ start: night.started, end: Math.max(night.ended, night.started + 1) });
  }

  /** Returns a night and its movements, of one moment: they agree on how many leg movements there are. */
  async #both(
    id: string,
    rules: client.Rules,
    signal: AbortSignal,
  ): Promise<[client.Night, client.Movement[]]> {
    for (let tries = 1; ; tries++) {
      const both = await Promise.all([
        client.getNight(id, rules, signal),
        client.getMovements(id, rules, signal),
      ]);
      if (tries === TRIES || agree(...both)) return both;
    }
  }
}

/** Whether a night and a list of movements are of one moment. */
export const agree = (night: Pick<client.Night, "movements">, movements: client.Movement[]): boolean =>
  movements.filter(({ kind }) => kind === "leg").length === night.movements;
