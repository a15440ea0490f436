// The package as npm packs it: what is in it, its types, and what bundlers make of it, loaded in Chromium.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as esbuild } from "esbuild";
import { build as vite } from "vite";
import webpack from "webpack";
import { browser as launch } from "../../../tests/page/world.mjs";
import { Server } from "./server.mjs";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const BIN = join(PACKAGE, "node_modules/.bin");
const LIMIT = { timeout: 90_000 };
/** What a strict page has to allow: WebAssembly, and connections to its server. */
const STRICT = (port) => `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws://127.0.0.1:${port}`;

let folder, tarball, browser;

before(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "everwire-package-")));
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder], PACKAGE));
  tarball = join(folder, filename);
  const installed = join(folder, "node_modules/everwire");
  mkdirSync(installed, { recursive: true });
  run("tar", ["xzf", tarball, "--strip-components=1", "-C", installed], folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  browser = await launch();
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(program, args, cwd) {
  try {
    return execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1" } });
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}: ${error.stdout}${error.stderr}`);
  }
}

/** What an app does with the package; the page says what came of it. */
const app = (from, more = "") => `
  import { EverwireSocket${more ? ", init" : ""} } from "${from}";
  ${more}
  const socket = new EverwireSocket(\`ws://\${location.host}/echo\`, [], { textPings: ["ping", "pong"] });
  socket.deliver("hello").then(({ status }) => (document.title = status), (error) => (document.title = String(error)));
`;

/** A project with this app, and the folder that a bundler shall fill. */
function project(name, source) {
  const root = join(folder, name);
  mkdirSync(join(root, "out"), { recursive: true });
  writeFileSync(join(root, "app.js"), source);
  return { root, entry: join(root, "app.js"), out: join(root, "out") };
}

/** Opens the page under a strict policy, and waits until its socket has worked. */
async function works(out, { html, mount = "/" } = {}) {
  if (html) writeFileSync(join(out, "page.html"), html);
  const server = await Server.start({ [mount]: pathToFileURL(`${out}/`) });
  server.headers["content-security-policy"] = STRICT(server.port);
  const page = await browser.newPage();
  try {
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${server.origin}/page.html`);
    await page.waitForFunction(() => document.title, null, { timeout: 15_000 }).catch(() => {});
    assert.deepEqual([await page.title(), complaints.filter((text) => !text.includes("favicon"))], ["received", []]);
  } finally {
    await page.close();
    await server.stop();
  }
}

const HTML = (script) => `<!doctype html><script type="module" src="${script}"></script>`;

test("the package has what it needs, no scripts, and no more", () => {
  const files = run("tar", ["tzf", tarball], folder).trim().split("\n").map((name) => name.replace("package/", ""));
  for (const needed of ["README.md", "MIGRATING.md", "LICENSE-APACHE", "LICENSE-MIT", "package.json", "dist/index.js", "dist/index.d.ts", "dist/everwire.wasm"]) assert.ok(files.includes(needed), needed);
  assert.deepEqual(files.filter((name) => !/^(dist\/|README.md|MIGRATING.md|LICENSE|package.json)/.test(name)), []);
  const { scripts, dependencies, private: hidden } = JSON.parse(run("tar", ["xzOf", tarball, "package/package.json"], folder));
  assert.deepEqual([scripts, dependencies, hidden], [undefined, undefined, undefined]);
});

test("the README names the sizes of what is packed", (run) => {
  const { shim, wasm, small } = JSON.parse(readFileSync(join(PACKAGE, "gen/sizes.json"), "utf8"));
  const readme = readFileSync(join(PACKAGE, "README.md"), "utf8");
  const [, kilobytes] = readme.match(/first part \((\d+) KB by gzip\)/);
  const names = (named, bytes) => assert.ok(Math.abs(Number(named) * 1_000 - bytes) < bytes * 0.025, `the README says ${named} KB, and it is ${bytes} bytes`);
  assert.equal(Number(kilobytes), Math.round(shim / 1_000));
  // Without the standard library's source it is larger: the numbers are those of what is published.
  if (!small) return run.skip("this build has the standard library as rustup has it");
  const [, whole] = readme.match(/WebAssembly \((\d+) KB by\s+brotli\)/);
  names(whole, wasm);
});

test("publint and attw have nothing against it", LIMIT, () => {
  run(join(BIN, "publint"), ["run", tarball, "--strict"], folder);
  run(join(BIN, "attw"), [tarball, "--profile", "esm-only", "--exclude-entrypoints", "everwire.wasm", "chat.wasm"], folder);
});

test("strict TypeScript takes it for a WebSocket, and knows what is beyond it", LIMIT, () => {
  const root = join(folder, "types");
  mkdirSync(root, { recursive: true });
  cpSync(join(PACKAGE, "tests/types"), root, { recursive: true });
  for (const name of ["@types", "csstype", "undici-types", "react"]) {
    try {
      cpSync(join(PACKAGE, "node_modules", name), join(folder, "node_modules", name), { recursive: true });
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  for (const resolution of [["bundler", "esnext"], ["nodenext", "nodenext"]]) {
    const [moduleResolution, module] = resolution;
    const files = readdirSync(root).filter((name) => /\.tsx?$/.test(name));
    run(join(BIN, "tsc"), ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2024,dom,dom.iterable,dom.asynciterable,esnext.disposable", "--types", "node", "--jsx", "react-jsx", "--module", module, "--moduleResolution", moduleResolution, ...files], root);
  }
});

test("Vite builds it, and the build works in Chromium", LIMIT, async () => {
  const { root, out } = project("vite", app("everwire"));
  writeFileSync(join(root, "page.html"), HTML("./app.js"));
  await vite({ root, logLevel: "error", build: { outDir: "out", emptyOutDir: true, rollupOptions: { input: join(root, "page.html") }, modulePreload: false } });
  await works(out);
});

test("webpack builds it, and the build works in Chromium", LIMIT, async () => {
  const { root, entry, out } = project("webpack", app("everwire"));
  const stats = await new Promise((done, failed) =>
    webpack({ mode: "production", context: root, entry, output: { path: out, filename: "app.js", publicPath: "/" } }, (error, stats) => (error ? failed(error) : done(stats))),
  );
  assert.equal(stats.hasErrors(), false, stats.toString());
  await works(out, { html: HTML("/app.js") });
});

test("esbuild builds it: with the WebAssembly inlined, and with its URL given", LIMIT, async () => {
  for (const [name, source] of [["inline", app("everwire/inline")], ["slim", app("everwire/slim", 'init("/everwire.wasm");')]]) {
    const { entry, out } = project(`esbuild-${name}`, source);
    await esbuild({ entryPoints: [entry], bundle: true, splitting: true, format: "esm", minify: true, outdir: out, logLevel: "silent" });
    cpSync(join(folder, "node_modules/everwire/dist/everwire.wasm"), join(out, "everwire.wasm"));
    await works(out, { html: HTML("/app.js") });
  }
});

test("a page without a bundler loads it as it is", LIMIT, async () => {
  const { out } = project("plain", "");
  cpSync(join(folder, "node_modules/everwire/dist"), join(out, "everwire"), { recursive: true });
  writeFileSync(join(out, "app.js"), app("/everwire/index.js"));
  await works(out, { html: HTML("/app.js") });
});
