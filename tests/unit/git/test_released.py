"""How libgit2 is imported, and that a repository which it opened is gone when it is let go of."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

from git_hybrid.git.libgit2 import open_repository, released
from git_hybrid.git.skeleton import write_skeleton

_IMPORTED = """\
import ssl
given = ssl.get_default_verify_paths
from git_hybrid.git.libgit2 import version
print(version() > "1", ssl.get_default_verify_paths is given)
"""


def test_certificates_of_authorities_are_not_read(tmp_path: Path):
    """Here they cannot be: pygit2 alone would not be imported then. Others get what the system has, as before."""
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED],
        env={**os.environ, "SSL_CERT_FILE": str(junk)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_nothing_is_left_of_it(tmp_path):
    write_skeleton(tmp_path / ".git", object_format="sha1")
    gc.disable()
    try:
        with released(open_repository(tmp_path / ".git")) as repository:
            assert repository is not None
            seen = weakref.ref(repository)
        del repository
        assert seen() is None
    finally:
        gc.enable()


def test_what_libgit2_cannot_open_is_none(tmp_path):
    with released(open_repository(tmp_path)) as repository:
        assert repository is None
