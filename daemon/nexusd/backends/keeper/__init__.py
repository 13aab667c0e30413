"""`nexus-init` from the daemon's side: the resident helper of a machine that starts, keeps and reaps its processes.

What is said is in ``init/PROTOCOL.md``. `keeper.Keeper` is one machine's; `handle.KeptHandle` is one process;
`channel.Channel` carries messages and descriptors; `binary` finds the program that goes into machines.
"""
