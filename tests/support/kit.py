"""Short words for the black-box tests: snapshots, manifests, a git that logs, control bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.cli import Hybrid, Result
from support.upstream import Upstream

NOISE = {Path("sources/.lock")}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every path below `folder` with its bytes (folders: nothing; links: the target)."""
    found: dict[str, bytes] = {}
    for base, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(base, name)
            relative = path.relative_to(folder)
            if relative in NOISE:
                continue
            if path.is_symlink():
                found[str(relative)] = b"-> " + os.fsencode(path.readlink())
            elif path.is_dir():
                found[f"{relative}/"] = b""
            else:
                found[str(relative)] = path.read_bytes()
    return found


def changes(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """Return the paths that came, went or changed."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def git(*args: str | Path, cwd: Path, check: bool = True) -> str:
    """Run git as the user does in a clone, and return what it printed.

    Raises:
        AssertionError: git failed and `check` is set.
    """
    done = subprocess.run(["git", *map(str, args)], cwd=cwd, capture_output=True, check=False)
    out = done.stdout.decode(errors="surrogateescape")
    assert not check or done.returncode == 0, (args, out, done.stderr)
    return out.strip()


def head(ws: Path, name: str = "tool") -> str:
    """Return the commit at HEAD of a clone."""
    return git("rev-parse", "--verify", "HEAD", cwd=ws / "sources" / name)


def lock(ws: Path) -> dict[str, Any]:
    """Return the `source` tables of the lock."""
    tables: dict[str, Any] = tomllib.loads((ws / "state/sources.lock").read_text()).get("source", {})
    return tables


def state(ws: Path) -> dict[str, Any]:
    """Return the entries of the state file by name."""
    document = json.loads((ws / "state/sources.json").read_text())
    return {entry["name"]: entry for entry in document["sources"]}


def manifest(ws: Path) -> dict[str, Any]:
    """Return the `source` tables of the manifest."""
    tables: dict[str, Any] = tomllib.loads((ws / "sources.toml").read_text()).get("source", {})
    return tables


def write_manifest(ws: Path, text: str) -> None:
    """Write a workspace's manifest and folders by hand."""
    (ws / "sources").mkdir(exist_ok=True)
    (ws / "state").mkdir(exist_ok=True)
    (ws / "sources.toml").write_text("schema_version = 1\n" + text)


def replace(path: Path, old: str, new: str) -> None:
    """Replace text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def released(upstream: Upstream) -> list[str]:
    """Give `upstream` three commits on main and the tags v1.0.0 and v1.1.0; return the commits."""
    first = upstream.commit({"README": "one\n", ".gitignore": "*.log\n", "dir/a": "a\n"}, "first")
    upstream.tag("v1.0.0")
    second = upstream.commit({"README": "two\n", "b": "b\n"}, "second")
    upstream.tag("v1.1.0")
    third = upstream.commit({"README": "three\n"}, "third")
    return [first, second, third]


def started(hybrid: Hybrid, *urls_and_options: str, sync: bool = True) -> None:
    """`init`, then `add` with one URL and its options, then `sync`."""
    hybrid("init")
    hybrid("add", *urls_and_options)
    if sync:
        hybrid("sync")


def codes(result: Result) -> dict[str, int]:
    """Return the exit code of each source from `--json` output."""
    return {row["name"]: row["exit_code"] for row in result.json()["sources"]}


def outcomes(result: Result) -> dict[str, str]:
    """Return the outcome of each source from `--json` output."""
    return {row["name"]: row["outcome"] for row in result.json()["sources"]}


def errors(result: Result) -> dict[str, str]:
    """Return the code of the error of each source that has one, from `--json` output."""
    return {row["name"]: row["error"]["code"] for row in result.json()["sources"] if row["error"]}


NOBODY = {"GIT_HYBRID_MIRRORS": "https://localhost:1"}
"""Nobody listens there: what is fetched fails in passing."""


def leave_unfinished(hybrid: Hybrid, workspace: Path) -> None:
    """Let a sync of what is missing fail in passing, so that it leaves a marker."""
    path = workspace / "sources.toml"
    if "[defaults]" not in path.read_text():
        path.write_text(path.read_text() + "\n[defaults]\n")
    replace(path, "[defaults]", "[defaults]\nretry = { attempts = 1 }")
    hybrid("sync", env=NOBODY, check=4)
    assert (workspace / "state/resume.json").is_file()


def logging_git(folder: Path, *, fail: str = "") -> tuple[dict[str, str], Path]:
    """Put a `git` in `folder` that logs its arguments and fails at the command `fail`; return the environment and the log."""
    real = shutil.which("git")
    folder.mkdir()
    log = folder / "log"
    log.touch()
    script = folder / "git"
    refusing = f'for word; do [ "$word" = {fail} ] && exit 1; done\n' if fail else ""
    script.write_text(f'#!/bin/sh\nprintf "%s\\037" "$@" >>"{log}"\necho >>"{log}"\n{refusing}exec {real} "$@"\n')
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}, log


def with_edits(folder: Path, command: str, edits: dict[Path, str]) -> dict[str, str]:
    """Return the environment with a git that runs *edits*, each in its folder, just before it is first asked *command*."""
    real = shutil.which("git")
    folder.mkdir()
    done = folder / "done"
    lines = [f"cd \"{place}\" && env -u GIT_DIR -u GIT_INDEX_FILE sh -c '{edit}'" for place, edit in edits.items()]
    script = "\n".join(lines)
    text = f'case " $* " in *" {command} "*) [ -e "{done}" ] || {{ touch "{done}"\n({script}\n) >&2; }};; esac'
    (folder / "git").write_text(f'#!/bin/sh\n{text}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def commands(log: Path) -> list[str]:
    """Return which of the commands that fetch were started, in their order."""
    found = ("clone", "fetch", "ls-remote", "upload-pack", "pack-objects", "index-pack")
    lines = [line.split("\037") for line in log.read_text().splitlines()]
    return [word for words in lines for word in found if word in words]


def git_env_path() -> dict[str, str]:
    """Return a PATH on which `git hybrid` finds the installed command."""
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def raw_controls(text: str) -> list[str]:
    """Return the control bytes in output that a terminal would obey."""
    return CONTROL.findall(text)
