/** What can come of a claim: Firstcome's public contract as a closed union. */
export type Outcome = Told | Refused | Unsettled;
/** The truth about this user and this event, as the server tells it. */
export type Told = 
/** The coupon is theirs. `again`: it was granted before, and this is the same one once more. */
{
    kind: "won";
    coupon: Coupon;
    again: boolean;
}
/** They hold as many as allowed. */
 | {
    kind: "limit_reached";
    coupons: Coupon[];
}
/** Their coupon was revoked and counts against their limit. */
 | {
    kind: "revoked";
}
/** Nothing is left. */
 | {
    kind: "sold_out";
}
/** The event is over. */
 | {
    kind: "closed";
}
/** Not on sale yet. Without `opensAt` no moment is set. */
 | {
    kind: "not_open";
    opensAt?: Date;
}
/** Stopped by an operator for a while. */
 | {
    kind: "paused";
};
/** Asking again the same way changes nothing, and nothing was granted. */
export type Refused = {
    kind: "unknown_event" | "unauthenticated" | "forbidden" | "rejected";
    status: number;
    /** The `code` of the problem document; `http_404` and the like where somebody else answered. */
    code: string;
    /** What was wrong, for whoever develops. */
    detail?: string;
};
/** Nobody told the truth in time. */
export type Unsettled = 
/** Every try was turned away before it was looked at: nothing was granted, try again later. */
{
    kind: "turned_away";
    code: string;
    retryAfterMs?: number;
}
/** Aborted before anything could have been granted. */
 | {
    kind: "aborted";
}
/** A try may have been granted, and its answer was lost. `resume()` asks for the truth. */
 | {
    kind: "unknown";
    because: "gave_up" | "aborted" | "refused";
    code: string;
};
/** What a winner holds. */
export type Coupon = {
    couponId: string;
    sequence: number;
    issuedAt: Date;
    state: "issued" | "returned" | "revoked";
};
/** What can come of `resume()`. */
export type Resumed = Outcome
/** No claim of this event is unsettled here. */
 | {
    kind: "nothing_to_resume";
};
/** A user's coupons of an event, or why there is no list. */
export type Listing = Listed | Refused | NotSaid;
/** A user's coupons of an event, returned and revoked ones too. */
export type Listed = {
    kind: "listed";
    coupons: Coupon[];
};
/** How an event stands, or why that is not known. */
export type Standing = Stands | Refused | NotSaid;
/** How an event stands. */
export type Stands = {
    kind: "standing";
    phase: "scheduled" | "open" | "paused" | "closed";
    stock: number;
    left: number;
    perUserLimit: number;
    opensAt?: Date;
    closesAt?: Date;
    /** Added to this device's clock it gives the server's, to about a second. Absent where the
     * server's clock cannot be seen, as from another origin. */
    clockAheadMs?: number;
};
/** A question that changes nothing got no answer. */
export type NotSaid = {
    kind: "unavailable";
    code: string;
    retryAfterMs?: number;
} | {
    kind: "aborted";
};
/** What a call is doing, for whoever waits in front of it. */
export type Progress = {
    kind: "asking";
    tries: number;
}
/** `code` says why it will ask again: one of the API's, or `lost` where no answer came. */
 | {
    kind: "waiting";
    tries: number;
    waitMs: number;
    code: string;
};
