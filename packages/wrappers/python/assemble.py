"""Join the modules of a package into one file that needs none of them: `python3 assemble.py FOLDER FIRST MAIN`.

FIRST runs before the imports of all others, MAIN last; its docstring becomes that of the file. In between, each module follows those that
it imports. Annotations and docstrings are removed: they would cost time at each start. A module that is only imported inside of functions
becomes a string, which is compiled when such a function runs for the first time. The file is written to stdout; a form that cannot be
joined is an error with file and line. See docs/decisions/0025-one-wrapper-file-per-language.md.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from pathlib import Path

HEADER = "Generated from packages/wrappers/python/src by `npm run wrappers`. Edit the files there, not this one."

Edit = tuple[int, int, bytes]  # start and end offset in the source, and the replacement


class Unsupported(Exception):
    """Error for source code that cannot be joined."""


class Module:
    """A file of the package, with its top-level statements grouped by their treatment."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.path = root.joinpath(*name.split(".")).with_suffix(".py")
        if not self.path.is_file():
            raise Unsupported(f"{self.path.relative_to(root)}: imported, but there is no such file")
        self.file = str(self.path.relative_to(root))
        self.source = self.path.read_bytes()
        self.source_lines = self.source.splitlines(True)
        self.tree = ast.parse(self.source, str(self.path))
        self.docstring = ast.get_docstring(self.tree) or ""
        self.dropped: list[ast.stmt] = []  # not in the joined file
        self.imports: list[tuple[str, list[str], int]] = []  # of the package: module, names, line
        self.late_imports: list[
            tuple[ast.ImportFrom, str]
        ] = []  # of the package, inside of functions: statement, module
        self.standard: list[tuple[str, str | None]] = []  # of the standard library: module, and name in a `from` import
        self.types: set[str] = set()  # modules that are imported for types alone
        self.defined: dict[str, int] = {}  # name to line
        for statement in self.tree.body:
            self.sort(statement)
        kept = [statement for statement in self.tree.body if statement not in self.dropped]
        for statement in kept:
            self.check(statement)
        self.rebound = {name for node in ast.walk(self.tree) if isinstance(node, ast.Global) for name in node.names}

    def fail(self, node: ast.AST | int, message: str) -> Unsupported:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Unsupported(f"{self.file}:{line}: {message}")

    def sort(self, statement: ast.stmt) -> None:
        """Take note of a top-level import or definition."""
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            self.dropped.append(statement)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            self.dropped.append(statement)
            self.take_import(statement)
        elif is_type_checking(statement):
            self.dropped.append(statement)
            for node in ast.walk(statement):
                if isinstance(node, ast.ImportFrom) and node.level:
                    self.types.add(self.target(node))
        else:
            for name in bound_names(statement):
                self.defined.setdefault(name, statement.lineno)

    def take_import(self, statement: ast.Import | ast.ImportFrom) -> None:
        if any(alias.asname or alias.name == "*" for alias in statement.names):
            raise self.fail(statement, "an import with `as` or `*` is not supported")
        names = [alias.name for alias in statement.names]
        if isinstance(statement, ast.Import):
            modules = names
            self.standard += [(name, None) for name in names]
        elif statement.level:
            self.imports.append((self.target(statement), names, statement.lineno))
            return
        else:
            modules = [statement.module or ""]
            if modules != ["__future__"]:
                self.standard += [(modules[0], name) for name in names]
        known = getattr(sys, "stdlib_module_names", None)  # since 3.10
        for module in modules:
            if known is not None and module.partition(".")[0] not in known:
                raise self.fail(statement, f"{module} is not in the standard library")

    def target(self, statement: ast.ImportFrom) -> str:
        """Name the module of a relative import, from the package's root."""
        parts = self.name.split(".")
        if statement.level > len(parts) or not statement.module:
            raise self.fail(statement, "expected `from .module import name`")
        return ".".join([*parts[: len(parts) - statement.level], statement.module])

    def check(self, statement: ast.stmt) -> None:
        """Take note of imports inside of functions; reject those in positions from which they cannot be removed."""
        for node in ast.walk(statement):
            if isinstance(node, ast.ImportFrom) and node.level:
                self.check_late_import(node)
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for node in ast.walk(statement):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    raise self.fail(node, "an import inside of a top-level statement is not supported")

    def check_late_import(self, node: ast.ImportFrom) -> None:
        """Take note of an import inside of a function."""
        if any(alias.asname or alias.name == "*" for alias in node.names):
            raise self.fail(node, "an import with `as` or `*` is not supported")
        if self.source_lines[node.lineno - 1][: node.col_offset].strip():
            raise self.fail(node, "expected an import to have a line of its own")
        self.late_imports.append((node, self.target(node)))

    def text(self, parts: frozenset[str]) -> str:
        """Give the source without imports, docstrings and annotations. `parts` names the modules that are compiled when needed."""
        edits = [self.lines_of(each) for each in self.dropped]
        for statement, target in self.late_imports:
            call = f"load_part({target!r})" if target in parts else "pass"
            edits.append((self.start(statement), self.end(statement), call.encode()))
        for kept in self.tree.body:
            if kept not in self.dropped:
                for node in ast.walk(kept):
                    edits += self.edits(node)
        source = self.source
        for start, end, text in sorted(edits, reverse=True):
            source = source[:start] + text + source[end:]
        source = re.sub(rb"  # (type: ignore|noqa)[^\n]*", b"", source)
        return source.decode().strip("\n")

    def edits(self, node: ast.AST) -> list[Edit]:
        """Give the edits that remove the docstring and the annotations of one node itself."""
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return [self.lines_of(node)]
            return [(self.end(node.target), self.start(node.value), b" = ")]
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return []
        edits = []
        if ast.get_docstring(node) is not None:
            if len(node.body) == 1:
                raise self.fail(node, f'"{node.name}" has a docstring alone; expected a statement')
            start, end, _ = self.lines_of(node.body[0])
            edits.append((start, end + (self.source[end : end + 1] == b"\n"), b""))
        return edits if isinstance(node, ast.ClassDef) else edits + self.annotation_edits(node)

    def annotation_edits(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Edit]:
        edits: list[Edit] = []
        if node.returns:
            arrow = self.source.rindex(b"->", 0, self.start(node.returns))
            edits.append((len(self.source[:arrow].rstrip()), self.end(node.returns), b""))
        positional = [*node.args.posonlyargs, *node.args.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults))
        pairs = list(zip(positional, [*defaults, *node.args.defaults]))
        pairs += zip(node.args.kwonlyargs, node.args.kw_defaults)
        pairs += [(each, None) for each in (node.args.vararg, node.args.kwarg) if each]
        for argument, default in pairs:
            if argument.annotation:
                start = self.start(argument) + len(argument.arg.encode())
                edits.append(
                    (start, self.start(default), b"=") if default else (start, self.end(argument.annotation), b"")
                )
        return edits

    def lines_of(self, statement: ast.stmt) -> Edit:
        """Give the edit that removes a statement with its lines."""
        return self.offset(statement.lineno, 0), self.offset((statement.end_lineno or 0) + 1, 0), b""

    def offset(self, line: int, column: int) -> int:
        return sum(len(each) for each in self.source_lines[: line - 1]) + column

    def start(self, node: ast.expr | ast.arg | ast.stmt) -> int:
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.end_lineno or 0, node.end_col_offset or 0)


def is_type_checking(statement: ast.stmt) -> bool:
    """Tell whether it is `TYPE_CHECKING = False` or `if TYPE_CHECKING:` without an else."""
    if isinstance(statement, ast.If):
        return isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING" and not statement.orelse
    return isinstance(statement, ast.Assign) and list(bound_names(statement)) == ["TYPE_CHECKING"]


def bound_names(statement: ast.stmt) -> list[str]:
    """Give the names that a top-level statement defines in the module."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    nodes = (node for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return [node.id for node in nodes]


def in_order(root: Path, first: str, main: str) -> tuple[list[Module], list[Module]]:
    """Read the modules that `first` and `main` import, each after those that it imports itself; then those imported inside of functions."""
    order: dict[str, Module] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise Unsupported(f"import cycle: {' -> '.join([*path[path.index(name) :], name])}")
        if name in order:
            return
        module = Module(root, name)
        for target, _, _ in module.imports:
            visit(target, (*path, name))
        order[name] = module

    visit(first, ())
    visit(main, ())
    if next(iter(order)) != first:
        raise Unsupported(f"{first}: expected it to import no other module, since it comes first")
    modules = list(order.values())
    for module in (seen := list(modules)):
        for _, target in module.late_imports:
            known = len(order)
            visit(target, ())
            seen += list(order.values())[known:]
    reached = set(order).union(*(module.types for module in order.values()))
    for path in sorted(root.rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        if path.name != "__init__.py" and name not in reached:
            raise Unsupported(f"{path.relative_to(root)}: {main} does not import it")
    return modules, list(order.values())[len(modules) :]


def check_names(modules: list[Module]) -> None:
    """Refuse names that mean something else, or nothing, in the joined file."""
    by_name = {module.name: module for module in modules}
    owners: dict[str, str] = dict.fromkeys(dir(builtins), "a built-in name")
    owners.update(dict.fromkeys(("PARTS", "load_part"), "a name of the joined file"))
    for module in modules:
        late = [(target, [alias.name for alias in node.names], node.lineno) for node, target in module.late_imports]
        for target, names, line in module.imports + late:
            for name in names:
                if name not in by_name[target].defined:
                    raise module.fail(line, f'{by_name[target].file} does not define "{name}"')
                if name in by_name[target].rebound:
                    raise module.fail(
                        line,
                        f'"{name}" is assigned by a function of {by_name[target].file}: import the module\'s functions',
                    )
        bindings = [(name, line, f"{module.file}:{line}") for name, line in module.defined.items()]
        bindings += [
            (name or target.partition(".")[0], 1, f"{target}{'.' + name if name else ''} of the standard library")
            for target, name in module.standard
        ]
        for name, line, owner in bindings:
            if owners.setdefault(name, owner) != owner:
                raise module.fail(line, f'"{name}" is defined twice: {owners[name]}, and {owner}')


def standard_imports(modules: list[Module]) -> str:
    """Merge the imports of the standard library."""
    pairs = {pair for module in modules for pair in module.standard}
    lines = [f"import {target}" for target in sorted(target for target, name in pairs if name is None)]
    for target in sorted({target for target, name in pairs if name is not None}):
        names = sorted(name for other, name in pairs if other == target and name is not None)
        lines.append(f"from {target} import {', '.join(names)}")
    return "\n".join(lines)


def section(module: Module, parts: frozenset[str], with_docstring: bool = True) -> str:
    """Give one module's part of the joined file, under its name."""
    lines = ["", *module.docstring.splitlines()] if with_docstring else []
    comment = "\n".join(f"# {line}".rstrip() for line in [f"---- {module.file}", *lines[1:]])
    return f"{comment}\n\n{module.text(parts)}"


def part_text(module: Module, parts: frozenset[str]) -> str:
    """Give the text of a module that is compiled when it is needed, after the parts that it needs itself."""
    needed = [f"load_part({target!r})" for target, _, _ in module.imports if target in parts]
    before = [each for each in (standard_imports([module]), "\n".join(needed)) if each]
    text = "\n".join(before) + "\n\n" * bool(before) + section(module, parts)
    if "'''" in text:
        raise Unsupported(f"{module.file}: expected no ''' in a module that is imported inside of functions")
    compile(text, module.file, "exec")
    return text


LOAD_PART = """# ---- parts that are compiled when they are needed

PARTS = {}  # name to line in this file and text


def load_part(name):
    line, text = PARTS.pop(name, (0, ""))
    if text:
        exec(compile("\\n" * line + text, FILE, "exec", dont_inherit=True), globals())"""


def assemble(root: Path, first: str, main: str) -> str:
    """Join the package in a folder. Raises Unsupported."""
    modules, late = in_order(root, first, main)
    check_names(modules + late)
    names = frozenset(module.name for module in late)
    start, rest = modules[0], modules[1:]
    sections = [
        f'"""{modules[-1].docstring}\n\n{HEADER}\n"""',
        standard_imports([start]) + "\n\n" + section(start, names),
        standard_imports(rest),
        *(section(module, names) for module in rest[:-1]),
        *([LOAD_PART] if late else []),
    ]
    text = "\n\n\n".join(sections)
    for module in late:
        opening = f"\n\n\nPARTS[{module.name!r}] = "
        line = (text + opening).count("\n")
        text += f"{opening}{line}, r'''{part_text(module, names)}\n'''"
    text += "\n\n\n" + section(modules[-1], names, False) + "\n"
    compile(text, main, "exec")
    return text


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(assemble(Path(sys.argv[1]), *sys.argv[2:4]).encode())
    except (Unsupported, SyntaxError) as error:
        sys.exit(f"Cannot assemble the Python wrapper. {error}")
