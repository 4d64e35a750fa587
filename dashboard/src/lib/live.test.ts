import { expect, test } from "vitest";
import { retryDelay } from "./live.svelte";

test("a lost connection is tried again after half a second, then less and less often", () => {
  expect([0, 1, 2, 3, 4, 10].map(retryDelay)).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
});
