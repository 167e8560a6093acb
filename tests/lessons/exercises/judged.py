"""Answers that students gave, or might give, as they would write them, with the judgement that is right.

They stand beside those that the exercises bring along. `accepted` and `refused` name the exercise; `but` asks for a
remark. The words must be in what is said about the answer; `never` names words that must not be.
"""
# ruff: noqa: F821, B018  # answers use the miniature's names, and they are not all good Python

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lessons.exercises import exercise
from lessons.functions import text_of


@dataclass(frozen=True)
class Judged:
    exercise: str
    name: str
    answer: str
    verdict: str
    words: tuple[str, ...]
    never: tuple[str, ...]


JUDGED: list[Judged] = []


def _take(exercise: str, verdict: str, words: tuple[str, ...], never: tuple[str, ...]) -> Callable[[Any], Any]:
    def take(function: Any) -> Any:
        JUDGED.append(Judged(exercise, function.__name__, text_of(function), verdict, words, never))
        return function

    return take


def accepted(exercise: str, *words: str, never: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    return _take(exercise, "accepted.", words, never)


def but(exercise: str, *words: str, never: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    return _take(exercise, "accepted, but:", words, never)


def refused(exercise: str, *words: str, never: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    return _take(exercise, "not yet.", words, never)


def order(exercise: str, letters: str, verdict: str, *words: str) -> None:
    JUDGED.append(Judged(exercise, letters, letters, verdict, words, ()))


def changed(
    name: str, title: str, verdict: str, words: tuple[str, ...], never: tuple[str, ...] = (), **change: str
) -> None:
    """The solution of that exercise with some lines changed: `old` becomes `new`."""
    JUDGED.append(Judged(name, title, exercise(name)._changed(**change), verdict, words, never))


# ---- 00

W = "warmups/withdraw"


@refused(W, "asks for a lock that it already holds")
def nested(account, amount):
    with account.lock:
        enough = account.balance >= amount
        if enough:
            with account.lock:
                account.balance = account.balance - amount


@refused(W, "A thread returns and keeps a lock")
def early_return_with_the_lock(account, amount):
    account.lock.lock()
    if account.balance < amount:
        return
    account.balance = account.balance - amount
    account.lock.unlock()


@refused(W, "A thread returns and keeps a lock", never=("already holds",))
def never_unlocks(account, amount):
    account.lock.lock()
    if account.balance >= amount:
        account.balance = account.balance - amount


@accepted(W)
def prints_inside(account, amount):
    with account.lock:
        if account.balance >= amount:
            account.balance = account.balance - amount
            print(end="")


@accepted(W)
def returns_true(account, amount):
    with account.lock:
        if account.balance >= amount:
            account.balance -= amount
            return True
    return False


@accepted(W)
def other_names(a, n):
    with a.lock:
        if n <= a.balance:
            a.balance = a.balance - n


@accepted(W)
def acquire_and_release(account, amount):
    account.lock.acquire()
    if account.balance >= amount:
        account.balance = account.balance - amount
    account.lock.release()


@accepted(W)
def if_acquired(account, amount):
    if account.lock.acquire():
        if account.balance >= amount:
            account.balance = account.balance - amount
        account.lock.release()


@refused(W, "calls itself without end")
def calls_itself(account, amount):
    with account.lock:
        if account.balance >= amount:
            account.balance = account.balance - amount
            return
    withdraw(account, amount)


@refused(W, "must be a plain function")
def yields(account, amount):
    with account.lock:
        if account.balance >= amount:
            account.balance -= amount
    yield


@refused(W, "withdraw without it")
def releases_before_the_withdrawal(account, amount):
    account.lock.lock()
    enough = account.balance >= amount
    account.lock.unlock()
    if enough:
        account.balance -= amount


@refused(W, "raises nothing")
def asserts(account, amount):
    with account.lock:
        assert account.balance >= amount
        account.balance -= amount


@refused(W, "A thread returns and keeps a lock")
def acquire_and_no_release(account, amount):
    account.lock.acquire()
    if account.balance >= amount:
        account.balance = account.balance - amount


@but(W, "below zero for a moment")
def undoes(account, amount):
    with account.lock:
        account.balance -= amount
        if account.balance < 0:
            account.balance += amount


@refused(W, never=("nobody is paid",))
def undoes_without_a_lock(account, amount):
    account.balance -= amount
    if account.balance < 0:
        account.balance += amount


@refused(W, never=("migration", "nobody is paid"))
def clamped_at_zero(account, amount):
    with account.lock:
        account.balance = max(0, account.balance - amount)


@refused(W, never=("migration",))
def hard_coded(account, amount):
    with account.lock:
        account.balance = 30


@refused(W, "simply return", never=("Fix that line first",))
def raises_value_error(account, amount):
    with account.lock:
        if account.balance < amount:
            raise ValueError
        account.balance -= amount


@refused(W, "every order is tried anyway")
def sleeps(account, amount):
    import time

    with account.lock:
        time.sleep(1)
        if account.balance >= amount:
            account.balance -= amount


@refused(W, "goes round and round")
def waits_until_there_is_enough(account, amount):
    while account.balance < amount:
        pass
    with account.lock:
        account.balance -= amount


@refused(W, "is called with (account, amount)")
def another_parameter(account, amount, limit=0):
    with account.lock:
        if account.balance - amount >= limit:
            account.balance -= amount


@refused(W, "release it between the test and the withdrawal")
def all_errors_caught(account, amount):
    try:
        with account.lock:
            enough = account.balance >= amount
        if enough:
            with account.lock:
                account.balance -= amount
    except Exception:
        pass


@refused(W, never=("migration",))
def always_withdraws(account, amount):
    with account.lock:
        account.balance -= amount


@refused(W, "On some path you release a lock", never=("withdraw without it",))
def unlocks_and_goes_on(account, amount):
    account.lock.lock()
    if account.balance < amount:
        account.lock.unlock()
    account.balance = account.balance - amount
    account.lock.unlock()


@refused(W, "Between your two holds", never=("compute the new balance from a value",))
def undoes_in_a_second_hold(account, amount):
    with account.lock:
        account.balance -= amount
    with account.lock:
        if account.balance < 0:
            account.balance += amount


@refused(W, "more than once in one call", never=("compute the new balance from a value",))
def withdraws_as_often_as_it_can(account, amount):
    with account.lock:
        while account.balance >= amount:
            account.balance -= amount


@refused(W, "use the program's own locks and threads", never=("mini_qemu.sched",))
def lock_of_python(account, amount):
    import threading

    with threading.Lock():
        if account.balance >= amount:
            account.balance -= amount


@accepted(W)
def a_helper_under_the_lock(account, amount):
    def pay():
        if account.balance >= amount:
            account.balance -= amount

    with account.lock:
        pay()


# ---- 01

order("survived/order", "DABCE", "not yet.", "E shuts down a file that B has closed")
order("survived/order", "ABCDE", "not yet.", "The join in D comes too late to help")
order("survived/order", "ABDCE", "not yet.", "Both threads can close at the same time")
order("survived/order", "CBADE", "not yet.", "C asserts that the yank list is empty")
order("survived/order", "DAEBC", "not yet.", "Stop first, then wait")
order("survived/order", "ADEBC", "not yet.", "Stop first, then wait")
order("survived/order", "AEDBC", "accepted.", "Stop, wait, free")
F = "missing-join/fill"


@refused(F, "The thread is also made for postcopy")
def use_return_path(s):
    return migrate_use_return_path(s)


@refused(F)
def joins_itself(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
    return False


@refused(F, "Line 2 of your function stopped with AttributeError", never=("Nobody joins now",))
def is_alive(s):
    return s.rp_state.rp_thread.is_alive()


@refused(F, "You join the thread here", never=("your answer is no",))
def joins_before_it_answers(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
        return True
    return False


@refused(F, "you set the flag", never=("yours joins it all the same",))
def flag_set(s):
    s.rp_state.rp_thread_created = True
    return s.rp_state.rp_thread_created


@refused(F, "stopped with SystemExit.", "return instead", never=("returns nothing", "Nobody joins now"))
def exits(s):
    raise SystemExit


@refused(F, "Your function returns nothing")
def returns_in_a_helper(s):
    def created():
        return s.rp_state.rp_thread_created

    created()


@refused(F, "Your function returns nothing")
def forgot_the_return(s):
    s.rp_state.rp_thread_created


@refused(F, "not even the big one")
def big_lock_round_the_test(s):
    with s.process.bql:
        return s.rp_state.from_dst_file is not None


@accepted(F)
def not_false(s):
    if s.rp_state.rp_thread_created:
        return True
    return False


@refused(F, "an empty pointer", never=("Nobody joins",))
def pointer_under_the_lock_by_hand(s):
    s.qemu_file_lock.lock()
    there = s.rp_state.from_dst_file is not None
    s.qemu_file_lock.unlock()
    return there


F = "missing-join/write"


@but(F, "with a lock in hand")
def joins_under_yank_lock(s):
    with s.process.yank.yank_lock:
        if not s.rp_state.rp_thread_created:
            return False
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
        return s.rp_state.error


@refused(F, never=("Nobody joins",))
def joins_itself_by_mistake(s):
    if not s.rp_state.rp_thread_created:
        return False
    qemu_thread_join(s.thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@refused(F, "The thread is also made for postcopy")
def joins_if_asked_for(s):
    if migrate_use_return_path(s):
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
        return s.rp_state.error
    return False


@but(F, "with a lock in hand")
def joins_with_the_big_lock(s):
    with s.process.bql:
        if not s.rp_state.rp_thread_created:
            return False
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
        return s.rp_state.error


@refused(F)
def join_in_try(s):
    try:
        qemu_thread_join(s.rp_state.rp_thread)
    except Exception:
        return False
    return s.rp_state.error


@refused(F, "AttributeError")
def method_join(s):
    if not s.rp_state.rp_thread_created:
        return False
    s.rp_state.rp_thread.join()
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@refused(F, "Nobody joins")
def answer_of_the_fill(s):
    return s.rp_state.rp_thread_created


@refused(F, "goes round and round")
def polls_the_pointer(s):
    while s.rp_state.from_dst_file is not None:
        pass
    return s.rp_state.error


@refused(F, "Clear what you ask for", never=("Clear the flag where you join",))
def handle_asked_and_flag_cleared(s):
    if not s.rp_state.rp_thread:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@refused(F, "You close the thread's file", never=("The test is still about the file",))
def closes_the_file_of_the_thread(s):
    if not s.rp_state.rp_thread_created:
        return False
    qemu_fclose(s.rp_state.from_dst_file)
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@refused(F, "use the program's own locks and threads", never=("mini_qemu.sched", "Semaphore"))
def joins_in_a_thread_of_python(s):
    import threading

    threading.Thread(target=qemu_thread_join, args=(s.rp_state.rp_thread,)).start()
    return s.rp_state.error


@refused(F, "qemu_thread_join stopped with AttributeError", "Look at what you give it", never=("Nobody joins",))
def joins_another_object(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state)
        s.rp_state.rp_thread_created = False
    return s.rp_state.error


@refused(F, "Line 7 of your function goes round and round", "Over and over: live_migration unlocks qemu_file_lock")
def polls_with_a_helper(s):
    def gone():
        with s.qemu_file_lock:
            return s.rp_state.from_dst_file is None
    if not s.rp_state.rp_thread_created:
        return False
    while not gone():
        continue
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@refused(F, "Line 3 of your function stopped with RuntimeError", "return instead", never=("has no such thread",))
def raises_without_a_thread(s):
    if not s.rp_state.rp_thread_created:
        raise RuntimeError("no thread")
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


# ---- 02

order("check-then-use/order", "ACBED", "accepted.")
order("check-then-use/order", "CABED", "accepted.", "only this thread ever changes it")
order("check-then-use/order", "ACBDE", "accepted, but:", "while you hold the lock")
order("check-then-use/order", "ACDBE", "accepted, but:", "while you hold the lock")
F = "check-then-use/fill"


@refused(F, "You join the return path thread before", never=("is never asked to open",))
def joins_at_the_start(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
        return True
    return False


@refused(F, "nobody configured")
def wanted_always(s):
    return True


@refused(F, "The handle of the last migration")
def wanted_by_handle(s):
    return s.rp_state.rp_thread is not None


@refused(F, "The handle of the last migration")
def wanted_by_handle_in_an_if(s):
    if s.rp_state.rp_thread:
        return True
    return False


@refused(F, "nobody configured")
def wanted_with_an_open_file(s):
    return s.to_dst_file is not None


F = "check-then-use/write"


@refused(F, "You take the pointer away yourself", never=("release the lock between",))
def detaches_under_the_lock(s):
    with s.qemu_file_lock:
        rp = s.rp_state.from_dst_file
        s.rp_state.from_dst_file = None
        if rp is not None:
            qemu_file_shutdown(rp)


@refused(F, "closing it frees it", never=("release the lock between",))
def closes_under_the_lock(s):
    with s.qemu_file_lock:
        rp = s.rp_state.from_dst_file
        if rp is not None:
            qemu_fclose(rp)


@refused(F, "release the lock between", never=("the wrong way round",))
def tests_in_one_hold_and_uses_in_another(s):
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is None:
            return
    with s.qemu_file_lock:
        qemu_file_shutdown(s.rp_state.from_dst_file)


@refused(F, "In C there is nothing to catch")
def catches_what_comes_of_none(s):
    with s.qemu_file_lock:
        try:
            qemu_file_shutdown(s.rp_state.from_dst_file)
        except AttributeError:
            pass


@refused(F, "there is no error to be caught")
def catches_attribute_error(s):
    try:
        qemu_file_shutdown(s.rp_state.from_dst_file)
    except AttributeError:
        pass


@refused(F, "Both sides must take the same lock")
def big_lock_instead(s):
    with s.process.bql:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)


@refused(F, "Both sides must take the same lock")
def yank_lock_instead(s):
    with s.process.yank.yank_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)


@accepted(F)
def locked_by_hand(s):
    s.qemu_file_lock.lock()
    f = s.rp_state.from_dst_file
    if f:
        qemu_file_shutdown(f)
    s.qemu_file_lock.unlock()


@refused(F, "keeps a lock")
def locked_by_hand_and_returned(s):
    s.qemu_file_lock.lock()
    if s.rp_state.from_dst_file is None:
        return
    qemu_file_shutdown(s.rp_state.from_dst_file)
    s.qemu_file_lock.unlock()


order("check-then-use/order", "BCDEA", "not yet.", "C copies the pointer after B has cleared it")
order("check-then-use/order", "DBCEA", "not yet.", "D needs the copy that C has not made yet")

# ---- 03

order("one-predicate/order", "ACBED", "not yet.", "While C hangs, the channel is not listed")
order("one-predicate/order", "CBADE", "not yet.", "While C hangs, the channel is not listed")
order("one-predicate/order", "EBACD", "not yet.", "E removes a list that A has not made yet")
order("one-predicate/order", "DABCE", "not yet.", "D takes the channel off a list that A has not made yet")
order("one-predicate/order", "AEDBC", "not yet.", "D takes the channel off a list that E has removed")
F = "one-predicate/fill"


@refused(F, "nobody can cut a connection", never=("TLS",))
def the_wrong_way_round(ioc):
    return not isinstance(ioc, QIOChannelSocket)


@refused(F, "A pipe cannot be shut down")
def by_name(ioc):
    return ioc.name != "pipe"


@accepted(F)
def everything_but_files(ioc):
    return not isinstance(ioc, QIOChannelFile)


@accepted(F)
def a_tuple_of_classes(ioc):
    return isinstance(ioc, (QIOChannelSocket, QIOChannelTLS))


@refused(F, "The answer changes in between")
def has_a_descriptor(ioc):
    return ioc.fd != -1


@refused(F)
def has_references(ioc):
    return ioc.ref >= 1


@refused(F, "The answer changes in between")
def has_one_reference(ioc):
    return ioc.ref == 1


@refused(F, "The answer changes in between", "remembers something")
def every_other_time(ioc):
    ioc.seen = not getattr(ioc, "seen", False)
    return ioc.seen


F = "one-predicate/write"


@refused(F, "a second copy of the question")
def the_word_added(ioc):
    if isinstance(ioc, (QIOChannelSocket, QIOChannelTLS)):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@refused(F, "You take the channel off twice", never=("does not know of them",))
def tls_twice(ioc):
    migration_ioc_unregister_yank(ioc)
    if isinstance(ioc, QIOChannelTLS):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@but(F, "only the last close calls you")
def asks_the_count(ioc):
    if ioc.ref == 1:
        migration_ioc_unregister_yank(ioc)


@refused(F, "a second copy of the question")
def asks_has_shutdown(ioc):
    if ioc.has_shutdown:
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@refused(F, "a second copy of the question")
def everything_but_pipes(ioc):
    if not isinstance(ioc, QIOChannelFile):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@refused(F, "you have silenced it")
def only_what_is_listed(ioc):
    listed = False
    with ioc.process.yank.yank_lock:
        for entry in ioc.process.yank.yank_instance_list:
            for _, opaque in entry.yankfns:
                if opaque is ioc:
                    listed = True
    if listed:
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


# ---- 04

F = "hold/write"


@refused(F, "your caller gets no channel", never=("neither the channel nor None",))
def casts_and_forgets(f):
    if f.has_ioc:
        QIO_CHANNEL(f.opaque)
    return None


@refused(F, "You ask the payload for its type")
def by_isinstance(f):
    if isinstance(f.opaque, QIOChannel):
        return f.opaque
    return None


@refused(F, "You ask the payload for its type")
def by_type_name(f):
    if type(f.opaque).__name__ in ("QIOChannelSocket", "QIOChannelTLS", "QIOChannelFile"):
        return f.opaque
    return None


@refused(F, "You ask the payload for its type")
def by_what_it_is_not(f):
    if isinstance(f.opaque, BlockDriverState):
        return None
    return f.opaque


@refused(F, never=("instrument.py", ".py:"))
def by_attribute(f):
    return f.opaque if hasattr(f.opaque, "ref") else None


@refused(F, "You ask the payload for its type")
def by_trying(f):
    return f.opaque if "io_close" in dir(f.opaque) else None


@refused(F, "how the file is read and written")
def by_operations(f):
    if f.ops in (bdrv_read_ops, bdrv_write_ops):
        return None
    return QIO_CHANNEL(f.opaque)


F = "hold/fill"


@refused(F, never=("setup raised",))
def tag_by_type(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, isinstance(bs, QIOChannel))


@refused(F, "Line 3 of your function stopped with TypeError", never=("setup raised",))
def no_tag(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops)


@refused(F, "returns nothing")
def opens_nothing(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    qemu_fopen_ops(bs, ops, False)


# ---- 05

order("count/order", "ABDC", "accepted.", "a close is only a close now")
order("count/order", "ACDB", "not yet.", "D asserts that the list is empty")
order("count/order", "DBAC", "not yet.", "D asserts that the list is empty")
F = "count/write"


@refused(F, "the second time there is no such entry", never=("NameError",))
def retires_again_and_again(f):
    migration_ioc_unregister_yank_from_file(f)
    retire(f)


@refused(F, "never closed")
def drops_the_reference_instead(f):
    ioc = qemu_file_get_ioc(f)
    migration_ioc_unregister_yank(ioc)
    object_unref(ioc)


@refused(F, "after you have closed it")
def closes_twice(f):
    migration_ioc_unregister_yank_from_file(f)
    qemu_fclose(f)
    qemu_fclose(f)


@refused(F, "dangling pointer")
def unregisters_what_it_remembers(f):
    ioc = f.opaque
    qemu_fclose(f)
    migration_ioc_unregister_yank(ioc)


@but(F, "without asking the tag")
def payload(f):
    migration_ioc_unregister_yank(f.opaque)
    qemu_fclose(f)


@refused(F)
def under_yank_lock(f):
    with qemu_file_get_ioc(f).process.yank.yank_lock:
        migration_ioc_unregister_yank_from_file(f)
    qemu_fclose(f)


@refused(F, "goes round and round")
def waits_for_the_last(f):
    ioc = qemu_file_get_ioc(f)
    while ioc.ref != 1:
        pass
    migration_ioc_unregister_yank(ioc)
    qemu_fclose(f)


F = "count/fill"


@refused(F, "Line 2 of your function: assertion failed: ioc.ref > 1", "return instead", never=("has taken out before",))
def asserts_that_others_are_left(ioc):
    assert ioc.ref > 1
    return False


@accepted(F)
def zero(ioc):
    return 0


@but(F, "do not ask it")
def never_reached(ioc):
    return ioc.ref == 0


@refused(F, "Two is as arbitrary as one")
def more_than_one(ioc):
    return ioc.ref > 1


# ---- 06

N = "survived/fill"


@accepted(N)
def by_name_of_the_state(ms):
    if ms.state != "postcopy-recover":
        return
    ms.rp_state.error = True
    ms.rp_state.rp_sem.post()


@refused(N, "Your function does nothing here", "nobody wakes it")
def does_nothing(ms):
    return


@refused(N, "You report an error although the recovery has gone well", never=("nobody hears it",))
def error_in_any_case(ms):
    ms.rp_state.error = True
    if ms.state == "postcopy-recover":
        ms.rp_state.rp_sem.post()


@refused(N, "nobody posts it", never=("nobody hears it",))
def waits_instead_of_posting(ms):
    if ms.state == "postcopy-recover":
        ms.rp_state.rp_sem.wait()


@refused(N, "A thread returns and keeps a lock", never=("already holds",))
def keeps_the_lock(ms):
    ms.qemu_file_lock.lock()
    if ms.state != "postcopy-recover":
        return
    mark_source_rp_bad(ms)
    ms.rp_state.rp_sem.post()
    ms.qemu_file_lock.unlock()


@but(N, "You end the migration")
def gives_up(ms):
    if ms.state == "postcopy-recover":
        ms.state = "failed"
        ms.rp_state.rp_sem.post()


@refused(N, "do not say why")
def posts_twice(ms):
    if ms.state == "postcopy-recover":
        ms.rp_state.rp_sem.post()
        ms.rp_state.rp_sem.post()


# ---- 08

F = "clean-runs/fill"


@refused(F, "You divide the 5 %", never=("migration",))
def five_percent_shared(runs):
    return 0.05 / runs


@refused(F, "a percentage", never=("migration",))
def percent(runs):
    return 300 / runs


@accepted(F)
def rule_of_three(runs):
    return 3 / runs


@accepted(F)
def logarithm(runs):
    import math

    return -math.log(0.05) / runs


F = "clean-runs/write"


@refused(F, never=("assertion",))
def wrong_formula(threads, steps, depth):
    return depth / (threads * steps)


@accepted(F)
def other_names_for_pct(n, k, d):
    return 1 / n / k ** (d - 1)


# ---- 07

T = "real-thing/read"


@accepted(T)
def with_a_slice_at_a_time(data):
    out = []
    while True:
        head, rest = data[:4], data[4:]
        if len(head) < 4:
            return out
        kind, size = int.from_bytes(head[:2]), int.from_bytes(head[2:])
        if len(rest) < size:
            return out
        out.append((kind, rest[:size]))
        data = rest[size:]


@accepted(T)
def lists_instead_of_pairs(data):
    found, i = [], 0
    while i + 4 <= len(data):
        n = (data[i + 2] << 8) | data[i + 3]
        if i + 4 + n > len(data):
            break
        found.append([(data[i] << 8) | data[i + 1], bytearray(data[i + 4 : i + 4 + n])])
        i += 4 + n
    return found


@refused(T, "take eight bytes for each message", "In a postcopy that asks for pages")
def struct_of_eight(data):
    import struct

    return [(kind, payload) for kind, _, payload in struct.iter_unpack(">HH4s", data[: len(data) // 8 * 8])]


@refused(T, "you find nothing")
def empty(data):
    return []


@refused(T, "returns nothing")
def prints(data):
    print(data)


@refused(T, "half a message for a whole one")
def trusts_the_length(data):
    found = []
    i = 0
    while i + 4 <= len(data):
        n = int.from_bytes(data[i + 2 : i + 4], "big")
        found.append((int.from_bytes(data[i : i + 2], "big"), data[i + 4 : i + 4 + n]))
        i += 4 + n
    return found


@refused(T, "Line 3 of your function is in a loop that never ends: nothing in it makes it end.")
def never_moves_on(data):
    found = []
    while data:
        found.append((data[1], data[4:8]))
    return found


# ---- 09

P = "own-bug/pool"
changed(
    P,
    "notifies in a second hold",
    "accepted.",
    (),
    old="""
    with self.changed:
        # tested and used in one hold: between the two nobody can close
        if self.closed:
            raise RuntimeError("the pool is closed")
        self.jobs.append(job)
        self.changed.notify()
    """,
    new="""
    with self.changed:
        if self.closed:
            raise RuntimeError("the pool is closed")
        self.jobs.append(job)
    with self.changed:
        self.changed.notify()
    """,
)
changed(
    P,
    "asks again and again",
    "not yet.",
    ("goes round and round", "Over and over: main asks whether job.done is set: False", "sleep until"),
    old="job.done.wait()",
    new="""
while not job.done.is_set():
    pass
    """,
)
changed(
    P,
    "reads again and again",
    "not yet.",
    ("goes round and round", "Over and over: main reads job.value: None"),
    old="job.done.wait()",
    new="""
while job.value is None:
    pass
    """,
)
changed(
    P,
    "waits with a timeout",
    "not yet.",
    ("goes round and round", "has waited too long on pool.changed", "nor with a timeout"),
    old="self.changed.wait()",
    new="self.changed.wait(0.1)",
)

changed(
    P,
    "stores the function",
    "not yet.",
    ("Nothing crashes, but the result is wrong", "result() said <function answer>"),
    old="job.value = job.function()",
    new="job.value = job.function",
)
changed(
    P,
    "forgets self",
    "not yet.",
    ("Your answer stopped with TypeError: Pool._work() takes 0 positional arguments but 1 was given. Fix that first.",),
    old="def _work(self):",
    new="def _work():",
)
changed(
    P,
    "runs under a lock that is not reentrant",
    "not yet.",
    ("You hold the lock while the job runs",),
    old="""
        job = self.jobs.popleft()
    try:
        job.value = job.function()
    except Exception as error:
        job.error = error
    """,
    new="""
        job = self.jobs.popleft()
        try:
            job.value = job.function()
        except Exception as error:
            job.error = error
    """,
)

# ---- replies that are about what the answer did


@refused("missing-join/fill", "Nobody joins now")
def joins_on_error(s):
    return s.rp_state.error


@refused("check-then-use/fill", "you clear the flag", never=("is never asked to open",))
def asks_and_clears(s):
    try:
        return s.rp_state.rp_thread_created
    finally:
        s.rp_state.rp_thread_created = False


@refused("check-then-use/write", "outlives the lock", never=("better than the solution",))
def references_a_file_that_may_be_gone(s):
    with s.qemu_file_lock:
        f = s.rp_state.from_dst_file
    if f is not None:
        ioc = qemu_file_get_ioc(f)
        object_ref(ioc)
        qio_channel_shutdown(ioc)
        object_unref(ioc)


@refused("check-then-use/write", "do not give it back", never=("better than the solution",))
def references_and_uses_under_the_lock(s):
    with s.qemu_file_lock:
        f = s.rp_state.from_dst_file
        if f is not None:
            object_ref(qemu_file_get_ioc(f))
            qemu_file_shutdown(f)


@accepted("check-then-use/write")
def looks_again_under_the_lock(s):
    if s.rp_state.from_dst_file is None:
        return
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)


@refused("one-predicate/fill", "does not do the same", never=(".py:", "scenario '"))
def at_random(ioc):
    import random

    return random.random() < 0.5


@refused("one-predicate/write", "You rewrite the list", never=("only what you find",))
def a_list_without_this_channel(ioc):
    for entry in ioc.process.yank.yank_instance_list:
        entry.yankfns = [pair for pair in entry.yankfns if pair[1] is not ioc]


@refused("one-predicate/write", "once more", never=("Nothing is ever taken off",))
def registers_only(ioc):
    migration_ioc_register_yank(ioc)


@refused("hold/write", "neither the channel nor None", never=("Without the cast",))
def false_for_none(f):
    return f.has_ioc and QIO_CHANNEL(f.opaque)


@refused("hold/write", "your caller gets no channel", never=("neither the channel nor None",))
def the_file_itself(f):
    return f if f.has_ioc else None


@refused("hold/fill", "do not fit the direction")
def always_to_read(bs, is_writable):
    return qemu_fopen_ops(bs, bdrv_read_ops, False)


@refused("hold/fill", "The tag is believed")
def payload_as_tag(bs, is_writable):
    return qemu_fopen_ops(bs, bdrv_write_ops if is_writable else bdrv_read_ops, bs)


@accepted("survived/fill")
def looks_at_the_state_twice(ms):
    if ms.state == "postcopy-recover":
        mark_source_rp_bad(ms)
    if ms.state == "postcopy-recover":
        ms.rp_state.rp_sem.post()
