// Floods are turned away, and nobody else is: for an NGINX with nginx/limits.conf.
//
//   ./dev k6 limits                          # on a stack that has such an NGINX
//
// Environment: BASE_URL and EVENT (both required), DURATION (10s), P95_MS and P99_MS (100).
//
// A crowd without credentials asks from one address, ten times as often as such an address may;
// beside it 10 users a second ask once, each with credentials of their own. What must hold: of the
// crowd some are let through and most are told 429 as the contract has it, with a moment at which
// to come back; of the others nobody is turned away.

import exec from 'k6/execution';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

import { THRESHOLDS, TRENDS, ask, count, isDefinite, newRun } from './claim.js';
import { read } from './history.js';

const turnedAway = new Counter('claims_turned_away');
const letThrough = new Counter('claims_let_through');

const DURATION = __ENV.DURATION || '10s';

function atRate(exec, rate) {
    return {
        executor: 'constant-arrival-rate',
        exec,
        rate,
        duration: DURATION,
        preAllocatedVUs: 50,
        maxVUs: 300,
    };
}

export const options = {
    scenarios: { crowd: atRate('crowd', 100), others: atRate('others', 10) },
    thresholds: {
        ...THRESHOLDS,
        claims_turned_away: ['count>0'],
        claims_let_through: ['count>0'],
    },
    summaryTrendStats: TRENDS,
};

export const setup = newRun;

export function crowd({ run }) {
    const answer = ask(`crowd-${run}-${exec.scenario.iterationInTest}`);
    if (answer.status === 429) {
        turnedAway.add(1);
        check(answer, { 'a 429 says when to come back': saysWhen });
        return;
    }
    letThrough.add(1);
    if (check(answer, { 'a definite answer': isDefinite })) {
        count(answer);
    }
}

export function others({ run }) {
    const user = `other-${run}-${exec.scenario.iterationInTest}`;
    const answer = ask(user, { Authorization: `Bearer ${user}` });
    if (check(answer, { 'nobody else is turned away': isDefinite })) {
        count(answer);
    }
}

function saysWhen(answer) {
    const seconds = Number(answer.headers['Retry-After']);
    const body = read(answer);
    return (
        answer.headers['Content-Type'] === 'application/problem+json'
        && body.code === 'too_many_requests'
        && body.retry_after_ms > 0
        && seconds === Math.max(1, Math.ceil(body.retry_after_ms / 1000))
    );
}
