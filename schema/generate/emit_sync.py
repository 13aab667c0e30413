"""The synchronous Python client, from the signatures of the asynchronous one.

Reads the source of `nexus_sdk` without importing it. Each class in `MODULES` becomes one of the same name that holds
the asynchronous object: coroutine methods run to their end on the portal's loop, `async with` becomes `with`,
`async for` becomes `for`, and whatever is itself one of these classes is wrapped on its way out.
"""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

from generate.model import Schema

__all__ = ["MODULES", "emit"]

SOURCE = Path(__file__).resolve().parents[2] / "sdk-python" / "src" / "nexus_sdk"
MARK = "# Generated from nexus_sdk's asynchronous classes; do not edit.\n"

MODULES: dict[str, tuple[str, ...]] = {
    "checkpoints": ("Checkpoints",),
    "client": ("Nexus", "Workspaces", "Operations", "Tokens", "System", "Backends", "Config"),
    "events": ("Search", "FileWatch", "WorkspaceWatch"),
    "files": ("Files",),
    "git": ("Git",),
    "output": ("ChunkReader", "OutputReader", "Lines"),
    "ports": ("Ports", "Tunnel", "Listener"),
    "process": ("Process", "Stdin"),
    "processes": ("Processes",),
    "transfer": ("Download",),
    "workspace": ("Workspace",),
}
"""Which classes of which module have a synchronous twin."""

BASES = ("attachment", "events")
"""Modules in which base classes are looked for."""

ITEMS = {
    "Search": "types.FsMatch",
    "FileWatch": "types.FsChange | types.FsOverflow",
    "WorkspaceWatch": "types.WorkspaceChanged | types.WorkspaceOverflow",
}
"""What the iterators yield whose base class is generic in it."""

SINK = frozenset(("opened", "data", "eof", "credit", "event"))
"""Public methods of streams that are the link's to call, not the user's."""

_WIDTH = 120
_HOME = {name: module for module, names in MODULES.items() for name in names}


class _Module:
    """One source module: its classes, and where the names it uses come from."""

    def __init__(self, name: str) -> None:
        self.name = name
        text = (SOURCE / f"{name}.py").read_text(encoding="utf-8")
        self.lines = [line.encode() for line in text.splitlines(keepends=True)]
        self.tree = ast.parse(text)
        self.classes = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}
        self.imports: dict[str, str] = {}
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = f"from {node.module} import {alias.name}"
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.imports[alias.name] = f"import {alias.name}"
            elif isinstance(node, ast.ClassDef | ast.FunctionDef):
                self.imports[node.name] = f"from nexus_sdk.{name} import {node.name}"
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        self.imports[target.id] = f"from nexus_sdk.{name} import {target.id}"

    def source(self, node: ast.expr) -> str:
        """Return the text of a node on one line."""
        assert node.end_lineno is not None
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        # the end first: on a single line, cutting the beginning moves it
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return " ".join(b"".join(lines).decode().split())


def emit(schema: Schema | None = None) -> dict[str, str]:
    """Return file name to content, for the directory `nexus_sdk/sync`.

    Args:
        schema: not needed; every emitter takes it.
    """
    modules = {name: _Module(name) for name in {*MODULES, *BASES}}
    files = {f"{name}.py": _emit_module(modules, name) for name in MODULES}
    files["__init__.py"] = _emit_package(modules["client"])
    return files


def _emit_module(modules: dict[str, _Module], name: str) -> str:
    emitter = _Emitter(modules, name)
    classes = [emitter.facade(class_name) for class_name in MODULES[name]]
    parts = [MARK, f'"""Synchronous twin of nexus_sdk.{name}."""\n\n']
    parts += ["from __future__ import annotations\n\n", emitter.import_block(), "\n"]
    exported = ", ".join(f'"{class_name}"' for class_name in sorted(MODULES[name]))
    parts += [f"__all__ = [{exported}]\n\n\n", "\n\n".join(classes)]
    return "".join(parts)


class _Emitter:
    """Writes the classes of one module and collects what they import."""

    def __init__(self, modules: dict[str, _Module], name: str) -> None:
        self.modules = modules
        self.module = modules[name]
        self.imports: set[str] = {"from nexus_sdk.portal import Facade", f"import nexus_sdk.{name}"}

    def facade(self, name: str) -> str:
        node = self.module.classes[name]
        lines = [f"class {name}(Facade):", *_docstring(node, 4), ""]
        lines += [f"    _inner: nexus_sdk.{self.module.name}.{name}", ""]
        for module, method in self._members(node):
            lines += self._member(module, name, method)
        return "\n".join(lines).rstrip() + "\n"

    def import_block(self) -> str:
        groups: list[list[str]] = [[], [], []]
        merged: dict[str, set[str]] = {}
        for line in self.imports:
            if line.startswith("import "):
                groups[_group(line.split(" ")[1])].append(line)
            else:
                _, module, _, imported = line.split(" ", 3)
                merged.setdefault(module, set()).add(imported)
        for group in groups:
            group.sort()
        for module in sorted(merged):
            # constants, classes, functions: the order that ruff keeps
            ordered = sorted(merged[module], key=lambda item: (_rank(item), item))
            groups[_group(module)].append(f"from {module} import {', '.join(ordered)}")
        return "\n\n".join("\n".join(group) for group in groups if group) + "\n"

    def _members(self, node: ast.ClassDef) -> list[tuple[_Module, ast.FunctionDef | ast.AsyncFunctionDef]]:
        found: dict[str, tuple[_Module, ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        for owner, holder in self._lineage(node):
            for item in holder.body:
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and _wanted(item, holder):
                    found.setdefault(item.name, (owner, item))
        return list(found.values())

    def _lineage(self, node: ast.ClassDef) -> list[tuple[_Module, ast.ClassDef]]:
        chain, todo = [(self.module, node)], [*node.bases]
        while todo:
            base = todo.pop(0)
            name = base.value if isinstance(base, ast.Subscript) else base
            for module in (self.module, *(self.modules[other] for other in BASES)):
                if isinstance(name, ast.Name) and name.id in module.classes:
                    chain.append((module, module.classes[name.id]))
                    todo += module.classes[name.id].bases
                    break
        return chain

    def _member(self, module: _Module, owner: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
        if node.name == "__aenter__":
            body = ["self._run(self._inner.__aenter__())", "return self"]
            return _function("__enter__", [], owner, body, [])
        if node.name == "__aexit__":
            self.imports.add("from types import TracebackType")
            parameters = [
                "kind: type[BaseException] | None",
                "error: BaseException | None",
                "trace: TracebackType | None",
            ]
            return _function(
                "__exit__", parameters, "None", ["self._run(self._inner.__aexit__(kind, error, trace))"], []
            )
        if node.name == "__aiter__":
            return _function("__iter__", [], owner, ["return self"], [])
        if node.name == "__anext__":
            item = ITEMS.get(owner) or self._type(module, node.returns)
            if owner in ITEMS:
                self.imports.add("from nexus_sdk.protocol import types")
            return _function("__next__", [], item, [f"item: {item} = self._next()", "return item"], [])
        return self._method(module, owner, node)

    def _method(self, module: _Module, owner: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
        is_property = any(isinstance(item, ast.Name) and item.id == "property" for item in node.decorator_list)
        parameters, passed = self.parameters(module, node.args, node.args.args[1:])
        inner = f"self._inner.{node.name}"
        call = inner if is_property else _call(inner, passed)
        if isinstance(node, ast.AsyncFunctionDef):
            call = f"self._run({call})" if "\n" not in call else f"self._run(\n{textwrap.indent(call, '    ')}\n)"
        returned = self._type(module, node.returns)
        body = self._returning(owner, returned, call)
        public = "close" if node.name == "aclose" else node.name
        decorators = ["@property"] if is_property else []
        return _function(public, parameters, returned, body, _docstring(node, 8), decorators)

    def _returning(self, owner: str, returned: str, call: str) -> list[str]:
        if returned == "None":
            return [call]
        if returned in _HOME:
            if returned == owner and call.startswith("self._run("):
                return [call, "return self"]
            if "\n" in call:
                return [f"inner = {call}", f"return self._wrap({returned}, inner)"]
            return [f"return self._wrap({returned}, {call})"]
        listed = returned.removeprefix("list[").removesuffix("]")
        if listed in _HOME:
            return [f"items = {call}", f"return [self._wrap({listed}, item) for item in items]"]
        return [f"return {call}"]

    def parameters(
        self, module: _Module, arguments: ast.arguments, positional: list[ast.arg]
    ) -> tuple[list[str], list[str]]:
        """Return the parameters as they are declared, and as they are passed on."""
        parameters: list[str] = []
        passed: list[str] = []
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        defaults += arguments.defaults
        for argument, default in zip(positional, defaults, strict=True):
            parameters.append(self._parameter(module, argument, default))
            passed.append(argument.arg)
        if arguments.kwonlyargs:
            parameters.append("*")
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
                parameters.append(self._parameter(module, argument, default))
                passed.append(f"{argument.arg}={argument.arg}")
        return parameters, passed

    def _parameter(self, module: _Module, argument: ast.arg, default: ast.expr | None) -> str:
        text = f"{argument.arg}: {self._type(module, argument.annotation)}"
        if default is None:
            return text
        self._need(module, default)
        return f"{text} = {module.source(default)}"

    def _type(self, module: _Module, annotation: ast.expr | None) -> str:
        if annotation is None:
            raise ValueError(f"{module.name}: a public signature without annotation")
        self._need(module, annotation)
        return module.source(annotation)

    def _need(self, module: _Module, node: ast.expr) -> None:
        for name in ast.walk(node):
            if not isinstance(name, ast.Name):
                continue
            if name.id in _HOME:
                if _HOME[name.id] != self.module.name:
                    self.imports.add(f"from nexus_sdk.sync.{_HOME[name.id]} import {name.id}")
            elif name.id in module.imports:
                self.imports.add(module.imports[name.id])


def _emit_package(client: _Module) -> str:
    connect = next(node for node in client.tree.body if isinstance(node, ast.FunctionDef) and node.name == "connect")
    holder = _Emitter({"client": client}, "client")
    holder.imports = {"import nexus_sdk.client", "from nexus_sdk.portal import Portal"}
    parameters, passed = holder.parameters(client, connect.args, connect.args.args)
    for name, module in _HOME.items():
        holder.imports.add(f"from nexus_sdk.sync.{module} import {name}")
    body = [
        "portal = Portal.shared()",
        "",
        "async def open() -> nexus_sdk.client.Nexus:",
        *textwrap.indent("return await " + _call("nexus_sdk.client.connect", passed), "    ").splitlines(),
        "",
        "return Nexus(portal.run(open()), portal)",
    ]
    docstring = [
        line.replace("`with connect() as nexus`, or `nexus = connect()`", "`with connect() as nexus`")
        for line in _docstring(connect, 4)
    ]
    lines = [_signature("connect", parameters, "Nexus", 0), *docstring]
    lines += [f"    {line}" if line else "" for line in body]
    names = sorted([*_HOME, "connect"])
    exported = "".join(f'    "{name}",\n' for name in names)
    head = '''"""The synchronous client: everything of `nexus_sdk`, without `await`.

    from nexus_sdk.sync import connect

    with connect() as nexus:
        workspace = nexus.workspaces.get("demo")
        with workspace.exec(["make"], check=True) as process:
            for line in process.stdout.lines():
                print(line)

One event loop in a daemon thread serves all clients of the process. Objects may be used from several threads, one
reader per stream. Callbacks run on the loop's thread and must not call the client. After a fork, connect again.
"""

from __future__ import annotations

'''
    return "".join([MARK, head, holder.import_block(), f"\n__all__ = [\n{exported}]\n\n\n", "\n".join(lines), "\n"])


def _wanted(node: ast.FunctionDef | ast.AsyncFunctionDef, holder: ast.ClassDef) -> bool:
    if node.name in ("__aenter__", "__aexit__", "__aiter__", "__anext__"):
        return True
    bases = {base.id for base in ast.walk(holder) if isinstance(base, ast.Name)}
    is_sink = node.name in SINK and ("Attachment" in bases or holder.name in ("Attachment", "EventStream"))
    return not node.name.startswith("_") and not is_sink


def _group(module: str) -> int:
    return 2 if module.startswith("nexus_sdk") else 1 if module.startswith("msgspec") else 0


def _rank(name: str) -> int:
    return 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2


def _call(target: str, passed: list[str]) -> str:
    line = f"{target}({', '.join(passed)})"
    if len(line) <= 80:
        return line
    return "\n".join([f"{target}(", *(f"    {item}," for item in passed), ")"])


def _signature(name: str, parameters: list[str], returned: str, indent: int) -> str:
    pad = " " * indent
    line = f"{pad}def {name}({', '.join(parameters)}) -> {returned}:"
    if len(parameters) <= 2 and len(line) <= _WIDTH:
        return line
    return "\n".join([f"{pad}def {name}(", *(f"{pad}    {item}," for item in parameters), f"{pad}) -> {returned}:"])


def _function(
    name: str,
    parameters: list[str],
    returned: str,
    body: list[str],
    docstring: list[str],
    decorators: list[str] | None = None,
) -> list[str]:
    lines = [f"    {item}" for item in decorators or []]
    lines.append(_signature(name, ["self", *parameters], returned, 4))
    lines += docstring
    for statement in body:
        lines += textwrap.indent(statement, "        ").splitlines()
    return [*lines, ""]


def _docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, indent: int) -> list[str]:
    text = ast.get_docstring(node, clean=True)
    if text is None:
        return []
    for old, new in (("async with", "with"), ("async for", "for"), ("await ", "")):
        text = text.replace(old, new)
    lines = text.splitlines()
    pad = " " * indent
    if len(lines) == 1:
        return [f'{pad}"""{lines[0]}"""']
    return [f'{pad}"""{lines[0]}', *(f"{pad}{line}" if line else "" for line in lines[1:]), f'{pad}"""']
