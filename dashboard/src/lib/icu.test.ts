import { expect, test } from "vitest";
import { format, names, number, pseudo } from "./icu";

test.each([
  ["{n} nights", { n: 3 }, "en-GB", "3 nights"],
  ["{n, plural, one {# night} other {# nights}}", { n: 1 }, "en-GB", "1 night"],
  ["{n, plural, one {# night} other {# nights}}", { n: 12_345 }, "en-GB", "12,345 nights"],
  ["{n, plural, =0 {none} one {# Nacht} other {# Nächte}}", { n: 0 }, "de", "none"],
  ["{n, plural, one {# Nacht} other {# Nächte}}", { n: 12_345 }, "de", "12.345 Nächte"],
  ["{leg, select, left {left} other {right}} ankle", { leg: "left" }, "en-GB", "left ankle"],
  ["{a, plural, one {one {b}} other {# {b}}}!", { a: 2, b: "x" }, "en-GB", "2 x!"],
  ["{hours} h", { hours: 1.5 }, "de", "1,5 h"],
])("%s", (message, values, locale, text) => expect(format(message, values, locale)).toBe(text));

test("the names of a text", () => {
  expect(names("{a} {n, plural, one {{b}} other {#}}")).toEqual(["a", "b", "n"]);
});

test("numbers read as the language writes them, with a real minus", () => {
  expect(number(-1234.56, "en-GB", 1)).toBe("−1,234.6");
  expect(number(1234.56, "de", 1)).toBe("1.234,6");
});

test("a pseudo text keeps its syntax", () => {
  const text = pseudo("{n, plural, one {# night} other {# nights}} of {name}");
  expect(format(text, { n: 2, name: "Ann" }, "en-GB")).toBe("[2 ñíğhťš öf Ann ~~~ ~~~ ~~~ ~~~]");
});
