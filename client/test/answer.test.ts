import assert from "node:assert/strict";
import { test } from "node:test";

import { ofClaim, ofMine, ofStatus, type Raw } from "../src/answer.js";

const COUPON = { coupon_id: "c-7", sequence: 7, issued_at: "2026-12-01T09:00:00.123Z" };
const HELD = {
    couponId: "c-7",
    sequence: 7,
    issuedAt: new Date("2026-12-01T09:00:00.123Z"),
    state: "issued",
};

function raw(status: number, body: unknown, headers: Partial<Raw> = {}): Raw {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const when = { askedMs: 1_000, answeredMs: 2_000 };
    return { status, retryAfter: null, date: null, body: text, ...when, ...headers };
}

function claimed(status: number, body: object, headers: Partial<Raw> = {}) {
    return ofClaim("spring", raw(status, { event_id: "spring", ...body }, headers));
}

test("every truth of the contract is told", () => {
    const truths: [number, object, object][] = [
        [200, { outcome: "issued", ...COUPON }, { kind: "won", coupon: HELD, again: false }],
        [200, { outcome: "already_issued", ...COUPON }, { kind: "won", coupon: HELD, again: true }],
        [409, { code: "revoked" }, { kind: "revoked" }],
        [409, { code: "sold_out" }, { kind: "sold_out" }],
        [410, { code: "closed" }, { kind: "closed" }],
        [
            409,
            { code: "limit_reached", coupons: [{ ...COUPON, state: "issued" }] },
            { kind: "limit_reached", coupons: [HELD] },
        ],
    ];
    for (const [status, body, told] of truths) {
        assert.deepEqual(claimed(status, body), { kind: "told", told });
    }
});

test("what passes by itself is told, and asked again", () => {
    const opensAt = new Date("2026-12-01T09:00:00Z");
    const not_open = { code: "not_open", opens_at: opensAt.toISOString(), retry_after_ms: 1_500 };
    assert.deepEqual(claimed(403, not_open), {
        kind: "told",
        told: { kind: "not_open", opensAt },
        again: { code: "not_open", afterMs: 1_500 },
    });
    assert.deepEqual(claimed(503, { code: "paused" }, { retryAfter: "2" }), {
        kind: "told",
        told: { kind: "paused" },
        again: { code: "paused", afterMs: 2_000 },
    });
});

test("what refuses is no word about the stock", () => {
    const refusals: [number, object | string, string, string][] = [
        [404, { code: "unknown_event" }, "unknown_event", "unknown_event"],
        [404, { code: "not_found" }, "rejected", "not_found"],
        [401, { code: "unauthenticated" }, "unauthenticated", "unauthenticated"],
        [403, { code: "forbidden" }, "forbidden", "forbidden"],
        [400, { code: "malformed" }, "rejected", "malformed"],
        [403, "<html>a proxy's page</html>", "forbidden", "http_403"],
        [409, {}, "rejected", "http_409"],
        // The right word with the wrong status, and about another event.
        [400, { code: "sold_out", event_id: "spring" }, "rejected", "sold_out"],
        [409, { code: "sold_out", event_id: "autumn" }, "rejected", "sold_out"],
    ];
    for (const [status, body, kind, code] of refusals) {
        const answer = ofClaim("spring", raw(status, body));
        assert.deepEqual(answer, {
            kind: "refused",
            refused: { kind, status, code, detail: undefined },
        });
    }
    const why = ofClaim("spring", raw(400, { code: "malformed", detail: "no event_id" }));
    assert.equal(why.kind === "refused" && why.refused.detail, "no event_id");
});

test("whoever was turned away was granted nothing; whoever got no answer may have been", () => {
    const laters: [number, object | string, string, "no" | "perhaps"][] = [
        [429, { code: "too_many_requests" }, "too_many_requests", "no"],
        [408, { code: "too_slow" }, "too_slow", "no"],
        [503, { code: "busy", event_id: "spring" }, "busy", "perhaps"],
        [502, "Bad Gateway", "http_502", "perhaps"],
        [200, "<html>sign in to this network</html>", "lost", "perhaps"],
        [200, [], "lost", "perhaps"],
        [204, "", "lost", "perhaps"],
        [200, { event_id: "spring", outcome: "issued", coupon_id: "c-7" }, "lost", "perhaps"],
        [200, { event_id: "autumn", outcome: "issued", ...COUPON }, "lost", "perhaps"],
    ];
    for (const [status, body, code, granted] of laters) {
        const answer = ofClaim("spring", raw(status, body));
        assert.deepEqual(answer, { kind: "later", again: { code, afterMs: undefined }, granted });
    }
});

test("a limit whose coupons cannot be read is no truth", () => {
    for (const coupons of [undefined, "c-7", [null], [{ ...COUPON, state: "lent" }]]) {
        assert.equal(claimed(409, { code: "limit_reached", coupons }).kind, "refused");
    }
});

test("a list of coupons is read whole or not at all", () => {
    const listed = (status: number, coupons: unknown) =>
        ofMine("spring", raw(status, { event_id: "spring", coupons }));
    const revoked = { ...COUPON, state: "revoked" };
    assert.deepEqual(listed(200, [revoked]), {
        kind: "told",
        told: { kind: "listed", coupons: [{ ...HELD, state: "revoked" }] },
    });
    assert.deepEqual(listed(200, []), { kind: "told", told: { kind: "listed", coupons: [] } });
    assert.equal(listed(200, [revoked, 7]).kind, "later");
    assert.equal(listed(401, []).kind, "refused");
});

test("how an event stands is read, with the server's clock", () => {
    const body = {
        event_id: "spring",
        phase: "scheduled",
        stock: 100,
        left: 60,
        per_user_limit: 1,
    };
    const opens_at = "2026-12-01T09:00:00.000Z";
    const date = "Thu, 01 Jan 1970 00:00:11 GMT";
    const answer = ofStatus("spring", raw(200, { ...body, opens_at, closes_at: null }, { date }));
    assert.deepEqual(answer, {
        kind: "told",
        told: {
            kind: "standing",
            phase: "scheduled",
            stock: 100,
            left: 60,
            perUserLimit: 1,
            opensAt: new Date(opens_at),
            closesAt: undefined,
            // 11.5 s there, 1.5 s here.
            clockAheadMs: 10_000,
        },
    });
    const blind = ofStatus("spring", raw(200, body));
    assert.equal(blind.kind === "told" && blind.told.clockAheadMs, undefined);
});

test("a standing that lacks something is none", () => {
    const body = { event_id: "spring", phase: "open", stock: 1, left: 1, per_user_limit: 1 };
    assert.equal(ofStatus("spring", raw(200, body)).kind, "told");
    assert.equal(ofStatus("spring", raw(503, body)).kind, "later");
    for (const missing of ["event_id", "phase", "stock", "left", "per_user_limit"]) {
        assert.equal(ofStatus("spring", raw(200, { ...body, [missing]: undefined })).kind, "later");
    }
    assert.equal(ofStatus("spring", raw(200, { ...body, phase: "arming" })).kind, "later");
});
