import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

/** Styles go into files and never into the page: the console's policy allows no inline style. */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: { css: "external", runes: true },
};
