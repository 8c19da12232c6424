// A list in pages: a filter, an event's id, what is asked for, and the ways to its other pages.

import { h, idField, replace, rows } from "./dom.js";
import { missed, seen } from "./freshness.js";
import { LIST_EVERY_MS, poll } from "./poll.js";

/** Items of one page. */
export const PAGE = 50;

/**
 * Shows the list until what it returns is called. `filter` has an `id`, the `options` as [value, word]
 * and which is `chosen`; `ask` returns the page's items and where the next page begins; `render` makes an
 * item, and is given what looks again at once.
 */
export function paged(container, { title, filter, idLabel, ask, render }) {
    const at = { chosen: filter.chosen, event: "", after: "" };
    let shown = "";
    const list = h("div", {});
    const more = h("div", { class: "buttons" });
    const select = h(
        "select",
        { id: filter.id, onchange: () => go({ chosen: select.value, after: "" }) },
        filter.options.map(([value, word]) =>
            h("option", { value, selected: value === at.chosen }, word),
        ),
    );
    replace(
        container,
        h("h2", {}, title),
        h(
            "div",
            { class: "filters" },
            [h("label", { for: filter.id }, "That are"), select],
            idField(idLabel, (event) => go({ event, after: "" })),
        ),
        list,
        more,
    );

    function go(to) {
        Object.assign(at, to);
        shown = "";
        polling.now();
    }

    function way(key, after, word) {
        return h("button", { "data-key": key, onclick: () => go({ after }) }, word);
    }

    async function look(stop) {
        const asked = JSON.stringify(at);
        const { items, next } = await ask({ ...at }, stop);
        if (asked !== JSON.stringify(at)) return;
        seen();
        const text = JSON.stringify([items, next]);
        if (text === shown) return;
        shown = text;
        const one = (item) => render(item, polling.now);
        replace(list, rows(items, one, "There are none."));
        replace(
            more,
            at.after ? way("first", "", "The first ones") : [],
            next ? way("next", next, "The next ones") : [],
        );
    }

    const polling = poll(LIST_EVERY_MS, look, missed);
    return polling.stop;
}
