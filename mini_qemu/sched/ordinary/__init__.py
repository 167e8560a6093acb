# SPDX-License-Identifier: GPL-2.0-or-later
"""Ordinary Python under the explorer: plain objects, `threading`, `queue`, `concurrent.futures`, as they are written.

    program.py     a main function as a scenario; memory.py puts its module back after each run, names.py knows what the
                   program calls its objects
    rewriting.py   a function is rewritten so that it asks for every access; scopes.py: which variables are shared
    access.py      the answers: attributes, items, operators, iteration, variables; containers.py: what each reads
    calls.py       calls: builtin_calls, given (to a library), outside (refused), library (builtins in Python)
    guard.py       accesses that nothing orders are discovered, and become steps
    locks.py, sync.py, threads.py, queues.py, futures.py   the words of the standard library; replaced.py lists them

The core of the engine knows of this folder only `guard`, which it asks after each step, and `program`.
"""
