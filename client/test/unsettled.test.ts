import assert from "node:assert/strict";
import { before, test } from "node:test";

import { problem, TOO_MANY } from "./faulty_proxy.js";
import { newEvent } from "./live.js";
import { BUDGET, Device, keys, proxy, won } from "./world.js";

/** Each answer of the edge to a claim is lost; questions pass. */
const LOSE_CLAIMS = (method: string) => ({ kind: method === "POST" ? "lose" : "pass" }) as const;
const TWO_TRIES = { ...BUDGET, tries: 2 };

let open: string;
before(async () => {
    open = await newEvent({ per_user_limit: 3 });
});

/** A device whose claim was granted, which it does not know. */
async function lost(): Promise<Device> {
    const device = new Device();
    proxy.always(() => ({ kind: "lose" }));
    const page = device.page({ budget: TWO_TRIES });
    const outcome = await page.claim(open);
    assert.deepEqual(outcome, { kind: "unknown", because: "gave_up", code: "lost" });
    assert.equal(page.isUnsettled(open), true);
    proxy.always(() => ({ kind: "pass" }));
    return device;
}

test("after a reload the same key finds the win", async () => {
    const device = await lost();
    const page = device.page();
    assert.equal(page.isUnsettled(open), true);
    const outcome = await page.resume(open);
    assert.deepEqual(outcome, { kind: "won", coupon: won(outcome), again: true });
    assert.equal(new Set(keys()).size, 1);
    assert.equal(page.isUnsettled(open), false);
    assert.deepEqual(await page.resume(open), { kind: "nothing_to_resume" });
});

test("where claims get no answer, the list shows the win", async () => {
    const device = await lost();
    proxy.always(LOSE_CLAIMS);
    const page = device.page({ budget: TWO_TRIES });
    const outcome = await page.resume(open);
    assert.deepEqual(outcome, { kind: "won", coupon: won(outcome), again: true });
    assert.equal(page.isUnsettled(open), false);
    assert.deepEqual(await page.coupons(open), { kind: "listed", coupons: [won(outcome)] });
});

test("a coupon that was told before is not what became of a later wish", async () => {
    const device = new Device();
    const first = won(await device.page().claim(open));
    // The edge never hears of the second wish.
    proxy.always((method) => ({ kind: method === "POST" ? "reset" : "pass" }));
    const page = device.page({ budget: TWO_TRIES });
    const second = await page.claim(open, { another: true });
    assert.deepEqual(second, { kind: "unknown", because: "gave_up", code: "lost" });
    assert.deepEqual(await page.resume(open), second);
    assert.equal(page.isUnsettled(open), true);
    proxy.always(() => ({ kind: "pass" }));
    assert.notEqual(won(await page.resume(open)).couponId, first.couponId);
});

test("while a wish is unsettled there is no other one", async () => {
    const device = await lost();
    const outcome = await device.page().claim(open, { another: true });
    assert.equal(outcome.kind === "won" && outcome.again, true);
    assert.equal(new Set(keys()).size, 1);
});

test("being turned away or refused later does not settle it", async () => {
    const device = await lost();
    proxy.always(() => TOO_MANY);
    const turnedAway = await device.page({ budget: TWO_TRIES }).resume(open);
    assert.deepEqual(turnedAway, {
        kind: "unknown",
        because: "gave_up",
        code: "too_many_requests",
    });
    proxy.always(() => problem(401, "unauthenticated"));
    const refused = await device.page().resume(open);
    assert.deepEqual(refused, { kind: "unknown", because: "refused", code: "unauthenticated" });
    assert.equal(device.page().isUnsettled(open), true);
});

test("resuming while a claim runs is waiting for it", async () => {
    const device = await lost();
    const page = device.page();
    const [claimed, resumed] = await Promise.all([page.claim(open), page.resume(open)]);
    assert.equal(claimed, resumed);
});

test("aborted before the first try, nothing was asked", async () => {
    const page = new Device().page();
    assert.deepEqual(await page.claim(open, { signal: AbortSignal.abort() }), { kind: "aborted" });
    assert.deepEqual(proxy.seen, []);
    assert.equal(page.isUnsettled(open), false);
});

test("aborted while it waits, the pause ends", async () => {
    proxy.always(() => problem(429, "too_many_requests", { retry_after_ms: 15_000 }));
    const end = new AbortController();
    const outcome = await new Device().page().claim(open, {
        signal: end.signal,
        onProgress: (progress) => {
            if (progress.kind === "waiting") {
                setTimeout(() => end.abort(), 10);
            }
        },
    });
    assert.deepEqual(outcome, { kind: "aborted" });
    assert.equal(keys().length, 1);
});

test("aborted in the very moment that it would wait, it does not", async () => {
    proxy.always(() => problem(503, "busy", { retry_after_ms: 15_000 }));
    const end = new AbortController();
    const page = new Device().page();
    const outcome = await page.claim(open, {
        signal: end.signal,
        onProgress: (progress) => progress.kind === "waiting" && end.abort(),
    });
    assert.deepEqual(outcome, { kind: "unknown", because: "aborted", code: "aborted" });
    assert.equal(page.isUnsettled(open), true);
});

test("aborted in the very moment that it would ask, it does not", async () => {
    const end = new AbortController();
    const onProgress = () => end.abort();
    const outcome = await new Device().page().claim(open, { signal: end.signal, onProgress });
    assert.deepEqual(outcome, { kind: "aborted" });
    assert.deepEqual(proxy.seen, []);
});

/** Nothing but the abort ends a try that may take so long. */
const PATIENT = { ...BUDGET, totalMs: 600_000, tryMs: 300_000 };
const AT_ONCE = { timeout: 60_000 };

test("aborted while the answer is on its way, it can be resumed", AT_ONCE, async () => {
    const end = new AbortController();
    proxy.next({ kind: "slow", ms: 300_000, answered: () => end.abort() });
    const device = new Device();
    const page = device.page({ budget: PATIENT });
    const outcome = await page.claim(open, { signal: end.signal });
    assert.deepEqual(outcome, { kind: "unknown", because: "aborted", code: "aborted" });
    assert.equal(page.isUnsettled(open), true);
    const resumed = await device.page().resume(open);
    assert.deepEqual(resumed, { kind: "won", coupon: won(resumed), again: true });
});

test("aborted while resuming, nobody looks further", async () => {
    const device = await lost();
    const before = proxy.seen.length;
    const page = device.page();
    const outcome = await page.resume(open, { signal: AbortSignal.abort() });
    assert.deepEqual(outcome, { kind: "unknown", because: "aborted", code: "aborted" });
    assert.equal(proxy.seen.length, before);
});

test("a mistake of the caller's is thrown, and what was asked stays unsettled", async () => {
    const device = new Device();
    const page = device.page({ token: "line\nbreak" });
    await assert.rejects(page.claim(open), TypeError);
    assert.equal(page.isUnsettled(open), true);
    won(await device.page().resume(open));
});
