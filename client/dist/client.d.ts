import type { Fetch } from "./exchange.js";
import type { Listing, Outcome, Resumed, Standing } from "./outcome.js";
import { type Budget } from "./plan.js";
import { type CallOptions } from "./pursue.js";
import { type KeyStore } from "./wishes.js";
/** Who asks, and where. */
export type ClientOptions = {
    /** Where Firstcome is, such as `https://coupons.example.org`. */
    baseUrl: string;
    /** The user's token, sent as `Authorization: Bearer`; a function is asked before each try. */
    token?: string | (() => string | Promise<string>);
    /** The user, for a server in the open mode. */
    userId?: string;
    /** Where wishes outlive the page. Default: `localStorage` where there is one, else memory. */
    storage?: KeyStore;
    /** What the names of kept wishes begin with: another one for each user of a device. Default:
     * `firstcome:`, the user where `userId` says it, and a colon. */
    storagePrefix?: string;
    /** How long and how often a call asks; what is absent is as in `DEFAULT_BUDGET`. */
    budget?: Partial<Budget>;
    /** In place of the platform's own. */
    fetch?: Fetch;
    /** In place of `Math.random`. */
    random?: () => number;
};
/** What a claim may be given. */
export type ClaimOptions = CallOptions & {
    /** A wish for one more, once the one before is settled: for events that grant a user several. */
    another?: boolean;
};
/** Claims coupons, and finds out what became of a claim. */
export declare class Firstcome {
    #private;
    /** Throws where `baseUrl` is no URL. */
    constructor(options: ClientOptions);
    /** Asks for a unit until there is an answer or the budget is spent. A wish keeps its key, also
     * over a reload, so that it is never granted twice. Whoever calls while a call for the same event
     * runs shares its outcome. */
    claim(eventId: string, options?: ClaimOptions): Promise<Outcome>;
    /** Whether a claim of the event may have been granted without anybody having been told. */
    isUnsettled(eventId: string): boolean;
    /** Asks for the truth about an unsettled claim: with its key, and where that is in vain by a look
     * at the user's coupons. */
    resume(eventId: string, options?: CallOptions): Promise<Resumed>;
    /** The user's coupons of an event. */
    coupons(eventId: string, options?: CallOptions): Promise<Listing>;
    /** How an event stands: for a countdown, not for deciding whether to claim. */
    standing(eventId: string, options?: CallOptions): Promise<Standing>;
    /** Forgets the key of an event's wish: the next claim is a new one. */
    forget(eventId: string): void;
}
