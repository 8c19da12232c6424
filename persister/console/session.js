// Who is signed in. The token lives as long as this tab, and goes nowhere but into a header.

const KEY = "firstcome.token";
let caller = null;

export const token = () => sessionStorage.getItem(KEY);

/** Keeps a token and whose it is. */
export function signIn(text, me) {
    sessionStorage.setItem(KEY, text);
    caller = me;
}

export function signOut() {
    sessionStorage.removeItem(KEY);
    caller = null;
}

/** `{name, role}`, or null. */
export const me = () => caller;

export const isOperator = () => caller?.role === "operator";
