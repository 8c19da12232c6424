// Elements from descriptions. Text only ever becomes text: there is no markup from strings here.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
}

/** An element; `on…` attributes are listeners. */
export function h(tag, attributes = {}, ...children) {
    return fill(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function svg(tag, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Sets a text only where it differs, so that nothing is announced or drawn for nothing. */
export function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/** Replaces what an element holds. The focus stays on what has the same `data-key`, or else in `main`. */
export function replace(element, ...children) {
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    const key = focused?.getAttribute("data-key");
    element.replaceChildren(...children.flat().filter((child) => child !== null));
    if (!focused || focused.isConnected) return;
    const same = key && element.querySelector(`[data-key="${CSS.escape(key)}"]`);
    (same || element.closest("main"))?.focus();
}

/** A list whose items lie side by side where there is room. */
export function rows(items, render, none) {
    if (items.length === 0) return h("p", { class: "none" }, none);
    return h(
        "ul",
        { class: "rows" },
        items.map((item) => h("li", {}, render(item))),
    );
}

/** Terms and what is to be said about each; empty ones are left out. */
export function facts(pairs) {
    const told = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const fact = ([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value));
    return h("dl", { class: "facts" }, told.map(fact));
}

/** An input for an event's id, with its label; `changed` is called with a whole one, or with none. */
export function idField(label, changed) {
    const input = h("input", {
        id: "event-id",
        type: "search",
        size: 16,
        pattern: "[A-Za-z0-9_\\-]{1,64}",
        autocomplete: "off",
        spellcheck: "false",
        onchange: () => input.reportValidity() && changed(input.value),
    });
    return [h("label", { for: "event-id" }, label), input];
}
