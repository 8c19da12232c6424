/** How long and how often a call asks. Times in milliseconds. */
export type Budget = {
    /** From the first try to giving up. */
    totalMs: number;
    /** Tries, the first included. */
    tries: number;
    /** For one answer. A server answers within 5 s, whatever happens behind it. */
    tryMs: number;
    /** The longest pause before the second try; doubled for each that follows. */
    firstPauseMs: number;
    /** The longest of these pauses. */
    longestPauseMs: number;
};
/** Half a minute: longer than an event takes to recover from a server's death. */
export declare const DEFAULT_BUDGET: Readonly<Budget>;
/** How a call stands before its next try. */
export type Spent = {
    tries: number;
    ms: number;
};
/** How long to wait until the next try, or nothing if that would exceed the budget: what the server
 * asked for, and on top of it a random part of a pause that grows, so that those who were turned
 * away together do not come back together. `random` is from 0 up to 1. */
export declare function nextWaitMs(budget: Budget, spent: Spent, afterMs: number | undefined, random: number): number | undefined;
/** How long the next try may take. */
export declare function tryMs(budget: Budget, spent: Spent): number;
