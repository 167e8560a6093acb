"""Every story under the guard: what its threads share is declared, and what is not declared is ordered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from lessons.scenarios import stories
from mini_qemu.fixes import fixes
from mini_qemu.sched import Result, Scenario, explore

FIXES = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate", "file_knows_channel", "explicit_unregister")
SETS = [subset for size in range(len(FIXES) + 1) for subset in combinations(FIXES, size)]
FOUND = {
    "multifd-tls": ["MultiFDSendParams.thread"],  # main and the handshake both store a handle there: that is the bug
    "lost-cancel": ["the list states"],  # the scenario's own record of what was announced
}
"""What the guard finds that is not declared. It adds interleavings; the verdicts are the same."""
QUICK = ("precopy-return-path", "cancel-cleanup", "local-error", "yank-in-postcopy", "yank-during-load")


def watched(scenario: Scenario, limit_runs: int | None = None) -> Result:
    """The scenario, explored with its guard on."""
    s = scenario
    guarded = Scenario(s.name, s.setup, s.threads, s.check, s.watch, s.leaks, s.invariants)
    return explore(guarded, limit_runs=limit_runs)


def same(scenario: Scenario) -> Iterator[bool]:
    """Whether the guard finds nothing, and the counts are those without it."""
    bare, guarded = explore(scenario), watched(scenario)
    yield not guarded.discovered
    yield (bare.classes, bare.failing, bare.findings) == (guarded.classes, guarded.failing, guarded.findings)


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("on", [(), FIXES], ids=["none", "all"])
def test_the_guard_finds_nothing_in_a_story(name: str, on: tuple[str, ...]) -> None:
    with fixes.only(*on):
        assert all(same(stories()[name].scenario))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(stories()))
@pytest.mark.parametrize("on", [(), FIXES], ids=["none", "all"])
def test_the_guard_finds_nothing_in_any_story(name: str, on: tuple[str, ...]) -> None:
    """In the first runs, with none and with all of the fixes. `main` makes all runs with all 32 sets: half an hour."""
    with fixes.only(*on):
        assert watched(stories()[name].scenario, limit_runs=500).discovered == FOUND.get(name, [])


def test_the_guard_would_find_a_plain_attribute_of_a_story() -> None:
    class Side:
        n = 0

    def adds(side: Side) -> None:
        side.n = side.n + 1

    assert explore(Scenario("plain", Side, {"A": adds, "B": adds})).discovered == ["Side.n"]


def main() -> None:
    for name, story in stories().items():
        for on in SETS:
            with fixes.only(*on):
                print(name, *on, watched(story.scenario).discovered or "nothing", flush=True)


if __name__ == "__main__":
    main()
