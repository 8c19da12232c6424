import { LOST } from "./answer.js";
import { exchange, pause } from "./exchange.js";
import { nextWaitMs, tryMs } from "./plan.js";
const NO_ANSWER = { kind: "later", again: { code: LOST }, granted: "perhaps" };
/** Asks until there is an answer, the budget is spent, or the caller aborts. */
export async function pursue(question, means, { signal, onProgress }, unsettledBefore) {
    const began = performance.now();
    const spent = { tries: 0, ms: 0 };
    let unsettled = unsettledBefore;
    while (!signal?.aborted) {
        spent.tries += 1;
        onProgress?.({ kind: "asking", tries: spent.tries });
        const asked = await question.request();
        if (signal?.aborted) {
            break;
        }
        const raw = await exchange(means.fetch, asked, tryMs(means.budget, spent), signal);
        const answer = typeof raw === "string" ? NO_ANSWER : question.read(raw);
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
function isUnsettled(before, answer) {
    if (answer.kind === "told") {
        return false;
    }
    return before || (answer.kind === "later" && answer.granted === "perhaps");
}
function ended(answer) {
    switch (answer.kind) {
        case "told":
            return { kind: "told", told: answer.told };
        case "refused":
            return answer;
        case "later":
            return { kind: "gave_up", again: answer.again };
    }
}
