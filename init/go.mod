module github.com/nexus-workspaces/nexus/init

go 1.24
