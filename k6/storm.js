// A storm of duplicates: every user presses the button eight times at once, and once more later.
//
//   ./dev k6 storm
//
// Environment: BASE_URL and EVENT (both required), SCALE (0.002: 10 users a second, nine
// requests each), SECONDS (10), P95_MS and P99_MS (100).
//
// What must hold: whatever a user's requests are told in the end, it is one and the same coupon, or
// that nothing is left.

import exec from 'k6/execution';
import { check } from 'k6';

import {
    MILLION, SCALE, THRESHOLDS, TRENDS, askAtOnce, claim, count, isAskAgain, isDefinite, newRun,
    sameAnswer,
} from './claim.js';

const AT_ONCE = 8;
const RATE = Math.max(1, Math.round((MILLION * SCALE) / 200));

export const options = {
    // k6 opens no more than 6 to one host by itself.
    batchPerHost: AT_ONCE,
    scenarios: {
        storm: {
            executor: 'constant-arrival-rate',
            rate: RATE,
            duration: `${__ENV.SECONDS || 10}s`,
            preAllocatedVUs: Math.min(Math.max(RATE, 10), 300),
            maxVUs: Math.min(Math.max(4 * RATE, 20), 2000),
        },
    },
    thresholds: THRESHOLDS,
    summaryTrendStats: TRENDS,
};

export const setup = newRun;

export default function ({ run }) {
    const user = `storm-${run}-${exec.scenario.iterationInTest}`;
    const answers = askAtOnce(user, AT_ONCE).filter((answer) => !isAskAgain(answer));
    const last = claim(user);
    if (!check(last, { 'a definite answer': isDefinite })) {
        return;
    }
    count(last);
    check(answers, {
        'all the same answer': (all) => all.every((answer) => sameAnswer(last, answer)),
    });
}
