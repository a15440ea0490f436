import init from "./everwire.js";

init();
