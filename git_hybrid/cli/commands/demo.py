"""``git hybrid demo``: the whole tool on upstreams that it makes itself; no network, nothing outside one folder."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output
from git_hybrid.cli.placing import place_of
from git_hybrid.cli.signals import Cancel, handled
from git_hybrid.core.endpoints import folder_url
from git_hybrid.core.errors import BadArgument, Interrupted, LocalIo
from git_hybrid.core.ids import InvalidText, parse_url
from git_hybrid.core.value import Struct
from git_hybrid.core.words import typed
from git_hybrid.git.run import Runner
from git_hybrid.git.samples import Change, begin_repository, commit_all, create_upstream, extend_upstream
from git_hybrid.store.durable import remove_tree
from git_hybrid.store.scaffold import refuse_inside
from git_hybrid.view.term import safe

DEFAULT = "git-hybrid-demo"
_CACHE_DIR = "GIT_HYBRID_CACHE_DIR"
_NETWORK = (
    Change(message="Network module: one subnet", files={"main.tf": "# one subnet\n", "README.md": "# network\n"}),
    Change(message="Release 1.0.0", files={"VERSION": "1.0.0\n"}, tag="v1.0.0"),
    Change(message="Allow more than one subnet", files={"main.tf": "# many subnets\n"}),
    Change(message="Release 1.1.0", files={"VERSION": "1.1.0\n"}, tag="v1.1.0"),
)
_IMAGES = (
    Change(message="Debian image", files={"debian.pkr.hcl": "# debian 12\n", "README.md": "# images\n"}),
    Change(message="Ubuntu image", files={"ubuntu.pkr.hcl": "# ubuntu 24.04\n"}),
)
_SCRIPTS = (Change(message="Release 2.0.0", files={"build.sh": "echo build\n", "VERSION": "2.0.0\n"}, tag="v2.0.0"),)


@click.command("demo")
@click.argument("folder", required=False, type=FILE, metavar="[DIR]")
@common_options
@click.pass_context
def command(context: click.Context, *, folder: Path | None) -> int:
    """Build small upstreams in DIR (default: git-hybrid-demo) and run the main commands on them.

    Each command is printed before its real output. The workspace stays, to play in; remove DIR when you are done.
    """
    common = common_of(context)
    # A URL has no .. in it.
    place = Path(os.path.realpath(common.folder / (folder or DEFAULT)))
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise BadArgument(what="DIR", value=str(place), reason="is there already; name another: git hybrid demo DIR")
    try:
        parse_url(folder_url(str(place)))
    except InvalidText as error:
        raise BadArgument(what="DIR", value=str(place), reason=f"cannot stand in a file URL: {error}") from error
    cancel = Cancel()
    demo = Demo(runner=Runner(environ=os.environ, cancelled=cancel, hurried=cancel.hurried), place=place)
    refuse_inside(demo.workspace.resolve(), str(place))
    new = [path for path in (place, *place.parents) if not path.exists()]
    code = None
    # The story is for people: a document is all that a program gets.
    with redirect_stdout(sys.stderr) if common.json else nullcontext(), handled(cancel):
        try:
            demo.build()
            code = demo.play()
        except Interrupted as error:
            # There is no workspace to go on in.
            raise KeyboardInterrupt(error.signal) from error
        finally:
            if code != 0:
                demo.undo(new)
    if common.json:
        left = {"root": str(demo.workspace)} if code == 0 else {}
        Output(common).document({"command": "demo", "exit_code": code, **left})
    return code


class Demo(Struct, frozen=True):
    """The story that the demo tells, below *place*."""

    runner: Runner
    place: Path

    @property
    def workspace(self) -> Path:
        """Where the workspace is."""
        return self.place / "workspace"

    def upstream(self, name: str) -> Path:
        """Return where one upstream is."""
        return self.place / "upstreams" / f"{name}.git"

    def build(self) -> None:
        """Make the upstreams and an empty repository for the workspace: what is around it has no say in it."""
        self.workspace.mkdir(parents=True)
        for name, changes in (("network", _NETWORK), ("images", _IMAGES), ("scripts", _SCRIPTS)):
            create_upstream(self.runner, self.upstream(name), changes)
        begin_repository(self.runner, self.workspace)

    def play(self) -> int:
        """Run the story; return 0, or the status of the command that did not end as the story says."""
        code = self._start() or self._upstream_moves() or self._local_work() or self._retag()
        if not code:
            shown = typed(os.path.relpath(self.workspace))
            tries = "git hybrid status, diff --upstream, foreach -- git log -1 --oneline"
            _say(f"Now it is yours: cd {shown} and try {tries}")
        return code

    def undo(self, new: Sequence[Path]) -> None:
        """Take away what was made, the folders *new* among it, and say so: the demo did not come to its end."""
        left = ""
        try:
            for path in (self.workspace, self.upstream("").parent):
                remove_tree(path)
            for path in new:
                with suppress(FileNotFoundError):
                    path.rmdir()
        except LocalIo as error:
            left = f" but {error.path}: {error.reason}"
        except OSError as error:
            left = f" but {error.filename}: {error.strerror}"
        _say(f"The demo did not come to its end, and what it had made is removed{safe(left)}")

    def _start(self) -> int:
        _say("Three upstreams were made. A workspace names them, pins them and clones them:")
        urls = {name: folder_url(str(self.upstream(name))) for name in ("network", "images", "scripts")}
        return (
            self._run("init")
            or self._run("add", urls["network"], "--version", ">=1,<2")
            or self._run("add", urls["images"])
            or self._run("add", urls["scripts"], "--tag", "v2.0.0")
            or self._run("sync")
            or self._run("status")
            or self._commit("Vendor three sources")
        )

    def _upstream_moves(self) -> int:
        release = Change(message="Release 1.2.0", files={"VERSION": "1.2.0\n"}, tag="v1.2.0")
        extend_upstream(self.runner, self.upstream("network"), [release], day=30)
        arch = Change(message="Arch image", files={"arch.pkr.hcl": "# arch\n"})
        extend_upstream(self.runner, self.upstream("images"), [arch], day=30)
        _say("Upstream moves: network releases 1.2.0, images gets a commit. Nothing here changes until a pin is moved:")
        return (
            self._run("sync")
            or self._run("outdated")
            or self._run("pin", "network", "-n")
            or self._run("pin", "network")
            or self._run("sync")
            or self._commit("Network 1.2.0")
        )

    def _local_work(self) -> int:
        edited = self.workspace / "sources/images/debian.pkr.hcl"
        edited.write_text("# debian 12, my edit\n", encoding="utf-8")
        _say("Somebody edits a file in a clone. Local work is never overwritten; reset saves it first:")
        return (
            self._run("pin", "images")
            or self._run("sync", expect=3)
            or self._run("reset", "images")
            or self._run("status")
            or self._commit("Images with Arch")
        )

    def _retag(self) -> int:
        moved = Change(message="Release 2.0.0, again", files={"build.sh": "echo something else\n"}, tag="v2.0.0")
        extend_upstream(self.runner, self.upstream("scripts"), [moved], day=60)
        _say("Upstream of scripts moves its tag v2.0.0 to another commit. The pin stays, and says so:")
        return self._run("pin", "scripts", expect=5) or self._run("sync")

    def _commit(self, message: str) -> int:
        """Commit what was decided, as whoever works with it does."""
        print(f"\n$ git add . && git commit -qm {shlex.quote(message)}", flush=True)
        commit_all(self.runner, self.workspace, message)
        return 0

    def _run(self, *arguments: str, expect: int = 0) -> int:
        """Run a command; return 0 if it ended with *expect*, else its status, or 1 where it should have failed."""
        from git_hybrid.cli.main import main  # the tree imports this command; at the top it would be a circle

        self.runner.check(None)
        print(f"\n$ git hybrid {safe(shlex.join(arguments))}", flush=True)
        # What a hint repeats of this stands beside what hints say by themselves.
        with _without_cache():
            code = main(["-C", place_of(self.workspace).below, *arguments])
        sys.stdout.flush()
        if code:
            print(f"[exit {code}]", file=sys.stderr, flush=True)
        return 0 if code == expect else code or 1


@contextmanager
def _without_cache() -> Iterator[None]:
    """Let what runs in the block keep nothing for other workspaces: these upstreams are gone with the folder."""
    before = os.environ.get(_CACHE_DIR)
    os.environ[_CACHE_DIR] = ""
    try:
        yield
    finally:
        del os.environ[_CACHE_DIR]
        if before is not None:
            os.environ[_CACHE_DIR] = before


def _say(text: str) -> None:
    print(f"\n# {text}", flush=True)
