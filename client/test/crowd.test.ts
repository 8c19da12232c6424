import assert from "node:assert/strict";
import { test } from "node:test";

import type { Fault } from "./faulty_proxy.js";
import { BUSY, TOO_MANY } from "./faulty_proxy.js";
import { newEvent } from "./live.js";
import { Device, proxy } from "./world.js";

const STOCK = 20;
const USERS = 60;
// Tries that take long on a busy machine are waited for: those that are not would be its load.
const BUDGET = {
    totalMs: 120_000,
    tries: 40,
    tryMs: 15_000,
    firstPauseMs: 20,
    longestPauseMs: 500,
};

/** Every second request meets a fault, of each kind in turn. */
function faults(): () => Fault {
    const kinds: Fault[] = [
        BUSY,
        { kind: "lose" },
        TOO_MANY,
        { kind: "reset" },
        { kind: "cut" },
        { kind: "slow", ms: 300 },
    ];
    let requests = 0;
    return () => {
        const at = requests++;
        return (at % 2 === 1 && kinds[((at - 1) / 2) % kinds.length]) || { kind: "pass" };
    };
}

test("a crowd behind a line that breaks all the time learns the truth, each of them", async () => {
    const event = await newEvent({ stock: STOCK });
    proxy.always(faults());
    const devices = Array.from({ length: USERS }, () => new Device());
    const claimed = await Promise.all(
        devices.map((each) => each.page({ budget: BUDGET }).claim(event)),
    );

    const coupons = claimed.flatMap((outcome) => (outcome.kind === "won" ? [outcome.coupon] : []));
    const soldOut = claimed.filter((outcome) => outcome.kind === "sold_out");
    assert.equal(new Set(coupons.map(({ couponId }) => couponId)).size, STOCK);
    assert.equal(coupons.length + soldOut.length, USERS, JSON.stringify(claimed));
    // The edge agrees with each of them.
    proxy.always(() => ({ kind: "pass" }));
    const lists = await Promise.all(devices.map((each) => each.page().coupons(event)));
    lists.forEach((list, at) => {
        const outcome = claimed[at];
        const told = outcome?.kind === "won" ? [outcome.coupon] : [];
        assert.deepEqual(list, { kind: "listed", coupons: told });
    });
    const met = new Set(proxy.seen.map(({ fault }) => fault));
    assert.equal(met.size, 6, "every kind of fault was met");
});
