# SPDX-License-Identifier: GPL-2.0-or-later
"""The small twins: each lesson's mistake in a place without computers, in fewer than fifteen steps.

    01  a kitchen    the pan is on its hook, so the cook has gone home
    02  a wardrobe   the coat was on hook 7 a moment ago
    03  a library    two desks, two lists of what is lent
    04  a box        nobody wrote on it what is inside
    05  a room       "am I the last?", asked by two people at once
    06  places that close, see evening_twins.py

Every twin fails as it stands; the one whose name says how (with a key, at the counter ...) changes one thing, which
helps or, as in the kitchen, does not.
"""

from __future__ import annotations

from mini_qemu.sched import Mutex, Scenario, Shared, fetch_add, join

# ---- 01: a kitchen


class Kitchen(Shared):
    pan: str = "on the stove"
    door: str = "open"
    locked_in: bool = False

    def __init__(self) -> None:
        self.key = Mutex()


def cook(kitchen: Kitchen) -> None:
    """Hang up the pan, then go home, if the door is still open."""
    kitchen.pan = "on its hook"
    if kitchen.door == "locked":
        kitchen.locked_in = True


def waiter(kitchen: Kitchen) -> None:
    """The pan is on its hook, so the cook has gone home: lock the door."""
    if kitchen.pan == "on its hook":
        kitchen.door = "locked"


def cook_with_key(kitchen: Kitchen) -> None:
    with kitchen.key:
        kitchen.pan = "on its hook"
    if kitchen.door == "locked":
        kitchen.locked_in = True


def waiter_with_key(kitchen: Kitchen) -> None:
    with kitchen.key:
        if kitchen.pan == "on its hook":
            kitchen.door = "locked"


def waiter_who_looks_twice(kitchen: Kitchen) -> None:
    if kitchen.pan == "on its hook":
        if kitchen.pan == "on its hook":
            kitchen.door = "locked"


def waiter_who_waits(kitchen: Kitchen) -> None:
    join("cook")
    kitchen.door = "locked"


def nobody_locked_in(kitchen: Kitchen) -> bool:
    assert not kitchen.locked_in, "the cook is locked in"
    return True


def watch_kitchen(kitchen: Kitchen) -> dict[str, object]:
    return {"pan": kitchen.pan, "door": kitchen.door}


closing_time = Scenario(
    "closing-time",
    Kitchen,
    {"cook": cook, "waiter": waiter},
    nobody_locked_in,
    watch_kitchen,
    title="A kitchen at closing time",
    guarded=False,
)
closing_time_with_key = Scenario(
    "closing-time-with-key",
    Kitchen,
    {"cook": cook_with_key, "waiter": waiter_with_key},
    nobody_locked_in,
    watch_kitchen,
    title="A kitchen with one key",
    guarded=False,
)
two_looks = Scenario(
    "two-looks",
    Kitchen,
    {"cook": cook, "waiter": waiter_who_looks_twice},
    nobody_locked_in,
    watch_kitchen,
    title="A waiter who looks twice",
    guarded=False,
)
closing_time_with_goodbye = Scenario(
    "closing-time-with-goodbye",
    Kitchen,
    {"cook": cook, "waiter": waiter_who_waits},
    nobody_locked_in,
    watch_kitchen,
    title="A waiter who waits for the cook",
    guarded=False,
)


# ---- 02: a wardrobe


class Wardrobe(Shared):
    hook_7: str = "coat"
    brought: str = ""

    def __init__(self) -> None:
        self.counter = Mutex()


def owner(wardrobe: Wardrobe) -> None:
    """Take the coat and leave."""
    wardrobe.hook_7 = ""


def attendant(wardrobe: Wardrobe) -> None:
    """Look, then walk over and take what hangs there."""
    if wardrobe.hook_7 == "coat":
        wardrobe.brought = wardrobe.hook_7 or "nothing"


def owner_at_the_counter(wardrobe: Wardrobe) -> None:
    with wardrobe.counter:
        wardrobe.hook_7 = ""


def attendant_at_the_counter(wardrobe: Wardrobe) -> None:
    with wardrobe.counter:
        if wardrobe.hook_7 == "coat":
            wardrobe.brought = wardrobe.hook_7 or "nothing"


def no_empty_hook(wardrobe: Wardrobe) -> bool:
    assert wardrobe.brought != "nothing", "the attendant reached for a coat and found an empty hook"
    return True


def watch_wardrobe(wardrobe: Wardrobe) -> dict[str, object]:
    return {"hook_7": wardrobe.hook_7, "brought": wardrobe.brought}


one_look = Scenario(
    "one-look",
    Wardrobe,
    {"owner": owner, "attendant": attendant},
    no_empty_hook,
    watch_wardrobe,
    title="A coat that was there a moment ago",
    guarded=False,
)
one_at_the_counter = Scenario(
    "one-at-the-counter",
    Wardrobe,
    {"owner": owner_at_the_counter, "attendant": attendant_at_the_counter},
    no_empty_hook,
    watch_wardrobe,
    title="One person at the counter",
    guarded=False,
)


# ---- 03: a library


class Library(Shared):
    films_are_lent: bool = True
    lent: int = 0


def lend_a_film_and_take_it_back(library: Library) -> None:
    """Both desks read one note on the wall."""
    if library.films_are_lent:
        library.lent = library.lent + 1
    if library.films_are_lent:
        library.lent = library.lent - 1


def lend_by_one_list_take_back_by_another(library: Library) -> None:
    """The desk that takes things back has a list of its own, and films are not on it."""
    lends, takes_back = ("book", "film"), ("book",)
    if "film" in lends:
        library.lent = library.lent + 1
    if "film" in takes_back:
        library.lent = library.lent - 1


def change_the_note(library: Library) -> None:
    library.films_are_lent = False


def all_back(library: Library) -> bool:
    assert library.lent == 0, f"everything is back, and the list says that {library.lent} is lent"
    return True


def watch_library(library: Library) -> dict[str, object]:
    return {"films_are_lent": library.films_are_lent, "lent": library.lent}


two_lists = Scenario(
    "two-lists",
    Library,
    {"desk": lend_by_one_list_take_back_by_another},
    all_back,
    watch_library,
    title="A library with two lists",
    guarded=False,
)
note_changes = Scenario(
    "note-changes",
    Library,
    {"desk": lend_a_film_and_take_it_back, "boss": change_the_note},
    all_back,
    watch_library,
    title="A library with one note on the wall",
    guarded=False,
)


# ---- 04: a box


class Box(Shared):
    label: str = ""
    content: str = "glass"

    def __init__(self, label: str = "") -> None:
        self.label = label


def unpack(box: Box) -> None:
    """Turn the box over and shake it, unless it says glass."""
    if box.label != "glass":
        box.content = "shards"


def labelled() -> Box:
    return Box("glass")


def whole(box: Box) -> bool:
    assert box.content != "shards", "the glass is broken"
    return True


def watch_box(box: Box) -> dict[str, object]:
    return {"label": box.label, "content": box.content}


no_label = Scenario("no-label", Box, {"helper": unpack}, whole, watch_box, title="A box without a label", guarded=False)
with_label = Scenario(
    "with-label", labelled, {"helper": unpack}, whole, watch_box, title="A box with a label", guarded=False
)


# ---- 05: a room


class Room(Shared):
    inside: int = 2
    light: str = "on"
    complaint: bool = False


def leave(room: Room) -> None:
    """Look around. If you are alone, turn the light off. Then go."""
    if room.inside == 1:
        room.light = "off"
    fetch_add(room, "inside", -1)


def leave_counting(room: Room) -> None:
    """Count yourself out and look, in one step."""
    if fetch_add(room, "inside", -1) == 1:
        room.light = "off"


def leave_then_caretaker(room: Room) -> None:
    """The caretaker comes as soon as Ann has left, and expects a dark room."""
    leave_counting(room)
    if room.light == "on":
        room.complaint = True


def dark(room: Room) -> bool:
    assert room.light == "off", "everybody has left, and the light is on"
    return True


def no_complaint(room: Room) -> bool:
    assert not room.complaint, "the caretaker found the light on"
    return True


def watch_room(room: Room) -> dict[str, object]:
    return {"inside": room.inside, "light": room.light}


last_one_out = Scenario(
    "last-one-out",
    Room,
    {"Ann": leave, "Bob": leave},
    dark,
    watch_room,
    title="The last one turns off the light",
    guarded=False,
)
counting_out = Scenario(
    "counting-out",
    Room,
    {"Ann": leave_counting, "Bob": leave_counting},
    dark,
    watch_room,
    title="Count yourself out and look, in one step",
    guarded=False,
)
caretaker_comes = Scenario(
    "caretaker-comes",
    Room,
    {"Ann": leave_then_caretaker, "Bob": leave_counting},
    no_complaint,
    watch_room,
    title="A caretaker comes when Ann has left",
    guarded=False,
)
