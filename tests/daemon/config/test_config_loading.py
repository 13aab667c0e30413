"""The layers: who wins, where a value came from, and what is said about everything that is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import ConfigInvalid
from nexusd.config import ConfigError, Loaded, describe, load, parse_flags, render, validate_text
from nexusd.config.document import DEPTH, EVENTS, LIMIT, PROBLEMS
from nexusd.config.keys import KEYS, SECTIONS
from nexusd.config.loading import value_of
from nexusd.config.model import Config


class Layers:
    """Files of three layers in a temporary directory, and how they load."""

    def __init__(self, root: Path) -> None:
        self.node = root / "etc" / "config.yaml"
        self.home = root / "home"
        self.user = self.home / "config.yaml"
        self.repo = root / "repo"
        self.project = self.repo / ".nexus" / "config.yaml"
        for file in (self.node, self.user, self.project):
            file.parent.mkdir(parents=True)

    def load(self, **environ: str) -> Loaded:
        return self.load_with(None, **environ)

    def load_with(self, flags: dict[str, object] | None, **environ: str) -> Loaded:
        return load(self.home, self.repo, flags, {"NEXUS_NODE_CONFIG": str(self.node), "PATH": "/bin", **environ})


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return Layers(tmp_path)


def lines(loaded: Loaded) -> list[str]:
    return [render(problem) for problem in loaded.problems]


def only(text: str, layer: str = "user") -> str:
    """The single problem of a text, rendered without its source."""
    problems = validate_text(text, layer)  # type: ignore[arg-type]
    assert len(problems) == 1, [render(problem) for problem in problems]
    return render(problems[0]).removeprefix(f"{layer} configuration")


def test_without_any_layer_the_defaults_hold(layers: Layers) -> None:
    loaded = layers.load()
    assert loaded.problems == []
    assert loaded.config == Config()
    assert set(loaded.provenance) == set(KEYS)
    assert set(loaded.provenance.values()) == {"default"}


def test_the_defaults_are_those_of_the_reference() -> None:
    config = Config()
    assert (config.daemon.host, config.daemon.port, config.daemon.socket) == ("127.0.0.1", 8080, None)
    assert (config.ports.range.start, config.ports.range.end, config.ports.per_workspace) == (32800, 34999, 10)
    assert (config.processes.log_limit, config.processes.keep, config.processes.drain_wait) == (16 << 20, 86400, 2)
    assert (config.operations.keep, config.daemon.drain_timeout) == (30 * 86400, 30)
    assert (config.auth.trust_peer, config.defaults.backend, config.node.name) == (True, "host", os.uname().nodename)


def test_each_layer_wins_over_the_ones_below(layers: Layers) -> None:
    key, variable = "defaults.backend", KEYS["defaults.backend"].variable

    def now(flags: dict[str, object] | None = None, **environ: str) -> tuple[str, str]:
        loaded = layers.load_with(flags, **environ)
        assert loaded.problems == []
        return loaded.config.defaults.backend, loaded.provenance[key]

    layers.node.write_text("defaults:\n  backend: node\n")
    assert now() == ("node", f"{layers.node}:2")
    layers.user.write_text("\n# mine\ndefaults: {backend: user}\n")
    assert now() == ("user", f"{layers.user}:3")
    layers.project.write_text("defaults:\n  backend: project\n")
    assert now() == ("project", f"{layers.project}:2")
    assert now({key: "flag"}) == ("flag", "--set")
    assert now({key: "flag"}, NEXUS_BACKEND="short") == ("short", "NEXUS_BACKEND")
    assert now({key: "flag"}, NEXUS_BACKEND="short", NEXUS_DEFAULTS__BACKEND="long") == ("long", variable)


def test_keys_of_one_section_come_from_different_layers(layers: Layers) -> None:
    layers.node.write_text("daemon: {host: 0.0.0.0, port: 9000}\nlog: {level: debug}\n")
    layers.user.write_text("daemon: {port: 9001}\n")
    loaded = layers.load()
    assert (loaded.config.daemon.host, loaded.config.daemon.port, loaded.config.log.level) == ("0.0.0.0", 9001, "debug")
    assert loaded.provenance["daemon.host"] == f"{layers.node}:1"
    assert loaded.provenance["daemon.port"] == f"{layers.user}:1"


def test_environments_add_up_and_each_entry_knows_its_source(layers: Layers) -> None:
    layers.node.write_text("defaults:\n  env:\n    A: node\n    B: node\n")
    layers.project.write_text("defaults:\n  env:\n    B: project\n    PORT: 8080\n    FLAG: yes\n    EMPTY: ''\n")
    loaded = layers.load(NEXUS_DEFAULTS__ENV="C=1,D=a=b")
    assert loaded.problems == []
    assert loaded.config.defaults.env == {
        "A": "node",
        "B": "project",
        "PORT": "8080",
        "FLAG": "yes",
        "EMPTY": "",
        "C": "1",
        "D": "a=b",
    }
    assert loaded.provenance["defaults.env.A"] == f"{layers.node}:2"
    assert loaded.provenance["defaults.env.B"] == f"{layers.project}:2"
    assert loaded.provenance["defaults.env"] == "NEXUS_DEFAULTS__ENV"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("daemon.port", "0", 0),
        ("daemon.socket", "/run/x.sock", "/run/x.sock"),
        ("daemon.socket", "", None),
        ("daemon.socket", "null", None),
        ("daemon.allowed_hosts", "a.example, b.example", ("a.example", "b.example")),
        ("daemon.allowed_hosts", "", ()),
        ("auth.trust_peer", "off", False),
        ("auth.trust_peer", "1", True),
        ("processes.keep", "1h30m", 5400.0),
        ("processes.keep", "90", 90.0),
        ("processes.log_limit", "1M", 1 << 20),
        ("defaults.env", '{"A": "b,c"}', {"A": "b,c"}),
        ("log.format", "json", "json"),
        ("node.name", "12", "12"),
    ],
)
def test_texts_of_variables_and_flags(layers: Layers, key: str, text: str, value: object) -> None:
    for loaded in (layers.load(**{KEYS[key].variable: text}), layers.load_with({key: text})):
        assert lines(loaded) == []
        assert value_of(loaded.config, key) == value


@pytest.mark.parametrize(
    ("variable", "text", "what"),
    [
        ("NEXUS_PORT", "eighty", "daemon.port: 'eighty' is not a whole number (try: a whole number from 0 to 65535)"),
        ("NEXUS_PORT", "65536", "daemon.port: 65536 is out of bounds (try: a whole number from 0 to 65535)"),
        ("NEXUS_PORT", "", "daemon.port: '' is not a whole number (try: a whole number from 0 to 65535)"),
        ("NEXUS_HOST", "", "daemon.host: it is empty (try: text)"),
        ("NEXUS_AUTH__TRUST_PEER", "maybe", "auth.trust_peer: 'maybe' is neither true nor false (try: true or false)"),
        ("NEXUS_DEFAULTS__ENV", "A", "defaults.env: not NAME=value pairs between commas (try: names and their values)"),
        (
            "NEXUS_DAEMON__SOCKET",
            "run/x.sock",
            "daemon.socket: 'run/x.sock' is not an absolute path (try: an absolute path, or one from \"~/\", or null)",
        ),
    ],
)
def test_variables_that_are_wrong_change_nothing_and_are_named(
    layers: Layers, variable: str, text: str, what: str
) -> None:
    loaded = layers.load(**{variable: text})
    assert lines(loaded) == [f"{variable} {what}"]
    assert loaded.config == Config()


def test_unknown_variables_are_problems_with_a_suggestion(layers: Layers) -> None:
    assert lines(layers.load(NEXUS_PROT="1")) == ["NEXUS_PROT: there is no such variable (try: NEXUS_PORT)"]
    assert lines(layers.load(NEXUS_DAEMON_PORT="1")) == [
        "NEXUS_DAEMON_PORT: there is no such variable (try: NEXUS_DAEMON__PORT)"
    ]
    assert lines(layers.load(NEXUS_ZZZZZZZZ="1")) == ["NEXUS_ZZZZZZZZ: there is no such variable"]


def test_variables_that_are_no_configuration_are_left_alone(layers: Layers) -> None:
    others = ["HOME", "URL", "TOKEN", "FAILPOINT", "WORKSPACE", "PROCESS", "WORKSPACE_NAME", "GENERATION", "PORT_WEB"]
    loaded = layers.load(**{f"NEXUS_{name}": "x" for name in others}, NEXUSISH="1")
    assert lines(loaded) == []
    assert loaded.config == Config()


def test_unknown_flags_are_problems_with_a_suggestion(layers: Layers) -> None:
    assert lines(layers.load_with({"daemon.prot": "1"})) == [
        "--set daemon.prot: there is no such key (try: daemon.port)"
    ]
    assert lines(layers.load_with({"port": "1"})) == ["--set port: there is no such key (try: daemon.port)"]


def test_flags_may_be_typed(layers: Layers) -> None:
    loaded = layers.load_with({"daemon.port": 9000, "auth.trust_peer": False, "defaults.env": {"A": "1"}})
    assert lines(loaded) == []
    assert (loaded.config.daemon.port, loaded.config.auth.trust_peer, loaded.config.defaults.env) == (
        9000,
        False,
        {"A": "1"},
    )


def test_pairs_of_the_command_line() -> None:
    assert parse_flags(["a=b", "c=d=e", " f = g"]) == {"a": "b", "c": "d=e", "f": " g"}
    with pytest.raises(ConfigError, match=r"--set port: no value \(try: port=VALUE\)"):
        parse_flags(["port"])


def test_a_repository_may_not_touch_the_node(layers: Layers) -> None:
    allowed = {key.name for key in KEYS.values() if key.project}
    assert allowed == {"defaults.backend", "defaults.env"}
    layers.project.write_text("daemon:\n  host: 0.0.0.0\nauth: {trust_peer: false}\n")
    loaded = layers.load()
    assert [(problem.key, problem.line) for problem in loaded.problems] == [("daemon.host", 2), ("auth.trust_peer", 3)]
    assert "a repository may not set this key" in loaded.problems[0].message
    assert loaded.config == Config()


def test_a_repository_cannot_make_us_read_elsewhere(layers: Layers, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("defaults: {backend: secret}\n")
    layers.project.symlink_to(secret)
    loaded = layers.load()
    assert loaded.config.defaults.backend == "host"
    assert len(loaded.problems) == 1 and "cannot be read" in loaded.problems[0].message
    layers.project.unlink()
    layers.project.parent.rmdir()
    (tmp_path / "elsewhere").mkdir()
    secret.rename(tmp_path / "elsewhere" / "config.yaml")
    layers.project.parent.symlink_to(tmp_path / "elsewhere")
    loaded = layers.load()
    assert loaded.config.defaults.backend == "host"
    assert len(loaded.problems) == 1 and "cannot be read" in loaded.problems[0].message


def test_a_fifo_or_a_directory_in_place_of_a_file_is_refused_at_once(layers: Layers) -> None:
    os.mkfifo(layers.project)
    layers.user.mkdir()
    loaded = layers.load()
    assert [problem.source for problem in loaded.problems] == [str(layers.user), str(layers.project)]
    assert all("not a regular file" in problem.message for problem in loaded.problems)


def test_a_file_that_everybody_may_write_to_is_refused(layers: Layers) -> None:
    layers.user.write_text("daemon: {host: 0.0.0.0}\n")
    layers.user.chmod(0o666)
    loaded = layers.load()
    assert loaded.config.daemon.host == "127.0.0.1"
    assert len(loaded.problems) == 1 and "everybody may write to it" in loaded.problems[0].message


def test_a_file_of_another_user_is_refused(layers: Layers) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    layers.user.write_text("daemon: {host: 0.0.0.0}\n")
    os.chown(layers.user, 12345, 12345)
    loaded = layers.load()
    assert loaded.config.daemon.host == "127.0.0.1"
    assert len(loaded.problems) == 1 and "user id 12345" in loaded.problems[0].message


def test_a_users_file_may_be_a_link(layers: Layers, tmp_path: Path) -> None:
    (tmp_path / "dotfiles.yaml").write_text("daemon: {port: 9000}\n")
    layers.user.symlink_to(tmp_path / "dotfiles.yaml")
    assert layers.load().config.daemon.port == 9000


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "null\n", "daemon:\n", "daemon: {}\n", "\ufeffdaemon:\n"]
)
def test_files_that_say_nothing(text: str) -> None:
    assert validate_text(text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("daemon:\n  prot: 1\n", ":2 daemon.prot: there is no such key (try: daemon.port)"),
        ("deamon: {}\n", ":1 deamon: there is no such key (try: daemon)"),
        ("\nport: 8080\n", ":2 port: there is no such key (try: daemon.port)"),
        ("daemon.port: 1\n", ":1 daemon.port: keys are nested, not written with dots (try: daemon: { port: … })"),
        ("daemon: 5\n", ':1 daemon: keys are expected here, below each other (try: such as "daemon:")'),
        ("- daemon\n", ':1: keys are expected here, below each other (try: such as "daemon:")'),
        ("text\n", ':1: keys are expected here, below each other (try: such as "daemon:")'),
        ("daemon:\n  ? [a]\n  : 1\n", ":2 daemon: a key must be a word"),
        (
            "daemon:\n  port: 1\n  host: a\n  port: 2\n",
            ":4 daemon.port: stands here and in line 2 (try: remove one of the two)",
        ),
        ("daemon: {}\nlog: {}\ndaemon: {}\n", ":3 daemon: stands here and in line 1 (try: remove one of the two)"),
        (
            "defaults: {env: {A: 1, A: 2}}\n",
            ":1 defaults.env: A stands twice (try: names and their values)",
        ),
        ("daemon: {port: '80'}\n", ":1 daemon.port: found text: '80' (try: a whole number from 0 to 65535)"),
        ("daemon: {port: true}\n", ":1 daemon.port: found true or false: True (try: a whole number from 0 to 65535)"),
        ("daemon: {port: 1.5}\n", ":1 daemon.port: found a number: 1.5 (try: a whole number from 0 to 65535)"),
        ("daemon: {port: [1]}\n", ":1 daemon.port: found a list (try: a whole number from 0 to 65535)"),
        (
            "daemon: {port: null}\n",
            ":1 daemon.port: null is not a value of this key; leave it out to have the default"
            " (try: a whole number from 0 to 65535)",
        ),
        ("node: {name: yes}\n", ":1 node.name: found true or false: True; put it in quotes (try: text)"),
        ("node: {name: 2020-01-01}\n", ":1 node.name: found date: datetime.date(2020, 1, 1) (try: text)"),
        ("node: {name: ''}\n", ":1 node.name: it is empty (try: text)"),
        ('node: {name: "a\\nb"}\n', ":1 node.name: it holds a control character (try: text)"),
        (
            "log: {level: inof}\n",
            ":1 log.level: 'inof' is not a choice; did you mean info? (try: one of debug, info, warning, error)",
        ),
        (
            "daemon: {allowed_hosts: a}\n",
            ":1 daemon.allowed_hosts: found text: 'a' (try: a list of texts)",
        ),
        (
            "daemon: {allowed_hosts: [a, 1]}\n",
            ":1 daemon.allowed_hosts: an item of the list is not a text: 1 (try: a list of texts)",
        ),
        (
            "defaults: {env: {1A: x}}\n",
            ":1 defaults.env: '1A' is not a name: letters, digits and _, not a digit first"
            " (try: names and their values)",
        ),
        (
            "defaults: {env: {A: [x]}}\n",
            ":1 defaults.env: found something nested in place of a text (try: names and their values)",
        ),
        (
            "defaults: {env: {A: }}\n",
            ':1 defaults.env: A has no value; write "" for an empty one (try: names and their values)',
        ),
        (
            "processes: {keep: 367d}\n",
            ':1 processes.keep: 367d is out of bounds (try: a duration such as "30s" or "1h30m", at most 366d)',
        ),
        (
            "processes: {log_limit: 1K}\n",
            ':1 processes.log_limit: 1K is out of bounds (try: a size such as "16M" or "4G" from 64K to 1T)',
        ),
        (
            "ports:\n  range:\n    start: 5000\n    end: 4000\n",
            ":4 ports.range.end: the ports from 5000 to 4000 are none (try: end above start)",
        ),
        (
            "ports: {range: {start: 5000, end: 5001}}\n",
            ":1 ports.range.end: the range has 2 ports and each workspace is given 10"
            " (try: fewer per workspace, or a wider range)",
        ),
        (
            "daemon: {tls: {key: /k.pem}}\n",
            ":1 daemon.tls.key: a certificate and its key belong together (try: both of daemon.tls, or neither)",
        ),
        ("a: 1\n---\nb: 2\n", ":2: the file holds more than one document (try: remove the line ---)"),
        ("daemon: &d {}\n", ":1: anchors (&) and aliases (*) are not used here (try: write the value out)"),
        ("daemon: *d\n", ":1: anchors (&) and aliases (*) are not used here (try: write the value out)"),
        ("\n" + "[" * (DEPTH + 1), f":2: nested deeper than {DEPTH} levels"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_would_be_right(text: str, what: str) -> None:
    assert only(text) == what


@pytest.mark.parametrize("text", ["\ndaemon: {port: 1]\n", "\n\tdaemon: 1\n", "\n'", "\ndaemon: {"])
def test_what_is_not_yaml_is_named_with_its_line(text: str) -> None:
    assert re.match(r":[23]: not YAML: \w", only(text))


def test_a_control_character_is_refused() -> None:
    assert only("a: \x01\n").startswith(": not YAML: ")


def test_a_file_of_too_many_values_is_refused() -> None:
    text = "defaults:\n  env:\n" + "".join(f"    A{n}: x\n" for n in range(EVENTS))
    assert only(text) == f":{EVENTS // 2}: the file holds too many values (try: at most {EVENTS} keys and values)"


def test_what_is_told_of_a_hopeless_file_is_bounded() -> None:
    problems = validate_text("".join(f"k{n}: 1\n" for n in range(3000)))
    assert len(problems) == PROBLEMS
    assert only("x" * 500 + ": 1\n") == f":1 {'x' * 20}…: there is no such key"


@pytest.mark.parametrize("value", ["!!python/object/apply:os.getcwd []", "!!python/name:os.system", "!mine x"])
def test_tags_make_no_objects(value: str) -> None:
    assert "not a plain value" in only(f"node:\n  name: {value}\n")


def test_a_bomb_of_aliases_is_refused_before_it_expands() -> None:
    bomb = "a: &a [x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
    )
    assert "anchors" in only(bomb)


def test_the_size_of_a_file_is_bounded(layers: Layers) -> None:
    layers.user.write_bytes(b"#" * (LIMIT - 1) + b"\n")
    assert lines(layers.load()) == []
    layers.user.write_bytes(b"#" * LIMIT + b"\n")
    assert lines(layers.load()) == [f"{layers.user}: the file is larger than 256 KiB (try: a smaller file)"]


def test_a_file_that_is_not_utf8_is_named_with_its_line(layers: Layers) -> None:
    layers.user.write_bytes(b"# one\n# \xff\n")
    assert lines(layers.load()) == [f"{layers.user}:2: the file is not UTF-8 (try: save it as UTF-8)"]


def test_all_problems_are_told_at_once_and_the_rest_holds(layers: Layers) -> None:
    layers.node.write_text("log: {level: debug}\n")
    layers.user.write_text("daemon: {port: x, host: 0.0.0.0}\nlog: {level: loud}\nzzz: 1\n")
    loaded = layers.load(NEXUS_PROT="1")
    assert len(loaded.problems) == 4
    assert loaded.config.daemon.host == "0.0.0.0"
    assert loaded.config.log.level == "debug", "what is wrong falls back to the layer below"
    with pytest.raises(ConfigError) as caught:
        loaded.require()
    assert isinstance(caught.value, ConfigInvalid)
    assert all(line in str(caught.value) for line in lines(loaded))
    assert "4 problems" in str(caught.value)
    assert caught.value.details is not None
    assert len(msgspec.to_builtins(caught.value.details)["problems"]) == 4


def test_entries_for_a_person(layers: Layers) -> None:
    layers.user.write_text("defaults: {env: {API_TOKEN: hunter2, COLOUR: red}}\nprocesses: {keep: 90m}\n")
    entries = {entry.key: entry for entry in layers.load().entries()}
    assert set(entries) == set(KEYS)
    assert entries["defaults.env"].value == {"API_TOKEN": "***", "COLOUR": "red"}
    assert (entries["processes.keep"].value, entries["processes.log_limit"].value) == ("1h30m", "16M")
    assert entries["processes.keep"].source == f"{layers.user}:2"
    assert entries["daemon.port"].source == "default"
    assert all(entry.description for entry in entries.values())
    assert {entry.key for entry in layers.load().entries("ports.")} == {
        "ports.range.start",
        "ports.range.end",
        "ports.per_workspace",
    }
    msgspec.json.encode(list(entries.values()))


def test_the_reference_names_every_key_once() -> None:
    rows = describe()
    assert [row[0] for row in rows] == list(KEYS)
    assert all(all(row) for row in rows)
    assert (
        "daemon.port",
        "a whole number from 0 to 65535",
        "8080",
        "TCP port. 0: one that the system chooses. That is also what happens where neither this nor the host is set and"
        " 8080 is taken, with a warning in the log.",
    ) in rows
    assert {name.rpartition(".")[0] for name in KEYS} | {"ports", "auth", "daemon"} == SECTIONS


def test_a_missing_file_costs_no_yaml(tmp_path: Path) -> None:
    script = (
        "import sys; from nexusd.config import load\n"
        "assert load(sys.argv[1], sys.argv[1], {}, {'NEXUS_NODE_CONFIG': sys.argv[1] + '/none'}).problems == []\n"
        "print(sorted({'yaml', 'difflib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


_WORDS = st.sampled_from(["daemon", "port", "ports", "range", "start", "env", "defaults", "tls", "x", "&a", "*a", "<<"])
_YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(_YAML.map(lambda value: msgspec.json.encode(value).decode()) | st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    for problem in validate_text(text):
        assert render(problem)
        msgspec.json.encode(problem)
