/* SPDX-License-Identifier: GPL-2.0-or-later
 * Steps through the rows of a table that asked.py made. The table is there already, folded; this unfolds it and hides
 * what comes later. */
export default (root) => {
  const rows = [...root.querySelectorAll("tbody tr:not(.run)")];
  const make = (tag, attrs, ...kids) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attrs)) node.setAttribute(key, value);
    node.append(...kids);
    return node;
  };
  const say = make("p", { class: "say", role: "status" }), count = make("span", { class: "count" });
  let at = 0;
  const show = (i) => {
    at = Math.max(0, Math.min(rows.length, i));
    rows.forEach((row, k) => {
      row.classList.toggle("later", k >= at);
      row.classList.toggle("here", k === at - 1);
    });
    const row = at ? rows[at - 1] : null;
    say.textContent = row ? row.dataset.say ?? row.textContent : "What will each place hear? Guess, then step.";
    count.textContent = `${at} / ${rows.length}`;
  };
  const button = (name, mark, act) => {
    const node = make("button", { type: "button", title: name, "aria-label": name }, mark);
    node.addEventListener("click", act);
    return node;
  };
  const tools = make("div", { class: "tools" }, button("Back one row", "◀", () => show(at - 1)),
    button("Forward one row", "▶", () => show(at + 1)), button("Show all rows", "all", () => show(rows.length)), count);
  root.querySelector("em").remove();
  root.querySelector("details").replaceWith(say, tools, root.querySelector("table"));
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", root.querySelector("p").textContent);
  root.addEventListener("keydown", (e) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: rows.length }[e.key];
    if (to !== undefined) {
      e.preventDefault();
      show(to);
    }
    if (e.key !== "Tab" && e.key !== "Escape") e.stopPropagation();
  });
  show(0);
};
