"""The commands that only look, on a workspace of files alone: they say what they should, and change nothing."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from git_hybrid.cli.commands import install_man
from git_hybrid.cli.main import main


@pytest.fixture
def unchanged(files):
    before = files.files()
    yield files
    assert files.files() == before


def test_diag(unchanged, cli, tmp_path):
    done = cli("diag")
    assert "no scanner is configured" in done.out
    assert "things looked at" in done.err
    document = json.loads(cli("diag", "--json").out)
    assert document["exit_code"] == done.code
    assert {"area", "name", "level", "what", "remedy"} == set(document["findings"][0])
    quiet = cli("-q", "diag").out
    assert "\nok " not in quiet
    archive = tmp_path / "x.tar.gz"
    told = cli("diag", "--bundle", str(archive))
    with tarfile.open(archive) as found:
        assert all(name in told.out for name in found.getnames())


def test_diag_of_a_file_that_is_broken(files, cli):
    files.write("state/sources.json", "{")
    done = cli("diag")
    assert done.code == 1
    assert done.out.startswith("fail  files")
    assert "git checkout" in done.out or "→ " in done.out


def test_diag_outside_of_a_workspace(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "diag"]) == 1
    assert "no sources.toml" in capsys.readouterr().out


def test_dashboard(unchanged, cli, tmp_path):
    page = tmp_path / "page.html"
    assert cli("dashboard", "-o", str(page)).code == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert cli("dashboard").out.count("</html>") == 1
    assert json.loads(cli("dashboard", "--json", "-o", str(page)).out)["file"] == str(page)


def test_config(unchanged, cli):
    assert "policy.scan_max_age=7d\n" in cli("config").out
    assert "default\tpolicy.scan_max_age=7d\n" in cli("config", "--show-origin").out
    assert {"key", "value", "origin"} == set(json.loads(cli("config", "--json").out)["settings"][0])


def test_pages_and_scripts(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert install_man._default() == Path.home() / ".local/share/man"
    assert cli("install-man", str(tmp_path / "man")).code == 0
    assert cli("install-man", str(tmp_path / "a b")).err.endswith(f"export MANPATH='{tmp_path}/a b:'\n")
    assert (tmp_path / "man/man1/git-hybrid.1").is_file()
    assert json.loads(cli("install-man", str(tmp_path / "man"), "--json").out)["installed"]
    assert "_git_hybrid" in cli("completion", "bash").out
    assert cli("help", "status").out.startswith("Usage: git hybrid status")
    assert cli("help").out.startswith("Usage: git hybrid ")
    assert cli("help", "nothing").code == 2


def test_proposals(files, capsys):
    assert main(["__complete", "-C", str(files.root), "status", "t"]) == 0
    assert capsys.readouterr().out == "plain\ttool\t\n"
    assert main(["__complete", "sy"]) == 0
    assert capsys.readouterr().out.startswith("plain\tsync\t")
