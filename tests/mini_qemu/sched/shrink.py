"""Makes a failing program small: drops statements, opens blocks, drops threads, as long as it keeps failing.

Strategy: greedy descent, first improvement, until no candidate fails any more; the programs are a dozen statements,
so nothing cleverer pays. Left out: shrinking of values and renaming of variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.mini_qemu.sched.language import Block, JoinThread, Program, Repeat, Spawn, all_statements, blocks


def smaller_blocks(block: Block) -> Iterator[Block]:
    """Every block with one statement dropped, opened up (an inner block in its place) or made smaller inside."""
    for i in range(len(block)):
        yield block[:i] + block[i + 1 :]
    for i, statement in enumerate(block):
        before, after = block[:i], block[i + 1 :]
        for name, inner in blocks(statement):
            if not isinstance(statement, Spawn):
                yield before + inner + after
            for less in smaller_blocks(inner):
                yield (*before, replace(statement, **{name: less}), *after)  # type: ignore[arg-type]
        if isinstance(statement, Repeat) and statement.times > 1:
            yield (*before, replace(statement, times=statement.times - 1), *after)


def smaller_programs(program: Program) -> Iterator[Program]:
    """One thread less, one block one statement smaller, one object less, or no check."""
    for i, (name, body) in enumerate(program.threads):
        before, after = program.threads[:i], program.threads[i + 1 :]
        joined = {s.thread for _, b in before + after for s in all_statements(b) if isinstance(s, JoinThread)}
        if len(program.threads) > 1 and name not in joined:
            yield replace(program, threads=before + after)
        for less in smaller_blocks(body):
            yield replace(program, threads=(*before, (name, less), *after))
    if program.check is not None:
        yield replace(program, check=None)
    used = repr(program.threads)
    for i, (variable, _) in enumerate(program.variables):
        if variable not in used and (program.check is None or program.check[0] != variable):
            yield replace(program, variables=program.variables[:i] + program.variables[i + 1 :])
    for i, mutex in enumerate(program.mutexes):
        if repr(mutex) not in used:
            yield replace(program, mutexes=program.mutexes[:i] + program.mutexes[i + 1 :])
    for i, channel in enumerate(program.channels):
        if repr(channel) not in used:
            yield replace(program, channels=program.channels[:i] + program.channels[i + 1 :])
    for i, (semaphore, _) in enumerate(program.semaphores):
        if repr(semaphore) not in used:
            yield replace(program, semaphores=program.semaphores[:i] + program.semaphores[i + 1 :])


def shrink(program: Program, fails: Callable[[Program], bool], attempts: int = 2_000) -> Program:
    """The smallest program found that still fails."""
    improved = True
    while improved:
        improved = False
        for candidate in smaller_programs(program):
            attempts -= 1
            if attempts < 0:
                return program
            if fails(candidate):
                program, improved = candidate, True
                break
    return program
