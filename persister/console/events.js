// The list of events; operators have their controls beside each.

import { get, query } from "./api.js";
import { controls } from "./change.js";
import { facts, h, idField, replace, rows } from "./dom.js";
import { count, time, words } from "./format.js";
import { missed, seen } from "./freshness.js";
import { LIST_EVERY_MS, poll } from "./poll.js";
import { isOperator } from "./session.js";

const PAGE = 50;
const PHASES = ["open", "paused", "scheduled", "closed", "archived"];

export const everyMs = LIST_EVERY_MS;

export function events(container) {
    let phase = "open";
    let after = "";
    let id = "";
    let shown = "";
    const list = h("div", {});
    const more = h("div", { class: "buttons" });
    const options = ["", ...PHASES].map((value) =>
        h("option", { value, selected: value === phase }, value === "" ? "all" : value),
    );
    const filter = h("select", { id: "phase", onchange: () => go(filter.value, "") }, options);
    replace(
        container,
        h("h2", {}, "Events"),
        h(
            "div",
            { class: "filters" },
            [h("label", { for: "phase" }, "That are"), filter],
            idField("or of the id", (text) => {
                id = text;
                go(phase, "");
            }),
        ),
        list,
        more,
    );

    function go(to, from) {
        [phase, after, shown] = [to, from, ""];
        polling.now();
    }

    async function look(stop) {
        const asked = [phase, after, id].join();
        const found = id
            ? await one(stop)
            : await get(`events${query({ phase, after, limit: PAGE })}`, stop);
        if (asked !== [phase, after, id].join()) return;
        seen();
        const text = JSON.stringify(found);
        if (text === shown) return;
        shown = text;
        replace(list, rows(found, render, "There are none."));
        const next = found.length === PAGE ? found.at(-1).event_id : "";
        replace(
            more,
            after
                ? h(
                      "button",
                      { "data-key": "first", onclick: () => go(phase, "") },
                      "The first ones",
                  )
                : [],
            next
                ? h(
                      "button",
                      { "data-key": "next", onclick: () => go(phase, next) },
                      "The next ones",
                  )
                : [],
        );
    }

    async function one(stop) {
        try {
            return [await get(`events/${id}`, stop)];
        } catch (problem) {
            if (problem.status === 404) return [];
            throw problem;
        }
    }

    function render(event) {
        const name = event.event_id;
        return [
            h("h3", {}, h("a", { href: `#/live?event=${name}`, "data-key": name }, name)),
            h("p", { class: `badge ${event.phase}` }, words(event.phase)),
            facts([
                ["Stock", count(event.stock)],
                ["A user", count(event.per_user_limit)],
                ["Opens", event.opens_at ? time(event.opens_at) : ""],
                ["Closes", event.closes_at ? time(event.closes_at) : ""],
                ["Version", String(event.version)],
                [
                    "Labels",
                    Object.entries(event.labels)
                        .map((label) => label.join(" "))
                        .join(", "),
                ],
            ]),
            event.waiting_for ? h("p", { class: "bad" }, `Waits: ${event.waiting_for}`) : null,
            isOperator() ? controls(event, polling.now) : null,
        ];
    }

    const polling = poll(LIST_EVERY_MS, look, missed);
    return polling.stop;
}
