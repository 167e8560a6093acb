# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that threads share without an object: captured ones that are bound again, and globals that functions bind.

A captured variable is reached through its cell, which the rewritten code hands over in the closure of a small function.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CellType
from typing import Any

from .access import READS, WRITES, Act, guard_of, quietly, refuse, step
from .guard import Site
from .scopes import names_of


def cells(function: Any, names: tuple[str, ...], site: Site) -> None:
    """The captured variables that a call makes."""
    guard = guard_of()
    for name, cell in zip(names, function.__closure__ or (), strict=False):
        guard.born(cell, "cell", site, name)
        guard.boxes[id(cell)].label = ("cell", site[1], name)
        guard.boxes[id(cell)].visible = ("cell", site[1], name) in guard.visible.found


def _cell(function: Any, name: str, change: bool, run: Callable[[Any], Any], site: Site, *value: Any) -> Any:
    cell = function.__closure__[0]
    guard = guard_of()
    box = guard.boxes.get(id(cell))
    if box is None:
        box = guard.outer(cell, "cell", site, name)
        box.label = ("cell", site[1], name)
        box.visible = box.label in guard.visible.found
    verb = WRITES if change else READS
    if box.visible:
        return step(guard, box, name, change, Act(lambda: run(cell), verb, name, value), site)
    return quietly(guard, box, name, change, (lambda: run(cell), verb), site, value)


def load_cell(function: Any, name: str, site: Site) -> Any:
    """A captured variable that is bound more than once."""

    def run(cell: CellType) -> Any:
        try:
            return cell.cell_contents
        except ValueError:
            raise NameError(f"cannot access free variable {name!r} where it is not associated with a value") from None

    return _cell(function, name, False, run, site)


def set_cell(function: Any, name: str, value: Any, site: Site) -> Any:
    def run(cell: CellType) -> None:
        cell.cell_contents = value

    return _cell(function, name, True, run, site, value)


def _global(scope: dict[str, Any], name: str, change: bool, run: Callable[[], Any], site: Site, *value: Any) -> Any:
    guard = guard_of()
    module = str(scope.get("__name__"))
    box = guard.outer(scope, "global", site, module)
    label = ("global", module, name)
    verb = WRITES if change else READS
    if change and box.old:
        guard.refuse_change(label, site)
    if label in guard.visible.found:
        return step(guard, box, name, change, Act(run, verb, name, value), site)
    return quietly(guard, box, name, change, (run, verb), site, value, label)


def load_global(scope: dict[str, Any], name: str, site: Site) -> Any:
    """A global that some function binds."""

    def run() -> Any:
        if name in scope:
            return scope[name]
        found = scope["__builtins__"]
        found = found if isinstance(found, dict) else vars(found)
        if name in found:
            return found[name]
        raise NameError(f"name {name!r} is not defined")

    return _global(scope, name, False, run, site)


def set_global(scope: dict[str, Any], name: str, value: Any, site: Site) -> Any:
    guard_of().world.scenario.keep(scope, name)
    return _global(scope, name, True, lambda: scope.__setitem__(name, value), site, value)


def set_by_name(scope: dict[str, Any], name: str, value: Any, site: Site) -> Any:
    """``module.name = value``, ``globals()["name"] = value``: a binding that the module's functions do not declare."""
    names = names_of(str(scope.get("__file__", "")))
    if name in names.bare and name not in names.declared:
        raise refuse(
            site,
            f"the global {name} is bound from outside, while functions of its module use it by its name; write a "
            f"function there that says global {name} and binds it",
        )
    return set_global(scope, name, value, site)


def delete_by_name(scope: dict[str, Any], name: str, site: Site) -> Any:
    raise refuse(site, f"the global {name} is deleted; assign None instead")


def global_item(scope: dict[str, Any], name: str, run: Callable[[], Any], site: Site) -> Any:
    """``globals()["name"]``, ``"name" in globals()``."""
    return _global(scope, name, False, run, site)
