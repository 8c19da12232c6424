// A rush as it runs: figures, lines, and who is there.

import { get, query } from "./api.js";
import { controls } from "./change.js";
import { chart } from "./chart.js";
import { h, replace, say } from "./dom.js";
import { compact, count, milliseconds, span, UNKNOWN, words } from "./format.js";
import { led, missed, seen } from "./freshness.js";
import { LIVE_EVERY_MS, poll } from "./poll.js";
import { answers, GROUPS, quantile } from "./rates.js";
import { isOperator } from "./session.js";
import { tiles } from "./tiles.js";

/** Rates are of the last few seconds, … */
const RATE_MS = 3_000;
/** … times of the last ten, so that one claim in a hundred is there. */
const TIMES_MS = 10_000;
/** Figures of an event that are older than this say so. */
const OLD_MS = 3_000;

const TILES = [
    "Claims a second",
    "Won",
    "Persisted",
    "Drift",
    "Lag",
    "p99 of claims",
    "Dead letters",
];

export const everyMs = LIVE_EVERY_MS;

export function live(container, { event: wanted = "" }) {
    let event = wanted;
    let past = [];
    let listed = "";
    let parts = "";
    let stands = "";
    const select = h("select", { id: "event", onchange: () => choose(select.value) });
    const phase = h("span", { class: "badge" });
    const steer = h("div", {});
    const note = h("p", { class: "bad", hidden: true });
    const figures = tiles(TILES);
    const rate = chart("Answers a second", GROUPS, compact);
    const took = chart("Time of a claim", ["p99", "p50"], milliseconds);
    const units = chart("Units", ["won", "persisted"], compact);
    const lag = chart("Records that MySQL lacks", ["lag"], compact);
    const health = h("section", { "aria-labelledby": "health-title" });
    replace(
        container,
        h("h2", {}, "Live"),
        h("div", { class: "filters" }, h("label", { for: "event" }, "Event"), select, phase, steer),
        note,
        figures.element,
        h(
            "div",
            { class: "charts" },
            [rate, took, units, lag].map((one) => one.element),
        ),
        health,
    );

    function choose(id) {
        history.replaceState(null, "", `#/live${query({ event: id })}`);
        event = id;
        units.clear();
        polling.now();
    }

    async function look(stop) {
        const asked = event;
        const { system, event: found } = await get(`live${query({ event })}`, stop);
        if (asked !== event) return;
        seen(system.age_ms);
        led(system);
        offer(system.events);
        showHealth(system.parts);
        if (system.at_ms !== past.at(-1)?.at_ms) showClaims(system);
        showEvent(found);
        // Nobody chose yet: what an operator changed last.
        const open = system.events.find((one) => one.phase === "open") ?? system.events[0];
        if (!event && open) choose(open.event_id);
    }

    function offer(events) {
        const known = events.some((one) => one.event_id === event) || !event;
        const all = known ? events : [{ event_id: event, phase: "" }, ...events];
        const text = JSON.stringify([all, event]);
        if (text === listed) return;
        listed = text;
        const option = ({ event_id: id, phase: stands }) =>
            h(
                "option",
                { value: id, selected: id === event },
                stands ? `${id} (${words(stands)})` : id,
            );
        replace(select, all.map(option));
    }

    function showClaims(system) {
        past.push(system);
        past = past.filter((one) => one.at_ms >= system.at_ms - TIMES_MS);
        const since = (ms) => past.find((one) => one.at_ms >= system.at_ms - ms && one !== system);
        const rates = answers(since(RATE_MS), system);
        const quantiles = [0.99, 0.5].map((part) => quantile(since(TIMES_MS), system, part));
        const again = rates
            ? `${count(rates["come again"])} told to come again`
            : "no edge is seen";
        figures.set("Claims a second", count(rates?.all), again);
        const [slow, usual] = quantiles.map(milliseconds);
        figures.set("p99 of claims", slow, `half within ${usual}`);
        rate.add(
            system.at_ms,
            GROUPS.map((group) => rates?.[group] ?? null),
        );
        took.add(system.at_ms, quantiles);
        lag.add(system.at_ms, [system.lag?.records ?? null]);
        const behind = system.lag?.partitions
            ? `in ${system.lag.partitions} partitions`
            : "records";
        figures.set(
            "Lag",
            count(system.lag?.records),
            system.lag ? behind : "Kafka or MySQL is not seen",
        );
    }

    function showControls(found) {
        const text = JSON.stringify([found?.event_id, found?.phase, found?.version]);
        if (text === stands || !isOperator()) return;
        stands = text;
        replace(steer, found ? controls(found, polling.now) : []);
    }

    function showEvent(found) {
        showControls(found);
        say(phase, found ? words(found.phase) : UNKNOWN);
        phase.className = `badge ${found?.phase ?? ""}`;
        say(note, found?.waiting_for ? `Waits: ${found.waiting_for}` : "");
        note.hidden = !note.textContent;
        if (!found) {
            for (const name of ["Won", "Persisted", "Drift", "Dead letters"])
                figures.set(name, UNKNOWN);
            return;
        }
        const { held, stock, units: rows, on_their_way: way, dead_letters: waiting } = found;
        const left = held === null ? null : Math.max(0, stock - held);
        const old = found.age_ms > OLD_MS ? `, counted ${span(found.age_ms)} ago` : "";
        const rest = left === 0 ? ": sold out" : `, ${count(left)} left`;
        figures.set("Won", count(held), `of ${count(stock)}${rest}`, left === 0 ? "good" : "");
        figures.set(
            "Persisted",
            count(rows),
            `${way ? `${count(way)} on their way` : "all that were won"}${old}`,
        );
        showDrift(found);
        figures.set(
            "Dead letters",
            count(waiting),
            `${count(found.given_up)} given up`,
            waiting > 0 ? "bad" : "",
        );
        units.add(found.at_ms, [held, rows]);
    }

    function showDrift({ drift, held }) {
        const [note, state] =
            drift === null
                ? [
                      held === null
                          ? "the shard is not seen"
                          : "not judged while wins are on their way",
                      "",
                  ]
                : drift === 0
                  ? ["Redis and MySQL agree", "good"]
                  : ["units without a row", "bad"];
        figures.set("Drift", count(drift), note, state);
    }

    function showHealth(all) {
        const text = JSON.stringify(all);
        if (text === parts) return;
        parts = text;
        const well = all.filter((part) => part.state === "ok").length;
        const item = (part) =>
            h(
                "li",
                { class: part.state },
                h("span", { class: "state" }, words(part.state)),
                h("span", {}, part.kind === part.name ? part.name : `${part.kind} ${part.name}`),
                part.detail ? h("span", { class: "note" }, part.detail) : null,
            );
        replace(
            health,
            h("h3", { id: "health-title" }, `Parts: ${well} of ${all.length} are well`),
            h("ul", { class: "parts" }, all.map(item)),
        );
    }

    const polling = poll(LIVE_EVERY_MS, look, missed);
    return polling.stop;
}
