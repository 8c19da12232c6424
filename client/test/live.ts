import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Where the real edge answers, or NGINX in front of it. */
export const EDGE = required("FIRSTCOME_URL");
const ADMIN = required("FIRSTCOME_ADMIN_URL");
const TOKEN = required("FIRSTCOME_ADMIN_TOKEN");

/** Until Redis and the edges carry a change. */
const CARRIED_WITHIN_S = 20;
/** Until an edge has heard of an event, or a win is a row. */
const SOON_MS = 20_000;
const POLL_MS = 20;

/** An event as operators make it; its id is no other test's. */
export async function newEvent(settings: object = {}): Promise<string> {
    const event_id = newId("client");
    await operate("events", { event_id, stock: 1_000, open: true, ...settings });
    await poll(async () => {
        const answer = await fetch(`${EDGE}/api/v1/coupons/status/${event_id}`);
        assert.equal(answer.status, 200, await answer.text());
    });
    return event_id;
}

/** Has an operator do something. */
export async function operate(path: string, what: object): Promise<void> {
    const { status, text } = await post(path, what);
    assert.ok(status === 200 || status === 201, `${path}: ${status} ${text}`);
}

/** Has an operator revoke a coupon, once it is a row. */
export async function revoke(coupon: string): Promise<void> {
    await poll(() => operate(`coupons/${coupon}/revoke`, {}));
}

async function poll(look: () => Promise<void>): Promise<void> {
    const deadline = Date.now() + SOON_MS;
    for (;;) {
        try {
            await look();
            return;
        } catch (error) {
            if (Date.now() > deadline) {
                throw error;
            }
            await sleep(POLL_MS);
        }
    }
}

/** An id that no other test has. */
export function newId(name: string): string {
    return `${name}-${randomUUID()}`;
}

async function post(path: string, what: object): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${ADMIN}/admin/v1/${path}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
        body: JSON.stringify({ why: "the client's tests", wait_s: CARRIED_WITHIN_S, ...what }),
    });
    return { status: answer.status, text: await answer.text() };
}

function required(name: string): string {
    const value = process.env[name];
    if (value === undefined) {
        throw new Error(
            `${name} is not set: ./dev test sets it, and ./dev up prints what it may be`,
        );
    }
    return value;
}
