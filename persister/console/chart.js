// Lines over the last minutes, with their numbers: told apart by stroke and by name, not by colour alone.

import { h, say, svg } from "./dom.js";
import { span } from "./format.js";

/** How far back lines go: the shortest that holds what was seen, and then the last. */
const WINDOWS_MS = [30_000, 60_000, 180_000];
const WIDTH = 600;
const HEIGHT = 150;
const TOP = 14;

/** A chart of some lines; `format` says their numbers. */
export function chart(title, lines, format) {
    const points = [];
    const drawn = lines.map((line, index) =>
        svg("path", { class: `line line-${index}`, fill: "none" }),
    );
    const image = svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" },
        svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: TOP, y2: TOP }),
        svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }),
        drawn,
    );
    const scale = h("p", { class: "scale", "aria-hidden": "true" });
    const numbers = lines.map(() => h("dd", {}));
    const legend = lines.map((line, index) => key(line, index, numbers[index]));
    const begin = h("span", {});
    const ends = h("p", { class: "ends", "aria-hidden": "true" }, begin, h("span", {}, "now"));
    const element = h(
        "figure",
        { class: "chart" },
        h("figcaption", {}, title),
        h("div", { class: "plot" }, scale, image, ends),
        h("dl", { class: "legend" }, legend),
    );

    /** Adds what was seen at a moment: a value a line, null where it is not known. */
    function add(atMs, values) {
        points.push({ atMs, values });
        while (points[0].atMs < atMs - WINDOWS_MS.at(-1)) points.shift();
        const back = reach(atMs - points[0].atMs);
        const top = ceiling(
            Math.max(0, ...points.flatMap((point) => point.values.map((v) => v ?? 0))),
        );
        drawn.forEach((path, index) =>
            path.setAttribute("d", trace(points, index, atMs, back, top)),
        );
        numbers.forEach((number, index) => say(number, format(values[index])));
        say(scale, format(top));
        say(begin, `${span(back)} ago`);
        const told = lines.map((line, index) => `${line} ${format(values[index])}`).join(", ");
        image.setAttribute(
            "aria-label",
            `${title}, last ${span(back)}: ${told} now; the scale ends at ${format(top)}`,
        );
    }

    /** Another event: what was drawn is not its. */
    function clear() {
        points.length = 0;
        drawn.forEach((path) => path.setAttribute("d", ""));
    }

    return { element, add, clear };
}

function key(line, index, number) {
    const sample = svg(
        "svg",
        { viewBox: "0 0 24 8", class: "sample", "aria-hidden": "true" },
        svg("path", { d: "M0 4H24", class: `line line-${index}` }),
    );
    return h("div", {}, h("dt", {}, sample, line), number);
}

/** The shortest window that holds so much. */
export function reach(ms) {
    return WINDOWS_MS.find((most) => ms <= most) ?? WINDOWS_MS.at(-1);
}

/** A round number at or above the highest, so that lines do not jump with each look. */
export function ceiling(most) {
    if (most <= 0) return 1;
    const unit = 10 ** Math.floor(Math.log10(most));
    return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= most);
}

/** A line's path; a value that is not known breaks it. */
export function trace(points, index, nowMs, back, top) {
    let [path, pen] = ["", "M"];
    for (const { atMs, values } of points) {
        const value = values[index];
        if (value === null || value === undefined) {
            pen = "M";
            continue;
        }
        const x = WIDTH - ((nowMs - atMs) / back) * WIDTH;
        const y = HEIGHT - 1 - (value / top) * (HEIGHT - 1 - TOP);
        path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
        pen = "L";
    }
    return path;
}
