# SPDX-License-Identifier: GPL-2.0-or-later
"""The five fixes: which of the series' decisions the miniature takes today.

Each attribute of `fixes` is one patch of July 2021. All are off at first: the course starts before the series. A fix
governs a decision only; data that a fix needs (the flag of patch 1, the tag of patch 4) is kept up to date either
way, and the lines that do so end in a comment `# + name_of_the_fix`. That is why all 32 sets run and mean something.

A fix site in the code is a statement `if fixes.NAME:` with the fixed arm first, never inside another site. `history`
is a second, separate group: older states of upstream that a lesson needs.
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
    """What there is to say about one patch."""

    name: str
    patch: int
    title: str
    commit: str
    summary: str

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
        """Called for what is no plain attribute: an unknown name, or any switch while `asked` listens."""
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


class FiveFixes(Switches):
    """Annotated once more for type checkers; the table above is the list."""

    join_created_thread: bool
    lock_from_dst_file: bool
    one_yank_predicate: bool
    file_knows_channel: bool
    explicit_unregister: bool


class History(Switches):
    yank_knows_tls: bool


fixes = FiveFixes("fixes", "fix", FIXES, default=False)
history = History("history", "state of history", HISTORY, default=True)


@contextmanager
def as_of(fix_names: tuple[str, ...], history_names: tuple[str, ...] = ("yank_knows_tls",)) -> Iterator[None]:
    """Both groups at once: the state of the code a scenario is explored in."""
    with fixes.only(*fix_names), history.only(*history_names):
        yield
