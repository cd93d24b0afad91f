"""The manual pages as files, and what the first of them says of one error."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from git_hybrid.core.errors import LocalIo

_MAIN = "git-hybrid.1"
_ENTRY = r'\.TP\n\.BR {} " \(([^)]+)\)"\n(.*?)(?=\n\.TP\n|\n\.SH )'
_WORDS = re.compile(r'"([^"]*)"|(\S+)')


def manual_pages() -> list[Path]:
    """Return the pages as they were installed with the program, or as they stand in its source tree.

    Raises:
        LocalIo: they are in neither place.
    """
    tree = Path(__file__).parents[2] / "man"
    pages = sorted(tree.glob("git-hybrid*.[17]"))
    if not pages:
        try:
            files = distribution("git-hybrid").files or []
        except PackageNotFoundError:
            files = []
        found = (Path(str(file.locate())) for file in files if "share/man/man" in file.as_posix())
        pages = sorted(path.resolve() for path in found if path.is_file())
    if not pages:
        raise LocalIo(path="share/man", operation="find", reason="the pages were not installed")
    return pages


def topics() -> list[str]:
    """Return what the pages of section 7 are about, as ``git hybrid help`` takes it.

    Raises:
        LocalIo: as :func:`manual_pages`.
    """
    return [path.stem.removeprefix("git-hybrid-") for path in manual_pages() if path.suffix == ".7"]


def page_path(topic: str) -> Path:
    """Return where the page of a *topic* is.

    Raises:
        LocalIo: as :func:`manual_pages`.
    """
    return next(path for path in manual_pages() if path.name == f"git-hybrid-{topic}.7")


def error_entry(code: str) -> tuple[str, str] | None:
    """Return the exit status of the error *code* and what the manual says of it, or None if there is no such error.

    Raises:
        LocalIo: the manual was not installed.
    """
    page = next(path for path in manual_pages() if path.name == _MAIN).read_text(encoding="utf-8")
    body = page.partition("\n.SH ERRORS\n")[2].replace("\\-", "-")
    found = re.search(_ENTRY.format(re.escape(code)), body, re.DOTALL)
    if found is None:
        return None
    # \c joins two lines, and \& is nothing.
    text = " ".join(map(_plain, found[2].split("\n"))).replace("\\c ", "").replace("\\&", "")
    return found[1], text.strip()


def _plain(line: str) -> str:
    """Return one line of man(7) without its font macros: those of two fonts join their words."""
    if not line.startswith("."):
        return line
    macro, _, rest = line.partition(" ")
    words = [quoted or word for quoted, word in _WORDS.findall(rest)]
    return ("" if len(macro) == 3 and macro != ".SM" else " ").join(words)
