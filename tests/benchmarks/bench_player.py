"""How fast the player is, in a browser: `make bench`. Not a test: a machine that is busy is not a bug.

click -> painted: from the event's own time stamp of a real click on "next" to the first task after the frame in which
the step was drawn. play: a step in every frame, how many frames there were in a second. first: from an empty page to
the first frame with the player in it. toggle: RaceLab's own work between two verdicts, in Python.
Goals: click -> painted at most 33 ms at the 95th percentile, 60 frames a second, a toggle within 1 s.
"""

from __future__ import annotations

import json
import statistics
import time

from lessons.player import Player
from lessons.player.at_rest import module_text, style_text
from lessons.scenarios.precopy_return_path import scenario
from lessons.widgets.lab import RaceLab
from mini_qemu.sched import Scenario, Shared, minimise, replay
from tests.browser.jupyterlab import chromium_browser, quiet_page

CLICKS = 60

WATCH_CLICKS = """() => {
    window.times = [];
    document.addEventListener("click", (event) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => times.push(performance.now() - event.timeStamp);
        channel.port2.postMessage(0);
    }), true);
}"""
PLAY = """() => new Promise((done) => {
    const player = document.querySelector(".mqp").player, start = performance.now();
    player.interval = 0;
    let frames = 0;
    const frame = () => {
        frames += 1;
        if (performance.now() - start > 3000) return done([frames, performance.now() - start]);
        if (player.at === player.steps) player.go(0);
        player.play(true);
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})"""


class Ledger(Shared):
    left: int = 0
    right: int = 0


def book(ledger: Ledger, times: int) -> None:
    for _ in range(times):
        ledger.left = ledger.left + 1
        ledger.right = ledger.right + 1


def many_steps(times: int) -> Player:
    two = Scenario("ledger", Ledger, {"A": (book, times), "B": (book, times)})
    return Player(replay(two, "v1:" + "A1 B1 " * (4 * times)))


def measure(name: str, player: Player) -> str:
    page_text = f"<!doctype html><meta charset='utf-8'><body>{player._repr_html_()}</body>"
    with chromium_browser() as browser, quiet_page(browser) as page:
        page.goto("about:blank")
        page.set_content(page_text)
        first = page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
        )
        page.evaluate(WATCH_CLICKS)
        box = page.get_by_role("button", name="Forward one step").bounding_box()
        assert box is not None
        for i in range(CLICKS):
            if i % len(player.data["steps"]) == 0:
                page.evaluate("document.querySelector('.mqp').player.go(0)")
            page.mouse.click(box["x"] + 5, box["y"] + 5)
            page.wait_for_function(f"times.length === {i + 1}")
        times = sorted(page.evaluate("times"))
        frames, took = page.evaluate(PLAY)
    steps, size = len(player.data["steps"]), len(json.dumps(player.data, separators=(",", ":")))
    p95 = times[int(0.95 * len(times))]
    return (
        f"{name:<24}{steps:>6}{size / 1000:>9.1f}{statistics.median(times):>10.1f}{p95:>8.1f}"
        f"{1000 * frames / took:>8.0f}{first:>8.0f}"
    )


def main() -> None:
    print(
        f"player.js {len(module_text().encode()) / 1000:.1f} kB, player.css {len(style_text().encode()) / 1000:.1f} kB"
    )
    print(f"{'trace':<24}{'steps':>6}{'kB':>9}{'click ms':>10}{'p95':>8}{'fps':>8}{'first':>8}")
    print(measure("two threads", many_steps(5)))
    print(measure("the missing join", Player(replay(scenario, minimise(scenario)))))
    print(measure("long", many_steps(60)))
    lab = RaceLab(scenario, fixes=["join_created_thread"])
    for on in (["join_created_thread"], []):
        start = time.perf_counter()
        lab.obey({"do": "fixes", "on": on})
        print(f"toggle to {' '.join(on) or 'no fix'}: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
