// Makes `dist` of `src` and `gen` (what `cargo xtask js` has made of the Rust crates).
import { build } from "esbuild";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** What shares a part with others of its line, loaded once. */
const ENTRIES = [["index", "node", "inline", "slim", "react"], ["chat", "chat-node"]];
/** In bytes: the shim by gzip, the WebAssembly by brotli. */
const LIMITS = { shim: 4096, wasm: Number(process.env.EVERWIRE_JS_WASM_LIMIT ?? 128_000) };

const here = (path) => new URL(path, import.meta.url);
process.chdir(new URL(".", import.meta.url).pathname);

await rm(here("dist"), { recursive: true, force: true });
await mkdir(here("dist"));
const wasm = await readFile(here("gen/everwire.wasm"));
await writeFile(here("gen/inline.js"), `export default "${wasm.toString("base64")}";\n`);
const OPTIONS = { outdir: "dist", format: "esm", target: "es2022", bundle: true, minify: true, legalComments: "none", logLevel: "warning" };
/** The engine is a file of its own with all that it needs: a page that waits for it waits for one. */
const engine = { name: "engine", setup: ({ onResolve }) => onResolve({ filter: /^\.\/engine\.js$/ }, ({ path }) => ({ path, external: true })) };
await build({ ...OPTIONS, entryPoints: ["src/engine.js"] });
for (const names of ENTRIES) {
  const entryPoints = names.map((name) => `src/${name}.js`);
  await build({ ...OPTIONS, entryPoints, splitting: true, chunkNames: "[name]-[hash]", external: ["node:*", "everwire", "react"], plugins: [engine] });
}
for (const name of ["everwire.wasm", "chat.wasm"]) await copyFile(here(`gen/${name}`), here(`dist/${name}`));
for (const types of (await readdir(here("src"))).filter((name) => name.endsWith(".d.ts"))) await copyFile(here(`src/${types}`), here(`dist/${types}`));

for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) await copyFile(here(`../../${licence}`), here(licence));

const shim = await build({ entryPoints: ["src/socket.js"], format: "esm", target: "es2022", bundle: true, minify: true, write: false });
const chat = brotliCompressSync(await readFile(here("gen/chat.wasm")));
const sizes = { shim: gzipSync(shim.outputFiles[0].contents, { level: 9 }).length, wasm: brotliCompressSync(wasm).length };
// The README names them; a test holds it to this.
await writeFile(here("gen/sizes.json"), JSON.stringify({ ...sizes, small: !process.env.EVERWIRE_JS_WASM_LIMIT }));
console.log(`shim ${sizes.shim} bytes by gzip, WebAssembly ${sizes.wasm} bytes by brotli (${wasm.length} as it is); the chat's ${chat.length}`);
for (const [what, limit] of Object.entries(LIMITS)) {
  if (sizes[what] > limit) throw new Error(`the ${what} has ${sizes[what]} bytes, more than ${limit}`);
}
