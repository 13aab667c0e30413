"""The configuration: every key, its type, its default, what it is for.

The model is the only list of keys. What is known of a key beyond its type stands in its annotation, and the parser,
the provenance, `describe` and the reference page read it there.
"""

from __future__ import annotations

import socket
from typing import Annotated, Any, Literal

import msgspec


def _key(
    kind: Literal["text", "integer", "flag", "duration", "size", "list", "map", "path", "choice"],
    description: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    project: bool = False,
) -> msgspec.Meta:
    """What is known of a key.

    Args:
        kind: how it is written and checked.
        description: what it is for, with unit and the meaning of null.
        least: smallest value; of a list or text, the smallest length.
        most: largest value, or length.
        choices: the values of a choice.
        project: whether a repository may set it. What a repository says is not trusted: it must not touch the node.
    """
    extra: dict[str, Any] = {
        "kind": kind,
        "least": least,
        "most": most,
        "choices": choices,
        "project": project,
    }
    return msgspec.Meta(description=description, extra=extra)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts of the configuration."""


class Tls(Section, frozen=True, kw_only=True):
    """TLS on the TCP port. Both files or neither."""

    cert: Annotated[str | None, _key("path", "Certificate chain, PEM. null: no TLS.")] = None
    key: Annotated[str | None, _key("path", "Its private key, PEM. null: no TLS.")] = None


class Daemon(Section, frozen=True, kw_only=True):
    """Where the daemon listens and whom it answers."""

    host: Annotated[str, _key("text", "Address that the TCP port is bound to.", least=1, most=255)] = "127.0.0.1"
    port: Annotated[
        int,
        _key(
            "integer",
            "TCP port. 0: one that the system chooses. That is also what happens where neither this nor the host is set"
            " and 8080 is taken, with a warning in the log.",
            least=0,
            most=65535,
        ),
    ] = 8080
    socket: Annotated[str | None, _key("path", "Unix socket. null: run/nexusd.sock in NEXUS_HOME.", most=107)] = None
    allowed_hosts: Annotated[
        tuple[str, ...],
        _key("list", "Names that clients may use for this daemon, beyond loopback and the bound address."),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...], _key("list", "Web origins, as scheme://host[:port], that may connect from a browser.")
    ] = ()
    drain_timeout: Annotated[
        float, _key("duration", "How long calls in flight may take when the daemon stops.", most=600)
    ] = 30.0
    tls: Tls = Tls()


class Jwt(Section, frozen=True, kw_only=True):
    """Tokens that others sign."""

    issuer: Annotated[
        str | None, _key("text", "Issuer that tokens signed by others must name. null: only our own.", least=1)
    ] = None
    hs256_secret_file: Annotated[
        str | None, _key("path", "File with a secret of at least 32 bytes that signs tokens. null: none.")
    ] = None
    jwks_file: Annotated[str | None, _key("path", "JSON Web Key Set of keys that sign tokens. null: none.")] = None


class Auth(Section, frozen=True, kw_only=True):
    """Who is let in."""

    jwt: Jwt = Jwt()
    trust_peer: Annotated[
        bool, _key("flag", "On the Unix socket, let in this user and root by their user id, without a token.")
    ] = True


class Log(Section, frozen=True, kw_only=True):
    """What is logged."""

    level: Annotated[
        str, _key("choice", "The least that is logged.", choices=("debug", "info", "warning", "error"))
    ] = "info"
    format: Annotated[
        str,
        _key("choice", "JSON lines, text, or auto: text on a terminal, else JSON.", choices=("auto", "json", "text")),
    ] = "auto"


class Defaults(Section, frozen=True, kw_only=True):
    """What a new workspace gets when its creator does not say."""

    backend: Annotated[str, _key("text", "The backend.", least=1, most=64, project=True)] = "host"
    env: Annotated[
        dict[str, str], _key("map", "Environment of every process. Layers add to each other.", project=True)
    ] = msgspec.field(default_factory=dict)


class PortRange(Section, frozen=True, kw_only=True):
    """The ports that workspaces are given."""

    start: Annotated[int, _key("integer", "First port.", least=1024, most=65535)] = 32800
    end: Annotated[int, _key("integer", "Last port.", least=1024, most=65535)] = 34999


class Ports(Section, frozen=True, kw_only=True):
    """Ports on this node that belong to workspaces."""

    range: PortRange = PortRange()
    per_workspace: Annotated[int, _key("integer", "How many each workspace is given.", least=1, most=1000)] = 10


class Repositories(Section, frozen=True, kw_only=True):
    """Where code may come from."""

    allowed: Annotated[
        tuple[str, ...],
        _key(
            "list",
            "Directories below which anybody may make workspaces from repositories on this host. Whoever sees all "
            "workspaces, as the local user does, needs no permission; remote repositories need none either.",
        ),
    ] = ()


class Limits(Section, frozen=True, kw_only=True):
    """What is refused."""

    max_workspaces_total: Annotated[int, _key("integer", "Workspaces on this node.", least=1, most=1_000_000)] = 100
    max_workspaces_per_user: Annotated[int, _key("integer", "Workspaces of one owner.", least=1, most=1_000_000)] = 50
    max_processes_per_workspace: Annotated[
        int, _key("integer", "Processes that run at once in a workspace.", least=1, most=1_000_000)
    ] = 512
    max_checkpoints_per_workspace: Annotated[
        int, _key("integer", "Checkpoints of a workspace that are kept.", least=1, most=1_000_000)
    ] = 100
    max_connections: Annotated[int, _key("integer", "Connections at once.", least=1, most=1_000_000)] = 20000
    max_unauthenticated_per_address: Annotated[
        int, _key("integer", "Connections of one address that have not proven who they are.", least=1, most=1_000_000)
    ] = 64


class Processes(Section, frozen=True, kw_only=True):
    """Processes and their output."""

    log_limit: Annotated[int, _key("size", "Output kept of each process.", least=64 * 1024, most=1 << 40)] = (
        16 * 1024 * 1024
    )
    keep: Annotated[float, _key("duration", "How long output and exit are kept after the end.", most=366 * 86400)] = (
        86400.0
    )
    drain_wait: Annotated[
        float,
        _key("duration", "How long output may still come after the end, from a child that holds the pipe.", most=60),
    ] = 2.0
    outlive_daemon: Annotated[
        bool,
        _key(
            "flag",
            "Whether processes on this host go on while the daemon is away, so that a restart costs no build. Needs"
            " nexus-init; without it they end with the daemon. Those in containers always go on.",
        ),
    ] = True


class Operations(Section, frozen=True, kw_only=True):
    """Operations and their journal."""

    keep: Annotated[float, _key("duration", "How long a finished operation is kept.", most=3660 * 86400)] = 30 * 86400.0


class Resources(Section, frozen=True, kw_only=True):
    """What machines may use, on backends that can limit it."""

    classes: Annotated[
        dict[str, str],
        _key(
            "map",
            "Limits by name, each as cpu=, memory=, pids= and storage= between commas. Layers add to each other.",
        ),
    ] = msgspec.field(
        default_factory=lambda: {
            "small": "cpu=1, memory=2G, pids=1024",
            "medium": "cpu=2, memory=4G, pids=4096",
            "large": "cpu=4, memory=8G, pids=16384",
        }
    )
    default: Annotated[
        str | None, _key("text", "The class of a workspace that names none. null: no limits.", least=1, most=64)
    ] = None


class Docker(Section, frozen=True, kw_only=True):
    """The docker backend."""

    host: Annotated[
        str | None,
        _key(
            "text",
            "Where the engine listens, as unix:///path or tcp://host:port. null: DOCKER_HOST, else "
            "unix:///var/run/docker.sock.",
            least=1,
            most=255,
        ),
    ] = None
    image: Annotated[str, _key("text", "The image of a workspace that names none.", least=1, most=1024)] = (
        "buildpack-deps:bookworm-scm"
    )
    git: Annotated[
        str,
        _key(
            "choice",
            "How a container sees the repository's git directory: read-only, for git status, log and diff inside, or "
            "none.",
            choices=("read-only", "none"),
        ),
    ] = "read-only"
    timeout: Annotated[float, _key("duration", "How long the engine may take for one answer.", least=1, most=3600)] = (
        60.0
    )
    image_timeout: Annotated[
        float, _key("duration", "How long fetching or building an image may take.", least=1, most=86400)
    ] = 1800.0
    spare_networks: Annotated[
        int,
        _key(
            "integer",
            "How many networks are kept ready for workspaces to come, once there was one. Each saves one 0.1 s.",
            least=0,
            most=16,
        ),
    ] = 1


class Node(Section, frozen=True, kw_only=True):
    """This host."""

    name: Annotated[str, _key("text", "What it is called. Default: the host's name.", least=1, most=255)] = (
        msgspec.field(default_factory=socket.gethostname)
    )


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration. Durations are in seconds, sizes in bytes."""

    daemon: Daemon = Daemon()
    auth: Auth = Auth()
    log: Log = Log()
    defaults: Defaults = msgspec.field(default_factory=Defaults)
    ports: Ports = Ports()
    repositories: Repositories = Repositories()
    limits: Limits = Limits()
    processes: Processes = Processes()
    operations: Operations = Operations()
    resources: Resources = msgspec.field(default_factory=Resources)
    docker: Docker = Docker()
    node: Node = msgspec.field(default_factory=Node)
