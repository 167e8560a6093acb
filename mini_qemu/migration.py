# SPDX-License-Identifier: GPL-2.0-or-later
"""Migration itself. Mirrors migration/migration.c.

Three threads on the source. *main* connects, cancels and cleans up; *live_migration* sends; *return path* reads what
the destination answers. The return path thread lets go of its file by itself, the migration thread joins it on the
way to success only, and the clean-up takes for granted that both are gone. On the destination the main thread loads.
As upstream, three paths do not join the return path thread: cancel, failure, a fatal end of a pause.
Left out: COLO, background snapshot, failover, block devices, blockers; bandwidth and downtime, see rate_limit.py.
"""

from __future__ import annotations

import os

from mini_qemu.fixes import fixes, later
from mini_qemu.io_channel import EIO, QIOChannel
from mini_qemu.migration_incoming import (
    MIG_RP_MSG_PONG,
    MIG_RP_MSG_RECV_BITMAP,
    MIG_RP_MSG_REQ_PAGES,
    MIG_RP_MSG_REQ_PAGES_ID,
    MIG_RP_MSG_RESUME_ACK,
    MIG_RP_MSG_SHUT,
    MIGRATION_RESUME_ACK_VALUE,
    MigrationIncomingState,
    migration_incoming_state_destroy,
)
from mini_qemu.migration_state import (
    MIGRATION_STATUS_ACTIVE,
    MIGRATION_STATUS_CANCELLED,
    MIGRATION_STATUS_CANCELLING,
    MIGRATION_STATUS_COMPLETED,
    MIGRATION_STATUS_FAILED,
    MIGRATION_STATUS_NONE,
    MIGRATION_STATUS_POSTCOPY_ACTIVE,
    MIGRATION_STATUS_POSTCOPY_PAUSED,
    MIGRATION_STATUS_POSTCOPY_RECOVER,
    MIGRATION_STATUS_SETUP,
    MigrationState,
    mark_source_rp_bad,
    migrate_has_error,
    migrate_init,
    migrate_postcopy_ram,
    migrate_set_error,
    migrate_set_state,
    migrate_use_multifd,
    migrate_use_return_path,
    migration_in_postcopy,
    migration_is_active,
    migration_is_running,
    migration_is_setup_or_active,
    migration_rp_wait,
)
from mini_qemu.multifd import (
    multifd_load_cleanup,
    multifd_load_setup,
    multifd_recv_all_channels_created,
    multifd_recv_new_channel,
    multifd_save_cleanup,
    multifd_save_setup,
)
from mini_qemu.postcopy_ram import postcopy_ram_incoming_cleanup
from mini_qemu.process import (
    NOT_EXPECTED,
    error_report,
    qemu_bh_delete,
    qemu_bh_new,
    qemu_bh_schedule,
    qemu_coroutine_enter,
    qemu_exit,
    qemu_mutex_lock_iothread,
    qemu_mutex_unlock_iothread,
)
from mini_qemu.qemu_file import (
    QEMUFile,
    QEMUFilePointer,
    qemu_fclose,
    qemu_file_get_error,
    qemu_file_get_return_path,
    qemu_file_set_rate_limit,
    qemu_file_shutdown,
    qemu_fopen_ops,
    qemu_get_be16,
    qemu_get_buffer,
)
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input
from mini_qemu.qemu_thread import QEMU_THREAD_JOINABLE, qemu_thread_create, qemu_thread_join
from mini_qemu.qom import object_ref, object_unref
from mini_qemu.ram import (
    TARGET_PAGE_SIZE,
    qemu_ram_block_by_name,
    ram_dirty_bitmap_reload,
    ram_dirty_bitmap_sync_all,
    ram_postcopy_send_discard_bitmap,
    ram_save_queue_pages,
)
from mini_qemu.savevm import (
    buffer_output_ops,
    global_state_store,
    loadvm_start_guest,
    qemu_loadvm_state,
    qemu_savevm_state_complete_postcopy,
    qemu_savevm_state_complete_precopy,
    qemu_savevm_state_header,
    qemu_savevm_state_iterate,
    qemu_savevm_state_pending,
    qemu_savevm_state_setup,
)
from mini_qemu.savevm_command import (
    qemu_savevm_send_open_return_path,
    qemu_savevm_send_packaged,
    qemu_savevm_send_ping,
    qemu_savevm_send_postcopy_advise,
    qemu_savevm_send_postcopy_listen,
    qemu_savevm_send_postcopy_resume,
    qemu_savevm_send_postcopy_run,
)
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_register_instance, yank_unregister_instance
from mini_qemu.yank_functions import migration_ioc_unregister_yank_from_file

MIG_ITERATE_RESUME = "resume"
MIG_ITERATE_SKIP = "skip"
MIG_ITERATE_BREAK = "break"

MIG_THR_ERR_NONE = "none"
MIG_THR_ERR_RECOVERED = "recovered"
MIG_THR_ERR_FATAL = "fatal"


# least and most bytes of each message on the return path
rp_cmd_args = {
    MIG_RP_MSG_SHUT: (4, 4),
    MIG_RP_MSG_PONG: (4, 4),
    MIG_RP_MSG_REQ_PAGES_ID: (13, 13 + 255),
    MIG_RP_MSG_REQ_PAGES: (12, 12),
    MIG_RP_MSG_RECV_BITMAP: (1, 1 + 255),
    MIG_RP_MSG_RESUME_ACK: (4, 4),
}


# main thread: start


def qmp_migrate(s: MigrationState, resume: bool = False) -> str | None:
    """Prepare. An error in words, or None: then a connection is made and migration_channel_connect called with it."""
    if resume:
        if s.state != MIGRATION_STATUS_POSTCOPY_PAUSED:
            return "there is no paused migration to resume"
        return None
    if migration_is_running(s.state):
        return "a migration is running"
    if later.register_before_setup:
        if not yank_register_instance(s.process.yank, MIGRATION_YANK_INSTANCE):
            return "there is a yank instance for migration already"
        migrate_init(s)
    else:
        migrate_init(s)
        if not yank_register_instance(s.process.yank, MIGRATION_YANK_INSTANCE):
            return "there is a yank instance for migration already"
    return None


def migrate_fd_connect(s: MigrationState, error: str | None) -> None:
    """The connection is there, or has failed. Starts the threads, or lets the paused ones go on."""
    resume = s.state == MIGRATION_STATUS_POSTCOPY_PAUSED
    # a paused migration has its bottom half still
    assert (s.cleanup_bh is not None) == resume
    if not resume:
        s.cleanup_bh = qemu_bh_new(s.process, migrate_fd_cleanup_bh, s)
    if error is not None:
        migrate_fd_error(s, error)
        if not resume:
            migrate_fd_cleanup(s)
        return
    if migrate_postcopy_ram(s) or migrate_use_return_path(s):
        if later.restart_return_path_thread:
            create_thread = True
        else:
            create_thread = not resume
        if not open_return_path_on_source(s, create_thread):
            migrate_set_state(s, s.state, MIGRATION_STATUS_FAILED)
            migrate_fd_cleanup(s)
            return
    if resume:
        migrate_set_state(s, MIGRATION_STATUS_POSTCOPY_PAUSED, MIGRATION_STATUS_POSTCOPY_RECOVER)
        s.postcopy_pause_sem.post()
        return
    if migrate_use_multifd(s):
        multifd_save_setup(s)
    s.thread = qemu_thread_create("live_migration", migration_thread, s, QEMU_THREAD_JOINABLE)
    s.migration_thread_running = True


def open_return_path_on_source(ms: MigrationState, create_thread: bool) -> bool:
    """Without create_thread the old thread is still there and picks up the new file."""
    assert ms.to_dst_file is not None
    ms.rp_state.from_dst_file = qemu_file_get_return_path(ms.to_dst_file)
    if ms.rp_state.from_dst_file is None:
        return False
    if not create_thread:
        return True
    ms.rp_state.rp_thread = qemu_thread_create("return path", source_return_path_thread, ms, QEMU_THREAD_JOINABLE)
    ms.rp_state.rp_thread_created = True  # + join_created_thread
    return True


def migrate_params_apply(s: MigrationState, max_bandwidth: int | None, max_postcopy_bandwidth: int | None) -> None:
    """Tell a migration that is under way. None: unchanged. The file is tested and used without the lock."""
    if max_bandwidth is not None and s.to_dst_file is not None and not migration_in_postcopy(s):
        qemu_file_set_rate_limit(s.to_dst_file, max_bandwidth)
    if max_postcopy_bandwidth is not None and s.to_dst_file is not None and migration_in_postcopy(s):
        qemu_file_set_rate_limit(s.to_dst_file, max_postcopy_bandwidth)


# main thread: end


def migrate_fd_error(s: MigrationState, error: str) -> None:
    assert s.to_dst_file is None
    migrate_set_state(s, MIGRATION_STATUS_SETUP, MIGRATION_STATUS_FAILED)
    migrate_set_error(s, error)


def migration_cancel(s: MigrationState) -> None:
    migrate_fd_cancel(s)


def migrate_fd_cancel(s: MigrationState) -> None:
    """Wake everybody and say why: the threads find their files shut and the state cancelling, and end by themselves."""
    if later.lock_to_dst_file:
        pass
    else:
        f = s.to_dst_file
    if fixes.lock_from_dst_file:
        with s.qemu_file_lock:
            if s.rp_state.from_dst_file is not None:
                qemu_file_shutdown(s.rp_state.from_dst_file)
    else:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)
    while True:
        old_state = s.state
        if not migration_is_running(old_state):
            break
        migrate_set_state(s, old_state, MIGRATION_STATUS_CANCELLING)
        if s.state == MIGRATION_STATUS_CANCELLING:
            break
    # the state is set first, so that the thread that wakes from the shutdown does not take it for a broken line
    if later.lock_to_dst_file:
        if s.state == MIGRATION_STATUS_CANCELLING:
            with s.qemu_file_lock:
                if s.to_dst_file is not None:
                    qemu_file_shutdown(s.to_dst_file)
    else:
        if s.state == MIGRATION_STATUS_CANCELLING and f is not None:
            qemu_file_shutdown(f)


def migrate_fd_cleanup_schedule(s: MigrationState) -> None:
    """The bottom half holds a reference: the state must not go before it has run."""
    object_ref(s)
    assert s.cleanup_bh is not None
    qemu_bh_schedule(s.cleanup_bh)


def migrate_fd_cleanup_bh(s: MigrationState) -> None:
    migrate_fd_cleanup(s)
    object_unref(s)


def migrate_fd_cleanup(s: MigrationState) -> None:
    """Called with the BQL held. Takes for granted that the return path thread is gone."""
    qemu_bh_delete(s.cleanup_bh)
    s.cleanup_bh = None
    if later.join_before_close:
        if s.rp_state.rp_thread_created:
            await_return_path_close_on_source(s)
    if s.to_dst_file is not None:
        qemu_mutex_unlock_iothread(s.process)
        if s.migration_thread_running:
            qemu_thread_join(s.thread)
            s.migration_thread_running = False
        qemu_mutex_lock_iothread(s.process)
        multifd_save_cleanup(s)
        with s.qemu_file_lock:
            tmp = s.to_dst_file
            s.to_dst_file = None
        # closed outside the lock: closing flushes, and a flush may wait for the network
        if fixes.explicit_unregister:
            migration_ioc_unregister_yank_from_file(tmp)
        qemu_fclose(tmp)
    if later.join_on_every_path:
        # with the BQL held: the thread waited for must be on its way out
        if s.rp_state.rp_thread_created:
            await_return_path_close_on_source(s)
    assert not migration_is_active(s)
    if s.state == MIGRATION_STATUS_CANCELLING:
        migrate_set_state(s, MIGRATION_STATUS_CANCELLING, MIGRATION_STATUS_CANCELLED)
    yank_unregister_instance(s.process.yank, MIGRATION_YANK_INSTANCE)


# return path thread


def source_return_path_thread(ms: MigrationState) -> None:
    rp = ms.rp_state.from_dst_file
    while True:
        while not ms.rp_state.error and not qemu_file_get_error(rp) and migration_is_setup_or_active(ms.state):
            if not source_return_path_message(ms, rp):
                break
        res = qemu_file_get_error(rp)
        if later.kick_from_recover:
            if res and ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
                mark_source_rp_bad(ms)
                ms.rp_state.rp_sem.post()
        if later.restart_return_path_thread:
            if res:
                mark_source_rp_bad(ms)
            break
        if res == -EIO and migration_in_postcopy(ms):
            # perhaps the line is down: keep the guest's memory and wait for another
            if fixes.lock_from_dst_file:
                migration_release_from_dst_file(ms)
            else:
                qemu_fclose(rp)
                ms.rp_state.from_dst_file = None
            postcopy_pause_return_path_thread(ms)
            rp = ms.rp_state.from_dst_file
            ms.rp_state.error = False
            continue
        if res:
            mark_source_rp_bad(ms)
        break
    if later.join_on_every_path:
        # the thread that joins this one closes its file
        return
    if fixes.lock_from_dst_file:
        migration_release_from_dst_file(ms)
    else:
        ms.rp_state.from_dst_file = None
        qemu_fclose(rp)


def source_return_path_message(ms: MigrationState, rp: QEMUFilePointer) -> bool:
    """Read one message and act on it. False: leave the loop. What the destination sends cannot end this process."""
    header_type = qemu_get_be16(rp)
    header_len = qemu_get_be16(rp)
    if qemu_file_get_error(rp):
        mark_source_rp_bad(ms)
        return False
    wrong = rp_message_is_wrong(header_type, header_len)
    if wrong is not None:
        return source_return_path_bad(ms, wrong)
    data = qemu_get_buffer(rp, header_len)
    if len(data) < header_len:
        mark_source_rp_bad(ms)
        return False
    try:
        return source_return_path_action(ms, header_type, data)
    except NOT_EXPECTED as error:
        return source_return_path_bad(ms, f"a message of type {header_type} cannot be understood: {error!r}")


def source_return_path_action(ms: MigrationState, header_type: int, data: bytes) -> bool:
    if header_type == MIG_RP_MSG_SHUT:
        value = int.from_bytes(data, "big")
        if value:
            source_return_path_bad(ms, f"the destination reports error {value}")
        return False
    if header_type == MIG_RP_MSG_PONG:
        return True
    if header_type == MIG_RP_MSG_REQ_PAGES_ID:
        if len(data) != 13 + data[12]:
            return source_return_path_bad(ms, "a request for pages has another length than its name needs")
        return migrate_handle_rp_req_pages(ms, data[13:].decode("ascii", "replace"), data)
    if header_type == MIG_RP_MSG_REQ_PAGES:
        return migrate_handle_rp_req_pages(ms, None, data)
    if header_type == MIG_RP_MSG_RECV_BITMAP:
        if len(data) != 1 + data[0]:
            return source_return_path_bad(ms, "a bitmap has another length than its name needs")
        return migrate_handle_rp_recv_bitmap(ms, data[1:].decode("ascii", "replace"))
    assert header_type == MIG_RP_MSG_RESUME_ACK
    return migrate_handle_rp_resume_ack(ms, int.from_bytes(data, "big"))


def rp_message_is_wrong(header_type: int, header_len: int) -> str | None:
    if header_type not in rp_cmd_args:
        return f"the destination sends a message of unknown type {header_type}"
    least, most = rp_cmd_args[header_type]
    if not least <= header_len <= most:
        return f"the destination sends a message of type {header_type} with {header_len} bytes"
    return None


def source_return_path_bad(ms: MigrationState, reason: str) -> bool:
    mark_source_rp_bad(ms)
    error_report(ms.process, reason)
    return False


def migrate_handle_rp_req_pages(ms: MigrationState, name: str | None, data: bytes) -> bool:
    start = int.from_bytes(data[:8], "big")
    length = int.from_bytes(data[8:12], "big")
    if not ram_save_queue_pages(ms.process.ram_state, name, start, length):
        return source_return_path_bad(ms, f"the destination asks for {length} bytes at {start} of {name}, not there")
    if ms.rate_limit is not None:
        ms.rate_limit.make_urgent_request()
    return True


def migrate_handle_rp_recv_bitmap(ms: MigrationState, name: str) -> bool:
    block = qemu_ram_block_by_name(ms.process.ram_state, name)
    if block is None or not ram_dirty_bitmap_reload(ms, block):
        return source_return_path_bad(ms, f"the bitmap of memory block {name!r} cannot be used")
    return True


def migrate_handle_rp_resume_ack(ms: MigrationState, value: int) -> bool:
    """This thread, not the migration thread, makes the migration active again."""
    if value != MIGRATION_RESUME_ACK_VALUE:
        return source_return_path_bad(ms, f"the destination acknowledges with {value}")
    migrate_set_state(ms, MIGRATION_STATUS_POSTCOPY_RECOVER, MIGRATION_STATUS_POSTCOPY_ACTIVE)
    ms.rp_state.rp_sem.post()
    return True


def migration_release_from_dst_file(ms: MigrationState) -> None:  # + lock_from_dst_file
    """Take the pointer away under the lock, so that nobody is using the file, then close it outside."""
    with ms.qemu_file_lock:
        f = ms.rp_state.from_dst_file
        ms.rp_state.from_dst_file = None
    qemu_fclose(f)


def postcopy_pause_return_path_thread(s: MigrationState) -> None:
    s.postcopy_pause_rp_sem.wait()


# migration thread


def migration_thread(s: MigrationState) -> None:
    f = s.to_dst_file  # as long as this thread runs, nobody else changes the pointer
    qemu_savevm_state_header(f)
    if fixes.lock_from_dst_file:
        return_path = s.rp_state.rp_thread_created
    else:
        return_path = s.rp_state.from_dst_file is not None
    if return_path:
        qemu_savevm_send_open_return_path(f)
        qemu_savevm_send_ping(f, 1)
    if migrate_postcopy_ram(s):
        qemu_savevm_send_postcopy_advise(f, TARGET_PAGE_SIZE)
    qemu_savevm_state_setup(s.process, f)
    migrate_set_state(s, MIGRATION_STATUS_SETUP, MIGRATION_STATUS_ACTIVE)
    while migration_is_active(s):
        iter_state = migration_iteration_run(s)
        if iter_state == MIG_ITERATE_SKIP:
            continue
        if iter_state == MIG_ITERATE_BREAK:
            break
        if migration_detect_error(s) == MIG_THR_ERR_FATAL:
            break
        migration_rate_limit(s)
    migration_iteration_finish(s)


def migration_rate_limit(s: MigrationState) -> None:
    """In a story as fast as it goes: time does not pass there."""
    if s.rate_limit is not None:
        s.rate_limit.wait(s)


def migration_iteration_run(s: MigrationState) -> str:
    """Send a little more, or switch to postcopy, or finish."""
    in_postcopy = s.state == MIGRATION_STATUS_POSTCOPY_ACTIVE
    # in postcopy the guest no longer runs here and writes nothing
    max_size = 0 if in_postcopy else s.threshold_size
    if qemu_savevm_state_pending(s.process, max_size) >= s.threshold_size:
        if not in_postcopy and migrate_postcopy_ram(s) and s.start_postcopy:
            if not postcopy_start(s):
                migrate_set_error(s, "postcopy failed to start")
            return MIG_ITERATE_SKIP
        qemu_savevm_state_iterate(s.process, s.to_dst_file)
        return MIG_ITERATE_RESUME
    migration_completion(s)
    return MIG_ITERATE_BREAK


def migration_detect_error(s: MigrationState) -> str:
    state = s.state
    if state in (MIGRATION_STATUS_CANCELLING, MIGRATION_STATUS_CANCELLED):
        return MIG_THR_ERR_FATAL
    ret = qemu_file_get_error(s.to_dst_file)
    if not ret:
        return MIG_THR_ERR_NONE
    if state == MIGRATION_STATUS_POSTCOPY_ACTIVE and ret == -EIO:
        return postcopy_pause(s)
    if later.any_error_stops:
        migrate_set_error(s, f"the connection failed: {os.strerror(-ret)}")
    migrate_set_state(s, state, MIGRATION_STATUS_FAILED)
    return MIG_THR_ERR_FATAL


def migration_completion(s: MigrationState) -> None:
    """Everything is sent. Hear what the destination thinks of it, then say completed or failed."""
    current_active_state = s.state
    if current_active_state == MIGRATION_STATUS_ACTIVE:
        qemu_mutex_lock_iothread(s.process)
        s.vm_was_running = s.process.runstate == "running"
        global_state_store(s.process)
        s.process.runstate = "finish-migrate"
        ret = qemu_savevm_state_complete_precopy(s.process, s.to_dst_file, False)
        qemu_mutex_unlock_iothread(s.process)
        if ret < 0:
            # without the join below
            if later.completion_records_error:
                migrate_set_error(s, f"the machine could not be saved: {os.strerror(-ret)}")
            migrate_set_state(s, current_active_state, MIGRATION_STATUS_FAILED)
            return
    elif current_active_state == MIGRATION_STATUS_POSTCOPY_ACTIVE:
        qemu_savevm_state_complete_postcopy(s.process, s.to_dst_file)
    else:
        if later.keep_cancelling:
            if current_active_state != MIGRATION_STATUS_CANCELLING:
                migrate_set_state(s, current_active_state, MIGRATION_STATUS_FAILED)
        else:
            migrate_set_state(s, current_active_state, MIGRATION_STATUS_FAILED)
        return

    # is there a return path thread to wait for?
    if fixes.join_created_thread:
        joinable = s.rp_state.rp_thread_created
    else:
        joinable = s.rp_state.from_dst_file is not None
    rp_error = False
    if joinable:
        rp_error = await_return_path_close_on_source(s)
    if rp_error or qemu_file_get_error(s.to_dst_file):
        migrate_set_state(s, current_active_state, MIGRATION_STATUS_FAILED)
        return
    migrate_set_state(s, current_active_state, MIGRATION_STATUS_COMPLETED)


def await_return_path_close_on_source(ms: MigrationState) -> bool:
    """Join the return path thread. If sending failed it would wait for ever, so shut its file first.

    Test and use of from_dst_file without the lock: patch 2 overlooked this place.
    """
    if later.lock_in_await:
        with ms.qemu_file_lock:
            stop_return_path_thread(ms)
    else:
        if qemu_file_get_error(ms.to_dst_file) and ms.rp_state.from_dst_file is not None:
            qemu_file_shutdown(ms.rp_state.from_dst_file)
            mark_source_rp_bad(ms)
    qemu_thread_join(ms.rp_state.rp_thread)
    ms.rp_state.rp_thread_created = False  # + join_created_thread
    if later.join_on_every_path:
        migration_release_from_dst_file(ms)
    if later.restart_return_path_thread:
        # taken by the joiner, so that the next thread begins without it
        error = ms.rp_state.error
        ms.rp_state.error = False
        return error
    else:
        return ms.rp_state.error


def stop_return_path_thread(ms: MigrationState) -> None:  # + lock_in_await
    """Shut the return path down if its thread would wait for ever. The caller holds qemu_file_lock."""
    if later.any_error_stops:
        failed = migrate_has_error(ms)
    else:
        failed = ms.to_dst_file is not None and qemu_file_get_error(ms.to_dst_file) != 0
    if failed and ms.rp_state.from_dst_file is not None:
        qemu_file_shutdown(ms.rp_state.from_dst_file)
        if later.only_thread_marks_error:
            pass
        else:
            mark_source_rp_bad(ms)


def migration_iteration_finish(s: MigrationState) -> None:
    """The last words of the migration thread: settle the guest, leave the rest to the main thread."""
    qemu_mutex_lock_iothread(s.process)
    if s.state == MIGRATION_STATUS_COMPLETED:
        s.process.runstate = "postmigrate"
    elif s.vm_was_running:
        s.process.runstate = "running"
    elif s.process.runstate == "finish-migrate":
        s.process.runstate = "postmigrate"
    migrate_fd_cleanup_schedule(s)
    qemu_mutex_unlock_iothread(s.process)


# migration thread: postcopy


def postcopy_start(ms: MigrationState) -> bool:
    """Stop the guest here and start it there: all device state travels as one package."""
    migrate_set_state(ms, MIGRATION_STATUS_ACTIVE, MIGRATION_STATUS_POSTCOPY_ACTIVE)
    qemu_mutex_lock_iothread(ms.process)
    vm_was_running = ms.process.runstate == "running"
    global_state_store(ms.process)
    ms.process.runstate = "finish-migrate"
    ram_postcopy_send_discard_bitmap(ms)
    qemu_savevm_send_ping(ms.to_dst_file, 2)
    package = bytearray()
    fb = qemu_fopen_ops(package, buffer_output_ops, False)
    qemu_savevm_send_postcopy_listen(fb)
    qemu_savevm_state_complete_precopy(ms.process, fb, True)
    qemu_savevm_send_ping(fb, 3)
    qemu_savevm_send_postcopy_run(fb)
    qemu_savevm_send_packaged(ms.to_dst_file, bytes(package))
    qemu_fclose(fb)
    if qemu_file_get_error(ms.to_dst_file):
        # the destination reads the package whole before it runs it, so the guest does not run there: it may run here
        ms.vm_was_running = vm_was_running
        migrate_set_state(ms, MIGRATION_STATUS_POSTCOPY_ACTIVE, MIGRATION_STATUS_FAILED)
        qemu_mutex_unlock_iothread(ms.process)
        return False
    qemu_mutex_unlock_iothread(ms.process)
    # from here on the guest may run there: a line that fails now is a pause
    qemu_savevm_send_ping(ms.to_dst_file, 4)
    return True


def postcopy_pause(s: MigrationState) -> str:
    """The line is down. Let go of the file, wait for another connection, agree on what is missing."""
    # the caller has read the state, and a cancel may have changed it since
    assert s.state == MIGRATION_STATUS_POSTCOPY_ACTIVE
    while True:
        assert s.to_dst_file is not None
        if later.join_before_close:
            if s.rp_state.rp_thread_created:
                await_return_path_close_on_source(s)
        if fixes.explicit_unregister:
            # No lock needed: while this thread runs, it alone changes to_dst_file. The lock below is not for the
            # pointer's sake; it waits until nobody uses the file under it any more.
            migration_ioc_unregister_yank_from_file(s.to_dst_file)
        with s.qemu_file_lock:
            f = s.to_dst_file
            s.to_dst_file = None
        qemu_file_shutdown(f)
        qemu_fclose(f)
        if later.restart_return_path_thread:
            if s.rp_state.rp_thread_created:
                await_return_path_close_on_source(s)
        migrate_set_state(s, s.state, MIGRATION_STATUS_POSTCOPY_PAUSED)
        while s.state == MIGRATION_STATUS_POSTCOPY_PAUSED:
            s.postcopy_pause_sem.wait()
        if s.state != MIGRATION_STATUS_POSTCOPY_RECOVER:
            return MIG_THR_ERR_FATAL
        if later.restart_return_path_thread:
            pass
        else:
            s.postcopy_pause_rp_sem.post()
        if postcopy_do_resume(s):
            return MIG_THR_ERR_RECOVERED


def postcopy_do_resume(s: MigrationState) -> bool:
    if not ram_dirty_bitmap_sync_all(s):
        return False
    return postcopy_resume_handshake(s)


def postcopy_resume_handshake(s: MigrationState) -> bool:
    """The return path thread posts when the acknowledgement has come and the state is active again."""
    qemu_savevm_send_postcopy_resume(s.to_dst_file)
    while s.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        if later.kick_from_recover:
            if not migration_rp_wait(s):
                return False
        else:
            s.rp_state.rp_sem.wait()
    return s.state == MIGRATION_STATUS_POSTCOPY_ACTIVE


# the destination's main thread


def migration_ioc_process_incoming(mis: MigrationIncomingState, ioc: QIOChannel) -> bool:
    """A connection has come in. True when all of them are there and the load may start."""
    if mis.from_src_file is None:
        f = qemu_fopen_channel_input(ioc)
        if postcopy_try_recover(mis, f):
            return False
        mis.from_src_file = f
        multifd_load_setup(mis.multifd)
    else:
        multifd_recv_new_channel(mis.multifd, ioc)
    return multifd_recv_all_channels_created(mis.multifd)


def postcopy_try_recover(mis: MigrationIncomingState, f: QEMUFile) -> bool:
    """If the listen thread is paused, hand it the new file. The fault thread waits until the source has resumed."""
    if mis.state != MIGRATION_STATUS_POSTCOPY_PAUSED:
        return False
    mis.from_src_file = f
    mis.to_src_file = qemu_file_get_return_path(f)
    migrate_set_state(mis, MIGRATION_STATUS_POSTCOPY_PAUSED, MIGRATION_STATUS_POSTCOPY_RECOVER)
    mis.postcopy_pause_sem_dst.post()
    return True


def process_incoming_migration_co(mis: MigrationIncomingState) -> None:
    """Load. Upstream this is a coroutine of the main thread; here the main thread calls it."""
    migrate_set_state(mis, MIGRATION_STATUS_NONE, MIGRATION_STATUS_ACTIVE)
    ret = qemu_loadvm_state(mis)
    if mis.have_listen_thread and ret >= 0:
        return
    if mis.postcopy_state == "advise":
        postcopy_ram_incoming_cleanup(mis)
    if ret < 0:
        migrate_set_state(mis, MIGRATION_STATUS_ACTIVE, MIGRATION_STATUS_FAILED)
        error_report(mis.process, f"the migration could not be loaded: {os.strerror(-ret)}")
        if not mis.have_listen_thread:  # that one still reads the file, until the process is gone
            assert mis.from_src_file is not None
            qemu_fclose(mis.from_src_file)
        multifd_load_cleanup(mis.multifd)
        qemu_exit(mis.process, 1)
        return
    # a coroutine, because its last word to the source may have to wait for the network
    qemu_coroutine_enter(mis.process, process_incoming_migration_bh, mis)


def process_incoming_migration_bh(mis: MigrationIncomingState) -> None:
    if later.cleanup_in_destroy:
        pass
    else:
        multifd_load_cleanup(mis.multifd)
    loadvm_start_guest(mis)
    migrate_set_state(mis, MIGRATION_STATUS_ACTIVE, MIGRATION_STATUS_COMPLETED)
    migration_incoming_state_destroy(mis)
