import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { type KeyStore, newKey, pageStore, Wishes } from "../src/wishes.js";
import { MemoryStore } from "./memory_store.js";

const WISH = { key: "k-1", settled: false, told: ["c-7"] };

test("a wish outlives the page", () => {
    const store = new MemoryStore();
    new Wishes(store, "p:").keep("spring", WISH);
    assert.deepEqual(new Wishes(store, "p:").find("spring"), WISH);
    assert.equal(new Wishes(store, "p:").find("autumn"), undefined);
    assert.equal(new Wishes(store, "q:").find("spring"), undefined);
});

test("a forgotten wish is gone", () => {
    const store = new MemoryStore();
    const wishes = new Wishes(store, "p:");
    wishes.keep("spring", WISH);
    wishes.forget("spring");
    assert.equal(wishes.find("spring"), undefined);
    assert.equal(store.size, 0);
});

test("what somebody else wrote there is no wish", () => {
    const store = new MemoryStore();
    for (const stored of ["", "{", "[]", "7", '{"key":""}', '{"settled":true}']) {
        store.setItem("p:spring", stored);
        assert.equal(new Wishes(store, "p:").find("spring"), undefined, stored);
    }
    store.setItem("p:spring", '{"key":"k","settled":"no","told":[7,"c-7"]}');
    const read = new Wishes(store, "p:").find("spring");
    assert.deepEqual(read, { key: "k", settled: false, told: ["c-7"] });
    store.setItem("p:spring", '{"key":"k","settled":true}');
    assert.deepEqual(new Wishes(store, "p:").find("spring"), { key: "k", settled: true, told: [] });
});

test("a store that is full or forbidden leaves the page's own memory", () => {
    const refuse = () => {
        throw new Error("the quota is exceeded");
    };
    const store: KeyStore = { getItem: refuse, setItem: refuse, removeItem: refuse };
    for (const wishes of [new Wishes(store, "p:"), new Wishes(undefined, "p:")]) {
        wishes.keep("spring", WISH);
        assert.deepEqual(wishes.find("spring"), WISH);
        wishes.forget("spring");
        assert.equal(wishes.find("spring"), undefined);
    }
});

test("keys are 128 bits, and no two are the same", () => {
    const keys = new Set(Array.from({ length: 1_000 }, () => newKey(Math.random)));
    assert.equal(keys.size, 1_000);
    for (const key of keys) {
        assert.match(key, /^[0-9a-f]{32}$/);
    }
    assert.equal(
        newKey(() => 0),
        "0".repeat(32),
    );
});

const had = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
afterEach(() => {
    Reflect.deleteProperty(globalThis, "localStorage");
    if (had !== undefined) {
        Object.defineProperty(globalThis, "localStorage", had);
    }
});

test("the page's store is used where there is one and the user lets it be", () => {
    const page = (get: () => unknown) =>
        Object.defineProperty(globalThis, "localStorage", { configurable: true, get });
    const store = new MemoryStore();
    page(() => store);
    assert.equal(pageStore(), store);
    page(() => undefined);
    assert.equal(pageStore(), undefined);
    page(() => {
        throw new Error("cookies and site data are blocked");
    });
    assert.equal(pageStore(), undefined);
});
