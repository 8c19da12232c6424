import { members, text } from "./members.js";

/** Where wishes outlive the page: `localStorage`, or anything like it. */
export type KeyStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** One wish for a unit, however often it is asked for. */
export type Wish = {
    /** Its Idempotency-Key. */
    key: string;
    /** Whether the truth was told, so that nothing can have been granted unseen. */
    settled: boolean;
    /** Coupons that were told here for this event. */
    told: string[];
};

/** The wishes of a device, one an event. */
export class Wishes {
    readonly #store: KeyStore | undefined;
    readonly #prefix: string;
    /** What the store refuses: it may be full, or forbidden. */
    readonly #memory = new Map<string, Wish>();

    constructor(store: KeyStore | undefined, prefix: string) {
        this.#store = store;
        this.#prefix = prefix;
    }

    /** The wish of an event. */
    find(eventId: string): Wish | undefined {
        return wish(this.#stored(eventId)) ?? this.#memory.get(eventId);
    }

    /** Keeps a wish in place of the one before. */
    keep(eventId: string, wish: Wish): void {
        this.#memory.set(eventId, wish);
        attempt(() => this.#store?.setItem(this.#prefix + eventId, JSON.stringify(wish)));
    }

    /** Forgets the wish of an event. */
    forget(eventId: string): void {
        this.#memory.delete(eventId);
        attempt(() => this.#store?.removeItem(this.#prefix + eventId));
    }

    #stored(eventId: string): string | null | undefined {
        return attempt(() => this.#store?.getItem(this.#prefix + eventId));
    }
}

/** The page's `localStorage`, where there is one and the user lets it be used. */
export function pageStore(): KeyStore | undefined {
    return attempt(() => globalThis.localStorage);
}

/** 128 random bits in hexadecimal. They need only differ from this user's other keys. */
export function newKey(random: () => number): string {
    const piece = () =>
        Math.floor(random() * 2 ** 32)
            .toString(16)
            .padStart(8, "0");
    return piece() + piece() + piece() + piece();
}

function wish(stored: string | null | undefined): Wish | undefined {
    const { key, settled, told } = members(stored ?? "");
    const kept = text(key);
    const ids: unknown[] = Array.isArray(told) ? told : [];
    const coupons = ids.map(text).filter((id) => id !== undefined);
    return kept === undefined ? undefined : { key: kept, settled: settled === true, told: coupons };
}

function attempt<T>(act: () => T): T | undefined {
    try {
        return act();
    } catch {
        return undefined;
    }
}
