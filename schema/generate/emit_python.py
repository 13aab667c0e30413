"""Python: msgspec structs, exception classes and the method table of ``nexus_sdk.protocol``."""

from __future__ import annotations

import builtins
import json
import keyword
import textwrap
from pathlib import Path
from typing import Any

from generate.model import (
    MAX_INTEGER,
    AliasType,
    Array,
    Deprecation,
    EnumType,
    ErrorType,
    Field,
    Free,
    Map,
    Method,
    Nullable,
    ObjectType,
    Ref,
    Scalar,
    Schema,
    Shape,
    Stream,
    UnionType,
)

MARK = "# Generated from schema/nexus; do not edit."
WIDTH = 120
TEMPLATES = Path(__file__).parent / "templates"

SHARED = {
    "Uint53": f"Annotated[int, msgspec.Meta(ge=0, le={MAX_INTEGER})]",
    "Int53": f"Annotated[int, msgspec.Meta(ge=-{MAX_INTEGER}, le={MAX_INTEGER})]",
    "DateTime": "Annotated[datetime.datetime, msgspec.Meta(tz=True)]",
}
"""Names for the constraints that recur in almost every type, with the reason they exist."""
SHARED_MEANING = {
    "Uint53": "A count, size, offset or duration: 0 to 2^53-1, the range in which JavaScript numbers are exact.",
    "Int53": "An integer that fits a JavaScript number exactly.",
    "DateTime": "A moment with its time zone; RFC 3339 on the wire.",
}


def emit(schema: Schema) -> dict[str, str]:
    """Files of the package by name."""
    return {
        "__init__.py": _package(),
        "types.py": _types(schema),
        "errors.py": _errors(schema),
        "methods.py": _methods(schema),
    }


def class_name(error: str) -> str:
    """Name of the exception class of an error; never that of a builtin."""
    name = "".join(part.capitalize() for part in error.split("_"))
    if not hasattr(builtins, name):
        return name
    return f"Nexus{name}" if name.endswith("Error") else f"{name}Error"


def field_name(name: str) -> str:
    """Attribute name of a field; differs from the wire's only where Python reserves the word."""
    return f"{name}_" if keyword.iskeyword(name) or name in ("self", "msgspec") else name


def pattern(source: str) -> str:
    """The same pattern for Python, whose ``$`` alone would also match before a final newline."""
    return source[:-1] + r"\Z" if source.endswith("$") else source


def annotation(shape: Shape, *, plain: bool = False) -> str:
    """The type expression of a shape.

    ``plain`` leaves constraints out and takes named types from the module ``types``, which is what
    a signature in another module needs.
    """
    match shape:
        case Ref(name):
            return f"types.{name}" if plain else name
        case Free():
            return "Any"
        case Nullable(inner):
            return f"{annotation(inner, plain=plain)} | None"
        case Array(items, low, high):
            return _constrained(f"list[{annotation(items, plain=plain)}]", plain, min_length=low, max_length=high)
        case Map(values, low, high):
            return _constrained(f"dict[str, {annotation(values, plain=plain)}]", plain, min_length=low, max_length=high)
        case Scalar():
            return _scalar(shape, plain)


def _scalar(shape: Scalar, plain: bool) -> str:
    match shape.type, shape.format:
        case "boolean", _:
            return "bool"
        case "string", "date-time":
            return "datetime.datetime" if plain else "DateTime"
        case "string", "base64":
            return "bytes"
        case "string", _:
            return _constrained(
                "str",
                plain,
                min_length=shape.min_length,
                max_length=shape.max_length,
                pattern=None if shape.pattern is None else pattern(shape.pattern),
            )
        case "number", _:
            return _constrained("float", plain, ge=shape.minimum, le=shape.maximum)
    if not plain:
        for name in ("Uint53", "Int53"):
            if (shape.minimum, shape.maximum) == (0 if name == "Uint53" else -MAX_INTEGER, MAX_INTEGER):
                return name
    return _constrained("int", plain, ge=shape.minimum, le=shape.maximum)


def _constrained(base: str, plain: bool, **constraints: Any) -> str:
    given = [f"{name}={_literal(value)}" for name, value in constraints.items() if value is not None]
    if plain or not given:
        return base
    return f"Annotated[{base}, msgspec.Meta({', '.join(given)})]"


def _literal(value: Any) -> str:
    """A JSON value as Python source, strings in double quotes."""
    match value:
        case bool() | None:
            return repr(value)
        case str():
            quoted = json.dumps(value, ensure_ascii=False)
            raw = f'r"{value}"'
            return raw if "\\\\" in quoted and '"' not in value and not value.endswith("\\") else quoted
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{_literal(k)}: {_literal(v)}' for k, v in value.items())}}}"
    return repr(value)


def docstring(text: str, indent: str) -> str:
    """A docstring wrapped to the line length, with nothing in it that could end it early."""
    text = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if text.endswith('"'):
        text += " "
    paragraphs = text.split("\n\n")
    single = f'{indent}"""{text}"""'
    if len(paragraphs) == 1 and "\n" not in text and len(single) <= WIDTH:
        return single
    wrapped = []
    for number, paragraph in enumerate(paragraphs):
        if paragraph.lstrip().startswith(("- ", "* ")):
            lines = [
                textwrap.fill(line, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", **_WRAP)
                for line in paragraph.splitlines()
            ]
            wrapped.append("\n".join(lines))
        else:
            # The opening quotes take three columns of the first line.
            first = indent + ("   " if number == 0 else "")
            wrapped.append(textwrap.fill(paragraph, WIDTH, initial_indent=first, subsequent_indent=indent, **_WRAP))
    body = "\n\n".join(wrapped)
    return f'{indent}"""{body.lstrip()}\n{indent}"""'


_WRAP: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def _package() -> str:
    return f'''{MARK}
"""The Nexus protocol: types, errors and the method table. Import the module that is needed:
`nexus_sdk.protocol.types`, `nexus_sdk.protocol.errors`, `nexus_sdk.protocol.methods`.
"""
'''


def _header(doc: str) -> list[str]:
    return [MARK, docstring(doc, ""), ""]


def _types(schema: Schema) -> str:
    tags = schema.tag_fields()
    names = sorted([*SHARED, *schema.types])
    lines = _header(
        "The values that cross the wire, one struct per object type of the schema.\n\n"
        "Structs of params refuse unknown fields, all others ignore them. An optional field without a default is "
        "`msgspec.UNSET` when it is absent; None stands for JSON null and appears only where null means something."
    )
    lines += [
        "from __future__ import annotations",
        "",
        "import datetime",
        "from typing import Annotated, Any, Literal, TypeAlias, Union",
        "",
        "import msgspec",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in names),
        "]",
        "",
    ]
    for name, expression in SHARED.items():
        lines += [f"{name}: TypeAlias = {expression}", docstring(SHARED_MEANING[name], ""), ""]
    aliases, structs, unions = [], [], []
    for named in schema.types.values():
        match named:
            case ObjectType():
                structs.append(_struct(named, tags.get(named.name)))
            case EnumType():
                aliases.append(_enum(named))
            case AliasType():
                aliases.append(
                    f'{named.name}: TypeAlias = "{annotation(named.shape)}"\n{docstring(named.description, "")}'
                    if '"' not in annotation(named.shape)
                    else f"{named.name}: TypeAlias = {annotation(named.shape)}\n{docstring(named.description, '')}"
                )
            case UnionType():
                members = ", ".join(named.variants)
                unions.append(f"{named.name}: TypeAlias = Union[{members}]\n{docstring(named.description, '')}")
    body = "\n\n".join(aliases) + "\n\n\n" + "\n\n\n".join(structs)
    if unions:
        body += "\n\n\n" + "\n\n".join(unions)
    return "\n".join(lines) + "\n" + body.strip("\n") + "\n"


def _enum(named: EnumType) -> str:
    closing = "Later servers may send others." if named.open else ""
    listed = "\n".join(f"- `{value}`: {meaning}" for value, meaning in named.values.items())
    doc = docstring("\n\n".join(part for part in (named.description, listed, closing) if part), "")
    if named.open:
        return f"{named.name}: TypeAlias = str\n{doc}"
    literal = f"{named.name}: TypeAlias = Literal[{', '.join(map(_literal, named.values))}]"
    if len(literal) > WIDTH:
        values = "".join(f"    {_literal(value)},\n" for value in named.values)
        literal = f"{named.name}: TypeAlias = Literal[\n{values}]"
    return f"{literal}\n{doc}"


def _struct(named: ObjectType, tag_field: str | None) -> str:
    options = ["msgspec.Struct", "kw_only=True", "omit_defaults=True"]
    if named.side == "input":
        options.append("forbid_unknown_fields=True")
    if named.tag is not None:
        options += [f'tag_field="{tag_field or "kind"}"', f'tag="{named.tag}"']
    lines = [f"class {named.name}({', '.join(options)}):", docstring(named.description, "    ")]
    if named.fields:
        lines.append("")
    for item in named.fields:
        lines += [f"    {_attribute(item)}", docstring(item.description, "    ")]
    return "\n".join(lines)


def _attribute(item: Field) -> str:
    name, kind = field_name(item.name), annotation(item.shape)
    renamed = f'name="{item.name}"' if name != item.name else None
    if item.required:
        return f"{name}: {kind}" + (f" = msgspec.field({renamed})" if renamed else "")
    if not item.has_default:
        kind += " | msgspec.UnsetType"
        default = "default=msgspec.UNSET" if renamed else "msgspec.UNSET"
    elif isinstance(item.default, list | dict):
        factory = type(item.default).__name__ if not item.default else f"lambda: {_literal(item.default)}"
        arguments = [argument for argument in (f"default_factory={factory}", renamed) if argument]
        line = f"{name}: {kind} = msgspec.field({', '.join(arguments)})"
        if len(line) + 4 > WIDTH:
            line = f"{name}: {kind} = (\n        msgspec.field({', '.join(arguments)})\n    )"
        return line
    else:
        default = f"default={_literal(item.default)}" if renamed else _literal(item.default)
    return f"{name}: {kind} = " + (f"msgspec.field({default}, {renamed})" if renamed else default)


_STANDARD = ("ParseError", "InvalidRequest", "MethodNotFound", "InvalidParams", "InternalError")


def _errors(schema: Schema) -> str:
    errors = sorted(schema.errors.values(), key=lambda error: error.code)
    names = [*_STANDARD, *(class_name(error.name) for error in errors)]
    template = (TEMPLATES / "errors_base.py.txt").read_text(encoding="utf-8")
    if any("datetime.datetime" in _signature(schema, error) for error in errors):
        template = template.replace("from collections.abc", "import datetime\nfrom collections.abc", 1)
    imports, _, rest = template.partition("\n\n\n")
    exported = sorted([*names, "NexusError", "InvalidParamsDetails", "InternalErrorDetails", "ERRORS"])
    listing = "\n".join(f'    "{name}",' for name in exported)
    parts = [
        f"{MARK}\n{_tree(schema, errors)}\n\n{imports}\n\n__all__ = [\n{listing}\n]",
        rest.rstrip("\n"),
        *(_error_class(schema, error) for error in errors),
    ]
    table = "\n".join(f"        {name}," for name in names)
    parts.append(
        "ERRORS: dict[int, type[NexusError]] = {\n    error.code: error\n    for error in (\n" + table + "\n    )\n}\n"
        '"""Every error class by its code."""\n'
    )
    return "\n\n\n".join(parts)


def _tree(schema: Schema, errors: list[ErrorType]) -> str:
    rows = [(name, "JSON-RPC") for name in _STANDARD]
    rows += [(class_name(error.name), f"{error.domain} {error.code}") for error in errors]
    width = max(len(name) for name, _ in rows)
    drawn = [f" +-- {name.ljust(width)}   {origin}" for name, origin in rows]
    return "\n".join(
        [
            '"""The errors of the protocol, as exceptions.',
            "",
            "All derive directly from one base, so that an `except` names exactly one condition:",
            "",
            "    NexusError",
            *(f"    {row}" for row in drawn),
            "",
            "Errors are raised with a message that names the thing, and keyword arguments for the typed details.",
            '"""',
        ]
    )


def _signature(schema: Schema, error: ErrorType) -> str:
    if error.data is None:
        return ""
    given = []
    # Keyword-only parameters may come in any order, so the schema's order is kept.
    for item in schema.object(error.data).fields:
        kind = annotation(item.shape, plain=True)
        if item.required:
            given.append(f"{field_name(item.name)}: {kind}")
        else:
            given.append(f"{field_name(item.name)}: {kind} | msgspec.UnsetType = msgspec.UNSET")
    return "".join(f"        {parameter},\n" for parameter in given)


def _error_class(schema: Schema, error: ErrorType) -> str:
    name = class_name(error.name)
    lines = [
        f"class {name}(NexusError):",
        docstring(error.summary, "    "),
        "",
        f"    code = {error.code}",
        f'    name = "{error.name}"',
    ]
    if error.hint:
        lines.append(f"    hint = {_literal(error.hint)}")
    if error.retryable:
        lines.append("    retryable = True")
    if error.data is None:
        return "\n".join(lines)
    fields = [field_name(item.name) for item in schema.object(error.data).fields]
    optional = {field_name(item.name): item for item in schema.object(error.data).fields if item.has_default}
    lines += [
        f"    details: types.{error.data} | None",
        f"    details_type = types.{error.data}",
        "",
        "    def __init__(",
        "        self,",
        "        message: str,",
        "        *,",
        "        hint: str | None = None,",
        "        may_have_run: bool = False,",
        _signature(schema, error).rstrip("\n"),
        "    ) -> None:",
        "        super().__init__(message, hint=hint, may_have_run=may_have_run)",
    ]
    for field, item in optional.items():
        lines += [
            f"        if {field} is msgspec.UNSET:",
            f"            {field} = {_literal(item.default)}",
        ]
    call = f"        self.details = types.{error.data}({', '.join(f'{field}={field}' for field in fields)})"
    if len(call) > WIDTH:
        inner = "".join(f"            {field}={field},\n" for field in fields)
        call = f"        self.details = types.{error.data}(\n{inner}        )"
    return "\n".join([*lines, call])


def _methods(schema: Schema) -> str:
    template = (TEMPLATES / "methods_base.py.txt").read_text(encoding="utf-8")
    imports, _, rest = template.partition("\n\n\n")
    head = _header(
        "The method table: what the gate, the dispatcher and the client know of each method.\n\n"
        "Names the params and result types, builds no codec."
    )
    exported = ["LEVEL", "METHODS", "SCOPES", "Deprecated", "Method", "StreamSpec"]
    scopes = "".join(f"    {_literal(scope)},\n" for scope in schema.scopes)
    methods = [schema.methods[name] for name in sorted(schema.methods)]
    table = "".join(_method(schema, method) for method in methods)
    return "\n".join(
        [
            *head,
            imports,
            "",
            "__all__ = [",
            *(f'    "{name}",' for name in exported),
            "]",
            "",
            f"LEVEL: int = {schema.level}",
            '"""The version of the schema."""',
            "",
            f"SCOPES: tuple[str, ...] = (\n{scopes})",
            '"""Every scope that some method needs, sorted."""',
            "",
            "",
            rest.rstrip("\n"),
            "",
            "",
            "_ALL: tuple[Method, ...] = (",
            table.rstrip("\n"),
            ")",
            "",
            "METHODS: dict[str, Method] = {method.name: method for method in _ALL}",
            '"""Every method by its name."""',
            "",
        ]
    )


def _method(schema: Schema, method: Method) -> str:
    rows = [
        f"        name={_literal(method.name)},",
        f"        kind={_literal(method.kind)},",
        f"        direction={_literal(method.direction)},",
        f"        params={_type(schema, method.params)},",
        f"        result={_type(schema, method.result)},",
        f"        errors={_tuple(method.errors)},",
        f"        scope={_literal(method.scope)},",
        f"        target={_literal(method.target)},",
        f"        idempotent={method.idempotent},",
        f"        keyed={method.keyed},",
        f"        progress={method.progress},",
        f"        cancel={_literal(method.cancel)},",
        f"        timeout_ms={method.timeout_ms},",
        f"        capability={_literal(method.capability)},",
        f"        since={method.since},",
        f"        stability={_literal(method.stability)},",
        f"        deprecated={_deprecated(method.deprecated)},",
        f"        stream={_stream(schema, method.stream)},",
    ]
    return "    Method(\n" + "\n".join(rows) + "\n    ),\n"


def _type(schema: Schema, name: str | None) -> str:
    if name is None:
        return "None"
    ignore = "  # type: ignore[arg-type]" if not isinstance(schema.types[name], ObjectType) else ""
    return f"types.{name}{ignore}"


def _tuple(values: tuple[str, ...]) -> str:
    if not values:
        return "()"
    inline = "(" + ", ".join(map(_literal, values)) + ("," if len(values) == 1 else "") + ")"
    if len(inline) < WIDTH - 20:
        return inline
    return "(\n" + "".join(f"            {_literal(value)},\n" for value in values) + "        )"


def _deprecated(deprecated: Deprecation | None) -> str:
    if deprecated is None:
        return "None"
    return (
        f"Deprecated(since={deprecated.since}, message={_literal(deprecated.message)}, "
        f"use={_literal(deprecated.use)}, remove_after={deprecated.remove_after})"
    )


def _stream(schema: Schema, stream: Stream | None) -> str:
    if stream is None:
        return "None"
    rows = [
        f"down={_literal(stream.down)},",
        f"up={_literal(stream.up)},",
        f"channels={_tuple(stream.channels)},",
        f"resume={_literal(stream.resume)},",
        f"open={_stream_type(schema, stream.open)},",
        f"event={_stream_type(schema, stream.event)},",
        f"lossy={stream.lossy},",
        f"window={stream.window},",
    ]
    return "StreamSpec(\n" + "".join(f"            {row}\n" for row in rows) + "        )"


def _stream_type(schema: Schema, name: str | None) -> str:
    return "None" if name is None else f"types.{name}"
