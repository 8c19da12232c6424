// A quiet sale, then ten times as many within a second, and the stock ends among them.
//
//   ./dev k6 spike
//
// Environment: BASE_URL and EVENT (both required), SCALE (0.002: from 10 to 100 a second), P95_MS and
// P99_MS (100). The event's stock should end in the spike: a third of the users (600 x SCALE / 0.002
// users come in all), which ./dev k6 sees to.
//
// What must hold: as in burst.js, and whoever won before the spike is told the same after it, when
// nothing is left.

import exec from 'k6/execution';
import { check } from 'k6';

import {
    MILLION, SCALE, THRESHOLDS, TRENDS, claim, newRun, sameAnswer, settled,
} from './claim.js';

const QUIET = Math.max(1, Math.round((MILLION * SCALE) / 200));
const SPIKE = 10 * QUIET;

export const options = {
    scenarios: {
        spike: {
            executor: 'ramping-arrival-rate',
            startRate: QUIET,
            timeUnit: '1s',
            stages: [
                { duration: '4s', target: QUIET },
                { duration: '500ms', target: SPIKE },
                { duration: '4s', target: SPIKE },
                { duration: '500ms', target: QUIET },
                { duration: '4s', target: QUIET },
            ],
            preAllocatedVUs: Math.min(Math.max(2 * SPIKE, 50), 1000),
            maxVUs: Math.min(Math.max(5 * SPIKE, 100), 5000),
        },
    },
    thresholds: THRESHOLDS,
    summaryTrendStats: TRENDS,
};

export const setup = newRun;

export default function ({ run }) {
    const number = exec.scenario.iterationInTest;
    const user = `spike-${run}-${number}`;
    const first = settled(user);
    if (!first) {
        return;
    }
    check(claim(user), { 'the same answer again': (again) => sameAnswer(first, again) });
    if (number >= QUIET) {
        // Among the first, who won while the sale was quiet.
        const early = claim(`spike-${run}-${number % QUIET}`);
        check(early, { 'who won early still has it': (answer) => answer.status === 200 });
    }
}
