// Changes of an event: from where which ones lead, and how each is asked for. The version that the
// operator looked at goes along, so that nobody undoes unseen what another did.

import { post } from "./api.js";
import { ask } from "./dialog.js";
import { h } from "./dom.js";
import { count, time, words } from "./format.js";
import { announce } from "./freshness.js";

/** How long a change may wait until shard and edges carry it. */
const WAIT_S = 10;

const WORDS = { open: "Open", pause: "Pause", resume: "Resume", stock: "Stock", close: "Close" };
const INTRO = {
    close: "Closing is final: clients are told that the sale is over.",
    pause: "Claims are answered “paused” until it is resumed.",
};

/** What may be done with an event as it stands. */
function verbs(phase) {
    return (
        {
            scheduled: ["open", "stock", "close"],
            open: ["pause", "stock", "close"],
            paused: ["resume", "stock", "close"],
        }[phase] ?? []
    );
}

/** A button for each; `done` is called when one was made. */
export function controls(event, done) {
    const button = (verb) =>
        h(
            "button",
            {
                "data-key": `${event.event_id} ${verb}`,
                "aria-label": `${WORDS[verb]} ${event.event_id}`,
                onclick: () => change(event, verb, done),
            },
            WORDS[verb],
        );
    return h("div", { class: "buttons" }, verbs(event.phase).map(button));
}

/** Asks an operator about a change, and makes it. */
function change(event, verb, done) {
    let version = event.version;
    const units = verb === "stock" ? stock(event) : null;
    ask({
        title: `${WORDS[verb]} ${event.event_id}`,
        verb: verb === "stock" ? "Set the stock" : WORDS[verb],
        intro: INTRO[verb],
        field: units?.element,
        act: async ({ why, dryRun }) => {
            const how = { why, dry_run: dryRun, if_version: version, wait_s: WAIT_S };
            const what = units ? { to: units.value() } : {};
            const told = await post(`events/${event.event_id}/${verb}`, { ...what, ...how });
            if (dryRun) return effects(told);
            announce(outcome(told));
            done();
            return null;
        },
        explain: (problem) => {
            if (problem.code !== "version_conflict") return null;
            version = problem.body.event.version;
            done();
            return conflict(problem.body);
        },
    });
}

function stock(event) {
    const input = h("input", {
        id: "units",
        type: "number",
        min: 1,
        step: 1,
        required: true,
        value: event.stock,
        inputmode: "numeric",
    });
    const element = h("div", {}, h("label", { for: "units" }, "Units in all"), input);
    return { element, value: () => Number(input.value) };
}

function effects(told) {
    const lines = told.effects?.length
        ? told.effects
        : ["It stands so already: nothing would change."];
    return [
        h("h3", {}, "It would do this"),
        h(
            "ul",
            {},
            lines.map((line) => h("li", {}, line)),
        ),
    ];
}

function outcome({
    event_id: event,
    outcome: what,
    phase,
    stock: units,
    carried,
    waiting_for: waits,
}) {
    const stands = `${event} is ${words(phase)} with ${count(units)} units`;
    if (what === "already") return `Nothing to do: ${stands}.`;
    return carried ? `Done: ${stands}.` : `Noted, not carried out yet: ${stands}. ${waits}`;
}

/** What the other operator did, in the place of a failure; asking again acts on what it is now. */
function conflict({ changed_by: lines, event }) {
    const line = (by) => {
        const said = by.why ? ` “${by.why}”` : "";
        return h("li", {}, `${by.who}: ${words(by.action)}, ${time(by.at)}.${said}`);
    };
    const now = `It is ${words(event.phase)} now, with ${count(event.stock)} units (version ${event.version}).`;
    return h(
        "div",
        { class: "conflict" },
        h("h3", {}, "Somebody else changed it since you looked"),
        h("ul", {}, lines.map(line)),
        h("p", {}, `${now} Nothing of yours was done. Press the button again to act on this.`),
    );
}
