// From two looks at counters to what happened in between. Pure.

/** What answers to claims come to, in the order in which they are shown. */
export const GROUPS = ["told", "sold out", "come again", "other"];

const GROUP_OF = {
    issued: "told",
    already_issued: "told",
    sold_out: "sold out",
    busy: "come again",
    fenced: "come again",
    unconfirmed: "come again",
    unavailable: "come again",
    directory_stale: "come again",
    not_ready: "come again",
    paused: "come again",
    too_many_requests: "come again",
};

/** Answers per second, by group and in all; null where no edge was seen twice. */
export function answers(before, now) {
    const seconds = between(before, now);
    const both = pairs(before, now);
    if (!seconds || both.length === 0) return null;
    const rates = Object.fromEntries(GROUPS.map((group) => [group, 0]));
    let issued = 0;
    for (const { was, is } of both) {
        for (const [code, count] of Object.entries(is.claims)) {
            const more = grown(was.claims[code] ?? 0, count) / seconds;
            rates[GROUP_OF[code] ?? "other"] += more;
            if (code === "issued") issued += more;
        }
    }
    const all = GROUPS.reduce((sum, group) => sum + rates[group], 0);
    return { ...rates, all, issued };
}

/** The time that such a part of the claims took at most, in seconds; null where there was none. */
export function quantile(before, now, part) {
    const counts = new Map();
    for (const { was, is } of pairs(before, now)) {
        const known = new Map(was.took.map((bucket) => [bucket.within_s, bucket.count]));
        for (const { within_s: within, count } of is.took) {
            counts.set(within, (counts.get(within) ?? 0) + grown(known.get(within) ?? 0, count));
        }
    }
    const all = counts.get(null) ?? 0;
    if (all === 0) return null;
    const bounds = [...counts].filter(([within]) => within !== null).sort(([a], [b]) => a - b);
    let [low, below] = [0, 0];
    for (const [within, upTo] of bounds) {
        if (upTo >= part * all) {
            const share = upTo === below ? 1 : (part * all - below) / (upTo - below);
            return low + (within - low) * share;
        }
        [low, below] = [within, upTo];
    }
    return low;
}

function between(before, now) {
    return before ? Math.max(0, now.at_ms - before.at_ms) / 1000 : 0;
}

/** The edges that answered both times. */
function pairs(before, now) {
    const known = new Map(before?.edges.map((edge) => [edge.address, edge]) ?? []);
    return now.edges
        .map((is) => ({ was: known.get(is.address), is }))
        .filter(({ was, is }) => was && !was.trouble && !is.trouble);
}

/** A counter that is lower than it was began again. */
function grown(was, is) {
    return is >= was ? is - was : is;
}
