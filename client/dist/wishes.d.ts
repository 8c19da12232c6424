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
export declare class Wishes {
    #private;
    constructor(store: KeyStore | undefined, prefix: string);
    /** The wish of an event. */
    find(eventId: string): Wish | undefined;
    /** Keeps a wish in place of the one before. */
    keep(eventId: string, wish: Wish): void;
    /** Forgets the wish of an event. */
    forget(eventId: string): void;
}
/** The page's `localStorage`, where there is one and the user lets it be used. */
export declare function pageStore(): KeyStore | undefined;
/** 128 random bits in hexadecimal. They need only differ from this user's other keys. */
export declare function newKey(random: () => number): string;
