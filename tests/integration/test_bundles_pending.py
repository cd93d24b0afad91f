"""A bundle of which one source cannot be finished at once: what came across of the others is taken over whole."""

from __future__ import annotations

from pathlib import Path

from support.bundles import of_the_first_form, rebuilt
from support.cli import Hybrid
from support.kit import state
from support.scanners import a_scanner, scan_of, use
from support.upstream import Gitlink, UpstreamFactory


def test_scans_of_what_came_across_are_taken_over(
    upstream_factory: UpstreamFactory, workspace: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    lib, app, tool = (upstream_factory(name) for name in ("lib", "app", "tool"))
    lib.commit({"lib.txt": "one\n"})
    modules = '[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib.git\n'
    app.commit({".gitmodules": modules, "vendor/lib": Gitlink(lib.rev("main")), "a": "1"})
    tool.commit({"a.txt": "one\n"})
    hybrid("init")
    hybrid("add", app.url)
    path = workspace / "sources.toml"
    path.write_text(path.read_text().replace('branch = "main"\n', 'branch = "main"\nsubmodules = true\n'))
    hybrid("pin")
    hybrid("add", tool.url)
    hybrid("sync")
    use(workspace, a_scanner(tmp_path / "toy"))
    hybrid("scan")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    there = tmp_path / "there"
    there.mkdir()
    # A file of that form has no submodules, and no server may be asked for them.
    rebuilt(tmp_path / "b", of_the_first_form)
    assert hybrid("bundle", "apply", tmp_path / "b", cwd=there, check=None).code in (4, 5)
    assert scan_of(state(there))["state"] == "clean"
    assert (there / "state/scans/tool.sarif").exists()
    assert not (there / "state/scans/app.sarif").exists()
    hybrid("audit", "verify", cwd=there)
    # What it has left is its own: it goes on with that, and nothing else does.
    assert (there / "state/resume.json").exists()
    assert "finishing run" in hybrid("bundle", "apply", tmp_path / "b", cwd=there, check=4).err
    hybrid("pin", "tool", cwd=there, check=7)
