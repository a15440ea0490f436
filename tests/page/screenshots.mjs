// The page as it looks, written into the folder that is given: `cargo xtask screenshots`.
import { join } from "node:path";
import { browser as launch, Person, Server } from "./world.mjs";

const [folder] = process.argv.slice(2);
const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

const browser = await launch();
try {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) await story(`${size}-${colorScheme}.png`, { viewport, colorScheme });
  }
} finally {
  await browser.close();
}

async function story(file, options) {
  const server = await Server.start();
  const maria = await Person.join(browser, server, "Maria", { query: "?room=harbour" });
  const jonas = await Person.join(browser, server, "Jonas", { query: "?room=harbour" });
  await jonas.write("The ferry leaves at seven. Who brings the charts?");
  await jonas.write("The forecast is at https://example.org/forecast");
  const ana = await Person.join(browser, server, "Ana", { query: "?room=harbour", ...options });
  await ana.message("forecast").waitFor();
  await ana.write("I do. And coffee for everybody");
  await ana.sees("coffee", "read");
  await maria.write("Coffee! Then I will be there in time.");
  await maria.write("Somebody has to tell Tom that the train at six does not run on Saturdays any more, so he has to take the bus, or sleep at ours.");
  await ana.message("Somebody").waitFor();
  await ana.write("I have told him. He takes the bus.");
  await ana.sees("I have told", "read");
  await jonas.page.bringToFront();
  await jonas.page.locator("textarea").pressSequentially("See you");
  await ana.page.bringToFront();
  await ana.page.getByText(/Jonas.* is typing/).waitFor();
  await ana.page.screenshot({ path: join(folder, file) });
  for (const person of [maria, jonas, ana]) await person.done();
  await server.stop();
}
