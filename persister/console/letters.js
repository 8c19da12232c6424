// The dead-letter desk: wins that could not become a row. Operators bring them again or give them up.

import { get, post, query } from "./api.js";
import { ask } from "./dialog.js";
import { facts, h, idField, replace, rows } from "./dom.js";
import { time, words } from "./format.js";
import { announce, missed, seen } from "./freshness.js";
import { LIST_EVERY_MS, poll } from "./poll.js";
import { isOperator } from "./session.js";

const PAGE = 50;
/** How long a letter that was brought again may take to be read. */
const WAIT_S = 10;
const STATES = ["waiting", "replayed", "given_up", "united", "all"];

export const everyMs = LIST_EVERY_MS;

export function letters(container) {
    let state = "waiting";
    let event = "";
    let after = "";
    let shown = "";
    const list = h("div", {});
    const more = h("div", { class: "buttons" });
    const options = STATES.map((value) => h("option", { value }, words(value)));
    const filter = h("select", { id: "state", onchange: () => go(filter.value, "") }, options);
    replace(
        container,
        h("h2", {}, "Dead letters"),
        h(
            "div",
            { class: "filters" },
            [h("label", { for: "state" }, "That are"), filter],
            idField("of the event", (text) => {
                event = text;
                go(state, "");
            }),
        ),
        list,
        more,
    );

    function go(to, from) {
        [state, after, shown] = [to, from, ""];
        polling.now();
    }

    async function look(stop) {
        const asked = [state, after, event].join();
        const page = await get(`dead-letters${query({ state, event, after, limit: PAGE })}`, stop);
        if (asked !== [state, after, event].join()) return;
        seen();
        const text = JSON.stringify(page);
        if (text === shown) return;
        shown = text;
        replace(list, rows(page.letters, render, "There are none."));
        replace(
            more,
            after
                ? h(
                      "button",
                      { "data-key": "first", onclick: () => go(state, "") },
                      "The first ones",
                  )
                : [],
            page.next
                ? h(
                      "button",
                      { "data-key": "next", onclick: () => go(state, page.next) },
                      "The next ones",
                  )
                : [],
        );
    }

    function render(letter) {
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
            isOperator() && letter.state === "waiting" ? controls(name) : null,
        ];
    }

    function controls(name) {
        const button = (word, act) =>
            h(
                "button",
                {
                    "data-key": `${name} ${word}`,
                    "aria-label": `${word} ${name}`,
                    onclick: () => act(name, polling.now),
                },
                word,
            );
        return h("div", { class: "buttons" }, button("Replay", replay), button("Discard", discard));
    }

    const polling = poll(LIST_EVERY_MS, look, missed);
    return polling.stop;
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
