"""The files and documents of a real workspace are valid by the schemas, and a wrong one is not."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from support.cli import Hybrid
from support.kit import released, started
from support.upstream import UpstreamFactory

SCANNER = '\n[[scanner]]\nname = "words"\ncommand = ["words", "{report}", "{path}"]\n'


def _wrong(name: str, document: Any) -> list[str]:
    schema = json.loads((files("git_hybrid") / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return [error.message for error in Draft202012Validator(schema).iter_errors(_plain(document))]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.fixture
def ready(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> Path:
    tool = upstream_factory()
    released(tool)
    started(hybrid, tool.url, "--name", "tool", "--branch", "main")
    forced = ("--force", "--request", "CHG-1", "--approver", "b@example.org", "--reason", "r", "--expires", "9d")
    hybrid("pin", "tool", "--to", "v1.0.0", *forced)
    hybrid("sync")
    hybrid("mirror", "add", "inside", "https://mirror.example.org/git", "--owner", "ops")
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + SCANNER + '\n[[open_issues]]\nspec = "a.md"\nremediations = "b.md"\n')
    return workspace


def test_files(ready: Path) -> None:
    for name, path in (("manifest", "sources.toml"), ("lock", "state/sources.lock")):
        assert _wrong(name, tomllib.loads((ready / path).read_text())) == []
    for name, path in (
        ("state", "sources.json"),
        ("overrides", "sources-overrides.json"),
        ("mirrors", "sources-mirrors.json"),
    ):
        assert _wrong(name, json.loads((ready / "state" / path).read_text())) == []
    lines = (ready / "state/sources-audit.jsonl").read_text().splitlines()
    assert len(lines) > 5
    assert [wrong for line in lines for wrong in _wrong("audit", json.loads(line))] == []


def test_documents(hybrid: Hybrid, ready: Path) -> None:
    assert _wrong("status", hybrid("status", "--json").json()) == []
    assert _wrong("check", hybrid("check", "--json", check=None).json()) == []
    assert _wrong("diag", hybrid("diag", "--json", "--bundle", "x.tgz", check=None).json()) == []
    for words in (["sync"], ["pin", "-n", "tool"], ["diff"], ["outdated"], ["reset", "tool"]):
        assert _wrong("report", hybrid(*words, "--json", check=None).json()) == [], words
    (ready / "sources/tool/README").write_text("mine")
    assert _wrong("report", hybrid("sync", "--json", check=3).json()) == []
    assert _wrong("status", hybrid("status", "--json").json()) == []


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("manifest", {"schema_version": 2}),
        ("manifest", {"schema_version": 1, "sources": {}}),
        ("manifest", {"schema_version": 1, "source": {"a": {"url": "https://h/x"}}}),
        ("manifest", {"schema_version": 1, "source": {"a": {"url": "https://h/x", "tag": "a", "branch": "b"}}}),
        ("manifest", {"schema_version": 1, "source": {"../a": {"url": "https://h/x", "tag": "a"}}}),
        ("manifest", {"schema_version": 1, "scanner": [{"name": "x"}]}),
        ("lock", {"lock_version": 1, "source": {"a": {"commit": "0" * 40}}}),
        ("state", []),
        ("overrides", {"schema_version": 1, "overrides": [{}]}),
        ("audit", {"v": 1}),
        ("status", {"schema_version": 1, "command": "sync"}),
    ],
)
def test_what_is_wrong_is_refused(name: str, document: Any) -> None:
    assert _wrong(name, document) != []
