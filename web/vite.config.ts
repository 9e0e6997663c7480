/**
 * Why: one build for every page. Entries that exist are built; the manifest tells the templates their hashed names.
 * Rules: nothing is inlined as data or script (strict CSP), no page calls another host, output goes into the wheel.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { precompress } from "./precompress.ts";

const here = import.meta.dirname;
const entries = [
  "console/src/main.ts",
  "admin/src/main.ts",
  "admin/src/replay/main.ts",
  "portal/src/main.ts",
  "portal/src/chat/main.ts",
];

export default defineConfig({
  root: here,
  base: "/static/built/",
  plugins: [svelte(), precompress()],
  build: {
    outDir: resolve(here, "../src/farhand/web/static/built"),
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
    // The policy of every page forbids eval; htmx has a path with it that allowEval=false closes.
    rollupOptions: { checks: { eval: false }, input: entries.filter((entry) => existsSync(resolve(here, entry))) },
  },
  worker: { format: "es" },
  test: {
    include: ["{console,admin,portal,design}/**/*.test.ts"],
    environment: "node",
    restoreMocks: true,
  },
});
