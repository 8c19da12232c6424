// Writes down what was asked and answered, as lines of a history (rig/src/rush/line.rs), to k6's
// console: ./dev k6 keeps that in a file, and the checker judges it. Without BEGAN_MS: nothing.
//
// k6 has no monotonic clock and whole milliseconds only. A question's time is rounded down and an
// answer's up, so that "before" is never claimed of what was not.

import exec from 'k6/execution';

const BEGAN_MS = Number(__ENV.BEGAN_MS || 0);
// Requests of one virtual user have numbers of their own.
const NUMBERS_OF_A_USER = 1e6;

let asked = 0;

function nowUs() {
    return (Date.now() - BEGAN_MS) * 1000;
}

// Before a request is sent; returns its number.
export function noteAsked(user, key) {
    if (!BEGAN_MS) {
        return 0;
    }
    asked += 1;
    const request = exec.vu.idInTest * NUMBERS_OF_A_USER + asked;
    console.log(`Q\t${request}\t${nowUs()}\t${user}\t${key}`);
    return request;
}

// Once it was answered, or given up.
export function noteAnswered(request, answer) {
    if (!BEGAN_MS) {
        return;
    }
    const us = nowUs() + 1000;
    if (answer.status === 0) {
        console.log(`X\t${request}\t${us}\tdisconnected`);
        return;
    }
    const body = read(answer);
    const held = body.coupon_id ? [body] : body.coupons || [];
    if (answer.status === 200 && held.length === 0) {
        console.log(`X\t${request}\t${us}\tgarbled`);
        return;
    }
    const coupons = held.map((coupon) => `${coupon.coupon_id},${coupon.sequence}`).join(';') || '-';
    const code = body.outcome || body.code || 'other';
    console.log(`A\t${request}\t${us}\t${answer.status}\t${code}\t${coupons}`);
}

// Whatever is no JSON object says nothing.
export function read(answer) {
    try {
        return answer.json() || {};
    } catch (_) {
        return {};
    }
}
