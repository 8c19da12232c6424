import { type Again, type Answer, LOST, type Raw } from "./answer.js";
import { type Asked, exchange, type Fetch, pause } from "./exchange.js";
import type { Progress, Refused } from "./outcome.js";
import { type Budget, nextWaitMs, type Spent, tryMs } from "./plan.js";

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
export type Means = { fetch: Fetch; random: () => number; budget: Budget };

/** How asking ended. `unsettled`: some try may have been granted, and nobody told. */
export type Ended<T> = { unsettled: boolean } & (
    | { kind: "told"; told: T }
    | { kind: "refused"; refused: Refused }
    | { kind: "gave_up"; again: Again }
    | { kind: "aborted" }
);

const NO_ANSWER = { kind: "later", again: { code: LOST }, granted: "perhaps" } as const;

/** Asks until there is an answer, the budget is spent, or the caller aborts. */
export async function pursue<T>(
    question: Question<T>,
    means: Means,
    { signal, onProgress }: CallOptions,
    unsettledBefore: boolean,
): Promise<Ended<T>> {
    const began = performance.now();
    const spent: Spent = { tries: 0, ms: 0 };
    let unsettled = unsettledBefore;
    while (!signal?.aborted) {
        spent.tries += 1;
        onProgress?.({ kind: "asking", tries: spent.tries });
        const asked = await question.request();
        if (signal?.aborted) {
            break;
        }
        const raw = await exchange(means.fetch, asked, tryMs(means.budget, spent), signal);
        const answer: Answer<T> = typeof raw === "string" ? NO_ANSWER : question.read(raw);
        unsettled = isUnsettled(unsettled, answer);
        if (raw === "aborted") {
            break;
        }
        spent.ms = performance.now() - began;
        const again = answer.kind === "refused" ? undefined : answer.again;
        const waitMs = again && nextWaitMs(means.budget, spent, again.afterMs, means.random());
        if (again === undefined || waitMs === undefined) {
            return { unsettled, ...ended(answer) };
        }
        onProgress?.({ kind: "waiting", tries: spent.tries, waitMs, code: again.code });
        await pause(waitMs, signal);
        spent.ms = performance.now() - began;
    }
    return { unsettled, kind: "aborted" };
}

/** Whether some try may have been granted, after one more answer. */
function isUnsettled<T>(before: boolean, answer: Answer<T>): boolean {
    if (answer.kind === "told") {
        return false;
    }
    return before || (answer.kind === "later" && answer.granted === "perhaps");
}

function ended<T>(answer: Answer<T>) {
    switch (answer.kind) {
        case "told":
            return { kind: "told", told: answer.told } as const;
        case "refused":
            return answer;
        case "later":
            return { kind: "gave_up", again: answer.again } as const;
    }
}
