// A rush: many users, each of whom asks once or twice for a unit of one event, within seconds.
//
//   BASE_URL=http://127.0.0.1:PORT EVENT=spring STOCK=500 k6 run k6/rush.js
//
// smoke.js says where k6 comes from. NGINX must let that many through from one address:
// limits.demo.conf does, which ./dev up uses and compose takes from .env.
//
// Environment: BASE_URL and EVENT (both required); USERS (20000) who begin evenly over SECONDS (10);
// STOCK, if set: that no more are told a win.
//
// What must hold: every user gets a win or a loss in the end, and whoever asks twice is told the
// same twice. k6 sees only its own answers: ./dev demo compares them with what is stored.

import exec from 'k6/execution';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

import { claim, isDefinite, sameAnswer } from './claim.js';

const USERS = Number(__ENV.USERS || 20000);
const SECONDS = Number(__ENV.SECONDS || 10);
// One in so many asks again although it was answered.
const ASKS_TWICE = 10;

const won = new Counter('claims_won');
const soldOut = new Counter('claims_sold_out');

const thresholds = {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    dropped_iterations: ['count==0'],
};
if (__ENV.STOCK) {
    thresholds.claims_won = [`count<=${__ENV.STOCK}`];
}

export const options = {
    scenarios: {
        rush: {
            executor: 'constant-arrival-rate',
            rate: Math.ceil(USERS / SECONDS),
            duration: `${SECONDS}s`,
            preAllocatedVUs: Math.min(USERS, 500),
            maxVUs: Math.min(USERS, 5000),
        },
    },
    thresholds,
    summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
};

// Users of one run are new ones: their first answer is not a repeated one.
export function setup() {
    return { run: Date.now().toString(36) };
}

export default function ({ run }) {
    const number = exec.scenario.iterationInTest;
    const user = `rush-${run}-${number}`;
    const first = claim(user);
    if (!check(first, { 'a definite answer': isDefinite })) {
        return;
    }
    (first.status === 200 ? won : soldOut).add(1);
    if (number % ASKS_TWICE === 0) {
        check(claim(user), { 'the same answer again': (again) => sameAnswer(first, again) });
    }
}
