"""Each git process at work on packs gets its share of the cores."""

from __future__ import annotations

from git_hybrid.git.share import Share


def test_one_alone_gets_all():
    with Share(8).taken() as settings:
        assert settings == ()


def test_several_share():
    share = Share(8)
    with share.taken(), share.taken() as second, share.taken() as third:
        assert second == ("pack.threads=4",)
        assert third == ("pack.threads=2",)
    with share.taken() as settings:
        assert settings == ()


def test_nobody_gets_less_than_one():
    share = Share(2)
    with share.taken(), share.taken(), share.taken() as third:
        assert third == ("pack.threads=1",)


def test_one_core_needs_no_sharing():
    share = Share(1)
    with share.taken(), share.taken() as second:
        assert second == ()


def test_the_machine_says_how_many_there_are():
    with Share().taken() as settings:
        assert settings == ()
