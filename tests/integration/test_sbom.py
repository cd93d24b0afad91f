"""`git hybrid sbom`: what is pinned as CycloneDX, against the schema of its makers."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from git_hybrid.cli.main import main
from support.cli import Hybrid
from support.governed import Site, forced_site
from support.kit import changes, lock, released, replace, snapshot
from support.scanners import a_scanner, use
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


@pytest.fixture
def tool(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    hybrid("init")
    hybrid("add", upstream.url, "--name", "tool", "--version", ">=1", "--group", "infra", "--group", "ci")
    return upstream


def _valid(text: str) -> dict[str, Any]:
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    # The whole schema stands in what it prints.
    assert error is None, str(error)[:500]
    found: dict[str, Any] = json.loads(text)
    return found


def _facts(component: dict[str, Any]) -> dict[str, list[str]]:
    facts: dict[str, list[str]] = {}
    for item in component["properties"]:
        facts.setdefault(item["name"].removeprefix("git-hybrid:"), []).append(item["value"])
    return facts


def test_it_tells_what_is_pinned_without_a_clone(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    before = snapshot(workspace)
    document = _valid(hybrid("sbom").out)
    assert changes(before, snapshot(workspace)) == []
    pin = lock(workspace)["tool"]
    (component,) = document["components"]
    assert (component["name"], component["version"]) == ("tool", "v1.1.0")
    assert component["purl"].startswith(f"pkg:generic/{Path(tool.url).stem}@{pin['commit']}?vcs_url=git%2Bfile:///")
    assert component["swhid"] == [f"swh:1:dir:{pin['tree']}", f"swh:1:rev:{pin['commit']}"]
    assert component["externalReferences"] == [{"type": "vcs", "url": tool.url}]
    facts = _facts(component)
    assert facts["commit"] == [pin["commit"]]
    assert facts["ref"] == ["refs/tags/v1.1.0"]
    assert facts["group"] == ["ci", "infra"]
    assert facts["scan"] == ["missing"]
    assert "override" not in facts
    assert document["metadata"]["component"]["name"] == workspace.name
    assert {"ref": "workspace", "dependsOn": ["source:tool"]} in document["dependencies"]


def test_the_same_records_give_the_same_bytes(
    hybrid: Hybrid, tool: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = json.loads(hybrid("sbom").out)["serialNumber"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1784199784")
    first = hybrid("sbom").out
    assert hybrid("sbom", "-o", str(tmp_path / "sbom.json")).out == ""
    assert (tmp_path / "sbom.json").read_text() == first
    assert _valid(first)["metadata"]["timestamp"] == "2026-07-16T11:03:04+00:00"
    assert json.loads(first)["serialNumber"] != serial
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert "SOURCE_DATE_EPOCH: 'yesterday': is no number of seconds" in hybrid("sbom", check=2).err


def test_an_override_and_a_scan_are_told(forced: Site, tmp_path: Path) -> None:
    use(forced.root, a_scanner(tmp_path / "finder"))
    forced("scan")
    facts = _facts(_valid(forced("sbom").out)["components"][0])
    (record,) = forced.overrides()
    assert facts["override"] == [record["id"]]
    assert facts["override-request"] == ["CHG-1"]
    assert facts["override-expires"] == [record["expires_at"]]
    assert facts["override-status"] == ["active"]
    assert facts["scan"] == ["clean"]
    assert _facts(_valid(forced("sbom", shift="+10d").out)["components"][0])["scan"] == ["stale"]
    forced("override", "revoke", record["id"], "--reason", "bad")
    facts = _facts(_valid(forced("sbom").out)["components"][0])
    assert facts["override-status"] == ["revoked"]
    assert facts["override-closed-at"] == [forced.overrides()[0]["closed_at"]]


def test_what_is_not_pinned_fails_it_and_nothing_is_written(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstream_factory: UpstreamFactory
) -> None:
    other = upstream_factory("other")
    released(other)
    hybrid("add", other.url, "--name", "other")
    replace(workspace / "sources.toml", 'version = ">=1"', 'version = ">=1.1"')
    done = hybrid("sbom", "-o", "sbom.json", check=1)
    assert done.out == ""
    assert "error: tool changed in sources.toml since it was pinned\n" in done.err
    assert "hint: git hybrid pin\n" in done.err
    assert "note: no SBOM was written: it has every source or none" in done.err
    assert not (workspace / "sbom.json").exists()
    alone = _valid(hybrid("sbom", "other").out)
    assert [item["name"] for item in alone["components"]] == ["other"]
    assert alone["compositions"] == [{"aggregate": "incomplete", "dependencies": ["workspace"]}]
    assert hybrid("sbom", check=1).out == ""
    told = json.loads(hybrid("sbom", "--json", "-o", "sbom.json", check=1).out)
    assert told["exit_code"] == 1
    hybrid("pin")
    assert json.loads(hybrid("sbom", "--json", "-o", "sbom.json").out)["file"] == str(workspace / "sbom.json")
    assert len(_valid((workspace / "sbom.json").read_text())["components"]) == 2
    assert "name a file" in hybrid("sbom", "--json", check=2).err


def test_no_sources_is_an_empty_list(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    done = hybrid("sbom")
    assert _valid(done.out).get("components", []) == []
    assert "no sources yet" in done.err


def test_a_library_that_is_missing_is_named(hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path) -> None:
    (tmp_path / "none" / "cyclonedx").mkdir(parents=True)
    (tmp_path / "none" / "cyclonedx" / "__init__.py").write_text("raise ModuleNotFoundError(name='cyclonedx')\n")
    done = hybrid(
        "sbom", check=2, env={"PYTHONPATH": f"{tmp_path / 'none'}{os.pathsep}", "GIT_HYBRID_TESTS_START": "new"}
    )
    assert "error: sbom needs a library that is not installed: no module cyclonedx\n" in done.err
    assert "cause: install git-hybrid[sbom] from where git-hybrid came\n" in done.err


def test_a_library_that_is_missing_is_installed_where_the_program_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cyclonedx.model", None)
    monkeypatch.delitem(sys.modules, "git_hybrid.view.sbom", raising=False)
    monkeypatch.setattr(sys, "executable", "/a b/python")
    assert main(["sbom"]) == 2
    told = capsys.readouterr().err
    assert "error: sbom needs a library that is not installed: no module cyclonedx" in told
    assert "hint: '/a b/python' -m pip install cyclonedx-python-lib\n" in told
