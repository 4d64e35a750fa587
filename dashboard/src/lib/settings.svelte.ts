// How the pages look and what was set up: kept by legmon, not by the browser, so that every browser shows the same.
import * as client from "./client";
import { speak } from "./i18n.svelte";

export type Theme = client.Settings["theme"];

class Kept {
  value = $state.raw<client.Settings>({ theme: "auto", language: "auto", leg: null, set_up: false });
  loaded = $state(false);
}

export const settings = new Kept();

async function apply(): Promise<void> {
  const { theme, language } = settings.value;
  document.documentElement.dataset.theme = theme;
  await speak(language);
  document.dispatchEvent(new Event("themechange"));
}

export async function loadSettings(): Promise<void> {
  try {
    settings.value = await client.getSettings();
  } catch {
    // the page says elsewhere that legmon does not answer
  }
  await apply();
  settings.loaded = true;
  document.documentElement.classList.add("ready"); // until now nothing was shown: no flash of another theme
}

export async function change(some: Partial<client.Settings>): Promise<void> {
  settings.value = { ...settings.value, ...some };
  await apply();
  await client.setSettings(settings.value);
}
