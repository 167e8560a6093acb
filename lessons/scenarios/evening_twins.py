# SPDX-License-Identifier: GPL-2.0-or-later
"""The small twins of lesson 06: places that close, in fewer than fifteen steps.

a hatch         the boss calls everybody who waits, but for one
a museum        ring, wait, lock: which of the three comes first?
a hotel         a room number is not a guest
a descriptor    the same on a computer: closed twice, it closes what somebody else has opened
"""

from __future__ import annotations

from collections.abc import Callable

from mini_qemu.sched import Mutex, Scenario, Semaphore, Shared, compare_exchange, join

# ---- a hatch between kitchen and dining room, with space for one plate


class Hatch(Shared):
    closed: bool = False
    plates: int = 0

    def __init__(self) -> None:
        self.space = Semaphore(1)
        self.plate = Semaphore(0)


Work = Callable[[Hatch], None]


def cooks_two(hatch: Hatch) -> None:
    """Wait for space, look whether the kitchen is closed, put a plate there, call the waiter. Twice."""
    for _ in range(2):
        hatch.space.wait()
        if hatch.closed:
            return
        hatch.plates = hatch.plates + 1
        hatch.plate.post()


def cooks_two_looking_first(hatch: Hatch) -> None:
    for _ in range(2):
        if hatch.closed:
            return
        hatch.space.wait()
        hatch.plates = hatch.plates + 1
        hatch.plate.post()


def serves(hatch: Hatch) -> None:
    """Wait for a plate, look whether the kitchen is closed, take it, call the cook."""
    hatch.plate.wait()
    if hatch.closed:
        return
    hatch.plates = hatch.plates - 1
    hatch.space.post()


def closes(hatch: Hatch) -> None:
    """The boss says so, and calls the waiter."""
    hatch.closed = True
    hatch.plate.post()


def closes_and_calls_both(hatch: Hatch) -> None:
    hatch.closed = True
    hatch.plate.post()
    hatch.space.post()


def calls_and_closes(hatch: Hatch) -> None:
    hatch.plate.post()
    hatch.closed = True


def watch_hatch(hatch: Hatch) -> dict[str, object]:
    return {"closed": hatch.closed, "plates": hatch.plates}


def at_the_hatch(name: str, cook: Work, boss: Work, title: str) -> Scenario:
    threads = {"cook": cook, "waiter": serves, "boss": boss}
    return Scenario(name, Hatch, threads, watch=watch_hatch, title=title, guarded=False)


closing_hatch = at_the_hatch("closing-hatch", cooks_two, closes, "A hatch at closing time")
hatch_ideas = {
    "look": at_the_hatch("cook-looks-first", cooks_two_looking_first, closes, "A cook who looks before waiting"),
    "both": at_the_hatch("boss-calls-both", cooks_two, closes_and_calls_both, "A boss who calls both"),
    "early": at_the_hatch("boss-calls-early", cooks_two, calls_and_closes, "A boss who calls first"),
}


# ---- a museum


class Museum(Shared):
    door: str = "open"
    locked_in: bool = False

    def __init__(self) -> None:
        self.bell = Semaphore(0)


def visitor(museum: Museum) -> None:
    """Look at pictures until the bell rings. Then leave, if the door is still open."""
    museum.bell.wait()
    if museum.door == "locked":
        museum.locked_in = True


def ring_wait_lock(museum: Museum) -> None:
    museum.bell.post()
    join("visitor")
    museum.door = "locked"


def wait_ring_lock(museum: Museum) -> None:
    join("visitor")
    museum.bell.post()
    museum.door = "locked"


def ring_lock_wait(museum: Museum) -> None:
    museum.bell.post()
    museum.door = "locked"
    join("visitor")


def nobody_in_the_museum(museum: Museum) -> bool:
    assert not museum.locked_in, "the visitor is locked in"
    return True


def watch_museum(museum: Museum) -> dict[str, object]:
    return {"door": museum.door}


def evening(guard: Callable[[Museum], None]) -> Scenario:
    threads = {"guard": guard, "visitor": visitor}
    name = guard.__name__.replace("_", "-")
    title = "A museum in the evening"
    return Scenario(name, Museum, threads, nobody_in_the_museum, watch_museum, title=title, guarded=False)


museum_evenings = {guard.__name__: evening(guard) for guard in (ring_wait_lock, wait_ring_lock, ring_lock_wait)}


# ---- a hotel


class Hotel(Shared):
    room_7: str = "Ann and Bob"
    carol_has_a_room: bool = False

    def __init__(self) -> None:
        self.desk = Mutex()


def checks_out(hotel: Hotel) -> None:
    """Ann and Bob each do it, to be sure."""
    with hotel.desk:
        hotel.room_7 = ""


def checks_out_by_name(hotel: Hotel) -> None:
    with hotel.desk:
        if hotel.room_7 == "Ann and Bob":
            hotel.room_7 = ""


def carol(hotel: Hotel) -> None:
    """Take the room, if it is free."""
    with hotel.desk:
        if hotel.room_7 == "":
            hotel.room_7 = "Carol"
            hotel.carol_has_a_room = True


def carol_keeps_her_room(hotel: Hotel) -> bool:
    assert not hotel.carol_has_a_room or hotel.room_7 == "Carol", "Carol has taken room 7, and it counts as free"
    return True


def watch_hotel(hotel: Hotel) -> dict[str, object]:
    return {"room_7": hotel.room_7}


same_number = Scenario(
    "same-number",
    Hotel,
    {"Ann": checks_out, "Bob": checks_out, "Carol": carol},
    carol_keeps_her_room,
    watch_hotel,
    title="Whose room is number 7?",
    guarded=False,
)
same_guest = Scenario(
    "same-guest",
    Hotel,
    {"Ann": checks_out_by_name, "Bob": checks_out_by_name, "Carol": carol},
    carol_keeps_her_room,
    watch_hotel,
    title="Check out a guest, not a number",
    guarded=False,
)


# ---- a descriptor


class Process(Shared):
    """Two files use one connection, which keeps its descriptor in `fd`. The kernel opens and closes in one step."""

    fd: int = 7
    seven: str = "connection"
    log_is_open: bool = False


def at_end(process: Process) -> None:
    """What each of the two files does at its end: close the descriptor, unless that is done. As in QEMU until 2023."""
    if process.fd != -1:
        process.seven = ""
        process.fd = -1


def takes_then_closes(process: Process) -> None:
    """Test and store in one step: only one of the two files gets the number."""
    if compare_exchange(process, "fd", 7, -1):
        process.seven = ""


def opens_a_log(process: Process) -> None:
    """The kernel gives the lowest number that is free, and the program trusts it."""
    if compare_exchange(process, "seven", "", "log"):
        process.log_is_open = True


def log_stays_open(process: Process) -> bool:
    assert not process.log_is_open or process.seven == "log", "the log was opened as 7, and somebody else has closed it"
    return True


def watch_process(process: Process) -> dict[str, object]:
    return {"fd": process.fd, "7 stands for": process.seven or "nothing"}


def descriptor(name: str, file: Callable[[Process], None], title: str) -> Scenario:
    threads = {"to_dst_file": file, "from_dst_file": file, "logger": opens_a_log}
    return Scenario(name, Process, threads, log_stays_open, watch_process, title=title, guarded=False)


closed_twice = descriptor("closed-twice", at_end, "A descriptor that is closed twice")
taken_first = descriptor("taken-first", takes_then_closes, "Take the number, then close it")
