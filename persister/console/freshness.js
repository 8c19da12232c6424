// How old the data is, and what else is to be known before one believes it.

import { say } from "./dom.js";
import { span } from "./format.js";

/** Beyond the time between two looks: older than this is called old. */
const GRACE_MS = 4_000;
const TICK_MS = 1_000;

const age = document.getElementById("age");
const leader = document.getElementById("leader");
const said = document.getElementById("said");
let seenAt = null;
let trouble = "";
let staleAfterMs = GRACE_MS;

/** Data came that was gathered so long ago. */
export function seen(ageMs = 0) {
    seenAt = performance.now() - ageMs;
    trouble = "";
    show();
}

/** It did not come. */
export function missed(problem) {
    trouble = problem.message;
    show();
}

/** Another view begins, which looks so often. */
export function begin(everyMs) {
    seenAt = null;
    trouble = "";
    staleAfterMs = everyMs + GRACE_MS;
    show();
}

/** Tells what was done; read out by screen readers. */
export function announce(text) {
    say(said, text);
}

/** Whether the persister that is asked leads. */
export function led({ persister, role, leader: by }) {
    const text = {
        leader: "",
        draining: `${persister} ends: open the console of another persister`,
        stand_by: by
            ? `${persister} stands by, ${by} leads: what is shown and done here is the same`
            : `${persister} stands by, and no persister leads: nothing that is changed is carried out`,
    }[role];
    say(leader, text ?? "");
    leader.hidden = !text;
    leader.classList.toggle("bad", role === "stand_by" && !by);
}

function show() {
    const ms = seenAt === null ? null : performance.now() - seenAt;
    const old = ms === null ? trouble !== "" : ms > staleAfterMs;
    const was = document.body.classList.contains("stale");
    document.body.classList.toggle("stale", old);
    age.hidden = ms === null && !old;
    const when = ms === null ? "no data yet" : `data of ${span(ms)} ago`;
    say(age, old && trouble ? `${when}: ${trouble}` : when);
    // Only a change of state is read out, not every second.
    if (old !== was && (old || ms !== null))
        announce(old ? `The data is old. ${trouble}` : "The data is current.");
}

setInterval(show, TICK_MS);
