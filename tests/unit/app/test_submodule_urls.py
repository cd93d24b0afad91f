"""Where a submodule may be fetched from."""

from __future__ import annotations

import pytest

from git_hybrid.app.submodules import submodule_url
from git_hybrid.core.errors import HostileTree
from git_hybrid.core.ids import parse_oid, parse_url
from git_hybrid.core.value import replace
from support.values import a_source

COMMIT = parse_oid("1" * 40)
SERVED = ("https://git.example.org/a/b.git", "ssh://git@git.example.org/a/b.git")


@pytest.mark.parametrize("base", SERVED)
@pytest.mark.parametrize("text", ["/private", "/private/", "file:///private"])
def test_a_server_may_not_name_what_is_on_this_machine(base: str, text: str) -> None:
    source = replace(a_source(), url=parse_url(base))
    with pytest.raises(HostileTree) as caught:
        submodule_url(source, COMMIT, "sub", text)
    assert caught.value.findings == ("submodule sub: URL is of this machine, and the repository that names it is not",)


def test_a_submodule_without_a_url_is_told_as_that() -> None:
    with pytest.raises(HostileTree, match=r"submodule sub: \.gitmodules names no URL for it, .* submodules = false"):
        submodule_url(a_source(), COMMIT, "sub", "")


@pytest.mark.parametrize("text", ["/srv/c.git", "file:///srv/c.git", "../c.git", "https://git.example.org/c.git"])
def test_what_is_on_this_machine_may(text: str) -> None:
    source = replace(a_source(), url=parse_url("file:///srv/b.git"))
    assert str(submodule_url(source, COMMIT, "sub", text)).endswith("c.git")


@pytest.mark.parametrize("base", SERVED)
def test_a_relative_url_stays_on_the_server(base: str) -> None:
    source = replace(a_source(), url=parse_url(base))
    assert str(submodule_url(source, COMMIT, "sub", "../c.git")) == base.replace("b.git", "c.git")
