from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator
from copy import copy

import pytest

from git_hybrid.core import errors
from git_hybrid.core.errors import (
    DecidedOnly,
    DirtySource,
    HybridError,
    InvalidFile,
    LocalWork,
    MirrorLacks,
    NetworkFailure,
    PolicyError,
    Problem,
    RefMissing,
    RemoteError,
    Unreachable,
)
from git_hybrid.core.ids import SourceName
from git_hybrid.core.report import Row


def classes(base: type[HybridError]) -> Iterator[type[HybridError]]:
    for found in base.__subclasses__():
        yield found
        yield from classes(found)


BASES = {LocalWork, RemoteError, PolicyError}
CONCRETE = [found for found in classes(HybridError) if found not in BASES]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [found.code for found in CONCRETE]
    assert len(set(codes)) == len(codes)
    assert HybridError.code not in codes
    assert [code for code in codes if re.fullmatch(r"[a-z]+(-[a-z]+)*", code) is None] == []


def test_the_overview_names_exactly_the_errors_there_are() -> None:
    tree = (errors.__doc__ or "").split("HybridError\n", 1)[1].split("A class says", 1)[0]
    assert set(re.findall(r"\b[A-Z][A-Za-z]+\b", tree)) == {found.__name__ for found in CONCRETE}


def test_an_error_carries_its_facts() -> None:
    error = DirtySource(name="tool", path="sources/tool", files=("a",), count=3)
    assert error.facts() == {"name": "tool", "path": "sources/tool", "files": ("a",), "count": 3, "inside": ()}
    assert str(error) == "dirty: name='tool', path='sources/tool', files=('a',), count=3, inside=()"


def test_facts_of_the_base_and_defaults_are_facts_too() -> None:
    error = NetworkFailure(url="https://host/x", message="gone", kind="stall")
    expected = {"url": "https://host/x", "message": "gone", "name": "", "mirror": "", "kind": "stall", "attempts": 1}
    assert error.facts() == {**expected, "retry_after": None, "until": "", "elsewhere": ""}


def test_errors_are_raised_and_caught_by_their_base() -> None:
    error = InvalidFile(path="sources.toml", problems=(Problem("line 3", "unknown key"),))
    with pytest.raises(HybridError) as caught:
        raise error
    assert caught.value is error


def test_two_failures_with_the_same_facts_are_two_failures() -> None:
    one, two = (DirtySource(name="a", path="p", files=(), count=0) for _ in range(2))
    assert one != two
    assert len({one, two}) == 2


def test_an_error_takes_the_facts_that_it_declares_and_no_others() -> None:
    for facts in ({}, {"name": "tool", "what": "x"}):
        with pytest.raises(TypeError, match="wrong or missing facts"):
            errors.HostNotAllowed(**facts)


def test_a_problem_is_what_it_says() -> None:
    one, same, other = Problem("line 3", "is odd"), Problem("line 3", "is odd"), Problem("line 4", "is odd")
    assert (one == same, one == other, one == ("line 3", "is odd")) == (True, False, False)
    assert {one, same, other} == {one, other}
    assert repr(one) == "Problem(place='line 3', reason='is odd')"
    assert pickle.loads(pickle.dumps(one)) == one


def test_an_error_knows_whether_its_source_was_to_be_added_and_which_mirror_said_it() -> None:
    error = NetworkFailure(url="https://mirror/x", message="m", kind="stalled")
    assert (error.adding, error.mirror, error.asked) == (False, "", False)
    assert error.while_adding("old/.gitmodules") is error
    assert (error.imported, NetworkFailure.imported) == ("old/.gitmodules", "")
    assert error.from_mirror("https://mirror").mirror == "https://mirror"
    assert error.from_mirror("https://other").mirror == "https://mirror"
    assert (error.adding, NetworkFailure.adding, "adding" in error.facts()) == (True, False, False)


def test_an_error_knows_whether_its_folder_belongs_to_no_source() -> None:
    error = DirtySource(name="tool", path="sources/tool", files=("a",), count=1)
    assert not error.stray
    assert error.about_a_stray() is error
    assert error.mended == ()
    assert error.after_mending(["removed x"]) is error
    assert error.mended == ("removed x",)
    assert (error.stray, DirtySource.stray, "stray" in error.facts()) == (True, False, False)


def test_an_error_knows_what_became_of_the_servers_before() -> None:
    error = NetworkFailure(url="u", message="m", kind="stalled")
    assert error.passed_over == ()
    assert error.after_servers(["not served by v"]) is error
    assert pickle.loads(pickle.dumps(error)).passed_over == error.passed_over == ("not served by v",)


def test_who_was_asked_is_told_once_and_only_of_what_a_server_has() -> None:
    missing = RefMissing(name="tool", ref="refs/heads/main", url="https://host/x")
    assert missing.from_mirror("https://mirror", "https://mirror/host/x.git") is missing
    assert (missing.mirror, missing.url) == ("https://mirror", "https://mirror/host/x.git")
    direct = Unreachable(name="tool", commit="c", ref="refs/heads/main").from_mirror(None, "https://host/x")
    assert (direct.from_mirror("https://mirror").mirror, "url" in vars(direct)) == ("", False)
    assert not missing.bundled
    assert not direct.bundled
    bundle = RefMissing(name="tool", ref="refs/heads/main", url="https://host/x")
    assert bundle.from_mirror("file:///b/tool.bundle", "file:///b/tool.bundle").bundled
    lacking = MirrorLacks(name="tool", mirror="corp", url="https://corp/x", what="the pin")
    assert lacking.from_mirror("https://mirror").mirror == "corp"
    assert "mirror" not in vars(InvalidFile(path="f", problems=()).from_mirror("https://mirror"))


@pytest.mark.parametrize("made_again", [copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_that_was_on_another_machine_is_the_same(made_again: Callable[[HybridError], HybridError]) -> None:
    error = RefMissing(name="tool", ref="refs/heads/main", url="https://host/x").while_adding("old/.gitmodules")
    error.from_mirror("file:///b/tool.bundle", "file:///b/tool.bundle", mirrors=("m1", "direct"))
    error.about_a_stray().after_mending(["mended"]).after_servers(["not served by v"]).add_note("kept")
    other = made_again(error)
    assert (type(other), vars(other)) == (RefMissing, vars(error))
    other.add_note("told of one alone")
    assert error.__notes__ == ["kept"]
    assert vars(made_again(NetworkFailure(url="u", message="m", kind="k"))) == {"url": "u", "message": "m", "kind": "k"}


def test_a_name_is_given_where_there_is_none_yet() -> None:
    missing = RefMissing(name="", ref="refs/heads/main", url="https://host/x")
    assert missing.about("tool").name == "tool"
    assert missing.about("other").name == "tool"


def test_what_ends_a_run_tells_the_rows_in_their_order() -> None:
    error = DecidedOnly(path="x", operation="write", reason="full", is_written=False)
    for name in ("c", "b", "a"):
        error.after([Row(name=SourceName(name), outcome="cloned")])
    assert [row.name for row in error.rows] == ["a", "b", "c"]
    assert DecidedOnly(**error.facts()).rows == ()
