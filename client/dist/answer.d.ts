import type { Listed, Refused, Stands, Told } from "./outcome.js";
/** One answer as it arrived, and when, by this device's clock. */
export type Raw = {
    status: number;
    retryAfter: string | null;
    date: string | null;
    body: string;
    askedMs: number;
    answeredMs: number;
};
/** What an answer means for whoever asked. */
export type Answer<T> = 
/** The truth. With `again` it may soon be another. */
{
    kind: "told";
    told: T;
    again?: Again;
} | {
    kind: "refused";
    refused: Refused;
}
/** Ask again. `granted`: whether this try may have been granted all the same. */
 | {
    kind: "later";
    again: Again;
    granted: "no" | "perhaps";
};
/** Why to ask again, and the soonest moment the server wants it. */
export type Again = {
    code: string;
    afterMs?: number;
};
/** The `code` of a try that got no answer, or none that can be read. */
export declare const LOST = "lost";
/** What the answer to a claim means. */
export declare function ofClaim(eventId: string, raw: Raw): Answer<Told>;
/** What the answer to "which coupons have I?" means. */
export declare function ofMine(eventId: string, raw: Raw): Answer<Listed>;
/** What the answer to "how does the event stand?" means. */
export declare function ofStatus(eventId: string, raw: Raw): Answer<Stands>;
