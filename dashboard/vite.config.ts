// How the dashboard is built into the Python package, and where it finds legmon while it is developed.
import { readdirSync, readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, loadEnv, type Plugin } from "vite";

const LEGMON = "http://127.0.0.1:8731";
const TOKEN = loadEnv("development", ".", "LEGMON_").LEGMON_TOKEN ?? "";

/** What of others is in the built pages. */
const OF_OTHERS = [
  "@fontsource-variable/atkinson-hyperlegible-next",
  "@lucide/svelte",
  "openapi-fetch",
  "svelte",
  "uplot",
];

/** Puts the licences of others beside the pages that hold their work. */
const licences: Plugin = {
  name: "licences",
  generateBundle() {
    const texts = OF_OTHERS.map((name) => {
      const folder = new URL(`node_modules/${name}/`, import.meta.url);
      const file = readdirSync(folder).find((entry) => entry.startsWith("LICENSE"));
      if (!file) this.error(`${name} has no licence`);
      return `${name}\n\n${readFileSync(new URL(file, folder), "utf8").trim()}\n`;
    });
    this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n\n") });
  },
};

// The server's Content-Security-Policy allows files of its own origin and nothing inline.
export default defineConfig({
  plugins: [svelte(), licences],
  build: {
    outDir: "../src/legmon/web/static",
    emptyOutDir: true,
    target: ["chrome123", "firefox120", "safari17.5"], // the first that know light-dark()
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // legmon answers its own origin only, and lets in who has the token that `legmon token` prints.
  server: {
    proxy: {
      "/api": {
        target: LEGMON,
        ws: true,
        changeOrigin: true,
        rewriteWsOrigin: true,
        headers: { authorization: `Bearer ${TOKEN}`, origin: LEGMON },
      },
    },
  },
});
