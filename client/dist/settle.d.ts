import type { Listing, NotSaid, Outcome, Refused, Told } from "./outcome.js";
import type { Ended } from "./pursue.js";
/** What is said of a claim: never more than is known. A refusal does not take back that an earlier
 * try may have been granted. */
export declare function outcomeOf(ended: Ended<Told>): Outcome;
/** What is said to a question that changes nothing. */
export declare function said<T>(ended: Ended<T>): T | Refused | NotSaid;
/** A win that a list shows, beyond the coupons that were told before. */
export declare function wonInList(listing: Listing, told: string[]): Outcome | undefined;
