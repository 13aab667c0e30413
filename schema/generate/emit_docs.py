"""The reference: one page per domain, the error table and an index, in Markdown."""

from __future__ import annotations

import json
from typing import Any

from generate.emit_python import class_name
from generate.model import (
    MAX_INTEGER,
    AliasType,
    Array,
    Domain,
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
    UnionType,
)
from generate.samples import object_sample, type_sample

MARK = "<!-- Generated from schema/nexus; do not edit. -->"

CANCEL = {
    "abort": "gives the work up; what was done by then stays done.",
    "detach": "lets go of this attachment; the thing itself goes on.",
    "none": "has no effect.",
}
RESUME = {
    "offset": "by byte offset: nothing is lost or repeated",
    "cursor": "by cursor: pass the last one that was received",
    "none": "not at all: open it anew",
}
STANDARD_ERRORS = (
    (-32700, "parse_error", "ParseError", "The message is not JSON in UTF-8."),
    (-32600, "invalid_request", "InvalidRequest", "The message is JSON, but not a JSON-RPC 2.0 request."),
    (-32601, "method_not_found", "MethodNotFound", "There is no such method."),
    (-32602, "invalid_params", "InvalidParams", "A param is missing, unknown, of a wrong type or out of bounds."),
    (-32603, "internal_error", "InternalError", "The server failed; the cause is in its log."),
)


def emit(schema: Schema) -> dict[str, str]:
    """Pages by file name."""
    pages = {f"{domain.name}.md": _page(schema, domain) for domain in schema.domains}
    pages["errors.md"] = _errors_page(schema)
    pages["index.md"] = _index(schema)
    return pages


def _index(schema: Schema) -> str:
    lines = [MARK, "", "# Reference", "", f"Level {schema.level} of the schema: {_counts(schema)}.", ""]
    lines += [
        "Params are passed by name and unknown ones are refused. Results may carry fields that this page does not",
        "know; clients ignore them. A field that is not required is absent when it is not given; `null` appears only",
        "where a type says so. Integers stay within ±(2^53 − 1), moments are RFC 3339 with a time zone.",
        "",
        "Beside the errors that a method lists, every call may answer those of JSON-RPC itself and those that concern",
        "the connection and not the method: no identity, no permission, cancelled, too late, too many, shutting down.",
        "",
    ]
    for domain in schema.domains:
        methods = [method for method in schema.methods.values() if method.domain == domain.name]
        lines += [f"## [{domain.name}]({domain.name}.md)", "", domain.summary, ""]
        if methods:
            lines += ["| method | | scope |", "|---|---|---|"]
            lines += [
                f"| [`{method.name}`]({domain.name}.md#{anchor(method.name)}) | {_cell(method.summary)} | "
                f"{_code(method.scope)} |"
                for method in methods
            ]
            lines.append("")
    lines += ["## [Errors](errors.md)", "", "Every error by its number.", ""]
    lines += ["## Scopes", "", "| scope | methods |", "|---|---|"]
    for scope in schema.scopes:
        names = [method for method in schema.methods.values() if method.scope == scope]
        linked = ", ".join(f"[`{method.name}`]({method.domain}.md#{anchor(method.name)})" for method in names)
        lines.append(f"| `{scope}` | {linked} |")
    return "\n".join(lines) + "\n"


def _counts(schema: Schema) -> str:
    return f"{len(schema.methods)} methods, {len(schema.types)} types, {len(schema.errors)} errors"


def _errors_page(schema: Schema) -> str:
    lines = [
        MARK,
        "",
        "# Errors",
        "",
        "An error object is `{code, message, data: {name, hint, retryable, details}}`. Numbers and names are never",
        "reused for another meaning. `retryable` means that the same call may succeed later without anything else",
        "being changed. `details` is there for errors that have a type of details.",
        "",
        "| code | name | | retryable | details | Python |",
        "|---|---|---|---|---|---|",
    ]
    for code, name, cls, summary in STANDARD_ERRORS:
        details = "`path`, `reason`" if name == "invalid_params" else "`incident`" if name == "internal_error" else ""
        lines.append(f"| {code} | `{name}` | {summary} | no | {details} | `{cls}` |")
    for error in sorted(schema.errors.values(), key=lambda error: error.code):
        lines.append(
            f'| <a id="{error.name}"></a>{error.code} | `{error.name}` | {_cell(_sentence(error))} | '
            f"{'yes' if error.retryable else 'no'} | {_details(schema, error)} | `{class_name(error.name)}` |"
        )
    return "\n".join(lines) + "\n"


def _sentence(error: ErrorType) -> str:
    return f"{error.summary} {error.hint}".strip()


def _details(schema: Schema, error: ErrorType) -> str:
    return "" if error.data is None else _link(schema, error.data, "")


def _page(schema: Schema, domain: Domain) -> str:
    methods = [method for method in schema.methods.values() if method.domain == domain.name]
    types = [named for named in schema.types.values() if named.domain == domain.name]
    errors = [error for error in schema.errors.values() if error.domain == domain.name]
    shown = {name for method in methods for name in (method.params, method.result) if name is not None}
    rest = [named for named in types if named.name not in shown]
    lines = [MARK, "", f"# {domain.name}", "", domain.summary, ""]
    if domain.description:
        lines += [domain.description, ""]
    described: set[str] = set()
    for method in methods:
        lines += _method(schema, method, described)
    if rest:
        lines += ["## Types", ""]
        for named in rest:
            lines += _named(schema, named)
    if errors:
        lines += ["## Errors of this domain", "", "| code | name | |", "|---|---|---|"]
        lines += [f"| {error.code} | {_error_link(error.name)} | {_cell(_sentence(error))} |" for error in errors]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _method(schema: Schema, method: Method, described: set[str]) -> list[str]:
    lines = [f"## {method.name}", "", method.summary, ""]
    if method.description:
        lines += [method.description, ""]
    if method.deprecated is not None:
        use = f" Use `{method.deprecated.use}`." if method.deprecated.use else ""
        lines += [f"**Deprecated since level {method.deprecated.since}.** {method.deprecated.message}{use}", ""]
    if method.stability == "experimental":
        lines += ["**Experimental:** may change within a level.", ""]
    lines += [*_facts(method), ""]
    if method.stream is not None:
        lines += [*_stream(schema, method), ""]
    for role, name in (("Params", method.params), ("Result", method.result)):
        if name is not None:
            lines += [*_role(schema, method, role, name, described), ""]
    if method.errors:
        lines += [f"**Errors:** {', '.join(_error_link(name) for name in method.errors)}.", ""]
    lines += _example(schema, method)
    return lines


def _role(schema: Schema, method: Method, role: str, name: str, described: set[str]) -> list[str]:
    """The table of a type of params or result, once a page; a link where it already stands."""
    named = schema.object(name)
    if not named.fields:
        return [f"**{role}:** none."]
    if named.domain != method.domain or name in described:
        return [f"**{role}:** {_link(schema, name, method.domain)}."]
    described.add(name)
    return [f'<a id="type-{name}"></a>**{role}** (`{name}`)', "", *_fields(schema, named)]


def _facts(method: Method) -> list[str]:
    sender = "the client" if method.direction == "client" else "the server"
    kinds = {"call": "a call", "notify": f"a notification sent by {sender}", "stream": "a stream"}
    facts = [f"- It is {kinds[method.kind]}, since level {method.since}."]
    if method.kind == "notify":
        return facts
    scope = "any identity may call it" if method.scope is None else f"scope `{method.scope}`"
    target = "" if method.target is None else f", checked against the workspace of `{method.target}`"
    if method.target == "node":
        target = ", and all workspaces, since it concerns the whole node"
    facts.append(f"- Permission: {scope}{target}.")
    if method.idempotent:
        facts.append("- Retry: calling twice is the same as calling once; clients retry by themselves.")
    elif method.keyed:
        facts.append("- Retry: safe with a `key`; without one the outcome of a lost call is unknown.")
    else:
        facts.append("- Retry: never by itself; the outcome of a lost call is unknown.")
    facts.append(f"- Cancelling {CANCEL[method.cancel]}")
    deadline = "none of its own" if method.timeout_ms is None else f"{method.timeout_ms} ms"
    facts.append(f"- Deadline: {deadline}.")
    if method.capability is not None:
        facts.append(f"- Needs a backend with the capability `{method.capability}`.")
    if method.progress:
        facts.append("- Sends `$/progress` when `progress` is true.")
    return facts


def _stream(schema: Schema, method: Method) -> list[str]:
    stream = method.stream
    assert stream is not None
    unit = "events" if stream.down == "events" else "bytes"
    rows = [
        ("down", "nothing" if stream.down is None else stream.down),
        ("up", "nothing" if stream.up is None else stream.up),
        ("channels", ", ".join(f"`{channel}`" for channel in stream.channels) or "none"),
        ("resumes", RESUME[stream.resume]),
        ("`stream.open` carries", "nothing" if stream.open is None else _link(schema, stream.open, method.domain)),
    ]
    if stream.event is not None:
        rows.append(("events", _link(schema, stream.event, method.domain)))
        rows.append(("loss", "coalesced, then one overflow event" if stream.lossy else "none"))
    rows.append(("initial window", f"{stream.window} {unit}"))
    return ["| stream | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _example(schema: Schema, method: Method) -> list[str]:
    message: dict[str, Any] = {"jsonrpc": "2.0"}
    if method.kind != "notify":
        message["id"] = 1
    full = method.direction == "server"
    message |= {"method": method.name, "params": object_sample(schema, schema.object(method.params), full=full)}
    lines = ["```json", json.dumps(message, indent=2, ensure_ascii=False), "```", ""]
    if method.stream is not None and method.stream.event is not None:
        event = type_sample(schema, method.stream.event, full=True)
        sent = {"jsonrpc": "2.0", "method": "stream.event", "params": {"stream": 1, "event": event}}
        lines += ["```json", json.dumps(sent, indent=2, ensure_ascii=False), "```", ""]
    if method.result is not None:
        result = object_sample(schema, schema.object(method.result), full=True)
        answer = {"jsonrpc": "2.0", "id": 1, "result": result}
        lines += ["```json", json.dumps(answer, indent=2, ensure_ascii=False), "```", ""]
    return lines


def _named(schema: Schema, named: NamedType) -> list[str]:
    # An anchor of its own: that of the heading may be the one of a method, port.list and PortList.
    lines = [f"### {named.name}", "", f'<a id="type-{named.name}"></a>{named.description}', ""]
    match named:
        case ObjectType():
            lines += [*_fields(schema, named), ""]
        case EnumType(values=values, open=is_open):
            lines += ["| value | |", "|---|---|"]
            lines += [f"| `{value}` | {_cell(meaning)} |" for value, meaning in values.items()]
            lines.append("")
            if is_open:
                lines += ["Later levels may add values; treat one that you do not know as such.", ""]
        case UnionType(variants=variants, tag_field=tag_field):
            lines += [f"| `{tag_field}` | |", "|---|---|"]
            for variant in variants:
                target = schema.object(variant)
                lines.append(
                    f"| `{target.tag}` | {_link(schema, variant, named.domain)}: {_cell(target.description)} |"
                )
            lines.append("")
        case AliasType(shape=shape):
            lines += [f"{shape_text(schema, shape, named.domain)}.", ""]
    return lines


def _fields(schema: Schema, named: ObjectType) -> list[str]:
    rows = []
    if named.tag is not None:
        rows.append(f'| `kind` | `"{named.tag}"` | required | Tells it apart from the other variants. |')
    rows += [_row(schema, named, item) for item in named.fields]
    if not rows:
        return ["No fields."]
    return ["| field | type | | |", "|---|---|---|---|", *rows]


def _row(schema: Schema, named: ObjectType, item: Field) -> str:
    if item.required:
        presence = "required"
    elif item.has_default:
        presence = f"default `{json.dumps(item.default, ensure_ascii=False)}`"
    else:
        presence = "optional"
    kind = _cell(shape_text(schema, item.shape, named.domain))
    return f"| `{item.name}` | {kind} | {presence} | {_cell(item.description)} |"


def shape_text(schema: Schema, shape: Shape, domain: str) -> str:
    """A shape in words, with links to named types."""
    match shape:
        case Ref(name):
            return _link(schema, name, domain)
        case Free():
            return "any JSON"
        case Nullable(inner):
            return f"{shape_text(schema, inner, domain)} or null"
        case Array(items, low, high):
            return f"array of {shape_text(schema, items, domain)}{_bounds(low, high, ' items')}"
        case Map(values, low, high):
            return f"map of names to {shape_text(schema, values, domain)}{_bounds(low, high, ' entries')}"
        case Scalar():
            return _scalar_text(shape)


def _scalar_text(shape: Scalar) -> str:
    names = {
        "date-time": "date-time",
        "base64": "base64 string",
        "octal-mode": "octal mode string",
        "path": "path",
        "duration-ms": "milliseconds",
    }
    text = names.get(shape.format or "", shape.type)
    if shape.type == "string":
        text += _bounds(shape.min_length, shape.max_length, " characters")
        if shape.pattern is not None and shape.format != "octal-mode":
            text += f", `{shape.pattern}`"
        return text
    low = None if shape.minimum is None or shape.minimum == -MAX_INTEGER else int(shape.minimum)
    high = None if shape.maximum is None or shape.maximum == MAX_INTEGER else int(shape.maximum)
    if shape.format == "duration-ms" and (low, high) == (0, None):
        return text
    return text + _bounds(low, high, "")


def _bounds(low: int | None, high: int | None, unit: str) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f", at least {low}{unit}"
    return f", at most {high}{unit}" if low is None else f", {low} to {high}{unit}"


def _link(schema: Schema, name: str, domain: str) -> str:
    home = schema.types[name].domain
    page = "" if home == domain else f"{home}.md"
    return f"[`{name}`]({page}#type-{name})"


def _error_link(name: str) -> str:
    return f"[`{name}`](errors.md#{name})"


def anchor(heading: str) -> str:
    """The anchor that Markdown renderers give a heading."""
    return "".join(letter for letter in heading.lower() if letter.isalnum() or letter in "_- ").replace(" ", "-")


def _code(text: str | None) -> str:
    return "" if text is None else f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
