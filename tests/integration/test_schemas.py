"""The files and documents of a real workspace are valid by the schemas, and a wrong one is not."""

from __future__ import annotations

import json
import sys
import tomllib
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from git_hybrid.core.lock import UNREACHABLE
from git_hybrid.core.scanners import PRESETS
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.statefile import decode_state
from support.cli import Hybrid
from support.documents import DOCUMENTS
from support.kit import git, released, started
from support.samples import LOCK, STATE
from support.upstream import UpstreamFactory

_SCANNER = """
import json, sys
found = {"ruleId": "r", "level": "warning", "message": {"text": "m"}}
place = {"physicalLocation": {"artifactLocation": {"uri": "README"}, "region": {"startLine": 1}}}
driver = {"name": "words", "version": "1", "rules": [{"id": "r"}]}
run = {"tool": {"driver": driver}, "results": [found | {"locations": [place]}]}
run["invocations"] = [{"executionSuccessful": True}]
json.dump({"version": "2.1.0", "runs": [run]}, open(sys.argv[1], "w"))
"""
SCANNER = '\n[[scanner]]\nname = "words"\ncommand = ["words", "{report}", "{path}"]\n'


def _wrong(name: str, document: Any) -> list[str]:
    schema = json.loads((files("git_hybrid") / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return [error.message for error in Draft202012Validator(_closed(schema)).iter_errors(_plain(document))]


def _closed(schema: Any) -> Any:
    """Return *schema* without leave for keys that it does not name: a later version may add some, this one tells all."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(item) for key, item in schema.items()}
    return {"additionalProperties": False, **closed} if isinstance(schema.get("properties"), dict) else closed


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


def test_every_document_of_every_command(
    hybrid: Hybrid, ready: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    """Run each command with ``--json`` and hold what it writes against the schema that is named for it."""
    other = upstream_factory("other")
    released(other)
    path = ready / "sources.toml"
    command = [sys.executable, "-c", _SCANNER, "{report}"]
    path.write_text(path.read_text().replace('["words", "{report}", "{path}"]', json.dumps(command)))
    git("init", "-q", cwd=ready)
    made = str(tmp_path / "made")
    override = hybrid("override", "list", "--json").json()["overrides"][0]["id"]
    approved = ("--approver", "b@example.org", "--reason", "r")
    folder = f"file://{tmp_path}/folder"
    (tmp_path / "folder").mkdir()
    calls: list[tuple[str, list[str]]] = [
        ("init", [made]),
        ("add", [other.url, "--name", "other", "--branch", "main"]),
        ("sync", []),
        ("pin", []),
        ("status", []),
        ("diff", []),
        ("outdated", []),
        ("reset", ["other"]),
        ("resume", []),
        ("merge", []),
        ("scan", ["--diff"]),
        ("check", []),
        ("diag", []),
        ("config", []),
        ("schema", []),
        ("completion", ["bash"]),
        ("help", ["moved-tag"]),
        ("demo", [str(tmp_path / "demo")]),
        ("dashboard", ["-o", "page.html"]),
        ("audit export", ["-o", "log.html", "--format", "html"]),
        ("override export", ["-o", "overrides.csv", "--format", "csv"]),
        ("sbom", ["-o", "sbom.json"]),
        ("foreach", ["--", "pwd"]),
        ("hooks install", []),
        ("hooks uninstall", []),
        ("install-man", [str(tmp_path / "man")]),
        ("mirror add", ["near", folder, "--owner", "ops"]),
        ("mirror update", ["near"]),
        ("mirror verify", ["near"]),
        ("mirror list", []),
        ("mirror remove", ["near"]),
        ("bundle create", ["-o", str(tmp_path / "x.bundle")]),
        ("bundle verify", [str(tmp_path / "x.bundle")]),
        ("bundle apply", [str(tmp_path / "x.bundle")]),
        ("override list", []),
        ("override show", [override]),
        ("override restore", []),
        ("override renew", [override, "--expires", "8d", *approved]),
        ("override revoke", [override, "--reason", "r"]),
        ("cache show", []),
        ("cache verify", []),
        ("cache prune", []),
        ("audit log", []),
        ("audit verify", []),
        ("audit rotate", []),
        ("remove", ["other"]),
    ]
    assert {words for words, _ in calls} == set(DOCUMENTS)
    for words, options in calls:
        result = hybrid(*words.split(), "--json", *options, check=None)
        document = result.json()
        assert "error" not in document, (words, document)
        assert document["exit_code"] == result.code, words
        assert _wrong(DOCUMENTS[words], document) == [], words
    assert _wrong("error", hybrid("sync", "nobody", "--json", check=2).json()) == []
    assert _wrong("error", hybrid("pin", "--nonsense", "--json", check=2).json()) == []


_PIN: dict[str, Any] = _plain(tomllib.loads(LOCK)["source"]["tool"])
_ENTRY: dict[str, Any] = json.loads(STATE)["sources"][0]
_TAKEN = f"""
schema_version = 1
[defaults]
retry = {{ initial = "0ms", maximum = "5200w" }}
[policy]
hosts = ["h", "a-1.example.org", "[::1]"]
scan_max_age = "000007d"
[source.a]
url = "ssh://git@[::1]:22/~x"
commit = "{"0" * 64}"
groups = ["1.a_b-c"]
[source.B-1_x]
url = "file:///srv/x"
commit = "{"0" * 40}"
{"".join(f"[[scanner]]{chr(10)}name = '{name}'{chr(10)}preset = '{name}'{chr(10)}env = ['_A1']{chr(10)}" for name in PRESETS)}
[[scanner]]
name = "own"
command = ["x"]
format = "betterleaks-json"
"""


def test_what_the_program_takes_is_taken() -> None:
    assert decode_manifest(_TAKEN.encode()).scanners
    assert _wrong("manifest", tomllib.loads(_TAKEN)) == []
    forced = _PIN | {"ref": UNREACHABLE, "reachable_from": UNREACHABLE}
    assert _wrong("lock", {"lock_version": 1, "source": {"tool": forced}}) == []
    state = {"schema_version": 1, "sources": [_ENTRY | {"updated_at": "2026-07-16T11:03:04.123456Z"}]}
    assert decode_state(json.dumps(state).encode()).sources
    assert _wrong("state", state) == []


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("manifest", {"schema_version": 2}),
        ("manifest", {"schema_version": 1, "sources": {}}),
        ("manifest", {"schema_version": 1, "source": {"a": {"url": "https://h/x"}}}),
        ("manifest", {"schema_version": 1, "source": {"a": {"url": "https://h/x", "tag": "a", "branch": "b"}}}),
        ("manifest", {"schema_version": 1, "source": {"../a": {"url": "https://h/x", "tag": "a"}}}),
        ("manifest", {"schema_version": 1, "scanner": [{"name": "x"}]}),
        ("manifest", {"schema_version": 1, "scanner": [{"name": "x", "preset": "nope"}]}),
        ("manifest", {"schema_version": 1, "scanner": [{"name": "x", "preset": "trivy", "command": ["x"]}]}),
        ("manifest", {"schema_version": 1, "defaults": {"stall": "soon"}}),
        ("manifest", {"schema_version": 1, "policy": {"hosts": ["https://h"]}}),
        ("manifest", {"schema_version": 1, "source": {"a": {"url": "ext::sh -c id", "tag": "a"}}}),
        ("manifest", {"schema_version": 1, "source": {"a": {"url": "https://h/x", "commit": "not hex"}}}),
        ("lock", {"lock_version": 1, "source": {"tool": _PIN | {"ref": "main"}}}),
        ("lock", {"lock_version": 1, "source": {"tool": _PIN | {"tree": "0" * 41}}}),
        ("state", {"schema_version": 1, "sources": [_ENTRY | {"updated_at": "yesterday"}]}),
        ("state", {"schema_version": 1, "sources": [_ENTRY | {"name": "../x"}]}),
        ("lock", {"lock_version": 1, "source": {"a": {"commit": "0" * 40}}}),
        ("state", []),
        ("overrides", {"schema_version": 1, "overrides": [{}]}),
        ("audit", {"v": 1}),
        ("status", {"schema_version": 1, "command": "sync"}),
        ("scan", {"schema_version": 1, "command": "scan", "exit_code": 0, "sources": [{"name": "a"}]}),
        ("audit-verify", {"schema_version": 1, "command": "audit verify", "exit_code": 0, "sources": []}),
        ("override", {"schema_version": 1, "command": "override show", "exit_code": 0, "override": {}, "sources": []}),
        ("error", {"schema_version": 1, "exit_code": 2, "error": {"code": "x"}, "sources": []}),
    ],
)
def test_what_is_wrong_is_refused(name: str, document: Any) -> None:
    assert _wrong(name, document) != []
