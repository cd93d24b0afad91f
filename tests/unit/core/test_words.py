"""What is said in words: numbers, paths, commands."""

from __future__ import annotations

import os
import subprocess

import pytest

from git_hybrid.core.words import (
    COMMITTED,
    JOINED,
    again_line,
    counted,
    hints_of,
    kept_line,
    lasting,
    path_of,
    plural,
    sized,
    some,
    typed,
)


@pytest.mark.parametrize(
    ("number", "word", "text"),
    [
        (0, "file", "0 files"),
        (1, "file", "1 file"),
        (2, "file", "2 files"),
        (1200, "file", "1,200 files"),
        (1, "audit record", "1 audit record"),
        (3, "audit record", "3 audit records"),
        (2, "entry", "2 entries"),
        (2, "bare repository", "2 bare repositories"),
    ],
)
def test_counted(number, word, text):
    assert counted(number, word) == text


def test_verbs_follow():
    assert (plural(1, "is"), plural(2, "is"), plural(2, "has")) == ("is", "are", "have")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (12_897_485, "12.3 MiB"),
        (1 << 30, "1.0 GiB"),
        (5 << 50, "5120.0 TiB"),
    ],
)
def test_sized(number, text):
    assert sized(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3599.4, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_lasting(seconds, text):
    assert lasting(seconds) == text


def test_the_path_of_an_error_is_text() -> None:
    assert path_of(OSError(13, "Permission denied", b"/a/\xff")) == "/a/\udcff"
    assert path_of(OSError(13, "Permission denied", "/a")) == "/a"
    assert path_of(OSError("no path")) == ""
    # A rename: the new file is gone by the time that this is told.
    assert path_of(OSError(13, "Permission denied", "/a.tmp", None, "/b/a")) == "/b/a"
    assert path_of(OSError(2, "No such file or directory", "/a.tmp", None, "/b/a")) == "/a.tmp"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_is_typed_comes_back_from_a_shell(shell: str) -> None:
    words = (
        "one",
        "it's",
        "",
        "$HOME `x`",
        "two\nlines, 50 % \\n 'so'",
        "\ttab",
        "\u202eturned",
        "a\x1b[31m",
        "\udcff!",
    )
    line = typed(*words)
    assert line.isprintable()
    done = subprocess.run([shell, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in words]


def test_each_hint_has_one_command() -> None:
    assert hints_of("git hybrid pin tool") == ("git hybrid pin tool",)
    assert hints_of(f"git checkout HEAD -- f{COMMITTED}git hybrid sync") == (
        "git checkout HEAD -- f",
        "where it was committed so: git hybrid sync",
    )
    assert hints_of(f"{JOINED}git hybrid pin tool") == (
        "where a merge joined it from two: git hybrid merge",
        "else: git hybrid pin tool",
    )


def test_of_many_names_the_first_ten_are_said() -> None:
    names = [f"n{number}" for number in range(12)]
    assert some([]) == ""
    assert some(names[:10]) == ", ".join(names[:10])
    assert some(names[:11]).endswith("n9 and 1 other")
    assert some(names) == f"{', '.join(names[:10])} and 2 others"


def test_a_command_line_that_is_cut_is_told_from_others_and_not_typed_again():
    short, long = "git hybrid pin", f"git hybrid pin --reason {'why ' * 200}"
    assert kept_line(short) == again_line(kept_line(short)) == short
    kept = {kept_line(f"{long} --to {ref}") for ref in ("a", "b", "\udc80")}
    assert len(kept) == 3
    assert {len(line) for line in kept} == {500}
    assert all(line.startswith("git hybrid pin --reason why ") and "… " in line for line in kept)
    assert {again_line(line) for line in kept} == {""}
