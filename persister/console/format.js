// Numbers and times, as people read them.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

/** What stands where nothing is known. */
export const UNKNOWN = "–";

export const count = (value) => (known(value) ? whole.format(value) : UNKNOWN);

/** For axes and where room is scarce. */
export const compact = (value) => (known(value) ? short.format(value) : UNKNOWN);

export function milliseconds(seconds) {
    if (!known(seconds)) return UNKNOWN;
    const ms = seconds * 1000;
    return `${ms < 10 ? fine.format(ms) : whole.format(ms)} ms`;
}

/** A span of time in one unit. */
export function span(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
}

/** A time of the API, in this browser's zone. */
export function time(text) {
    if (!text) return UNKNOWN;
    return new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

/** `already_issued` is a word for programs. */
export const words = (word) => String(word).replaceAll("_", " ");

function known(value) {
    return typeof value === "number" && Number.isFinite(value);
}
