"""The virtual environments of the bench: git hybrid as the checkout has it, and its peers at the pinned versions."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[1]
PROGRAM: Final = ("git_hybrid", "hooks")
_SHIPPED: Final = (*PROGRAM, "man", "pyproject.toml", "README.md", "LICENSE")
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def install_hybrid(folder: Path) -> Path:
    """Install the checkout into a venv below *folder*, as a user would, not editable; return the folder of its scripts.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    copy = folder / "checkout"
    digest = _copy_tree(copy)
    venv = folder / "venv-hybrid"
    stamp = venv / "installed"
    if not stamp.exists() or stamp.read_text(encoding="ascii") != digest:
        _make(venv)
        constraints = str(ROOT / "constraints.txt")
        subprocess.run([venv / "bin/python", *_PIP, "--force-reinstall", "-c", constraints, str(copy)], check=True)
        stamp.write_text(digest, encoding="ascii")
    return venv / "bin"


def install_peers(folder: Path) -> Path:
    """Install the peers that PyPI has into a venv of their own; return the folder of its scripts.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    wanted = Path(__file__).parent / "requirements.txt"
    venv = folder / "venv-peers"
    stamp = venv / "installed"
    if not stamp.exists() or stamp.read_bytes() != wanted.read_bytes():
        _make(venv)
        subprocess.run([venv / "bin/python", *_PIP, "-r", str(wanted)], check=True)
        stamp.write_bytes(wanted.read_bytes())
    return venv / "bin"


def _copy_tree(copy: Path) -> str:
    """Copy what git would commit: a build in the checkout itself would leave, and take up, files of older builds."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_SHIPPED],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    shutil.rmtree(copy, ignore_errors=True)
    digest = hashlib.sha256(sys.version.encode())
    for name in sorted(listed.stdout.decode().split("\0")):
        source = ROOT / name
        if name and source.is_file():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            digest.update(name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _make(venv: Path) -> None:
    if not (venv / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
