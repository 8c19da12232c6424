/** The members of the JSON object in a text; none where it is something else. */
export declare function members(body: string): Record<string, unknown>;
/** The members of a value; none where it is no object. */
export declare function object(value: unknown): Record<string, unknown>;
/** A text that is not empty. */
export declare function text(value: unknown): string | undefined;
/** A count. */
export declare function number(value: unknown): number | undefined;
/** A moment, in a form that `Date` reads. */
export declare function time(value: unknown): Date | undefined;
/** One of a few words. */
export declare function oneOf<W extends string>(words: readonly W[], value: unknown): W | undefined;
