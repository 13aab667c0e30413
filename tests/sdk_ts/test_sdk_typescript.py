"""The TypeScript SDK's own checks: lint, types, and its tests, in Node.js and in a real browser."""

from __future__ import annotations

import pytest
from node_toolchain import Node, browser, unavailable

pytestmark = pytest.mark.xdist_group("sdk_ts")

PAGE = "test/terminal.test.ts"


def test_lint_and_format_have_nothing_to_say(node: Node) -> None:
    ran = node.run("npm", "run", "--silent", "lint")
    assert ran.returncode == 0, ran.stdout


def test_types_are_right_with_and_without_those_of_node(node: Node) -> None:
    ran = node.run("npm", "run", "--silent", "types")
    assert ran.returncode == 0, ran.stdout


def test_its_tests_pass(node: Node) -> None:
    ran = node.run("node", "node_modules/vitest/vitest.mjs", "run", "--exclude", PAGE)
    assert ran.returncode == 0, ran.stdout[-20_000:]


def test_the_terminal_page_works_in_a_real_browser(node: Node) -> None:
    program = browser()
    if program is None:
        unavailable("there is no Chromium, and it cannot be installed here")
    assert program is not None
    ran = node.run("node", "node_modules/vitest/vitest.mjs", "run", PAGE, NEXUS_TEST_CHROMIUM=program)
    assert ran.returncode == 0, ran.stdout[-20_000:]
