import { ofClaim, ofMine, ofStatus } from "./answer.js";
import type { Asked, Fetch } from "./exchange.js";
import type { Listing, Outcome, Resumed, Standing } from "./outcome.js";
import { type Budget, DEFAULT_BUDGET } from "./plan.js";
import { type CallOptions, type Means, pursue } from "./pursue.js";
import { outcomeOf, said, wonInList } from "./settle.js";
import { type KeyStore, newKey, pageStore, type Wish, Wishes } from "./wishes.js";

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

const PLATFORM: Fetch = (url, init) => globalThis.fetch(url, init);

/** For the one look at the list after a claim was asked in vain. */
const ONE_LOOK = { tries: 1 };

/** Claims coupons, and finds out what became of a claim. */
export class Firstcome {
    readonly #options: ClientOptions;
    readonly #root: string;
    readonly #means: Means;
    readonly #wishes: Wishes;
    readonly #running = new Map<string, Promise<Outcome>>();

    /** Throws where `baseUrl` is no URL. */
    constructor(options: ClientOptions) {
        const { fetch = PLATFORM, random = Math.random } = options;
        this.#options = options;
        this.#root = new URL("api/v1/coupons/", `${options.baseUrl.replace(/\/+$/, "")}/`).href;
        this.#means = { fetch, random, budget: { ...DEFAULT_BUDGET, ...options.budget } };
        const prefix = options.storagePrefix ?? `firstcome:${options.userId ?? ""}:`;
        this.#wishes = new Wishes(options.storage ?? pageStore(), prefix);
    }

    /** Asks for a unit until there is an answer or the budget is spent. A wish keeps its key, also
     * over a reload, so that it is never granted twice. Whoever calls while a call for the same event
     * runs shares its outcome. */
    claim(eventId: string, options: ClaimOptions = {}): Promise<Outcome> {
        return this.#alone(eventId, () =>
            this.#ask(eventId, this.#wish(eventId, options), options),
        );
    }

    /** Whether a claim of the event may have been granted without anybody having been told. */
    isUnsettled(eventId: string): boolean {
        return this.#wishes.find(eventId)?.settled === false;
    }

    /** Asks for the truth about an unsettled claim: with its key, and where that is in vain by a look
     * at the user's coupons. */
    resume(eventId: string, options: CallOptions = {}): Promise<Resumed> {
        if (!this.isUnsettled(eventId)) {
            return Promise.resolve({ kind: "nothing_to_resume" });
        }
        return this.#alone(eventId, () => this.#askOrLook(eventId, options));
    }

    /** The user's coupons of an event. */
    async coupons(eventId: string, options: CallOptions = {}): Promise<Listing> {
        return this.#list(eventId, options, this.#means);
    }

    /** How an event stands: for a countdown, not for deciding whether to claim. */
    async standing(eventId: string, options: CallOptions = {}): Promise<Standing> {
        const request = () => this.#get(`status/${encodeURIComponent(eventId)}`);
        const question = { request, read: ofStatus.bind(null, eventId) };
        return said(await pursue(question, this.#means, options, false));
    }

    /** Forgets the key of an event's wish: the next claim is a new one. */
    forget(eventId: string): void {
        this.#wishes.forget(eventId);
    }

    #alone(eventId: string, start: () => Promise<Outcome>): Promise<Outcome> {
        const running = this.#running.get(eventId);
        if (running !== undefined) {
            return running;
        }
        const started = start().finally(() => this.#running.delete(eventId));
        this.#running.set(eventId, started);
        return started;
    }

    #wish(eventId: string, { another }: ClaimOptions): Wish {
        const kept = this.#wishes.find(eventId);
        // An unsettled wish may have been granted: a second one beside it could be one too many.
        if (kept !== undefined && !(another && kept.settled)) {
            return kept;
        }
        return { key: newKey(this.#means.random), settled: true, told: kept?.told ?? [] };
    }

    async #ask(eventId: string, wish: Wish, options: CallOptions): Promise<Outcome> {
        // Before the first try: the page may be gone before its answer comes.
        this.#wishes.keep(eventId, { ...wish, settled: false });
        const request = () => this.#post(eventId, wish.key);
        const question = { request, read: ofClaim.bind(null, eventId) };
        const ended = await pursue(question, this.#means, options, !wish.settled);
        const outcome = outcomeOf(ended);
        this.#settle(eventId, wish, outcome, !ended.unsettled);
        return outcome;
    }

    async #askOrLook(eventId: string, options: CallOptions): Promise<Outcome> {
        const wish = this.#wish(eventId, {});
        const outcome = await this.#ask(eventId, wish, options);
        if (outcome.kind !== "unknown" || outcome.because !== "gave_up") {
            return outcome;
        }
        const once = { ...this.#means, budget: { ...this.#means.budget, ...ONE_LOOK } };
        const found = wonInList(
            await this.#list(eventId, { signal: options.signal }, once),
            wish.told,
        );
        if (found === undefined) {
            return outcome;
        }
        this.#settle(eventId, wish, found, true);
        return found;
    }

    #settle(eventId: string, { key, told }: Wish, outcome: Outcome, settled: boolean): void {
        const won = outcome.kind === "won" ? [outcome.coupon.couponId] : [];
        this.#wishes.keep(eventId, { key, settled, told: [...new Set([...told, ...won])] });
    }

    async #list(eventId: string, options: CallOptions, means: Means): Promise<Listing> {
        const { userId } = this.#options;
        const query = userId === undefined ? "" : `?user_id=${encodeURIComponent(userId)}`;
        const request = () => this.#get(`mine/${encodeURIComponent(eventId)}${query}`);
        const question = { request, read: ofMine.bind(null, eventId) };
        return said(await pursue(question, means, options, false));
    }

    async #post(eventId: string, key: string): Promise<Asked> {
        const body = JSON.stringify({ event_id: eventId, user_id: this.#options.userId });
        const headers = await this.#headers({
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        });
        return { url: `${this.#root}issue`, init: { method: "POST", headers, body } };
    }

    async #get(path: string): Promise<Asked> {
        return { url: this.#root + path, init: { headers: await this.#headers({}) } };
    }

    async #headers(own: Record<string, string>): Promise<Headers> {
        const { token } = this.#options;
        const headers = new Headers(own);
        const said = typeof token === "function" ? await token() : token;
        if (said !== undefined) {
            headers.set("Authorization", `Bearer ${said}`);
        }
        return headers;
    }
}
