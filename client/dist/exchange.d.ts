import type { Raw } from "./answer.js";
/** Sends a request, as the platform's own `fetch` does. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
/** A request, but for the signal that ends it. */
export type Asked = {
    url: string;
    init: RequestInit;
};
/** One try: the whole answer; or `lost`, which says nothing of what the server did. */
export declare function exchange(fetch: Fetch, asked: Asked, withinMs: number, signal: AbortSignal | undefined): Promise<Raw | "lost" | "aborted">;
/** Waits, unless it is aborted. */
export declare function pause(ms: number, signal: AbortSignal | undefined): Promise<void>;
