"""The TypeScript SDK's own checks: lint, types, and its tests, in Node.js and in a real browser."""

from __future__ import annotations

from pathlib import Path

from node_toolchain import Node, browser, unavailable

PAGE = "test/terminal.test.ts"
ENGINES = "test/engines.test.ts"
VITEST = ("node", "node_modules/vitest/vitest.mjs", "run")


def test_lint_and_format_have_nothing_to_say(node: Node) -> None:
    ran = node.run("npm", "run", "--silent", "lint")
    assert ran.returncode == 0, ran.stdout


def test_types_are_right_with_and_without_those_of_node(node: Node) -> None:
    ran = node.run("npm", "run", "--silent", "types")
    assert ran.returncode == 0, ran.stdout


def test_its_tests_pass(node: Node) -> None:
    ran = node.run(*VITEST, "--exclude", PAGE, "--exclude", ENGINES)
    assert ran.returncode == 0, ran.stdout[-20_000:]


def test_every_engine_runs_it(node: Node, engines: dict[str, str]) -> None:
    # an engine that was installed and is not found is a failure, not a skip
    ran = node.run(*VITEST, ENGINES, **engines, CI="true")
    assert ran.returncode == 0, ran.stdout[-20_000:]


def test_its_reference_is_complete(node: Node, tmp_path: Path) -> None:
    ran = node.run("npm", "run", "--silent", "docs", "--", "--out", str(tmp_path / "pages"))
    assert ran.returncode == 0, ran.stdout
    assert (tmp_path / "pages" / "index.html").is_file()


def test_the_terminal_page_works_in_a_real_browser(node: Node) -> None:
    program = browser()
    if program is None:
        unavailable("there is no Chromium, and it cannot be installed here")
    ran = node.run(*VITEST, PAGE, NEXUS_TEST_CHROMIUM=program)
    assert ran.returncode == 0, ran.stdout[-20_000:]
