from __future__ import annotations

import json

import pytest

from git_hybrid.core.components import Component, component
from git_hybrid.core.ids import Oid
from git_hybrid.core.value import replace
from git_hybrid.view.sbom import sbom
from support.samples import NOW
from support.values import a_pin, a_snapshot, a_source, oid

COMMIT = oid(1)


def _written(url: str, **changed: Oid) -> dict[str, object]:
    source = a_source(url=url)
    found = component(a_snapshot(source, pins=[replace(a_pin(source), **changed)]), source, NOW)
    assert isinstance(found, Component)
    document = json.loads(sbom([found], workspace="w\udcff", version="1", now=NOW))
    assert document["metadata"]["component"]["name"] == "w\\xff"
    written: dict[str, object] = document["components"][0]
    return written


@pytest.mark.parametrize(
    ("url", "purl"),
    [
        ("https://github.com/HashiCorp/Packer.git", f"pkg:github/hashicorp/packer@{COMMIT}"),
        ("ssh://git@github.com/a/b", f"pkg:github/a/b@{COMMIT}"),
        ("https://bitbucket.org/a/b", f"pkg:bitbucket/a/b@{COMMIT}"),
        ("https://github.com:8443/a/b", f"pkg:generic/b@{COMMIT}?vcs_url=git%2Bhttps://github.com:8443/a/b%40{COMMIT}"),
        ("https://gitlab.com/a/b/c", f"pkg:generic/c@{COMMIT}?vcs_url=git%2Bhttps://gitlab.com/a/b/c%40{COMMIT}"),
        ("https://h/g/%C3%A9.git", f"pkg:generic/%C3%A9@{COMMIT}?vcs_url=git%2Bhttps://h/g/%25C3%25A9.git%40{COMMIT}"),
    ],
)
def test_a_package_url_names_the_commit_and_where_git_finds_it(url: str, purl: str) -> None:
    assert _written(url)["purl"] == purl


def test_identifiers_of_software_heritage_are_of_sha1() -> None:
    assert _written("https://h/a")["swhid"] == [f"swh:1:dir:{oid(0x77)}", f"swh:1:rev:{COMMIT}"]
    assert "swhid" not in _written("https://h/a", commit=Oid("a" * 64), tree=Oid("b" * 64))


def test_no_two_documents_have_one_serial_number() -> None:
    def serial(name: str, url: str, *, workspace: str = "w", version: str = "1") -> str:
        source = a_source(name, url=url)
        found = component(a_snapshot(source, pins=[a_pin(source)]), source, NOW)
        assert isinstance(found, Component)
        number: str = json.loads(sbom([found], workspace=workspace, version=version, now=NOW))["serialNumber"]
        return number

    one = serial("a", "https://github.com/a/b")
    assert one == serial("a", "https://github.com/a/b")
    others = {
        serial("b", "https://github.com/a/b"),
        serial("a", "ssh://git@github.com/a/b"),
        serial("a", "https://github.com/a/b", workspace="x"),
        serial("a", "https://github.com/a/b", version="2"),
    }
    assert len(others - {one}) == 4


@pytest.mark.parametrize(
    ("submodules", "complete", "told"),
    [
        (False, True, None),
        (True, True, {"assemblies": ["source:tool"]}),
        (False, False, {"dependencies": ["workspace"]}),
        (True, False, {"assemblies": ["source:tool"], "dependencies": ["workspace"]}),
    ],
)
def test_what_it_leaves_out_is_told(submodules: bool, complete: bool, told: dict[str, list[str]] | None) -> None:
    source = replace(a_source(), submodules=submodules)
    found = component(a_snapshot(source, pins=[a_pin(source)]), source, NOW)
    assert isinstance(found, Component)
    text = sbom([found], workspace="w", version="1", now=NOW, complete=complete)
    document = json.loads(text)
    assert document.get("compositions") == (None if told is None else [{"aggregate": "incomplete", **told}])
    whole = json.loads(sbom([found], workspace="w", version="1", now=NOW))
    assert (document["serialNumber"] == whole["serialNumber"]) is complete
