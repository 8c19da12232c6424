// A claim as a well-behaved client makes it, and what all scenarios have in common.

import http from 'k6/http';
import { check, fail, sleep } from 'k6';
import { Counter } from 'k6/metrics';

import { noteAnswered, noteAsked, read } from './history.js';

export const BASE_URL = __ENV.BASE_URL || fail('BASE_URL is not set: the address of NGINX');
export const EVENT = __ENV.EVENT || fail('EVENT is not set: create one with ./dev event create');
// Of a million users; 1 is the whole crowd, which takes more machines than one. The default is what two
// cores bear that k6, the brokers and all else share; five times as much held 100 ms in few runs there.
export const SCALE = Number(__ENV.SCALE || 0.002);
export const MILLION = 1000000;
const TRIES = 10;

// At the rate that a scenario states, on machines that have nothing else to do.
export const LATENCY = [
    `p(95)<${__ENV.P95_MS || 100}`,
    `p(99)<${__ENV.P99_MS || 100}`,
];

// What holds in every scenario: no check fails, every answer is one of the contract, and the load
// that was asked for was made.
export const THRESHOLDS = {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    dropped_iterations: ['count==0'],
    'http_req_duration{name:issue}': LATENCY,
};
export const TRENDS = ['med', 'p(95)', 'p(99)', 'max'];

const askedAgain = new Counter('claims_asked_again');
const won = new Counter('claims_won');
const soldOut = new Counter('claims_sold_out');

// 409 and 503 are answers, not failures: only what is outside the contract counts as failed.
http.setResponseCallback(http.expectedStatuses(200, 409, 429, 503));

// Users of one run are new ones: their first answer is not a repeated one.
export function newRun() {
    return { run: Date.now().toString(36) };
}

export function claimOf(user, headers = {}) {
    return {
        method: 'POST',
        url: `${BASE_URL}/api/v1/coupons/issue`,
        body: JSON.stringify({ event_id: EVENT, user_id: user }),
        params: {
            headers: { 'Content-Type': 'application/json', 'Idempotency-Key': user, ...headers },
            tags: { name: 'issue' },
        },
    };
}

// Claims once, whatever comes of it.
export function ask(user, headers) {
    const { url, body, params } = claimOf(user, headers);
    const number = noteAsked(user, user);
    const answer = http.post(url, body, params);
    noteAnswered(number, answer);
    return answer;
}

// Claims so many times at once, as somebody does who presses the button again and again.
export function askAtOnce(user, times) {
    const numbers = Array.from({ length: times }, () => noteAsked(user, user));
    const answers = http.batch(numbers.map(() => claimOf(user)));
    answers.forEach((answer, index) => noteAnswered(numbers[index], answer));
    return answers;
}

// Claims for a user; where an answer says to ask again, does so, after as long as it says.
export function claim(user) {
    let answer = ask(user);
    for (let tries = 1; tries < TRIES && isAskAgain(answer); tries += 1) {
        askedAgain.add(1);
        sleep((read(answer).retry_after_ms || 1000) / 1000);
        answer = ask(user);
    }
    return answer;
}

// Counts what a user was told in the end.
export function count(answer) {
    (answer.status === 200 ? won : soldOut).add(1);
}

// Claims for a user until it is a win or a loss, and counts that; null where it never was, which fails
// the scenario.
export function settled(user) {
    const answer = claim(user);
    if (!check(answer, { 'a definite answer': isDefinite })) {
        return null;
    }
    count(answer);
    return answer;
}

// 0: the connection ended, so nobody knows.
export function isAskAgain(answer) {
    return [0, 429, 502, 503, 504].includes(answer.status);
}

// A win or a loss.
export function isDefinite(answer) {
    return answer.status === 200 || (answer.status === 409 && read(answer).code === 'sold_out');
}

// Whether a claim that was repeated got what the first got.
export function sameAnswer(first, again) {
    if (first.status !== 200) {
        return again.status === first.status;
    }
    return again.status === 200 && read(again).coupon_id === read(first).coupon_id;
}
