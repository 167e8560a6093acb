"""Programs whose number of classes is known: from the literature, from a closed form, or from combinatorics.

They mirror the benchmarks of Abdulla, Aronis, Jonsson and Sagonas (POPL 2014), two of which go back to Flanagan and
Godefroid (POPL 2005), and the usual warm-ups. Shared by the tests and by the benchmark, so that what is timed is what
is checked. Each function returns a `Scenario`; they are written as a learner would write them, with lists of small
objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from mini_qemu.sched import Mutex, Scenario, Shared, compare_exchange


class Cell(Shared):
    """One shared integer."""

    value: int = 0


@dataclass
class Guarded:
    """A shared integer and the lock for it."""

    cell: Cell
    lock: Mutex


def guarded() -> Guarded:
    return Guarded(Cell(), Mutex("lock"))


def add(cell: Cell, rounds: int) -> None:
    for _ in range(rounds):
        cell.value = cell.value + 1


def lost_update(threads: int, rounds: int = 1) -> Scenario:
    """Everybody adds to one counter without a lock: 4, 36, 576 classes for 2, 3, 4 threads of one round."""
    return Scenario(
        f"lost-update({threads})" if rounds == 1 else f"lost-update({threads}x{rounds})",
        setup=Cell,
        threads=dict.fromkeys("ABCDEFGH"[:threads], (add, rounds)),
        check=lambda cell: cell.value == threads * rounds,
        guarded=False,
    )


def add_locked(state: Guarded, rounds: int) -> None:
    for _ in range(rounds):
        with state.lock:
            state.cell.value += 1


def locked_update(threads: int, rounds: int = 1) -> Scenario:
    """The same with a lock: a class per order of critical sections, (threads * rounds)! / rounds!^threads."""
    return Scenario(
        f"locked-update({threads}x{rounds})",
        setup=guarded,
        threads=dict.fromkeys("ABCDEFGH"[:threads], (add_locked, rounds)),
        check=lambda state: state.cell.value == threads * rounds,
        guarded=False,
    )


def dine(forks: list[Mutex], first: int, second: int) -> None:
    with forks[first]:
        with forks[second]:
            pass


def philosophers(n: int) -> Scenario:
    """Left fork first: 2^n - 1 classes, one of them a deadlock."""
    return Scenario(
        f"philosophers({n})",
        setup=lambda: [Mutex(f"fork {i}") for i in range(n)],
        threads={f"P{i}": (dine, i, (i + 1) % n) for i in range(n)},
        guarded=False,
    )


def ordered_philosophers(n: int) -> Scenario:
    """The fork with the smaller number first: 2^n - 2 classes, no deadlock."""
    return Scenario(
        f"ordered-philosophers({n})",
        setup=lambda: [Mutex(f"fork {i}") for i in range(n)],
        threads={f"P{i}": (dine, *sorted((i, (i + 1) % n))) for i in range(n)},
        guarded=False,
    )


def cells(n: int) -> list[Cell]:
    return [Cell() for _ in range(n)]


def write_first(state: list[Cell]) -> None:
    state[0].value = 1


def read_own_then_first(state: list[Cell], own: int) -> None:
    mine = state[own].value
    first = state[0].value
    del mine, first


def readers(n: int) -> Scenario:
    """One writer of x; n readers, each reading a variable of its own, then x: 2^n classes."""
    return Scenario(
        f"readers({n})",
        setup=partial(cells, n + 1),
        threads={"writer": write_first} | {f"R{i}": (read_own_then_first, i) for i in range(1, n + 1)},
        guarded=False,
    )


def find_last_zero(array: list[Cell], last: int) -> None:
    i = last
    while array[i].value != 0:
        i -= 1


def write_successor(array: list[Cell], j: int) -> None:
    array[j].value = array[j - 1].value + 1


def lastzero(n: int) -> Scenario:
    """A reader looks for the last zero while writer j stores array[j-1] + 1 into array[j]: (n+3) * 2^(n-2) classes."""
    return Scenario(
        f"lastzero({n})",
        setup=partial(cells, n + 1),
        threads={"reader": (find_last_zero, n)} | {f"W{j}": (write_successor, j) for j in range(1, n + 1)},
        guarded=False,
    )


@dataclass
class Disk:
    """Inodes and blocks, each with a lock of its own."""

    inodes: list[Guarded]
    blocks: list[Guarded]


INODES, BLOCKS = 32, 26


def disk() -> Disk:
    return Disk(
        [Guarded(Cell(), Mutex(f"inode {i}")) for i in range(INODES)],
        [Guarded(Cell(), Mutex(f"block {b}")) for b in range(BLOCKS)],
    )


def give_block(state: Disk, t: int) -> None:
    inode = state.inodes[t % INODES]
    with inode.lock:
        if inode.cell.value == 0:
            b = 2 * (t % INODES) % BLOCKS
            while True:
                block = state.blocks[b]
                with block.lock:
                    if block.cell.value == 0:
                        block.cell.value = 1
                        inode.cell.value = b + 1
                        break
                b = (b + 1) % BLOCKS


def filesystem(n: int) -> Scenario:
    """Threads give blocks to inodes; only from the 14th on do two of them want the same block: 2, 8, 32, 64 classes."""
    return Scenario(f"filesystem({n})", setup=disk, threads={f"T{t}": (give_block, t) for t in range(n)}, guarded=False)


SLOTS = 128


def insert_four(table: list[Cell], t: int) -> None:
    for m in range(1, 5):
        w = 11 * m + t
        h = 7 * w % SLOTS
        while not compare_exchange(table[h], "value", 0, w):
            h = (h + 1) % SLOTS


def indexer(n: int) -> Scenario:
    """Threads insert four words each into a hash table: no collision up to n = 11; 8 classes at 12, 4096 at 15."""
    return Scenario(
        f"indexer({n})",
        setup=partial(cells, SLOTS),
        threads={f"T{t}": (insert_four, t) for t in range(n)},
        guarded=False,
    )


class Node(Shared):
    """An element of a stack."""

    below: Node | None = None


class Stack(Shared):
    """Treiber's stack (1986), in which a node is used again as soon as it was popped."""

    top: Node | None = None
    first: Final[Node]
    second: Final[Node]

    def __init__(self) -> None:
        self.first, self.second = Node(), Node()
        self.second.below = None
        self.first.below = self.second
        self.top = self.first


def push(stack: Stack, node: Node) -> None:
    while True:
        top = stack.top
        node.below = top
        if compare_exchange(stack, "top", top, node):
            return


def pop(stack: Stack) -> Node | None:
    while True:
        top = stack.top
        if top is None:
            return None
        below = top.below
        if compare_exchange(stack, "top", top, below):
            return top


def pop_one(stack: Stack) -> None:
    pop(stack)


def pop_two_push_one(stack: Stack) -> None:
    node = pop(stack)
    pop(stack)
    if node is not None:
        push(stack, node)


def treiber(poppers: int = 1) -> Scenario:
    """The ABA problem: a node comes back, and with it, by the other's exchange, one that was popped."""
    return Scenario(
        f"treiber({poppers})",
        setup=Stack,
        threads=dict.fromkeys("ACDE"[:poppers], pop_one) | {"B": pop_two_push_one},
        check=lambda stack: stack.top in (None, stack.first),
        guarded=False,
    )
