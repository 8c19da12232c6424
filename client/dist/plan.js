/** Half a minute: longer than an event takes to recover from a server's death. */
export const DEFAULT_BUDGET = {
    totalMs: 30_000,
    tries: 12,
    tryMs: 6_000,
    firstPauseMs: 400,
    longestPauseMs: 5_000,
};
/** How long to wait until the next try, or nothing if that would exceed the budget: what the server
 * asked for, and on top of it a random part of a pause that grows, so that those who were turned
 * away together do not come back together. `random` is from 0 up to 1. */
export function nextWaitMs(budget, spent, afterMs, random) {
    const longest = Math.min(budget.longestPauseMs, budget.firstPauseMs * 2 ** (spent.tries - 1));
    const waitMs = (afterMs ?? 0) + Math.floor(random * longest);
    const inTime = spent.tries < budget.tries && spent.ms + waitMs < budget.totalMs;
    return inTime ? waitMs : undefined;
}
/** How long the next try may take. */
export function tryMs(budget, spent) {
    return Math.min(budget.tryMs, budget.totalMs - spent.ms);
}
