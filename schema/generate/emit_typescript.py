"""TypeScript: interfaces, the error table and the method table of ``sdk-typescript/src/protocol``.

The types cost nothing at run time. What a daemon sends is checked against a short notation of its shape: members that
are missing or of another type are found, ranges and patterns are not looked at. The vectors are checked against the
whole table of shapes, which only tests import.
"""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from generate.model import (
    AliasType,
    Array,
    EnumType,
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
    UnionType,
)

MARK = "// Generated from schema/nexus; do not edit."
WIDTH = 118

STANDARD = (
    (-32700, "parse_error", None, "Send exactly one JSON-RPC 2.0 object per text frame, in UTF-8."),
    (
        -32600,
        "invalid_request",
        None,
        "Send one object with jsonrpc, method and, for a call, id; batches are not supported.",
    ),
    (-32601, "method_not_found", None, "rpc.discover lists the methods of this server."),
    (-32602, "invalid_params", "InvalidParamsDetails", ""),
    (-32603, "internal_error", "InternalErrorDetails", "Look for the incident in the daemon's log."),
)
"""The errors of JSON-RPC itself: code, name, type of details, hint."""

STANDARD_DETAILS = """
/** What is wrong with the params. */
export interface InvalidParamsDetails {
  /** The offending place, from `$` for the params as a whole: `$.argv[0]`. */
  path: string;
  /** What is wrong there. */
  reason: string;
}

/** Where to look. */
export interface InternalErrorDetails {
  /** Id of the log record that holds the cause, which is not sent. */
  incident?: string;
}
"""


INDEX = f"""{MARK}

/**
 * The protocol as types and tables.
 *
 * @module
 */

export type * from "./types.js";
export {{ ERRORS, type ErrorDetails, type ErrorName, type ErrorRow }} from "./errors.js";
export type {{ InternalErrorDetails, InvalidParamsDetails }} from "./errors.js";
export {{ LEVEL, METHODS, type CallMethods, type CallName, type MethodSpec }} from "./methods.js";
export type {{ StreamMethods, StreamName }} from "./methods.js";
"""


def emit(schema: Schema) -> dict[str, str]:
    """Files of the folder ``protocol`` by name."""
    return {
        "types.ts": _types(schema),
        "errors.ts": _errors(schema),
        "methods.ts": _methods(schema),
        "shapes.ts": _wire_shapes(schema),
        "index.ts": INDEX,
    }


def emit_shapes(schema: Schema) -> dict[str, str]:
    """The shapes of all types as data, for tests."""
    rows = [f"  {_quoted(name)}: {json.dumps(_shape_of(named))}," for name, named in sorted(schema.types.items())]
    head = [
        MARK,
        "",
        'import type { Shape } from "../support/check.js";',
        "",
        "/** Every type of the schema as data. */",
    ]
    return {"shapes.ts": "\n".join([*head, "export const SHAPES: Record<string, Shape> = {", *rows, "};", ""])}


def annotation(shape: Shape) -> str:
    """The type expression of a shape."""
    match shape:
        case Ref(name):
            return name
        case Free():
            return "unknown"
        case Nullable(inner):
            return f"{annotation(inner)} | null"
        case Array(items):
            item = annotation(items)
            return f"({item})[]" if " " in item else f"{item}[]"
        case Map(values):
            return f"Record<string, {annotation(values)}>"
        case Scalar(type=kind):
            return "number" if kind == "integer" else kind


def comment(text: str, indent: str = "") -> str:
    """A documentation comment, wrapped to the line length."""
    text = text.strip().replace("*/", "*\\/")
    single = f"{indent}/** {text} */"
    if "\n" not in text and len(single) <= WIDTH:
        return single
    lines = []
    for number, paragraph in enumerate(text.split("\n\n")):
        lines += [f"{indent} *"] if number else []
        pieces = paragraph.splitlines() if paragraph.lstrip().startswith(("- ", "* ")) else [paragraph]
        for piece in pieces:
            hanging = f"{indent} *   " if piece.startswith(("- ", "* ")) else f"{indent} * "
            lines += textwrap.wrap(
                piece,
                WIDTH,
                initial_indent=f"{indent} * ",
                subsequent_indent=hanging,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join([f"{indent}/**", *lines, f"{indent} */"])


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) else json.dumps(text)


def _file(doc: str, *blocks: str) -> str:
    return "\n\n".join([f"{MARK}\n\n{comment(doc)}", *(block.strip("\n") for block in blocks)]) + "\n"


def _types(schema: Schema) -> str:
    doc = (
        "The values that cross the wire, one interface per object type of the schema.\n\n"
        "An optional member is absent when it is not given; `null` appears only where it means something. Moments are "
        "RFC 3339 texts, integers stay within 2^53 - 1, bytes are base64. Members that are not known here may be "
        "present in what the daemon sends.\n\n@module"
    )
    return _file(doc, *(_declaration(schema, named) for named in schema.types.values()))


def _declaration(schema: Schema, named: NamedType) -> str:
    match named:
        case EnumType():
            return _enum(named)
        case AliasType():
            return f"{comment(named.description)}\nexport type {named.name} = {annotation(named.shape)};"
        case UnionType():
            return f"{comment(named.description)}\nexport type {named.name} = {' | '.join(named.variants)};"
        case ObjectType():
            return _interface(named, schema.tag_fields().get(named.name))


def _enum(named: EnumType) -> str:
    listed = "\n".join(f"- `{value}`: {meaning}" for value, meaning in named.values.items())
    closing = "Later daemons may send others." if named.open else ""
    doc = comment("\n\n".join(part for part in (named.description, listed, closing) if part))
    members = [json.dumps(value) for value in named.values] + (["(string & {})"] if named.open else [])
    inline = f"export type {named.name} = {' | '.join(members)};"
    if len(inline) <= WIDTH:
        return f"{doc}\n{inline}"
    return f"{doc}\nexport type {named.name} =\n" + "\n".join(f"  | {member}" for member in members) + ";"


def _interface(named: ObjectType, tag_field: str | None) -> str:
    lines = []
    if named.tag is not None:
        lines += ["  /** Tells the variants apart. */", f"  {tag_field or 'kind'}: {json.dumps(named.tag)};"]
    for item in named.fields:
        mark = "" if item.required else "?"
        lines += [comment(_description(item), "  "), f"  {_quoted(item.name)}{mark}: {annotation(item.shape)};"]
    doc = comment(named.description)
    if not lines:
        values = "never" if named.side == "input" else "unknown"
        return f"{doc}\nexport type {named.name} = Record<string, {values}>;"
    return "\n".join([doc, f"export interface {named.name} {{", *lines, "}"])


def _description(item: Field) -> str:
    if not item.has_default or item.default in ([], {}, ""):
        return item.description
    return f"{item.description}\n\n@defaultValue `{json.dumps(item.default)}`"


def _errors(schema: Schema) -> str:
    rows = [(code, name, data, hint, False) for code, name, data, hint in STANDARD]
    rows += [
        (error.code, error.name, error.data, error.hint, error.retryable)
        for error in sorted(schema.errors.values(), key=lambda error: error.code)
    ]
    summaries = {error.name: error.summary for error in schema.errors.values()}
    used = sorted({data for _, _, data, _, _ in rows if data is not None and data in schema.types})
    details = [
        f"{comment(summaries[name], '  ') + chr(10) if name in summaries else ''}  {name}: {data or 'undefined'};"
        for _, name, data, _, _ in rows
    ]
    table = [
        f"  [{code}, {json.dumps(name)}, {json.dumps(retryable)}, {json.dumps(hint, ensure_ascii=False)}],"
        for code, name, _, hint, retryable in rows
    ]
    return _file(
        "The errors that a daemon answers with.\n\n@module",
        "import type {\n" + "".join(f"  {name},\n" for name in used) + '} from "./types.js";',
        STANDARD_DETAILS,
        comment("Name of each error, and the type of its details; `undefined` where it has none.")
        + "\nexport interface ErrorDetails {\n"
        + "\n".join(details)
        + "\n}",
        comment("Name of an error of the schema.") + "\nexport type ErrorName = keyof ErrorDetails;",
        comment("One row of the error table.")
        + """
export interface ErrorRow {
  /** Number on the wire. Never reused for another meaning. */
  readonly number: number;
  /** Stable name. */
  readonly name: ErrorName;
  /** Whether the same call may succeed later without anything else being changed. */
  readonly retryable: boolean;
  /** What to try next, for a person; may be empty. */
  readonly hint: string;
}""",
        "const ROWS: readonly (readonly [number, ErrorName, boolean, string])[] = [\n" + "\n".join(table) + "\n];",
        comment("Every error by its number.")
        + "\nexport const ERRORS: ReadonlyMap<number, ErrorRow> = new Map(\n"
        + "  ROWS.map(([number, name, retryable, hint]) => [number, { number, name, retryable, hint }]),\n);",
    )


def _methods(schema: Schema) -> str:
    methods = [schema.methods[name] for name in sorted(schema.methods)]
    calls = [method for method in methods if method.kind == "call"]
    streams = [method for method in methods if method.kind == "stream"]
    names = {method.params for method in calls} | {method.result for method in calls}
    for method in streams:
        assert method.stream is not None
        names |= {method.params, method.result, method.stream.open, method.stream.event}
    return _file(
        "The method table: what a client knows of each method.\n\n@module",
        "import type {\n" + "".join(f"  {name},\n" for name in sorted(filter(None, names))) + '} from "./types.js";',
        comment("The version of the schema.") + f"\nexport const LEVEL = {schema.level};",
        comment("Params and result of every call.")
        + "\nexport interface CallMethods {\n"
        + "\n".join(_row(method) for method in calls)
        + "\n}",
        comment("Params, result, `info` of `stream.open` and events of every stream.")
        + "\nexport interface StreamMethods {\n"
        + "\n".join(_row(method) for method in streams)
        + "\n}",
        comment("Name of a call.") + "\nexport type CallName = keyof CallMethods;",
        comment("Name of a stream.") + "\nexport type StreamName = keyof StreamMethods;",
        comment("What a client needs to know of a method to send it.")
        + """
export interface MethodSpec {
  /** `call` is answered, `stream` is answered when the stream ends. */
  readonly kind: "call" | "stream";
  /** First level that has it. */
  readonly since: number;
  /** Whether calling twice is the same as calling once, so that a client may retry by itself. */
  readonly idempotent: boolean;
  /** Whether the params take a `key` that makes a retry safe. */
  readonly keyed: boolean;
  /** Whether the params take `progress`, which asks for `$/progress`. */
  readonly progress: boolean;
  /** Deadline of the call, in milliseconds; null when it has none of its own. */
  readonly timeoutMs: number | null;
}""",
        "const spec = (\n"
        '  kind: MethodSpec["kind"],\n'
        "  since: number,\n"
        "  flags: string,\n"
        "  timeoutMs: number | null,\n"
        "): MethodSpec => ({\n"
        "  kind,\n"
        "  since,\n"
        '  idempotent: flags.includes("i"),\n'
        '  keyed: flags.includes("k"),\n'
        '  progress: flags.includes("p"),\n'
        "  timeoutMs,\n"
        "});",
        comment("Every call and stream by its name.")
        + "\nexport const METHODS: ReadonlyMap<string, MethodSpec> = new Map([\n"
        + "\n".join(_spec(method) for method in methods if method.kind != "notify")
        + "\n]);",
    )


def _wire_shapes(schema: Schema) -> str:
    """What a daemon sends, as texts; ``src/wire/shape.ts`` reads them."""
    results: list[str] = []
    rows: list[str] = []
    wanted: set[str] = {"SessionReady", "SessionClosingParams"}
    for method in (schema.methods[name] for name in sorted(schema.methods)):
        if method.kind == "notify" or method.direction != "client":
            continue
        stream = method.stream
        names = [method.result or "", stream.open or "" if stream else "", stream.event or "" if stream else ""]
        wanted |= {name for name in names if name}
        while names[-1] == "":
            names.pop()
        results.append(f'  ["{method.name}", "{" ".join(names)}"],')
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        notation = _notation(schema, schema.types[name])
        rows.append(f"  {name}: {json.dumps(notation)},")
        wanted |= set(re.findall(r"[@|]([A-Z]\w*)", notation)) - seen
    return _file(
        "What a daemon sends, in a short notation that `wire/shape.ts` explains.\n\n@module",
        comment("Every type that a daemon sends.")
        + "\nexport const SHAPES: Readonly<Record<string, string>> = {\n"
        + "\n".join(sorted(rows))
        + "\n};",
        comment("Types of the result, of `info` of `stream.open` and of the events of every method.")
        + "\nexport const RESULTS: ReadonlyMap<string, string> = new Map([\n"
        + "\n".join(results)
        + "\n]);",
    )


def _notation(schema: Schema, named: NamedType) -> str:
    match named:
        case EnumType():
            return "s" if named.open else "=" + ",".join(named.values)
        case AliasType():
            return _short(named.shape)
        case UnionType():
            return "".join(f"|{variant}" for variant in named.variants)
        case ObjectType():
            tag = [] if named.tag is None else [f"{schema.tag_fields().get(named.name, 'kind')} ={named.tag}"]
            fields = [f"{item.name}{'' if item.required else '?'} {_short(item.shape)}" for item in named.fields]
            return "(" + ";".join([*tag, *fields]) + ")"


def _short(shape: Shape) -> str:
    match shape:
        case Ref(name):
            return f"@{name}"
        case Free():
            return "*"
        case Nullable(inner):
            return f"~{_short(inner)}"
        case Array(items):
            return f"[{_short(items)}"
        case Map(values):
            return f"{{{_short(values)}"
        case Scalar(type="string", format="date-time"):
            return "t"
        case Scalar(type="integer", minimum=0):
            return "u"
        case Scalar(type=kind):
            return kind[0]


def _row(method: Method) -> str:
    parts = [f"params: {method.params}", f"result: {method.result}"]
    if method.stream is not None:
        parts.append(f"open: {method.stream.open or 'undefined'}")
        parts.append(f"event: {method.stream.event or 'never'}")
    return f"{comment(method.summary, '  ')}\n  {json.dumps(method.name)}: {{ {'; '.join(parts)} }};"


def _spec(method: Method) -> str:
    flags = "".join(
        letter for letter, on in (("i", method.idempotent), ("k", method.keyed), ("p", method.progress)) if on
    )
    limit = "null" if method.timeout_ms is None else str(method.timeout_ms)
    return f'  ["{method.name}", spec("{method.kind}", {method.since}, "{flags}", {limit})],'


def _shape_of(named: NamedType) -> dict[str, Any]:
    match named:
        case EnumType():
            return {"enum": list(named.values), "open": named.open}
        case AliasType():
            return _data(named.shape)
        case UnionType():
            return {"union": list(named.variants), "tag": named.tag_field}
        case ObjectType():
            fields = {item.name: [item.required, _data(item.shape)] for item in named.fields}
            found: dict[str, Any] = {"fields": fields, "strict": named.side == "input"}
            return found if named.tag is None else {**found, "variant": named.tag}


def _data(shape: Shape) -> dict[str, Any]:
    match shape:
        case Ref(name):
            return {"ref": name}
        case Free():
            return {"free": True}
        case Nullable(inner):
            return {"nullable": _data(inner)}
        case Array(items, low, high):
            return _given(array=_data(items), min=low, max=high)
        case Map(values, low, high):
            return _given(map=_data(values), min=low, max=high)
        case Scalar():
            return _given(
                scalar=shape.type,
                format=shape.format if shape.format in ("date-time", "base64") else None,
                min=shape.minimum,
                max=shape.maximum,
                minLength=shape.min_length,
                maxLength=shape.max_length,
                pattern=shape.pattern,
            )


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
