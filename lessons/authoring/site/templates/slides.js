// SPDX-License-Identifier: GPL-2.0-or-later
// The keys of a presentation. Each screen is a part of one long page, so the browser's own scrolling works as well.

const STEP = { PageDown: 1, ArrowDown: 1, ArrowRight: 1, " ": 1, PageUp: -1, ArrowUp: -1, ArrowLeft: -1 };
const screens = [...document.querySelectorAll(".screen")];

// The screen that is seen, or begins just below the edge.
const here = () => screens.findLastIndex((screen) => screen.getBoundingClientRect().top < 40);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.activeElement?.blur();
  const busy = event.target.closest?.(".mini-qemu, summary, a, input");
  if (busy || event.ctrlKey || event.altKey || event.metaKey) return;
  const ends = { Home: 0, End: screens.length - 1 };
  const goal = ends[event.key] ?? (event.key in STEP ? here() + STEP[event.key] : -1);
  if (!screens[goal]) return;
  event.preventDefault();
  screens[goal].scrollIntoView();
}, true);

// A player as large as the screen has room for: the type of a page is too small for the last row.
function fit(player) {
  const screen = player.closest(".screen");
  for (let zoom = 1.7; zoom >= 0.75; zoom -= 0.05) {
    player.style.zoom = zoom;
    if (screen.offsetHeight <= window.innerHeight) return;
  }
}

const fitAll = (inside, which = "") => inside.querySelectorAll(`.mini-qemu:has(.mqp)${which}`).forEach(fit);

document.addEventListener("toggle", (event) => fitAll(event.target), true);
window.addEventListener("resize", () => fitAll(document));
const drawn = new MutationObserver(() => fitAll(document, ":not([style*=zoom])"));
drawn.observe(document.body, { childList: true, subtree: true });

// On paper what is folded around a run is unfolded; answers to questions stay as they are.
window.addEventListener("beforeprint", () => {
  for (const twin of document.querySelectorAll(".twin")) {
    for (const one of [...twin.querySelectorAll("details"), twin.closest("details")]) {
      if (one) one.open = true;
    }
  }
});
