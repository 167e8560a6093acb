# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line. Mirrors softmmu/vl.c, util/qemu-option.c and qemu-options.hx.

Options are called as QEMU's, with one dash or two, so the command lines of its manual fit. An option that says what is
so anyway (`-display none`) is accepted; any other is refused by name, in one sentence.
Left out: almost all options; values in JSON, commas in values.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field

from mini_qemu.fixes import fixes
from mini_qemu.native.cpus import PROGRAMS
from mini_qemu.native.io_channel_socket import SWITCH, TLS_ENDPOINTS, SocketAddress, socket_parse
from mini_qemu.process import NOT_EXPECTED
from mini_qemu.ram import TARGET_PAGE_SIZE

PROGRAM = "mini_qemu"
MAX_MEMORY = 4 << 30
SUFFIXES = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class OptionError(Exception):
    """What is wrong with an option, in a sentence."""


@dataclass
class Options:
    """What the command line asks for."""

    monitors: list[SocketAddress] = field(default_factory=list)
    stdio: bool = False
    incoming: str | None = None
    memory: int = 0
    stopped: bool = False
    cpu: tuple[str, int] | None = None
    objects: dict[str, dict[str, str]] = field(default_factory=dict)
    loads: list[tuple[str, int]] = field(default_factory=list)
    name: str = PROGRAM
    fixes: tuple[str, ...] = tuple(fixes.names)
    pidfile: str | None = None
    chardevs: dict[str, SocketAddress] = field(default_factory=dict)


# Values


def key_values(text: str, first: str | None, known: tuple[str, ...], bare: tuple[str, ...] = ()) -> dict[str, str]:
    """`value,key=value,...`: a value without a key in front is that of `first`. `bare` keys may stand alone; `nokey`
    is then its opposite."""
    pairs: dict[str, str] = {}
    for number, word in enumerate(text.split(",")):
        key, equals, value = word.partition("=")
        if not equals:
            if number == 0 and first is not None:
                key, value = first, word
            elif word in bare:
                value = "on"
            elif word.removeprefix("no") in bare:
                key, value = word.removeprefix("no"), "off"
            else:
                raise OptionError(f"{word!r} is not of the form key=value")
        if key not in known:
            raise OptionError(f"there is no key {key!r}; there are {', '.join(known)}")
        if key in pairs:
            raise OptionError(f"the key {key!r} is there twice")
        pairs[key] = value
    return pairs


def switch(pairs: dict[str, str], key: str, default: str) -> bool:
    value = pairs.get(key, default)
    if value not in SWITCH:
        raise OptionError(f"{key} must be on or off, not {value!r}")
    return SWITCH[value]


def number(text: str, what: str) -> int:
    digits = text.lower().removeprefix("0x")
    if not digits.isascii() or not digits.isalnum():
        raise OptionError(f"{what} must be a number, not {text!r}")
    try:
        return int(text, 0)
    except ValueError:
        raise OptionError(f"{what} must be a number, not {text!r}") from None


def memory_size(text: str) -> int:
    """Bytes. Without a suffix the unit is MiB."""
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "M")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15 or unit not in SUFFIXES:
        raise OptionError(f"{text!r} is not a size such as 64, 64M or 1G")
    size = int(digits) * SUFFIXES[unit]
    if size > MAX_MEMORY or size % TARGET_PAGE_SIZE:
        raise OptionError(f"{text!r} is not from 0 to {MAX_MEMORY >> 20}M, in pages of {TARGET_PAGE_SIZE} bytes")
    return size


def listen_address(text: str, pairs: dict[str, str]) -> SocketAddress:
    try:
        addr = socket_parse(text)
    except ValueError as error:
        raise OptionError(str(error)) from None
    if addr is None:
        raise OptionError(f"{text!r} must be unix:PATH or tcp:HOST:PORT")
    if not switch(pairs, "server", "on"):
        raise OptionError("a monitor only listens: server=off is not possible")
    switch(pairs, "wait", "off")
    return addr


# Options that take a value


def option_qmp(to: Options, text: str) -> None:
    if text == "stdio":
        to.stdio = True
        return
    known = ("address", "server", "wait")
    pairs = key_values(text, "address", known, bare=("server", "wait"))
    to.monitors.append(listen_address(pairs["address"], pairs))


def option_chardev(to: Options, text: str) -> None:
    known = ("backend", "id", "path", "host", "port", "server", "wait")
    pairs = key_values(text, "backend", known, bare=("server", "wait"))
    if pairs.get("backend") != "socket" or "id" not in pairs or ("path" in pairs) == ("port" in pairs):
        raise OptionError("only socket,id=ID,path=PATH and socket,id=ID,host=HOST,port=PORT are possible")
    where = f"unix:{pairs['path']}" if "path" in pairs else f"tcp:{pairs.get('host', '')}:{pairs['port']}"
    to.chardevs[pairs["id"]] = listen_address(where, pairs)


def option_mon(to: Options, text: str) -> None:
    pairs = key_values(text, "chardev", ("chardev", "mode", "pretty"))
    if pairs.get("mode") != "control":
        raise OptionError("only monitors with mode=control are possible: there is no human monitor")
    if pairs.get("chardev") not in to.chardevs:
        raise OptionError(f"there is no -chardev {pairs.get('chardev', '')!r} before it")
    to.monitors.append(to.chardevs.pop(pairs["chardev"]))


def option_incoming(to: Options, text: str) -> None:
    to.incoming = text


def option_machine(to: Options, text: str) -> None:
    pairs = key_values(text, "type", ("type", "accel"))
    if pairs.get("type", "none") != "none":
        raise OptionError(f"there is no machine {pairs['type']!r}, only 'none'")
    if "accel" in pairs:
        option_accel(to, pairs["accel"])


def option_accel(to: Options, text: str) -> None:
    if "tcg" not in text.partition(",")[0].split(":"):
        raise OptionError(f"there is no accelerator {text!r}, only 'tcg'")


def option_m(to: Options, text: str) -> None:
    pairs = key_values(text, "size", ("size", "slots", "maxmem"))
    to.memory = memory_size(pairs.get("size", "0"))
    if pairs.get("slots", "0") != "0" or memory_size(pairs.get("maxmem", "0")) > to.memory:
        raise OptionError("memory cannot be added later: slots must be 0, and maxmem not more than size")


def option_smp(to: Options, text: str) -> None:
    if key_values(text, "cpus", ("cpus",)).get("cpus") != "1":
        raise OptionError(f"there is one CPU, not {text}")


def option_cpu(to: Options, text: str) -> None:
    pairs = key_values(text, "model", ("model", "seed"))
    if pairs.get("model") not in PROGRAMS:
        raise OptionError(f"{text!r} must be {' or '.join(PROGRAMS)}, perhaps with seed=NUMBER")
    to.cpu = pairs["model"], number(pairs.get("seed", "0"), "seed")


def option_object(to: Options, text: str) -> None:
    pairs = key_values(text, "qom-type", ("qom-type", "id", "dir", "endpoint", "verify-peer"))
    if pairs.get("qom-type") != "tls-creds-x509" or not pairs.get("id"):
        raise OptionError(f"{text!r} must be tls-creds-x509 with id, dir and endpoint")
    if pairs["id"] in to.objects:
        raise OptionError(f"there are two objects {pairs['id']!r}")
    if pairs.get("endpoint", "client") not in TLS_ENDPOINTS:
        raise OptionError(f"endpoint must be {' or '.join(TLS_ENDPOINTS)}, not {pairs['endpoint']!r}")
    switch(pairs, "verify-peer", "on")
    to.objects[pairs["id"]] = pairs


def option_device(to: Options, text: str) -> None:
    pairs = key_values(text, "driver", ("driver", "file", "addr", "force-raw"))
    if pairs.get("driver") != "loader" or "file" not in pairs:
        raise OptionError(f"{text!r} must be loader with file and perhaps addr")
    to.loads.append((pairs["file"], number(pairs.get("addr", "0"), "addr")))


def option_name(to: Options, text: str) -> None:
    to.name = key_values(text, "guest", ("guest", "debug-threads", "process")).get("guest", PROGRAM)


def option_fixes(to: Options, text: str) -> None:
    if text in ("all", "none"):
        to.fixes = tuple(fixes.names) if text == "all" else ()
        return
    by_number = {str(fix.patch): fix.name for fix in fixes}
    unknown = [word for word in text.split(",") if word not in by_number]
    if unknown:
        raise OptionError(f"there is no fix {unknown[0]!r}: give numbers from 1 to 5, all or none")
    to.fixes = tuple([by_number[word] for word in text.split(",")])


def option_pidfile(to: Options, text: str) -> None:
    to.pidfile = text


def option_absent(to: Options, text: str) -> None:
    if text != "none":
        raise OptionError(f"there is none, so only 'none' is possible, not {text!r}")


Handler = Callable[[Options, str], None]

WITH_VALUE: dict[str, tuple[Handler, str, str]] = {
    "qmp": (option_qmp, "unix:PATH|tcp:HOST:PORT|stdio", "listen for monitors there; may be repeated"),
    "incoming": (option_incoming, "unix:PATH|tcp:HOST:PORT|defer", "be a destination; defer: until migrate-incoming"),
    "M": (option_machine, "none", "the machine, there is one; also -machine"),
    "m": (option_m, "SIZE", "guest memory, in MiB or with a suffix: 64, 64M, 1G (default: none)"),
    "cpu": (option_cpu, "writer|reader[,seed=N]", "a guest: a thread that writes or reads memory (default: none)"),
    "device": (option_device, "loader,file=FILE[,addr=N]", "put a file into guest memory before the guest starts"),
    "object": (option_object, "tls-creds-x509,id=ID,dir=DIR,endpoint=client|server[,verify-peer=on|off]",
               "keys for TLS, named by the parameter tls-creds"),
    "chardev": (option_chardev, "socket,id=ID,path=PATH", "where a monitor listens, for -mon"),
    "mon": (option_mon, "chardev=ID,mode=control", "a monitor there"),
    "name": (option_name, "NAME", "how messages begin"),
    "pidfile": (option_pidfile, "FILE", "write the process's number there"),
    "fixes": (option_fixes, "1,2,...|all|none", "which of the five patches are in (default: all)"),
}  # fmt: skip
SO_ANYWAY: dict[str, Handler] = {
    "machine": option_machine,
    "accel": option_accel,
    "smp": option_smp,
    **dict.fromkeys(("display", "monitor", "serial", "parallel", "vga", "net", "nic"), option_absent),
}
ALONE = {
    "S": "do not start the guest; 'cont' does",
    "h": "this list; also -help",
    "version": "the version",
}
IGNORED = ("nodefaults", "nographic", "no-user-config", "no-shutdown", "no-reboot")


def help_text() -> str:
    lines = [
        "usage: python -m mini_qemu [OPTION ...]",
        "A machine without devices that migrates as QEMU's machine 'none' does.",
        "",
        *[f"  -{name} {value}\n        {text}" for name, (_, value, text) in WITH_VALUE.items()],
        *[f"  -{name}\n        {text}" for name, text in ALONE.items()],
        "",
        'Example: two terminals, then {"execute": "migrate", ...} on a\'s monitor',
        "  python -m mini_qemu -qmp unix:a.qmp -m 16 -cpu writer",
        "  python -m mini_qemu -qmp unix:b.qmp -m 16 -incoming unix:m.sock",
    ]
    return "\n".join(lines)


def parse(words: list[str]) -> Options | str:
    """The options, or "help" or "version". Raises OptionError, which names the option."""
    options = Options()
    rest = iter(words)
    for word in rest:
        name = word.removeprefix("-").removeprefix("-")
        if not word.startswith("-") or not name:
            raise OptionError(f"{word!r} is no option: there are no disks, and options begin with a dash")
        if name in ("h", "help", "?"):
            return "help"
        if name == "version":
            return "version"
        if name == "S":
            options.stopped = True
        elif name in WITH_VALUE or name in SO_ANYWAY:
            value = next(rest, None)
            if value is None:
                raise OptionError(f"-{name}: a value must follow")
            handler = WITH_VALUE[name][0] if name in WITH_VALUE else SO_ANYWAY[name]
            try:
                handler(options, value)
            except OptionError as error:
                raise OptionError(f"-{name}: {error}") from None
            except NOT_EXPECTED as error:
                raise OptionError(f"-{name}: {value!r} cannot be used: {error!r}") from None
        elif name not in IGNORED:
            near = difflib.get_close_matches(name, [*WITH_VALUE, *SO_ANYWAY, *ALONE, *IGNORED], 1)
            hint = f"did you mean -{near[0]}?" if near else "-help lists those there are"
            raise OptionError(f"-{name}: there is no such option; {hint}")
    return options
