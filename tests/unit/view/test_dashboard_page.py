"""The page as markup: whole, self-contained, and inert whatever strangers wrote."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest

from git_hybrid.core.audit import Event, extend, tail_of
from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.condition import Condition
from git_hybrid.core.dashboard import Dashboard, Surroundings, build_dashboard
from git_hybrid.core.ids import RefName, RunId, SourceName
from git_hybrid.core.manifest import Manifest, OpenIssues
from git_hybrid.core.mirrors import Inventory, Mirror
from git_hybrid.core.override import Overrides
from git_hybrid.core.report import Status
from git_hybrid.core.value import replace
from git_hybrid.view.dashboard import dashboard_page
from support.pages import a_dashboard, an_override
from support.values import NOW, OPERATOR, a_pin, a_source, a_state_entry

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`${x}{{7*7}}\x1b[2J\u202e"
VOID = {"meta", "link", "br", "input"}
TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "a", "header", "div", "p", "h1", "h2", "h3", "time"),
    *("span", "br", "nav", "ul", "li", "main", "section", "svg", "rect", "dl", "dt", "dd", "code", "form", "label"),
    *("input", "select", "option", "button", "output", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("line", "text", "circle", "path", "g", "strong", "footer", "script"),
}


class Page(HTMLParser):
    """Every tag with its attributes, checked for nesting, and the text between."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _hostile() -> Dashboard:
    source = a_source("tool", url="ssh://git@example.org/x")
    pin = replace(a_pin(source), ref=RefName(f"refs/heads/{EVIL}"))
    override = replace(an_override(3, days=2), reason=EVIL, request_id=EVIL, requested_by=EVIL, incident=EVIL)
    row = Condition(
        name=SourceName(EVIL),
        word="dirty",
        why=EVIL,
        source=source,
        pin=pin,
        recorded=replace(a_state_entry(source), notes=EVIL, updated_by=EVIL),
        override=override,
        override_phase="expiring",
        scan="error",
        scan_why=EVIL,
        scan_wanted=True,
    )
    log = extend(
        tail_of([]),
        [Event(event="pin", source=EVIL, before=EVIL, after=EVIL, detail={"ref": EVIL})],
        at=NOW,
        operator=EVIL,
        command_id=RunId(EVIL),
        log_id=EVIL,
    )
    mirror = Mirror(name=EVIL, base_url=f"javascript:{EVIL}", kind="mirror", owner=EVIL, added_at=NOW, added_by=EVIL)
    bad = Violation(file=EVIL, entry=EVIL, what=EVIL, why=EVIL, mend=EVIL)
    return build_dashboard(
        Status(rows=(row,), unfinished=None, has_scanners=True),
        Facts(
            manifest=Manifest(open_issues=(OpenIssues(spec=EVIL, remediations=EVIL),)),
            clock=NOW,
            overrides=Overrides(records={override.id: override}),
            inventory=Inventory(mirrors={"evil": mirror, "m": replace(mirror, base_url=f"https://h/{EVIL}")}),
        ),
        {EVIL: (bad,), "audit": (bad,)},
        log,
        around=Surroundings(workspace=EVIL, now=NOW, operator=EVIL, version=EVIL),
    )


PAGES = {
    "everything": a_dashboard(60),
    "calm": a_dashboard(12, calm=True),
    "one": a_dashboard(1, calm=True),
    "empty": build_dashboard(
        Status(rows=(), unfinished=None, has_scanners=False),
        Facts(manifest=Manifest(), clock=NOW),
        {},
        (),
        around=Surroundings(workspace="ws", now=NOW, operator=OPERATOR, version="1"),
    ),
    "hostile": _hostile(),
}


@pytest.fixture(params=list(PAGES))
def text(request: pytest.FixtureRequest) -> str:
    return dashboard_page(PAGES[request.param])


def test_the_markup_is_whole_and_only_ours(text):
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= TAGS
    ids = [str(attributes["id"]) for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_it_loads_nothing_and_runs_nothing_inline(text):
    page = Page(text)
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not {"src", "srcset", "action", "formaction", "style", "xlink:href"} & set(attributes), tag
        href = attributes.get("href")
        assert href is None or str(href).startswith(("#", "https://", "data:,")), href
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert [item["href"] for item in page.all("link")] == ["data:,"]
    assert "url(" not in text.split("<style>")[1].split("</style>")[0]
    assert "@import" not in text


def test_style_and_script_are_allowed_by_hash_alone(text):
    (policy,) = [str(item["content"]) for item in Page(text).all("meta") if "http-equiv" in item]
    told = dict(part.split(" ", 1) for part in policy.split("; "))
    assert told["default-src"] == told["base-uri"] == told["form-action"] == "'none'"
    for tag in ("style", "script"):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert told[f"{tag}-src"] == f"'sha256-{digest}'"
    assert "unsafe" not in policy


def test_words_of_strangers_are_words():
    text = dashboard_page(PAGES["hostile"])
    assert "<script>alert" not in text
    assert "<img" not in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    words = "".join(Page(text).words)
    assert words.count("{{7*7}}") > 20
    assert "\\x1b[2J\\u202e" in words
    assert "javascript:" not in "".join(str(item.get("href")) for item in Page(text).all("a"))


def test_whoever_does_not_see_finds_everything(text):
    page = Page(text)
    (html,) = page.all("html")
    assert html["lang"] == "en"
    assert len(page.all("main")) == len(page.all("h1")) == len(page.all("header")) == 1
    assert all(item.get("aria-label") for item in page.all("nav"))
    assert [item for item in page.all("th") if item.get("scope") not in ("col", "row")] == []
    assert len(page.all("caption")) == len(page.all("table"))
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert all(item.get("aria-labelledby") in ids for item in page.all("section"))
    anchors = [str(item["href"])[1:] for item in page.all("a") if str(item["href"]).startswith("#")]
    assert [name for name in anchors if name not in ids and not name.startswith("?")] == []
    for drawing in page.all("svg"):
        assert drawing.get("aria-hidden") == "true" or drawing.get("role") == "img"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_what_an_auditor_asks_for():
    page = a_dashboard(60)
    text = dashboard_page(page)
    assert page.last is not None
    for fact in (
        "2026-07-20T12:00:00Z",
        page.last.command_id,
        page.last.hash,
        "whole",
        "CHG-1003",
        "INC-7",
        "Grace Hopper",
    ):
        assert fact in text
    for line in page.sources:
        assert line.row.name in text
        assert line.row.pin is None or line.row.pin.commit in text
    assert "1 breach, 1 record" in dashboard_page(PAGES["hostile"])


def test_a_page_without_trouble_is_calm():
    text = dashboard_page(PAGES["calm"])
    assert "All 12 sources are as pinned" in text
    assert "No exception was ever approved here." in text
    assert "The source is as pinned" in dashboard_page(PAGES["one"])
    assert "No sources yet" in dashboard_page(PAGES["empty"])


def test_the_same_facts_are_the_same_page():
    assert dashboard_page(a_dashboard(60)) == dashboard_page(a_dashboard(60))


def test_a_thousand_sources_are_a_page_that_still_opens():
    text = dashboard_page(a_dashboard(1000))
    assert len(text) < 1_500_000
    assert len(Page(text).all("tr")) > 1000


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as ``#5b6573`` (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("word", ["good", "warn", "bad", "rest"])
def test_badges_can_be_read_in_light_and_in_dark(word: str) -> None:
    css = (files("git_hybrid") / "view/page/dashboard.css").read_text(encoding="utf-8")
    inks, grounds = (re.findall(rf"--{word}{end}: (#[0-9a-f]{{6}});", css)[:2] for end in ("", "-bg"))
    for ink, ground in zip(inks, grounds, strict=True):
        dark, light = sorted(map(_luminance, (ink, ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (word, ink, ground)


def test_a_stray_is_no_source() -> None:
    text = dashboard_page(a_dashboard(60))
    assert "<caption>59 sources, worst first</caption>" in text
    assert " of 59 sources are not as they should be" in text
