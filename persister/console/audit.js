// What operators did, the newest first.

import { get, query } from "./api.js";
import { facts, h, idField, replace, rows } from "./dom.js";
import { time, words } from "./format.js";
import { missed, seen } from "./freshness.js";
import { LIST_EVERY_MS, poll } from "./poll.js";

const PAGE = 50;

export const everyMs = LIST_EVERY_MS;

export function audit(container) {
    let event = "";
    let before = "";
    let shown = "";
    const list = h("div", {});
    const more = h("div", { class: "buttons" });
    const field = idField("Of the event", (text) => {
        event = text;
        go("");
    });
    replace(
        container,
        h("h2", {}, "Audit trail"),
        h("div", { class: "filters" }, field),
        list,
        more,
    );

    function go(to) {
        [before, shown] = [to, ""];
        polling.now();
    }

    async function look(stop) {
        const asked = [event, before].join();
        const found = await get(`audit${query({ event, before, limit: PAGE })}`, stop);
        if (asked !== [event, before].join()) return;
        seen();
        const text = JSON.stringify(found);
        if (text === shown) return;
        shown = text;
        replace(list, rows(found, render, "Nobody did anything yet."));
        const older = found.length === PAGE ? found.at(-1).id : "";
        replace(
            more,
            before
                ? h("button", { "data-key": "newest", onclick: () => go("") }, "The newest")
                : [],
            older
                ? h("button", { "data-key": "older", onclick: () => go(older) }, "Older ones")
                : [],
        );
    }

    const polling = poll(LIST_EVERY_MS, look, missed);
    return polling.stop;
}

function render(line) {
    const change = (value) => (value && Object.keys(value).length ? sentence(value) : "");
    return [
        h("h3", {}, `${line.who}: ${words(line.action)}`),
        h("p", { class: "badge" }, time(line.at)),
        facts([
            ["Event", line.event_id],
            ["Of", line.subject],
            ["From", change(line.from)],
            ["To", change(line.to)],
            ["Why", line.why],
            ["Way", line.way],
            ["Version", line.version === null ? "" : String(line.version)],
        ]),
    ];
}

function sentence(fields) {
    const text = (value) =>
        value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
    return Object.entries(fields)
        .map(([name, value]) => `${words(name)} ${text(value)}`)
        .join(", ");
}
