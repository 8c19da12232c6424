// The list of events; operators have their controls beside each.

import { get, query } from "./api.js";
import { controls } from "./change.js";
import { facts, h } from "./dom.js";
import { count, time, words } from "./format.js";
import { PAGE, paged } from "./paged.js";
import { LIST_EVERY_MS } from "./poll.js";
import { isOperator } from "./session.js";

const PHASES = ["open", "paused", "scheduled", "closed", "archived"];

export const everyMs = LIST_EVERY_MS;

export function events(container) {
    const options = [["", "all"], ...PHASES.map((phase) => [phase, phase])];
    const filter = { id: "phase", options, chosen: "open" };
    return paged(container, { title: "Events", filter, idLabel: "or of the id", ask, render });
}

async function ask({ chosen, event, after }, stop) {
    if (event) return { items: await one(event, stop), next: "" };
    const items = await get(`events${query({ phase: chosen, after, limit: PAGE })}`, stop);
    return { items, next: items.length === PAGE ? items.at(-1).event_id : "" };
}

async function one(id, stop) {
    try {
        return [await get(`events/${id}`, stop)];
    } catch (problem) {
        if (problem.status === 404) return [];
        throw problem;
    }
}

function render(event, lookAgain) {
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
        isOperator() ? controls(event, lookAgain) : null,
    ];
}
