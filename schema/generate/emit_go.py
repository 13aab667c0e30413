"""Go: structs, decoders, error values and the method table of ``sdk-go/protocol``.

What is written is what gofmt would leave as it is, without gofmt: every declaration and every field stands between
blank lines or on a line of its own, so that nothing has to be aligned.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

from generate.model import (
    MAX_INTEGER,
    AliasType,
    Array,
    EnumType,
    ErrorType,
    Field,
    Free,
    Map,
    Method,
    NamedType,
    Nullable,
    ObjectType,
    Ref,
    Scalar,
    Schema,
    Shape,
    Stream,
    UnionType,
)

MARK = "// Code generated from the schema. DO NOT EDIT.\n//\n// Generated from schema/nexus; do not edit."
MODULE = "github.com/nexus-workspaces/nexus/sdk-go"
WIDTH = 118
TEMPLATES = Path(__file__).parent / "templates"

INITIALISMS = frozenset(
    ("api", "cpu", "eof", "gid", "http", "id", "json", "ms", "ok", "pid", "pty", "sha256", "ttl", "uid", "url")
)
"""Words that Go writes in capitals."""

STANDARD = (
    (-32700, "parse_error", "The message is not JSON in UTF-8.", None),
    (-32600, "invalid_request", "The message is JSON, but not a JSON-RPC 2.0 request.", None),
    (-32601, "method_not_found", "There is no such method.", None),
    (
        -32602,
        "invalid_params",
        "A param is missing, unknown, of a wrong type or out of bounds.",
        "InvalidParamsDetails",
    ),
    (-32603, "internal_error", "The server failed; the cause is in its log.", "InternalErrorDetails"),
)
"""The errors of JSON-RPC itself: code, name, meaning, type of details."""


def emit(schema: Schema) -> dict[str, str]:
    """Files of the package ``protocol`` by name."""
    return {
        "types.go": _types(schema),
        "errors.go": _errors(schema),
        "methods.go": _methods(schema),
        "decode_test.go": _decode_test(schema),
    }


def emit_root(schema: Schema) -> dict[str, str]:
    """Files of the package ``nexus`` by name: the error values under the name that callers import anyway."""
    parts = [
        MARK,
        "package nexus",
        f'import "{MODULE}/protocol"',
        "// The errors that a daemon answers with, for errors.Is. Each matches the *RemoteError of its code.\nvar (",
    ]
    rows = [
        f"{_doc(f'Err{exported(name)}: {_lower(summary)}', _TAB)}\tErr{exported(name)} = protocol.Err{exported(name)}"
        for _, name, summary in _table(schema)
    ]
    return {"errors_generated.go": "\n\n".join(parts) + "\n" + "\n\n".join(rows) + "\n)\n"}


def exported(name: str) -> str:
    """The Go name of a snake_case, dotted, dashed or plain word."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    return "".join(
        word.upper() if word.lower() in INITIALISMS or word.isupper() else word[0].upper() + word[1:] for word in words
    )


_TAB = "\t"


def _doc(text: str, indent: str = "") -> str:
    """A comment, wrapped, with its final line break."""
    lines = []
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            lines.append(f"{indent}//")
        if paragraph.startswith("  - "):
            lines += [
                textwrap.fill(
                    row,
                    WIDTH,
                    initial_indent=f"{indent}// ",
                    subsequent_indent=f"{indent}//     ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                for row in paragraph.splitlines()
            ]
        else:
            lines.append(
                textwrap.fill(
                    " ".join(paragraph.split()),
                    WIDTH,
                    initial_indent=f"{indent}// ",
                    subsequent_indent=f"{indent}// ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
    return "\n".join(lines) + "\n"


def _lower(text: str) -> str:
    """A sentence as it continues after a colon; words in capitals stay."""
    return text[0].lower() + text[1:] if len(text) > 1 and not text[1].isupper() else text


def _quote(text: str) -> str:
    """A Go string literal; JSON's escapes are Go's too, but for the surrogates that are not written here."""
    return json.dumps(text, ensure_ascii=False)


def _regexp(pattern: str) -> str:
    return f"`{pattern}`" if "`" not in pattern else _quote(pattern)


# -- shapes --


def go_type(schema: Schema, shape: Shape) -> str:
    """The Go type that holds a value of a shape."""
    match shape:
        case Ref(name):
            return name
        case Free():
            return "json.RawMessage"
        case Nullable(inner):
            return f"*{go_type(schema, inner)}"
        case Array(items=items):
            return f"[]{go_type(schema, items)}"
        case Map(values=values):
            return f"map[string]{go_type(schema, values)}"
        case Scalar(type="boolean"):
            return "bool"
        case Scalar(type="integer"):
            return "int64"
        case Scalar(type="number"):
            return "float64"
        case Scalar(format="date-time"):
            return "time.Time"
        case Scalar(format="base64"):
            return "[]byte"
    return "string"


def reader(schema: Schema, shape: Shape) -> str:
    """A Go expression that reads a value of a shape from the decoder ``d``."""
    match shape:
        case Ref(name):
            return f"read{name}(d)"
        case Free():
            return "d.Raw()"
        case Nullable(inner):
            return f"strict.Nullable(d, {function(schema, inner)})"
        case Array(items, low, high):
            return f"strict.List(d, {_bound(low)}, {_bound(high)}, {function(schema, items)})"
        case Map(values, low, high):
            return f"strict.Map(d, {_bound(low)}, {_bound(high)}, {function(schema, values)})"
    match shape.type, shape.format:
        case "boolean", _:
            return "d.Bool()"
        case "integer", _:
            least = -MAX_INTEGER if shape.minimum is None else int(shape.minimum)
            return f"d.Integer({least}, {MAX_INTEGER if shape.maximum is None else int(shape.maximum)})"
        case "number", _:
            lowest = "math.Inf(-1)" if shape.minimum is None else shape.minimum
            return f"d.Number({lowest}, {'math.Inf(1)' if shape.maximum is None else shape.maximum})"
        case _, "date-time":
            return "d.Time()"
        case _, "base64":
            return "d.Bytes()"
    if (shape.min_length, shape.max_length, shape.pattern) == (None, None, None):
        return "d.String()"
    return f"d.Text({_bound(shape.min_length)}, {_bound(shape.max_length)}, {_pattern_name(shape.pattern)})"


def function(schema: Schema, shape: Shape) -> str:
    """A Go expression for a function that reads one value of a shape."""
    if isinstance(shape, Ref):
        return f"read{shape.name}"
    expression = reader(schema, shape)
    plain = re.fullmatch(r"d\.([A-Z][a-z]+)\(\)", expression)
    if plain:
        return f"(*strict.Decoder).{plain[1]}"
    return f"func(d *strict.Decoder) {go_type(schema, shape)} {{ return {expression} }}"


def _bound(value: int | None) -> int:
    return -1 if value is None else value


def _pattern_name(pattern: str | None) -> str:
    return "nil" if pattern is None else f"pattern{abs(_stable_hash(pattern)):08x}"


def _stable_hash(text: str) -> int:
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def _patterns(schema: Schema) -> list[str]:
    found: set[str] = set()

    def walk(shape: Shape) -> None:
        match shape:
            case Scalar(pattern=str(pattern)):
                found.add(pattern)
            case Array(items=inner) | Map(values=inner) | Nullable(inner=inner):
                walk(inner)

    for named in schema.types.values():
        if isinstance(named, ObjectType):
            for item in named.fields:
                walk(item.shape)
        elif isinstance(named, AliasType):
            walk(named.shape)
    return sorted(found)


def zero(schema: Schema, shape: Shape) -> Any:
    """The JSON value of Go's zero value of a shape; None where that is nil or a struct."""
    target = schema.types[shape.name] if isinstance(shape, Ref) else None
    if isinstance(target, AliasType):
        return zero(schema, target.shape)
    if isinstance(target, EnumType):
        return ""
    if not isinstance(shape, Scalar) or shape.format in ("date-time", "base64"):
        return None
    return {"boolean": False, "integer": 0, "number": 0.0, "string": ""}[shape.type]


def zero_is_valid(schema: Schema, shape: Shape) -> bool:
    """Whether Go's zero value of a shape is also a value of the schema."""
    target = schema.types[shape.name] if isinstance(shape, Ref) else None
    if isinstance(target, AliasType):
        return zero_is_valid(schema, target.shape)
    if isinstance(target, EnumType):
        return "" in target.values
    match shape:
        case Scalar(format="date-time" | "base64"):
            return False
        case Scalar(type="string"):
            return not shape.min_length and (shape.pattern is None or re.search(shape.pattern, "") is not None)
        case Scalar(type="integer" | "number"):
            return (shape.minimum or 0) <= 0 and (shape.maximum is None or shape.maximum >= 0)
    return isinstance(shape, Scalar)


def needs_pointer(schema: Schema, item: Field) -> bool:
    """Whether an optional field must be a pointer, because Go's zero value says something else than absence."""
    if item.required:
        return False
    match item.shape:
        case Nullable():
            return True
        case Array() | Map() | Free():
            return False
        case Ref(name):
            target = schema.types[name]
            if isinstance(target, ObjectType):
                return True
            if isinstance(target, UnionType):
                return False
            if isinstance(target, AliasType) and isinstance(target.shape, Array | Map):
                return False
    if item.has_default and item.default == zero(schema, item.shape):
        return False
    return zero_is_valid(schema, item.shape)


# -- types --


def _types(schema: Schema) -> str:
    tags = schema.tag_fields()
    body = [_named(schema, named, tags.get(named.name)) for named in schema.types.values()]
    patterns = [
        f"var {_pattern_name(pattern)} = regexp.MustCompile({_regexp(pattern)})" for pattern in _patterns(schema)
    ]
    code = "\n\n".join(body)
    imports = [
        name
        for name, use in (
            ("encoding/json", "json."),
            ("math", "math."),
            ("regexp", "regexp." if patterns else "\0"),
            ("time", "time.Time"),
        )
        if use in code or (name == "regexp" and patterns)
    ]
    listed = "".join(f'\t"{name}"\n' for name in imports)
    head = (
        f"{MARK}\n\n"
        + _doc(
            "Package protocol holds what crosses the wire between a client and a daemon: the types, the errors and the "
            "method table, generated from the schema.\n\n"
            "Decoding is strict: a missing field, a wrong type, a value out of bounds or null in the wrong place is a "
            "*DecodeError with the path of the mistake. Types of params refuse unknown fields, all others ignore them. "
            "An optional field is left out when it has Go's zero value; where the zero value means something, the "
            "field is a pointer and nil leaves it out."
        )
        + f'package protocol\n\nimport (\n{listed}\n\t"{MODULE}/internal/strict"\n)'
    )
    return "\n\n".join([head, *patterns, code]) + "\n"


def _named(schema: Schema, named: NamedType, tag_field: str | None) -> str:
    match named:
        case ObjectType():
            return _struct(schema, named, tag_field)
        case EnumType():
            return _enum(named)
        case UnionType():
            return _union(schema, named)
    expression = reader(schema, named.shape)
    kind = go_type(schema, named.shape)
    return (
        _doc(f"{named.name}: {_lower(named.description)}")
        + f"type {named.name} {kind}\n\n"
        + _function(f"read{named.name}(d *strict.Decoder) {named.name}", f"return {named.name}({expression})")
        + "\n\n"
        + _unmarshal(named.name)
    )


def _unmarshal(name: str) -> str:
    return _doc("UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.") + _function(
        f"(v *{name}) UnmarshalJSON(data []byte) error", f"return strict.Decode(data, v, read{name})"
    )


def _function(signature: str, body: str) -> str:
    return f"func {signature} {{\n\t{body}\n}}"


def _enum(named: EnumType) -> str:
    closing = "\n\nA later daemon may send others." if named.open else ""
    constants = [
        _doc(meaning, _TAB) + f"\t{named.name}{exported(value)} {named.name} = {_quote(value)}"
        for value, meaning in named.values.items()
    ]
    if named.open:
        body = f"return {named.name}(d.String())"
    else:
        body = f"return {named.name}(d.Enum({', '.join(map(_quote, named.values))}))"
    return (
        _doc(f"{named.name}: {_lower(named.description)}{closing}")
        + f"type {named.name} string\n\n"
        + _doc(f"Values of {named.name}.")
        + "const (\n"
        + "\n\n".join(constants)
        + "\n)\n\n"
        + _function(f"read{named.name}(d *strict.Decoder) {named.name}", body)
        + "\n\n"
        + _unmarshal(named.name)
    )


def _union(schema: Schema, named: UnionType) -> str:
    cases = "".join(
        f"\tcase {_quote(schema.object(variant).tag or '')}:\n\t\treturn read{variant}(d)\n"
        for variant in named.variants
    )
    markers = "\n\n".join(f"func ({variant}) is{named.name}() {{}}" for variant in named.variants)
    tags = ", ".join(_quote(schema.object(variant).tag or "") for variant in named.variants)
    return (
        _doc(f"{named.name}: {_lower(named.description)} It is one of {', '.join(named.variants)}.")
        + f"type {named.name} interface{{ is{named.name}() }}\n\n"
        + f"{markers}\n\n"
        + _doc(f"Decode{named.name} decodes a {named.name} by its tag. Errors are of type *DecodeError.")
        + f"func Decode{named.name}(data []byte) (v {named.name}, err error) {{\n"
        + f"\terr = strict.Decode(data, &v, read{named.name})\n\treturn v, err\n}}\n\n"
        + f"func read{named.name}(d *strict.Decoder) {named.name} {{\n"
        + f"\tswitch d.Tag({_quote(named.tag_field)}, {tags}) {{\n{cases}\t}}\n\treturn nil\n}}"
    )


def _struct(schema: Schema, named: ObjectType, tag_field: str | None) -> str:
    name = named.name
    fields = [_field(schema, item) for item in named.fields]
    body = " {\n" + "\n\n".join(fields) + "\n}" if fields else "{}"
    text = _doc(f"{name}: {_lower(named.description)}") + f"type {name} struct{body}\n\n" + _unmarshal(name)
    if named.tag is not None:
        tag = tag_field or "kind"
        text += (
            "\n\n"
            + _doc("MarshalJSON writes the value with its tag.")
            + f"func (v {name}) MarshalJSON() ([]byte, error) {{\n\ttype fields {name}\n"
            + f'\treturn json.Marshal(struct {{\n\t\tTag string `json:"{tag}"`\n\t\tfields\n'
            + f"\t}}{{{_quote(named.tag)}, fields(v)}})\n}}"
        )
    return f"{text}\n\n{_reader_of(schema, named, tag_field)}"


def _field(schema: Schema, item: Field) -> str:
    kind = go_type(schema, item.shape)
    pointer = needs_pointer(schema, item)
    doc = item.description
    if not item.required:
        absent = "nil" if pointer or kind.startswith(("[]", "map[")) or kind == "json.RawMessage" else "the zero value"
        shown = "" if not item.has_default else json.dumps(item.default, ensure_ascii=False)
        if shown and item.default not in ({}, []) and (pointer or item.default != zero(schema, item.shape)):
            doc += f" Optional; {absent} stands for the default, {shown}."
        elif pointer or not item.has_default:
            doc += f" Optional; {absent} leaves it out."
    option = "" if item.required else ",omitzero"
    return f'{_doc(doc, _TAB)}\t{exported(item.name)} {"*" if pointer else ""}{kind} `json:"{item.name}{option}"`'


def _reader_of(schema: Schema, named: ObjectType, tag_field: str | None) -> str:
    required = [item.name for item in named.fields if item.required]
    cases = []
    for item in named.fields:
        expression = reader(schema, item.shape)
        if needs_pointer(schema, item):
            expression = f"strict.Pointer({expression})"
        rows = f"\t\tcase {_quote(item.name)}:\n\t\t\tv.{exported(item.name)} = {expression}\n"
        if item.required:
            rows += f"\t\t\tseen |= 1 << {required.index(item.name)}\n"
        cases.append(rows)
    if named.tag is not None:
        cases.append(f"\t\tcase {_quote(tag_field or 'kind')}:\n\t\t\td.Enum({_quote(named.tag)})\n")
    refuse = "\t\t\td.Unknown()\n" if named.side == "input" else "\t\t\td.Skip()\n"
    if cases:
        switch = f"\t\tswitch string(m.Name()) {{\n{''.join(cases)}\t\tdefault:\n{refuse}\t\t}}\n"
    else:
        switch = refuse.replace("\t\t\t", "\t\t")
    seen = "\tvar seen uint64\n" if required else ""
    check = f"\td.Require(seen, {', '.join(map(_quote, required))})\n" if required else ""
    return (
        f"func read{named.name}(d *strict.Decoder) (v {named.name}) {{\n{seen}"
        f"\tfor m := d.Object(); m.Next(); {{\n{switch}\t}}\n{check}\treturn v\n}}"
    )


def _decode_test(schema: Schema) -> str:
    """A function for tests that decodes into a type that is known by its name only."""
    cases = []
    for name, named in sorted(schema.types.items()):
        call = f"Decode{name}(data)" if isinstance(named, UnionType) else f"decodeInto[{name}](data)"
        cases.append(f"\tcase {_quote(name)}:\n\t\treturn {call}\n")
    parts = [
        MARK,
        'package protocol\n\nimport (\n\t"encoding/json"\n\t"errors"\n)',
        'var errNoSuchType = errors.New("there is no such type")',
        "func decodeInto[T any, P interface {\n\t*T\n\tjson.Unmarshaler\n}](data []byte) (any, error) {\n"
        "\tvalue := new(T)\n\terr := P(value).UnmarshalJSON(data)\n\treturn value, err\n}",
        "func decodeAs(name string, data []byte) (any, error) {\n\tswitch name {\n"
        + "".join(cases)
        + "\t}\n\treturn nil, errNoSuchType\n}",
    ]
    return "\n\n".join(parts) + "\n"


# -- errors --


def _table(schema: Schema) -> list[tuple[int, str, str]]:
    rows = [(code, name, summary) for code, name, summary, _ in STANDARD]
    return rows + [(error.code, error.name, error.summary) for error in _by_code(schema)]


def _by_code(schema: Schema) -> list[ErrorType]:
    return sorted(schema.errors.values(), key=lambda error: error.code)


def _errors(schema: Schema) -> str:
    template = (TEMPLATES / "errors_base.go.txt").read_text(encoding="utf-8").rstrip("\n")
    values = []
    for code, name, summary, details in STANDARD:
        values.append(_error(code, name, summary, "", False, details))
    for error in _by_code(schema):
        values.append(_error(error.code, error.name, error.summary, error.hint, error.retryable, error.data))
    listing = "".join(f"\tErr{exported(name)},\n" for _, name, _ in _table(schema))
    table = _doc("Errors lists the error table by ascending code within each domain.") + (
        f"var Errors = []*ErrorKind{{\n{listing}}}"
    )
    return "\n\n".join([MARK, template, *values, table]) + "\n"


def _error(code: int, name: str, summary: str, hint: str, retryable: bool, details: str | None) -> str:
    go = exported(name)
    parts = [f"Code: {code}", f"Name: {_quote(name)}"]
    if hint:
        parts.append(f"Hint: {_quote(hint)}")
    if retryable:
        parts.append("Retryable: true")
    if details:
        parts.append(f"details: detailsOf[{details}]")
    typed = f" Its details are a *{details}." if details else ""
    return _doc(f"Err{go}: {_lower(summary)}{typed}") + f"var Err{go} = &ErrorKind{{{', '.join(parts)}}}"


# -- methods --


def _methods(schema: Schema) -> str:
    template = (TEMPLATES / "methods_base.go.txt").read_text(encoding="utf-8").rstrip("\n")
    methods = [schema.methods[name] for name in sorted(schema.methods)]
    scopes = "".join(f"\t{_quote(scope)},\n" for scope in schema.scopes)
    table = "".join(f"\t{_method(schema, method)},\n" for method in methods)
    parts = [
        MARK,
        template,
        _doc("Level is the version of the schema.") + f"const Level = {schema.level}",
        _doc("Scopes lists every scope that some method needs, sorted.") + f"var Scopes = []string{{\n{scopes}}}",
        f"var all = []*Method{{\n{table}}}",
    ]
    return "\n\n".join(parts) + "\n"


def _method(schema: Schema, method: Method) -> str:
    parts = [
        f"Name: {_quote(method.name)}",
        f"Kind: {_quote(method.kind)}",
        f"Direction: {_quote(method.direction)}",
        f"Summary: {_quote(method.summary)}",
        f"NewParams: func() any {{ return new({method.params}) }}",
    ]
    if method.result is not None:
        parts.append(f"NewResult: func() any {{ return new({method.result}) }}")
    if method.errors:
        parts.append(f"Errors: []string{{{', '.join(map(_quote, method.errors))}}}")
    for label, text in (("Scope", method.scope), ("Target", method.target), ("Capability", method.capability)):
        if text is not None:
            parts.append(f"{label}: {_quote(text)}")
    for label, flag in (("Idempotent", method.idempotent), ("Keyed", method.keyed), ("Progress", method.progress)):
        if flag:
            parts.append(f"{label}: true")
    parts.append(f"Cancel: {_quote(method.cancel)}")
    if method.timeout_ms is not None:
        parts.append(f"Timeout: {method.timeout_ms} * time.Millisecond")
    else:
        for item in schema.object(method.params).fields:
            if item.name == "timeout_ms" and item.default:
                parts.append(f"DefaultTimeout: {item.default} * time.Millisecond")
    parts += [f"Since: {method.since}", f"Stability: {_quote(method.stability)}"]
    if method.deprecated is not None:
        gone = method.deprecated
        parts.append(
            f"Deprecated: &Deprecation{{Since: {gone.since}, Message: {_quote(gone.message)}, "
            f"Use: {_quote(gone.use or '')}, RemoveAfter: {gone.remove_after or 0}}}"
        )
    if method.stream is not None:
        parts.append(f"Stream: &StreamSpec{{{_stream(method.stream)}}}")
    return "{" + ", ".join(parts) + "}"


def _stream(stream: Stream) -> str:
    parts = []
    for label, text in (("Down", stream.down), ("Up", stream.up)):
        if text is not None:
            parts.append(f"{label}: {_quote(text)}")
    if stream.channels:
        parts.append(f"Channels: []string{{{', '.join(map(_quote, stream.channels))}}}")
    parts.append(f"Resume: {_quote(stream.resume)}")
    if stream.lossy:
        parts.append("Lossy: true")
    parts.append(f"Window: {stream.window}")
    return ", ".join(parts)
