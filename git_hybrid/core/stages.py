"""The versions of a file that a merge leaves in the index (git-ls-files(1)), and those of branches that had met."""

BASE, OURS, THEIRS = 1, 2, 3
LEFT = 0
"""What git leaves in the file, where attributes say that it is no text: there it puts no markers."""
OTHER, FIRST = 4, 5
"""Where git has put the lines of two bases together in conflict: the other one, and what both began with."""
