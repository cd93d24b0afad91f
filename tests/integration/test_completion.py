"""`git hybrid s<TAB>` in the shells themselves, and what they are told."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid, executable, merged_env
from support.kit import git_env_path, released, started
from support.upstream import UpstreamFactory

GIT_COMPLETION = Path("/usr/share/bash-completion/completions/git")
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")


@pytest.fixture
def ready(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, beginning: Beginning) -> Path:
    tool = upstream_factory()
    released(tool)

    def make() -> None:
        started(hybrid, tool.url, "--name", "network", "--group", "infra", sync=False)
        hybrid("add", tool.url, "--name", "netbox")

    beginning(workspace, make)
    return workspace


def _offered(hybrid: Hybrid, *words: str) -> list[str]:
    return [line.split("\t")[1] for line in hybrid("__complete", *words).out.splitlines() if line]


def test_what_is_offered(hybrid: Hybrid, ready: Path, tmp_path: Path) -> None:
    assert _offered(hybrid, "s") == ["sync", "status", "scan", "sbom", "schema"]
    assert _offered(hybrid, "sync", "net") == ["netbox", "network"]
    assert _offered(hybrid, "sync", "--group", "") == ["infra"]
    assert "--offline" in _offered(hybrid, "sync", "--o")
    assert "renew" in _offered(hybrid, "override", "")
    assert _offered(hybrid, "status", "--color=a") == ["always", "auto"]
    assert _offered(hybrid, "check", "aud") == ["audit"]
    assert _offered(hybrid, "audit", "log", "--event", "mirror-v") == ["mirror-verify"]
    assert _offered(hybrid, "audit", "log", "netb") == ["netbox"]
    assert _offered(hybrid, "help", "mo") == ["moved-tag"]
    assert _offered(hybrid, "override", "show", "") == []
    assert _offered(hybrid, "override", "request", "net") == ["netbox", "network"]
    hybrid("mirror", "add", "corp", "https://mirror.example.org/git", "--owner", "Ada <ada@example.org>")
    assert [_offered(hybrid, "mirror", word, "c") for word in ("verify", "remove", "update")] == [["corp"]] * 3
    assert hybrid("__complete", "diag", "--bundle", "").out == "file\t\t\n"
    elsewhere = hybrid("__complete", "-C", str(ready), "pin", "net", cwd=tmp_path)
    assert len(elsewhere.out.splitlines()) == 2


@pytest.mark.parametrize("words", [[], ["nonsense", ""], ["--version", ""], ["sync", "--nonsense", ""], ["-C"]])
def test_it_never_complains(hybrid: Hybrid, ready: Path, words: list[str]) -> None:
    done = hybrid("__complete", *words)
    assert done.err == ""
    assert "version" not in done.out or words == []


def test_it_never_waits(hybrid: Hybrid, workspace: Path) -> None:
    os.mkfifo(workspace / "sources.toml")
    assert hybrid("__complete", "sync", "").out.strip() == ""


def test_without_a_workspace_there_are_no_names(hybrid: Hybrid, tmp_path: Path) -> None:
    assert hybrid("__complete", "sync", "n", cwd=tmp_path).out.strip() == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("git hybrid sta", ["status "]),
        ("git hybrid sync net", ["netbox ", "network "]),
        ("git hybrid override ren", ["renew "]),
        ("git hybrid status --color=al", ["always "]),
        ("git-hybrid sta", ["status "]),
        ("git-hybrid-pin netw", ["network "]),
        ("git -C {here} hybrid sync netw", ["network "]),
    ],
)
def test_bash(ready: Path, line: str, expected: list[str]) -> None:
    assert GIT_COMPLETION.exists()
    assert BASH_COMPLETION.exists()
    line = line.format(here=ready)
    words = line.split(" ")
    # readline gives "=" as a word of its own.
    words = [
        part for word in words for part in (word.replace("=", " = ").split(" ") if word.startswith("--") else [word])
    ]
    function = "__git_wrap__git_main" if words[0] == "git" else "__git_hybrid_main"
    script = f"""
    source {BASH_COMPLETION}; source {GIT_COMPLETION}; eval "$(git-hybrid completion bash)"
    COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; COMP_LINE={line!r}; COMP_POINT={len(line)}
    {function}
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=ready,
        env=merged_env(git_env_path()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == expected, done.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("git hybrid sta", "status"),
        ("git-hybrid sta", "status"),
        ("git-hybrid-pin netw", "network"),
        ("git hybrid sync netw", "network"),
        ("git hybrid override ren", "renew"),
        ("git hybrid status --color=al", "--color=always"),
        ("git hyb", "hybrid"),
        ("git -C {here} hybrid sync netw", "network"),
    ],
)
def test_fish(ready: Path, line: str, expected: str) -> None:
    assert shutil.which("fish") is not None
    script = f"git-hybrid completion fish | source; complete -C {line.format(here=ready)!r}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=ready.parent if "{here}" in line else ready,
        env=merged_env(git_env_path()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in [found.split("\t")[0] for found in done.stdout.splitlines()], (done.stdout, done.stderr)


class Zsh:
    """An interactive zsh to type into."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.master, slave = pty.openpty()
        env = merged_env({**git_env_path(), **(env or {}), "TERM": "dumb", "PS1": "> "})
        self.child = subprocess.Popen(
            ["zsh", "-f", "-i"], cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.seen = ""

    def type(self, text: str, *, until: str) -> str:
        """Write `text` and return what appeared, as soon as `until` is in it."""
        os.write(self.master, text.encode())
        found, end = "", time.monotonic() + 60
        while until not in found and time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                found += os.read(self.master, 65536).decode(errors="replace")
        self.seen += found
        assert until in found, self.seen
        return found

    def end(self) -> None:
        """Close the terminal and wait."""
        self.child.kill()
        self.child.wait()
        os.close(self.master)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("git hybrid sta", "tus"),
        ("git-hybrid sync netw", "ork"),
        ("git-hybrid-pin netw", "ork"),
        ("git hybrid override ren", "ew"),
        ("git -C {here} hybrid sync netw", "ork"),
    ],
)
def test_zsh(ready: Path, line: str, expected: str) -> None:
    assert shutil.which("zsh") is not None
    shell = Zsh(ready.parent if "{here}" in line else ready)
    try:
        shell.type(
            "autoload -U compinit; compinit -u -D; eval \"$(git-hybrid completion zsh)\"; echo rea''dy\n", until="ready"
        )
        shell.type(f"{line.format(here=ready)}\t", until=expected)
    finally:
        shell.end()


def _installed(home: Path, shell: str) -> dict[str, str]:
    """Type what the manual page says for `shell`; return the environment of somebody who lives in `home`."""
    page = (Path(__file__).parents[2] / "man" / "git-hybrid-completion.1").read_text().replace("\\-", "-")
    lines = [line[2:] for line in page.splitlines() if line.startswith("$ ")]
    at = next(number for number, line in enumerate(lines) if f"completion {shell} >" in line)
    env = {**git_env_path(), "HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
    subprocess.run(["sh", "-ec", "\n".join(lines[at - 1 : at + 1])], env=merged_env(env), check=True)
    return env


def test_as_the_manual_page_installs_it_for_bash(ready: Path, tmp_path: Path) -> None:
    script = f"""
    source {BASH_COMPLETION}; source {GIT_COMPLETION}
    COMP_WORDS=(git hybrid sta); COMP_CWORD=2; COMP_LINE='git hybrid sta'; COMP_POINT=14
    __git_wrap__git_main
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    env = merged_env(_installed(tmp_path, "bash"))
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=ready, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["status "], done.stderr


def test_as_the_manual_page_installs_it_for_fish(ready: Path, tmp_path: Path) -> None:
    env = merged_env(_installed(tmp_path, "fish"))
    script = "complete -C 'git hybrid sync netw'"
    done = subprocess.run(["fish", "-c", script], cwd=ready, env=env, capture_output=True, text=True, check=False)
    assert "network" in [found.split("\t")[0] for found in done.stdout.splitlines()], (done.stdout, done.stderr)


def test_as_the_manual_page_installs_it_for_zsh(ready: Path, tmp_path: Path) -> None:
    env = _installed(tmp_path, "zsh")
    shell = Zsh(ready, env)
    try:
        shell.type("fpath=(~/.zfunc $fpath); autoload -U compinit; compinit -u -D; echo rea''dy\n", until="ready")
        shell.type("git hybrid sta\t", until="tus")
    finally:
        shell.end()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_sound(hybrid: Hybrid, shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(hybrid("completion", shell).out)
    subprocess.run([shell, "-n", str(script)], check=True)
    document = hybrid("completion", shell, "--json").json()
    assert (document["shell"], document["script"]) == (shell, script.read_text())


def test_an_unknown_shell(hybrid: Hybrid) -> None:
    assert "bash" in hybrid("completion", "tcsh", check=2).err
    assert executable().exists()
