# SPDX-License-Identifier: GPL-2.0-or-later
"""What is not the program's own: which libraries are harmless, and which cannot be explored, with the reason.

The lists are short on purpose. A function of any other module may change whatever it is given; that is noted, and where
two threads give it the same object without synchronisation, it is refused.
"""

from __future__ import annotations

import os
import threading
import time
from types import FunctionType, MethodDescriptorType, ModuleType, WrapperDescriptorType
from typing import Any

from mini_qemu.sched.places import LIBRARIES, OWN_FILES, is_library

from .access import in_class, own, refuse
from .guard import Site

_HARMLESS = {
    "builtins", "math", "operator", "itertools", "collections", "string", "re", "json", "functools", "statistics",
    "textwrap", "dataclasses", "enum", "typing", "copy", "bisect", "heapq", "abc", "numbers", "fractions", "decimal",
    "_operator", "_collections", "_functools", "_json", "_heapq", "_bisect", "_abc", "_collections_abc", "types",
    "collections.abc", "contextlib", "hashlib", "_hashlib", "_sha2", "_sha256", "_md5", "base64", "binascii", "struct",
    "_struct", "inspect", "warnings", "traceback", "logging", "sys", "weakref", "_weakref", "pprint", "reprlib",
    "difflib", "keyword", "array", "_decimal", "_statistics", "_string", "_sre", "_contextvars",
}  # fmt: skip
"""Modules whose functions read what they are given and keep no state that a program could share."""

SHALLOW = {"builtins", "operator", "itertools", "collections", "math", "functools", "heapq", "bisect", "array"}
"""Modules whose functions look at what they are given, and not at what that contains."""

CHANGES_FIRST = {
    "heappush", "heappop", "heapify", "heapreplace", "heappushpop", "insort", "insort_left", "insort_right", "shuffle",
    "setitem", "delitem", "iadd", "iconcat", "iand", "ior", "ixor", "isub", "imul",
}  # fmt: skip
"""Functions that change their first argument."""

_OUTSIDE = {
    **dict.fromkeys(("socket", "_socket", "select", "selectors", "ssl", "http", "urllib", "requests", "socketserver"),
                    "waits for the network, which the explorer cannot control; put a queue.Queue in its place"),
    **dict.fromkeys(("subprocess", "multiprocessing", "_multiprocessing", "_posixsubprocess"),
                    "waits for another process, which the explorer cannot control; make it a threading.Thread"),
    **dict.fromkeys(("signal", "_signal"),
                    "is about signals, which reach a process and not a run; start a thread that calls the handler"),
    **dict.fromkeys(("asyncio", "_asyncio"), "needs an event loop, which the explorer does not run; use threads"),
    **dict.fromkeys(("random", "_random", "secrets", "uuid"),
                    "is random: the same schedule must give the same run; pass the value as an argument, or take "
                    "choose(n), and every value is tried"),
    **dict.fromkeys(("io", "_io", "pathlib", "tempfile", "shutil", "sqlite3", "_sqlite3"),
                    "works on files, which outlive a run; keep the data in a list or dict"),
    **dict.fromkeys(("ctypes", "_ctypes", "numpy"), "works on memory that the explorer cannot see"),
    **dict.fromkeys(("sched",), "runs by the clock; call the function in a thread"),
    "concurrent.futures.process": "starts processes, which share nothing; use a ThreadPoolExecutor",
    "atexit": "is called when the process ends, after all runs; call the function at the end of main",
}  # fmt: skip

_CLOCK = ("reads the clock, and time does not exist for the explorer: a time-out may come or not, and both are tried; "
          "pass the time as an argument, or leave it out")  # fmt: skip

_LAST_REFERENCE = ("depends on when the last reference to an object goes, which the explorer does not see; keep the "
                   "object itself")  # fmt: skip

_FUNCTIONS_OUTSIDE = {
    **dict.fromkeys((("builtins", "mappingproxy"), ("builtins", "memoryview"), ("collections", "ChainMap")),
                    "is a window on a container, through which the explorer cannot see; use the container itself"),
    **{("weakref", name): _LAST_REFERENCE for name in ("finalize", "proxy", "WeakMethod")},
    **dict.fromkeys((("contextvars", "copy_context"), ("contextvars", "Context")),
                    "keeps the values of a thread apart from it; use threading.local"),
    ("logging", "addHandler"): "adds a handler that is never called: under the explorer logging says nothing; append "
                               "to a list",
    ("builtins", "input"): "waits for somebody to type; pass the value as an argument",
    ("builtins", "open"): "works on files, which outlive a run; keep the data in memory",
    **dict.fromkeys((("builtins", "exec"), ("builtins", "eval")),
                    "runs code that the explorer does not see; write it as a function"),
    **{("time", name): _CLOCK for name in ("time", "monotonic", "perf_counter", "time_ns", "monotonic_ns",
                                           "perf_counter_ns", "process_time", "localtime", "gmtime", "strftime")},
    **{("datetime", name): _CLOCK for name in ("now", "today", "utcnow")},
    **{(system, name): "asks the operating system, which the explorer cannot control; pass the value as an argument"
       for system in ("posix", "nt")
       for name in ("system", "fork", "popen", "read", "write", "open", "urandom", "wait", "waitpid", "kill")},
    **{(system, name): "ends the process, and with it the notebook's kernel; return, or raise an exception"
       for system in ("posix", "nt")
       for name in ("_exit", "abort", "execv", "execve", "killpg", "close", "closerange")},
    ("_io", "readline"): "waits for a file or for somebody to type; pass the value as an argument",
}  # fmt: skip


_OF_THE_PROCESS = {
    "getpid", "getppid", "cpu_count", "sched_getaffinity", "fspath", "fsencode", "fsdecode", "getenv", "getcwd",
    "_Environ.get", "_Environ.__getitem__", "_Environ.__contains__", "_Environ.copy", "get_exec_path", "strerror",
    "_Environ.__init__", "PathLike", "process_cpu_count",
}  # fmt: skip
"""What of `os` changes nothing and is the same in every run."""


def home_of(f: Any) -> tuple[str, str]:
    """Module and name of what is called."""
    owner = getattr(f, "__self__", None)
    if type(f) in (MethodDescriptorType, WrapperDescriptorType):
        module = f.__objclass__.__module__
    elif owner is None or isinstance(owner, ModuleType):
        module = getattr(f, "__module__", None) or (owner.__name__ if owner is not None else "builtins")
    else:
        module = (owner if isinstance(owner, type) else type(owner)).__module__
    return str(module), str(getattr(f, "__qualname__", getattr(f, "__name__", type(f).__name__)))


def pauses(f: Any, *drawn: Any) -> bool:
    """Whether ``f`` is `time.sleep`, and ``drawn`` are functions of `random`: how long it sleeps does not matter."""
    return f is time.sleep and all(home_of(function)[0] == "random" for function in drawn)


def is_harmless(module: str, f: Any) -> bool:
    if getattr(f, "__name__", "").endswith("_into"):  # struct.pack_into(format, buffer, ...)
        return False
    return module in _HARMLESS or module.partition(".")[0] in _HARMLESS or isinstance(f, type)


def refuse_unseen(site: Site, f: Any) -> None:
    """Refuse a Python function, or a class that has one to make its objects, that is neither the program's own nor a
    library's: the explorer would not see what it touches.
    """
    functions = [in_class(f, "__new__"), in_class(f, "__init__")] if isinstance(f, type) else [f]
    for function in functions:
        if type(function) is not FunctionType or own(function) or function.__code__.co_filename.startswith(_LIBRARIES):
            continue
        code, name, module = function.__code__, function.__qualname__, str(function.__globals__.get("__name__"))
        if code.co_qualname.startswith("__create_fn__.") or module.startswith("namedtuple_") or is_library(module):
            continue  # the first two: what dataclass and namedtuple write
        if os.path.exists(code.co_filename):
            reason = (f"{name} is in {code.co_filename}, which is not a file of this program, and nobody sees what it "
                      f"touches; call mini_qemu.sched.control({module!r}) first")  # fmt: skip
        else:
            reason = f"{name} was made from text, and its source is gone; define it in a file or a notebook cell"
        raise refuse(site if site[2] else (code.co_filename, name, code.co_firstlineno), reason)


_LIBRARIES = (*LIBRARIES, OWN_FILES, "<frozen")


def refuse_outside(site: Site, module: str, name: str) -> None:
    top = module.partition(".")[0].lstrip("_")
    short = name.rpartition(".")[2]
    if top == "thread":
        top = "threading" if hasattr(threading, short) else "_thread"
    reason = _FUNCTIONS_OUTSIDE.get((module, short)) or _OUTSIDE.get(module) or _OUTSIDE.get(module.partition(".")[0])
    if module in ("posix", "nt", "os") and name not in _OF_THE_PROCESS:
        top = "os"
        reason = reason or "asks the operating system, which outlives a run; pass the value as an argument"
    if module in ("threading", "queue", "_queue", "_thread") or (module.startswith("concurrent") and not reason):
        reason = "is not a word of threading, queue or concurrent.futures that the explorer knows; leave it out"
        if short in ("enumerate", "active_count"):
            reason = "looks at threads of the whole process; keep yours in a list"
    if reason is not None:
        raise refuse(site, f"{top}.{name} {reason}" if top != "builtins" else f"{name}() {reason}")
