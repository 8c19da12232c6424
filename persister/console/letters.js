// The dead-letter desk: wins that could not become a row. Operators bring them again or give them up.

import { get, post, query } from "./api.js";
import { ask } from "./dialog.js";
import { facts, h } from "./dom.js";
import { time, words } from "./format.js";
import { announce } from "./freshness.js";
import { PAGE, paged } from "./paged.js";
import { LIST_EVERY_MS } from "./poll.js";
import { isOperator } from "./session.js";

/** How long a letter that was brought again may take to be read. */
const WAIT_S = 10;
const STATES = ["waiting", "replayed", "given_up", "united", "all"];

export const everyMs = LIST_EVERY_MS;

export function letters(container) {
    const options = STATES.map((state) => [state, words(state)]);
    const filter = { id: "state", options, chosen: "waiting" };
    const list = { title: "Dead letters", filter, idLabel: "of the event", ask: page, render };
    return paged(container, list);
}

async function page({ chosen, event, after }, stop) {
    const asked = query({ state: chosen, event, after, limit: PAGE });
    const { letters: items, next } = await get(`dead-letters${asked}`, stop);
    return { items, next };
}

function render(letter, lookAgain) {
    const name = letter.letter;
    return [
        h("h3", {}, name),
        h("p", { class: `badge ${letter.state}` }, words(letter.state)),
        facts([
            ["Reason", words(letter.reason)],
            ["Event", letter.event_id],
            ["Coupon", letter.coupon_id],
            ["Failed", `${letter.attempts} ×, last ${time(letter.last_failed_at)}`],
            ["Given up by", letter.given_up_by],
            ["Because", letter.given_up_why],
        ]),
        h("p", {}, letter.message),
        record(name),
        isOperator() && letter.state === "waiting" ? controls(name, lookAgain) : null,
    ];
}

function controls(name, lookAgain) {
    const button = (word, act) =>
        h(
            "button",
            {
                "data-key": `${name} ${word}`,
                "aria-label": `${word} ${name}`,
                onclick: () => act(name, lookAgain),
            },
            word,
        );
    return h("div", { class: "buttons" }, button("Replay", replay), button("Discard", discard));
}

/** The record's text, asked for when somebody opens it. */
function record(name) {
    const text = h("pre", { tabindex: 0, "aria-label": `Record of ${name}` });
    const opened = async () => {
        if (!details.open || text.textContent) return;
        const letter = await get(`dead-letters/${name}`).catch((problem) => ({
            record: problem.message,
        }));
        text.textContent = letter.record || "(empty)";
    };
    const details = h(
        "details",
        { ontoggle: opened },
        h("summary", { "data-key": `${name} record` }, "Record"),
        text,
    );
    return details;
}

function replay(name, done) {
    const intro = "Its record is published again, and becomes a row once, or fails again.";
    decide(name, "Replay", intro, { wait_s: WAIT_S }, done);
}

function discard(name, done) {
    const intro = "It is given up: its win becomes no row. Its unit, number and place stay taken.";
    decide(name, "Discard", intro, {}, done);
}

function decide(name, verb, intro, how, done) {
    ask({
        title: `${verb} ${name}`,
        verb,
        intro,
        act: async ({ why, dryRun }) => {
            const path = `dead-letters/${name}/${verb.toLowerCase()}`;
            const told = await post(path, { why, dry_run: dryRun, ...how });
            const sentence = [words(told.outcome), told.detail].filter(Boolean).join(": ");
            if (dryRun) return h("p", {}, sentence);
            announce(`${name}: ${sentence}`);
            done();
            return null;
        },
    });
}
