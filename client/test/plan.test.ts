import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_BUDGET, nextWaitMs, tryMs } from "../src/plan.js";
import { askAgainAfterMs } from "../src/retry_after.js";

const BUDGET = { totalMs: 10_000, tries: 6, tryMs: 2_000, firstPauseMs: 100, longestPauseMs: 500 };
const ALMOST_ONE = 0.999_999;

test("pauses double up to the longest, and any part of one may be drawn", () => {
    const longest = [1, 2, 3, 4, 5].map((tries) => {
        return nextWaitMs(BUDGET, { tries, ms: 0 }, undefined, ALMOST_ONE);
    });
    assert.deepEqual(longest, [99, 199, 399, 499, 499]);
    assert.equal(nextWaitMs(BUDGET, { tries: 3, ms: 0 }, undefined, 0), 0);
    assert.equal(nextWaitMs(BUDGET, { tries: 3, ms: 0 }, undefined, 0.5), 200);
});

test("what the server asks for is waited in full, and spread", () => {
    assert.equal(nextWaitMs(BUDGET, { tries: 1, ms: 0 }, 3_000, 0), 3_000);
    assert.equal(nextWaitMs(BUDGET, { tries: 1, ms: 0 }, 3_000, 0.5), 3_050);
});

test("a try too many or too late is not made", () => {
    assert.equal(nextWaitMs(BUDGET, { tries: 6, ms: 0 }, undefined, 0), undefined);
    assert.equal(nextWaitMs(BUDGET, { tries: 1, ms: 9_000 }, 1_000, 0), undefined);
    assert.equal(nextWaitMs(BUDGET, { tries: 1, ms: 9_000 }, 999, 0), 999);
});

test("a try never outlasts the budget", () => {
    assert.equal(tryMs(BUDGET, { tries: 1, ms: 0 }), 2_000);
    assert.equal(tryMs(BUDGET, { tries: 5, ms: 9_500 }), 500);
});

test("a million who are turned away at once come back over the whole pause", () => {
    const parts = 10;
    const counts = new Array<number>(parts).fill(0);
    const users = 100_000;
    for (let user = 0; user < users; user++) {
        const waitMs = nextWaitMs(DEFAULT_BUDGET, { tries: 3, ms: 0 }, 1_000, Math.random()) ?? 0;
        const part = Math.floor(((waitMs - 1_000) * parts) / (DEFAULT_BUDGET.firstPauseMs * 4));
        counts[part] = (counts[part] ?? 0) + 1;
    }
    // 100 standard deviations around a tenth each.
    assert.ok(
        counts.every((count) => Math.abs(count - users / parts) < 3_000),
        counts.join(),
    );
});

function after(retryAfter: string | null, date: string | null = null, body = {}) {
    return askAgainAfterMs(
        { retryAfter, date, answeredMs: Date.parse("2026-12-01T09:00:10Z") },
        body,
    );
}

test("Retry-After is read in seconds and as a date", () => {
    assert.equal(after("3"), 3_000);
    assert.equal(after(" 0 "), 0);
    assert.equal(after("Tue, 01 Dec 2026 09:00:15 GMT"), 5_000);
    assert.equal(after("Tue, 01 Dec 2026 09:00:00 GMT"), 0);
});

test("a date is held against the server's clock, not a device's that is wrong", () => {
    assert.equal(after("Tue, 01 Dec 2026 12:00:15 GMT", "Tue, 01 Dec 2026 12:00:13 GMT"), 2_000);
    assert.equal(after("Tue, 01 Dec 2026 09:00:15 GMT", "no date"), 5_000);
});

test("a Retry-After that is neither says nothing", () => {
    for (const nonsense of [null, "", "soon", "-1", "1.5.5", "1e9e9"]) {
        assert.equal(after(nonsense), undefined, String(nonsense));
    }
});

test("the problem document says it to the millisecond", () => {
    assert.equal(after("2", null, { retry_after_ms: 1_250 }), 1_250);
    assert.equal(after("2", null, { retry_after_ms: "soon" }), 2_000);
});
