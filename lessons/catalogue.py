# SPDX-License-Identifier: GPL-2.0-or-later
"""Things of one kind by name: a name that is not there is answered with those that are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from mini_qemu.fixes import UnknownName

T = TypeVar("T")


class Catalogue(Generic[T]):
    """`catalogue()` is everything, name -> thing, loaded when first asked for; `catalogue[name]` is one of them."""

    def __init__(self, kind: str, load: Callable[[], Mapping[str, T]]) -> None:
        self.kind = kind
        self._load = load
        self._things: Mapping[str, T] | None = None

    def __call__(self) -> Mapping[str, T]:
        if self._things is None:
            self._things = self._load()
        return self._things

    def __getitem__(self, name: str) -> T:
        """One thing. Raises UnknownName, which lists the names there are."""
        if name not in self():
            raise UnknownName(self.kind, name, list(self()))
        return self()[name]
