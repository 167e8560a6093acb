"""The simplest failing run is the simplest there is: compared with every schedule of random programs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing

import pytest

from mini_qemu.sched import Scenario, explore, minimise, parse_schedule
from mini_qemu.sched.world import World
from tests.mini_qemu.sched.programs import random_program
from tests.mini_qemu.sched.translate import translate

LIMIT = 1_500
"""Prefixes of schedules tried for one finding; beyond, the program is passed over."""

Cost = tuple[int, int]


class TooLarge(Exception):
    pass


def after(scenario: Scenario, threads: list[str]) -> tuple[int, list[str], set[tuple[str, str]]]:
    """What a schedule costs in preemptions, who can move after it, and how it has ended, if it has."""
    preemptions, last = 0, ""
    with closing(World(scenario)) as world:
        with world.running():
            world.start()
            for name in threads:
                able = [task.name for task in world.able()]
                preemptions += last in able and name != last
                world.step(next(task for task in world.tasks if task.name == name))
                last = name
            able = [task.name for task in world.able()]
        ended = world.findings[:1] or ([] if able else world.judge())
    return preemptions, able, {(finding.kind, finding.message) for finding in ended}


def cheapest(scenario: Scenario, wanted: tuple[str, str]) -> Cost | None:
    """The least (preemptions, steps) of all schedules that end in ``wanted``."""
    best: Cost | None = None
    todo: list[list[str]] = [[]]
    for _ in range(LIMIT):
        if not todo:
            return best
        threads = todo.pop()
        preemptions, able, ended = after(scenario, threads)
        cost = preemptions, len(threads)
        if best is not None and cost >= best:
            continue
        if wanted in ended:
            best = cost
        elif not ended:
            todo += [[*threads, name] for name in able]
    raise TooLarge


def compared(seeds: range) -> Iterator[tuple[str, Cost, Cost | None]]:
    for seed in seeds:
        translated = translate(random_program(random.Random(seed), operations=7))
        try:
            result = explore(translated.scenario, "dpor", limit_runs=200)
            for failure in result.examples.values():
                try:
                    least = cheapest(translated.scenario, (failure.kind, failure.message))
                except TooLarge:
                    continue
                threads, _ = parse_schedule(minimise(translated.scenario, failure))
                preemptions, _, _ = after(translated.scenario, threads)
                yield f"seed {seed}, {failure.kind}: {failure.message}", (preemptions, len(threads)), least
        finally:
            translated.forget()


def differing(seeds: range) -> tuple[int, list[str]]:
    found = list(compared(seeds))
    return len(found), [f"{what}: {given}, possible are {least}" for what, given, least in found if given != least]


def test_fewest_preemptions_then_fewest_steps() -> None:
    number, wrong = differing(range(60))
    assert number > 20
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_fewest_preemptions_then_fewest_steps_of_many() -> None:
    number, wrong = differing(range(1_000, 1_300))
    assert number > 120
    assert not wrong, "\n".join(wrong)
