"""URLs as a ``.gitmodules`` has them: they may be relative to the repository that has it."""

from __future__ import annotations

from git_hybrid.core.ids import InvalidText, Url, normalize_url, parse_url


def resolve_url(text: str, base: Url | None) -> Url:
    """Return the URL that a ``.gitmodules`` means by *text*; ``./`` and ``../`` are relative to *base*.

    Raises:
        InvalidText: as :func:`parse_url`, or *text* is relative and there is no *base*, or leads above its root.
    """
    if not text.startswith(("./", "../")):
        return normalize_url(f"file://{text}" if text.startswith("/") else text)
    if base is None:
        raise InvalidText("is relative, and the repository has no origin to resolve it against")
    parts = base.path.rstrip("/").split("/")
    for step in text.split("/"):
        if step == "..":
            # Above the root stands the host: "../../.evil.example/x" must not change it.
            if len(parts) == 1:
                raise InvalidText("leads out of the server that the repository is on")
            parts = parts[:-1]
        elif step not in (".", ""):
            parts.append(step)
    return parse_url(str(base).removesuffix(base.path) + "/".join(parts))
