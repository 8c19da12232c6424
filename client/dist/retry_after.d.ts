type Headers = {
    retryAfter: string | null;
    date: string | null;
    answeredMs: number;
};
/** How long the server wants to be left alone: `retry_after_ms` of its problem document, which it
 * drew for this client alone, or else Retry-After in seconds or as a date. */
export declare function askAgainAfterMs(raw: Headers, body: Record<string, unknown>): number | undefined;
export {};
