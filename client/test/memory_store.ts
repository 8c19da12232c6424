import type { KeyStore } from "../src/wishes.js";

/** In `localStorage`'s place: outlives a client as that outlives a page. */
export class MemoryStore implements KeyStore {
    readonly #items = new Map<string, string>();

    get size(): number {
        return this.#items.size;
    }

    getItem(name: string): string | null {
        return this.#items.get(name) ?? null;
    }

    setItem(name: string, value: string): void {
        this.#items.set(name, value);
    }

    removeItem(name: string): void {
        this.#items.delete(name);
    }
}
