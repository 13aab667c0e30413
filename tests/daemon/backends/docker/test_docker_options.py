"""The options of a machine, as the kernel and the engine keep them; and what cannot be kept is refused."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess

import pytest
from daemon_process import git
from docker_backend import make_backend, spec_for
from engine import BASE, unavailable
from nexus_sdk.protocol.errors import ImageUnusable, InvalidParams, OptionUnsupported
from nexus_sdk.protocol.types import ImageBuild, MachineOptions
from nexusd.backends.docker import options as rules
from nexusd.config.resources import Resources

MIB = 1 << 20


async def running(backend, worktree, options=None, workspace="ws_opt", **more):
    spec = spec_for(worktree, workspace, options, **more)
    await backend.create(spec)
    await backend.start(spec)
    return spec


def run(engine, spec, script, user=""):
    """What a script prints inside, and its exit code."""
    made = engine.api.exec_create(f"nexus-{spec.workspace}", ["sh", "-c", script], user=user)["Id"]
    said = engine.api.exec_start(made).decode().strip()
    return said, engine.api.exec_inspect(made)["ExitCode"]


def host_config(engine, spec):
    return engine.api.inspect_container(f"nexus-{spec.workspace}")["HostConfig"]


async def test_limits_are_kept(engine, backend, worktree):
    options = MachineOptions(cpu=0.5, memory=64 * MIB, pids=20)
    spec = await running(backend, worktree, options)
    found = host_config(engine, spec)
    assert (found["NanoCpus"], found["Memory"], found["MemorySwap"], found["PidsLimit"]) == (
        500_000_000,
        64 * MIB,
        64 * MIB,
        20,
    )
    said, code = run(engine, spec, "i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i+1)); done; echo done")
    assert "an't fork" in said and code != 0, "processes are limited"


async def test_a_class_gives_limits_and_a_figure_wins(engine, tmp_path, worktree):
    backend = make_backend(tmp_path, engine.host, classes={"tiny": "cpu=64, memory=32M, pids=50"})
    await backend.open()
    try:
        asked = MachineOptions(resource_class="tiny", pids=60)
        spec = await running(backend, worktree, await backend.check(asked, []))
        found = host_config(engine, spec)
        assert (found["Memory"], found["PidsLimit"]) == (32 * MIB, 60)
        assert found["NanoCpus"] == engine.api.info()["NCPU"] * 1_000_000_000, "no more than there are"
        with pytest.raises(InvalidParams, match="there is no class 'vast'"):
            await backend.check(MachineOptions(resource_class="vast"), [])
    finally:
        await backend.destroy("ws_opt")
        await backend.close()


async def test_storage_is_refused_where_the_driver_has_no_quota(engine, backend, worktree):
    info = engine.api.info()
    if dict(info["DriverStatus"]).get("Backing Filesystem") == "xfs" or info["Driver"] != "overlay2":
        pytest.skip("this engine may have quotas")
    with pytest.raises(OptionUnsupported) as caught:
        await backend.check(MachineOptions(storage=100 * MIB), [])
    assert caught.value.details.option == "storage"
    spec = spec_for(worktree, "ws_storage", MachineOptions(storage=100 * MIB))
    with pytest.raises(OptionUnsupported):
        await backend.create(spec)
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values())


@pytest.mark.parametrize(
    ("limits", "info", "option"),
    [
        (Resources(memory=64 * MIB), {"MemoryLimit": False}, "memory"),
        (Resources(pids=10), {"PidsLimit": False}, "pids"),
        (Resources(cpu=1), {"CpuCfsQuota": False, "CpuCfsPeriod": True}, "cpu"),
        (Resources(storage=MIB), {"Driver": "vfs"}, "storage"),
        (Resources(), {"SecurityOptions": ["name=seccomp", "name=userns"]}, "user"),
    ],
)
def test_what_an_engine_would_leave_out_with_a_warning_is_refused(limits, info, option):
    with pytest.raises(OptionUnsupported) as caught:
        rules.supported(MachineOptions(), limits, info)
    assert caught.value.details.option == option


def test_an_engine_that_can_is_trusted():
    xfs = {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "xfs"]]}
    rules.supported(MachineOptions(), Resources(storage=MIB), xfs)
    assert rules.rootless({"SecurityOptions": ["name=rootless"]}) and not rules.rootless({})


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (MachineOptions(image=BASE, build=ImageBuild()), "$.options.build"),
        (MachineOptions(image="-v /:/host"), "$.options.image"),
        (MachineOptions(build=ImageBuild(context="../..")), "$.options.build.context"),
        (MachineOptions(build=ImageBuild(dockerfile="/etc/shadow")), "$.options.build.dockerfile"),
        (MachineOptions(container_ports={"nope": 80}), "$.options.container_ports.nope"),
        (MachineOptions(container_ports={"web": 80, "api": 80}), "$.options.container_ports"),
    ],
)
async def test_what_makes_no_sense_is_refused(backend, options, path):
    with pytest.raises(InvalidParams) as caught:
        await backend.check(options, ["web", "api"])
    assert caught.value.details.path == path


async def test_the_configuration_completes_the_options(backend):
    assert (await backend.check(MachineOptions(), [])).image == BASE


async def test_files_belong_to_the_owner_of_the_worktree(engine, backend, worktree):
    for folder, _, files in os.walk(worktree):
        for name in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(name, 4711, 4712)
    spec = await running(backend, worktree)
    assert run(engine, spec, "id -u; id -g; whoami; echo ~; touch made ~/there; echo $?")[0].splitlines() == [
        "4711",
        "4712",
        "nexus",
        "/home/nexus",
        "0",
    ]
    made = (worktree / "made").stat()
    assert (made.st_uid, made.st_gid) == (4711, 4712)
    run_dir = backend._run_dirs.path(spec.workspace).stat()
    assert (run_dir.st_uid, run_dir.st_mode & 0o777) == (4711, 0o700)
    await backend.stop(spec.workspace, 1)
    await backend.start(spec)
    assert run(engine, spec, "ls ~")[0] == "there", "home outlives a stop"


async def test_a_user_without_rights_has_none(engine, backend, worktree):
    os.chown(worktree, 4711, 4712)
    spec = await running(backend, worktree)
    assert run(engine, spec, "grep -E 'Cap(Eff|Prm|Bnd)|NoNewPrivs|Seccomp:' /proc/self/status")[0].split() == [
        *("CapPrm:", "0" * 16, "CapEff:", "0" * 16, "CapBnd:", "0" * 16),
        *("NoNewPrivs:", "1", "Seccomp:", "2"),
    ]


async def test_root_inside_keeps_what_packages_need_and_nothing_else(engine, backend, worktree):
    spec = await running(backend, worktree, MachineOptions(user="root"))
    said = run(engine, spec, "grep CapBnd /proc/self/status")[0].split()[1]
    # CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, KILL 5, SETGID 6, SETUID 7, NET_BIND_SERVICE 10
    assert int(said, 16) == sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 10))
    assert run(engine, spec, "echo $(id -u); touch /etc/x && chown 12:13 /etc/x && echo ok")[0].split() == ["0", "ok"]
    assert run(engine, spec, "mount -t tmpfs none /tmp")[1] != 0


async def test_a_read_only_root_has_memory_to_write_to(engine, backend, worktree):
    for user, home in (("owner", "/home/nexus"), ("root", "/root")):
        os.chown(worktree, 4711, 4712)
        workspace = f"ws_ro{user}"
        spec = await running(backend, worktree, MachineOptions(read_only=True, user=user), workspace)
        script = f"touch /tmp/x /run/x {home}/x /workspace/by-{user} && echo ok"
        assert run(engine, spec, script)[0].splitlines()[-1] == "ok"
        assert run(engine, spec, "touch /etc/x")[1] != 0
        assert run(engine, spec, "touch /bin/x")[1] != 0


@pytest.fixture
def elsewhere():
    """The address of another host, which answers "hello" on port 7070."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        unavailable("another host is played by a network namespace, which needs root and iproute2")

    def ip(words):
        subprocess.run(["ip", *words.split()], check=True)

    ip("netns add nexus-test-out")
    try:
        ip("link add nxtest0 type veth peer name nxtest1 netns nexus-test-out")
        ip("addr add 198.18.77.1/30 dev nxtest0")
        ip("link set nxtest0 up")
        ip("-n nexus-test-out addr add 198.18.77.2/30 dev nxtest1")
        ip("-n nexus-test-out link set nxtest1 up")
        serve = "while :; do nc -l -p 7070 -e echo hello; done"
        server = subprocess.Popen(["ip", "netns", "exec", "nexus-test-out", "busybox", "sh", "-c", serve])
        yield "198.18.77.2"
        server.kill()
        server.wait()
    finally:
        for pid in subprocess.run(
            ["ip", "netns", "pids", "nexus-test-out"], capture_output=True, text=True
        ).stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        ip("netns del nexus-test-out")


async def test_without_egress_there_is_no_way_out(engine, backend, worktree, elsewhere):
    ask = f"for i in 1 2 3 4 5; do nc -w 1 {elsewhere} 7070 </dev/null && break; sleep 0.1; done"
    with_egress = await running(backend, worktree, workspace="ws_out")
    assert run(engine, with_egress, ask)[0].endswith("hello")
    spec = await running(backend, worktree, MachineOptions(egress=False))
    assert "hello" not in run(engine, spec, ask)[0]


async def test_workspaces_do_not_reach_each_other(engine, backend, worktree):
    first = await running(backend, worktree, workspace="ws_a")
    second = await running(backend, worktree, workspace="ws_b")
    networks = engine.api.inspect_container("nexus-ws_a")["NetworkSettings"]["Networks"]
    assert set(networks) == {"nexus-ws_a"}
    address = networks["nexus-ws_a"]["IPAddress"]
    serve = "mkfifo /tmp/up; (echo up > /tmp/up; nc -l -p 7777 -e echo hello) & cat /tmp/up"
    assert run(engine, first, serve)[0] == "up"
    ask = f"nc -w 2 {address} 7777 </dev/null"
    assert "hello" not in run(engine, second, ask)[0]
    assert "hello" in run(engine, first, ask)[0], "it does answer"


async def test_git_works_inside_and_cannot_write(engine, tmp_path, backend, repository):
    worktree = repository / ".nexus" / "worktrees" / "w"
    await asyncio.to_thread(git, "worktree", "add", "-q", "-b", "w", str(worktree), cwd=repository)
    spec = await running(backend, worktree, repository=repository)
    inside = "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' git"
    said, code = run(engine, spec, f"echo new > x; {inside} status --short; {inside} log --oneline | wc -l")
    if "not found" in said:
        pytest.skip("no git on this host to put into the image")
    assert (said.splitlines(), code) == (["?? x", "1"], 0)
    hooks = repository / ".git" / "hooks"
    assert run(engine, spec, f"echo evil > {hooks}/post-checkout")[1] != 0
    assert run(engine, spec, f"{inside} config core.fsmonitor evil")[1] != 0
    assert not (hooks / "post-checkout").exists()


async def test_git_can_be_left_out(engine, tmp_path, repository):
    backend = make_backend(tmp_path, engine.host, git="none")
    await backend.open()
    try:
        spec = await running(backend, repository, repository=repository)
        targets = {mount["Target"] for mount in host_config(engine, spec)["Mounts"]}
        assert targets == {"/workspace", "/.nexus/run"}
    finally:
        await backend.destroy("ws_opt")
        await backend.close()


async def test_an_image_that_is_not_there_is_named(engine, backend, worktree):
    spec = spec_for(worktree, "ws_image", MachineOptions(image="nexus-no-such:1", pull="never"))
    with pytest.raises(ImageUnusable, match="must not be fetched"):
        await backend.create(spec)
    spec = spec_for(worktree, "ws_image", MachineOptions(image="localhost:1/nexus-no-such:1"))
    with pytest.raises(ImageUnusable) as caught:
        await backend.create(spec)
    assert caught.value.details.image == "localhost:1/nexus-no-such:1"
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values())


async def test_networks_go_on_when_the_engines_addresses_are_used_up(engine, backend, worktree):
    """The engine's own pools hold some thirty networks; a node has more workspaces."""
    made = []
    try:
        for number in range(64):
            try:
                made.append(engine.api.create_network(f"nexus-test-filler-{number}")["Id"])
            except Exception as error:
                assert "non-overlapping" in str(error)
                break
        else:
            pytest.skip("this engine has pools of a hundred networks and more")
        first, second = (spec_for(worktree, f"ws_pool{number}") for number in range(2))
        for spec in (first, second):
            await backend.create(spec)
            await backend.start(spec)
        found = engine.api.inspect_network(f"nexus-{second.workspace}")["IPAM"]["Config"][0]["Subnet"]
        assert found.startswith("10.213.") and found.endswith("/28")
    finally:
        for network in made:
            engine.api.remove_network(network)
