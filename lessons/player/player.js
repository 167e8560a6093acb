/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The player: draws one run of a scenario and lets you walk through it.
 *
 * No imports, two hosts. Live, anywidget calls render() and the kernel answers. At rest, at_rest.py puts this text into
 * a script that calls mount(). All comes from one JSON view (see player.py): stepping never asks the kernel.
 *
 *   mount(root, view, ask)         view.mode: "player" | "race" | "scheduler"; ask(message, lost) sends to the kernel
 *   player(root, trace, options)   the run itself: moves all parts with show(step)
 *
 * Each part is a function of the run that returns { node, show(step), settle() }: show() writes; settle() comes when
 * all have written and may measure: a step costs one layout. A run is the trace with every moment made whole
 * (readRun). No part knows another; only the player knows them all.
 */

// ---- elements

const SVG = "http://www.w3.org/2000/svg";
const put = (node, attrs, kids) => {
  for (const [key, value] of Object.entries(attrs)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(key, value === true ? "" : value);
    }
  }
  node.append(...kids.filter((kid) => kid !== null && kid !== undefined));
  return node;
};
const h = (tag, attrs = {}, ...kids) => put(document.createElement(tag), attrs, kids);
const s = (tag, attrs = {}, ...kids) => put(document.createElementNS(SVG, tag), attrs, kids);
const FOLDED = 8; // a prologue of at least so many steps is folded, as in events.py
const button = (name, attrs, ...kids) => h("button", { type: "button", class: name, ...attrs }, ...kids);
const heading = (text) => h("div", { class: "title", role: "heading", "aria-level": 3 }, text);
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const write = (node, text) => {
  if (node.textContent !== text) node.textContent = text; // an equal text would be painted, and spoken, again
};

// ---- shapes

const ICONS = {
  first: "M3 3h2v10H3zM13 3v10L6 8z",
  prev: "M11 3v10L4 8z",
  next: "M5 3v10l7-5z",
  last: "M11 3h2v10h-2zM3 3v10l7-5z",
  back: "M8 3v10L2 8zM14 3v10L8 8z",
  ahead: "M2 3v10l6-5zM8 3v10l6-5z",
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  lock: "M4.5 7V5a3.5 3.5 0 0 1 7 0v2H13v7H3V7zm1.8 0h3.4V5a1.7 1.7 0 0 0-3.4 0z",
};
const icon = (name) =>
  s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", class: "icon" }, s("path", { d: ICONS[name] }));

// What a step did, as a shape centred on 0,0.
const CIRCLE = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z";
const SQUARE = "M-4.5-4.5h9v9h-9z";
const UP = "M0-5.5l5.5 9.5h-11z";
const DOWN = "M0 5.5l5.5-9.5h-11z";
const BAR = "M-6-1.7h12v3.4h-12z";
const PLUS = "M-1.6-5.5h3.2v3.9h3.9v3.2h-3.9v3.9h-3.2v-3.9h-3.9v-3.2h3.9z";
const TIE = "M-5-5h3.4v3.2h3.2v-3.2h3.4v10h-3.4v-3.2h-3.2v3.2h-3.4z";
const CROSS = "M-4-4l8 8M4-4l-8 8";
const MARKS = {
  read: ["reads", CIRCLE, 0],
  write: ["writes", CIRCLE, 1],
  cas: ["compares and exchanges", "M0-6l6 6-6 6-6-6z", 1],
  lock: ["locks", SQUARE, 1],
  unlock: ["unlocks", SQUARE, 0],
  post: ["posts", UP, 1],
  wait: ["waits and goes on", DOWN, 0],
  until: ["waits and goes on", DOWN, 0],
  send: ["sends", "M-5-5l10 5-10 5z", 1],
  recv: ["receives", "M5-5l-10 5 10 5z", 0],
  close: ["closes", BAR, 1],
  shutdown: ["shuts down", BAR, 0],
  spawn: ["starts a thread", PLUS, 1],
  join: ["joins", TIE, 0],
  free: ["frees", "M-5.5-5.5h11l-5.5 11z", 1],
};
const markOf = (step) => MARKS[step.op] ?? MARKS.write;

// Python, coloured lightly; a docstring is closed and reopened at each line end.
const STRINGS = String.raw`"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`;
const KEYWORDS =
  "and|as|assert|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|import|in|is|lambda|" +
  "None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield";
const TOKEN = new RegExp(`(${STRINGS})|(#.*)|\\b(${KEYWORDS})\\b|->`, "g");
const paint = (lines) => {
  const rows = [[]];
  const add = (text, kind) =>
    text.split("\n").forEach((part, i) => {
      if (i) rows.push([]);
      if (part) rows[rows.length - 1].push(kind ? h("span", { class: kind }, part) : part);
    });
  const text = lines.join("\n");
  let end = 0;
  for (const m of text.matchAll(TOKEN)) {
    add(text.slice(end, m.index));
    add(m[0], m[1] ? "tok-s" : m[2] ? "tok-c" : "tok-k");
    end = m.index + m[0].length;
  }
  add(text.slice(end));
  return rows;
};

// ---- the run

const MERGED = ["where", "status", "state", "hand", "things", "points"]; // a step gives only the entries it changed
const WHOLE = ["blocked", "locks"]; // or the whole table

// A step says only what it changed; moment [i] is the whole world after step i.
const expand = (trace) => {
  const moments = [trace.initial];
  for (const step of trace.steps) {
    const before = moments[moments.length - 1], moment = {};
    for (const key of MERGED) moment[key] = step[key] ? { ...before[key], ...step[key] } : (before[key] ?? {});
    for (const key of WHOLE) moment[key] = step[key] ?? before[key];
    moments.push(moment);
  }
  return moments;
};

// Who held which lock from when to when; `row` keeps locks that one thread holds at the same time apart.
const lockBars = (moments) => {
  const bars = [], last = moments.length;
  moments.forEach(({ locks }, i) => {
    for (const bar of bars) if (bar.to === null && locks[bar.lock] !== bar.holder) bar.to = i;
    for (const [lock, holder] of Object.entries(locks)) {
      const known = bars.some((bar) => bar.lock === lock && bar.to === null);
      if (!known) bars.push({ lock, holder, from: i, to: null, row: 0 });
    }
  });
  bars.forEach((bar, k) => {
    const beside = bars.slice(0, k).filter((b) => b.holder === bar.holder && (b.to ?? last) > bar.from);
    const taken = new Set(beside.map((b) => b.row));
    while (taken.has(bar.row)) bar.row++;
  });
  return bars;
};

// The two threads worth showing in full at each step: who moves, and whom it meets.
const duels = ({ threads, steps, finding }) => {
  const order = (...pair) => [...new Set(pair)].filter(Boolean).sort((a, b) => threads.indexOf(a) - threads.indexOf(b));
  const movers = [...new Set(steps.map((step) => step.thread))];
  let pair = movers.length ? movers.slice(0, 2) : threads.slice(0, 2);
  const pairs = steps.map((step, i) => {
    const other = step.with ?? null;
    if (other && other !== step.thread && threads.includes(other)) pair = [step.thread, other];
    else if (!pair.includes(step.thread)) pair = [step.thread, i ? steps[i - 1].thread : null];
    return order(...pair);
  });
  const end = pairs.at(-1);
  if (end && finding?.thread && !end.includes(finding.thread)) pairs[pairs.length - 1] = order(finding.thread, end[0]);
  return [pairs[0] ?? order(...pair), ...pairs];
};

const readRun = (trace) => {
  const { threads, finding } = trace, moments = expand(trace), n = trace.steps.length;
  const culprit = finding?.kind === "deadlock" ? "" : finding?.thread; // a deadlock is in no thread
  const steps = trace.steps.map((step, i) => ({ ...step, at: step.at ?? moments[i].where[step.thread] }));
  const wrote = (step) => step.writes ?? step.changed ?? [];
  return {
    ...trace,
    n,
    steps,
    wrote,
    moments,
    culprit,
    ending: finding && finding.kind + (culprit ? ` in ${culprit}` : ""),
    opens: clamp(trace.opens ?? 0, 0, n),
    chain: trace.chain ?? [],
    rules: (trace.invariants ?? []).filter((rule) => rule.broken).sort((a, b) => a.broken - b.broken),
    events: [0, ...steps.flatMap((step, i) => (step.event || i + 1 === n ? [i + 1] : []))],
    duels: duels(trace),
    colour: (thread) => `--c:var(--t${threads.indexOf(thread) % 4})`,
    // the last step up to `until` that wrote a watched value, 0 if there is none
    writer: (label, until) => {
      for (let i = until; i > 0; i--) if (wrote(steps[i - 1]).includes(label)) return i;
      return 0;
    },
  };
};

const waitsForLock = (moment, thread, lock) =>
  moment.status[thread] === "blocked" && (moment.blocked[thread] ?? "").startsWith(`waits for ${lock}, held by`);
const STATUS = { unborn: "not started yet", done: "finished", crashed: "crashed here", ready: "can run" };

// ---- motion: what carries meaning, and only where it is wanted

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const SPAN = 220; // ms
const fly = (stage, from, to, text, colour) => {
  if (still() || !from?.isConnected || !to?.isConnected) return;
  const base = stage.getBoundingClientRect(), a = from.getBoundingClientRect(), b = to.getBoundingClientRect();
  if (!a.width || !b.width) return;
  const at = (r) => `translate(${r.left + r.width / 2 - base.left}px, ${r.top + r.height / 2 - base.top}px)`;
  const body = h("span", { class: "flyer", "aria-hidden": "true", style: colour }, h("span", {}, text));
  stage.append(body);
  const moved = body.animate([{ transform: at(a) }, { transform: at(b) }], { duration: SPAN, easing: "ease-in-out" });
  moved.onfinish = moved.oncancel = () => body.remove();
};

// ---- the causal chain, as a strip to click

const chainOf = (run, jump) => {
  const beats = run.chain.map((beat) => {
    const place = Math.min(beat.step, run.n), ending = place === run.n;
    const node = button(ending ? "beat end" : "beat", { style: run.colour(beat.thread),
        "data-key": `beat ${place}`, title: beat.more ?? beat.text, onclick: () => jump(place) },
      h("b", {}, String(place)),
      h("span", {}, beat.text),
    );
    return { node, place };
  });
  const node = beats.length
    ? h("ol", { class: "chain", "aria-label": "Why it fails" }, ...beats.map((beat) => h("li", {}, beat.node)))
    : null;
  const show = (at) =>
    beats.forEach((beat, k) => {
      beat.node.classList.toggle("past", at >= beat.place);
      beat.node.classList.toggle("here", at === beat.place);
      beat.node.style.setProperty("--late", `${at === run.n ? (beats.length - 1 - k) * 160 : 0}ms`);
      if (at === beat.place) beat.node.setAttribute("aria-current", "step");
      else beat.node.removeAttribute("aria-current");
    });
  return { node, show };
};

// ---- the sentence of the step, and what went wrong at the end

const sayingOf = (run, options, returnTo) => {
  const { steps, n, finding } = run;
  const say = h("p", { class: "say", role: "status", "aria-live": "polite" });
  const back = button("return", { hidden: true, onclick: returnTo });
  const banner = h("p", { class: "banner", hidden: true });
  if (finding) banner.append(h("b", {}, finding.kind), h("span", {}, finding.message));
  const start = options.start ?? (n ? "Nothing has run yet. Step, or press play." : "Nothing has run yet.");
  const quiet = (on) => say.setAttribute("aria-live", on ? "off" : "polite");
  const show = (at, origin) => {
    const step = at ? steps[at - 1] : null;
    const over = Boolean(finding) && at === n && !options.live; // then the finding stands where the sentence was
    write(say, over && step ? `${step.text}. ${finding.kind}: ${finding.message}` : step ? step.text : start);
    say.setAttribute("style", step ? run.colour(step.thread) : "");
    say.classList.toggle("heard", over);
    banner.hidden = !over;
    banner.title = step ? `After: ${step.text}` : "";
    back.hidden = origin === null || origin === at;
    if (!back.hidden) write(back, `back to step ${origin}`);
  };
  return { node: h("div", { class: "saying" }, say, back, banner), show, quiet };
};

// ---- lanes: a row per thread, a column per step

const LEGEND = [
  ["bars", "holds a lock", "rect", { class: "solid soft", x: -8, y: -4, width: 16, height: 8, rx: 2 }],
  ["blocked", "blocked", "path", { class: "hatch", d: "M-8 4l8-8M-3 4l8-8M2 4l6-6" }],
  ["woke", "lets another go on", "path", { class: "hatch", d: "M-3-7C-3 0 3-2 3 5M0 2l3 4 3-4" }],
  ["done", "finished", "path", { class: "hatch", d: "M-8 0h10M2-5v10" }],
  ["chain", "why it fails", "circle", { class: "ring", r: 6 }],
  ["rules", "a rule breaks", "path", { class: "flag", d: "M-3 7v-14l10 4-9 4.5" }],
];
const legendOf = (run) => {
  const kinds = new Map(run.steps.map(markOf).map((kind) => [kind[0], kind]));
  const has = new Set(run.moments.flatMap((moment) => Object.values(moment.status)));
  for (const part of ["chain", "rules"]) if (run[part].length) has.add(part);
  if (run.moments.some((moment) => Object.keys(moment.locks).length)) has.add("bars");
  if (run.steps.some((step) => (step.woke ?? []).length)) has.add("woke");
  const key = (text, shape) => h("span", {}, s("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, shape), text);
  return h("details", { class: "legend" }, h("summary", {}, "Key to the marks"),
    ...[...kinds.values()].map(([name, d, solid]) => key(name, s("path", { d, class: solid ? "solid" : "hollow" }))),
    ...LEGEND.filter(([part]) => has.has(part)).map(([, name, tag, attrs]) => key(name, s(tag, attrs))));
};

// Where step i stands: a folded prologue is squeezed into a strip at the left, the rest has the room.
const scaleOf = (width, n, fold, own = n) => {
  const strip = fold ? clamp(width * 0.17, 96, 190) : 0, dx = clamp((width - strip - 16) / (n - fold + 2), 15, 96);
  const x = (i) => (i < fold ? 8 + ((strip - 24) * i) / fold : strip + dx / 2 + 4 + (i - fold) * dx);
  const nearest = (px) => {
    let best = 0;
    for (let i = 1; i <= own; i++) if (Math.abs(x(i) - px) < Math.abs(x(best) - px)) best = i;
    return best;
  };
  const end = x(own) + 0.8 * Math.min(dx, 40), wide = Math.max(width, x(n) + 1.2 * dx + 8);
  return { x, dx, fold, strip, nearest, end, wide };
};

// The heights of the lanes: a row of marks for each thread, below it its locks; compact, to compare with.
const groundOf = (run, { compact = false, fresh = null } = {}) => {
  const bars = lockBars(run.moments), [band, mark] = compact ? [0, 16] : [25, 23], row = 12, tops = [];
  let height = band + 3;
  for (const thread of run.threads) {
    const rows = compact ? 0 : Math.max(0, ...bars.filter((bar) => bar.holder === thread).map((bar) => bar.row + 1));
    tops.push(height);
    height += mark + rows * row + (rows ? 2 : 0) + (compact ? 1 : 2);
  }
  const middle = (thread) => tops[run.threads.indexOf(thread)] + mark / 2;
  const uid = `mqp${Math.random().toString(36).slice(2, 10)}`; // the page may hold other copies of this module
  return { bars, band, mark, row, tops, height, middle, uid, compact, fresh };
};

const drawRails = ({ threads, moments, n }, { tops, middle, uid, fresh }, { x, end, wide }) => {
  const out = [];
  const stretch = (thread, from, to) => {
    const { status, blocked } = moments[from], is = status[thread], y = middle(thread), left = x(from);
    const right = to < n ? x(to + 1) : end;
    if (is === "ready" || is === "unborn") {
      out.push(s("path", { class: is === "ready" ? "idle" : "unborn", d: `M${left} ${y}H${right}` }));
    }
    if (is === "done" && from > 0) out.push(s("path", { class: "cap", d: `M${left + 9} ${y - 6}v12M${left} ${y}h9` }));
    if (is !== "blocked") return;
    const marked = fresh?.thread === thread && fresh.step === from;
    const size = { x: left, y: y - 4, width: right - left, height: 8, rx: 2, fill: `url(#${uid}h)` };
    out.push(s("rect", { class: marked ? "wait fresh" : "wait", ...size },
      s("title", {}, `${thread} ${blocked[thread] ?? "is blocked"}`)));
  };
  threads.forEach((thread, k) => {
    if (k) out.push(s("path", { class: "sep", d: `M0 ${tops[k] - 1}H${wide}` }));
    const same = (a, b) => a.status[thread] === b.status[thread]
      && (a.status[thread] !== "blocked" || a.blocked[thread] === b.blocked[thread]);
    for (let i = 0, from = 0; i <= n; i++) {
      if (i < n && same(moments[i], moments[i + 1])) continue;
      stretch(thread, from, i);
      from = i + 1;
    }
  });
  return out;
};

const drawLocks = (run, { bars, tops, mark, row, compact, fresh, middle }, { x, end, fold, strip, wide }) => {
  const { threads, n, colour } = run, shapes = [], texts = [];
  if (fresh) {
    const place = { class: "fresh", x: x(fresh.step), y: middle(fresh.thread) - 9 };
    texts.push(s("text", place, `here ${fresh.thread} now waits`));
  }
  for (const bar of compact ? [] : bars) {
    const k = threads.indexOf(bar.holder), last = bar.to ?? n;
    if (k < 0) continue;
    const left = x(bar.from) - 5, right = bar.to === null ? end : x(bar.to) + 5, top = tops[k] + mark + bar.row * row;
    const after = bars.find((b) => b.holder === bar.holder && b.row === bar.row && b.from > last);
    const long = bar.lock.length * 6.1 + 8, room = (after ? x(after.from) - 6 : wide) - right;
    const inside = long < right - left, beside = !inside && long < room;
    const fits = Math.max(0, Math.floor((right - left - 8) / 6.1) - 1);
    const text = inside || beside ? bar.lock : fits > 1 ? `${bar.lock.slice(0, fits)}…` : "";
    shapes.push(s("rect", { style: colour(bar.holder), x: left, y: top, width: right - left, height: row - 2, rx: 3 },
      s("title", {}, `${bar.holder} holds ${bar.lock}`)));
    if (last <= fold) continue; // in the folded prologue there is no room for names
    texts.push(s("text", { x: Math.max(beside ? right : left, fold ? strip : 0) + 4, y: top + 8.6 }, text));
  }
  return [shapes, texts];
};

const drawWakes = ({ threads, steps }, { middle, uid }, { x, dx, fold }) =>
  steps.flatMap((step, i) => {
    const woke = (step.woke ?? []).filter((thread) => threads.includes(thread) && thread !== step.thread);
    return (i + 1 < fold ? [] : woke).map((woken) => {
      const y0 = middle(step.thread), y1 = middle(woken), way = Math.sign(y1 - y0);
      const x0 = x(i + 1), x1 = x0 + Math.min(12, 0.42 * dx);
      const d = `M${x0} ${y0 + way * 8}C${x0} ${y1 - way * 14} ${x1} ${y1 - way * 18} ${x1} ${y1 - way * 6}`;
      return s("path", { "marker-end": `url(#${uid}a)`, d }, s("title", {}, `${step.thread} lets ${woken} go on`));
    });
  });

const drawMessages = ({ steps, colour }, { middle, compact }, { x, fold }) =>
  steps.flatMap(({ from, thread, message }, i) => {
    const sent = steps[from - 1], way = sent && 8 * Math.sign(middle(thread) - middle(sent.thread));
    return !way || compact || i + 1 < fold ? [] : s("path", { class: "message", style: colour(sent.thread),
      d: `M${x(from)} ${middle(sent.thread) + way}L${x(i + 1)} ${middle(thread) - way}` },
      s("title", {}, `${message}: from ${sent.thread} to ${thread}`));
  });

const drawMarks = ({ steps, colour }, { middle, compact }, { x, fold }) =>
  steps.map((step, i) => {
    const [, d, solid] = markOf(step), small = i + 1 < fold, size = compact ? " scale(0.7)" : "";
    const move = `translate(${x(i + 1)} ${middle(step.thread)})${small ? " scale(0.34 0.9)" : size}`;
    return s("g", { class: solid ? "mark solid" : "mark", style: colour(step.thread), transform: move },
      s("title", {}, `${i + 1}. ${step.text}`), s("path", { d: small ? "M-1.5-5h3v10h-3z" : d }));
  });

// A ring around each beat of the chain, an arrow to the next; a flag where a rule breaks.
const drawChain = ({ chain, rules, n }, { middle, uid, band, compact }, { x }) => {
  const beats = compact ? [] : chain.filter((beat) => beat.step >= 1 && beat.step <= n);
  const causes = beats.slice(0, -1).map((beat, k) => {
    const next = beats[k + 1], x0 = x(beat.step), x1 = x(next.step), y0 = middle(beat.thread), y1 = middle(next.thread);
    const way = Math.sign(y1 - y0), bow = Math.min(22, (x1 - x0) / 4);
    const d = way
      ? `M${x0} ${y0 + way * 9}C${x0 + bow} ${y0 + way * 16} ${x1 - bow} ${y1 - way * 20} ${x1} ${y1 - way * 10}`
      : `M${x0 + 5} ${y0 - 9}C${x0 + 3 * bow} ${y0 - 17} ${x1 - 3 * bow} ${y1 - 17} ${x1 - 3} ${y1 - 10}`;
    const title = s("title", {}, `${beat.text}, then ${next.text}`);
    return { step: next.step, path: s("path", { class: "cause", "marker-end": `url(#${uid}c)`, d }, title) };
  });
  const rings = beats.map((beat) => s("circle", { class: "ring", cx: x(beat.step), cy: middle(beat.thread), r: 9 },
    s("title", {}, beat.more ?? beat.text)));
  const flags = (compact ? [] : rules).map((rule) =>
    s("path", { class: "flag", d: `M${x(rule.broken)} ${band}v-15l10 4-9 4.5` },
      s("title", {}, `${rule.name} breaks at step ${rule.broken}: ${rule.meaning}`)));
  return { causes, rings, flags };
};

// The finding: on the lanes it happened on; one about the whole run stands across all of them.
const drawFinding = ({ threads, moments, n, finding }, { middle, band, height, compact }, { end }) => {
  if (!finding) return [];
  const stuck = threads.filter((thread) => moments[n].status[thread] === "blocked");
  const hit = finding.kind === "deadlock" ? stuck : threads.filter((thread) => thread === finding.thread);
  const across = hit.length ? [] : [s("path", { class: "across", d: `M${end} ${band + 4}V${height - 4}` })];
  return [...across, ...(hit.length ? hit.map(middle) : [(band + height) / 2]).map((y) =>
    s("g", { class: "boom", transform: `translate(${end} ${y})${compact ? " scale(0.75)" : ""}` },
      s("title", {}, finding.message), s("circle", { r: 8.5 }), s("path", { d: CROSS })))];
};

const definitions = (uid) => {
  const size = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  const box = { viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" };
  const tip = (id, name) => s("marker", { id, ...box }, s("path", { class: name, d: "M0 0L8 4L0 8z" }));
  return s("defs", {}, s("pattern", { id: `${uid}h`, ...size }, s("path", { class: "hatch", d: "M0 0V6" })),
    tip(`${uid}a`, "tip"), tip(`${uid}c`, "tip bad"));
};

// The chapters above the lanes: the prologue folds, the others are places to go.
const bandOf = (run, scale, folds, go) => {
  const half = Math.min(scale.dx, 30) / 2;
  const buttons = (run.chapters ?? []).map((chapter) => {
    const fold = chapter.last === run.opens && chapter.first === 0 && run.opens >= FOLDED, folded = scale.fold > 0;
    const left = fold ? 4 : scale.x(chapter.first) + (chapter.first ? half : -4);
    const right = fold && folded ? scale.strip - 4 : Math.min(scale.wide - 4, scale.x(chapter.last) + half - 2);
    const label = fold ? `${plural(run.opens, "step")}: ${chapter.name}` : chapter.name;
    const past = run.rules.map((rule) => scale.x(rule.broken) - left); // a name begins after the flags
    const pad = past.reduce((p, x) => (x > 0 && x < p + 6 * label.length ? x + 14 : p), 6);
    return button(fold ? "chapter fold" : "chapter", { "data-key": `chapter ${chapter.first}`,
      "aria-expanded": fold ? String(!folded) : null,
      style: `left:${left}px;width:${Math.max(24, right - left)}px;padding-left:${pad}px`,
      title: fold ? `${folded ? "Show" : "Fold"} ${label}` : label,
      onclick: () => (fold ? folds() : go(Math.min(run.n, chapter.first + (chapter.first ? 1 : 0)))) },
    h("span", {}, fold ? `${folded ? "▸" : "▾"} ${label}` : label));
  });
  return h("div", { class: "band", style: `width:${scale.wide}px` }, ...buttons);
};

const lanesOf = (run, go, options = {}) => {
  const { threads, steps, n } = run, ground = groundOf(run, options), { band, height, mark, tops, compact } = ground;
  const scroll = h("div", { class: "scroll", tabindex: -1 });
  const names = h("div", { class: "names", "aria-hidden": "true" });
  const node = h("div", { class: compact ? "time compact" : "time" }, names, scroll);
  let folded = run.opens >= FOLDED, scale = null, marks = [], causes = [], veil, now, drawn = 0, at = 0;
  const folds = () => {
    fold(!folded);
    node.querySelector(".chapter.fold")?.focus();
    options.onfold?.(folded);
  };
  const draw = (width) => {
    drawn = width;
    scale = scaleOf(width, options.length ?? n, folded ? run.opens : 0, n);
    const { wide, fold, strip, nearest } = scale, chain = drawChain(run, ground, scale);
    const [bars, texts] = drawLocks(run, ground, scale);
    const layer = (name, kids) => s("g", { class: name }, ...kids);
    marks = drawMarks(run, ground, scale);
    causes = chain.causes;
    veil = s("rect", { class: "veil", y: band, x: 0, width: wide, height: height - band });
    now = s("rect", { class: "now", y: band + 1, x: 0, width: 10, height: height - band - 2, rx: 4 });
    const paper = fold ? [s("rect", { class: "fold", x: 0, y: band, width: strip - 6, height: height - band })] : [];
    const svg = s("svg",
      { width: wide, height, style: `width:${wide}px;height:${height}px`, role: "img",
        "aria-label": `Timeline of ${plural(n, "step")} of ${threads.join(", ")}`,
        onclick: (e) => go(Math.min(n, nearest(e.clientX - svg.getBoundingClientRect().left))) },
      definitions(ground.uid), ...paper, now, layer("rails", drawRails(run, ground, scale)), layer("locks", bars),
      layer("arrows", [...drawMessages(run, ground, scale), ...drawWakes(run, ground, scale)]),
      layer("points", [...marks, ...drawFinding(run, ground, scale)]),
      veil, layer("labels", texts), layer("causes", causes.map((cause) => cause.path)),
      layer("flags", [...chain.rings, ...chain.flags]));
    scroll.replaceChildren(...(compact ? [] : [bandOf(run, scale, folds, go)]), svg);
    names.replaceChildren(...threads.map((thread, k) =>
      h("span", { style: `${run.colour(thread)};top:${tops[k]}px;height:${mark}px;line-height:${mark}px` }, thread)));
    names.style.height = `${height}px`;
  };
  const show = (i) => {
    at = clamp(i, 0, n);
    const wide = at < scale.fold ? 6 : Math.min(scale.dx, 34), center = scale.x(at);
    now.style.transform = `translateX(${center - wide / 2}px)`;
    now.style.width = `${wide}px`;
    veil.style.transform = `translateX(${center + wide / 2 + (at === n ? 2 * scale.dx : 0)}px)`;
    for (const cause of causes) cause.path.classList.toggle("past", at >= cause.step);
  };
  const settle = () => {
    const center = scale.x(at), left = center - scroll.scrollLeft;
    if (left < 40 || left > scroll.clientWidth - 60) scroll.scrollLeft = center - scroll.clientWidth / 2;
  };
  const ring = (label, on) =>
    steps.forEach((step, i) => run.wrote(step).includes(label) && marks[i].classList.toggle("ringed", on));
  const fold = (on) => {
    folded = on;
    draw(drawn);
    show(at);
    settle();
  };
  return { node, show, settle, draw, ring, fold, scroll, get drawn() { return drawn; } };
};

// ---- the scene: threads and what they hold, values, locks, objects

const chipOf = (item) =>
  h("span", { class: `chip${item.stale ? " stale" : ""}${item.gone ? " gone" : ""}`, "data-to": item.to ?? null,
    title: [item.name, item.source && `from ${item.source}`, item.stale].filter(Boolean).join("; ") },
  h("code", {}, `${item.name} = ${item.text}`), item.stale ? h("small", {}, item.stale) : null);

// A card for a thread; a click opens its code.
const actorOf = (run, thread, open) => {
  const { steps, moments, n, finding } = run;
  const status = h("small", { class: "status" }), hand = h("div", { class: "hand" });
  const name = button("name", { "data-key": `pane ${thread}`,
    title: `Show the code of ${thread}`, onclick: () => open(thread) }, thread);
  const node = h("div", { class: "actor", style: run.colour(thread), role: "group", "aria-label": thread },
    name, status, hand);
  let held = "[]";
  const show = (at) => {
    const moment = moments[at], is = moment.status[thread] ?? "ready";
    const acted = at > 0 && steps[at - 1].thread === thread;
    const died = at === n && thread === run.culprit;
    node.className = `actor ${is}${acted ? " acted" : ""}${died ? " died" : ""}`;
    const does = acted && is === "ready" ? "runs" : STATUS[is] ?? is;
    write(status, died ? finding.kind : is === "blocked" ? (moment.blocked[thread] ?? is) : does);
    status.title = status.textContent;
    const items = moment.hand?.[thread] ?? [], text = JSON.stringify(items);
    if (text !== held) hand.replaceChildren(...items.map(chipOf));
    held = text;
  };
  return { node, show };
};

// What stands for a watched value leads to its writer; pointed at, it marks all writers in the lanes.
const clicks = (run, label, jump, ring) => {
  let now = 0;
  const lit = (on) => () => ring(label, on);
  const onclick = () => {
    const i = run.writer(label, now);
    jump(i === now && now ? run.writer(label, now - 1) : i);
  };
  const click = { onclick, onmouseenter: lit(true), onmouseleave: lit(false), onfocus: lit(true), onblur: lit(false) };
  const tell = (node, at) => {
    const i = run.writer(label, at), by = i ? run.steps[i - 1] : null;
    const changed = i > 0 && i === at && (by.changed ?? []).includes(label), again = i > 0 && i === at && !changed;
    now = at;
    node.classList.toggle("changed", changed || again);
    node.setAttribute("style", by ? run.colour(by.thread) : "");
    node.title = by ? `Written at step ${i} by ${by.thread}: go there` : "Not written yet: go to the start";
    const old = changed ? `was ${run.moments[at - 1].state[label] ?? "nothing"}` : null;
    return old ?? (again ? "written again" : i ? `since step ${i}` : "from the start");
  };
  return { click, tell };
};

// A watched value.
const cellOf = (run, label, jump, ring) => {
  const value = h("code", {}), since = h("small", {}), { click, tell } = clicks(run, label, jump, ring);
  const node = button("cell", { "data-key": `cell ${label}`, ...click },
    h("span", {}, label), value, since);
  const show = (at) => {
    write(since, tell(node, at));
    write(value, run.moments[at].state[label] ?? "");
  };
  return { node, show, value };
};

// A lock: who holds it, who queues for it.
const lockOf = (run, lock) => {
  const { threads, moments } = run, who = h("span", { class: "who" });
  const node = h("div", { class: "lock" }, icon("lock"), h("code", {}, lock), who);
  const show = (at) => {
    const moment = moments[at], holder = moment.locks[lock];
    const queue = threads.filter((thread) => waitsForLock(moment, thread, lock));
    node.className = holder ? "lock held" : "lock";
    node.setAttribute("style", holder ? run.colour(holder) : "");
    node.title = holder ? `${holder} holds ${lock}` : `${lock} is free`;
    who.replaceChildren(h("span", { class: holder ? "token" : "free" }, holder ?? "free"),
      ...queue.map((thread) => h("span", { class: "queued", style: run.colour(thread) }, `${thread} waits`)));
  };
  return { node, show };
};

// An object: how many references it has, what it lists; a ghost once it is freed.
const thingOf = (run, thing, jump, ring) => {
  const text = h("code", {}), pips = h("span", { class: "pips" }), items = h("div", { class: "items" });
  const { click, tell } = clicks(run, thing.watch, jump, ring);
  const leads = thing.watch ? { type: "button", "data-key": `cell ${thing.watch}`, ...click } : {};
  const node = h(thing.watch ? "button" : "div", { class: `thing ${thing.kind}`, ...leads },
    h("span", { class: "name" }, thing.label), pips, text, items);
  const show = (at) => {
    if (thing.watch) tell(node, at);
    const now = run.moments[at].things?.[thing.id] ?? null, entries = now?.items ?? [];
    node.classList.toggle("absent", !now);
    node.classList.toggle("ghost", Boolean(now?.gone));
    write(text, !now ? "" : now.gone ? "freed" : (now.text ?? ""));
    const count = now && !now.gone ? now.count : undefined;
    const dots = Array.from({ length: Math.min(6, count ?? 0) }, () => h("i", {}));
    pips.replaceChildren(...dots, ...(count === undefined ? [] : [h("small", {}, plural(count, "reference"))]));
    items.replaceChildren(...entries.map((item) => h("span", { "data-to": item.to ?? null }, item.text)));
    if (now && thing.kind === "list" && !entries.length) items.append(h("small", {}, now.empty ?? "empty"));
  };
  return { node, show, thing };
};

// Arrows: from a chip, a cell, an entry or an object to the object it points to; red where that is gone.
const wireOf = (from, target, kind, base) => {
  const card = from.closest(".actor"), a = from.getBoundingClientRect(), b = target.getBoundingClientRect();
  if (target.classList.contains("absent") || !a.width || target === from) return null;
  const rightwards = a.left + a.width / 2 < b.left + b.width / 2, over = Math.abs(b.left - a.left) < 20;
  const way = rightwards ? 1 : -1, style = card?.getAttribute("style") ?? "";
  const gone = target.classList.contains("ghost") ? " dangling" : "";
  if (over) { // one above the other: straight up or down
    const up = a.top > b.top, x = b.left + b.width / 2 - base.left, y = (up ? b.bottom : b.top) - base.top;
    const start = (up ? a.top : a.bottom) - base.top, head = `M${x} ${y}l-4 ${up ? 7 : -7}h8z`;
    return s("g", { class: `wire ${kind}${gone}`, style }, s("path", { d: `M${x} ${start}V${y + (up ? 6 : -6)}` }),
      s("path", { class: "head", d: head }));
  }
  const edge = (card ?? from).getBoundingClientRect();
  const x0 = (way > 0 ? edge.right : edge.left) - base.left, y0 = a.top + a.height / 2 - base.top;
  const x1 = (way > 0 ? b.left : b.right) - base.left, y1 = b.top + b.height / 2 - base.top;
  const pull = way * Math.max(18, Math.abs(x1 - x0) / 2);
  const d = `M${x0} ${y0}C${x0 + pull} ${y0} ${x1 - pull} ${y1} ${x1 - way * 6} ${y1}`;
  return s("g", { class: `wire ${kind}${gone}`, style }, s("path", { d }),
    s("path", { class: "head", d: `M${x1} ${y1}l${-7 * way}-4v8z` }));
};

const pointed = (run, label) => run.moments.some((moment) => moment.points?.[label]?.length);

const sceneOf = (run, jump, ring, open) => {
  const { threads, labels, steps, moments } = run, plan = run.scene?.things ?? [];
  const by = (names, make) => new Map(names.map((name) => [name, make(name)]));
  const actors = by(threads, (thread) => actorOf(run, thread, open));
  const drawn = new Set(plan.map((thing) => thing.watch)), never = (label) => !run.writer(label, run.n);
  const own = labels.filter((label) => !drawn.has(label)), dull = (label) => never(label) && !pointed(run, label);
  const unchanged = own.length > 2 ? own.filter(dull) : [];
  const cells = by(own.filter((label) => !unchanged.includes(label)), (label) => cellOf(run, label, jump, ring));
  const locks = by([...new Set(moments.flatMap((moment) => Object.keys(moment.locks)))], (lock) => lockOf(run, lock));
  const things = new Map(plan.map((thing) => [thing.id, thingOf(run, thing, jump, ring)]));
  const columns = Math.max(0, ...plan.map((thing) => thing.column + 1));
  const nodes = (some) => [...some].map((one) => one.node);
  const wires = s("svg", { class: "wires", "aria-hidden": "true" });
  const shared = labels.length || locks.size
    ? h("div", { class: "shared", role: "group", "aria-label": "Watched state" }, ...nodes(cells.values()),
      locks.size ? h("div", { class: "locks" }, ...nodes(locks.values())) : null,
      unchanged.length ? h("p", { class: "still" }, "unchanged in this run: ",
        unchanged.map((label) => `${label} ${moments[0].state[label]}`).join(", ")) : null) : null;
  const column = (k) => nodes([...things.values()].filter((one) => one.thing.column === k));
  const node = h("div",
    { class: "scene", role: "group", "aria-label": "Scene", "data-columns": columns, "data-few": own.length <= 2 },
    wires, h("div", { class: "actors" }, ...nodes(actors.values())), shared,
    ...Array.from({ length: columns }, (_, k) => h("div", { class: "things" }, ...column(k))));

  let now = null;
  const connect = (moment) => {
    const base = node.getBoundingClientRect(), paths = [];
    if (!base.width || !things.size) return;
    const arrow = (from, id, kind) => paths.push(things.has(id) ? wireOf(from, things.get(id).node, kind, base) : null);
    for (const mark of node.querySelectorAll("[data-to]")) {
      arrow(mark, mark.dataset.to, mark.classList.contains("chip") ? "hand" : "entry");
    }
    for (const [label, ids] of Object.entries(moment.points ?? {})) {
      for (const id of cells.has(label) ? ids : []) arrow(cells.get(label).node, id, "pointer");
    }
    for (const [id, one] of things) for (const to of moment.things?.[id]?.to ?? []) arrow(one.node, to, "object");
    wires.replaceChildren(...paths.filter(Boolean));
  };

  // one step forward: what was read flies to the hand, what was written flies to its cell, a lock to its holder
  const animate = (at) => {
    const step = steps[at - 1], colour = run.colour(step.thread), card = actors.get(step.thread)?.node;
    const label = run.wrote(step)[0] ?? (step.reads ?? [])[0], value = cells.get(label)?.value;
    const lock = locks.get(step.object)?.node;
    if (step.op === "lock") fly(node, lock, card, step.object, colour);
    else if (step.op === "unlock") fly(node, card, lock, step.object, colour);
    else if (step.from) fly(node, actors.get(steps[step.from - 1].thread)?.node, card, step.message, colour);
    else if (step.op === "read") fly(node, value, card, step.value, colour);
    else if (value) fly(node, card, value, moments[at].state[label] ?? "", colour);
  };

  const show = (at, forward) => {
    for (const part of [actors, cells, locks, things]) for (const one of part.values()) one.show(at);
    now = { at, forward };
  };
  const settle = () => {
    if (now.forward && now.at) animate(now.at);
    connect(moments[now.at]);
  };
  return { node, show, settle };
};

// ---- panes: the code of the thread that moves and of the one it meets

const LINE = 18; // px, as in player.css

const rowsOf = (source) => {
  const indents = source.lines.filter((line) => line.trim()).map((line) => /^ */.exec(line)[0].length);
  const margin = Math.min(...indents), sites = source.sites ?? [];
  const lines = (part) => new Set(sites.flatMap((site) => site[part] ?? []));
  const hidden = lines("hidden"), shifted = lines("shifted");
  const gone = new Set(source.gone ?? []), left = new Set(source.left ?? []);
  const tags = new Map(sites.map((site) => [site.lead ?? site.line, site]));
  return paint(source.lines).map((row, i) => {
    const line = source.first + i, site = tags.get(line), out = /^ */.exec(source.lines[i])[0].length - margin;
    if (typeof row[0] === "string") row[0] = row[0].trimStart();
    else if (row[0]) row[0].textContent = row[0].textContent.trimStart();
    const back = left.has(line) ? 4 : 0;
    const indent = Math.max(0, out - back - (shifted.has(line) ? 4 : 0)); // drawn at half width, so that more code fits
    const alone = site && hidden.has(line); // nothing runs here while the fix stands as it does: only the chip is left
    const kinds = ["ln", hidden.has(line) && !alone ? "arm" : "", (source.grey ?? []).includes(line) ? "grey" : ""];
    const chip = site ? button("tag", { "aria-expanded": "false",
      title: `${site.fix}: show the other arm of this fix`,
      onclick: (e) => {
        const both = e.target.closest(".code").classList.toggle("both");
        for (const tag of e.target.closest(".code").querySelectorAll(".tag")) tag.setAttribute("aria-expanded", both);
      } }, `fix ${site.on ? "on" : "off"}`) : null;
    const style = `--in:${indent / 2};--out:${Math.max(0, out - back) / 2}${gone.has(line) ? ";display:none" : ""}`;
    const kept = source.kept?.includes(line) ? h("span", { class: "kept" }, "kept, fix off") : null;
    return h("div", { class: kinds.filter(Boolean).join(" "), style },
      h("i", {}, String(line)), h("span", {}, ...(alone ? [h("span", { class: "bare" }, ...row)] : row), chip, kept));
  });
};

const paneOf = (run, thread) => {
  const { sources, moments, steps, n, finding } = run;
  const fn = h("code", { class: "fn" }), file = h("span", { class: "file" });
  const into = button("into", { hidden: true, "aria-pressed": "false" });
  const code = h("div", { class: "code", tabindex: 0, role: "group", "aria-label": `Code of ${thread}` });
  const node = h("article", { class: "pane", style: run.colour(thread) },
    h("header", {}, h("b", {}, thread), fn, into, file), code);
  let shown = null, rows = [], marked = [], deep = false, last = 0, target = null;
  into.addEventListener("click", () => {
    deep = !deep;
    into.setAttribute("aria-pressed", deep);
    show(last);
    if (target) reveal(target);
  });

  const open = (id) => {
    if (shown === id) return;
    shown = id;
    marked = [];
    const source = sources[id];
    rows = source ? rowsOf(source) : [];
    code.className = "code";
    code.replaceChildren(...rows);
    fn.replaceChildren(h("b", {}, source ? source.function : ""));
    write(file, source ? source.file.split("/").pop() : "");
  };
  const mark = (place, name) => {
    const row = place && place[0] === shown ? rows[place[1] - sources[place[0]].first] : null;
    if (row) {
      row.classList.add(name);
      marked.push(row);
    }
    return row;
  };
  const reveal = (row) => {
    const top = row.offsetTop, high = row.offsetHeight, room = code.clientHeight, from = code.scrollTop;
    if (top >= from + high && top <= from + room - 2.5 * high) return;
    code.scrollTop = LINE * Math.round((top - Math.max(0, room / 2 - high)) / LINE); // whole lines
  };
  // A place is [source, line, caller, inner]; `inner` is the line of a helper that is folded into its caller.
  const choose = (place) => (deep && place?.[3] ? [...place[3], sources[place[0]].function] : place);
  // Where a thread was last, or, if it has not started yet, where it will begin.
  const anywhere = (at) => (moments.slice(0, at + 1).findLast((moment) => moment.where[thread])
    ?? moments.find((moment) => moment.where[thread]))?.where[thread];

  const show = (at) => {
    last = at;
    const moment = moments[at], step = at ? steps[at - 1] : null, acted = step?.thread === thread;
    const died = at === n && thread === run.culprit;
    const stands = choose(moment.where[thread]), ran = acted ? choose(step.at) : null;
    const dead = died && finding.source ? [finding.source, finding.line] : null;
    const focus = dead ?? ran ?? stands, helper = (acted ? step.at : moment.where[thread])?.[3];
    open((focus ?? anywhere(at))?.[0]);
    for (const row of marked) row.classList.remove("ran", "stands", "held", "dead", "focus");
    marked = [];
    fn.dataset.caller = focus?.[2] ? `${focus[2]} › ` : "";
    into.hidden = !helper;
    if (helper) write(into, deep ? "step out" : `into ${sources[helper[0]].function}`);
    mark(stands, moment.status[thread] === "blocked" ? "held" : "stands");
    mark(ran, "ran");
    const row = mark(dead, "dead") ?? mark(focus, "focus");
    node.className = `pane ${moment.status[thread] ?? "ready"}${acted ? " acted" : ""}${died ? " died" : ""}`;
    target = row;
  };
  return { node, show, settle: () => target && reveal(target) };
};

const panesOf = (run) => {
  const { threads } = run, panes = new Map(threads.map((thread) => [thread, paneOf(run, thread)])), pinned = new Set();
  let last = 0;
  const show = (at) => {
    last = at;
    for (const [thread, pane] of panes) {
      pane.node.hidden = !(threads.length <= 2 || run.duels[at].includes(thread) || pinned.has(thread));
      if (!pane.node.hidden) pane.show(at);
    }
  };
  const settle = () => [...panes.values()].forEach((pane) => pane.node.hidden || pane.settle());
  // Another click closes it again, unless it is one of the two that the step is about.
  const toggle = (thread) => {
    if (!pinned.delete(thread)) pinned.add(thread);
    show(last);
    settle();
    panes.get(thread).node.scrollIntoView?.({ block: "nearest" });
  };
  return { node: h("div", { class: "panes" }, ...[...panes.values()].map((pane) => pane.node)), show, settle, toggle };
};

// ---- transport: the buttons, the slider, the clock that plays

const transportOf = (run, move, options) => {
  const { n, events } = run;
  const ahead = () => move.go(events.find((i) => i > move.at) ?? n);
  const behind = () => move.go(events.findLast((i) => i < move.at) ?? 0);
  let playing = false, speed = 1;
  const control = (name, title, act) =>
    button("ctl", { title, "aria-label": title, "data-key": name, onclick: act }, icon(name));
  const playButton = control("play", "Play (space)", () => play(!playing));
  const faster = () => {
    speed = speed === 4 ? 1 : 2 * speed;
    write(speedButton, `${speed}×`);
  };
  const speedButton = button("ctl speed", { title: "Speed of play", onclick: faster }, "1×");
  const slider = h("input", { type: "range", min: 0, max: n, step: 1, value: 0, "aria-label": "Step",
    oninput: () => { play(false); move.show(Number(slider.value)); } });
  const count = h("span", { class: "count" });

  // Quickly through steps in which nothing meets anything, slowly where something does.
  const dwell = (at) => (n <= 12 || events.includes(at) || events.includes(at + 1) ? 1100 : 140) / speed;
  const play = (on) => {
    if (on === playing) return;
    playing = on;
    playButton.replaceChildren(icon(on ? "pause" : "play"));
    playButton.title = on ? "Pause (space)" : "Play (space)";
    playButton.setAttribute("aria-label", playButton.title);
    move.quiet(on);
    if (!on) return;
    if (move.at === n) move.show(0);
    let last = performance.now();
    const frame = (time) => {
      if (!playing) return;
      if (!slider.isConnected) {
        play(false);
        return;
      }
      if (time - last >= (move.interval ?? dwell(move.at))) {
        last = time;
        move.show(move.at + 1, true);
      }
      if (move.at === n) play(false);
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };
  const node = h(
    "div",
    { class: "controls" },
    h("div", { class: "buttons" },
      control("first", "First (Home)", () => move.go(0)),
      control("back", "Back to the last event (Page Up)", behind),
      control("prev", "Back one step (←)", () => move.go(move.at - 1)),
      options.live ? null : playButton,
      control("next", "Forward one step (→)", () => move.go(move.at + 1, true)),
      control("ahead", "On to the next event (Page Down): a thread reads what another wrote, is blocked, frees an "
        + "object, breaks a rule or changes a value", ahead),
      control("last", "Last (End)", () => move.go(n)),
      options.live ? null : speedButton),
    slider,
    count,
  );
  const keys = {
    ArrowLeft: () => move.go(move.at - 1), ArrowRight: () => move.go(move.at + 1, true),
    Home: () => move.go(0), End: () => move.go(n), PageUp: behind, PageDown: ahead,
  };
  const show = (at) => {
    slider.value = at;
    slider.style.setProperty("--done", `${n ? (100 * at) / n : 0}%`);
    slider.setAttribute("aria-valuetext", `step ${at} of ${n}`);
    write(count, `${at} / ${n}`);
  };
  return { node, show, play, keys, toggle: () => play(!playing) };
};

// ---- rules: which invariants this run breaks, and where

const rulesOf = (run, jump) => {
  const total = (run.invariants ?? []).length;
  if (!total || !run.n) return { node: null, show: () => {} };
  const chips = run.rules.map((rule) => {
    const when = h("span", {});
    const chip = button("rule", { "data-key": `rule ${rule.name}`, title: rule.meaning,
      onclick: () => jump(rule.broken) }, h("b", {}, rule.name), when);
    return { node: chip, when, rule };
  });
  const hold = ["The rule holds", "Both rules hold"][total - 1] ?? `All ${total} rules hold`;
  const said = chips.length ? "Rules that break:" : `${hold} in this run.`;
  const show = (at) => {
    for (const { node: chip, when, rule } of chips) {
      const over = at >= rule.broken;
      chip.classList.toggle("broken", over);
      write(when, over ? ` since step ${rule.broken}` : ` at step ${rule.broken}`);
    }
  };
  const node = h("div", { class: "rules", role: "group", "aria-label": "Rules" }, h("span", {}, said),
    ...chips.map((chip) => chip.node));
  return { node, show };
};

// ---- two runs in the same columns: the one that fails above

const beside = (run, failing) => {
  const other = readRun(failing), { n, moments, threads, steps } = run;
  const parts = steps.findIndex((step, i) => step.thread !== other.steps[i]?.thread);
  const differs = parts < 0 ? n : parts, opens = Math.min(other.opens, differs);
  const known = (thread) => new Set(other.moments.map((moment) => moment.blocked[thread]));
  let fresh = null; // the first wait that the failing run does not have
  for (let i = opens + 1; i <= n && !fresh; i++) {
    const { status, blocked } = moments[i];
    const waits = threads.find((thread) => status[thread] === "blocked" && !known(thread).has(blocked[thread]));
    if (waits) fresh = { thread: waits, step: i };
  }
  run.opens = other.opens = opens;
  run.chapters = opens >= FOLDED ? [{ name: "as before", first: 0, last: opens }] : [];
  return { other, differs, fresh, length: Math.max(n, other.n) };
};

const compareOf = (run, pair, go) => {
  const { other, length } = pair;
  const lanes = lanesOf(other, go, { compact: true, length });
  const { thread: who, step } = pair.fresh ?? {};
  const waits = who ? `${who} ${run.moments[step].blocked[who]}` : "nothing fails";
  const say = (word, text) => h("p", {}, h("b", {}, word), text);
  const node = h("div", { class: "compare" }, say("Above, without the fix: ", other.ending),
    say("Below, with it: ", waits), lanes.node);
  return { node, lanes, show: lanes.show, settle: lanes.settle };
};

// ---- the player: all parts of one run, and one way to move them

function player(root, trace, options = {}) {
  const run = readRun(trace), { n, threads } = run;
  const pair = options.against ? beside(run, options.against) : null;
  let back = null;
  const move = {
    at: 0,
    interval: null,
    show: (i, forward = false) => show(i, forward),
    go: (i, forward = false) => { transport.play(false); back = null; show(i, forward); },
    jump: (i) => { transport.play(false); if (i !== move.at) { back = move.at; show(i); } },
    quiet: (on) => { if (on) back = null; saying.quiet(on); },
  };
  const chain = options.live ? { node: null, show: () => {} } : chainOf(run, move.jump);
  const saying = sayingOf(run, options, () => { const to = back; back = null; show(to); });
  const transport = transportOf(run, move, options);
  const onfold = (on) => compare?.lanes.fold(on);
  const lanes = lanesOf(run, move.jump, { ...pair, onfold });
  const compare = pair ? compareOf(run, pair, move.jump) : null;
  const panes = panesOf(run);
  const scene = sceneOf(run, move.jump, lanes.ring, panes.toggle);
  const rules = rulesOf(run, move.jump);
  const verdict = run.ending
    ? button("badge bad", { title: "Go there", onclick: () => move.jump(n) }, run.ending)
    : n && !options.live ? h("span", { class: "badge" }, "nothing fails in this run") : null;
  const head = h("div", { class: "head" }, heading(run.title),
    run.subtitle ? h("span", { class: "sub" }, run.subtitle) : null, verdict);
  const keydown = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const space = e.target.closest("button") || options.live ? null : transport.toggle;
    const inside = e.target.closest(".code") && ["ArrowUp", "ArrowDown"].includes(e.key); // reads on, moves nothing
    const act = inside ? null : e.key === " " ? space : transport.keys[e.key] ?? options.keys?.(e.key);
    if (act) {
      e.preventDefault();
      act();
    }
    if (e.key !== "Tab" && e.key !== "Escape") e.stopPropagation();
  };
  const node = h(
    "section",
    { class: "mqp", tabindex: 0, role: "group", "aria-label": `Player: ${run.title}`, onkeydown: keydown,
      "data-lm-suppress-shortcuts": "true", style: `--threads:${Math.min(threads.length, 4)}` },
    head, chain.node,
    h("div", { class: "top" }, saying.node, options.live && !n ? null : transport.node, options.row ?? null),
    compare?.node, lanes.node,
    h("div", { class: "stage" }, scene.node, panes.node),
    h("div", { class: "foot" }, rules.node, n ? legendOf(run) : null),
  );
  const parts = [chain, transport, rules, lanes, panes, scene, ...(compare ? [compare] : [])];
  const show = (i, forward = false) => {
    const at = (move.at = clamp(i, 0, n));
    saying.show(at, back);
    for (const part of parts) part.show(at, forward);
    for (const part of parts) part.settle?.();
    options.onshow?.(at);
  };
  const api = {
    show, go: move.go, jump: move.jump, play: transport.play, node, steps: n,
    get at() { return move.at; },
    get interval() { return move.interval; },
    set interval(ms) { move.interval = ms; },
  };
  node.player = api;
  root.replaceChildren(node);
  const draw = (width) => {
    compare?.lanes.draw(width);
    lanes.draw(width);
  };
  draw(lanes.scroll.clientWidth || 640);
  const start = pair && options.at > pair.differs ? (pair.fresh?.step ?? pair.differs) : options.at;
  show(start ?? run.opens);
  new ResizeObserver(() => {
    const width = lanes.scroll.clientWidth;
    if (!width || Math.abs(width - lanes.drawn) <= 1) return;
    draw(width);
    show(move.at);
  }).observe(lanes.scroll);
  return api;
}

// ---- laboratories

// A cell knows its number only from the page around it.
const unheard = (node) => {
  const cell = node.closest(".jp-Cell")?.querySelector(".jp-InputPrompt")?.textContent.match(/\d+/)?.[0];
  const which = cell ? `cell [${cell}]` : "this one";
  return `No kernel answers: it is busy, or was restarted. Run the cells above and ${which} again to go on.`;
};

// Toggles, the verdict, the player. `cases` maps a set of switches to verdict and trace. A toggle that stands `alone`
// (a wrong fix brings its own fixes) switches the others off.
function race(root, view, ask) {
  const on = new Set(view.on), boxes = new Map();
  const name = () => view.toggles.map((toggle) => toggle.name).filter((fix) => on.has(fix)).join("+");
  const place = h("div");
  const verdict = h("p", { class: "verdict", role: "status" });
  const show = (lost = "") => {
    const found = view.cases[name()];
    root.firstChild?.classList.remove("busy");
    verdict.className = `verdict ${found ? found.verdict : "unknown"}`;
    verdict.replaceChildren(
      h("b", {}, view.message ? view.heading : found ? found.verdict : "not explored"),
      h("span", {}, view.message || (found ? found.sentence : "Run this cell to explore this set of fixes.")),
      lost ? h("small", { class: "lost" }, `${found ? "This result was stored. " : ""}${lost}`) : "",
    );
    const failing = view.cases[""]?.trace, beaten = found?.trace && !found.trace.finding && failing?.finding;
    const before = place.firstChild?.player, options = beaten ? { against: failing, at: before?.at } : {};
    if (found && found.trace) player(place, found.trace, options);
    else place.replaceChildren(found ? h("p", { class: "hint" }, "Run this cell to see a run.") : "");
  };
  const switched = (toggle, box) => {
    if (box.checked) for (const other of view.toggles) if (toggle.alone || other.alone) on.delete(other.name);
    if (box.checked) on.add(toggle.name);
    else on.delete(toggle.name);
    for (const [key, other] of boxes) other.checked = on.has(key);
    if (!ask) {
      show();
      return;
    }
    root.firstChild.classList.add("busy");
    verdict.className = "verdict";
    verdict.replaceChildren(h("b", {}, "exploring"), h("span", {}, "trying every interleaving …"));
    ask({ do: "fixes", on: [...on] }, () => show(unheard(root)));
  };
  const row = (toggle) => {
    const box = h("input", { type: "checkbox", role: "switch", "data-key": `fix ${toggle.name}`,
      onchange: () => switched(toggle, box) });
    box.checked = on.has(toggle.name);
    boxes.set(toggle.name, box);
    return h("label", {}, box, h("code", {}, toggle.name), h("span", {}, toggle.title));
  };
  const group = (title, chosen) =>
    chosen.length ? h("fieldset", {}, h("legend", {}, title), ...chosen.map(row)) : null;
  root.replaceChildren(
    h("div", { class: "mqp-lab", onkeydown: (e) => { if (e.key !== "Tab") e.stopPropagation(); } },
      heading(view.title),
      group("Fixes", view.toggles.filter((toggle) => !toggle.alone)),
      group("One at a time", view.toggles.filter((toggle) => toggle.alone)),
      verdict, place),
  );
  show();
}

// You are the scheduler: the player of the run so far, with a button per thread.
function scheduler(root, view, ask) {
  const { trace, choices } = view;
  const verdict = h("p", { class: `verdict ${view.verdict}`, role: "status" });
  const say = (word, sentence) => verdict.replaceChildren(h("b", {}, word), h("span", {}, sentence));
  const lost = () => say("no answer", unheard(root));
  say(view.heading, view.message);
  const send = (message) => () => ask?.(message, lost);
  const press = (key, usable, message, attrs, ...kids) =>
    button(attrs.class, { "data-key": key, ...attrs, "aria-disabled": usable && ask ? null : "true",
      onclick: () => usable && send(message)() }, ...kids);
  const mover = (thread, k) => {
    const can = choices.includes(thread), why = view.reasons[thread] ?? "";
    const title = "Let it run until it waits, ends, or changes the watched state", label = `Let ${thread} run on`;
    return h("div", { class: "move", style: `--c:var(--t${k % 4})` },
      press(`move ${thread}`, can, { do: "move", thread }, { "data-n": k + 1, title: can ? `Key ${k + 1}` : why },
        `Move ${thread}`),
      press(`run ${thread}`, can, { do: "run", thread }, { class: "run", "aria-label": label, title },
        icon("ahead")),
      h("small", {}, can ? (view.next[thread] ?? "") : why));
  };
  const place = h("div");
  const text = h("input", { class: "schedule", readonly: true, value: view.schedule, "aria-label": "Schedule so far",
    onfocus: (e) => e.target.select() });
  const copy = () => {
    text.focus();
    text.select();
    const clipboard = navigator.clipboard?.writeText(view.schedule) ?? Promise.reject(new Error("no clipboard"));
    clipboard.catch(() => document.execCommand("copy")).then(() => write(copied, "Copied"));
  };
  const copied = button(null, { "data-key": "copy", onclick: copy }, "Copy");
  const begun = trace.steps.length > 0;
  root.replaceChildren(
    h("div", { class: "mqp-lab scheduler" }, verdict, place,
      h("div", { class: "tools" }, press("undo", begun, { do: "undo" }, {}, "Undo"),
        press("reset", begun, { do: "reset" }, {}, "Start over"),
        h("span", { class: "keep" }, "Schedule", text, copied))),
  );
  const keys = (key) => {
    const thread = trace.threads[Number(key) - 1];
    if (thread && choices.includes(thread)) return send({ do: "move", thread });
    return key === "Backspace" || key === "u" ? send({ do: "undo" }) : null;
  };
  const row = h("div", { class: "moves", role: "group", "aria-label": "Who moves next" }, ...trace.threads.map(mover));
  player(place, trace, { live: true, row, at: trace.steps.length, start: view.start, keys });
}

function mount(root, view, ask = null) {
  const focused = root.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.key ?? null, inside = Boolean(focused);
  root.classList.add("mini-qemu");
  const modes = { race, scheduler, player: (place, { trace }) => player(place, trace) };
  modes[view.mode](root, view, ask);
  if (!inside) return;
  const same = [...root.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key);
  (same ?? root.querySelector(".mqp"))?.focus({ preventScroll: true });
}

// ask(message, lost): lost() comes at once where the message cannot be sent, after five seconds without an answer.
const PATIENCE = 5000; // ms

function render({ model, el }) {
  let waits = null;
  const ask = (message, lost) => {
    clearTimeout(waits);
    waits = setTimeout(lost, PATIENCE);
    try {
      model.send(message);
    } catch {
      clearTimeout(waits);
      lost();
    }
  };
  const draw = () => {
    clearTimeout(waits);
    mount(el, model.get("view"), ask);
  };
  model.on("change:view", draw);
  draw();
  return () => model.off("change:view", draw);
}

export default { render, mount };
