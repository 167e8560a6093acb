/* Questions, their echoes, the list of what is done, and work under way. One module for the cards of lessons/widgets:
 * predict.py and long_work.py. The view is plain data.
 *
 *   view.mode "ask"       quiz, asks [{name, question, choices [[key, text]], chosen, note, verdict}]
 *   view.mode "echo"      echoes [{teller, said, truth, why, verdict: "same" | "other" | "open"}]
 *   view.mode "progress"  rows [[lesson, address, [[word, done, of]]]], note
 *   view.mode "work"      title, fraction, said, state: "running" | "done" | "cancelled" | "failed"
 */

const h = (tag, attrs = {}, ...kids) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attrs)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...kids.filter((kid) => kid !== null && kid !== undefined));
  return node;
};

// `code` between backquotes, as in the notebook's prose
const words = (text) => text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));

let serial = 0;

function ask(view, send) {
  return h("div", {}, ...view.asks.map((one) => {
    const name = `mq-question-${serial++}`, choose = (key) => send({ do: "choose", name: one.name, key });
    const rows = one.choices.map(([key, text]) =>
      h("label", { class: one.chosen === key ? "chosen" : "" },
        h("input", { type: "radio", name, value: `${one.name} ${key}`, checked: one.chosen === key, onchange: () => choose(key) }), h("span", {}, ...words(text))));
    const back = h("button", { type: "button", onclick: () => choose("") }, "take it back");
    return h("fieldset", { class: "mq" },
      h("legend", {}, view.quiz ? "Question" : "Your prediction"), h("p", {}, ...words(one.question)), ...rows,
      h("p", { class: `note ${one.verdict}`, role: "status", "aria-live": "polite" }, ...words(one.note), one.chosen && !view.quiz ? back : null));
  }));
}

function echo(view) {
  return h("div", {}, ...view.echoes.map((one) => {
    const answer = [
      h("dl", {}, h("dt", {}, "You said"), h("dd", {}, ...words(one.said)), h("dt", {}, `${one.teller[0].toUpperCase()}${one.teller.slice(1)} says`), h("dd", {}, h("b", {}, ...words(one.truth)))),
      h("p", { class: `note ${one.verdict}` }, ...words(one.why)),
    ];
    const folded = one.verdict === "open" ? [h("details", {}, h("summary", {}, `You left it open. Show me what ${one.teller} says`), ...answer)] : answer;
    return h("div", { class: "mq" }, ...folded);
  }));
}

function progress(view, send) {
  const bar = ([word, done, of]) => h("td", {}, of ? h("span", { class: done === of ? "full" : "" }, `${done === of ? "✓ " : ""}${done} of ${of}`) : "", of ? h("small", {}, ` ${word}`) : "");
  const rows = view.rows.map(([lesson, address, parts]) => h("tr", {},
    h("th", { scope: "row" }, address ? h("a", { href: address, target: "_blank" }, lesson) : lesson), ...parts.map(bar)));
  let sure = false;
  const forget = h("button", { type: "button", onclick: () => {
    if (sure) return send({ do: "reset" });
    sure = true;
    forget.textContent = "Really forget everything?";
  } }, "Start over");
  return h("div", { class: "mq" }, h("table", {}, h("tbody", {}, ...rows)), h("p", { class: "note", role: "status" }, view.note), forget);
}

// It is told five times a second, so it changes its card instead of drawing it anew: a click takes longer than that.
function work(view, send, el) {
  const going = view.state === "running", mark = { done: "right", failed: "wrong" }[view.state] ?? "";
  const card = el.querySelector(".work") ?? h("div", { class: "mq work" }, h("b", {}, view.title), h("progress", { max: 1, "aria-label": view.title }),
    h("button", { type: "button", title: "Stop; what was found so far is kept", onclick: () => send({ do: "cancel" }) }, "Cancel"),
    h("p", { class: "note said", role: "status" }));
  const [, bar, cancel, said] = card.children;
  bar.value = view.fraction;
  cancel.disabled = !going;
  said.className = `note said ${mark}`;
  if (said.textContent !== view.said) said.textContent = view.said;
  return card;
}

// Where no kernel answers: at once if nothing can be sent, else after five seconds.
const PATIENCE = 5000; // ms
const unheard = (el) => {
  const cell = el.closest(".jp-Cell")?.querySelector(".jp-InputPrompt")?.textContent.match(/\d+/)?.[0];
  return `No kernel answers: it is busy, or was restarted. Run the cells above and ${cell ? `cell [${cell}]` : "this one"} again to go on.`;
};

function render({ model, el }) {
  let waits = null;
  const lost = () => {
    clearTimeout(waits);
    const said = el.querySelector(".lost") ?? el.firstChild.appendChild(h("p", { class: "note lost", role: "status" }));
    said.textContent = unheard(el);
  };
  const send = (message) => {
    clearTimeout(waits);
    waits = setTimeout(lost, PATIENCE);
    try {
      model.send(message);
    } catch {
      lost();
    }
  };
  const draw = () => {
    clearTimeout(waits);
    const view = model.get("view");
    if (view.state === "running") waits = setTimeout(lost, PATIENCE); // it says something every second
    const inside = el.contains(document.activeElement) ? document.activeElement.value : null;
    el.classList.add("mini-qemu-questions");
    el.querySelector(".lost")?.remove();
    const card = { ask, echo, progress, work }[view.mode](view, send, el);
    if (card.parentNode !== el) el.replaceChildren(card);
    if (inside) el.querySelector(`input[value="${CSS.escape(inside)}"]`)?.focus({ preventScroll: true });
  };
  model.on("change:view", draw);
  draw();
  el.addEventListener("keydown", (e) => { if (e.key !== "Tab" && e.key !== "Escape") e.stopPropagation(); });
  return () => {
    clearTimeout(waits);
    model.off("change:view", draw);
  };
}

export default { render };
