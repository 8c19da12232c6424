/** What is said of a claim: never more than is known. A refusal does not take back that an earlier
 * try may have been granted. */
export function outcomeOf(ended) {
    switch (ended.kind) {
        case "told":
            return ended.told;
        case "refused":
            return ended.unsettled ? unknown("refused", ended.refused.code) : ended.refused;
        case "gave_up": {
            const { code, afterMs: retryAfterMs } = ended.again;
            return ended.unsettled
                ? unknown("gave_up", code)
                : { kind: "turned_away", code, retryAfterMs };
        }
        case "aborted":
            return ended.unsettled ? unknown("aborted", "aborted") : { kind: "aborted" };
    }
}
function unknown(because, code) {
    return { kind: "unknown", because, code };
}
/** What is said to a question that changes nothing. */
export function said(ended) {
    switch (ended.kind) {
        case "told":
            return ended.told;
        case "refused":
            return ended.refused;
        case "gave_up":
            return {
                kind: "unavailable",
                code: ended.again.code,
                retryAfterMs: ended.again.afterMs,
            };
        case "aborted":
            return { kind: "aborted" };
    }
}
/** A win that a list shows, beyond the coupons that were told before. */
export function wonInList(listing, told) {
    const coupons = listing.kind === "listed" ? listing.coupons : [];
    const coupon = coupons.find((one) => one.state === "issued" && !told.includes(one.couponId));
    return coupon && { kind: "won", coupon, again: true };
}
