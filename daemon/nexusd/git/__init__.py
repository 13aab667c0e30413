"""Repositories, worktrees and what is done in them, through the git command.

    urls          what a source may be, and addresses without their credentials
    child         a process whose output the event loop reads
    command       one way to run git: fixed environment, no hooks, deadlines, capped output
    layout        where git keeps things, read without starting it
    locks         exclusion between daemons and the git processes they leave behind
    refs          names to commits
    repositories  a local path or a URL to a repository on this node
    worktrees     make, inspect and remove the worktree of a workspace
    operations    status, diff, log, commit, branch, sync: what the protocol offers

Whom git trusts here. The *tree* of a repository is hostile: attributes, hooks, `.gitmodules`, file names, a `.git` that
a process of the workspace put in the place of the real one. The repository's own *configuration* is its owner's:
filters, merge drivers and credential helpers configured there run, as they do when the owner calls git. Hooks, the file
system monitor, external diffs, text conversion, pagers and editors never run. Ownership stays git's decision:
repositories are found by git itself, which refuses those of other users unless `safe.directory` of the daemon's user
names them. After that each command names the git directory outright, so that nothing in a worktree leads it elsewhere.
"""
