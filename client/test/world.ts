import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";

import { type ClientOptions, type Coupon, Firstcome, type Outcome } from "../src/index.js";
import { FaultyProxy } from "./faulty_proxy.js";
import { EDGE, newId } from "./live.js";
import { MemoryStore } from "./memory_store.js";

/** Many short tries: a test waits for no pause. */
export const BUDGET = {
    totalMs: 60_000,
    tries: 6,
    tryMs: 15_000,
    firstPauseMs: 10,
    longestPauseMs: 40,
};

/** A proxy in front of the real edge, new for each test. */
export let proxy: FaultyProxy;
beforeEach(async () => {
    proxy = await FaultyProxy.start(EDGE);
});
afterEach(() => proxy.end());

/** A user's device: what it keeps outlives any page, and so any client. */
export class Device {
    readonly userId = newId("user");
    readonly storage = new MemoryStore();

    /** A page that is opened, or loaded again. */
    page(options: Partial<ClientOptions> = {}): Firstcome {
        const { userId, storage } = this;
        return new Firstcome({ baseUrl: proxy.url, userId, storage, budget: BUDGET, ...options });
    }
}

/** The coupon of a win. */
export function won(outcome: Outcome | { kind: "nothing_to_resume" }): Coupon {
    assert.ok(outcome.kind === "won", JSON.stringify(outcome));
    return outcome.coupon;
}

/** The keys that claims were made with, in their order. */
export function keys(): (string | undefined)[] {
    return proxy.seen.filter(({ method }) => method === "POST").map(({ key }) => key);
}
