/**
 * Why: the web program sends built files as they lie on disk; compressing them once here costs no page any time.
 * Writes a .br and a .gz beside every built text file that gets smaller by it.
 */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const COMPRESSIBLE = /\.(js|mjs|css|svg|json|wasm|map|txt)$/;
const SMALLEST = 512;

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

export function precompress(): Plugin {
  let folder = "";
  return {
    name: "farhand-precompress",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      for await (const path of filesBelow(folder)) {
        if (!COMPRESSIBLE.test(path) || (await stat(path)).size < SMALLEST) continue;
        const content = await readFile(path);
        const small = [
          [".br", await brotli(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })],
          [".gz", await gzipped(content, { level: 9 })],
        ] as const;
        for (const [suffix, bytes] of small) if (bytes.length < content.length) await writeFile(path + suffix, bytes);
      }
    },
  };
}
