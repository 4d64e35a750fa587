// In which language the pages speak. English is there at once, another language comes when it is asked for.
import english from "../messages/en.json";
import { format, number, pseudo, type Values } from "./message";

export type Key = keyof typeof english;
export type Language = "en" | "de" | "pseudo";

type Texts = Record<Key, string>;

const LOCALES: Record<Language, string> = { en: "en-GB", de: "de-DE", pseudo: "en-GB" };

class Speech {
  language = $state<Language>("en");
  texts = $state.raw<Texts>(english);

  get locale(): string {
    return LOCALES[this.language];
  }
}

const speech = new Speech();

/** Speaks another language from now on; `auto` is what the browser prefers, English where legmon does not know it. */
export async function speak(wanted: Language | "auto"): Promise<void> {
  const language = wanted === "auto" ? (navigator.language.startsWith("de") ? "de" : "en") : wanted;
  if (language === "de") speech.texts = (await import("../messages/de.json")).default;
  else if (language === "pseudo") {
    const entries = Object.entries(english).map(([key, text]) => [key, pseudo(text)]);
    speech.texts = Object.fromEntries(entries) as Texts;
  } else speech.texts = english;
  speech.language = language;
  document.documentElement.lang = language === "de" ? "de" : "en";
}

/** A text of the pages in the language of now. */
export const t = (key: Key, values: Values = {}): string => format(speech.texts[key], values, speech.locale);

/** Whether there is a text of this name; `server` says it otherwise, in English. */
export const tOr = (key: string, server: string, values: Values = {}): string =>
  key in speech.texts ? t(key as Key, values) : server;

/** A sentence that legmon says in English: in another language by its code, where that is known. */
export const said = (key: string, english: string, values: Values = {}): string =>
  speech.language === "en" && english ? english : tOr(key, english, values);

/** Whether what legmon says in English is in another language than the pages. */
export const foreign = (): boolean => speech.language !== "en";

export const locale = (): string => speech.locale;

/** A number in the language of now. */
export const n = (value: number, places = 0): string => number(value, speech.locale, places);
