# SPDX-License-Identifier: GPL-2.0-or-later
"""Many explorations at once: scenario x fix set x parameter, through any `concurrent.futures.Executor`.

One exploration cannot be split (optimal DPOR loses classes when its tree is dealt out), but independent ones can run
side by side. A process pool, ipyparallel's or dask's executor all serve; without one, the work is done here, one after
another.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Executor, as_completed
from typing import TypeVar

from .errors import SchedError

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


def explore_all(
    work: Mapping[K, Callable[[], R]],
    executor: Executor | None = None,
    progress: Callable[[int, int, K], object] | None = None,
) -> dict[K, R]:
    """The result of every piece of ``work``, in its order.

    A piece is a function without arguments, usually ``functools.partial(explore_this, name, fixes)``; for an executor
    of processes it must be picklable, so ``explore_this`` is in a module. ``progress(done, total, key)`` is called
    after each; a true answer cancels what has not begun, and only what is done is returned. Raises SchedError, naming
    the piece, if one fails.
    """
    results: dict[K, R] = {}
    if executor is None:
        for key, piece in work.items():
            results[key] = _result(key, piece)
            if progress is not None and progress(len(results), len(work), key):
                break
        return results
    futures = {executor.submit(piece): key for key, piece in work.items()}
    try:
        for future in as_completed(futures):
            key = futures[future]
            results[key] = _result(key, future.result)
            if progress is not None and progress(len(results), len(work), key):
                break
    finally:
        for future in futures:
            future.cancel()
    return {key: results[key] for key in work if key in results}


def _result(key: Hashable, piece: Callable[[], R]) -> R:
    try:
        return piece()
    except Exception as error:
        raise SchedError(f"exploring {key!r} failed: {error}") from error
