"""The docker backend: a workspace is a container of its own, on a network of its own."""
