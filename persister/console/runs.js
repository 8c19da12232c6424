// The last reconciliations: whether Redis and MySQL agreed.

import { get, query } from "./api.js";
import { facts, h, replace, rows } from "./dom.js";
import { count, span, time } from "./format.js";
import { missed, seen } from "./freshness.js";
import { LIST_EVERY_MS, poll } from "./poll.js";

const RUNS = 20;

export const everyMs = LIST_EVERY_MS;

export function runs(container) {
    let shown = "";
    const list = h("div", {});
    replace(container, h("h2", {}, "Reconciliations"), list);

    async function look(stop) {
        const found = await get(`reconciliations${query({ limit: RUNS })}`, stop);
        seen();
        const text = JSON.stringify(found);
        if (text === shown) return;
        shown = text;
        replace(list, rows(found, render, "None was made yet."));
    }

    return poll(LIST_EVERY_MS, look, missed).stop;
}

function render(run) {
    const [word, kind] = verdict(run);
    return [
        h("h3", {}, time(run.started_at)),
        h("p", { class: `badge ${kind}` }, word),
        facts([
            ["Of", run.event_id ?? "all events"],
            ["By", `${run.started_by}, to ${run.mode}`],
            ["Took", run.took_ms === null ? "" : span(run.took_ms)],
            ["Events", count(run.events)],
            ["Wins", count(run.wins)],
            ["Rows", count(run.rows)],
            ["On their way", count(run.in_flight)],
            ["Dead letters", count(run.dead_lettered)],
            ["Given up", count(run.given_up)],
            ["Differences", count(run.differences)],
            ["Not judged", run.not_judged ? count(run.not_judged) : ""],
            ["Published again", run.published ? count(run.published) : ""],
        ]),
        report(run),
    ];
}

function verdict(run) {
    if (run.ended_at === null) return ["runs, or was cut short", "waiting"];
    if (run.differences > 0) return ["differs", "down"];
    return run.not_judged > 0 ? ["not all judged", "waiting"] : ["agrees", "ok"];
}

/** What it said of each event; asked for when somebody opens it. */
function report(run) {
    const text = h("pre", { tabindex: 0, "aria-label": "Report" });
    const opened = async () => {
        if (!details.open || text.textContent) return;
        const told = await get(`reconciliations/${run.run_id}`).catch((problem) => ({
            reports: problem.message,
        }));
        text.textContent = JSON.stringify(told.reports ?? "nothing to say", null, 2);
    };
    const details = h(
        "details",
        { ontoggle: opened },
        h("summary", { "data-key": run.run_id }, "Report"),
        text,
    );
    return details;
}
