// A steady sale for a long time: whether anything grows, slows down or is forgotten.
//
//   ./dev k6 soak                            # ten minutes
//   ./dev k6 soak DURATION=8h RATE=20
//
// Environment: BASE_URL and EVENT (both required), RATE (new users per second, 100), DURATION (10m),
// P95_MS and P99_MS (100). The event's stock should outlast it, which ./dev k6 sees to.
//
// What must hold: every new user wins, and those who won a while ago, asking again or looking at
// what they hold, are shown the same coupon.

import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';

import { BASE_URL, EVENT, THRESHOLDS, TRENDS, claim, newRun, settled } from './claim.js';
import { read } from './history.js';

// One in so many is followed by the question of somebody who won earlier, and how the event stands.
const LOOKS_BACK = 5;
// As many claims earlier.
const BACK = 50;

export const options = {
    scenarios: {
        soak: {
            executor: 'constant-arrival-rate',
            rate: Number(__ENV.RATE || 100),
            duration: __ENV.DURATION || '10m',
            preAllocatedVUs: 100,
            maxVUs: 1000,
        },
    },
    thresholds: THRESHOLDS,
    summaryTrendStats: TRENDS,
};

export const setup = newRun;

export default function ({ run }) {
    const number = exec.scenario.iterationInTest;
    const first = settled(`soak-${run}-${number}`);
    if (!first) {
        return;
    }
    if (number % LOOKS_BACK === 0 && number >= BACK) {
        lookBack(`soak-${run}-${number - BACK}`);
    }
}

function lookBack(user) {
    const again = claim(user);
    check(again, { 'who won still has it': (answer) => answer.status === 200 });
    const mine = http.get(`${BASE_URL}/api/v1/coupons/mine/${EVENT}?user_id=${user}`, {
        tags: { name: 'mine' },
    });
    check(mine, {
        'the list shows it': (answer) =>
            answer.status === 503
            || (read(answer).coupons || []).some(
                (coupon) => coupon.coupon_id === read(again).coupon_id,
            ),
    });
    const status = http.get(`${BASE_URL}/api/v1/coupons/status/${EVENT}`, {
        tags: { name: 'status' },
    });
    check(status, {
        'the event is open': (answer) => answer.status === 503 || read(answer).phase === 'open',
    });
}
