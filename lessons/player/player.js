/* The player: draws one run of a scenario and lets you walk through it.
 *
 * One module, no imports, two hosts. Live, anywidget calls render() and the kernel answers messages. At rest, the HTML host
 * (player.py) puts this text into an inline script and calls mount() beside the data. Everything drawn comes from one JSON
 * view sent once: stepping never asks the kernel. The trace format is described in player.py.
 *
 *   mount(root, view, ask)   view.mode: "player" | "race" | "scheduler"; ask(message) sends to the kernel (null at rest)
 *   player(root, trace, options)   the run itself: panes, timeline, controls, sentence, state
 */

const SVG = "http://www.w3.org/2000/svg";
const put = (node, attrs, kids) => {
  for (const [key, value] of Object.entries(attrs)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...kids.filter((kid) => kid !== null && kid !== undefined));
  return node;
};
const h = (tag, attrs = {}, ...kids) => put(document.createElement(tag), attrs, kids);
const s = (tag, attrs = {}, ...kids) => put(document.createElementNS(SVG, tag), attrs, kids);
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const icon = (d) => s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", class: "icon" }, s("path", { d }));
const ICONS = {
  first: "M3 3h2v10H3zM13 3v10L6 8z", prev: "M11 3v10L4 8z", next: "M5 3v10l7-5z", last: "M11 3h2v10h-2zM3 3v10l7-5z",
  back: "M8 3v10L2 8zM14 3v10L8 8z", ahead: "M2 3v10l6-5zM8 3v10l6-5z", play: "M4 2.5v11l9-5.5z", pause: "M4 3h3v10H4zM9 3h3v10H9z",
};

// What a step did, as a shape (colour says only which thread, and the lane says that too). Centred on 0,0.
const CIRCLE = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", SQUARE = "M-4.5-4.5h9v9h-9z", UP = "M0-5.5l5.5 9.5h-11z", DOWN = "M0 5.5l5.5-9.5h-11z";
const MARKS = {
  read: ["reads", CIRCLE, 0], write: ["writes", CIRCLE, 1], cas: ["compares and exchanges", "M0-6l6 6-6 6-6-6z", 1],
  lock: ["locks", SQUARE, 1], unlock: ["unlocks", SQUARE, 0], post: ["posts", UP, 1], wait: ["waits and goes on", DOWN, 0],
  until: ["waits and goes on", DOWN, 0], send: ["sends", "M-5-5l10 5-10 5z", 1], recv: ["receives", "M5-5l-10 5 10 5z", 0],
  close: ["closes", "M-6-1.7h12v3.4h-12z", 1], shutdown: ["shuts down", "M-6-1.7h12v3.4h-12z", 0],
  spawn: ["starts a thread", "M-1.6-5.5h3.2v3.9h3.9v3.2h-3.9v3.9h-3.2v-3.9h-3.9v-3.2h3.9z", 1],
  join: ["joins", "M-5-5h3.4v3.2h3.2v-3.2h3.4v10h-3.4v-3.2h-3.2v3.2h-3.4z", 0], free: ["frees", "M-5.5-5.5h11l-5.5 11z", 1],
};
const CROSS = "M-4-4l8 8M4-4l-8 8";

// Python, coloured lightly; a token that spans lines (a docstring) is closed and reopened at each line end.
const TOKEN = /("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(#.*)|\b(and|as|assert|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield)\b|->/g;
const paint = (lines) => {
  const rows = [[]];
  const add = (text, kind) => text.split("\n").forEach((part, i) => {
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

// A step says only what it changed; here every moment becomes whole. moments[i] is the world after step i.
const expand = (trace) => {
  const moments = [trace.initial];
  for (const step of trace.steps) {
    const before = moments[moments.length - 1];
    moments.push({
      where: { ...before.where, ...step.where }, status: { ...before.status, ...step.status },
      state: { ...before.state, ...step.state }, blocked: step.blocked ?? before.blocked, locks: step.locks ?? before.locks,
    });
  }
  return moments;
};
const wrote = (step) => step.writes ?? step.changed ?? [];

const LINE = 18; // px, as in player.css
let serial = 0; // patterns and markers need ids that are unique on the page; nothing saved depends on them

function player(root, trace, options = {}) {
  const { threads, labels, sources, steps, finding } = trace;
  const moments = expand(trace), n = steps.length, uid = `mqp${serial++}`;
  const colour = (thread) => `--c:var(--t${threads.indexOf(thread) % 4})`;
  let at = 0, playing = false, back = null, speed = 1;

  // ---- panes: one per thread, the function it is in
  const deepest = Math.max(3, ...Object.values(sources).map((source) => source.lines.length));
  const panes = threads.map((thread) => {
    const fn = h("code", { class: "fn" }), file = h("span", { class: "file" }), note = h("p", { class: "note" });
    const code = h("div", { class: "code", tabindex: -1 });
    const node = h("article", { class: "pane", style: colour(thread), "aria-label": `Code of ${thread}` },
      h("header", {}, h("b", {}, thread), file, fn), code, note, options.foot ? options.foot(thread) : null);
    return { thread, node, fn, file, note, code, shown: null, rows: [], marked: [] };
  });
  const open = (pane, id) => {
    if (pane.shown === id) return;
    pane.shown = id;
    pane.code.replaceChildren();
    pane.marked = [];
    const source = sources[id];
    pane.fn.replaceChildren(h("b", {}, source ? source.function : ""));
    pane.file.textContent = source ? source.file.split("/").pop() : "";
    if (!source) return;
    const margin = Math.min(...source.lines.filter((line) => line.trim()).map((line) => /^ */.exec(line)[0].length));
    const grey = new Set(source.grey ?? []), tags = new Map((source.sites ?? []).map((site) => [site.line, site]));
    pane.rows = paint(source.lines).map((row, i) => {
      const line = source.first + i, site = tags.get(line);
      const indent = /^ */.exec(source.lines[i])[0].length - margin; // drawn at half width, so that more code fits
      if (typeof row[0] === "string") row[0] = row[0].trimStart();
      else if (row[0]) row[0].textContent = row[0].textContent.trimStart();
      return h("div", { class: grey.has(line) ? "ln grey" : "ln", style: `--in:${Math.max(0, indent) / 2}` }, h("i", {}, String(line)), h("span", {}, ...row,
        site ? h("em", { class: "tag" }, `fix ${site.on ? "on" : "off"}`) : null));
    });
    pane.code.append(...pane.rows);
  };
  const note = (thread, moment) => {
    const held = Object.keys(moment.locks).filter((lock) => moment.locks[lock] === thread);
    const holds = held.length ? `holds ${held.join(", ")}` : "";
    const status = { unborn: "not started yet", done: "finished", crashed: "crashed here" }[moment.status[thread]] ?? "";
    return [options.live && at === n ? "" : moment.blocked[thread] ?? status, holds].filter(Boolean).join("; ");
  };
  // Where a thread was last, or, if it has not started yet, where it will begin.
  const shown = (thread) => (moments.slice(0, at + 1).findLast((moment) => moment.where[thread]) ?? moments.find((moment) => moment.where[thread]))?.where[thread];
  const showPane = (pane, moment, step) => {
    const acted = step && step.thread === pane.thread, died = at === n && finding && finding.thread === pane.thread && finding.kind !== "deadlock";
    const stands = moment.where[pane.thread], ran = acted ? step.at : null;
    const dead = died && finding.source ? [finding.source, finding.line] : null;
    const focus = dead ?? ran ?? stands;
    open(pane, (focus ?? shown(pane.thread))?.[0]);
    for (const row of pane.marked) row.classList.remove("ran", "stands", "held", "dead");
    pane.marked = [];
    const mark = (place, name) => {
      const row = place && place[0] === pane.shown ? pane.rows[place[1] - sources[place[0]].first] : null;
      if (row) { row.classList.add(name); pane.marked.push(row); }
      return row;
    };
    const caller = focus && focus[2] ? `${focus[2]} › ` : "";
    if (pane.caller !== caller) { pane.fn.dataset.caller = caller; pane.caller = caller; }
    const waits = moment.status[pane.thread] === "blocked";
    mark(stands, waits ? "held" : "stands");
    mark(ran, "ran");
    const row = mark(dead, "dead") ?? mark(focus, "focus") ?? null;
    if (row) {
      const top = row.offsetTop, high = row.offsetHeight, room = pane.code.clientHeight;
      if (top < pane.code.scrollTop + high || top > pane.code.scrollTop + room - 2.5 * high) pane.code.scrollTop = LINE * Math.round((top - Math.max(0, room / 2 - high)) / LINE); // whole lines, and the first one of a long row
    }
    const says = died ? `${finding.kind}: ${finding.message}` : note(pane.thread, moment);
    pane.note.textContent = says;
    pane.node.className = `pane ${moment.status[pane.thread] ?? "ready"}${acted ? " acted" : ""}${died ? " died" : ""}`;
  };

  // ---- timeline: a lane per thread
  const scroll = h("div", { class: "scroll", tabindex: -1 }), names = h("div", { class: "names", "aria-hidden": "true" });
  const bars = []; // locks: who held which from when to when
  for (let i = 0; i <= n; i++) {
    for (const [lock, holder] of Object.entries(moments[i].locks)) {
      const open = bars.find((bar) => bar.lock === lock && bar.to === null);
      if (open && open.holder === holder) continue;
      if (open) open.to = i;
      bars.push({ lock, holder, from: i, to: null, row: 0 });
    }
    for (const bar of bars) if (bar.to === null && moments[i].locks[bar.lock] !== bar.holder) bar.to = i;
  }
  for (const bar of bars) {
    const taken = new Set(bars.filter((b) => b !== bar && b.holder === bar.holder && bars.indexOf(b) < bars.indexOf(bar)
      && (b.to ?? n + 1) > bar.from).map((b) => b.row));
    while (taken.has(bar.row)) bar.row++;
  }
  const lanes = threads.map((thread) => Math.max(0, ...bars.filter((bar) => bar.holder === thread).map((bar) => bar.row + 1)));
  const MARK = 26, ROW = 13;
  const tops = []; let height = 6;
  for (const rows of lanes) { tops.push(height); height += MARK + rows * ROW + (rows ? 3 : 0) + 4; }
  const middle = (thread) => tops[threads.indexOf(thread)] + MARK / 2;
  let dx = 20, veil, now, marks = [], drawn = 0;
  const x = (i) => dx / 2 + 4 + i * dx;
  const draw = (width) => {
    dx = clamp((width - 16) / (n + 2), 14, 38);
    drawn = width;
    const wide = Math.max(width, x(n) + 1.2 * dx + 8);
    const layer = (name) => s("g", { class: name });
    const [seps, rails, locks, arrows, points] = ["seps", "rails", "locks", "arrows", "points"].map(layer);
    threads.forEach((thread, k) => {
      const y = middle(thread);
      if (k) seps.append(s("path", { class: "sep", d: `M0 ${tops[k] - 2}H${wide}` }));
      for (let i = 0, from = 0; i <= n; i++) {
        const status = moments[i].status[thread];
        if (i < n && moments[i + 1].status[thread] === status && (status !== "blocked" || moments[i + 1].blocked[thread] === moments[i].blocked[thread])) continue;
        const left = x(from), right = i < n ? x(i + 1) : x(n) + 0.8 * dx;
        if (status === "ready") rails.append(s("path", { class: "idle", d: `M${left} ${y}H${right}` }));
        if (status === "unborn") rails.append(s("path", { class: "unborn", d: `M${left} ${y}H${right}` }));
        if (status === "blocked") rails.append(s("rect", { class: "wait", x: left, y: y - 4, width: right - left, height: 8, rx: 2, fill: `url(#${uid}h)` }, s("title", {}, `${thread} ${moments[i].blocked[thread] ?? "is blocked"}`)));
        if (status === "done" && from > 0) rails.append(s("path", { class: "cap", d: `M${left + 9} ${y - 6}v12M${left} ${y}h9` }));
        from = i + 1;
      }
    });
    for (const bar of bars) {
      const k = threads.indexOf(bar.holder);
      if (k < 0) continue;
      const left = x(bar.from) - 5, right = bar.to === null ? x(n) + 0.8 * dx : x(bar.to) + 5, top = tops[k] + MARK + bar.row * ROW;
      const after = bars.find((b) => b.holder === bar.holder && b.row === bar.row && b.from >= (bar.to ?? n + 1));
      const long = bar.lock.length * 5.8 + 8, inside = long < right - left, beside = !inside && long < (after ? x(after.from) - 6 : wide) - right;
      const text = inside || beside ? bar.lock : bar.lock.slice(0, Math.max(0, Math.floor((right - left - 8) / 5.8) - 1)) + "…";
      locks.append(s("g", { style: colour(bar.holder) }, s("title", {}, `${bar.holder} holds ${bar.lock}`),
        s("rect", { x: left, y: top, width: right - left, height: ROW - 2, rx: 3 }), s("text", { x: (beside ? right : left) + 4, y: top + 8.6 }, text)));
    }
    steps.forEach((step, i) => {
      for (const woken of step.woke ?? []) {
        if (!threads.includes(woken) || woken === step.thread) continue;
        const y0 = middle(step.thread), y1 = middle(woken), way = Math.sign(y1 - y0), x0 = x(i + 1), x1 = x0 + 0.42 * dx;
        arrows.append(s("path", { "marker-end": `url(#${uid}a)`, d: `M${x0} ${y0 + way * 8}C${x0} ${y1 - way * 14} ${x1} ${y1 - way * 18} ${x1} ${y1 - way * 6}` },
          s("title", {}, `${step.thread} lets ${woken} go on`)));
      }
    });
    marks = steps.map((step, i) => {
      const [, d, solid] = MARKS[step.op] ?? MARKS.write;
      return s("g", { class: solid ? "mark solid" : "mark", style: colour(step.thread), transform: `translate(${x(i + 1)} ${middle(step.thread)})` },
        s("title", {}, `${i + 1}. ${step.text}`), s("path", { d }));
    });
    points.append(...marks);
    if (finding) { // on the lanes it happened on; a finding about the whole run stands across all of them
      const hit = finding.kind === "deadlock" ? threads.filter((thread) => moments[n].status[thread] === "blocked") : threads.filter((thread) => thread === finding.thread);
      const left = x(n) + 0.8 * dx;
      if (!hit.length) points.append(s("path", { class: "across", d: `M${left} 4V${height - 4}` }));
      for (const y of hit.length ? hit.map(middle) : [height / 2]) points.append(s("g", { class: "boom", transform: `translate(${left} ${y})` },
        s("title", {}, finding.message), s("circle", { r: 8.5 }), s("path", { d: CROSS })));
    }
    veil = s("rect", { class: "veil", y: 0, width: wide, height });
    now = s("rect", { class: "now", y: 1, width: dx, height: height - 2, rx: 4 });
    const defs = s("defs", {},
      s("pattern", { id: `${uid}h`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("path", { class: "hatch", d: "M0 0V6" })),
      s("marker", { id: `${uid}a`, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, s("path", { class: "tip", d: "M0 0L8 4L0 8z" })));
    const svg = s("svg", { width: wide, height, style: `width:${wide}px;height:${height}px`, role: "img", "aria-label": `Timeline of ${n} steps of ${threads.join(", ")}`,
      onclick: (e) => jump(clamp(Math.round((e.clientX - svg.getBoundingClientRect().left - x(0)) / dx), 0, n)) },
      defs, now, rails, locks, arrows, points, veil, seps);
    scroll.replaceChildren(svg);
    names.replaceChildren(...threads.map((thread, k) => h("span", { style: `${colour(thread)};top:${tops[k]}px;height:${MARK}px` }, thread)));
    names.style.height = `${height}px`;
  };
  const showTime = () => {
    now.setAttribute("x", x(at) - dx / 2);
    veil.setAttribute("x", x(at) + dx / 2 + (at === n ? 2 * dx : 0));
    const left = x(at) - scroll.scrollLeft;
    if (left < 40 || left > scroll.clientWidth - 60) scroll.scrollLeft = x(at) - scroll.clientWidth / 2;
  };
  const kinds = new Map(steps.map((step) => MARKS[step.op] ?? MARKS.write).map((kind) => [kind[0], kind]));
  const key = (text, ...shapes) => h("span", {}, s("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, ...shapes), text);
  const any = (status) => moments.some((moment) => Object.values(moment.status).includes(status));
  const legend = h("p", { class: "legend" },
    ...[...kinds.values()].map(([name, d, solid]) => key(name, s("path", { d, class: solid ? "solid" : "hollow" }))),
    bars.length ? key("holds a lock", s("rect", { class: "solid soft", x: -8, y: -4, width: 16, height: 8, rx: 2 })) : null,
    any("blocked") ? key("cannot move", s("path", { class: "hatch", d: "M-8 4l8-8M-3 4l8-8M2 4l6-6" })) : null,
    steps.some((step) => (step.woke ?? []).length) ? key("lets another go on", s("path", { class: "hatch", d: "M-3-7C-3 0 3-2 3 5M0 2l3 4 3-4" })) : null,
    any("done") ? key("finished", s("path", { class: "hatch", d: "M-8 0h10M2-5v10" })) : null);

  // ---- state: what is watched; a click goes to the writer
  const writer = (label, until) => { for (let i = until; i > 0; i--) if (wrote(steps[i - 1]).includes(label)) return i; return 0; };
  const cells = labels.map((label) => {
    const value = h("code", {}), since = h("small", {});
    const node = h("button", { type: "button", class: "cell", "data-key": `cell ${label}`,
      onclick: () => { const i = writer(label, at), j = i === at && at ? writer(label, at - 1) : i; jump(j); },
      onmouseenter: () => ring(label, true), onmouseleave: () => ring(label, false), onfocus: () => ring(label, true), onblur: () => ring(label, false) },
      h("span", {}, label), value, since);
    return { label, node, value, since };
  });
  const ring = (label, on) => steps.forEach((step, i) => { if (wrote(step).includes(label)) marks[i].classList.toggle("ringed", on); });
  const showCell = ({ label, node, value, since }, moment, step) => {
    const i = writer(label, at), changed = Boolean(step) && (step.changed ?? []).includes(label);
    value.textContent = moment.state[label] ?? "";
    const again = !changed && i > 0 && i === at;
    since.textContent = changed ? `was ${moments[at - 1].state[label] ?? "nothing"}` : again ? "written again" : i ? `since step ${i}` : "from the start";
    node.classList.toggle("changed", changed || again);
    node.setAttribute("style", i ? colour(steps[i - 1].thread) : "");
    node.title = i ? `Written at step ${i} by ${steps[i - 1].thread}: go there` : "Not written yet: go to the start";
  };

  // ---- rules: which of the scenario's invariants this run breaks, and where; a click goes there
  const rules = trace.invariants ?? [], broken = rules.filter((rule) => rule.broken).sort((a, b) => a.broken - b.broken);
  const chips = broken.map((rule) => h("button", { type: "button", class: "rule", "data-key": `rule ${rule.name}`, title: rule.meaning,
    onclick: () => jump(rule.broken) }, h("b", {}, rule.name), h("span", {})));
  const showRule = (chip, rule) => {
    const over = at >= rule.broken;
    chip.classList.toggle("broken", over);
    chip.lastChild.textContent = over ? ` broken since step ${rule.broken}` : ` breaks at step ${rule.broken}`;
  };
  const rulesLine = rules.length && n ? h("div", { class: "rules", role: "group", "aria-label": "Rules" },
    h("span", {}, broken.length ? "Rules that break, in their order:" : `${["The rule holds", "Both rules hold"][rules.length - 1] ?? `All ${rules.length} rules hold`} in this run.`), ...chips) : null;

  // ---- controls
  const button = (name, title, act) => h("button", { type: "button", class: "ctl", title, "aria-label": title, "data-key": name, onclick: act }, icon(ICONS[name]));
  const playButton = button("play", "Play (space)", () => play(!playing));
  const speedButton = h("button", { type: "button", class: "ctl speed", title: "Speed of play", "aria-label": "Speed of play", onclick: () => {
    speed = speed === 4 ? 1 : 2 * speed; speedButton.textContent = `${speed}×`; } }, "1×");
  const slider = h("input", { type: "range", min: 0, max: n, step: 1, value: 0, "aria-label": "Step", oninput: () => { play(false); show(Number(slider.value)); } });
  const count = h("output", { class: "count" });
  const returns = h("button", { type: "button", class: "return", hidden: true, onclick: () => { const to = back; back = null; show(to); } });
  const say = h("p", { class: "say", role: "status", "aria-live": "polite" });
  const boom = h("p", { class: "banner", hidden: true });
  const sentence = (i) => (i ? steps[i - 1].text : options.start ?? (n ? "Nothing has run yet. Step, or press play." : "Nothing has run yet."));
  const show = (i) => {
    at = clamp(i, 0, n);
    const moment = moments[at], step = at ? steps[at - 1] : null;
    for (const pane of panes) showPane(pane, moment, step);
    for (const cell of cells) showCell(cell, moment, step);
    broken.forEach((rule, i) => showRule(chips[i], rule));
    showTime();
    slider.value = at;
    slider.style.setProperty("--done", `${n ? (100 * at) / n : 0}%`);
    slider.setAttribute("aria-valuetext", `step ${at} of ${n}`);
    count.textContent = `${at} / ${n}`;
    say.textContent = sentence(at);
    say.setAttribute("style", step ? colour(step.thread) : "");
    boom.hidden = options.live || !(finding && at === n);
    returns.hidden = back === null || back === at;
    if (!returns.hidden) returns.textContent = `back to step ${back}`;
    options.onshow?.(at);
  };
  // Where there is something to see: the watched state changes, or another thread is to move next.
  const events = [0, ...steps.flatMap((step, i) => ((step.changed ?? []).length || i + 1 === n || steps[i + 1].thread !== step.thread ? [i + 1] : []))];
  const ahead = () => go(events.find((i) => i > at) ?? n), behind = () => go([...events].reverse().find((i) => i < at) ?? 0);
  const jump = (i) => { play(false); if (i !== at) { back = at; show(i); } };
  const go = (i) => { play(false); back = null; show(i); };
  const play = (on) => {
    if (on === playing) return;
    playing = on;
    playButton.replaceChildren(icon(on ? ICONS.pause : ICONS.play));
    playButton.title = on ? "Pause (space)" : "Play (space)";
    playButton.setAttribute("aria-label", playButton.title);
    say.setAttribute("aria-live", on ? "off" : "polite");
    if (!on) return;
    back = null;
    if (at === n) show(0);
    let last = performance.now();
    const frame = (time) => {
      if (!playing) return;
      if (!node.isConnected) return play(false);
      if (time - last >= (api.interval ?? 1100 / speed)) { last = time; show(at + 1); }
      if (at === n) play(false); else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };
  if (finding) boom.append(h("b", {}, `${finding.kind}`), h("span", {}, finding.message));
  const controls = h("div", { class: "controls" },
    h("div", { class: "buttons" }, button("first", "First (Home)", () => go(0)), button("back", "Back to the last event (Page Up)", behind), button("prev", "Back one step (←)", () => go(at - 1)),
      options.live ? null : playButton, button("next", "Forward one step (→)", () => go(at + 1)),
      button("ahead", "On to the next event (Page Down): the state changes, or another thread moves", ahead), button("last", "Last (End)", () => go(n)), options.live ? null : speedButton),
    slider, count);
  const keys = { ArrowLeft: () => go(at - 1), ArrowRight: () => go(at + 1), Home: () => go(0), End: () => go(n), PageUp: behind, PageDown: ahead };
  const verdict = finding ? h("button", { type: "button", class: "badge bad", title: "Go there", onclick: () => jump(n) }, `${finding.kind}${finding.thread && finding.kind !== "deadlock" ? ` in ${finding.thread}` : ""}`)
    : n && !options.live ? h("span", { class: "badge" }, "nothing fails in this run") : null;
  const node = h("section", { class: "mqp", tabindex: 0, "data-lm-suppress-shortcuts": "true", role: "group", "aria-label": `Player: ${trace.title}`, "data-threads": Math.min(threads.length, 5), style: `--lines:${Math.min(threads.length > 3 ? 8 : 12, deepest)}`,
    onkeydown: (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const act = e.key === " " ? (e.target.closest("button") || options.live ? null : () => play(!playing)) : keys[e.key] ?? options.keys?.(e.key);
      if (act) { e.preventDefault(); act(); }
      if (e.key !== "Tab" && e.key !== "Escape") e.stopPropagation();
    } },
    h("header", { class: "head" }, h("h4", {}, trace.title), trace.subtitle ? h("span", { class: "sub" }, trace.subtitle) : null, verdict),
    h("div", { class: "panes" }, ...panes.map((pane) => pane.node)),
    h("div", { class: "time" }, names, scroll), options.live && !n ? null : controls,
    h("div", { class: "saying" }, say, returns), boom,
    labels.length ? h("div", { class: "state", role: "group", "aria-label": "Watched state" }, ...cells.map((cell) => cell.node)) : null, rulesLine, n ? legend : null);
  const api = { show, go, jump, play, node, interval: null, get at() { return at; }, steps: n };
  node.player = api;
  root.replaceChildren(node);
  draw(scroll.clientWidth || 640);
  show(options.at ?? 0);
  new ResizeObserver(() => { if (scroll.clientWidth && Math.abs(scroll.clientWidth - drawn) > 1) { draw(scroll.clientWidth); show(at); } }).observe(scroll);
  return api;
}

// Toggles, the verdict, and the player of what the explorer found. `cases` maps a set of switches to its verdict and trace.
// A toggle that stands `alone` (a wrong fix brings its own set of fixes) switches the others off.
function race(root, view, ask) {
  const on = new Set(view.on), boxes = new Map();
  const name = () => view.toggles.map((toggle) => toggle.name).filter((fix) => on.has(fix)).join("+");
  const place = h("div");
  const verdict = h("p", { class: "verdict", role: "status", "aria-live": "polite" });
  const show = () => {
    const found = view.cases[name()];
    root.firstChild?.classList.remove("busy");
    verdict.className = `verdict ${found ? found.verdict : "unknown"}`;
    verdict.replaceChildren(h("b", {}, view.message ? "error" : found ? found.verdict : "not explored"),
      h("span", {}, view.message || (found ? found.sentence : "Run this cell to explore this set of fixes.")));
    if (found && found.trace) player(place, found.trace);
    else place.replaceChildren(found ? h("p", { class: "hint" }, "Run this cell to see a run.") : "");
  };
  const row = (toggle) => {
    const box = h("input", { type: "checkbox", role: "switch", "data-key": `fix ${toggle.name}`, onchange: () => {
      if (box.checked) for (const other of view.toggles) if (toggle.alone || other.alone) on.delete(other.name);
      if (box.checked) on.add(toggle.name); else on.delete(toggle.name);
      for (const [key, other] of boxes) other.checked = on.has(key);
      if (!ask) return show();
      root.firstChild.classList.add("busy");
      verdict.replaceChildren(h("b", {}, "exploring"), h("span", {}, "trying every interleaving …"));
      ask({ do: "fixes", on: [...on] });
    } });
    box.checked = on.has(toggle.name);
    boxes.set(toggle.name, box);
    return h("label", {}, box, h("code", {}, toggle.name), h("span", {}, toggle.title));
  };
  const group = (title, chosen) => (chosen.length ? h("fieldset", {}, h("legend", {}, title), ...chosen.map(row)) : null);
  root.replaceChildren(h("div", { class: "mqp-lab", onkeydown: (e) => { if (e.key !== "Tab") e.stopPropagation(); } },
    h("h4", {}, view.title), group("Fixes", view.toggles.filter((toggle) => !toggle.alone)), group("One at a time", view.toggles.filter((toggle) => toggle.alone)), verdict, place));
  show();
}

// You are the scheduler: the player of the run so far, with a button per thread.
function scheduler(root, view, ask) {
  const act = (message) => () => ask?.(message);
  const chosen = (thread) => view.choices.includes(thread);
  const foot = (thread) => h("div", { class: "move" }, h("button", { type: "button", "data-key": `move ${thread}`, "aria-disabled": chosen(thread) && ask ? null : "true",
    title: chosen(thread) ? `Key ${view.trace.threads.indexOf(thread) + 1}` : view.reasons[thread] ?? "",
    onclick: () => { if (chosen(thread)) ask?.({ do: "move", thread }); } }, `Move ${thread}`),
    h("button", { type: "button", class: "run", "data-key": `run ${thread}`, "aria-disabled": chosen(thread) && ask ? null : "true", "aria-label": `Let ${thread} run on`,
      title: "Let it run until it waits, ends, or changes the watched state", onclick: () => { if (chosen(thread)) ask?.({ do: "run", thread }); } }, icon(ICONS.ahead)), h("small", {}, chosen(thread) ? view.next[thread] ?? "" : view.reasons[thread] ?? ""));
  const place = h("div");
  const text = h("input", { class: "schedule", readonly: true, value: view.schedule, "aria-label": "Schedule so far", onfocus: (e) => e.target.select() });
  const copied = h("button", { type: "button", "data-key": "copy", onclick: () => {
    text.focus(); text.select();
    (navigator.clipboard ? navigator.clipboard.writeText(view.schedule) : Promise.reject()).catch(() => document.execCommand("copy")).then(() => { copied.textContent = "Copied"; });
  } }, "Copy");
  const tool = (key, label, message, usable) => h("button", { type: "button", "data-key": key, "aria-disabled": usable && ask ? null : "true", onclick: usable ? act(message) : null }, label);
  root.replaceChildren(h("div", { class: "mqp-lab scheduler" },
    h("p", { class: `verdict ${view.verdict}`, role: "status", "aria-live": "polite" }, h("b", {}, view.heading), h("span", {}, view.message)), place,
    h("div", { class: "tools" }, tool("undo", "Undo", { do: "undo" }, view.trace.steps.length > 0), tool("reset", "Start over", { do: "reset" }, view.trace.steps.length > 0),
      h("span", { class: "keep" }, "Schedule", text, copied))));
  player(place, view.trace, { live: true, foot, at: view.trace.steps.length, start: view.start,
    keys: (key) => { const thread = view.trace.threads[Number(key) - 1]; return thread && chosen(thread) ? act({ do: "move", thread }) : key === "Backspace" || key === "u" ? act({ do: "undo" }) : null; } });
}

function mount(root, view, ask = null) {
  const focused = root.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.key ?? null, inside = Boolean(focused);
  root.classList.add("mini-qemu");
  ({ race, scheduler }[view.mode] ?? ((place, { trace }) => player(place, trace)))(root, view, ask);
  if (inside) ([...root.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key) ?? root.querySelector(".mqp"))?.focus({ preventScroll: true });
}

function render({ model, el }) {
  const draw = () => mount(el, model.get("view"), (message) => model.send(message));
  model.on("change:view", draw);
  draw();
  return () => model.off("change:view", draw);
}

export default { render, mount };
