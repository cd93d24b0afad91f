"""`git hybrid dashboard` on a real workspace, and the page in a real browser."""

from __future__ import annotations

import html
import json
import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.view.dashboard import dashboard_page
from support.browser import site, visit
from support.cli import Hybrid
from support.kit import changes, raw_controls, released, snapshot, started
from support.pages import a_dashboard
from support.terminal import in_terminal
from support.upstream import UpstreamFactory

ROW = re.compile(r'<tr role="row" data-s="([a-z-]+)" data-c="([a-z]+)"([^>]*)>(.*?)</tr>', re.DOTALL)
# What a page could be made to do if its policy were not in force; each leaves a trace that the test looks for.
ATTACKS = """
<script>document.documentElement.dataset.broken = "script"</script>
<img src="{base}/image" onerror="document.documentElement.dataset.broken = 'handler'">
<iframe src="{base}/frame"></iframe>
<link rel="stylesheet" href="{base}/style"><script src="{base}/code"></script>
<style>h1 {{ display: none; background: url({base}/background) }}</style>
<object data="{base}/object"></object>
"""


def _shown(document: str) -> list[str]:
    """Return the names of the rows that are shown, in their order."""
    rows = [(more, cells) for _, _, more, cells in ROW.findall(document)]
    return [re.findall(r"<th[^>]*>([^<]+)", cells)[0] for more, cells in rows if "hidden" not in more]


@pytest.fixture(scope="module")
def page() -> str:
    return dashboard_page(a_dashboard(60))


def test_a_page_of_a_real_workspace(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    tool = upstream_factory()
    released(tool)
    started(hybrid, tool.url, "--name", "tool")
    before = snapshot(workspace)
    text = hybrid("dashboard").out
    assert changes(before, snapshot(workspace)) == []
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
    assert "The source is as pinned" in text
    done = hybrid("dashboard", "-o", "page.html")
    assert done.out == ""
    assert "wrote page.html" in done.err
    document = hybrid("dashboard", "-o", tmp_path / "other.html", "--json").json()
    for words in ((), ("-o", "-")):
        refused = hybrid("dashboard", *words, "--json", check=2)
        assert refused.json()["error"]["code"] == "usage"
        assert "-o dashboard.html" in refused.err
    assert document["file"] == str(tmp_path / "other.html")
    assert hybrid("dashboard", "-o", "-").out.startswith("<!DOCTYPE html>")
    seen = visit((workspace / "page.html").as_uri(), tmp_path)
    assert seen.console == []
    assert _shown(seen.dom) == ["tool"]


def test_a_clone_that_stands_elsewhere_fails_the_check_of_sources(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    tool = upstream_factory()
    released(tool)
    started(hybrid, tool.url, "--name", "tool")
    assert "7 pass" in hybrid("dashboard").out
    (workspace / "sources/tool/b").write_text("mine")
    told = hybrid("dashboard").out
    assert "7 pass" not in told
    assert "is dirty" in told


def test_a_terminal_gets_no_page(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    code, text = in_terminal("dashboard", cwd=workspace)
    assert code == 2
    assert "name a file" in text
    assert "<html" not in text


def test_hostile_words(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path) -> None:
    tool = upstream_factory()
    tool.commit({"README": "x"})
    started(hybrid, tool.url, "--name", "tool")
    evil = "<script>document.documentElement.dataset.broken=1</script><img src=x onerror=alert(1)>\x1b]0;x\x07"
    (workspace / "sources/tool" / evil.replace("/", "%")).write_text("x")
    text = hybrid("dashboard", env={"GIT_HYBRID_OPERATOR": evil}).out
    assert raw_controls(text) == []
    (tmp_path / "x.html").write_text(text)
    seen = visit((tmp_path / "x.html").as_uri(), tmp_path)
    assert "data-broken" not in seen.dom
    assert "<img" not in seen.dom
    assert seen.console == []


def test_the_page_asks_for_nothing_and_says_nothing(page: str, tmp_path: Path) -> None:
    with site({"/": page}) as served:
        seen = visit(f"{served.base}/", tmp_path)
    assert served.asked == ["/"]
    assert seen.console == []
    assert "60 of 60 shown" in seen.dom
    assert len(_shown(seen.dom)) == 60


def test_the_policy_is_in_force(page: str, tmp_path: Path) -> None:
    with site({}) as served:
        attacked = page.replace("</main>", ATTACKS.format(base=served.base) + "</main>")
        assert attacked != page
        served.pages["/"] = attacked
        seen = visit(f"{served.base}/", tmp_path)
    assert served.asked == ["/"]
    assert "data-broken" not in seen.dom
    assert len(seen.console) >= 5
    assert "60 of 60 shown" in seen.dom


def _told(probe: str, page: str, folder: Path, *options: str) -> tuple[Any, list[str]]:
    """Return what the script in *probe* notes in data-told of a page around *page*, and the lines of the console."""
    # The policy would stop a script of the test's own, so it stands in the page around, which frames may be read by.
    with site({"/": f"<!DOCTYPE html><body>{probe}", "/page": page}) as served:
        seen = visit(f"{served.base}/", folder, *options)
    (told,) = re.findall(r'data-told="([^"]*)"', seen.dom)
    return json.loads(html.unescape(told)), seen.console


def _framed(page: str, addresses: Iterable[str], folder: Path) -> tuple[list[str], list[str]]:
    """Return the document that *page* becomes at each of *addresses*, and the lines of the console."""
    frames = "".join(f'<iframe src="/page{html.escape(address)}"></iframe>' for address in addresses)
    probe = """<script>
    const frames = [...document.querySelectorAll("iframe")];
    const told = frames.map(() => null);
    frames.forEach((frame, place) => frame.onload = () => {
      told[place] = frame.contentDocument.documentElement.outerHTML;
      document.body.dataset.told = JSON.stringify(told);
    });
    </script>"""
    documents, console = _told(frames + probe, page, folder)
    return documents, console


def test_search_and_filter(page: str, tmp_path: Path) -> None:
    choices: dict[str, Callable[[str], bool]] = {
        "#?q=zlib": lambda row: row.startswith("zlib"),
        "#?q=ZLIB+radia": lambda row: row.startswith("zlib"),
        "#?state=dirty": lambda row: row == "zlib-0005",
        "#?state=nonsense": lambda _row: True,
    }
    nothing = "#?q=nowhere-to-be-found"
    (*documents, last), console = _framed(page, [*choices, nothing], tmp_path)
    for document, (choice, expected) in zip(documents, choices.items(), strict=True):
        shown = _shown(document)
        assert shown, choice
        assert all(expected(name) for name in shown), choice
        assert f"{len(shown)} of 60 shown" in document
    assert _shown(last) == []
    assert re.search(r'<p class="note" id="nothing">', last)
    assert console == []


def test_sort(page: str, tmp_path: Path) -> None:
    documents, _ = _framed(page, ["#?sort=name", "#?sort=-name"], tmp_path)
    for document, (backwards, said) in zip(documents, [(False, "ascending"), (True, "descending")], strict=True):
        assert _shown(document) == sorted(_shown(document), reverse=backwards)
        (head,) = re.findall(r'<th[^>]*aria-sort="(\w+)"[^>]*><button', document)
        assert head == said


def test_a_click_sorts_and_the_address_remembers_it(page: str, tmp_path: Path) -> None:
    probe = """<iframe id="f" src="/page"></iframe><script>
    const frame = document.getElementById("f");
    frame.onload = () => {
      const inner = frame.contentDocument;
      const told = [];
      const press = (name) => {
        [...inner.querySelectorAll("#list thead button")].find((one) => one.textContent === name).click();
        told.push(name + " " + inner.querySelector("[aria-sort]").getAttribute("aria-sort") + " " + frame.contentWindow.location.hash);
      };
      press("Source"); press("Source"); press("Scan");
      const search = inner.getElementById("q");
      search.value = "zlib";
      search.dispatchEvent(new Event("input"));
      told.push(inner.getElementById("shown").textContent);
      inner.getElementById("clear").click();
      told.push(inner.getElementById("shown").textContent + " " + inner.activeElement.id);
      document.body.dataset.told = JSON.stringify(told);
    };
    </script>"""
    told, console = _told(probe, page, tmp_path)
    assert told == [
        "Source ascending #?sort=name",
        "Source descending #?sort=-name",
        "Scan ascending #?sort=scan",
        "8 of 60 shown",
        "60 of 60 shown q",
    ]
    assert console == []


def _size(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.sweep)])
def test_many_sources_open_and_print(tmp_path: Path, count: int) -> None:
    path = tmp_path / "page.html"
    path.write_text(dashboard_page(a_dashboard(count)))
    seen = visit(f"{path.as_uri()}#?sort=-name&scan=clean", tmp_path)
    assert f"of {count:,} shown" in seen.dom
    assert _shown(seen.dom) == sorted(_shown(seen.dom), reverse=True)
    assert seen.console == []
    picture, paper = tmp_path / "page.png", tmp_path / "page.pdf"
    visit(path.as_uri(), tmp_path, "--window-size=1400,1000", f"--screenshot={picture}")
    assert _size(picture) == (1400, 1000)
    visit(path.as_uri(), tmp_path, f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF-")


def test_nothing_is_wider_than_the_screen(page: str, tmp_path: Path) -> None:
    widths = [320, 390, 768, 1400]
    frames = [f'<iframe src="/page" style="width:{width}px;height:900px;border:0"></iframe>' for width in widths]
    probe = """<script>
    const frames = [...document.querySelectorAll("iframe")];
    const told = frames.map(() => null);
    frames.forEach((frame, place) => frame.onload = () => {
      const inner = frame.contentDocument.documentElement;
      told[place] = [inner.scrollWidth, inner.clientWidth];
      document.body.dataset.told = JSON.stringify(told);
    });
    </script>"""
    told, _ = _told("".join(frames) + probe, page, tmp_path, "--window-size=1600,1000", "--dump-dom")
    assert told == [[width, width] for width in widths]
