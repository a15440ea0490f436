// Three browsers driven by WebDriver, the protocol of all of them, for the cases that have to work in each.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import readline from "node:readline";
import { Builder, By, Key } from "selenium-webdriver";
import { running } from "./world.mjs";

const PATIENCE_MS = 30_000;

/** How each browser is started: its driver, and the settings that the driver gets. */
const KINDS = {
  chromium: {
    driver: "chromedriver",
    says: (folder) => ({
      browserName: "chrome",
      "goog:chromeOptions": {
        binary: process.env.EVERWIRE_CHROMIUM ?? "/usr/bin/chromium",
        args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", `--user-data-dir=${folder}`],
      },
    }),
  },
  firefox: {
    driver: "geckodriver",
    says: () => ({
      browserName: "firefox",
      "moz:firefoxOptions": { binary: "/usr/bin/firefox-esr", args: ["-headless"], prefs: { "intl.accept_languages": "en-GB" } },
    }),
  },
  webkit: {
    driver: "WebKitWebDriver",
    // It has no headless mode.
    needsScreen: true,
    says: () => ({
      browserName: "MiniBrowser",
      "webkitgtk:browserOptions": { binary: minibrowser(), args: ["--automation"] },
    }),
  },
};

export const NAMES = Object.keys(KINDS);

/** A browser under WebDriver. */
export class Driven {
  static async start(name) {
    const { driver: program, says, needsScreen } = KINDS[name];
    const driven = new Driven();
    driven.name = name;
    driven.programs = [];
    driven.folder = mkdtempSync(join(tmpdir(), "everwire-browser-"));
    const env = { ...process.env, HOME: driven.folder, LANG: "en_GB.UTF-8", LANGUAGE: "en" };
    if (needsScreen) env.DISPLAY = await driven.#screen();
    const port = await freePort();
    driven.#run(program, [`--port=${port}`], { env });
    await listening(port);
    driven.driver = await new Builder().usingServer(`http://127.0.0.1:${port}`).withCapabilities({ ...says(driven.folder), pageLoadStrategy: "none" }).build();
    await driven.driver.manage().window().setRect({ width: 1280, height: 800 });
    return driven;
  }

  async stop() {
    await this.driver?.quit().catch(() => {});
    for (const program of this.programs) await end(program);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }

  async #screen() {
    const screen = this.#run("Xvfb", ["-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of readline.createInterface({ input: screen.stdout })) return `:${line.trim()}`;
    throw new Error("Xvfb has no screen");
  }

  #run(program, args, options = {}) {
    const run = spawn(program, args, { stdio: "ignore", ...options });
    run.on("error", (error) => console.error(`${program}: ${error.message}`));
    running.add(run);
    run.once("exit", () => running.delete(run));
    this.programs.push(run);
    return run;
  }

  /** Opens another page; every later command waits until it is open. */
  async visit(url) {
    await this.#leaves(() => this.driver.get(url));
  }

  async reload() {
    await this.#leaves(() => this.driver.navigate().refresh());
  }

  async #leaves(act) {
    await this.run(() => void (window.isBefore = true));
    await act();
    await this.until(() => !window.isBefore);
  }

  async join(server, name, query = "") {
    await this.visit(server.url(query));
    await this.find("#name");
    await this.type("#name", name, Key.ENTER);
    await this.connected();
  }

  async connected() {
    await this.find(".dot.good");
  }

  /** Calls this function with these arguments in the page, and returns its result. */
  run(act, ...args) {
    return this.driver.executeScript(`return (${act}).apply(null, arguments)`, ...args);
  }

  /** Waits until the function returns a true value in the page, and returns that. */
  async until(act, ...args) {
    let said;
    for (const start = Date.now(); Date.now() - start < PATIENCE_MS; ) {
      // There is no page while the next one is loaded.
      said = await this.run(act, ...args).catch((error) => void (said = error));
      if (said) return said;
      await new Promise((waited) => setTimeout(waited, 30));
    }
    throw new Error(`in ${this.name} it never came to ${act} with ${JSON.stringify(args)}`);
  }

  /** Waits until an element is visible, and returns its text. */
  find(selector, text = "") {
    const isThere = (selector, text) => {
      const all = [...document.querySelectorAll(selector)].filter((one) => one.getClientRects().length > 0 && one.textContent.toLowerCase().includes(text.toLowerCase()));
      return all.length > 0 && [all[0].textContent];
    };
    return this.until(isThere, selector, text).then(([text]) => text);
  }

  async type(selector, ...keys) {
    await this.driver.findElement(By.css(selector)).sendKeys(...keys);
  }

  async click(selector, text = "") {
    await this.find(selector, text);
    for (const element of await this.driver.findElements(By.css(selector))) {
      if ((await element.getText()).toLowerCase().includes(text.toLowerCase())) return element.click();
    }
    throw new Error(`${selector} with "${text}" has gone`);
  }

  async write(text) {
    await this.type("textarea", text, Key.ENTER);
  }

  /** Waits until a message of this user has this status. */
  sees(text, ...statuses) {
    const isSo = (text, statuses) => {
      const row = [...document.querySelectorAll(".message")].find((row) => row.querySelector(".text").textContent === text);
      return row && statuses.includes(row.querySelector(".status")?.title.toLowerCase());
    };
    return this.until(isSo, text, statuses);
  }

  texts() {
    return this.run(() => [...document.querySelectorAll(".message .text")].map((text) => text.textContent));
  }
}

export { Key };

function minibrowser() {
  const machines = { x64: "x86_64", arm64: "aarch64" };
  return `/usr/lib/${machines[process.arch]}-linux-gnu/webkit2gtk-4.1/MiniBrowser`;
}

async function end(program) {
  if (program.exitCode !== null || program.signalCode !== null) return;
  const ended = once(program, "exit");
  program.kill("SIGKILL");
  await ended;
}

async function listening(port) {
  for (let step = 0; step < 600; step += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/status`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((waited) => setTimeout(waited, 50));
  }
  throw new Error("the browser's driver does not answer");
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
