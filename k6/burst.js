// The doors open: a million users, SCALE of them, of whom half come within the first five seconds.
//
//   ./dev k6 burst SCALE=0.02
//   BASE_URL=http://127.0.0.1:PORT EVENT=spring SCALE=0.02 k6 run k6/burst.js
//
// NGINX must let that many through from one address: limits.demo.conf does, which ./dev up uses
// and compose takes from .env.
//
// Environment: BASE_URL and EVENT (both required); SCALE (0.002: two thousand users, 195 a second at
// the peak); P95_MS and P99_MS (100).
//
// What must hold: every user gets a win or a loss in the end, whoever asks twice is told the same
// twice, p95 and p99 of a claim below 100 ms at that rate, and no user could not be sent.

import exec from 'k6/execution';
import { check } from 'k6';

import {
    MILLION, SCALE, THRESHOLDS, TRENDS, claim, newRun, sameAnswer, settled,
} from './claim.js';

// The shape below has the area of so many seconds at its peak.
const SECONDS_AT_PEAK = 0.5 + 4 + 5.5 + 0.25;
const PEAK = Math.max(1, Math.round((MILLION * SCALE) / SECONDS_AT_PEAK));
// One in so many asks again although it was answered.
const ASKS_TWICE = 10;

export const options = {
    scenarios: {
        burst: {
            executor: 'ramping-arrival-rate',
            startRate: 0,
            timeUnit: '1s',
            stages: [
                { duration: '1s', target: PEAK },
                { duration: '4s', target: PEAK },
                { duration: '10s', target: Math.ceil(PEAK / 10) },
                { duration: '5s', target: 0 },
            ],
            preAllocatedVUs: Math.min(Math.max(2 * PEAK, 50), 1000),
            maxVUs: Math.min(Math.max(5 * PEAK, 100), 5000),
        },
    },
    thresholds: THRESHOLDS,
    summaryTrendStats: TRENDS,
};

export const setup = newRun;

export default function ({ run }) {
    const number = exec.scenario.iterationInTest;
    const user = `burst-${run}-${number}`;
    const first = settled(user);
    if (!first) {
        return;
    }
    if (number % ASKS_TWICE === 0) {
        check(claim(user), { 'the same answer again': (again) => sameAnswer(first, again) });
    }
}
