// Figures that are read at a glance: a name, a number, and what puts it in its place.

import { h, say } from "./dom.js";

/** Tiles of those names. `set(name, value, note, state)`; states are "", good, bad. */
export function tiles(names) {
    const parts = new Map(names.map((name) => [name, tile(name)]));
    const element = h(
        "dl",
        { class: "tiles" },
        [...parts.values()].map((part) => part.element),
    );
    function set(name, value, note = "", state = "") {
        const part = parts.get(name);
        say(part.value, value);
        say(part.note, note);
        part.element.className = `tile ${state}`;
    }
    return { element, set };
}

function tile(name) {
    const value = h("span", { class: "value" }, "–");
    const note = h("span", { class: "note" });
    const element = h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, value, note));
    return { element, value, note };
}
