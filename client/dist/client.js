import { ofClaim, ofMine, ofStatus } from "./answer.js";
import { DEFAULT_BUDGET } from "./plan.js";
import { pursue } from "./pursue.js";
import { outcomeOf, said, wonInList } from "./settle.js";
import { newKey, pageStore, Wishes } from "./wishes.js";
const PLATFORM = (url, init) => globalThis.fetch(url, init);
/** For the one look at the list after a claim was asked in vain. */
const ONE_LOOK = { tries: 1 };
/** Claims coupons, and finds out what became of a claim. */
export class Firstcome {
    #options;
    #root;
    #means;
    #wishes;
    #running = new Map();
    /** Throws where `baseUrl` is no URL. */
    constructor(options) {
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
    claim(eventId, options = {}) {
        return this.#alone(eventId, () => this.#ask(eventId, this.#wish(eventId, options), options));
    }
    /** Whether a claim of the event may have been granted without anybody having been told. */
    isUnsettled(eventId) {
        return this.#wishes.find(eventId)?.settled === false;
    }
    /** Asks for the truth about an unsettled claim: with its key, and where that is in vain by a look
     * at the user's coupons. */
    resume(eventId, options = {}) {
        if (!this.isUnsettled(eventId)) {
            return Promise.resolve({ kind: "nothing_to_resume" });
        }
        return this.#alone(eventId, () => this.#askOrLook(eventId, options));
    }
    /** The user's coupons of an event. */
    async coupons(eventId, options = {}) {
        return this.#list(eventId, options, this.#means);
    }
    /** How an event stands: for a countdown, not for deciding whether to claim. */
    async standing(eventId, options = {}) {
        const request = () => this.#get(`status/${encodeURIComponent(eventId)}`);
        const question = { request, read: ofStatus.bind(null, eventId) };
        return said(await pursue(question, this.#means, options, false));
    }
    /** Forgets the key of an event's wish: the next claim is a new one. */
    forget(eventId) {
        this.#wishes.forget(eventId);
    }
    #alone(eventId, start) {
        const running = this.#running.get(eventId);
        if (running !== undefined) {
            return running;
        }
        const started = start().finally(() => this.#running.delete(eventId));
        this.#running.set(eventId, started);
        return started;
    }
    #wish(eventId, { another }) {
        const kept = this.#wishes.find(eventId);
        // An unsettled wish may have been granted: a second one beside it could be one too many.
        if (kept !== undefined && !(another && kept.settled)) {
            return kept;
        }
        return { key: newKey(this.#means.random), settled: true, told: kept?.told ?? [] };
    }
    async #ask(eventId, wish, options) {
        // Before the first try: the page may be gone before its answer comes.
        this.#wishes.keep(eventId, { ...wish, settled: false });
        const request = () => this.#post(eventId, wish.key);
        const question = { request, read: ofClaim.bind(null, eventId) };
        const ended = await pursue(question, this.#means, options, !wish.settled);
        const outcome = outcomeOf(ended);
        this.#settle(eventId, wish, outcome, !ended.unsettled);
        return outcome;
    }
    async #askOrLook(eventId, options) {
        const wish = this.#wish(eventId, {});
        const outcome = await this.#ask(eventId, wish, options);
        if (outcome.kind !== "unknown" || outcome.because !== "gave_up") {
            return outcome;
        }
        const once = { ...this.#means, budget: { ...this.#means.budget, ...ONE_LOOK } };
        const found = wonInList(await this.#list(eventId, { signal: options.signal }, once), wish.told);
        if (found === undefined) {
            return outcome;
        }
        this.#settle(eventId, wish, found, true);
        return found;
    }
    #settle(eventId, { key, told }, outcome, settled) {
        const won = outcome.kind === "won" ? [outcome.coupon.couponId] : [];
        this.#wishes.keep(eventId, { key, settled, told: [...new Set([...told, ...won])] });
    }
    async #list(eventId, options, means) {
        const { userId } = this.#options;
        const query = userId === undefined ? "" : `?user_id=${encodeURIComponent(userId)}`;
        const request = () => this.#get(`mine/${encodeURIComponent(eventId)}${query}`);
        const question = { request, read: ofMine.bind(null, eventId) };
        return said(await pursue(question, means, options, false));
    }
    async #post(eventId, key) {
        const body = JSON.stringify({ event_id: eventId, user_id: this.#options.userId });
        const headers = await this.#headers({
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        });
        return { url: `${this.#root}issue`, init: { method: "POST", headers, body } };
    }
    async #get(path) {
        return { url: this.#root + path, init: { headers: await this.#headers({}) } };
    }
    async #headers(own) {
        const { token } = this.#options;
        const headers = new Headers(own);
        const said = typeof token === "function" ? await token() : token;
        if (said !== undefined) {
            headers.set("Authorization", `Bearer ${said}`);
        }
        return headers;
    }
}
