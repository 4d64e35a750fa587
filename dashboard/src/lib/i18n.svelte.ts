// The language of the pages. English is built in; another language loads when somebody chooses it.
import english from "../messages/en.json";
import { format, number, pseudo, type Values } from "./icu";

export type Key = keyof typeof english;
export type Language = "en" | "de" | "pseudo";

type Texts = Record<Key, string>;

const LOCALES: Record<Language, string> = { en: "en-GB", de: "de-DE", pseudo: "en-GB" };

class Translation {
  language = $state<Language>("en");
  texts = $state.raw<Texts>(english);

  get locale(): string {
    return LOCALES[this.language];
  }
}

const current = new Translation();

/** Switches the language; `auto` is the language of the browser, or English where legmon does not have it. */
export async function setLanguage(wanted: Language | "auto"): Promise<void> {
  const language = wanted === "auto" ? (navigator.language.startsWith("de") ? "de" : "en") : wanted;
  if (language === "de") current.texts = (await import("../messages/de.json")).default;
  else if (language === "pseudo") {
    const entries = Object.entries(english).map(([key, text]) => [key, pseudo(text)]);
    current.texts = Object.fromEntries(entries) as Texts;
  } else current.texts = english;
  current.language = language;
  document.documentElement.lang = language === "de" ? "de" : "en";
}

/** Returns the text for a key in the current language. */
export const t = (key: Key, values: Values = {}): string =>
  format(current.texts[key], values, current.locale);

/** Returns the text for a key that may not exist; `fallback` is legmon's English sentence. */
export const tOr = (key: string, fallback: string, values: Values = {}): string =>
  key in current.texts ? t(key as Key, values) : fallback;

/** Returns a sentence of legmon: as it came in English, otherwise the text for its code where the pages know it. */
export const translated = (key: string, sentence: string, values: Values = {}): string =>
  isEnglish() && sentence ? sentence : tOr(key, sentence, values);

/** Whether the pages are in the language of legmon's own sentences. */
export const isEnglish = (): boolean => current.language === "en";

export const locale = (): string => current.locale;

/** Returns a number as the current language writes it. */
export const n = (value: number, places = 0): string => number(value, current.locale, places);
