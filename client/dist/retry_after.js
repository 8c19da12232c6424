import { number, text, time } from "./members.js";
/** How long the server wants to be left alone: `retry_after_ms` of its problem document, which it
 * drew for this client alone, or else Retry-After in seconds or as a date. */
export function askAgainAfterMs(raw, body) {
    return number(body.retry_after_ms) ?? ofHeader(raw);
}
function ofHeader({ retryAfter, date, answeredMs }) {
    const value = text(retryAfter?.trim());
    if (value !== undefined && /^\d+$/.test(value)) {
        return Number(value) * 1_000;
    }
    // Any other text that `Date` would make something of is no HTTP date.
    const moment = time(value?.match(/^[A-Z][a-z]+,? .+$/)?.[0]);
    // By the server's clock, where it shows; this device's may be wrong.
    const now = time(date)?.getTime() ?? answeredMs;
    return moment && Math.max(0, moment.getTime() - now);
}
