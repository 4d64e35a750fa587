// How the dashboard is built into the Python package, and where it finds legmon while it is developed.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, loadEnv } from "vite";

const LEGMON = "http://127.0.0.1:8731";
const TOKEN = loadEnv("development", ".", "LEGMON_").LEGMON_TOKEN ?? "";

// The server's Content-Security-Policy allows files of its own origin and nothing inline.
export default defineConfig({
  plugins: [svelte()],
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
