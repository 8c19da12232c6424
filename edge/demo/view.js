// What stands on the page. Everything is put in as text, never as HTML.

import { language, texts } from "/demo/texts.js";

const at = (id) => document.getElementById(id);

/** What each state offers on the one button. */
const ACTIONS = {
    not_open: "claim",
    not_open_timeless: "claim",
    ready: "claim",
    paused: "again",
    trying: "stop",
    sold_out: "again",
    try_again: "again",
    unknown: "resume",
    failed: "again",
};
/** States in which the button is there, but asleep. */
const ASLEEP = ["not_open", "not_open_timeless"];

/** What does not change. */
export function frame(event, user) {
    document.documentElement.lang = language;
    document.title = texts.title(event);
    at("event").textContent = texts.title(event);
    at("who").textContent = texts.who(user);
    at("demo-note").textContent = texts.demo;
    at("number-label").textContent = texts.number;
    at("coupon-label").textContent = texts.coupon;
}

/** The state that the user is in. */
export function show(state, { coupon, detail } = {}) {
    const [headline, explained] = texts.states[state];
    document.querySelector("main").dataset.state = state;
    at("headline").textContent = headline;
    at("detail").textContent = detail ?? explained;
    at("coupon").hidden = coupon === undefined;
    at("number").textContent = coupon?.sequence ?? "";
    at("coupon-id").textContent = coupon?.couponId ?? "";
    at("progress").textContent = "";
    const action = ACTIONS[state];
    const button = at("act");
    button.hidden = action === undefined;
    button.textContent = texts.actions[action] ?? "";
    // Not `disabled`, which would take the focus away.
    button.setAttribute("aria-disabled", String(ASLEEP.includes(state)));
}

/** How the claim goes on. */
export function progress({ kind, tries, waitMs, code }) {
    const seconds = Math.ceil((waitMs ?? 0) / 1_000);
    const text = kind === "asking" ? texts.asking(tries) : texts.waiting(seconds, code);
    at("progress").textContent = text;
}

/** How many are left, for show. */
export function stock(standing) {
    const known = standing.kind === "standing";
    at("stock").textContent = known ? texts.stock(standing.left, standing.stock) : texts.stockUnknown;
}

/** Time to go, or none. */
export function countdown(ms) {
    at("countdown").hidden = ms === undefined;
    const two = (number) => String(number).padStart(2, "0");
    const seconds = Math.ceil(Math.max(0, ms ?? 0) / 1_000);
    const hours = Math.floor(seconds / 3_600);
    at("countdown").textContent = `${two(hours)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Calls back when the one button is pressed, unless it is asleep. */
export function pressed(act) {
    at("act").addEventListener("click", () => {
        if (at("act").getAttribute("aria-disabled") !== "true") {
            act();
        }
    });
}
