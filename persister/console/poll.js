// Asks again and again: one request in flight, more and more seldom while it fails, not at all while
// nobody looks.

/** Between two looks at a rush. */
export const LIVE_EVERY_MS = 1_000;
/** Between two looks at a list. */
export const LIST_EVERY_MS = 5_000;
/** The longest pause after failures. */
const LONGEST_PAUSE_MS = 15_000;

/** Begins; `work(stop)` does it once and may throw. Returns `{ now, stop }`. */
export function poll(everyMs, work, failed) {
    const ending = new AbortController();
    let timer = 0;
    let busy = false;
    let again = false;
    let failures = 0;

    async function turn() {
        clearTimeout(timer);
        if (busy) {
            again = true;
            return;
        }
        if (ending.signal.aborted || document.hidden) return;
        busy = true;
        try {
            await work(ending.signal);
            failures = 0;
        } catch (problem) {
            failures += 1;
            if (!ending.signal.aborted) failed(problem);
        }
        busy = false;
        if (ending.signal.aborted) return;
        timer = setTimeout(turn, again ? 0 : pause(everyMs, failures));
        again = false;
    }

    const seen = () => document.hidden || turn();
    document.addEventListener("visibilitychange", seen);
    turn();
    return {
        /** At once, or as soon as the one in flight has ended. */
        now: turn,
        stop() {
            ending.abort();
            clearTimeout(timer);
            document.removeEventListener("visibilitychange", seen);
        },
    };
}

/** Doubles with each failure in a row. */
export function pause(everyMs, failures) {
    return Math.min(everyMs * 2 ** failures, Math.max(everyMs, LONGEST_PAUSE_MS));
}
