// Theme, language, leg and set-up. legmon keeps them, not the browser, so that every browser shows the same.
import * as client from "./client";
import { setLanguage } from "./i18n.svelte";
import { RULE_SETS } from "./words";

export type Theme = client.Settings["theme"];

class SettingsState {
  value = $state.raw<client.Settings>({
    theme: "auto",
    language: "auto",
    leg: null,
    set_up: false,
    rules: "wasm2016",
  });
  loaded = $state(false);
}

export const settings = new SettingsState();

const LOOK = "legmon.look";

/** Remembers the look in this browser, so that it is the same at once, and where legmon does not let it in. */
function remember(): void {
  const { theme, language, rules } = settings.value;
  try {
    localStorage.setItem(LOOK, JSON.stringify({ theme, language, rules }));
  } catch {
    // a browser that keeps nothing
  }
}

/** Returns the look that was remembered, where there is one. */
function remembered(): Partial<client.Settings> {
  try {
    const { theme, language, rules } = JSON.parse(
      localStorage.getItem(LOOK) ?? "{}",
    ) as Partial<client.Settings>;
    return {
      ...(theme && { theme }),
      ...(language && { language }),
      ...(rules && RULE_SETS.includes(rules) && { rules }),
    };
  } catch {
    return {};
  }
}

async function apply(): Promise<void> {
  const { theme, language } = settings.value;
  document.documentElement.dataset.theme = theme;
  await setLanguage(language);
  document.dispatchEvent(new Event("themechange"));
}

export async function loadSettings(): Promise<void> {
  settings.value = { ...settings.value, ...remembered() }; // what is asked for first is mostly right
  try {
    settings.value = await client.getSettings();
    remember();
  } catch {
    // another part of the page reports that legmon does not answer
  }
  await apply();
  settings.loaded = true;
  document.documentElement.classList.add("ready"); // the page is hidden until now, so that no other theme flashes
}

export async function changeSettings(some: Partial<client.Settings>): Promise<void> {
  settings.value = { ...settings.value, ...some };
  await apply();
  await client.setSettings(settings.value);
  remember();
}
