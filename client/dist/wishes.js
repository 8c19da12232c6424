import { members, text } from "./members.js";
/** The wishes of a device, one an event. */
export class Wishes {
    #store;
    #prefix;
    /** What the store refuses: it may be full, or forbidden. */
    #memory = new Map();
    constructor(store, prefix) {
        this.#store = store;
        this.#prefix = prefix;
    }
    /** The wish of an event. */
    find(eventId) {
        return wish(this.#stored(eventId)) ?? this.#memory.get(eventId);
    }
    /** Keeps a wish in place of the one before. */
    keep(eventId, wish) {
        this.#memory.set(eventId, wish);
        attempt(() => this.#store?.setItem(this.#prefix + eventId, JSON.stringify(wish)));
    }
    /** Forgets the wish of an event. */
    forget(eventId) {
        this.#memory.delete(eventId);
        attempt(() => this.#store?.removeItem(this.#prefix + eventId));
    }
    #stored(eventId) {
        return attempt(() => this.#store?.getItem(this.#prefix + eventId));
    }
}
/** The page's `localStorage`, where there is one and the user lets it be used. */
export function pageStore() {
    return attempt(() => globalThis.localStorage);
}
/** 128 random bits in hexadecimal. They need only differ from this user's other keys. */
export function newKey(random) {
    const piece = () => Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return piece() + piece() + piece() + piece();
}
function wish(stored) {
    const { key, settled, told } = members(stored ?? "");
    const kept = text(key);
    const ids = Array.isArray(told) ? told : [];
    const coupons = ids.map(text).filter((id) => id !== undefined);
    return kept === undefined ? undefined : { key: kept, settled: settled === true, told: coupons };
}
function attempt(act) {
    try {
        return act();
    }
    catch {
        return undefined;
    }
}
