// Why the detector decided as it did: asks legmon when somebody wants to know, and puts the answer in a few sentences.
import type { Movement, Reason, Why } from "./client";
import { clockSeconds, type Zone } from "./clock";
import { n, t, translated } from "./i18n.svelte";
import { errorText, gapSentence, sureness } from "./words";

/** How far around a moment it is looked. A pixel of an hour row is 3 to 10 s. */
export const AROUND_S = 3;

/** One question and its answer. A new question drops the one before: its answer may come late and is not shown. */
export class Explanation {
  why = $state.raw<Why>();
  problem = $state("");
  waiting = $state(false);
  #asked: AbortController | undefined;

  async ask(load: (signal: AbortSignal) => Promise<Why>): Promise<void> {
    this.stop();
    const { signal } = (this.#asked = new AbortController());
    this.why = undefined;
    this.problem = "";
    this.waiting = true;
    try {
      const why = await load(signal);
      if (!signal.aborted) this.why = why;
    } catch (error) {
      if (!signal.aborted) this.problem = errorText(error);
    }
    if (!signal.aborted) this.waiting = false;
  }

  stop(): void {
    this.#asked?.abort();
  }
}

type Leg = Why["legs"][number];
type Bout = Leg["bouts"][number];

const OPENED = new Set<string>(["by_motion", "by_turn", "by_back"]);
const ENDED = new Set<string>(["ended", "cut_off"]);
const JOINED = new Set<string>(["return", "while_held", "large", "jerks"]);

/** A number with the decimals that legmon gave it, two at most. */
const asGiven = (value: number) => n(value, [0, 1].find((places) => +value.toFixed(places) === value) ?? 2);

const reason = ({ rule, sentence, values }: Reason) => {
  const shown = Object.entries(values).map(([name, value]) => [name, asGiven(value)]);
  return translated(`why.${rule}`, sentence, Object.fromEntries(shown) as Record<string, string>);
};

/** What decided of the bouts of one movement: what opened it, what was joined, what it was taken for. */
function ofBouts(bouts: Bout[]): string[] {
  const all = bouts.flatMap(({ reasons }) => reasons);
  const opened = bouts[0]?.reasons.filter(({ rule }) => OPENED.has(rule)) ?? [];
  const joined = all.filter(({ rule }) => JOINED.has(rule));
  const taken = all.filter(({ rule }) => !OPENED.has(rule) && !ENDED.has(rule) && !JOINED.has(rule));
  return [...opened, ...joined, ...taken].map(reason);
}

/** What became of a bout, and what the rules made of its movement. */
function outcome({ reasons, movement }: Bout): string {
  const last = reasons.at(-1);
  return [...(last ? [reason(last)] : []), ...(movement ? [reason(movement.verdict)] : [])].join(" ");
}

/** What one leg's detector says where no movement was chosen. */
function ofLeg({ bouts, rest, gaps }: Leg, zone: Zone): string[] {
  if (bouts.length) return bouts.map((bout) => `${clockSeconds(bout.start, zone)}: ${outcome(bout)}`);
  if (gaps.length) return gaps.map(gapSentence);
  return [rest ? reason(rest.reason) : t("why.here.noSamples")];
}

/** The bouts of one movement share its reasons: each is said once. */
const once = (sentences: string[]) => sentences.filter((text, i) => sentences.indexOf(text) === i);

/** The sentences of each leg; the ankle is named where there are two. */
function eachLeg(legs: Leg[], sentences: (leg: Leg) => string[]): string[] {
  const several = legs.length > 1;
  const found = legs.flatMap((leg) =>
    sentences(leg).map((text) => (several ? `${t(`Ankle.${leg.leg}`)}: ${text}` : text)),
  );
  return once(found);
}

/** What the detector says of a moment without a movement. */
export const atMoment = ({ legs }: Why, zone: Zone): string[] =>
  legs.length ? eachLeg(legs, (leg) => ofLeg(leg, zone)) : [t("why.here.noSamples")];

/** What decided of a movement, and what the rules made of it. */
export function decided(why: Why, movement: Movement, zone: Zone): string[] {
  const own = why.legs
    .map((leg) => ({ ...leg, bouts: leg.bouts.filter((bout) => bout.movement?.id === movement.id) }))
    .filter(({ bouts }) => bouts.length);
  const verdict = own[0]?.bouts[0]?.movement?.verdict;
  if (!verdict) return [t("why.here.otherwise"), ...atMoment(why, zone)];
  const known = sureness(movement);
  return once([
    ...eachLeg(own, ({ bouts }) => ofBouts(bouts)),
    reason(verdict),
    ...(known ? [t(`why.sure.${known}`)] : []),
  ]);
}
