import { members, number, object, oneOf, text, time } from "./members.js";
import type { Coupon, Listed, Refused, Stands, Told } from "./outcome.js";
import { askAgainAfterMs } from "./retry_after.js";

/** One answer as it arrived, and when, by this device's clock. */
export type Raw = {
    status: number;
    retryAfter: string | null;
    date: string | null;
    body: string;
    askedMs: number;
    answeredMs: number;
};

/** What an answer means for whoever asked. */
export type Answer<T> =
    /** The truth. With `again` it may soon be another. */
    | { kind: "told"; told: T; again?: Again }
    | { kind: "refused"; refused: Refused }
    /** Ask again. `granted`: whether this try may have been granted all the same. */
    | { kind: "later"; again: Again; granted: "no" | "perhaps" };

/** Why to ask again, and the soonest moment the server wants it. */
export type Again = { code: string; afterMs?: number };

/** The `code` of a try that got no answer, or none that can be read. */
export const LOST = "lost";

type Body = Record<string, unknown>;

/** What the answer to a claim means. */
export function ofClaim(eventId: string, raw: Raw): Answer<Told> {
    return read(eventId, raw, claimed);
}

/** What the answer to "which coupons have I?" means. */
export function ofMine(eventId: string, raw: Raw): Answer<Listed> {
    return read(eventId, raw, (status, body) => {
        const all = status === 200 ? coupons(body.coupons) : undefined;
        return all && { kind: "listed", coupons: all };
    });
}

/** What the answer to "how does the event stand?" means. */
export function ofStatus(eventId: string, raw: Raw): Answer<Stands> {
    return read(eventId, raw, (status, body) => (status === 200 ? stands(body, raw) : undefined));
}

/** Truths that pass: whoever was told them asks again. */
const PASSING = ["not_open", "paused"];

function read<T extends object>(
    eventId: string,
    raw: Raw,
    told: (status: number, body: Body) => T | undefined,
): Answer<T> {
    const body = members(raw.body);
    const again = { code: codeOf(raw, body), afterMs: askAgainAfterMs(raw, body) };
    // What is not about this event was said by somebody else: a portal, a proxy's own page.
    const truth = body.event_id === eventId ? told(raw.status, body) : undefined;
    if (truth !== undefined) {
        const passes = PASSING.includes(again.code);
        return passes ? { kind: "told", told: truth, again } : { kind: "told", told: truth };
    }
    return untold(raw.status, again, body);
}

function untold(
    status: number,
    again: Again,
    body: Body,
): Exclude<Answer<never>, { kind: "told" }> {
    // Turned away before anybody looked at it: too many requests, or a body that came too slowly.
    if (status === 429 || status === 408) {
        return { kind: "later", again, granted: "no" };
    }
    if (status >= 400 && status < 500) {
        const kind = refusal(status, again.code);
        return {
            kind: "refused",
            refused: { kind, status, code: again.code, detail: text(body.detail) },
        };
    }
    return { kind: "later", again, granted: "perhaps" };
}

function refusal(status: number, code: string): Refused["kind"] {
    if (code === "unknown_event") {
        return "unknown_event";
    }
    if (status === 401) {
        return "unauthenticated";
    }
    return status === 403 ? "forbidden" : "rejected";
}

function codeOf({ status }: Raw, body: Body): string {
    return text(body.code) ?? (status >= 400 ? `http_${status}` : LOST);
}

/** The statuses that go with the codes of truths: another pair is none of the API's. */
function claimed(status: number, body: Body): Told | undefined {
    switch (`${status} ${text(body.code) ?? text(body.outcome)}`) {
        case "200 issued":
            return won(body, false);
        case "200 already_issued":
            return won(body, true);
        case "409 limit_reached": {
            const held = coupons(body.coupons);
            return held && { kind: "limit_reached", coupons: held };
        }
        case "409 revoked":
            return { kind: "revoked" };
        case "409 sold_out":
            return { kind: "sold_out" };
        case "410 closed":
            return { kind: "closed" };
        case "403 not_open":
            return { kind: "not_open", opensAt: time(body.opens_at) };
        case "503 paused":
            return { kind: "paused" };
        default:
            return undefined;
    }
}

function won(body: Body, again: boolean): Told | undefined {
    const held = coupon({ state: "issued", ...body });
    return held && { kind: "won", coupon: held, again };
}

function coupons(value: unknown): Coupon[] | undefined {
    if (!Array.isArray(value)) {
        return undefined;
    }
    const all = value.map((one) => coupon(object(one)));
    return all.every((one) => one !== undefined) ? all : undefined;
}

function coupon(value: Body): Coupon | undefined {
    const couponId = text(value.coupon_id);
    const sequence = number(value.sequence);
    const issuedAt = time(value.issued_at);
    const state = oneOf(["issued", "returned", "revoked"] as const, value.state);
    const whole = couponId !== undefined && sequence !== undefined && issuedAt && state;
    return whole ? { couponId, sequence, issuedAt, state } : undefined;
}

function stands(body: Body, raw: Raw): Stands | undefined {
    const phase = oneOf(["scheduled", "open", "paused", "closed"] as const, body.phase);
    const stock = number(body.stock);
    const left = number(body.left);
    const perUserLimit = number(body.per_user_limit);
    const counted = stock !== undefined && left !== undefined && perUserLimit !== undefined;
    if (!phase || !counted) {
        return undefined;
    }
    const opensAt = time(body.opens_at);
    const closesAt = time(body.closes_at);
    const clockAheadMs = clockAhead(raw);
    return { kind: "standing", phase, stock, left, perUserLimit, opensAt, closesAt, clockAheadMs };
}

/** The header leaves out the part of a second, half of one on average. */
function clockAhead({ date, askedMs, answeredMs }: Raw): number | undefined {
    const server = time(date);
    return server && server.getTime() + 500 - (askedMs + answeredMs) / 2;
}
