# SPDX-License-Identifier: GPL-2.0-or-later
"""The five fixes: which of the series' decisions the miniature takes today.

Each attribute of `fixes` is one patch of July 2021. All are off at first: the course starts before the series. A fix
governs a decision only; data that a fix needs (the flag of patch 1, the tag of patch 4) is kept up to date either
way, and the lines that do so end in a comment `# + name_of_the_fix`. That is why all 32 sets run and mean something.

A fix site in the code is a statement `if fixes.NAME:` with the fixed arm first, never inside another site. Two more
groups have sites of the same shape. `history`: older states of upstream that a lesson needs, on unless a story turns
them off. `later`: what upstream fixed between 2021 and 2026 in the code that the five patches left, off unless
somebody turns it on. A later fix stands on all five, and on those before it that its summary names.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass

UPSTREAM = "https://gitlab.com/qemu-project/qemu/-/commit/"


@dataclass(frozen=True)
class Fix:
    """What there is to say about one patch. `patch`: its number in the series, or 0; `date`: of a later fix."""

    name: str
    patch: int
    title: str
    commit: str
    summary: str
    date: str = ""

    @property
    def url(self) -> str:
        return UPSTREAM + self.commit


class UnknownName(LookupError):
    """A name that is not in the list; the message names those that are."""

    def __init__(self, what: str, name: object, choices: list[str]) -> None:
        near = difflib.get_close_matches(str(name), choices, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"there is no {what} {str(name)!r}{hint} Choose from: {', '.join(choices)}.")


class Switches:
    """A named group of booleans: read as plain attributes, listed by iteration, set for a while by `only`."""

    def __init__(self, group: str, what: str, entries: tuple[Fix, ...], default: bool) -> None:
        vars(self).update(_group=group, _what=what, _entries={entry.name: entry for entry in entries})
        vars(self).update(_values={entry.name: default for entry in entries}, _listeners=[])
        vars(self).update({entry.name: default for entry in entries})

    def __getattr__(self, name: str) -> bool:
        """Called for what is not a plain attribute: an unknown name, or any switch while `asked` listens."""
        if name.startswith("__"):
            raise AttributeError(name)
        value: bool = vars(self)["_values"][self[name].name]
        for heard in vars(self)["_listeners"]:
            heard.add(name)
        return value

    def __setattr__(self, name: str, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"{self[name].name} is switched with True or False, not with {value!r}")
        self._put({self[name].name: value})

    def _put(self, values: dict[str, bool]) -> None:
        vars(self)["_values"].update(values)
        if not vars(self)["_listeners"]:
            vars(self).update(values)

    def __iter__(self) -> Iterator[Fix]:
        return iter(self.__dict__["_entries"].values())

    def __len__(self) -> int:
        return len(self.__dict__["_entries"])

    def __getitem__(self, name: str) -> Fix:
        entries: dict[str, Fix] = self.__dict__["_entries"]
        if name not in entries:
            raise UnknownName(self.__dict__["_what"], name, list(entries))
        return entries[name]

    @property
    def names(self) -> list[str]:
        return list(self.__dict__["_entries"])

    @property
    def on(self) -> tuple[str, ...]:
        """The names that are on, in the order of the patches; a value one can keep and compare."""
        return tuple(name for name, value in vars(self)["_values"].items() if value)

    def set(self, *names: str) -> None:
        """Switch exactly these on, for good. Nothing changes if a name is unknown."""
        wanted = {self[name].name for name in names}
        self._put({name: name in wanted for name in self.names})

    def only(self, *names: str) -> _Set:
        """`with fixes.only("join_created_thread"):` exactly these; the former set comes back, also after an error."""
        return _Set(self, tuple(self[name].name for name in names))

    def all(self) -> _Set:
        return self.only(*self.names)

    def none(self) -> _Set:
        return self.only()

    @contextmanager
    def asked(self) -> Iterator[Set[str]]:
        """The names that are asked for inside, by whomever: what happens there cannot depend on the others."""
        heard: set[str] = set()
        listeners: list[set[str]] = vars(self)["_listeners"]
        listeners.append(heard)
        for name in self.names:
            vars(self).pop(name, None)  # now `__getattr__` answers
        try:
            yield heard
        finally:
            listeners[:] = [other for other in listeners if other is not heard]
            if not listeners:
                vars(self).update(vars(self)["_values"])

    def subsets(self) -> Iterator[tuple[str, ...]]:
        """Every set of names, small sets first: 32 for the five fixes."""
        for size in range(len(self) + 1):
            yield from itertools.combinations(self.names, size)

    def __repr__(self) -> str:
        return f"{self.__dict__['_group']} on: {', '.join(self.on) or 'none'}"


class _Set:
    """A set of names, put in place by `with`; usable more than once and within another."""

    def __init__(self, switches: Switches, names: tuple[str, ...]) -> None:
        self.switches = switches
        self.names = names
        self._saved: list[tuple[str, ...]] = []

    def __enter__(self) -> Switches:
        self._saved.append(self.switches.on)
        self.switches.set(*self.names)
        return self.switches

    def __exit__(self, *exc: object) -> None:
        self.switches.set(*self._saved.pop())

    def __repr__(self) -> str:
        return f"with these on: {', '.join(self.names) or 'none'}"


FIXES = (
    Fix(
        "join_created_thread",
        1,
        "join the return path thread because it was created, not because its file is still there",
        "53021ea1659b8a9074c6f5eb6c65a4e5dddddaec",
        'The migration thread asked "is from_dst_file set?" when it meant "is there a thread to join?". The'
        " return path thread clears that pointer before it has ended, so the answer could be no while the thread"
        " still held the channel: no join, and the clean-up aborted on a yank list that was not empty. The patch"
        " adds a flag that is set where the thread is created and cleared where it is joined.",
    ),
    Fix(
        "lock_from_dst_file",
        2,
        "read and clear from_dst_file under qemu_file_lock",
        "43044ac0ee5758d92b639843c045123c2de578d1",
        "Cancel tested from_dst_file and then shut it down, while the return path thread could clear and close it"
        " in between. The patch tests and uses the pointer in one hold of qemu_file_lock, and gives the thread one"
        " helper that takes the pointer away under the lock and closes the file outside it. One site was"
        " overlooked: await_return_path_close_on_source still tests and uses without the lock.",
    ),
    Fix(
        "one_yank_predicate",
        3,
        "decide in one place which channels yank can shut down",
        "18711405b506e7ca3822ed19830f1c562e0247f9",
        '"A socket or TLS" was written out at four places, two that register and two that unregister. In June'
        " 2021 one of them did not know TLS, and every TLS migration aborted at its end. The patch moves the"
        " question into one function that both directions ask.",
    ),
    Fix(
        "file_knows_channel",
        4,
        "a QEMUFile knows whether a channel lies beneath it",
        "c6ad5be7ae5b8c6bbbd0c592bbf18d4a78540516",
        "A QEMUFile keeps its payload as an untyped pointer: a channel for migration, a block device for a"
        " snapshot. The next patch wants the channel of any file, so this one adds a tag and a function that"
        " answers with the channel or with nothing. Without it load_snapshot would cast a block device to a"
        " channel.",
    ),
    Fix(
        "explicit_unregister",
        5,
        "unregister yank where a channel is retired, not when a count reads one",
        "39675ffffb3394d44b880d083a214c5e44786170",
        "Closing a file unregistered the channel's yank function if the reference count read 1, meaning \"I am"
        ' the last". Two closers can both read 2, and on cancel the last close can come after the instance is'
        " gone. The patch names one owner at each end, who unregisters exactly once, before closing.",
    ),
)

HISTORY = (
    Fix(
        "yank_knows_tls",
        0,
        "register and unregister the TLS channel, not the socket beneath it",
        "7de2e85653",
        "Until June 2021 every place asked for sockets only. The bare socket was registered before TLS wrapped it;"
        " the last close asked the wrapper, which is not a socket, and left the socket on the list. Every migration"
        " over TLS aborted at its end, without any race.",
    ),
)

LATER = (
    Fix(
        "error_before_shutdown",
        0,
        "record the error of a file before its channel is shut down",
        "f5816b5c86ed399c99ce8662a4ed96aab32c5eef",
        "qemu_file_shutdown stopped the channel first and recorded the error second. A reader in between got nothing,"
        " found no error, and took the nothing for a page of guest memory. The patch records the error first.",
        "2022-11-21",
    ),
    Fix(
        "cleanup_in_destroy",
        0,
        "take down the receive channels of multifd at the end of a postcopy, too",
        "cfc3bcf373218fb8757b0ff1ce2017b9b6ad4bff",
        "A precopy ends in a bottom half, which took the receive channels out of the yank list; a postcopy ends in"
        " the listen thread, which did not. The patch moves the call to where both come to.",
        "2023-02-13",
    ),
    Fix(
        "lock_in_await",
        0,
        "test and shut down the return path under qemu_file_lock before the join",
        "639decf529793fc544c8055b82be8abe77fa48fa",
        "The place that patch 2 overlooked: await_return_path_close_on_source tested from_dst_file and then shut it"
        " down, while the return path thread could close it in between. The patch tests and uses both files in one"
        " hold of the lock.",
        "2023-09",
    ),
    Fix(
        "only_thread_marks_error",
        0,
        "only the return path thread says that the return path failed",
        "28a8347281e24c2e7bba6d3301472eda41d4c096",
        "The flag rp_state.error had two writers: the migration thread set it before the join, and the return path"
        " thread cleared it when it came back from a pause, so that a failure could be forgotten. The patch leaves"
        " setting it to the thread, which finds the error on its file anyway. Upstream it came just before"
        " lock_in_await; here it changes the lines that lock_in_await put in place.",
        "2023-09",
    ),
    Fix(
        "lock_to_dst_file",
        0,
        "test and shut down to_dst_file under qemu_file_lock",
        "7478fb0df914f0a5ab551ff74b1df62dd250500e",
        "Cancel copied to_dst_file without the lock and shut the copy down several steps later; migrate-pause took the"
        " lock but did not ask whether the pointer was NULL. A pause of the postcopy closes the file in between. The"
        " patch tests and uses the pointer in one hold of the lock, in both commands.",
        "2023-09",
    ),
    Fix(
        "restart_return_path_thread",
        0,
        "end the return path thread in a pause, and start a new one on resume",
        "ef796ee93b313ed2f0b427ef30320417387d2ad5",
        "In a pause the return path thread let go of its file, slept, and took up a new one. Nobody made the resume"
        " wait for it, so a late thread closed its successor's file. With the patch the thread ends on every error,"
        " the pause joins it before it says that it is paused, and a resume starts another thread.",
        "2023-09",
    ),
    Fix(
        "join_on_every_path",
        0,
        "join the return path thread in the clean-up, and let the joiner close its file",
        "36e9aab3c569d4c9ad780473596e18479838d1aa",
        "Cancel and failure left the return path thread behind, and the next migration used the state that the thread"
        " still held. The patch joins it in migrate_fd_cleanup, where every path ends; the thread that"
        " joined closes from_dst_file. The join came after to_dst_file was gone, which is the next mistake: see"
        " join_before_close. Stands on lock_in_await and restart_return_path_thread.",
        "2023-09",
    ),
    Fix(
        "kick_from_recover",
        0,
        "wake the migration thread when the return path fails during a recovery",
        "f8c543e808f20ba936d94cfa5fc592627d8d100c",
        "While it recovers, the migration thread waits for an answer that only the return path thread can bring. If"
        " the new line failed too, nobody posted and the migration stayed in postcopy-recover for ever. With the patch"
        " the thread posts on its way out, the wait tells an answer from a failure, and the migration pauses again."
        " So does the destination, whose listen thread read on from a file that was gone. Stands on"
        " restart_return_path_thread.",
        "2023-11-02",
    ),
    Fix(
        "tls_thread_of_its_own",
        0,
        "keep the handle of a multifd handshake thread, and join it",
        "e1921f10d9afe651f4887284e85f6789b37e67d3",
        "The thread that does a TLS handshake and the send thread it starts were kept in one variable. The second"
        " handle was stored over the first, so the handshake thread was never joined: the mistake of patch 1, in the"
        " next file, two and a half years later.",
        "2024-02",
    ),
    Fix(
        "join_before_close",
        0,
        "join the return path thread before to_dst_file is closed",
        "22b04245f0d5",
        "The join decides by an error on to_dst_file whether it has to shut the return path down. In the clean-up and"
        " in a pause that file was gone by then: nobody stopped the thread, and the main loop waited for it. The"
        " patch moves both joins up. Stands on join_on_every_path.",
        "2024-02",
    ),
    Fix(
        "any_error_stops",
        0,
        "shut the return path down before the join if the migration has any error",
        "9425ef3f990a",
        "Not every failure is an error of to_dst_file. The patch asks whether the migration has recorded an error of"
        " any kind. Stands on join_before_close; a failure that records nothing is not noticed any more, see"
        " completion_records_error.",
        "2024-02",
    ),
    Fix(
        "completion_records_error",
        0,
        "record an error when the machine cannot be saved at completion",
        "30158d885008246f48ee8ef9cdeca220c1bd8586",
        "Since any_error_stops the join looks for a recorded error, and migration_completion failed without recording"
        " one: the main loop waited again. The fourth patch around one rule: first stop it, then wait for it, then"
        " free what it uses.",
        "2024-03-31",
    ),
    Fix(
        "keep_cancelling",
        0,
        "do not call a migration failed that is being cancelled",
        "4a228bcc99",
        "A change of state names the state it starts from. Some callers named whatever the state was, and so turned a"
        " cancel that had been accepted into a failure. The patch leaves cancelling alone.",
        "2025-02-13",
    ),
    Fix(
        "no_cancel_in_postcopy",
        0,
        "refuse to cancel once the postcopy has begun",
        "646119088f",
        "Once the guest may run on the destination the source cannot go back. A cancel was accepted all the same: in"
        " a paused postcopy it changed the state, woke nobody, and both threads slept for ever. The patch refuses the"
        " command.",
        "2025-02-13",
    ),
    Fix(
        "register_before_setup",
        0,
        "register the yank instance before the state is made ready for a new migration",
        "7e71439243",
        "`migrate` first reset the state and then asked for the yank instance. If there was one already, from a"
        " migration whose clean-up had not run yet, it answered with an error and left the state reset: setup for"
        " ever, or a crash in that clean-up. The patch asks first.",
        "2026-01-23",
    ),
)


class FiveFixes(Switches):
    """Annotated once more for type checkers; the table above is the list."""

    join_created_thread: bool
    lock_from_dst_file: bool
    one_yank_predicate: bool
    file_knows_channel: bool
    explicit_unregister: bool


class History(Switches):
    yank_knows_tls: bool


class Later(Switches):
    error_before_shutdown: bool
    cleanup_in_destroy: bool
    lock_in_await: bool
    only_thread_marks_error: bool
    lock_to_dst_file: bool
    restart_return_path_thread: bool
    join_on_every_path: bool
    kick_from_recover: bool
    tls_thread_of_its_own: bool
    join_before_close: bool
    any_error_stops: bool
    completion_records_error: bool
    keep_cancelling: bool
    no_cancel_in_postcopy: bool
    register_before_setup: bool


fixes = FiveFixes("fixes", "fix", FIXES, default=False)
history = History("history", "state of history", HISTORY, default=True)
later = Later("later", "later fix", LATER, default=False)


def any_fix(name: str) -> Fix:
    """A patch of the series or a later fix. Raises UnknownName, which names them all."""
    for group in (fixes, later):
        if name in group.names:
            return group[name]
    raise UnknownName("fix", name, [*fixes.names, *later.names])


def all_on() -> tuple[str, ...]:
    """The names of patches and later fixes that are on."""
    return fixes.on + later.on


@contextmanager
def only(*names: str) -> Iterator[None]:
    """Exactly these on, patches of the series and later fixes; the former sets come back."""
    wanted = {any_fix(name).name for name in names}
    with fixes.only(*(n for n in fixes.names if n in wanted)), later.only(*(n for n in later.names if n in wanted)):
        yield


@contextmanager
def as_of(names: tuple[str, ...], history_names: tuple[str, ...] = ("yank_knows_tls",)) -> Iterator[None]:
    """All three groups at once: the state of the code a scenario is explored in. `names`: as for `only`."""
    with only(*names), history.only(*history_names):
        yield
