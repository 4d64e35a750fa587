// The sounds of the fit check: nobody reads a screen while standing up and lying down again.
import { locale } from "./i18n.svelte";

/** A stage begins, a toe-up is due, or the check is over. */
export type Sound = "stage" | "toe" | "done";

/** Tones of each sound: hertz, seconds from its start, and its length. */
const TONES: Record<Sound, [number, number, number][]> = {
  stage: [
    [523, 0, 0.15],
    [659, 0.18, 0.2],
  ],
  toe: [[880, 0, 0.25]],
  done: [
    [659, 0, 0.15],
    [523, 0.18, 0.15],
    [392, 0.36, 0.3],
  ],
};
const LOUDNESS = 0.2;

export class Sounds {
  #audio: AudioContext | undefined;

  /** Gets ready to sound; a browser lets a page do that only while somebody presses something. */
  constructor() {
    if (typeof AudioContext !== "undefined") this.#audio = new AudioContext();
  }

  /** Plays a sound, and speaks words with it where the browser has a voice. */
  play(sound: Sound, words: string): void {
    this.#beep(sound);
    if (typeof speechSynthesis === "undefined" || sound === "toe") return; // a voice would come too late for a toe-up
    const spoken = new SpeechSynthesisUtterance(words);
    spoken.lang = locale();
    speechSynthesis.cancel();
    speechSynthesis.speak(spoken);
  }

  #beep(sound: Sound): void {
    const audio = this.#audio;
    if (!audio) return;
    for (const [hertz, after, length] of TONES[sound]) {
      const at = audio.currentTime + after;
      const tone = new OscillatorNode(audio, { frequency: hertz });
      const gain = new GainNode(audio, { gain: 0 });
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
      gain.gain.linearRampToValueAtTime(0, at + length);
      tone.connect(gain).connect(audio.destination);
      tone.start(at);
      tone.stop(at + length);
    }
  }

  /** Ends it; a sound that plays is heard to its end. */
  close(): void {
    const audio = this.#audio;
    this.#audio = undefined;
    if (audio) setTimeout(() => void audio.close(), 1000);
    if (typeof speechSynthesis !== "undefined") speechSynthesis.cancel();
  }
}
