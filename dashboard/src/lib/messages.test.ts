import { expect, test } from "vitest";
import german from "../messages/de.json";
import english from "../messages/en.json";
import { format, names, pseudo } from "./icu";

const CATALOGUES = { en: english, de: german } as Record<string, Record<string, string>>;
const PLURAL = { en: "en-GB", de: "de-DE" } as Record<string, string>;

/** Words that judge health, promise something, or sound like a diagnosis; and those of a machine that is sorry. */
const FORBIDDEN: Record<string, RegExp[]> = {
  en: [
    /\bnormal/i, /abnormal/i, /attack/i, /sever/i, /\bmild/i, /moderate/i, /diagnos/i, /screening/i, /PLM/, /per hour of sleep/i,
    /improv/i, /\bworse/i, /\bworks\b/i, /clinically/i, /\bdose/i, /\bdosage/i, /all good/i, /\boops/i, /\berror/i, /sorry/i,
    /healthy/i, /\bscore\b/i, /you (may|might) have/i, /patient/i, /\bcure/i, /risk/i,
  ],
  de: [
    /normal/i, /anfall/i, /attacke/i, /\bschwer(?!kraft)/i, /\bmild/i, /(?<!regel)mäßig/i, /diagnos/i, /screening/i, /PLM/, /stunde schlaf/i,
    /verbesser/i, /schlechter/i, /verschlimmer/i, /\bwirkt/i, /klinisch/i, /dosis/i, /alles gut/i, /\bups/i, /fehler/i, /leider/i, /gesund/i,
    /krank/i, /patient/i, /heil(en|t|ung)/i, /risiko/i,
  ],
}; // prettier-ignore

test.each(Object.keys(CATALOGUES))(
  "%s says nothing that sounds like a diagnosis, a promise or an excuse",
  (language) => {
    const found = Object.entries(CATALOGUES[language] ?? {}).flatMap(([key, text]) =>
      (FORBIDDEN[language] ?? []).filter((stem) => stem.test(text)).map((stem) => `${key}: ${stem}`),
    );
    expect(found).toEqual([]);
  },
);

test("the list of forbidden words finds what it is for", () => {
  const hits = (language: string, text: string) => FORBIDDEN[language]?.some((stem) => stem.test(text));
  for (const text of ["13 per hour of sleep", "a normal night", "PLMI 13.4", "It works", "severe", "Oops"])
    expect(hits("en", text), text).toBe(true);
  for (const text of [
    "normale Werte",
    "schwere Form",
    "ein mäßiger Befund",
    "13 pro Stunde Schlaf",
    "Fehler 3",
  ])
    expect(hits("de", text), text).toBe(true);
});

test.each(Object.keys(CATALOGUES))("%s has every text, with the values that English has", (language) => {
  const texts = CATALOGUES[language] ?? {};
  expect(Object.keys(texts).sort()).toEqual(Object.keys(english).sort());
  for (const [key, text] of Object.entries(texts)) {
    expect(names(text), key).toEqual(names((english as Record<string, string>)[key] ?? ""));
    const values = Object.fromEntries(names(text).map((name) => [name, 2]));
    expect(format(text, values, PLURAL[language] ?? "en-GB"), key).not.toMatch(/[{}]/);
  }
});

test("every rate names its hours", () => {
  for (const texts of Object.values(CATALOGUES)) {
    for (const [key, text] of Object.entries(texts)) {
      if (/per hour|pro Stunde/.test(text) && key.startsWith("night.rate"))
        expect(text, key).toContain("{where}");
    }
  }
});

test("a pseudo text keeps its values", () => {
  for (const [key, text] of Object.entries(english)) expect(names(pseudo(text)), key).toEqual(names(text));
});
