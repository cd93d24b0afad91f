"""A patch on a terminal: what stands in a hunk is no head, and nothing of it steers."""

from __future__ import annotations

from git_hybrid.view.patch import Shown

PATCH = b"""diff --git a/x b/x
--- a/x
+++ b/x
@@ -1,2 +1,2 @@ f
--- a/y
 \tplain
++++ b/\x1b[2J\xff
\\ No newline at end of file
@@ -5 +5 @@
-a
+b
"""


def test_lines_are_coloured_by_the_hunk_that_they_are_in() -> None:
    shown = Shown(color=True)
    lines = [*shown.lines(PATCH[:50]), *shown.lines(PATCH[50:]), *shown.lines(b"end"), *shown.close()]
    codes = [line[2:4].rstrip("m") if line.startswith("\x1b[") else "" for line in lines]
    assert codes == ["1", "1", "1", "33", "31", "", "32", "", "33", "31", "32", ""]
    assert lines[5] == " \tplain"
    assert lines[6] == "\x1b[32m++++ b/\\x1b[2J\\xff\x1b[0m"


def test_a_long_line_is_shown_in_pieces_that_pass_for_no_other_line() -> None:
    shown = Shown(color=True)
    [*shown.lines(b"@@ -0,0 +1 @@\n")]
    assert [len(line) for line in shown.lines(b"+" + b"x" * 70_000)] == [70_010]
    on, after = shown.lines(b"diff --git a/y b/y\nindex 1..2\n")
    assert on == "\x1b[32m~diff --git a/y b/y\x1b[0m"
    assert after == "\x1b[1mindex 1..2\x1b[0m"
    assert [*shown.close()] == []
