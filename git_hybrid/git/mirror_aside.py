"""Put a new repository of a mirror in the place of one that is damaged, which is set aside.

Nobody knows what is in a repository that git cannot read: perhaps the only copy of a pinned commit. So whatever ends
the run, it is at one of two places, and whoever asks for it finds something at every moment, where the system can do
that.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo, reported
from git_hybrid.git.mirror_links import refuse_links_to
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.standing import free_place, is_there

_ASIDE, _OF_RUN = ".set-aside", r"-[0-9A-Z]{26}(?:-[0-9]+)?"
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE (renameat2(2))."""
# The kernel, or the file system, cannot do that; the last is what overlayfs says of a folder of a lower layer.
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EXDEV)


def put_in_place(disk: Disk, folder: Path, made: Path, target: Path, name: str) -> str:
    """Move the repository *made* to *target* and what stands there aside, as *name*; return where in *folder* that is.

    Raises:
        SymlinkRefused: the folder for what is set aside is a link.
        LocalIo: the file system refused; what stood there still does, or is aside.
    """
    new = free_place(refuse_links_to(folder, [_ASIDE]), name)
    disk.make_folder(new.parent)
    # Not from where it was made: all that is there goes when the next run begins.
    disk.rename_path(made, new)
    aside = free_place(new.parent, new.name)
    try:
        with reported(target, "rename to"):
            exchanged = exchange(new, target)
        if not exchanged:
            disk.rename_path(target, aside)
            disk.rename_path(new, target)
    except LocalIo:
        with suppress(LocalIo):
            if is_there(aside) and not is_there(target):
                disk.rename_path(aside, target)
            if not is_there(aside):
                # Each run that is refused would leave one more.
                disk.rename_path(new, made)
        raise
    if exchanged:
        aside = new
        for changed in (target.parent, aside.parent):
            with reported(changed, "write"):
                disk.sync_folder(changed)
    return f"{_ASIDE}/{aside.name}"


def missed(folder: Path, target: Path, path: str) -> list[str]:
    """Tell, if nothing stands at *target*, what of the repository at *path* is aside: a run may have ended in between.

    Raises:
        LocalIo: the file system refused to say whether something stands there.
    """
    aside = folder / _ASIDE
    if is_there(target) or not aside.is_dir():
        return []
    ours = re.compile(re.escape(path.replace("/", "+")) + _OF_RUN)
    try:
        names = sorted(filter(ours.fullmatch, os.listdir(aside)))
    except OSError:
        # It may be somebody else's: that keeps nothing from being mirrored here.
        return []
    return [f"nothing stands at {path}: what the mirror had of it is in {_ASIDE}/{name}" for name in names[-1:]]


def exchange(first: Path, second: Path) -> bool:
    """Exchange what stands at two paths in one step; return whether that is done, else this machine cannot do it.

    Raises:
        OSError: the file system refused.
    """
    # Imported here: it is costly, and hardly ever needed.
    import ctypes

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number not in _UNABLE:
        raise OSError(number, os.strerror(number))
    return False
