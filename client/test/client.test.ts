import assert from "node:assert/strict";
import { before, test } from "node:test";

import { Firstcome, type Progress } from "../src/index.js";
import { BUSY, problem, TOO_MANY } from "./faulty_proxy.js";
import { EDGE, newEvent, newId, operate, revoke } from "./live.js";
import { BUDGET, Device, keys, proxy, won } from "./world.js";

let open: string;
before(async () => {
    open = await newEvent();
});

test("a claim wins, and once more gives the same coupon", async () => {
    const device = new Device();
    const first = await device.page().claim(open);
    assert.deepEqual(first, { kind: "won", coupon: won(first), again: false });
    const again = await device.page().claim(open);
    assert.deepEqual(again, { kind: "won", coupon: won(first), again: true });
    assert.deepEqual(keys(), [keys()[0], keys()[0]]);
    assert.match(keys()[0] ?? "", /^[0-9a-f]{32}$/);
    const listing = await device.page().coupons(open);
    assert.deepEqual(listing, { kind: "listed", coupons: [won(first)] });
});

test("whoever is turned away waits as long as is asked, says so, and wins", async () => {
    const seconds = problem(503, "fenced");
    proxy.next(TOO_MANY, { ...seconds, headers: { "Retry-After": "1" } } as typeof seconds, BUSY);
    const progress: Progress[] = [];
    const began = performance.now();
    const outcome = await new Device().page().claim(open, { onProgress: (p) => progress.push(p) });
    won(outcome);
    assert.ok(performance.now() - began >= 60 + 1_000 + 40);
    assert.deepEqual(
        progress.map((p) => (p.kind === "asking" ? p.tries : p.code)),
        [1, "too_many_requests", 2, "fenced", 3, "busy", 4],
    );
    const waits = progress.flatMap((p) => (p.kind === "waiting" ? [p.waitMs] : []));
    const floors = [60, 1_000, 40];
    assert.ok(
        waits.every((wait, at) => wait >= (floors[at] ?? 0)),
        waits.join(),
    );
});

test("a Retry-After that is a date is waited for", async () => {
    const date = new Date(Math.ceil(Date.now() / 1_000) * 1_000);
    const soon = new Date(date.getTime() + 1_000);
    const headers = { "Retry-After": soon.toUTCString(), Date: date.toUTCString() };
    proxy.next({ kind: "answer", status: 503, headers });
    const waits: Progress[] = [];
    won(await new Device().page().claim(open, { onProgress: (p) => waits.push(p) }));
    const [, waiting] = waits;
    assert.ok(waiting?.kind === "waiting" && waiting.waitMs >= 1_000, JSON.stringify(waits));
    assert.equal(waiting.code, "http_503");
});

test("a claim that never reached the edge is sent again", async () => {
    proxy.next({ kind: "reset" }, { kind: "reset" });
    const outcome = await new Device().page().claim(open);
    assert.deepEqual(outcome, { kind: "won", coupon: won(outcome), again: false });
});

for (const fault of [{ kind: "lose" }, { kind: "cut" }, { kind: "slow", ms: 60_000 }] as const) {
    test(`a win whose answer did not arrive is found by the same key: ${fault.kind}`, async () => {
        proxy.next(fault);
        const device = new Device();
        const page = device.page({ budget: { ...BUDGET, tryMs: 2_500 } });
        const outcome = await page.claim(open);
        assert.deepEqual(outcome, { kind: "won", coupon: won(outcome), again: true });
        assert.deepEqual(keys(), [keys()[0], keys()[0]]);
        assert.deepEqual(await page.coupons(open), { kind: "listed", coupons: [won(outcome)] });
    });
}

test("an answer that is somebody else's is none", async () => {
    const portal = { kind: "answer", status: 200, body: "<html>sign in</html>" } as const;
    proxy.next(portal, problem(502, "unavailable"));
    won(await new Device().page().claim(open));
    assert.equal(keys().length, 3);
});

test("whoever was only turned away was granted nothing, and nothing is unsettled", async () => {
    proxy.always(() => TOO_MANY);
    const page = new Device().page({ budget: { ...BUDGET, tries: 2 } });
    const outcome = await page.claim(open);
    assert.deepEqual(outcome, { kind: "turned_away", code: "too_many_requests", retryAfterMs: 60 });
    assert.equal(keys().length, 2);
    assert.equal(page.isUnsettled(open), false);
    assert.deepEqual(await page.resume(open), { kind: "nothing_to_resume" });
});

test("a wait that would exceed the budget is not begun", async () => {
    proxy.always(() => problem(429, "too_many_requests", { retry_after_ms: 3_600_000 }));
    const outcome = await new Device().page().claim(open);
    assert.equal(outcome.kind === "turned_away" && outcome.retryAfterMs, 3_600_000);
    assert.equal(keys().length, 1);
});

test("two calls at once are one claim", async () => {
    const page = new Device().page();
    const [first, second] = await Promise.all([page.claim(open), page.claim(open)]);
    assert.equal(first, second);
    assert.equal(keys().length, 1);
});

test("who asks goes with each try: a token, anew each time", async () => {
    const tokens = ["expired", "fresh"];
    proxy.next(BUSY);
    const device = new Device();
    won(await device.page({ token: () => Promise.resolve(tokens.shift() ?? "") }).claim(open));
    assert.equal((await device.page({ token: "fixed" }).coupons(open)).kind, "listed");
    const sent = proxy.seen.map(({ authorization }) => authorization);
    assert.deepEqual(sent, ["Bearer expired", "Bearer fresh", "Bearer fixed"]);
});

test("nobody is nobody's user", async () => {
    const page = new Firstcome({ baseUrl: `${proxy.url}/`, budget: BUDGET });
    for (const refused of [await page.claim(open), await page.coupons(open)]) {
        assert.ok(refused.kind === "unauthenticated", JSON.stringify(refused));
        assert.deepEqual([refused.status, refused.code], [401, "unauthenticated"]);
    }
    assert.equal(page.isUnsettled(open), false);
    assert.deepEqual(
        proxy.seen.map(({ path }) => path),
        ["/api/v1/coupons/issue", `/api/v1/coupons/mine/${open}`],
    );
});

test("without any choice of the caller's it asks as usual", async () => {
    const userId = newId("user");
    won(await new Firstcome({ baseUrl: EDGE, userId }).claim(open));
    assert.throws(() => new Firstcome({ baseUrl: "coupons.example.org" }), /Invalid URL/);
});

test("what an event is no use for is told at once", async () => {
    const opens_at = new Date(Date.now() + 3_600_000);
    opens_at.setMilliseconds(0);
    const [small, scheduled, paused, closed] = await Promise.all([
        newEvent({ stock: 1 }),
        newEvent({ opens_at: opens_at.toISOString() }),
        newEvent(),
        newEvent(),
    ]);
    await Promise.all([
        operate(`events/${paused}/pause`, {}),
        operate(`events/${closed}/close`, {}),
    ]);
    won(await new Device().page().claim(small));
    const page = new Device().page({ budget: { ...BUDGET, tries: 1 } });
    assert.deepEqual(await page.claim(small), { kind: "sold_out" });
    assert.deepEqual(await page.claim(scheduled), { kind: "not_open", opensAt: opens_at });
    assert.deepEqual(await page.claim(paused), { kind: "paused" });
    assert.deepEqual(await page.claim(closed), { kind: "closed" });
    const nowhere = await page.claim(newId("nowhere"));
    assert.equal(nowhere.kind, "unknown_event");
    const malformed = await page.claim("no event's id");
    assert.ok(malformed.kind === "rejected" && malformed.detail?.includes("event_id"));
    for (const event of [small, scheduled, paused, closed]) {
        assert.equal(page.isUnsettled(event), false);
    }
});

test("an event that is paused for a moment is claimed when it goes on", async () => {
    const event = await newEvent();
    await operate(`events/${event}/pause`, {});
    let resumed: Promise<void> | undefined;
    const outcome = await new Device().page().claim(event, {
        onProgress: (p) => {
            resumed ??= p.kind === "waiting" ? operate(`events/${event}/resume`, {}) : undefined;
        },
    });
    won(outcome);
    await resumed;
});

test("a second coupon is a second wish, up to the limit", async () => {
    const event = await newEvent({ per_user_limit: 2 });
    const device = new Device();
    const first = won(await device.page().claim(event));
    assert.deepEqual(won(await device.page().claim(event)), first);
    const second = won(await device.page().claim(event, { another: true }));
    assert.notEqual(second.couponId, first.couponId);
    const third = await device.page().claim(event, { another: true });
    assert.ok(third.kind === "limit_reached", JSON.stringify(third));
    assert.deepEqual(third.coupons, [first, second]);
});

test("a revoked coupon is told as such", async () => {
    const device = new Device();
    await revoke(won(await device.page().claim(open)).couponId);
    assert.deepEqual(await device.page().claim(open), { kind: "revoked" });
});

test("how an event stands is told with the server's clock", async () => {
    const page = new Device().page();
    const standing = await page.standing(open);
    assert.ok(standing.kind === "standing", JSON.stringify(standing));
    const { phase, stock, perUserLimit, clockAheadMs = Number.NaN } = standing;
    assert.deepEqual([phase, stock, perUserLimit], ["open", 1_000, 1]);
    assert.ok(standing.left <= stock);
    assert.ok(Math.abs(clockAheadMs) <= BUDGET.tryMs, String(clockAheadMs));
    assert.equal((await page.standing(newId("nowhere"))).kind, "unknown_event");
});

test("a question that nobody answers is unavailable, and one that is aborted is aborted", async () => {
    proxy.always(() => BUSY);
    const page = new Device().page({ budget: { ...BUDGET, tries: 2 } });
    const standing = await page.standing(open);
    assert.deepEqual(standing, { kind: "unavailable", code: "busy", retryAfterMs: 40 });
    const coupons = await page.coupons(open, { signal: AbortSignal.abort() });
    assert.deepEqual(coupons, { kind: "aborted" });
});

test("a forgotten wish is a new one", async () => {
    const device = new Device();
    won(await device.page().claim(open));
    device.page().forget(open);
    won(await device.page().claim(open));
    assert.notEqual(keys()[0], keys()[1]);
});
