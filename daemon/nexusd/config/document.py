"""One configuration file: YAML in, values with their lines out, everything wrong with it named.

Taken from YAML: mappings, lists and scalars, in one document of at most 256 KiB. Refused: keys that stand twice (the
last would win in silence), anchors and aliases (they can make a small file expand without bound), tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from nexus_sdk.protocol.types import ConfigProblem

from nexusd.config.keys import KEYS, SECTIONS, Key, check, suggest

if TYPE_CHECKING:
    import yaml

LIMIT = 256 * 1024
"""Largest file, in bytes."""

EVENTS = 10_000
"""Most keys, values and brackets in a file: what takes longer to read than anybody's configuration is not one."""

PROBLEMS = 100
"""How many problems of one file are told; with more, it was never meant for us."""

DEPTH = 16
"""Deepest nesting; the model needs four."""


LONGEST_KEY = 64
"""Characters of a key that can be ours or a slip of the pen."""


class Setting(msgspec.Struct, frozen=True):
    """A value that a file gives to a key, and the line where it stands."""

    value: Any
    line: int


class Document:
    """What one file says.

    Attributes:
        settings: the values that are right, by key.
        problems: what is wrong with the others.
    """

    def __init__(self, source: str, layer: str) -> None:
        self.settings: dict[str, Setting] = {}
        self.problems: list[ConfigProblem] = []
        self._source = source
        self._layer = layer

    def problem(self, key: str, message: str, line: int = 0, suggestion: str | None = None) -> None:
        """Note that something is wrong. Line 0 means the file as a whole."""
        self.problems.append(
            ConfigProblem(
                source=self._source,
                key=key,
                line=line or msgspec.UNSET,
                message=message,
                suggestion=suggestion if suggestion is not None else msgspec.UNSET,
            )
        )

    def read(self, content: bytes | str) -> None:
        """Read the whole of a file's content."""
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        if len(raw) > LIMIT:
            self.problem("", f"the file is larger than {LIMIT // 1024} KiB", suggestion="a smaller file")
            return
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            self.problem("", "the file is not UTF-8", line, "save it as UTF-8")
            return
        import yaml  # loading it takes 20 ms, and most homes have no file

        parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may be built without the one in C
        try:
            if self._refused(text, parser, yaml):
                return
            loader = parser(text)
            try:
                root = loader.get_single_node()
            finally:
                loader.dispose()
            if root is not None and not _is_null(root):
                self._section(root, "", yaml)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            what = getattr(error, "problem", None) or "a character that YAML does not allow"
            self.problem("", f"not YAML: {what}", mark.line + 1 if mark else 0)

    def _refused(self, text: str, parser: Any, yaml: Any) -> bool:
        """Look through the events first: they come one at a time, whatever the file would expand to."""
        depth = documents = 0
        for number, event in enumerate(yaml.parse(text, Loader=parser)):
            line = event.start_mark.line + 1 if event.start_mark else 0
            if number > EVENTS:
                self.problem("", "the file holds too many values", line, f"at most {EVENTS} keys and values")
                return True
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                self.problem("", "anchors (&) and aliases (*) are not used here", line, "write the value out")
                return True
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.problem("", "the file holds more than one document", line, "remove the line ---")
                    return True
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEPTH:
                    self.problem("", f"nested deeper than {DEPTH} levels", line)
                    return True
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        return False

    def _section(self, node: yaml.Node, prefix: str, yaml: Any) -> None:
        line = node.start_mark.line + 1
        name = prefix.rstrip(".")
        if not isinstance(node, yaml.MappingNode):
            if not _is_null(node):
                self.problem(name, "keys are expected here, below each other", line, 'such as "daemon:"')
            return
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problem(name, "a key must be a word", key_line)
                continue
            word = key_node.value
            full = prefix + word
            if len(self.problems) >= PROBLEMS:
                return
            if len(word) > LONGEST_KEY:
                self.problem(prefix + word[:20] + "…", "there is no such key", key_line)
                continue
            if word in seen:
                self.problem(full, f"stands here and in line {seen[word]}", key_line, "remove one of the two")
                continue
            seen[word] = key_line
            if "." in word and full in KEYS:
                self.problem(full, "keys are nested, not written with dots", key_line, _nested(full))
            elif full in SECTIONS:
                self._section(value_node, f"{full}.", yaml)
            elif full in KEYS:
                self._key(KEYS[full], value_node, key_line, yaml)
            else:
                self.problem(full, "there is no such key", key_line, suggest(full, [*KEYS, *SECTIONS]))

    def _key(self, key: Key, node: yaml.Node, line: int, yaml: Any) -> None:
        if self._layer == "project" and not key.project:
            self.problem(
                key.name,
                "a repository may not set this key",
                line,
                "set it in the configuration of the user or the node",
            )
            return
        try:
            value = self._plain(key, node, yaml)
            self.settings[key.name] = Setting(check(key, value), line)
        except ValueError as error:
            self.problem(key.name, str(error), line, key.accepts())
        except yaml.constructor.ConstructorError as error:
            self.problem(key.name, f"not a plain value: {error.problem}", line, key.accepts())

    def _plain(self, key: Key, node: yaml.Node, yaml: Any) -> object:
        """The node as Python values. The values of a map are the text that stands there: ``PORT: 8080`` is a text."""
        if key.kind == "map" and isinstance(node, yaml.MappingNode):
            pairs: dict[object, object] = {}
            for name, item in node.value:
                if not isinstance(name, yaml.ScalarNode) or not isinstance(item, yaml.ScalarNode):
                    raise ValueError("found something nested in place of a text")
                if name.value in pairs:
                    raise ValueError(f"{name.value} stands twice")
                if _is_null(item):
                    raise ValueError(f'{name.value} has no value; write "" for an empty one')
                pairs[name.value] = item.value
            return pairs
        return yaml.constructor.SafeConstructor().construct_document(node)


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _nested(full: str) -> str:
    words = full.split(".")
    return ": { ".join(words) + ": …" + " }" * (len(words) - 1)
