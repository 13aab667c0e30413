"""The bars of the design, each measured beside its peer in the same run.

`python -m benchmarks` starts a real daemon and the peers as processes of their own, on loopback, and alternates between
them. It prints a table and writes `results.json`.

    rows         what a measurement says, and whether it holds its bar
    rounds       ours and the peer in turn, and the medians
    sizes        how much is measured
    context      what the benchmarks share: directories, the daemon, the peers
    wire         the bare client: blocking sockets, nothing between a benchmark and the bytes
    children     processes that are measured
    clients      programs that use a daemon from one language, through its SDK or without
    programs     how those of each language are built and driven
    toolchains   Go and Node.js
    dockerd      a Docker Engine, this machine's or our own; tests and the demo use it, too
    engineapi    what an engine does by its own API
    containers   a daemon whose workspaces are containers
    peers        servers that do the same without Nexus
    suite        which benchmarks there are
"""
