"""Lifecycle of workspaces: who they are, what changes them, and how a crash is mended."""
