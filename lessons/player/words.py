# SPDX-License-Identifier: GPL-2.0-or-later
"""The sentence of a step, in words a reader uses: messages have names, a list is called what the state table calls it.

The engine says what every program does ("sends b'\\x08...' on the line"); a story's messages have names in QEMU's own
protocol, and these are read off their first bytes. What has no name stays as the engine said it.
Left out: the content of messages. The course's bugs do not depend on it.
"""

from __future__ import annotations

import ast
import re

from mini_qemu import migration_incoming as answers
from mini_qemu import savevm_command as stream
from mini_qemu.sched import Step

BYTES = re.compile(r"""b(?:'(?:[^'\\…]|\\[^…])*\\?(?:'|…)|"(?:[^"\\…]|\\[^…])*\\?(?:"|…))""")
LONG_NAMES = (
    (re.compile(r"[\w.]+\.yank_instance_list\[0\]\.yankfns"), "the yank list"),
    (re.compile(r"[\w.]+\.yank_instance_list\b"), "the yank instances"),
    (re.compile(r"\(\(migration_yank_iochannel, ([^()]+)\),?\)"), r"[\1]"),
    (re.compile(r"\(YankInstanceEntry#\d+,\)"), "[migration]"),
)


def _named(module: object, prefix: str) -> dict[int, str]:
    found = {name: value for name, value in vars(module).items() if name.startswith(prefix) and isinstance(value, int)}
    return {value: name.removeprefix(prefix).replace("_", " ") for name, value in found.items()}


COMMANDS = _named(stream, "MIG_CMD_")
ANSWERS = _named(answers, "MIG_RP_MSG_")
SECTIONS = {
    stream.QEMU_VM_SECTION_START: "the start of a section",
    stream.QEMU_VM_SECTION_PART: "a part of a section",
    stream.QEMU_VM_SECTION_END: "the end of a section",
    stream.QEMU_VM_SECTION_FULL: "a whole section",
    stream.QEMU_VM_SECTION_FOOTER: "the footer of a section",
}


def message(data: bytes) -> str:
    """What a message of the migration is called, by its first bytes; "" if it has no name."""
    if data.startswith(stream.QEMU_VM_FILE_MAGIC.to_bytes(4)):
        return "the header of the stream"
    if data[:1] == bytes([stream.QEMU_VM_COMMAND]) and len(data) >= 3:
        return COMMANDS.get(int.from_bytes(data[1:3]), "")
    if data[:1] == b"\0" and len(data) >= 4:
        return ANSWERS.get(int.from_bytes(data[:2]), "")
    return SECTIONS.get(data[0], "") if data else ""


def _first_bytes(text: str) -> bytes:
    """The bytes of a literal that may have been cut short."""
    body = text.rstrip("…").removesuffix(text[1]) if not text.endswith("…") else text[:-1]
    for cut in range(5):
        try:
            value = ast.literal_eval(body[: len(body) - cut] + text[1])
        except (SyntaxError, ValueError):
            continue
        return value if isinstance(value, bytes) else b""
    return b""


def sent(step: Step) -> str:
    """What the step sends or takes: the name of the message, else the value as it is written."""
    return message(_first_bytes(step.value)) or step.value


def spoken(step: Step) -> str:
    """The engine's sentence with names for what has one."""
    text = step.text
    if step.op in ("send", "recv"):
        text = BYTES.sub(lambda found: message(_first_bytes(found[0])) or found[0], text, count=1)
    for pattern, name in LONG_NAMES:
        text = pattern.sub(name, text)
    return text
