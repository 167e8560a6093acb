# SPDX-License-Identifier: GPL-2.0-or-later
"""The syntax tree of a function, rewritten so that it yields before every visible operation.

    s.value = s.value + 1     ->     yield (WRITE, s, "value", (yield (READ, s, "value", SITE)) + 1, SITE)
    f(x)                      ->     (yield from made) if type(made := call(f, x)) is generator else made
    with m: ...               ->     PEP 343's expansion, so that entering and leaving are calls like any other
    assert x                  ->     if not x: yield (ABORT, "assertion failed: x", None)    (see `World.advance`)

Strategy: one pass over the function's definition, found again in its file; the result is compiled with the original
file name and line numbers, so that tracebacks, `inspect` and the player's marks agree. Whether an attribute is a shared
field is decided by its object when the operation is made: here only names are looked at.

Left alone: comprehensions, lambdas, nested generator and async functions and class bodies. They run plainly, and a
visible operation in one of them is refused when it is made (`shared.Clerk.refuse`). Left out: deletion of shared
fields.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import linecache
import sys
from types import CodeType
from typing import Any

from .errors import InstrumentationError
from .ops import ABORT, BEAT, READ, WRITE
from .shared import SHARED_NAMES
from .source import FUTURES, source_of, tree_of

ASSERTION = "assertion failed: "
"""How the text of a failed assertion begins."""

BEAT_EVERY = 1000
"""Loop iterations between two notes to the world that a loop is still turning."""

HELPERS = (
    "_sched_call",
    "_sched_run",
    "_sched_type",
    "_sched_generator",
    "_sched_nested",
    "_sched_leave",
    "_sched_exc_info",
    "_sched_closed",
    "_sched_stopped",
    "_sched_stop",
)
"""The names that rewritten code finds its helpers under: closure cells, filled by `instrument`."""

_NEEDS_ITS_FRAME = {"super", "locals", "vars", "dir", "eval", "exec"}
_CALLS_BACK = {"getattr", "setattr", "hasattr", "map", "filter", "input", "next", "iter", "print"}
_PLAIN_BUILTINS = {name for name in dir(builtins) if callable(getattr(builtins, name))} - _CALLS_BACK

_CACHE: dict[tuple[CodeType, str, type[Rewriter]], tuple[CodeType, frozenset[str]]] = {}


def forget(code: CodeType) -> None:
    """Rewrite the function of ``code`` anew when it is asked for again."""
    for key in [key for key in _CACHE if key[0] is code]:
        del _CACHE[key]


def rewritten(code: CodeType, qualname: str, make: type[Rewriter] | None = None) -> tuple[CodeType, frozenset[str]]:
    """The code object that ``make`` (`Rewriter`) rewrites ``code`` to, made anew only when a name it uses has become a
    shared field since.
    """
    make = make or Rewriter
    cached = _CACHE.get((code, code.co_filename, make))
    if cached is not None and not cached[1] & SHARED_NAMES:
        return cached
    tree = copy.deepcopy(_definition(code))
    rewriter = make(code, qualname)
    function = rewriter.function(tree)
    body: list[ast.stmt] = [function]
    scope = rewriter.class_name or None
    if scope is not None:  # private names (__x) are mangled with the class's name
        body = [ast.ClassDef(scope, bases=[], keywords=[], body=body, decorator_list=[], **TYPE_PARAMS)]
    outermost = scope or function.name
    if outermost not in code.co_freevars:  # inside, its name is what it is in the file: a global
        body.insert(0, ast.Global([outermost]))
    outer = ast.FunctionDef(
        "_sched_outer",
        ast.arguments(
            posonlyargs=[],
            args=[ast.arg(n) for n in dict.fromkeys([*make.helpers, *code.co_freevars])],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[],
        ),
        body,
        decorator_list=[],
        **TYPE_PARAMS,
    )
    module = ast.fix_missing_locations(ast.Module([ast.copy_location(outer, tree)], type_ignores=[]))
    try:
        compiled = compile(module, code.co_filename, "exec", dont_inherit=True, flags=code.co_flags & FUTURES)
    except (SyntaxError, ValueError, TypeError) as error:
        raise InstrumentationError(
            f"{code.co_filename}:{code.co_firstlineno}: {qualname} cannot be rewritten ({error}); please report it and "
            "write the function in smaller parts"
        ) from error
    path = ["_sched_outer", function.name] if scope is None else ["_sched_outer", scope, function.name]
    found = _known_names(_find_code(compiled, path)).replace(co_name=code.co_name, co_qualname=code.co_qualname)
    _CACHE[code, code.co_filename, make] = found, frozenset(rewriter.plain_names)
    return found, frozenset(rewriter.plain_names)


TYPE_PARAMS: dict[str, Any] = {"type_params": []} if sys.version_info >= (3, 12) else {}


def _find_code(module: CodeType, path: list[str]) -> CodeType:
    """The code of the function that is reached by these names."""
    for name in path:
        module = next(c for c in module.co_consts if isinstance(c, CodeType) and c.co_name == name)
    return module


def _known_names(code: CodeType) -> CodeType:
    """``code`` with what the rewriter defined in it under the name of the function around it."""
    inside = tuple(_known_names(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    code = code.replace(co_consts=inside)
    around, _, name = code.co_qualname.rpartition(".<locals>.")
    if not name.startswith("_sched"):
        return code.replace(co_qualname=code.co_qualname.replace("_sched_outer.<locals>.", ""))
    while around.rpartition(".")[2].startswith("_sched"):
        around = around.rpartition(".<locals>.")[0]
    return code.replace(co_name=around.rpartition(".")[2], co_qualname=around.replace("_sched_outer.<locals>.", ""))


def _definition(code: CodeType) -> Any:
    """The syntax tree of the function that ``code`` was compiled from, with the file's line numbers."""
    where = f"{code.co_filename}:{code.co_firstlineno}"
    source = source_of(code)
    if code.co_name == "<lambda>":
        return _lambda(code, source)
    for node in _definitions(code.co_filename, source):
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        if first == code.co_firstlineno and node.name == code.co_name:
            if isinstance(node, ast.AsyncFunctionDef):
                raise InstrumentationError(
                    f"{where}: {code.co_name} is an async function; write it as a plain function"
                )
            return node
    raise InstrumentationError(
        f"{where}: {code.co_name} was not found at this line; has its file changed? Import it again (restart the "
        "kernel)"
    )


def _lambda(code: CodeType, source: str) -> ast.Lambda:
    """The lambda of ``code``: the one in whose body its instructions are."""
    spots = {(line, column) for line, _, column, _ in code.co_positions() if line is not None and column is not None}
    for node in ast.walk(tree_of(code.co_filename, source)):
        if isinstance(node, ast.Lambda) and (node.body.lineno, node.body.col_offset) in spots:
            return node
    raise InstrumentationError(
        f"{code.co_filename}:{code.co_firstlineno}: a lambda was not found at this line; has its file changed? Import "
        "it again (restart the kernel), or write it as a function with def"
    )


@functools.lru_cache(maxsize=64)
def _definitions(filename: str, source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(tree_of(filename, source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def _redefined(filename: str) -> frozenset[str]:
    """Builtin names to which the file gives another meaning, anywhere."""
    return _stored(filename, "".join(linecache.getlines(filename)))


@functools.lru_cache(maxsize=64)
def _stored(filename: str, source: str) -> frozenset[str]:
    names = {node.name for node in _definitions(filename, source)}
    nodes = ast.walk(tree_of(filename, source))
    names |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return frozenset(names & _PLAIN_BUILTINS)


class Rewriter(ast.NodeTransformer):
    """Rewrites one function. ``plain_names``: attributes it left alone, in case they become shared fields."""

    helpers: tuple[str, ...] = HELPERS

    def __init__(self, code: CodeType, qualname: str) -> None:
        self.code = code
        self.qualname = qualname
        around = qualname.split(".")[-2] if "." in qualname else "<locals>"
        self.class_name = "" if around == "<locals>" else around
        self.plain_names: set[str] = set()
        self.temporaries = 0
        self.assigns = True

    # ------------------------------------------------ helpers

    def temporary(self) -> str:
        self.temporaries += 1
        return f"_sched{self.temporaries}"

    def refuse(self, node: ast.AST, reason: str) -> None:
        raise InstrumentationError(
            f"{self.code.co_filename}:{getattr(node, 'lineno', self.code.co_firstlineno)}: {reason}"
        )

    def site(self, node: ast.AST) -> ast.Constant:
        place: Any = (self.code.co_filename, self.qualname, getattr(node, "lineno", 0))
        return ast.Constant(place)

    def is_shared(self, name: str) -> bool:
        if name not in SHARED_NAMES:
            self.plain_names.add(name)
            return False
        return True

    def operation(self, kind: int, node: ast.AST, *operands: ast.expr) -> ast.expr:
        made: ast.expr = at(ast.Yield(ast.Tuple([ast.Constant(kind), *operands], ast.Load())), node)
        return made

    def body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for statement in statements:
            new = self.visit(statement)
            out.extend(new if isinstance(new, list) else [new])
        return out

    # ------------------------------------------------ functions and scopes

    def function(self, node: Any) -> ast.FunctionDef:
        """The definition without decorators, defaults and annotations: those of the original are kept."""
        if isinstance(node, ast.Lambda):
            self.refuse(node, "a lambda cannot run under the explorer; write it as a function with def")
        arguments = ast.arguments(
            posonlyargs=[ast.arg(a.arg) for a in node.args.posonlyargs],
            args=[ast.arg(a.arg) for a in node.args.args],
            vararg=node.args.vararg and ast.arg(node.args.vararg.arg),
            kwonlyargs=[ast.arg(a.arg) for a in node.args.kwonlyargs],
            kw_defaults=[None for _ in node.args.kwonlyargs],
            kwarg=node.args.kwarg and ast.arg(node.args.kwarg.arg),
            defaults=[],
        )
        start = statements("_sched_turns = 0")
        never = statements("return\nyield")  # whatever it contains, it is a generator function
        body = [*start, *self.sent_out(self.body(node.body), node), *never]
        for new in [*start, *never]:
            at(new, node.body[-1] if new in never else node)
        new = ast.FunctionDef(node.name, arguments, body, decorator_list=[], **TYPE_PARAMS)
        ast.copy_location(new, node)
        return new

    def sent_out(self, body: list[ast.stmt], node: ast.AST) -> list[ast.stmt]:
        """``body``, whose StopIteration leaves it as a `Stopped`."""
        name = self.temporary()
        raised = statements(f"raise _sched_stop({name})")
        handler = ast.ExceptHandler(ast.Name("StopIteration", ast.Load()), name, raised)
        return [at(ast.Try(body, [handler], [], []), node)]

    def taken_in(self, body: list[ast.stmt], node: ast.AST) -> list[ast.stmt]:
        """``body``, under which a handler of the program meets a StopIteration as itself."""
        name = self.temporary()
        raised = statements(f"raise {name}.stop from None")
        handler = ast.ExceptHandler(ast.Name("_sched_stop", ast.Load()), name, raised)
        return [at(ast.Try(body, [handler], [], []), node)]

    def visit_Try(self, node: Any) -> Any:
        self.generic_visit(node)
        if node.handlers:
            node.body = self.taken_in(node.body, node)
        return node

    visit_TryStar = visit_Try

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Both forms, over the same cells: the generator function for `call`, the natural one for other callers (a
        library, a comprehension).
        """
        natural = copy.deepcopy(node.body)
        self.defaults(node.args)
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in own_nodes(node)):
            return node
        generator, name = self.function(node), self.temporary()
        node.body = natural
        nested = ast.Call(ast.Name("_sched_nested", ast.Load()), [ast.Name(name, ast.Load())], [])
        node.decorator_list.append(at(nested, node))
        keep = ast.Assign([ast.Name(name, ast.Store())], ast.Name(node.name, ast.Load()))
        return [generator, at(keep, node), node]

    def defaults(self, arguments: ast.arguments) -> None:
        """Default values are evaluated where the function is defined."""
        arguments.defaults = [self.visit(d) for d in arguments.defaults]
        arguments.kw_defaults = [d and self.visit(d) for d in arguments.kw_defaults]

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        self.defaults(node.args)
        return node

    def _leave(self, node: Any) -> Any:
        return node

    visit_AsyncFunctionDef = visit_ClassDef = _leave

    def _comprehension(self, node: Any) -> Any:
        """The first iterable is evaluated outside. It must not contain an assignment, so calls take another form."""
        outer, self.assigns = self.assigns, False
        node.generators[0].iter = self.visit(node.generators[0].iter)
        self.assigns = outer
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_Global(self, node: ast.Global) -> Any:
        self.refuse(
            node,
            f"the global {', '.join(node.names)} is written by {self.qualname}, which the explorer cannot see; make "
            "it a field of a Shared object",
        )

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        outside = [name for name in node.names if name in self.code.co_freevars]
        if outside:
            self.refuse(
                node,
                f"the variable {', '.join(outside)} of an enclosing function is written by {self.qualname}, which the "
                "explorer cannot see; make it a field of a Shared object",
            )
        return node

    # ------------------------------------------------ expressions

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load) and self.is_shared(node.attr):
            return self.operation(READ, node, value, ast.Constant(node.attr), self.site(node))
        if isinstance(node.ctx, ast.Del) and self.is_shared(node.attr):
            self.refuse(node, f"the shared field {node.attr} is deleted; assign None instead")
        return at(ast.Attribute(value, node.attr, node.ctx), node)

    def visit_Call(self, node: ast.Call) -> Any:
        args = [self.visit(a) for a in node.args]
        keywords = [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        if isinstance(node.func, ast.Name) and self.stays_plain(node):
            return at(ast.Call(node.func, args, keywords), node)
        called = ast.Call(ast.Name("_sched_call", ast.Load()), [self.visit(node.func), *args], keywords)
        if not self.assigns:
            called.func = ast.Name("_sched_run", ast.Load())
            return at(ast.YieldFrom(called), node)
        return self.delegate(called, node)

    def delegate(self, called: ast.expr, node: ast.AST) -> Any:
        """The value of a call; if it is a generator, what that returns when it has run."""
        made = ast.NamedExpr(ast.Name("_sched_made", ast.Store()), called)
        return at(
            ast.IfExp(
                ast.Compare(
                    ast.Call(ast.Name("_sched_type", ast.Load()), [made], []),
                    [ast.Is()],
                    [ast.Name("_sched_generator", ast.Load())],
                ),
                ast.YieldFrom(ast.Name("_sched_made", ast.Load())),
                ast.Name("_sched_made", ast.Load()),
            ),
            node,
        )

    def stays_plain(self, node: ast.Call) -> bool:
        name = node.func.id  # type: ignore[attr-defined]
        if name in _NEEDS_ITS_FRAME:
            return True
        local = name in self.code.co_varnames or name in self.code.co_freevars or name in self.code.co_cellvars
        return name in _PLAIN_BUILTINS and not local and name not in _redefined(self.code.co_filename)

    # ------------------------------------------------ statements

    def visit_Assert(self, node: ast.Assert) -> Any:
        """A failed assertion stops its thread on the spot, as C's does: nothing is unwound, locks stay held. Where the
        program catches it, and in a main function, it raises.
        """
        text: ast.expr = ast.Constant(ASSERTION + ast.unparse(node.test))
        message = self.visit(node.msg) if node.msg is not None else ast.Constant(None)
        stop = ast.Expr(self.operation(ABORT, node, text, message))
        return at(ast.If(ast.UnaryOp(ast.Not(), self.test(node.test)), [stop], []), node)

    def test(self, node: ast.expr) -> ast.expr:
        """A condition."""
        visited: ast.expr = self.visit(node)
        return visited

    def visit_Assign(self, node: ast.Assign) -> Any:
        if not any(self.stores_shared(t) for t in node.targets):
            return self.generic_visit(node)
        value = self.visit(node.value)
        if (
            len(node.targets) == 1
            and isinstance(node.targets[0], ast.Attribute)
            and isinstance(node.targets[0].value, ast.Name)
        ):
            return self.write(node.targets[0], value)
        name = self.temporary()
        out: list[ast.stmt] = [at(ast.Assign([ast.Name(name, ast.Store())], value), node)]
        for target in node.targets:
            out.extend(self.store(target, ast.Name(name, ast.Load()), node))
        return out

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is not None and self.stores_shared(node.target):
            return self.visit_Assign(at(ast.Assign([node.target], node.value), node))
        node.value = node.value and self.visit(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        target = node.target
        if not (isinstance(target, ast.Attribute) and self.is_shared(target.attr)):
            return self.generic_visit(node)
        owner, value = self.temporary(), self.temporary()
        read = self.operation(READ, target, ast.Name(owner, ast.Load()), ast.Constant(target.attr), self.site(target))
        return [
            at(ast.Assign([ast.Name(owner, ast.Store())], self.visit(target.value)), node),
            at(ast.Assign([ast.Name(value, ast.Store())], read), node),
            at(ast.AugAssign(ast.Name(value, ast.Store()), node.op, self.visit(node.value)), node),
            self.write(
                at(ast.Attribute(ast.Name(owner, ast.Load()), target.attr, ast.Store()), target),
                ast.Name(value, ast.Load()),
            ),
        ]

    def stores_shared(self, target: ast.expr) -> bool:
        return any(
            isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and self.is_shared(n.attr)
            for n in ast.walk(target)
        )

    def write(self, target: ast.Attribute, value: ast.expr) -> ast.stmt:
        operands = (self.visit(target.value), ast.Constant(target.attr), value, self.site(target))
        return ast.copy_location(ast.Expr(self.operation(WRITE, target, *operands)), target)

    def store(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> list[ast.stmt]:
        """``target = value`` where shared fields may be anywhere in the target: they get their values last, left to
        right.
        """
        if isinstance(target, ast.Attribute) and self.is_shared(target.attr):
            return [self.write(target, value)]
        later: list[tuple[ast.Attribute, str]] = []

        class Postpone(ast.NodeTransformer):
            def visit_Attribute(inner, attribute: ast.Attribute) -> Any:
                if not (isinstance(attribute.ctx, ast.Store) and self.is_shared(attribute.attr)):
                    return attribute
                later.append((attribute, self.temporary()))
                return at(ast.Name(later[-1][1], ast.Store()), attribute)

        plain = self.visit(Postpone().visit(target))
        return [
            at(ast.Assign([plain], value), node),
            *(self.write(t, ast.Name(name, ast.Load())) for t, name in later),
        ]

    def visit_For(self, node: ast.For) -> Any:
        body = [beat(node), *self.body(node.body)]
        target = node.target
        if self.stores_shared(target):
            name = self.temporary()
            body = [*self.store(target, ast.Name(name, ast.Load()), node), *body]
            target = ast.Name(name, ast.Store())
        else:
            target = self.visit(target)
        return at(ast.For(target, self.visit(node.iter), body, self.body(node.orelse)), node)

    def visit_While(self, node: ast.While) -> Any:
        return at(ast.While(self.visit(node.test), [beat(node), *self.body(node.body)], self.body(node.orelse)), node)

    def visit_With(self, node: ast.With) -> Any:
        """PEP 343's expansion, so that entering and leaving are ordinary calls."""
        body = self.body(node.body)
        for item in reversed(node.items):
            body = self.with_one(item, body, node)
        return body

    def with_one(self, item: ast.withitem, body: list[ast.stmt], node: ast.With) -> list[ast.stmt]:
        manager, leave, fine = self.temporary(), self.temporary(), self.temporary()

        def calls(function: str) -> ast.expr:
            call_: ast.expr = self.visit(statements(function)[0].value)
            return call_

        entered = self.temporary()
        out = [
            ast.Assign([ast.Name(manager, ast.Store())], self.visit(item.context_expr)),
            *statements(f"{leave} = _sched_leave({manager})"),
            ast.Assign([ast.Name(entered, ast.Store())], calls(f"_sched_type({manager}).__enter__({manager})")),
            *statements(f"{fine} = True"),
        ]
        bind = (
            self.store(item.optional_vars, ast.Name(entered, ast.Load()), node)
            if item.optional_vars is not None
            else []
        )
        handler = statements(f"{fine} = False\nif not 0: raise")
        handler[1].test.operand = calls(f"{leave}({manager}, *_sched_exc_info())")
        finish = statements(f"if {fine}: 0")
        finish[0].body = [ast.Expr(calls(f"{leave}({manager}, None, None, None)"))]
        stopped = ast.ExceptHandler(ast.Name("_sched_stopped", ast.Load()), None, statements(f"{fine} = False\nraise"))
        closed = ast.ExceptHandler(ast.Name("_sched_closed", ast.Load()), None, handler)
        raised = ast.ExceptHandler(ast.Name("BaseException", ast.Load()), None, copy.deepcopy(handler))
        guarded = ast.Try([*bind, *body], [closed, stopped, raised], [], [])
        out.append(ast.Try([guarded], [], [], finish))
        return [at(statement, node) for statement in out]


def catches(frame: tuple[str, str, int]) -> bool:
    """Whether an AssertionError that comes to this line would be caught in its function, as far as the text shows."""
    file, _, line = frame
    return any(first <= line <= last for first, last in _caught(file, "".join(linecache.getlines(file))))


@functools.lru_cache(maxsize=64)
def _caught(filename: str, source: str) -> list[tuple[int, int]]:
    """First and last line of each body in a file whose AssertionErrors are caught there."""
    found: list[tuple[int, int]] = []
    for node in ast.walk(tree_of(filename, source)):
        if isinstance(node, ast.Try | ast.TryStar):
            caught = any(h.type is None or _CATCHING & set(_words(h.type)) for h in node.handlers)
        elif isinstance(node, ast.With):
            caught = any(isinstance(i.context_expr, ast.Call) and "suppress" in _words(i.context_expr.func)
                         for i in node.items)  # fmt: skip
        else:
            continue
        if caught:
            found.append((node.body[0].lineno, node.body[-1].end_lineno or 0))
    return found


_CATCHING = {"AssertionError", "Exception", "BaseException"}


def _words(node: ast.AST) -> list[str]:
    return [
        n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)
    ]


def at(new: Any, old: ast.AST) -> Any:
    """``new`` and all it contains that has no position yet, at the position of ``old``."""
    for node in ast.walk(new):
        if not hasattr(node, "lineno") and "lineno" in node._attributes:
            ast.copy_location(node, old)
    return new


def statements(source: str) -> list[Any]:
    """Parsed statements without positions."""
    body = ast.parse(source).body
    for statement in body:
        for node in ast.walk(statement):
            for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
                node.__dict__.pop(name, None)
    return body


def beat(node: ast.stmt) -> ast.stmt:
    """Counts a turn of the loop, and every BEAT_EVERY turns tells the world: a loop without a visible step must not
    hang it.
    """
    beat = statements(
        f"_sched_turns += 1\nif _sched_turns >= {BEAT_EVERY}:\n    _sched_turns = 0\n    yield ({BEAT}, None, "
        f"{BEAT_EVERY})"
    )
    made: ast.stmt = at(ast.If(ast.Constant(True), beat, []), node)
    return made


def own_nodes(node: ast.FunctionDef) -> list[ast.AST]:
    """The nodes of a function that belong to it and not to a function inside it."""
    out: list[ast.AST] = []
    todo: list[ast.AST] = list(node.body)
    while todo:
        current = todo.pop()
        out.append(current)
        if not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(current))
    return out
