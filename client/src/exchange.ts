import type { Raw } from "./answer.js";

/** Sends a request, as the platform's own `fetch` does. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A request, but for the signal that ends it. */
export type Asked = { url: string; init: RequestInit };

/** One try: the whole answer; or `lost`, which says nothing of what the server did. */
export async function exchange(
    fetch: Fetch,
    asked: Asked,
    withinMs: number,
    signal: AbortSignal | undefined,
): Promise<Raw | "lost" | "aborted"> {
    const ending = new AbortController();
    const end = () => ending.abort();
    const timer = setTimeout(end, withinMs);
    signal?.addEventListener("abort", end);
    const failed = () => (signal?.aborted ? "aborted" : "lost");
    const answer = await whole(fetch, asked, ending.signal).catch(failed);
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    return answer;
}

async function whole(fetch: Fetch, { url, init }: Asked, signal: AbortSignal): Promise<Raw> {
    const askedMs = Date.now();
    const response = await fetch(url, { ...init, signal });
    const body = await response.text();
    const { status, headers } = response;
    const retryAfter = headers.get("retry-after");
    return { status, retryAfter, date: headers.get("date"), body, askedMs, answeredMs: Date.now() };
}

/** Waits, unless it is aborted. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
        const end = () => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", end);
            resolve();
        };
        const timer = setTimeout(end, signal?.aborted ? 0 : ms);
        signal?.addEventListener("abort", end);
    });
}
