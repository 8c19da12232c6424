// The demo page: one event, one user, one button. /demo?event=ID, and if wanted &user=ID.

import { Firstcome } from "/demo/client/index.js";
import * as view from "/demo/view.js";

/** Between two looks at how the event stands: from, and up to how much later. */
const LOOK_MS = 4_000;
const LOOK_SPREAD_MS = 2_000;
/** How often the countdown moves. */
const TICK_MS = 200;

const asked = new URLSearchParams(location.search);
const event = asked.get("event") ?? "";
const user = asked.get("user") ?? visitor();
const firstcome = new Firstcome({ baseUrl: location.origin, userId: user });

let standing = { kind: "unavailable" };
/** Whoever was told something keeps it in sight; others follow the event. */
let settled = false;
let running;

/** A user of this browser, the same after a reload. */
function visitor() {
    const name = "firstcome:demo:user";
    const made = `guest-${Math.random().toString(36).slice(2, 12)}`;
    try {
        const user = localStorage.getItem(name) ?? made;
        localStorage.setItem(name, user);
        return user;
    } catch {
        return made;
    }
}

/** The server's time, as far as it is known. */
function now() {
    return Date.now() + (standing.clockAheadMs ?? 0);
}

/** What the event allows, for somebody who was told nothing yet. */
function follow() {
    const opensAt = standing.opensAt?.getTime();
    const waits = standing.phase === "scheduled" && !settled && running === undefined;
    const left = waits && opensAt !== undefined ? opensAt - now() : undefined;
    view.countdown(left);
    if (settled || running !== undefined) {
        return;
    }
    if (standing.kind === "unknown_event") {
        state("unknown_event");
    } else if (standing.phase === "scheduled") {
        state(left === undefined ? "not_open_timeless" : left > 0 ? "not_open" : "ready");
    } else if (standing.phase === "closed") {
        state("closed");
    } else if (standing.kind === "standing") {
        state("ready");
    }
}

let shown;
/** Shows a state once, so that it is read out once. */
function state(name) {
    if (shown !== name) {
        shown = name;
        view.show(name);
    }
}

function tell(name, more) {
    settled = true;
    shown = name;
    view.show(name, more);
}

/** Each outcome has one state. */
function told(outcome) {
    switch (outcome.kind) {
        case "won":
            return tell("won", { coupon: outcome.coupon });
        case "limit_reached":
            return tell("limit_reached", { coupon: outcome.coupons[0] });
        case "not_open":
        case "aborted":
        case "nothing_to_resume":
            settled = false;
            shown = undefined;
            return follow();
        case "turned_away":
            return tell("try_again");
        case "sold_out":
        case "closed":
        case "revoked":
        case "paused":
        case "unknown":
        case "unknown_event":
            return tell(outcome.kind);
        default:
            return tell("failed", { detail: outcome.detail ?? outcome.code });
    }
}

/** Asks, and follows it on the page until there is an outcome. */
async function ask(how) {
    running = new AbortController();
    shown = "trying";
    view.countdown(undefined);
    view.show("trying");
    const outcome = await how.call(firstcome, event, {
        signal: running.signal,
        onProgress: view.progress,
    });
    running = undefined;
    told(outcome);
    await refresh();
}

function press() {
    if (running !== undefined) {
        running.abort();
    } else {
        ask(firstcome.isUnsettled(event) ? firstcome.resume : firstcome.claim);
    }
}

async function refresh() {
    standing = await firstcome.standing(event);
    view.stock(standing);
    follow();
}

/** Looks now and then, while somebody looks at the page. */
async function look() {
    if (document.visibilityState === "visible") {
        await refresh();
    }
    setTimeout(look, LOOK_MS + Math.random() * LOOK_SPREAD_MS);
}

async function begin() {
    view.frame(event, user);
    if (event === "") {
        return view.show("no_event");
    }
    view.show("loading");
    view.pressed(press);
    setInterval(follow, TICK_MS);
    look();
    if (firstcome.isUnsettled(event)) {
        return ask(firstcome.resume);
    }
    const listing = await firstcome.coupons(event);
    const coupons = listing.kind === "listed" ? listing.coupons : [];
    const coupon = coupons.find((one) => one.state === "issued");
    if (coupon !== undefined && running === undefined) {
        tell("won", { coupon });
    }
}

begin();
