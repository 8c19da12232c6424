// A question to an operator: what is to be done, why, and whether only to try it. The browser's own
// dialog keeps the focus inside, gives it back, and closes on Escape.

import { Problem } from "./api.js";
import { h, replace } from "./dom.js";

/** As the API bounds it. */
const MOST_WHY = 255;

/**
 * Asks. `title`, `verb` (the button's word), `intro`, `field` (another input, or null),
 * `act({ why, dryRun })` does it and returns what to say of a dry run, or null when it is done;
 * `explain(problem)` may return elements and has precedence over the problem's own words.
 */
export function ask({ title, verb, intro, field, act, explain }) {
    const why = h("input", {
        id: "why",
        name: "why",
        required: true,
        maxlength: MOST_WHY,
        autocomplete: "off",
    });
    const result = h("div", { class: "result", role: "status" });
    const dry = h("button", { type: "submit", value: "dry" }, "Dry run");
    const go = h("button", { type: "submit", value: "go", class: "primary" }, verb);
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = h(
        "form",
        { onsubmit: submit },
        h("h2", { id: "dialog-title" }, title),
        intro ? h("p", {}, intro) : null,
        field ?? null,
        h("label", { for: "why" }, "Why"),
        why,
        h("p", { class: "hint" }, "It stands in the audit trail, beside your name."),
        result,
        h("div", { class: "buttons" }, go, dry, cancel),
    );
    const dialog = h(
        "dialog",
        { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
        form,
    );

    async function submit(event) {
        event.preventDefault();
        const dryRun = event.submitter?.value === "dry";
        busy(true);
        try {
            const told = await act({ why: why.value.trim(), dryRun });
            if (told === null) return dialog.close();
            replace(result, told);
        } catch (problem) {
            if (!(problem instanceof Problem)) throw problem;
            replace(result, explain?.(problem) ?? h("p", { class: "bad" }, problem.message));
        } finally {
            busy(false);
        }
    }

    function busy(is) {
        for (const button of [go, dry]) button.disabled = is;
        form.setAttribute("aria-busy", String(is));
    }

    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("input") ?? why).focus();
    return dialog;
}
