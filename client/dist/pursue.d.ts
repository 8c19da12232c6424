import { type Again, type Answer, type Raw } from "./answer.js";
import { type Asked, type Fetch } from "./exchange.js";
import type { Progress, Refused } from "./outcome.js";
import { type Budget } from "./plan.js";
/** What is asked, and how its answers are read. */
export type Question<T> = {
    /** Made anew for each try: a token may have been renewed. */
    request: () => Promise<Asked>;
    read: (raw: Raw) => Answer<T>;
};
/** What every call may be given. */
export type CallOptions = {
    /** Ends the call early. */
    signal?: AbortSignal;
    /** Is told what the call does. Must not throw. */
    onProgress?: (progress: Progress) => void;
};
/** What asking takes. */
export type Means = {
    fetch: Fetch;
    random: () => number;
    budget: Budget;
};
/** How asking ended. `unsettled`: some try may have been granted, and nobody told. */
export type Ended<T> = {
    unsettled: boolean;
} & ({
    kind: "told";
    told: T;
} | {
    kind: "refused";
    refused: Refused;
} | {
    kind: "gave_up";
    again: Again;
} | {
    kind: "aborted";
});
/** Asks until there is an answer, the budget is spent, or the caller aborts. */
export declare function pursue<T>(question: Question<T>, means: Means, { signal, onProgress }: CallOptions, unsettledBefore: boolean): Promise<Ended<T>>;
