"""The layers, merged: node, user, project, flags, environment; each value knows where it came from."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from typing import Any

import msgspec
from nexus_sdk.protocol.errors import ConfigInvalid
from nexus_sdk.protocol.types import ConfigEntry, ConfigLayer, ConfigProblem

from nexusd.config.document import LIMIT, Document
from nexusd.config.keys import KEYS, Key, build, did_you_mean, read, suggest
from nexusd.config.model import Config
from nexusd.config.resources import parse_resources
from nexusd.config.units import format_duration, format_size

NODE_CONFIG = "/etc/nexus/config.yaml"

SHORT = {"NEXUS_HOST": "daemon.host", "NEXUS_PORT": "daemon.port", "NEXUS_BACKEND": "defaults.backend"}
"""Variables with a name of their own. The long name of the same key wins."""

NOT_KEYS = frozenset(
    {
        "NEXUS_HOME",
        "NEXUS_URL",
        "NEXUS_TOKEN",
        "NEXUS_FAILPOINT",
        "NEXUS_MOCK",
        "NEXUS_NODE_CONFIG",
        # what a process in a workspace is told, and hands on to a daemon that is started there
        "NEXUS_WORKSPACE",
        "NEXUS_WORKSPACE_NAME",
        "NEXUS_PROCESS",
        "NEXUS_GENERATION",
    }
)
"""Variables that are ours and no configuration."""

_SECRET_NAMES = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "KEY", "AUTH")


class ConfigError(ConfigInvalid):
    """The configuration is wrong. The message lists every problem; `details` holds them typed."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        listed = "\n".join(f"  {render(problem)}" for problem in problems)
        super().__init__(f"the configuration has {count}:\n{listed}", problems=problems)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration in force.

    Attributes:
        config: the values. Where a layer is wrong, the layers below it decide.
        provenance: for every key where its value came from: ``default``, ``<file>:<line>``, ``--set`` or a variable;
            and for every entry of a map, as ``<key>.<entry>``.
        problems: everything that is wrong, in all layers.
    """

    config: Config
    provenance: dict[str, str]
    problems: list[ConfigProblem]

    def require(self) -> Config:
        """The configuration. Raises ConfigError where anything is wrong with it."""
        if self.problems:
            raise ConfigError(self.problems)
        return self.config

    def entries(self, prefix: str = "") -> list[ConfigEntry]:
        """Every value with its source, for a person; environment values that look like secrets are masked."""
        return [
            ConfigEntry(
                key=key.name,
                value=show(key, value_of(self.config, key.name)),
                source=self.provenance[key.name],
                description=key.description,
            )
            for key in KEYS.values()
            if key.name.startswith(prefix)
        ]


def load(
    home: str | os.PathLike[str],
    project: str | os.PathLike[str] | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Loaded:
    """Read and merge all layers. Never raises for what they say: problems are in the result. Blocks on files.

    Args:
        home: NEXUS_HOME.
        project: a repository, whose ``.nexus/config.yaml`` is the project's layer; None for no such layer.
        flags: values of flags by key; texts are read as in the environment.
        environ: the environment. ``NEXUS_NODE_CONFIG`` names another file than ``/etc/nexus/config.yaml``.
    """
    merge = _Merge()
    merge.file(environ.get("NEXUS_NODE_CONFIG") or NODE_CONFIG, "node")
    merge.file(os.path.join(os.path.abspath(home), "config.yaml"), "user")
    if project is not None:
        merge.file(os.path.join(os.path.abspath(project), ".nexus", "config.yaml"), "project")
    merge.flags(flags or {})
    merge.environment(environ)
    return merge.result()


def validate_text(text: str, layer: ConfigLayer = "user") -> list[ConfigProblem]:
    """What is wrong with the text of a file of one layer. An empty list: nothing."""
    merge = _Merge()
    merge.text(text, f"{layer} configuration", layer)
    return merge.result().problems


def parse_flags(pairs: list[str]) -> dict[str, str]:
    """``key=value`` texts as flags. Raises ConfigError for one without an equals sign."""
    flags: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError([ConfigProblem(source="--set", key=key, message="no value", suggestion=f"{key}=VALUE")])
        flags[key.strip()] = value
    return flags


def render(problem: ConfigProblem) -> str:
    """A problem in one line: ``file:line key: what is wrong (what would be right)``."""
    place = problem.source if problem.line is msgspec.UNSET else f"{problem.source}:{problem.line}"
    key = f" {problem.key}" if problem.key else ""
    right = "" if problem.suggestion is msgspec.UNSET else f" (try: {problem.suggestion})"
    return f"{place}{key}: {problem.message}{right}"


def describe() -> list[tuple[str, str, str, str]]:
    """Every key as (key, what it accepts, default, description): the reference page."""
    rows = []
    for key in KEYS.values():
        default = "the host's name" if key.name == "node.name" else show(key, key.default)
        text = default if isinstance(default, str) else msgspec.json.encode(default).decode()
        rows.append((key.name, key.accepts(), text, key.description))
    return rows


def value_of(config: Config, name: str) -> Any:
    """The value of a key, by its name with dots."""
    value: Any = config
    for word in name.split("."):
        value = getattr(value, word)
    return value


def show(key: Key, value: Any) -> Any:
    """A value as a person would write it, in JSON types; a map's values that look like secrets are ``***``."""
    if value is None:
        return None
    if key.kind == "duration":
        return format_duration(value)
    if key.kind == "size":
        return format_size(value)
    if key.kind == "list":
        return list(value)
    if key.kind == "map":
        return {name: "***" if _is_secret(name) else text for name, text in value.items()}
    return value


def _is_secret(name: str) -> bool:
    upper = name.upper()
    return any(word in upper for word in _SECRET_NAMES)


class _Merge:
    """The layers so far, from low to high."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._sources: dict[str, tuple[str, int]] = {}
        self._problems: list[ConfigProblem] = []

    def file(self, path: str, layer: ConfigLayer) -> None:
        """Add a file's layer; a file that is not there adds nothing."""
        document = Document(path, layer)
        try:
            content = _read_file(path, trusted=layer != "project")
        except FileNotFoundError:
            return
        except OSError as error:
            document.problem("", f"the file cannot be read: {error.strerror or error}")
        else:
            document.read(content)
        self._add(document, path)

    def text(self, text: str, source: str, layer: ConfigLayer) -> None:
        """Add a layer that is not in a file."""
        document = Document(source, layer)
        document.read(text)
        self._add(document, source)

    def flags(self, flags: Mapping[str, Any]) -> None:
        """Add the flags."""
        for name, value in flags.items():
            key = KEYS.get(name)
            if key is None:
                self._problem("--set", name, "there is no such key", suggest(name, list(KEYS)))
                continue
            self._text(key, value if isinstance(value, str) else msgspec.json.encode(value).decode(), "--set")

    def environment(self, environ: Mapping[str, str]) -> None:
        """Add the environment."""
        variables = {key.variable: key for key in KEYS.values()}
        ours = sorted(name for name in environ if name.startswith("NEXUS_"))
        for name in ours:
            if name in SHORT:
                self._text(KEYS[SHORT[name]], environ[name], name)
        for name in ours:
            if name in variables:
                self._text(variables[name], environ[name], name)
            elif name not in SHORT and name not in NOT_KEYS and not name.startswith("NEXUS_PORT_"):
                known = [*variables, *SHORT, *NOT_KEYS]
                self._problem(name, "", "there is no such variable", suggest(name, known))

    def result(self) -> Loaded:
        """What the layers say together."""
        provenance = dict.fromkeys(KEYS, "default")
        for name, (source, line) in self._sources.items():
            provenance[name] = f"{source}:{line}" if line else source
        config = build(self._values)
        self._together(config)
        return Loaded(config=config, provenance=provenance, problems=self._problems)

    def _add(self, document: Document, source: str) -> None:
        self._problems += document.problems
        for name, setting in document.settings.items():
            self._set(KEYS[name], setting.value, source, setting.line)

    def _text(self, key: Key, text: str, source: str) -> None:
        try:
            value = read(key, text)
        except ValueError as error:
            self._problem(source, key.name, str(error), key.accepts())
        else:
            self._set(key, value, source)

    def _set(self, key: Key, value: Any, source: str, line: int = 0) -> None:
        if key.kind == "map":
            for name in value:
                self._sources[f"{key.name}.{name}"] = (source, line)
            value = {**self._values.get(key.name, key.default), **value}
        self._values[key.name] = value
        self._sources[key.name] = (source, line)

    def _together(self, config: Config) -> None:
        """What is right alone and wrong together. The key that is named is one that a layer set."""
        start, end, each = config.ports.range.start, config.ports.range.end, config.ports.per_workspace
        if end < start:
            self._mismatch(
                ("ports.range.end", "ports.range.start"), f"the ports from {start} to {end} are none", "end above start"
            )
        elif end - start + 1 < each:
            self._mismatch(
                ("ports.per_workspace", "ports.range.end", "ports.range.start"),
                f"the range has {end - start + 1} ports and each workspace is given {each}",
                "fewer per workspace, or a wider range",
            )
        if (config.daemon.tls.cert is None) != (config.daemon.tls.key is None):
            names = ("daemon.tls.cert", "daemon.tls.key")
            self._mismatch(names, "a certificate and its key belong together", "both of daemon.tls, or neither")
        self._resources(config.resources.classes, config.resources.default)

    def _resources(self, classes: Mapping[str, str], default: str | None) -> None:
        for name, text in classes.items():
            try:
                parse_resources(text)
            except ValueError as error:
                self._mismatch(
                    (f"resources.classes.{name}", "resources.classes"),
                    f"{name}: {error}",
                    "cpu=2, memory=4G, pids=2048",
                )
        if default is not None and default not in classes:
            self._mismatch(
                ("resources.default", "resources.classes"),
                f"there is no class {default!r}{did_you_mean(default, list(classes))}",
                f"one of {', '.join(sorted(classes))}",
            )

    def _mismatch(self, keys: tuple[str, ...], message: str, suggestion: str) -> None:
        key = next(key for key in keys if key in self._sources)
        source, line = self._sources[key]
        self._problem(source, key, message, suggestion, line)

    def _problem(self, source: str, key: str, message: str, suggestion: str | None, line: int = 0) -> None:
        self._problems.append(
            ConfigProblem(
                source=source,
                key=key,
                line=line or msgspec.UNSET,
                message=message,
                suggestion=suggestion if suggestion is not None else msgspec.UNSET,
            )
        )


def _read_file(path: str, *, trusted: bool) -> bytes:
    """A file's content, at most one byte over the limit.

    A repository's file is not trusted: neither it nor its directory may be a link, which could lead to any file of
    this user. The others may be links, but nobody else may write to them.
    """
    if trusted:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    else:
        parent, name = os.path.split(path)
        directory = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=directory)
        finally:
            os.close(directory)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if trusted and found.st_mode & stat.S_IWOTH:
            raise OSError(errno.EPERM, "everybody may write to it; take that right away (chmod o-w)")
        if trusted and found.st_uid not in (0, os.geteuid()):
            raise OSError(errno.EPERM, f"it belongs to user id {found.st_uid}, neither to root nor to this user")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LIMIT + 1)
    finally:
        os.close(descriptor)
