# SPDX-License-Identifier: GPL-2.0-or-later
"""Ordinary Python, rewritten so that every access that two threads could share is asked for.

`rewrite` turns the fields of `Shared` classes into steps. Here everything else gets its question too: an attribute, an
item, a loop's next value, a global, a captured variable, an operator whose operand may be a container. The question is
a call of a helper (`access`); it answers at once, and notes the access, or it hands back a generator that makes a step.

    x.n = x.n + 1    ->   _sched_store(x, "n", _sched_operator(0, _sched_load(x, "n", SITE), 1), SITE)
    for v in box:    ->   while (v := _sched_next(it)) is not end:
    for v in f():    ->   the same in a try, whose finally closes the generator if nobody else has it
    [f(v) for v in box], lambda v: v.n    ->   functions defined before the statement they are in

where each helper's answer is delegated to if it is a generator, as calls are.

Left out, and refused by line: async code, ``yield`` used as an expression that receives a value from `send` in a
comprehension, deleting a captured variable, and the body of a class inside a function that does more than define.
"""

from __future__ import annotations

import ast
import copy
from types import CodeType
from typing import Any

from mini_qemu.sched.rewrite import HELPERS, TYPE_PARAMS, Rewriter, at, beat, own_nodes, statements

from .scopes import Place, names_of, place

ORDINARY_HELPERS = (
    *HELPERS,
    *(
        f"_sched_{name}"
        for name in (
            "load", "store", "remove", "item", "set_item", "remove_item", "iterate", "next", "end", "truth", "look",
            "operator", "inplace", "compare", "born", "put", "unpack", "cells", "cell", "set_cell", "global",
            "set_global", "generating", "produced", "delegate", "lambda", "natively", "slice", "globals", "matched",
            "unary", "formatted", "class_made", "behind", "iterate_made", "iterate_kept", "let_go", "pauses",
        )
    ),
)  # fmt: skip
"""The names of the helpers of ordinary code: those of every rewritten function, and the questions."""

OPERATORS: tuple[type[ast.operator], ...] = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift,
    ast.BitOr, ast.BitXor, ast.BitAnd, ast.MatMult,
)  # fmt: skip
"""Binary operators, by the number that `operators` knows them under."""
UNARY = (ast.USub, ast.UAdd, ast.Invert)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)

_SIMPLE_BUILTINS = {"isinstance", "issubclass", "type", "callable", "super", "locals", "range", "ord", "chr"}
_SURE = (ast.Constant, ast.Compare, ast.JoinedStr, ast.Lambda)
"""Expressions whose value is not a container that anybody else could have."""


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


class Ordinary(Rewriter):
    """Rewrites one function of ordinary code, with all the functions inside it."""

    helpers = ORDINARY_HELPERS

    def __init__(self, code: CodeType, qualname: str) -> None:
        super().__init__(code, qualname)
        names = names_of(code.co_filename)
        self.names = names
        self.cells: frozenset[str] = frozenset()
        self.globals: frozenset[str] = frozenset()
        self.pending: list[ast.stmt] = []
        self.generates = False
        self.locals: set[str] = {*code.co_freevars}

    def ask(self, node: ast.AST, helper: str, *operands: ast.expr) -> ast.expr:
        """The answer of a helper, delegated to if it takes steps."""
        made: ast.expr = self.delegate(ast.Call(_load(f"_sched_{helper}"), list(operands), []), node)
        return made

    def body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements, each after the functions that stood in it as expressions."""
        out: list[ast.stmt] = []
        for statement in statements:
            outer, self.pending = self.pending, []
            new = self.visit(statement)
            out.extend(self.pending)
            out.extend(new if isinstance(new, list) else [new])
            self.pending = outer
        return out

    # ------------------------------------------------ functions and scopes

    def function(self, node: Any) -> ast.FunctionDef:
        """The definition of ``node``, a function or a lambda, as a generator function."""
        outer = self.cells, self.globals, self.generates, self.qualname, self.locals
        where = place(node)
        self.cells, self.globals = self.names.cells.get(where, frozenset()), self.names.globals.get(where, frozenset())
        if isinstance(node, ast.Lambda):
            body: list[ast.stmt] = [at(ast.Return(node.body), node.body)]
            node = ast.copy_location(ast.FunctionDef(self.temporary(), node.args, body, [], **TYPE_PARAMS), node)
        self.generates = any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in own_nodes(node))
        self.locals = self.locals | _bound(node)
        try:
            new = super().function(node)
            own = sorted(self.names.own.get(where, ()))
            if own:
                cells = ast.Call(_load("_sched_cells"), [self.cells_of(own), self.constant(own), self.site(node)], [])
                bound = statements(" = ".join([*own, "None"]))  # so that the compiler knows whose variables they are
                new.body[1:1] = [at(ast.If(ast.Constant(False), bound, []), node), at(ast.Expr(cells), node)]
            return new
        finally:
            self.cells, self.globals, self.generates, self.qualname, self.locals = outer

    def sent_out(self, body: list[ast.stmt], node: ast.AST) -> list[ast.stmt]:
        """In a generator of the program a StopIteration is an error in Python as well."""
        return body if self.generates else super().sent_out(body, node)

    def constant(self, value: Any) -> ast.Constant:
        constant: Any = tuple(value)
        return ast.Constant(constant)

    def cells_of(self, names: list[str]) -> ast.expr:
        """A function whose closure has the cells of these variables, in alphabetical order."""
        return ast.Lambda(_no_arguments(), ast.Tuple([_load(name) for name in names], ast.Load()))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """The generator function for `call`, and a plain one that drives it, for other callers."""
        decorators = [self.visit(d) for d in node.decorator_list]
        defaults = copy.deepcopy(node.args)
        self.defaults(defaults)
        outer, self.qualname = self.qualname, f"{self.qualname}.<locals>.{node.name}"
        makes = any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in own_nodes(node))
        generator, name = self.function(node), self.temporary()
        self.qualname = outer
        natural = self.natural(node, name, defaults)
        keep = at(ast.Assign([ast.Name(name, ast.Store())], _load(node.name)), node)
        kind = ast.Constant("generator" if makes else "function")
        nested = ast.Call(_load("_sched_nested"), [_load(name), _load(node.name), kind], [])
        out = [generator, keep, natural, at(ast.Assign([ast.Name(node.name, ast.Store())], nested), node)]
        for decorator in reversed(decorators):
            made = self.call(node, decorator, [_load(node.name)])
            out.append(at(ast.Assign([ast.Name(node.name, ast.Store())], made), node))
        return out

    def natural(self, node: ast.FunctionDef, generator: str, arguments: ast.arguments) -> ast.FunctionDef:
        """A plain function with the signature of ``node`` that runs the generator function of that name."""
        given = _passed_on(arguments)
        driven = ast.Call(_load("_sched_natively"), [_load(generator), *given.args], given.keywords)
        bare = _without_annotations(arguments)
        made = ast.FunctionDef(node.name, bare, [ast.Return(driven)], [], **TYPE_PARAMS)
        ast.copy_location(made, node)
        return at(made, node)  # type: ignore[no-any-return]

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        arguments = copy.deepcopy(node.args)
        self.defaults(arguments)
        generator = self.function(node)
        self.pending.append(generator)
        given = _passed_on(arguments)
        driven = ast.Call(_load("_sched_natively"), [_load(generator.name), *given.args], given.keywords)
        natural = ast.Lambda(_without_annotations(arguments), driven)
        return at(ast.Call(_load("_sched_nested"), [_load(generator.name), natural, ast.Constant("lambda")], []), node)

    def visit_AsyncFunctionDef(self, node: Any) -> Any:
        self.refuse(node, "an async function cannot run under the explorer; write it as a plain function with threads")

    visit_Await = visit_AsyncFor = visit_AsyncWith = visit_AsyncFunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        """The body defines, and runs as it is written; decorators and bases are under control."""
        for statement in node.body:
            self.check_definition(statement, node.name)
        decorators = [self.visit(d) for d in node.decorator_list]
        bases, keywords = [self.visit(b) for b in node.bases], [self.visit(k) for k in node.keywords]
        made = ast.Call(_load("_sched_class_made"), [_load(node.name)], [])
        kept = at(ast.ClassDef(node.name, bases, keywords, node.body, [], **TYPE_PARAMS), node)
        out = [kept, at(ast.Assign([ast.Name(node.name, ast.Store())], made), node)]
        for decorator in reversed(decorators):
            decorated = self.call(node, decorator, [_load(node.name)])
            out.append(at(ast.Assign([ast.Name(node.name, ast.Store())], decorated), node))
        return out

    def check_definition(self, statement: ast.stmt, name: str) -> None:
        """Refuse a statement in the body of class ``name`` that reads or changes what somebody else may have."""
        watched = (ast.Attribute, ast.Subscript)
        for node in own_nodes(ast.Module([statement], [])):  # type: ignore[arg-type]
            if isinstance(node, ast.For | ast.While | ast.With | ast.Try | ast.Delete):
                self.refuse(node, f"the body of class {name} does more than define; write that as a function")
            if isinstance(node, ast.AugAssign) and isinstance(node.target, watched):
                self.refuse(node, f"the body of class {name} changes {ast.unparse(node.target)}; do it in a function")
            root = node
            while isinstance(root, watched):
                root = root.value
            if isinstance(node, watched) and isinstance(root, ast.Name) and root.id in self.locals:
                self.refuse(
                    node, f"the body of class {name} uses {ast.unparse(node)}; read it into a variable before the class"
                )

    def visit_Global(self, node: ast.Global) -> Any:
        return node

    visit_Nonlocal = visit_Global  # type: ignore[assignment]

    # ------------------------------------------------ comprehensions and generators

    def comprehension(self, node: Any) -> Any:
        """A function defined before the statement, called where the comprehension was with its first iterable."""
        first = self.visit(node.generators[0].iter)
        name, out = self.temporary(), "_sched_out"
        generates = isinstance(node, ast.GeneratorExp)
        if generates:
            inner: ast.stmt = ast.Expr(ast.Yield(node.elt))
        else:
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            inner = ast.Expr(ast.Call(_load("_sched_put"), [_load(out), *parts], []))
        for i, generator in reversed(list(enumerate(node.generators))):
            if generator.is_async:
                self.visit_AsyncFunctionDef(node)
            for test in reversed(generator.ifs):
                inner = at(ast.If(test, [inner], []), node)
            iterable = generator.iter if i else _load("_sched_it")
            inner = ast.For(generator.target, iterable, [inner], [])
        body: list[ast.stmt] = [inner]
        if not generates:
            empty = {"ListComp": "[]", "SetComp": "set()", "DictComp": "{}"}[type(node).__name__]
            start = statements(f"{out} = {empty}")[0]
            end = ast.Return(ast.Call(_load("_sched_born"), [_load(out), self.site(node)], []))
            body = [start, *body, end]
        rebound = [n.target.id for n in ast.walk(ast.Module(body, [])) if isinstance(n, ast.NamedExpr)]
        if rebound:  # := binds in the function around
            body.insert(0, ast.Nonlocal(rebound))
            self.pending.append(at(ast.If(ast.Constant(False), statements(" = ".join([*rebound, "None"])), []), node))
        definition = ast.FunctionDef(name, _no_arguments("_sched_it"), body, [], **TYPE_PARAMS)
        self.pending.append(self.function(at(ast.copy_location(definition, node), node)))
        if generates:
            first = self.ask(node, "iterate_kept", first, self.site(node))
            made = ast.Call(_load(name), [first], [])
            return at(ast.Call(_load("_sched_generating"), [made], []), node)
        return at(ast.YieldFrom(ast.Call(_load(name), [first], [])), node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension

    def visit_Yield(self, node: ast.Yield) -> Any:
        value = self.visit(node.value) if node.value is not None else ast.Constant(None)
        return at(ast.Yield(ast.Call(_load("_sched_produced"), [value], [])), node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        return at(ast.YieldFrom(ast.Call(_load("_sched_delegate"), [self.visit(node.value)], [])), node)

    # ------------------------------------------------ expressions

    def visit_Name(self, node: ast.Name) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        if node.id in self.cells:
            return self.ask(node, "cell", self.cells_of([node.id]), ast.Constant(node.id), self.site(node))
        if node.id in self.globals:
            return self.ask(node, "global", _load("_sched_globals"), ast.Constant(node.id), self.site(node))
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        value = self.visit(node.value)
        if not self.is_watched(node.target):
            return at(ast.NamedExpr(node.target, value), node)
        name = self.temporary()
        stored = self.stored(node.target, _load(name), node)
        pair = ast.Tuple([ast.NamedExpr(ast.Name(name, ast.Store()), value), stored, _load(name)], ast.Load())
        return at(ast.Subscript(pair, ast.Constant(2), ast.Load()), node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        return self.ask(node, "load", self.visit(node.value), self.attribute(node.attr), self.site(node))

    def attribute(self, name: str) -> ast.Constant:
        """An attribute's name, private ones mangled as the compiler does."""
        if self.class_name.strip("_") and name.startswith("__") and not name.endswith("__"):
            name = f"_{self.class_name.lstrip('_')}{name}"
        return ast.Constant(name)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        return self.ask(node, "item", self.visit(node.value), self.index(node.slice), self.site(node))

    def index(self, node: ast.expr) -> ast.expr:
        """An index as an expression that may be used anywhere."""
        if isinstance(node, ast.Slice):
            ends = [self.visit(e) if e is not None else ast.Constant(None) for e in (node.lower, node.upper, node.step)]
            return ast.Call(_load("_sched_slice"), ends, [])
        if isinstance(node, ast.Tuple):
            return ast.Tuple([self.index(e) for e in node.elts], ast.Load())
        return self.visit(node)  # type: ignore[no-any-return]

    def visit_Call(self, node: ast.Call) -> Any:
        drawn = _drawn(node)
        args = [self.visit(a) for a in node.args]
        if drawn:
            return self.pause(node, drawn, args)
        if isinstance(node.func, ast.Name) and node.func.id.startswith("_sched_"):
            return at(ast.Call(node.func, args, []), node)
        if isinstance(node.func, ast.Name) and node.func.id == "globals" and node.func.id not in self.locals:
            return at(ast.Call(_load("_sched_behind"), [_load("_sched_globals"), self.site(node)], []), node)
        keywords = [self.visit(k) for k in node.keywords]
        if isinstance(node.func, ast.Name) and self.stays_plain(node):
            return at(ast.Call(node.func, args, keywords), node)
        return self.call(node, self.visit(node.func), args, keywords)

    def pause(self, node: ast.Call, drawn: list[ast.expr], args: list[ast.expr]) -> ast.expr:
        """``sleep(random.uniform(a, b))``: nobody asks how long, so nothing is drawn."""
        word = self.temporary()
        keep = ast.NamedExpr(ast.Name(word, ast.Store()), self.visit(node.func))
        pauses = ast.Call(_load("_sched_pauses"), [keep, *(self.visit(f) for f in drawn)], [])
        made: ast.expr = at(ast.IfExp(pauses, ast.Constant(None), self.call(node, _load(word), args)), node)
        return made

    def call(self, node: ast.AST, function: ast.expr, args: list[ast.expr], keywords: Any = ()) -> ast.expr:
        called = ast.Call(_load("_sched_call"), [self.site(node), function, *args], list(keywords))
        made: ast.expr = self.delegate(called, node)
        return made

    def stays_plain(self, node: ast.Call) -> bool:
        return super().stays_plain(node) and node.func.id in _SIMPLE_BUILTINS  # type: ignore[attr-defined]

    def visit_Starred(self, node: ast.Starred) -> Any:
        if isinstance(node.ctx, ast.Load):
            return ast.Starred(self.ask(node, "unpack", self.visit(node.value), self.site(node)), ast.Load())
        return node

    def visit_keyword(self, node: ast.keyword) -> Any:
        value = self.visit(node.value)
        return ast.keyword(node.arg, value if node.arg else self.ask(node.value, "look", value, self.site(node.value)))

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Any:
        value, how = self.visit(node.value), ast.Constant(node.conversion)
        spec = self.visit(node.format_spec) if node.format_spec else ast.Constant("")
        return ast.FormattedValue(self.ask(node.value, "formatted", value, how, spec, self.site(node.value)), -1, None)

    def visit_List(self, node: ast.List) -> Any:
        return self.new(self.generic_visit(node)) if isinstance(node.ctx, ast.Load) else node

    def visit_Set(self, node: ast.Set) -> Any:
        return self.new(self.generic_visit(node))

    def visit_Dict(self, node: ast.Dict) -> Any:
        values = [self.visit(v) for v in node.values]
        for i, key in enumerate(node.keys):
            if key is None:
                values[i] = self.ask(node, "look", values[i], self.site(node))
        return self.new(ast.Dict([k and self.visit(k) for k in node.keys], values), node)

    def new(self, made: Any, node: Any = None) -> Any:
        node = node or made
        return at(ast.Call(_load("_sched_born"), [made, self.site(node)], []), node)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return ast.BinOp(left, node.op, right)
        number = ast.Constant(OPERATORS.index(type(node.op)))
        return self.ask(node, "operator", number, left, right, self.site(node))

    def visit_Compare(self, node: ast.Compare) -> Any:
        """``a < b < c`` is ``a < b and b < c``, with each operand evaluated once."""
        left, parts = self.visit(node.left), []
        for i, (operator, operand) in enumerate(zip(node.ops, node.comparators, strict=True)):
            right = self.visit(operand)
            following: ast.expr = right
            if i < len(node.ops) - 1:
                name = self.temporary()
                right, following = ast.NamedExpr(ast.Name(name, ast.Store()), right), _load(name)
            if isinstance(operator, ast.Is | ast.IsNot):
                parts.append(at(ast.Compare(left, [operator], [right]), node))
            else:
                number = ast.Constant(COMPARISONS.index(type(operator)))
                parts.append(self.ask(node, "compare", number, left, right, self.site(node)))
            left = following
        return parts[0] if len(parts) == 1 else self.either(parts, ast.And, node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        return self.either([self.visit(v) for v in node.values], type(node.op), node)

    def either(self, values: list[ast.expr], operator: type, node: ast.AST) -> ast.expr:
        """``a and b``, ``a or b``: the first operand that decides."""
        *rest, last = values
        out = last
        for value in reversed(rest):
            name = self.temporary()
            test = self.ask(node, "truth", ast.NamedExpr(ast.Name(name, ast.Store()), value), self.site(node))
            arms = (out, _load(name)) if operator is ast.And else (_load(name), out)
            out = at(ast.IfExp(test, *arms), node)
        return out

    def test(self, node: ast.expr) -> ast.expr:
        """A condition: asking a container whether it is true reads its size."""
        visited: ast.expr = self.visit(node)
        return visited if isinstance(node, _SURE) else self.ask(node, "truth", visited, self.site(node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return at(ast.UnaryOp(node.op, self.test(node.operand)), node)
        if isinstance(node.operand, ast.Constant):
            return node
        number = ast.Constant(UNARY.index(type(node.op)))
        return self.ask(node, "unary", number, self.visit(node.operand), self.site(node))

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        return at(ast.IfExp(self.test(node.test), self.visit(node.body), self.visit(node.orelse)), node)

    # ------------------------------------------------ statements

    def visit_If(self, node: ast.If) -> Any:
        return at(ast.If(self.test(node.test), self.body(node.body), self.body(node.orelse)), node)

    def visit_Try(self, node: Any) -> Any:
        handlers = [
            at(ast.ExceptHandler(h.type and self.visit(h.type), h.name, self.body(h.body)), h) for h in node.handlers
        ]
        body = self.taken_in(self.body(node.body), node) if handlers else self.body(node.body)
        parts = body, handlers, self.body(node.orelse), self.body(node.finalbody)
        return at(type(node)(*parts), node)

    visit_TryStar = visit_Try

    def visit_While(self, node: ast.While) -> Any:
        body = [beat(node), *self.body(node.body)]
        return at(ast.While(self.test(node.test), body, self.body(node.orelse)), node)

    def visit_For(self, node: ast.For) -> Any:
        iterator, value = self.temporary(), self.temporary()
        made = isinstance(node.iter, ast.Call)
        iterate = "iterate_made" if made else "iterate"
        source = self.ask(node.iter, iterate, self.visit(node.iter), self.site(node.iter))
        begin = ast.Assign([ast.Name(iterator, ast.Store())], source)
        following = self.ask(node.iter, "next", _load(iterator), self.site(node.iter))
        test = ast.Compare(ast.NamedExpr(ast.Name(value, ast.Store()), following), [ast.IsNot()], [_load("_sched_end")])
        body = [*self.bind(node.target, _load(value), node), beat(node), *self.body(node.body)]
        loop = ast.While(at(test, node.iter), body, self.body(node.orelse))
        if made:
            end = ast.Expr(self.ask(node, "let_go", _load(iterator)))
            return [at(begin, node), at(ast.Try([at(loop, node)], [], [], [at(end, node)]), node)]
        return [at(begin, node), at(loop, node)]

    def visit_Match(self, node: ast.Match) -> Any:
        subject = self.ask(node, "matched", self.visit(node.subject), self.site(node))
        cases = [ast.match_case(c.pattern, c.guard and self.test(c.guard), self.body(c.body)) for c in node.cases]
        return at(ast.Match(subject, cases), node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        value = self.visit(node.value)
        if len(node.targets) == 1:
            return self.bind(node.targets[0], value, node)
        name = self.temporary()
        out: list[ast.stmt] = [at(ast.Assign([ast.Name(name, ast.Store())], value), node)]
        for target in node.targets:
            out += self.bind(target, _load(name), node)
        return out

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return at(ast.Pass(), node) if not isinstance(node.target, ast.Name) else node
        return self.bind(node.target, self.visit(node.value), node)

    def is_watched(self, target: ast.expr) -> bool:
        return not isinstance(target, ast.Name) or target.id in self.cells or target.id in self.globals

    def bind(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> list[ast.stmt]:
        """``target = value``, where ``value`` has been visited."""
        if isinstance(target, ast.Tuple | ast.List):
            value = self.ask(node, "unpack", value, self.site(node))
            later: list[tuple[ast.expr, str]] = []
            plain = self.postponed(target, later)
            out = [at(ast.Assign([plain], value), node)]
            for part, name in later:
                out += self.bind(part, _load(name), node)
            return out
        if not self.is_watched(target):
            return [at(ast.Assign([target], value), node)]
        name = self.temporary()  # the value comes before what the target is made of
        keep = at(ast.Assign([ast.Name(name, ast.Store())], value), node)
        return [keep, at(ast.Expr(self.stored(target, _load(name), node)), node)]

    def postponed(self, target: ast.expr, later: list[tuple[ast.expr, str]]) -> ast.expr:
        """``target`` with names in the place of what is watched or nested: they get their values afterwards."""
        if isinstance(target, ast.Tuple | ast.List):
            return ast.Tuple([self.postponed(e, later) if not isinstance(e, ast.Tuple | ast.List)
                              else self._later(e, later) for e in target.elts], ast.Store())  # fmt: skip
        if isinstance(target, ast.Starred):
            return ast.Starred(self.postponed(target.value, later), ast.Store())
        return self._later(target, later) if self.is_watched(target) else target

    def _later(self, target: ast.expr, later: list[tuple[ast.expr, str]]) -> ast.expr:
        later.append((target, self.temporary()))
        return ast.Name(later[-1][1], ast.Store())

    def stored(self, target: Any, value: ast.expr, node: ast.AST) -> ast.expr:
        """The helper's call that stores ``value`` in a target that is watched."""
        site = self.site(target)
        if isinstance(target, ast.Attribute):
            return self.ask(node, "store", self.visit(target.value), self.attribute(target.attr), value, site)
        if isinstance(target, ast.Subscript):
            return self.ask(node, "set_item", self.visit(target.value), self.index(target.slice), value, site)
        if target.id in self.cells:
            return self.ask(node, "set_cell", self.cells_of([target.id]), ast.Constant(target.id), value, site)
        return self.ask(node, "set_global", _load("_sched_globals"), ast.Constant(target.id), value, site)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """A read, the operation (in place, if the value can do that), and a write."""
        out: list[ast.stmt] = []
        target: Any = copy.copy(node.target)

        def once(part: ast.expr) -> ast.expr:
            name = self.temporary()
            out.append(at(ast.Assign([ast.Name(name, ast.Store())], part), node))
            return _load(name)

        site = self.site(node.target)
        if isinstance(target, ast.Attribute):
            owner = once(self.visit(target.value))
            old = self.ask(node, "load", owner, self.attribute(target.attr), site)
        elif isinstance(target, ast.Subscript):
            owner, index = once(self.visit(target.value)), once(self.index(target.slice))
            old = self.ask(node, "item", owner, index, site)
        else:
            old = self.visit_Name(ast.copy_location(_load(target.id), target))
        before = once(old)
        number = ast.Constant(OPERATORS.index(type(node.op)))
        value = once(self.ask(node, "inplace", number, before, self.visit(node.value), site))
        if isinstance(target, ast.Attribute):
            made = self.ask(node, "store", owner, self.attribute(target.attr), value, site)
        elif isinstance(target, ast.Subscript):
            made = self.ask(node, "set_item", owner, index, value, site)
        elif self.is_watched(target):
            made = self.stored(target, value, node)
        else:
            return [*out, at(ast.Assign([target], value), node)]
        return [*out, at(ast.Expr(made), node)]

    def visit_Delete(self, node: ast.Delete) -> Any:
        out: list[ast.stmt] = []
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                made = self.ask(
                    node, "remove", self.visit(target.value), self.attribute(target.attr), self.site(target)
                )
            elif isinstance(target, ast.Subscript):
                made = self.ask(node, "remove_item", self.visit(target.value), self.index(target.slice),
                                self.site(target))  # fmt: skip
            elif self.is_watched(target):
                self.refuse(node, f"{ast.unparse(target)} is deleted while others use it; assign None instead")
            else:
                out.append(at(ast.Delete([target]), node))
                continue
            out.append(at(ast.Expr(made), node))
        return out

    def store(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> list[ast.stmt]:
        """What ``with ... as target`` binds."""
        return self.bind(target, value, node)


def _bound(node: Any) -> set[str]:
    """The variables of a function."""
    arguments = [a for a in ast.walk(node.args) if isinstance(a, ast.arg)]
    stored = [n for n in own_nodes(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return {a.arg for a in arguments} | {n.id for n in stored}


_DRAWS = {"random", "uniform", "randint", "randrange", "choice", "gauss", "expovariate", "triangular", "betavariate"}
_PARTS = (ast.Constant, ast.Name, ast.Attribute, ast.BinOp, ast.UnaryOp, ast.List, ast.Tuple, ast.Call, ast.operator,
          ast.unaryop, ast.expr_context)  # fmt: skip


def _drawn(node: ast.Call) -> list[ast.expr]:
    """The functions that draw the number in ``sleep(random.random() / 10)``; none if it is anything else."""
    if not (_last_name(node.func) == "sleep" and len(node.args) == 1 and not node.keywords):
        return []
    parts = list(ast.walk(node.args[0]))
    called = [part.func for part in parts if isinstance(part, ast.Call)]
    right = all(isinstance(part, _PARTS) for part in parts) and all(_last_name(f) in _DRAWS for f in called)
    return [copy.deepcopy(f) for f in called] if right else []


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _no_arguments(*names: str) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def _without_annotations(arguments: ast.arguments) -> ast.arguments:
    new = copy.copy(arguments)
    for field in ("posonlyargs", "args", "kwonlyargs"):
        setattr(new, field, [ast.arg(a.arg) for a in getattr(arguments, field)])
    new.vararg = arguments.vararg and ast.arg(arguments.vararg.arg)
    new.kwarg = arguments.kwarg and ast.arg(arguments.kwarg.arg)
    return new


def _passed_on(arguments: ast.arguments) -> ast.Call:
    """A call that hands on what a function with these parameters was given."""
    args: list[ast.expr] = [_load(a.arg) for a in [*arguments.posonlyargs, *arguments.args]]
    if arguments.vararg:
        args.append(ast.Starred(_load(arguments.vararg.arg), ast.Load()))
    keywords = [ast.keyword(a.arg, _load(a.arg)) for a in arguments.kwonlyargs]
    if arguments.kwarg:
        keywords.append(ast.keyword(None, _load(arguments.kwarg.arg)))
    return ast.Call(_load("_sched_natively"), args, keywords)


__all__ = ["COMPARISONS", "OPERATORS", "ORDINARY_HELPERS", "UNARY", "Ordinary", "Place"]
