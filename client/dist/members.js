/** The members of the JSON object in a text; none where it is something else. */
export function members(body) {
    try {
        return object(JSON.parse(body));
    }
    catch {
        return {};
    }
}
/** The members of a value; none where it is no object. */
export function object(value) {
    return Object(value) === value ? value : {};
}
/** A text that is not empty. */
export function text(value) {
    return typeof value === "string" && value !== "" ? value : undefined;
}
/** A count. */
export function number(value) {
    return typeof value === "number" && value >= 0 ? value : undefined;
}
/** A moment, in a form that `Date` reads. */
export function time(value) {
    const date = new Date(text(value) ?? Number.NaN);
    return Number.isNaN(date.getTime()) ? undefined : date;
}
/** One of a few words. */
export function oneOf(words, value) {
    return words.find((word) => word === value);
}
