// Formats texts with the parts of the ICU syntax that legmon needs: {name}, {n, plural, one {# x} other {# y}}, {x, select, a {…} other {…}}.
export type Value = string | number;
export type Values = Record<string, Value>;

type Part = string | { name: string; kind: "value" | "plural" | "select"; cases: Map<string, Part[]> };

const parsed = new Map<string, Part[]>();

/** Returns a text with its values; numbers are written as in `locale`, and `#` in a plural is its number. */
export function format(message: string, values: Values, locale: string): string {
  let parts = parsed.get(message);
  if (!parts) parsed.set(message, (parts = parse(message)));
  return render(parts, values, locale, "");
}

/** Returns the names of the values in a text. */
export function names(message: string): string[] {
  const found = new Set<string>();
  const walk = (parts: Part[]): void => {
    for (const part of parts) {
      if (typeof part === "string") continue;
      found.add(part.name);
      part.cases.forEach(walk);
    }
  };
  walk(parse(message));
  return [...found].sort();
}

const rules = new Map<string, Intl.PluralRules>();
const numbers = new Map<string, Intl.NumberFormat>();

const cached = <T>(map: Map<string, T>, key: string, make: () => T): T => {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
};

/** Returns a number as a language writes it, with `places` decimals. */
export const number = (value: number, locale: string, places = 0): string =>
  cached(
    numbers,
    `${locale} ${places}`,
    () => new Intl.NumberFormat(locale, { minimumFractionDigits: places, maximumFractionDigits: places }),
  )
    .format(value)
    .replace("-", "−");

function render(parts: Part[], values: Values, locale: string, hash: string): string {
  return parts
    .map((part) => {
      if (typeof part === "string") return hash ? part.replaceAll("#", hash) : part;
      const value = values[part.name] ?? "";
      const shown =
        typeof value === "number" ? number(value, locale, Number.isInteger(value) ? 0 : 1) : value;
      if (part.kind === "value") return shown;
      const plural = part.kind === "plural";
      const chosen = plural
        ? cached(rules, locale, () => new Intl.PluralRules(locale)).select(Number(value))
        : String(value);
      const exact = plural ? part.cases.get(`=${value}`) : undefined;
      const branch = exact ?? part.cases.get(chosen) ?? part.cases.get("other") ?? [];
      return render(branch, values, locale, plural ? shown : hash);
    })
    .join("");
}

function parse(message: string): Part[] {
  let at = 0;

  function until(stop: string): Part[] {
    const parts: Part[] = [];
    let text = "";
    while (at < message.length && message[at] !== stop) {
      if (message[at] !== "{") {
        text += message[at++];
        continue;
      }
      if (text) parts.push(text);
      text = "";
      at++;
      parts.push(argument());
    }
    if (text) parts.push(text);
    return parts;
  }

  function word(): string {
    const start = at;
    while (at < message.length && !"{},".includes(message[at] ?? "")) at++;
    return message.slice(start, at).trim();
  }

  function argument(): Part {
    const name = word();
    if (message[at] === "}") {
      at++;
      return { name, kind: "value", cases: new Map() };
    }
    at++;
    const kind = word() === "plural" ? "plural" : "select";
    at++;
    const cases = new Map<string, Part[]>();
    while (at < message.length && message[at] !== "}") {
      const key = word();
      if (message[at] !== "{") throw new Error(`no text for “${key}” in “${message}”`);
      at++;
      cases.set(key, until("}"));
      at++;
      while (/\s/.test(message[at] ?? "")) at++;
    }
    at++;
    return { name, kind, cases };
  }

  return until("");
}

const ACCENTS: Record<string, string> = {
  a: "á", c: "ç", d: "ď", e: "é", g: "ğ", i: "í", l: "ł", n: "ñ", o: "ö", r: "ř", s: "š", t: "ť", u: "ü", y: "ý", z: "ž",
  A: "Á", E: "É", H: "Ħ", I: "Í", O: "Ö", S: "Š", T: "Ť", U: "Ü",
}; // prettier-ignore

const LONGER = 0.35;

/** Returns a text with accents and a third longer, which shows what is not translated or does not fit. Values stay. */
export function pseudo(message: string): string {
  let depth = 0;
  let out = "";
  for (let i = 0; i < message.length; i++) {
    const sign = message[i] ?? "";
    if (sign === "{") {
      // Only a branch of a plural or select holds text: a brace inside an argument, after a word.
      depth++;
      out += sign;
      continue;
    }
    if (sign === "}") depth--;
    out += depth % 2 ? sign : (ACCENTS[sign] ?? sign);
  }
  const words = Math.max(1, Math.round((message.length * LONGER - 2) / 4));
  return `[${out}${" ~~~".repeat(words)}]`;
}
