"""The versions of a file that a merge leaves in the index (git-ls-files(1))."""

BASE, OURS, THEIRS = 1, 2, 3
