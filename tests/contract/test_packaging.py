"""What the tree itself must be like."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from setuptools.command.egg_info import FileList

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "git_hybrid"
FILES = [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "hooks").rglob("*.py"))]
WRITERS = {
    "git_hybrid/store/durable.py",
    "git_hybrid/store/carrying.py",  # folders for it, where the system renames none
    "git_hybrid/store/filelock.py",  # says who holds the lock
    "git_hybrid/cli/boundary.py",  # the trace of a bug
    "git_hybrid/cli/streams.py",  # what is said, and the null device
    "git_hybrid/cli/commands/demo.py",  # upstreams of its own, outside of any workspace
    "git_hybrid/git/export.py",  # files to scan, in a scratch folder outside of any workspace
    "git_hybrid/git/difference.py",  # the repository of a patch, in a temporary folder
    "git_hybrid/git/manyrefs.py",  # the lock of git's, with nothing in it
    "git_hybrid/git/lfsstore.py",  # a copy in a stage where there can be no link
    "git_hybrid/git/writer.py",
    "git_hybrid/git/quarantine.py",
    "git_hybrid/git/alive.py",  # opens what a run keeps locked: some file systems lock only what may be written
    "git_hybrid/git/saver.py",
    "git_hybrid/git/cloning.py",  # into quarantine
    "git_hybrid/git/receiving.py",  # into quarantine
    "git_hybrid/git/skeleton.py",  # into quarantine
    "git_hybrid/git/origin.py",  # into quarantine
    "git_hybrid/git/ahead.py",  # the null device, which git's complaints go to
    "git_hybrid/git/hint.py",  # hints, in the .git of a clone
    "git_hybrid/git/seen.py",  # a file that tells the file system's time, in the .git of a clone
    "git_hybrid/git/fsck.py",  # the list of waived objects, in a file of its own for one git
    "git_hybrid/git/packs.py",
    "git_hybrid/git/proof.py",  # a file that tells the file system's time, in the .git of a clone
    "git_hybrid/git/packfiles.py",  # hardlinks of packs, into quarantine or into a store whose record comes last
    "git_hybrid/git/filling.py",  # takes links out of quarantine again
    "git_hybrid/git/superseded.py",  # takes packs of earlier pins out of a clone that is this tool's alone
    "git_hybrid/git/store.py",
    "git_hybrid/git/storelock.py",  # marks of use, locks, and refs of repositories in quarantine
    "git_hybrid/git/treekeeping.py",  # trees in a store, which are proved each time
    "git_hybrid/git/unpacked.py",  # the same
    "git_hybrid/git/unpacking.py",  # a tree that is to be kept, in a store
    "git_hybrid/git/treefiles.py",  # into quarantine
    "git_hybrid/git/hand.py",  # an answer, into a pipe
    "git_hybrid/git/signing.py",  # what ssh-keygen reads, in a private folder that goes away
    "git_hybrid/scan/external.py",  # what a scanner prints, in a scratch folder
    "git_hybrid/temporary.py",  # locks in folders for temporary files, outside of any workspace
    "git_hybrid/git/bundling.py",  # into quarantine
    "git_hybrid/store/bundlefile.py",  # into quarantine
    "git_hybrid/store/outputfile.py",  # what a user asked for, which may be a device or a pipe
    "git_hybrid/store/scaffold.py",  # takes back what a failed init made
}
Parsed = tuple[str, ast.Module]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def parsed() -> list[Parsed]:
    return [(_name(path), ast.parse(path.read_text(encoding="utf-8"))) for path in FILES]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def _importers(parsed: list[Parsed], library: str) -> set[str]:
    return {name for name, tree in parsed if library in {found.split(".")[0] for found in _imports(tree)}}


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_the_list_of_packages_is_the_tree():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("*.py")}
    assert set(settings["packages"]) == found | {"git_hybrid.hooks"}
    assert settings["package-dir"] == {"git_hybrid": "git_hybrid", "git_hybrid.hooks": "hooks"}
    assert (PACKAGE / "py.typed").exists()


def test_every_script_of_the_project_is_there():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert {"git-hybrid", "git-hybrid-sync", "git-hybrid-pin", "git-hybrid-resume"} <= set(scripts)
    for target in scripts.values():
        module, function = target.split(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_files_are_at_most_300_lines():
    sizes = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    # The errors are one tree, drawn in their docstring, and the remedies the one table over them: in two, neither half
    # would show whether all are there.
    del sizes["git_hybrid/core/errors.py"], sizes["git_hybrid/cli/remedies.py"]
    assert {name: size for name, size in sizes.items() if size > 300} == {}


def test_functions_are_at_most_60_lines(parsed):
    long = {
        f"{name}:{node.name}": node.end_lineno - node.lineno + 1
        for name, tree in parsed
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 60
    }
    assert long == {}


def test_every_module_of_the_core_can_be_imported():
    # Ports that only annotations name are imported by no command.
    for path in sorted((PACKAGE / "core").glob("[a-z]*.py")):
        assert import_module(f"git_hybrid.core.{path.stem}").__doc__


def test_init_files_are_empty():
    full = [_name(path) for path in FILES if path.name == "__init__.py" and path.read_text(encoding="utf-8").strip()]
    assert full == ["git_hybrid/__init__.py"]


def test_only_the_boundary_catches_everything(parsed):
    wide = {
        name
        for name, tree in parsed
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and not any(isinstance(part, ast.Raise) for part in node.body)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    }
    assert wide <= {"git_hybrid/cli/boundary.py"}


def test_one_door_to_children(parsed):
    assert _importers(parsed, "subprocess") <= {"git_hybrid/git/child.py", "git_hybrid/cli/main.py"}
    starts = ("os.system", "os.popen", "os.spawn", "os.exec", "os.fork", "os.posix_spawn", "pty.spawn")
    found = [(name, call) for name, tree in parsed for call, _ in _calls(tree) if call.startswith(starts)]
    # A second process for a glance at many clones: a copy of this one, which starts no program.
    # And two questions to git that are asked while the rest is imported.
    assert found == [("git_hybrid/git/ahead.py", "os.posix_spawn"), ("git_hybrid/git/scout.py", "os.fork")]


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("tenacity", "git_hybrid/app/retry.py"),
        ("pygit2", "git_hybrid/git/libgit2.py"),
        ("filelock", "git_hybrid/store/filelock.py"),
        ("tomlkit", "git_hybrid/store/manifest_edit.py"),
        ("tomli_w", "git_hybrid/store/lockfile.py"),
        ("packaging", "git_hybrid/core/versions.py"),
        ("jinja2", "git_hybrid/view/dashboard.py"),
        ("cyclonedx", "git_hybrid/view/sbom.py"),
        ("packageurl", "git_hybrid/view/sbom.py"),
    ],
)
def test_one_home_for_each_library(parsed, library, home):
    assert _importers(parsed, library) <= {home}


def test_click_and_msgspec_stay_in_their_layer(parsed):
    assert all(name.startswith("git_hybrid/cli/") for name in _importers(parsed, "click"))
    shapes = _importers(parsed, "msgspec") - {"git_hybrid/core/value.py"}
    assert all(name.startswith("git_hybrid/store/") for name in shapes)


def test_core_and_app_know_no_system(parsed):
    banned = {"os", "pathlib", "subprocess", "logging", "time", "socket", "shutil", "tempfile", "threading"}
    for name, tree in parsed:
        if name.startswith("git_hybrid/core/"):
            assert not banned & {found.split(".")[0] for found in _imports(tree)}, name
        if name.startswith("git_hybrid/app/"):
            assert not {"os", "pathlib", "subprocess"} & {found.split(".")[0] for found in _imports(tree)}, name
            inner = {found.split(".")[1] for found in _imports(tree) if found.startswith("git_hybrid.")}
            assert inner <= {"core", "app", "turn", "openfiles", "threads"}, name


def _writes(call: str, node: ast.Call) -> bool:
    if call in ("os.replace", "os.rename", "os.renames", "os.unlink", "os.remove", "shutil.rmtree", "shutil.move"):
        return True
    if call.endswith((".write_text", ".write_bytes")) or call in ("os.open", "os.symlink", "os.link"):
        return call != "os.open" or "O_RDONLY" not in ast.unparse(node)
    if call in ("open", "os.fdopen") or call.endswith(".open"):
        modes = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
        return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)
    return False


def test_one_durable_writer(parsed):
    writers = {name for name, tree in parsed for call, node in _calls(tree) if _writes(call, node)}
    assert writers <= WRITERS


def test_hooks_are_light(parsed):
    for name, tree in parsed:
        if name.startswith("hooks/"):
            assert not {"pygit2", "click", "msgspec"} & {found.split(".")[0] for found in _imports(tree)}, name


def test_nothing_changes_the_working_folder(parsed):
    # The scout is a process of its own.
    found = [name for name, tree in parsed for call, _ in _calls(tree) if call == "os.chdir"]
    assert found == ["git_hybrid/git/scout.py"]


def test_no_file_names_a_machine_or_a_person():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("/work/", "/root/", "/home/", "/tmp/")), _name(path)


def test_the_source_distribution_has_what_its_readme_links_and_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = FileList()
    for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines():
        found.process_template_line(line)
    linked = re.findall(r"\]\(([a-z/.-]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert "docs/tutorial.md" in linked
    assert {*linked, "CHANGELOG.md", "constraints.txt", "tests/run.sh"} <= set(found.files)
