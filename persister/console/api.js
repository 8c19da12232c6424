// Calls of the admin API: the token in a header, a deadline for each, problems as errors.

import { token } from "./session.js";

/** For a look. */
const LOOK_WITHIN_MS = 8_000;
/** For a change: it may wait until shard and edges carry it. */
const CHANGE_WITHIN_MS = 45_000;

/** The event of the window by which a token that is not known any more is told. */
export const UNKNOWN_TOKEN = "unknown-token";

/** An answer that says what is wrong, or that there was none (status 0). */
export class Problem extends Error {
    constructor(status, body) {
        super(body.detail || body.title || `status ${status}`);
        this.status = status;
        this.code = body.code ?? "";
        this.body = body;
    }
}

/** Looks; `stop` ends it early. */
export function get(path, stop, as = token()) {
    const signals = [AbortSignal.timeout(LOOK_WITHIN_MS), ...(stop ? [stop] : [])];
    return call(path, { signal: AbortSignal.any(signals) }, as);
}

/** Changes. */
export function post(path, body) {
    const signal = AbortSignal.timeout(CHANGE_WITHIN_MS);
    const headers = { "Content-Type": "application/json" };
    return call(path, { method: "POST", headers, body: JSON.stringify(body), signal }, token());
}

/** A query string of what is said. */
export function query(pairs) {
    const said = Object.entries(pairs).filter(([, value]) => value !== "" && value !== null);
    return said.length ? `?${new URLSearchParams(said)}` : "";
}

async function call(path, how, as) {
    const headers = { ...how.headers, Authorization: `Bearer ${as}` };
    const shared = { cache: "no-store", credentials: "omit", redirect: "error" };
    let answer;
    try {
        answer = await fetch(`/admin/v1/${path}`, { ...shared, ...how, headers });
    } catch (error) {
        throw new Problem(0, { detail: nothing(error) });
    }
    const body = await answer.json().catch(() => ({}));
    if (answer.status === 401) dispatchEvent(new Event(UNKNOWN_TOKEN));
    if (!answer.ok) throw new Problem(answer.status, body);
    return body;
}

function nothing(error) {
    if (error.name === "TimeoutError") return "the persister does not answer in time";
    if (error.name === "AbortError") return "ended early";
    return "the persister cannot be reached";
}
