"""A first fetch as ``git clone``: what it receives need not be walked again, which is a third of a small fetch.

A fetch ends with a walk over all that came, to see that nothing is missing. A clone lets index-pack see to that while
it reads the pack (``--check-self-contained-and-connected``, with the same fsck), and walks nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.ids import InvalidText, parse_oid
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.git.kept import kept_ref, packed_refs

# A remote that nobody has settings for: those of "origin" in a user's own configuration are not meant for this clone.
_REMOTE = "git-hybrid"
_KINDS = ("refs/heads/", "refs/tags/")
_SERVERS = ("https://", "ssh://", "file://")


def clone_arguments(stage: Stage, url: str, request: FetchRequest) -> list[str] | None:
    """Return the command that clones what *request* asks for beside *stage*; None where only a fetch can bring it.

    That is so for more than one branch or tag, for part of a history, for a stage that has or borrows something, and
    for a path: git would link what lies there without looking at it.
    """
    if not url.startswith(_SERVERS):
        return None
    ref = only_ref(request)
    if ref is None or not is_empty(Path(stage.git_dir)):
        return None
    # Before git 2.39 a clone that is bare takes no --origin.
    command = ["-c", f"clone.defaultRemoteName={_REMOTE}", "clone", "--bare"]
    options = ["--template=", "--single-branch", "--no-tags", "--no-reject-shallow"]
    branch = ref.split("/", 2)[2]
    return [*command, *options, f"--branch={branch}", "--end-of-options", url, str(beside(stage))]


def only_ref(request: FetchRequest) -> str | None:
    """Return the branch or tag that *request* asks for with all its history; None if it asks for more, or for less."""
    if len(request.refs) != 1 or request.commits or request.depth is not None or request.commits_only:
        return None
    ref = request.refs[0]
    return ref if ref.startswith(_KINDS) and "*" not in ref else None


def beside(stage: Stage) -> Path:
    """Return the folder that the clone for *stage* is made in."""
    return Path(f"{stage.path}+clone")


def clean(stage: Stage) -> None:
    """Remove what is left of the clone for *stage*."""
    from shutil import rmtree

    rmtree(beside(stage), ignore_errors=True)


def take_over(stage: Stage, ref: str) -> bool:
    """Move the objects of the clone into *stage*, with *ref* as it is kept there; False if it is not what was meant.

    A branch hides a tag of the same name, a server may be shallow itself or have objects of another format: then the
    stage stays as it was.
    """
    # Imported here: few fetches are a clone.
    from git_hybrid.git.packfiles import in_order

    clone, git_dir = beside(stage), Path(stage.git_dir)
    oid = _tip(clone, ref)
    if oid is None or (clone / "shallow").exists() or b"objectformat" in (clone / "config").read_bytes():
        return False
    made, packs = clone / "objects/pack", git_dir / "objects/pack"
    packs.mkdir(exist_ok=True)
    for name in in_order(os.listdir(made)):
        os.rename(made / name, packs / name)
    for folder in loose_folders(clone):
        os.rename(folder, git_dir / "objects" / folder.name)
    keep_ref(git_dir, kept_ref(ref), oid)
    return True


def loose_folders(git_dir: Path) -> list[Path]:
    """Return the folders of the repository at *git_dir* with objects that are in no pack.

    A server of plain files sends such ones.
    """
    # Such a folder is named by the first two digits of the ids.
    return list((git_dir / "objects").glob("??"))


def keep_ref(git_dir: Path, kept: str, oid: str) -> None:
    """Make *kept* a ref of the repository at *git_dir*, which nobody else knows yet; where it is gone, nothing is made.

    Raises:
        OSError: it is gone, or the file system refused.
    """
    os.stat(git_dir)
    path = f"{git_dir}/{kept}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{oid}\n")


def is_empty(git_dir: Path) -> bool:
    """Tell whether the repository at *git_dir*, whose objects have names of SHA-1, has and borrows none."""
    objects = git_dir / "objects"
    if b"objectformat" in (git_dir / "config").read_bytes() or (objects / "info/alternates").exists():
        return False
    return not (objects / "pack").is_dir() or not any((objects / "pack").iterdir())


def _tip(clone: Path, ref: str) -> str | None:
    try:
        found = packed_refs(clone).get(ref)
        return None if found is None else parse_oid(found)
    except (OSError, InvalidText):
        return None
