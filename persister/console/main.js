// Signing in, and which view is shown: the address's `#/live`, `#/events`, …

import { get, UNKNOWN_TOKEN } from "./api.js";
import { audit, everyMs as auditEvery } from "./audit.js";
import { h, replace } from "./dom.js";
import { events, everyMs as eventsEvery } from "./events.js";
import { announce, begin, led } from "./freshness.js";
import { letters, everyMs as lettersEvery } from "./letters.js";
import { live, everyMs as liveEvery } from "./live.js";
import { everyMs as runsEvery, runs } from "./runs.js";
import { me, signIn, signOut, token } from "./session.js";

const VIEWS = {
    live: { title: "Live", view: live, everyMs: liveEvery },
    events: { title: "Events", view: events, everyMs: eventsEvery },
    letters: { title: "Dead letters", view: letters, everyMs: lettersEvery },
    runs: { title: "Reconciliations", view: runs, everyMs: runsEvery },
    audit: { title: "Audit", view: audit, everyMs: auditEvery },
};

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const who = document.getElementById("who");
let stop = () => {};
let current = "";

function route() {
    const [name, search] = location.hash.replace(/^#\//, "").split("?");
    const known = Object.hasOwn(VIEWS, name) ? name : "live";
    return { name: known, asked: Object.fromEntries(new URLSearchParams(search)) };
}

function show() {
    stop();
    stop = () => {};
    const signedIn = me() !== null;
    nav.hidden = !signedIn;
    who.hidden = !signedIn;
    if (!signedIn) return askToken();
    const { name, asked } = route();
    const { title, view, everyMs } = VIEWS[name];
    begin(everyMs);
    document.title = `${title} · Firstcome console`;
    const link = ([key, one]) =>
        h(
            "li",
            {},
            h(
                "a",
                { href: `#/${key}`, "aria-current": key === name ? "page" : null, "data-key": key },
                one.title,
            ),
        );
    replace(nav, h("ul", {}, Object.entries(VIEWS).map(link)));
    replace(
        who,
        h("span", {}, `${me().name} (${me().role})`),
        h("button", { onclick: leave, "data-key": "leave" }, "Sign out"),
    );
    stop = view(main, asked);
    if (current && current !== name) main.focus();
    current = name;
    // The live view learns it with every look.
    if (name !== "live")
        get("live").then(
            ({ system }) => led(system),
            () => {},
        );
}

function leave() {
    signOut();
    current = "";
    document.querySelector("dialog")?.close();
    announce("Signed out.");
    show();
}

function askToken(said = "") {
    document.title = "Sign in · Firstcome console";
    const field = h("input", {
        id: "token",
        type: "password",
        required: true,
        autocomplete: "off",
        spellcheck: "false",
        "aria-describedby": "token-said",
    });
    const problem = h("p", { id: "token-said", role: "alert", class: "bad" }, said);
    const form = h(
        "form",
        { class: "sign-in", onsubmit: submit },
        h("h2", {}, "Sign in"),
        h("label", { for: "token" }, "Bearer token of the admin API"),
        field,
        h(
            "p",
            { class: "hint" },
            "It stays in this tab until it is closed, and is sent to this port alone.",
        ),
        problem,
        h("button", { type: "submit", class: "primary" }, "Sign in"),
    );
    replace(main, form);
    field.focus();

    async function submit(event) {
        event.preventDefault();
        problem.textContent = "";
        const text = field.value.trim();
        try {
            signIn(text, await get("me", null, text));
            show();
            main.focus();
        } catch (error) {
            problem.textContent =
                error.status === 401 ? "This persister does not know that token." : error.message;
            field.select();
        }
    }
}

/** A tab that was loaded again keeps its token. */
async function begun() {
    if (token()) {
        try {
            signIn(token(), await get("me"));
        } catch (error) {
            signOut();
            return askToken(error.status === 401 ? "" : error.message);
        }
    }
    show();
}

document.getElementById("skip").addEventListener("click", (event) => {
    // The address after # names the view.
    event.preventDefault();
    main.focus();
});
addEventListener("hashchange", show);
addEventListener(UNKNOWN_TOKEN, () => {
    if (me() === null) return;
    leave();
    announce("The token is not known any more: sign in again.");
});
begun();
