// A claim as a well-behaved client makes it. For smoke.js and rush.js.

import http from 'k6/http';
import { fail, sleep } from 'k6';
import { Counter } from 'k6/metrics';

export const BASE_URL = __ENV.BASE_URL || fail('BASE_URL is not set: the address of NGINX');
export const EVENT = __ENV.EVENT || fail('EVENT is not set: create one with ./dev event create');
const TRIES = 10;

const askedAgain = new Counter('claims_asked_again');

// 409 and 503 are answers, not failures: only what is outside the contract counts as failed.
http.setResponseCallback(http.expectedStatuses(200, 409, 429, 503));

// Claims for a user; where an answer says to ask again, does so, after as long as it says.
export function claim(user) {
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

// A win or a loss.
export function isDefinite(answer) {
    return answer.status === 200 || (answer.status === 409 && answer.json('code') === 'sold_out');
}

// Whether a claim that was repeated got what the first got.
export function sameAnswer(first, again) {
    if (first.status !== 200) {
        return again.status === first.status;
    }
    return again.status === 200 && again.json('coupon_id') === first.json('coupon_id');
}
