"""The scanners of the extra `scan`, really run on upstreams with planted secrets and workflow problems."""

from __future__ import annotations

import random
import shutil
import string
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import started, state
from support.scanners import needs_betterleaks, scan_of, use
from support.upstream import Upstream, UpstreamFactory

HOOK = Path(sys.executable).with_name("git-hybrid-hook-scans")
# Made here, so that no secret-like text stands in the repository itself.
TOKEN = "ghp_" + "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=36))
WORKFLOW = """\
name: ci
on: pull_request_target
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event.pull_request.title }}"
"""
DEPENDABOT = """\
version: 2
updates:
  - package-ecosystem: npm
    directory: /
    schedule: {interval: daily}
    insecure-external-code-execution: allow
"""
BOTH = (("secrets", "betterleaks"), ("workflows", "zizmor"))


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "hello\n"})
    return upstream


@needs_betterleaks
def test_nothing_is_found_where_nothing_is(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    started(hybrid, tool.url)
    use(workspace, *BOTH)
    hybrid("scan")
    scan = scan_of(state(workspace))
    assert (scan["state"], scan["scanner"]) == ("clean", "secrets")
    assert [item["version"][:2] for item in scan["scanners"]] == ["2.", "1."]
    assert hybrid("status", "--exit-code").code == 0
    done = subprocess.run([HOOK], cwd=workspace, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@needs_betterleaks
def test_planted_secrets_and_workflow_problems_are_found_whatever_the_tree_says(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    allow = f'token = "{TOKEN}" # betterleaks:allow gitleaks:allow\n'
    config = '[allowlist]\npaths = [".*"]\n'
    tool.commit(
        {
            "config.py": allow,
            ".betterleaks.toml": config,
            ".gitleaks.toml": config,
            ".github/workflows/ci.yml": WORKFLOW.replace("steps:", "steps: # zizmor: ignore[template-injection]"),
            ".gitignore": ".github\n",
            "zizmor.yml": "rules:\n  template-injection:\n    disable: true\n  dangerous-triggers:\n    disable: true\n",
        }
    )
    started(hybrid, tool.url)
    use(workspace, *BOTH)
    (row,) = hybrid("scan", "--json", check=1).json()["sources"]
    found = {(item["scanner"], item["rule"], item["path"]) for item in row["findings"]}
    assert ("secrets", "github-pat", "config.py") in found
    rules = {rule for scanner, rule, path in found if path == ".github/workflows/ci.yml"}
    assert {"zizmor/dangerous-triggers", "zizmor/template-injection"} <= rules
    assert TOKEN not in (workspace / "state/scans/tool.sarif").read_text()
    first = {item["id"] for item in row["findings"]}
    hybrid("sync", check=6)
    done = subprocess.run([HOOK], cwd=workspace, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "git hybrid pin tool --kind scan --force" in done.stdout
    shutil.rmtree(workspace / "state/scans")
    (row,) = hybrid("scan", "--json", check=1).json()["sources"]
    assert {item["id"] for item in row["findings"]} == first


def test_a_workflow_that_cannot_be_read_is_no_clean_scan(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    tool.commit({".github/workflows/ci.yml": ":::bad: ["})
    started(hybrid, tool.url)
    use(workspace, ("workflows", "zizmor"))
    hybrid("scan", check=1)
    assert scan_of(state(workspace))["state"] == "error"


@needs_betterleaks
def test_betterleaks_passes_over_what_the_manual_says(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    line = f'token = "{TOKEN}"\n'
    names = (
        *("a.bmp", "a.gif", "a.jpg", "a.png", "a.svg", "a.tiff", "a.eot", "a.otf", "a.ttf", "a.woff", "a.gem"),
        *("go.mod", "go.sum", "go.work", "vendor/modules.txt", "deno.lock", "npm-shrinkwrap.json", "package-lock.json"),
        *("pnpm-lock.yaml", "yarn.lock", "Pipfile.lock", "poetry.lock", "gradle.lockfile", "javascript.json"),
        *("gradlew", "mvnw", ".mvn/wrapper/MavenWrapperDownloader.java", "angular.js", "bootstrap.js", "jquery.js"),
        *("plotly.js", "swagger-ui.js", "node_modules/a", "bower_components/a", "vendor/bundle/a", "vendor/ruby/a"),
        *(
            "vendor/github.com/a",
            "env/lib/a",
            "venv/lib/a",
            "virtualenv/lib/a",
            "lib/python3.11/a",
            "python/3.11/lib/a",
        ),
        *("NAME-1.0.dist-info/a", ".gitleaks.toml", "verification-metadata.xml", "Database.refactorlog"),
    )
    tool.commit(dict.fromkeys(("seen", *names), line) | {"wide": line.encode("utf-16")})
    started(hybrid, tool.url)
    use(workspace, ("secrets", "betterleaks"))
    (row,) = hybrid("scan", "--json", check=1).json()["sources"]
    assert {item["path"] for item in row["findings"]} == {"seen"}


def test_what_zizmor_collects_it_alone_knows(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    tool.commit({".github/workflows/disabled/old.yml": WORKFLOW, "Action.yml": "-", ".pre-commit-config.yml": "-"})
    started(hybrid, tool.url)
    use(workspace, ("workflows", "zizmor"))
    hybrid("scan")
    assert scan_of(state(workspace))["state"] == "clean"
    tool.commit({"config/dependabot.yml": DEPENDABOT})
    hybrid("pin", "tool")
    assert "dependabot-execution config/dependabot.yml" in hybrid("scan", check=1).err


def test_what_zizmor_cannot_read_is_named_and_can_be_left_out(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    tool.commit({".github/workflows/ci.yml": WORKFLOW, "roles/web/tasks/action.yml": "- name: of Ansible\n"})
    started(hybrid, tool.url)
    use(workspace, ("workflows", "zizmor"))
    assert "failed to load file://tree/roles/web/tasks/action.yml" in hybrid("scan", check=1).err
    use(workspace, ("workflows", "zizmor"), more='args = ["--collect=workflows", "--collect=dependabot"]')
    assert "dangerous-triggers .github/workflows/ci.yml" in hybrid("scan", check=1).err
    assert scan_of(state(workspace))["state"] == "findings"


@needs_betterleaks
def test_the_hook_needs_no_scanner_and_asks_for_none(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    started(hybrid, tool.url)

    def hook() -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin:/bin"}
        return subprocess.run([HOOK], cwd=workspace, capture_output=True, text=True, check=False, env=env)

    done = hook()
    assert (done.returncode, done.stdout) == (0, "")
    use(workspace, ("secrets", "betterleaks"))
    done = hook()
    assert (done.returncode, "was never scanned" in done.stdout) == (1, True)
    hybrid("scan")
    assert hook().returncode == 0
