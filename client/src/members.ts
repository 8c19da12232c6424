/** The members of the JSON object in a text; none where it is something else. */
export function members(body: string): Record<string, unknown> {
    try {
        return object(JSON.parse(body));
    } catch {
        return {};
    }
}

/** The members of a value; none where it is no object. */
export function object(value: unknown): Record<string, unknown> {
    return Object(value) === value ? (value as Record<string, unknown>) : {};
}

/** A text that is not empty. */
export function text(value: unknown): string | undefined {
    return typeof value === "string" && value !== "" ? value : undefined;
}

/** A count. */
export function number(value: unknown): number | undefined {
    return typeof value === "number" && value >= 0 ? value : undefined;
}

/** A moment, in a form that `Date` reads. */
export function time(value: unknown): Date | undefined {
    const date = new Date(text(value) ?? Number.NaN);
    return Number.isNaN(date.getTime()) ? undefined : date;
}

/** One of a few words. */
export function oneOf<W extends string>(words: readonly W[], value: unknown): W | undefined {
    return words.find((word) => word === value);
}
