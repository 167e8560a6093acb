# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shown where no kernel listens: a static table, and the player that takes its place where scripts may run.

A thing that can be shown has two forms. text/plain is deterministic and is what nbval compares. text/html is the
static twin, followed by one classic script with the view's data; classic, because `document.currentScript` finds its
own table even if equal players occur twice on a page. The data is compressed JSON: a lab of four runs is 240 kB of
text, of which every step says nearly what the last one said.

The module player.js and its style travel in the same script, behind a mark, compressed as well. A fresh output always
carries them, so it works alone. A stored notebook keeps them once, in its first player (`lessons.authoring.normalise`),
as one line; the outputs without them wait in `window.miniQemu.waiting` until the module arrives, whichever is drawn
first. Where it does not arrive, because its cell was cleared or deleted, each keeps its table and says that running its
own cell brings it back.
Left out: the live form, in lessons.widgets.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MARK = "/* the player, once a notebook */"

TO_PLAY = "To play this run, run its cell."

# Each output: draw now if the module is there, else wait for it, and after a while say what to do.
_OUTPUT = """((place, packed) => {
const host = window.miniQemu ??= { waiting: [] };
if (host.show) return host.show(place, packed);
host.waiting.push([place, packed]);
setTimeout(() => host.show || place.insertAdjacentHTML("beforeend", "<p><em>TO_PLAY</em></p>"), 2000);
})(document.currentScript.previousElementSibling, "%s");""".replace("TO_PLAY", TO_PLAY)

# The module and its style, compressed as the data is. It runs as one more classic script: a page that lets this one run
# lets that one run too, where it may refuse `eval` and modules from a blob. Of several on a page (fresh outputs, two
# notebooks in one JupyterLab) the last one draws from then on.
_MODULE = """
%s((packed) => {
const host = window.miniQemu;
const read = async (packed) => {
const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
return JSON.parse(await new Response(inflated).text());
};
read(packed).then(({ module, style }) => {
const sheet = document.getElementById("mini-qemu-style") ?? document.createElement("style");
sheet.id = "mini-qemu-style";
sheet.textContent = style;
const script = document.createElement("script");
script.textContent = module;
document.head.append(sheet, script);
script.remove();
const { mount } = host.module;
host.show = async (place, packed) => mount(place, await read(packed));
for (const [place, packed] of host.waiting.splice(0)) host.show(place, packed);
});
})("%s");"""
_ANY_OUTPUT = re.compile(
    r'(<div class="mini-qemu-at-rest".*?<script>.*?)(?:\n' + re.escape(MARK) + r".*?)?(</script>)", re.S
)


@cache
def module_text() -> str:
    return (HERE / "player.js").read_text(encoding="utf-8")


@cache
def style_text() -> str:
    return (HERE / "player.css").read_text(encoding="utf-8")


@cache
def _module_script() -> str:
    module = compact(module_text()).replace("export default", "return")
    script = f"window.miniQemu.module = (() => {{\n{module}\n}})();"
    return _MODULE % (MARK, packed({"module": script, "style": compact(style_text())}))


def compact(text: str) -> str:
    """JavaScript or CSS without indentation, blank lines and comments on lines of their own: nobody reads it there.
    No text in backquotes may go over two lines."""
    text = re.sub(r"^\s*/\*.*?\*/[ \t]*$", "", text, flags=re.M | re.S)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def packed(view: Any) -> str:
    """The view as compressed JSON in base 64; `unpacked` is its inverse. Half a surrogate pair, which no page can hold,
    becomes a question mark."""
    text = json.dumps(view, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(errors="replace"), 9)).decode("ascii")


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def folded(summary: str, inside: str) -> str:
    """Closed until it is clicked, also without scripts. Both are HTML already."""
    return f'<details class="mini-qemu-folded"><summary>{summary}</summary>{inside}</details>'


def html_at_rest(view: Any, static: str) -> str:
    """`static` for readers without scripts, and the script that puts the player in its place."""
    static = static.encode(errors="replace").decode()
    name = "mini-qemu-" + hashlib.sha256(static.encode()).hexdigest()[:12]
    place = f'<div class="mini-qemu-at-rest" id="{name}">{static}</div>'
    return f"{place}<script>{_OUTPUT % packed(view)}{_module_script()}</script>"


def has_player(text: str) -> bool:
    return '<div class="mini-qemu-at-rest"' in text


def with_module(text: str) -> str:
    """The HTML of an output whose first player carries the module as it is now."""
    return _ANY_OUTPUT.sub(lambda found: found[1] + _module_script() + found[2], without_module(text), count=1)


def without_module(text: str) -> str:
    """The HTML of an output whose players rely on another output for the module."""
    return _ANY_OUTPUT.sub(r"\1\2", text)


def code(text: str) -> str:
    """Escaped, with `this` as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


class AtRest:
    """Both forms of what is shown: `repr` and `_repr_html_`. Beside a widget it adds them to the widget's own."""

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        live = getattr(super(), "_repr_mimebundle_", None)
        bundle = live(**kwargs) if live else {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, None)
        data = {**data, "text/plain": repr(self), "text/html": self._repr_html_()}
        return data if metadata is None else (data, metadata)
