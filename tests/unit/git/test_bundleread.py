"""What it means that git cannot fetch from a bundle file."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.core import errors
from git_hybrid.git.bundleread import reading_bundle

NO_REPOSITORY = (errors.AccessDenied(url="u", message="m"), errors.RepositoryNotFound(url="u", message="m"))


def _told(error: errors.HybridError, bundle: Path) -> errors.HybridError:
    with pytest.raises(errors.HybridError) as caught, reading_bundle(str(bundle), "tool"):
        raise error
    return caught.value


@pytest.mark.parametrize("error", NO_REPOSITORY, ids=lambda error: error.code)
def test_a_file_that_is_no_bundle(tmp_path, error):
    bundle = tmp_path / "tool.bundle"
    assert _told(error, bundle) is error
    bundle.write_bytes(b"x")
    told = _told(error, bundle)
    assert isinstance(told, errors.BadBundle)
    assert not told.mend


def test_a_file_that_cannot_be_read(tmp_path):
    told = _told(NO_REPOSITORY[0], tmp_path)
    assert isinstance(told, errors.LocalIo)
    assert (told.path, told.operation) == (str(tmp_path), "read")


@pytest.mark.parametrize(("kind", "code"), [("cut", "bad-bundle"), ("timeout", "network")])
def test_a_pack_that_ends_too_early_was_cut(tmp_path, kind, code):
    assert _told(errors.NetworkFailure(url="u", message="m", kind=kind), tmp_path).code == code


def test_a_pack_that_lacks_objects_is_no_fault_of_upstream(tmp_path):
    bundle = tmp_path / "tool.bundle"
    message = f"fatal: missing blob object 'x' / error: {bundle} did not send all necessary objects"
    told = _told(errors.MalformedObjects(name="tool", message=message), bundle)
    assert isinstance(told, errors.BadBundle)
    wanted = "not sound: fatal: missing blob object 'x' / error: it did not send all necessary objects"
    assert (told.path, told.place, told.reason) == (str(bundle), "its pack", wanted)


def test_what_it_builds_on_is_told_of_the_source(tmp_path):
    told = _told(errors.BundlePrerequisites(name="", commits=()), tmp_path)
    assert isinstance(told, errors.BundlePrerequisites)
    assert told.name == "tool"
