"""What upstream has fixed in this code since the series of July 2021, as far as we know: and where the miniature is.

Each has the stories it ends (by the switch of `later` with that commit), or the reason why there is none. Dates are
those of the merge, to the month where we know no more. The subjects are in our words.
"""

from __future__ import annotations

from typing import NamedTuple


class Upstream(NamedTuple):
    commit: str
    date: str
    subject: str
    stories: tuple[str, ...] = ()
    reason: str = ""


NO_PREEMPT = "The preempt channel came with QEMU 7.1; the miniature has none."
NO_DATA = "The channels of multifd carry no data here."
AT_EXIT = "A process that ends takes no steps here, so nothing can come after its last reference."

SINCE_JULY_2021 = (
    Upstream("20171ea895", "2021-09", "register the send channels of multifd with yank", reason=NO_DATA),
    Upstream(
        "552de79bfd", "2022-04-21", "query-migrate reads the state once",
        reason="Built in: monitor.py reads it once. The README says so.",
    ),
    Upstream("f5816b5c86", "2022-11-21", "record a file's error before the shutdown", ("half-a-page",)),
    Upstream(
        "86d063fa83", "2023-02", "a TLS server's channel can be shut down",
        reason="Built in: every TLS channel can be. The README says so.",
    ),
    Upstream("cfc3bcf373", "2023-02-13", "take multifd down at the end of a postcopy", ("multifd-postcopy",)),
    Upstream("6621883f93", "2023-03", "two threads write to the preempt channel", reason=NO_PREEMPT),
    Upstream("cf02f29e1e", "2023-09", "the preempt thread must not end before its pages are there", reason=NO_PREEMPT),
    Upstream(
        "28a8347281", "2023-09", "only the return path thread sets rp_state.error",
        reason="The flag has two writers, but the file keeps the error as well, and the thread finds it there: explored"
        " below, and nothing is lost.",
    ),
    Upstream(
        "639decf529", "2023-09", "lock around the shutdown before the join",
        ("await-vs-exit", "yank-during-completion"),
    ),
    Upstream(
        "7478fb0df9", "2023-09", "lock around to_dst_file in cancel and migrate-pause",
        ("cancel-while-pausing", "pause-while-pausing"),
    ),
    Upstream("b3b101157d", "2023-09", "close the preempt file once", reason=NO_PREEMPT),
    Upstream(
        "d50f5dc075", "2023-09", "ask inside the join whether there is a thread",
        reason="The same question in another place: nothing runs differently.",
    ),
    Upstream(
        "ef796ee93b", "2023-09", "a new return path thread for each resume",
        ("hasty-resume", "yank-at-the-end-of-postcopy", "cancel-in-postcopy"),
    ),
    Upstream("36e9aab3c5", "2023-09", "join on every path", ("migrate-again", "silent-peer")),
    Upstream(
        "f4e1b61336", "2023-10", "unregister the instance at one place of qmp_migrate",
        reason="Tidying: the transports that fail are left out here.",
    ),
    Upstream(
        "f8c543e808", "2023-11-02", "a way out of postcopy-recover",
        ("yank-in-recover", "yank-while-destination-recovers"),
    ),
    Upstream(
        "10351fbad1", "2023", "join the multifd threads that have ended by themselves",
        reason="Here only main writes `running`, so the join misses none. The README says so.",
    ),
    Upstream("ddbe628c97", "2023", "the page block of a multifd channel", reason=NO_DATA),
    Upstream("27eb8499ed", "2024-01", "a reference for the bottom half at the end of a load", reason=AT_EXIT),
    Upstream(
        "59094cfa7a", "2024-01", "the same for a background snapshot",
        reason="There are no snapshots in the background.",
    ),
    Upstream(
        "0a5d1108ab", "2024-01", "yankable is what can be shut down",
        reason="Whatever is a socket or TLS can be shut down here, so both questions have one answer.",
    ),
    Upstream("22b04245f0", "2024-02", "join before to_dst_file is closed", ("silent-peer",)),
    Upstream("9425ef3f99", "2024-02", "any error of the migration stops the return path", ("silent-peer",)),
    Upstream("e1921f10d9", "2024-02", "the handle of a multifd handshake thread", ("multifd-tls",)),
    Upstream("a2a63c4abd", "2024-02", "multifd: no `running` any more", reason="See 10351fbad1."),
    Upstream("30158d8850", "2024-03-31", "record the error of a failed completion", ("silent-peer",)),
    Upstream("4ce5622908", "2024", "the map of received pages in multifd", reason=NO_DATA),
    Upstream("98ea497d8b", "2024", "the number of a multifd packet", reason=NO_DATA),
    Upstream(
        "0bd5b9284f", "2024-08", "clean up when a multifd channel cannot be made",
        reason="The connections are there before the migration begins.",
    ),
    Upstream(
        "7fc8beb16e", "2024-10", "a thread takes its reference before it runs",
        reason="The migration thread holds no reference here. The README says so.",
    ),
    Upstream("4a228bcc99", "2025-02-13", "cancelling is not overwritten by failed", ("lost-cancel",)),
    Upstream(
        "646119088f", "2025-02-13", "no cancel once the postcopy has begun",
        ("cancel-before-pause", "cancel-while-pausing", "cancel-while-paused"),
    ),
    Upstream("d657a14de5", "2025-03", "a reference for the loading coroutine", reason=AT_EXIT),
    Upstream(
        "7b842fe354", "2025-11-03", "a state between, until the destination has its devices",
        reason="We know its subject only; the source announces postcopy-active early here, too.",
    ),
    Upstream("7e71439243", "2026-01-23", "register yank before the state is reset", ("migrate-too-early",)),
    Upstream(
        "d1ab9655fd", "2026-02-09", "a state failing, until the clean-up has run",
        reason="Posted, and not merged when we looked. The story it is about is migrate-too-early.",
    ),
)  # fmt: skip
