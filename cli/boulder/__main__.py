"""`python -m boulder`, and the entry point of the installed command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from boulder.app import cli

    cli.main(prog_name="boulder")


if __name__ == "__main__":
    main()
