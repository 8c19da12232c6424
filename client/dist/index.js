export { Firstcome } from "./client.js";
export { DEFAULT_BUDGET } from "./plan.js";
