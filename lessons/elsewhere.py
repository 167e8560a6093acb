# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the mistakes of lessons 01 to 05 happen elsewhere: in Python, Go, Rust and C; what finds them, what misses.

One card a lesson, one place a language. Every sentence rests on a page that is named, or was tried: with GCC 12's
ThreadSanitizer and AddressSanitizer, Valgrind 3.19 and rustc 1.95. `lessons.views.elsewhere` shows the cards.
Left out: tools that have to be bought, and those that nobody maintains any more.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """Something to read on: what it is called, and where it is."""

    name: str
    url: str


@dataclass(frozen=True)
class Place:
    """The mistake in one language: how it `looks`, what `finds` it, what that `misses`, and where this is written."""

    language: str
    looks: str
    finds: str
    misses: str
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Card:
    lesson: str
    title: str
    mistake: str
    places: tuple[Place, ...]


THREADING = Page("threading", "https://docs.python.org/3/library/threading.html")
QUEUE = Page("queue", "https://docs.python.org/3/library/queue.html")
FAQ = Page("Python FAQ", "https://docs.python.org/3/faq/library.html#what-kinds-of-global-value-mutation-are-thread-safe")
TYPING = Page("typing", "https://docs.python.org/3/library/typing.html")
GO_RACE = Page("Go race detector", "https://go.dev/doc/articles/race_detector")
GO_MEMORY = Page("Go memory model", "https://go.dev/ref/mem")
GO_VET = Page("go vet: waitgroup", "https://pkg.go.dev/golang.org/x/tools/go/analysis/passes/waitgroup")
GO_SPEC = Page("Go: type assertions", "https://go.dev/ref/spec#Type_assertions")
GOLEAK = Page("goleak", "https://pkg.go.dev/go.uber.org/goleak")
EXHAUSTIVE = Page("exhaustive", "https://pkg.go.dev/github.com/nishanths/exhaustive")
JOIN_HANDLE = Page("JoinHandle", "https://doc.rust-lang.org/std/thread/struct.JoinHandle.html")
LOOM = Page("loom", "https://docs.rs/loom/latest/loom/")
MIRI = Page("Miri", "https://github.com/rust-lang/miri")
E0004 = Page("E0004", "https://doc.rust-lang.org/error_codes/E0004.html")
ANY = Page("Any", "https://doc.rust-lang.org/std/any/trait.Any.html")
ARC = Page("Arc", "https://doc.rust-lang.org/std/sync/struct.Arc.html")
TSAN = Page("ThreadSanitizer", "https://clang.llvm.org/docs/ThreadSanitizer.html")
TSAN_FLAGS = Page("its flags", "https://github.com/google/sanitizers/wiki/ThreadSanitizerFlags")
ASAN = Page("AddressSanitizer", "https://clang.llvm.org/docs/AddressSanitizer.html")
TYSAN = Page("TypeSanitizer", "https://clang.llvm.org/docs/TypeSanitizer.html")
HELGRIND = Page("helgrind", "https://valgrind.org/docs/manual/hg-manual.html")
RR_CHAOS = Page("rr chaos mode", "https://robert.ocallahan.org/2016/02/introducing-rr-chaos-mode.html")
GCC = Page("GCC warnings", "https://gcc.gnu.org/onlinedocs/gcc/Warning-Options.html")

CARDS = (
    Card(
        "01",
        "The missing join",
        "A thread says that it is done before it is, and somebody believes it instead of joining.",
        (
            Place(
                "Python",
                "`done.set()` comes before the last write, or nobody joins a `daemon` thread.",
                "The explorer, if an assertion says what must be there at the end.",
                "Python waits for ordinary threads when it exits, so a small script hides the mistake. Daemon threads"
                " are stopped abruptly.",
                (THREADING,),
            ),
            Place(
                "Go",
                "`wg.Add(1)` is inside the goroutine, so `Wait` may return before it has begun.",
                "`go vet` knows this form. goleak reports goroutines that are left at the end of a test.",
                "A channel that is closed too early is correct Go. The race detector only speaks if what was read too"
                " early is also unsynchronised.",
                (GO_VET, GOLEAK),
            ),
            Place(
                "Rust",
                "The `JoinHandle` is dropped, which detaches the thread. The compiler says nothing.",
                "`thread::scope` cannot forget: it joins where its block ends. loom runs every interleaving of a test.",
                "A message that says `done` too early has the right type.",
                (JOIN_HANDLE, LOOM),
            ),
            Place(
                "C",
                "`pthread_create` without `pthread_join`.",
                "ThreadSanitizer reports a thread leak at exit, Valgrind's memcheck the thread's memory as possibly"
                " lost.",
                "helgrind says nothing about it. None of them calls a flag that is set too early a leak.",
                (TSAN_FLAGS, HELGRIND),
            ),
        ),
    ),
    Card(
        "02",
        "Check, then use",
        "What was true when it was tested need not be true when it is used.",
        (
            Place(
                "Python",
                "`if self.sock: self.sock.send(data)`, and another thread sets it to None.",
                "The explorer. `sys.setswitchinterval(1e-6)` makes it likelier in a test, and no more than that.",
                "Each of the two reads is atomic, with the GIL and without. The two together are not.",
                (FAQ,),
            ),
            Place(
                "Go",
                "`if c.conn != nil { c.conn.Close() }`",
                "`go test -race`, if a run makes both accesses and no lock orders them.",
                "Take the lock for each of the two, and there is no data race to report: the decision lies between"
                " them. It finds only what happens in the run.",
                (GO_RACE,),
            ),
            Place(
                "Rust",
                "`if m.lock().unwrap().is_some()`, and then `m.lock().unwrap().unwrap()`.",
                "loom, which replaces the lock and the threads and tries every interleaving.",
                "The compiler rules out data races, and this is none. Miri sees the runs that it makes.",
                (LOOM, MIRI),
            ),
            Place(
                "C",
                "`if (s->file) qemu_fclose(s->file);`",
                "ThreadSanitizer or helgrind, if an access holds no lock. AddressSanitizer, in the run in which the"
                " memory is gone. rr's chaos mode makes that run likelier, and records it.",
                "With the lock around each access ThreadSanitizer and helgrind are silent.",
                (TSAN, ASAN, RR_CHAOS),
            ),
        ),
    ),
    Card(
        "03",
        "Both sides agreed",
        "One question is answered in several places, and one day they answer differently. No thread is needed.",
        (
            Place(
                "Python",
                "Two chains of `isinstance` in two modules.",
                "`match` with `assert_never` at the end, and a type checker: a case that is missing is an error.",
                "A type checker compares each place with the type, not the places with each other.",
                (TYPING,),
            ),
            Place(
                "Go",
                "Two `switch` statements over one set of constants.",
                "The linter exhaustive, where a constant is missing.",
                "The compiler accepts a `switch` with cases missing. No race detector looks at one thread.",
                (EXHAUSTIVE,),
            ),
            Place(
                "Rust",
                "Two `match` expressions over one `enum`.",
                "The compiler: a `match` that leaves a case out is error E0004.",
                "An arm `_ =>` takes every case that is added later, and two `if` are not compared.",
                (E0004,),
            ),
            Place(
                "C",
                "`object_dynamic_cast` in one file, a flag in the other.",
                "`-Wswitch`, part of `-Wall`, where both are a `switch` over an `enum`.",
                "A `default` label silences it, and chains of `if` are not looked at. Write one function, and call it"
                " twice.",
                (GCC,),
            ),
        ),
    ),
    Card(
        "04",
        "Know what you hold",
        "A pointer has lost its type, and somebody guesses it.",
        (
            Place(
                "Python",
                "`cast(Channel, payload).shutdown()`",
                "The call itself, with AttributeError. A type checker, where nothing is `Any`.",
                "`cast` checks nothing when it runs. An object that has a method of that name passes.",
                (TYPING,),
            ),
            Place(
                "Go",
                "`payload.(*Channel)`",
                "The run time: an assertion to the wrong type panics. `c, ok := payload.(*Channel)` asks.",
                "A pointer that went through `unsafe.Pointer` carries no type to check.",
                (GO_SPEC,),
            ),
            Place(
                "Rust",
                "`transmute`, or the wrong field of a `union`.",
                "An `enum` carries its tag, and `downcast_ref` on `dyn Any` answers with an Option. Miri finds an"
                " invalid value in the run that it makes.",
                "None of them objects to a wrong value that is valid for its type.",
                (ANY, MIRI),
            ),
            Place(
                "C",
                "`QIOChannel *ioc = f->opaque;`",
                "AddressSanitizer, if the object is smaller than what is read from it. TypeSanitizer, in clang 20 and"
                " later, looks for accesses with the wrong type.",
                "C converts `void *` without a word. If the sizes fit, AddressSanitizer is silent, and the value is"
                " wrong.",
                (ASAN, TYSAN),
            ),
        ),
    ),
    Card(
        "05",
        "The count that was one",
        "A count is read, and somebody acts on what it was.",
        (
            Place(
                "Python",
                "`if jobs.qsize() == 1: close()`",
                "The explorer. `get_nowait()` and its exception ask and take in one step.",
                "The queue is synchronised, so no race detector has anything to say. Its documentation calls the size"
                " approximate.",
                (QUEUE,),
            ),
            Place(
                "Go",
                "`if atomic.LoadInt32(&users) == 1 { cleanup() }`",
                "A test that asserts that somebody cleaned up, and many runs of it.",
                "Atomic operations synchronise, so `-race` is silent. Act on what `atomic.AddInt32(&users, -1)`"
                " returns.",
                (GO_MEMORY,),
            ),
            Place(
                "Rust",
                "`if Arc::strong_count(&a) == 1`",
                "loom. `Arc::into_inner` gives the value to exactly one of several threads that call it.",
                "The documentation warns that the count can change between the call and what you do with it; the"
                " compiler does not.",
                (ARC, LOOM),
            ),
            Place(
                "C",
                "`if (atomic_load(&refs) == 1) cleanup();`",
                "A test that asserts, under rr's chaos mode: it makes the bad run likelier, and records it.",
                "Atomic accesses are not a data race: ThreadSanitizer and helgrind are silent. Act on what"
                " `atomic_fetch_sub` returns.",
                (TSAN, RR_CHAOS),
            ),
        ),
    ),
)  # fmt: skip


def card(lesson: str) -> Card:
    """The card of a lesson, by its number. Raises LookupError."""
    for one in CARDS:
        if one.lesson == lesson:
            return one
    raise LookupError(f"There is a card for lessons {', '.join(one.lesson for one in CARDS)}, not for {lesson!r}.")
