// How the dashboard is built into the Python package, and where it finds legmon while it is developed.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

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
  // legmon answers its own origin only.
  server: {
    proxy: {
      "/api": { target: "http://127.0.0.1:8731", ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
});
