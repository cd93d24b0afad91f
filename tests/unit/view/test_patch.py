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


def test_a_line_without_an_end_is_shown_in_pieces() -> None:
    shown = Shown(color=False)
    assert [len(line) for line in shown.lines(b"x" * 70_000)] == [70_000]
    assert [*shown.close()] == []
