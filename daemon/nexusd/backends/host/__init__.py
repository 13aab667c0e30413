"""Workspaces as plain processes on this host: the embedded default, without isolation."""
