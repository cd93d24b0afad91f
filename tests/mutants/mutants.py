"""Small faults, one for each guarantee, and the test that must notice it.

A fault is a replacement of text in one file of the program. Its old text stands there exactly once, and the program
with the new text still runs: only the guarantee is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

SEEN, UPDATE = "tests/integration/test_seen.py", "tests/integration/test_update.py"
BYTES, IDENTITY = "tests/hostile/test_every_byte.py", "tests/hostile/test_identity.py"
TREES, RUNS = "tests/hostile/test_trees.py", "tests/hostile/test_nothing_runs.py"
NEARBY = "tests/integration/test_nearby.py"
AFAR = "tests/integration/test_afar.py"
UNPACKING = "tests/unit/git/test_unpacking.py"
TEXT, CORE, GIT = "tests/hostile/test_secrets_and_text.py", "tests/unit/core", "tests/unit/git"


@dataclass(frozen=True, slots=True)
class Mutant:
    """Replace *old* by *new* in *file* below ``git_hybrid/``; *test* (a pytest node, or a file) goes red."""

    name: str
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant(
        "checkout-by-bare-id",
        "git/writer.py",
        'f"{task.pin.commit}^{{commit}}"',
        "task.pin.commit",
        f"{IDENTITY}::test_a_local_branch_named_like_the_next_pin",
    ),
    Mutant(
        "hooks-path",
        "git/environment.py",
        '    "core.hooksPath=/dev/null",\n',
        "",
        f"{RUNS}::test_files_are_the_bytes_of_the_blobs",
    ),
    Mutant(
        "fsmonitor",
        "git/environment.py",
        '    "core.fsmonitor=false",\n',
        "",
        f"{BYTES}::test_what_bends_git_is_found_without_reading_files",
    ),
    Mutant(
        "fsck-on-fetch",
        "git/environment.py",
        '    "fetch.fsckObjects=true",\n',
        '    "fetch.fsckObjects=false",\n',
        f"{TREES}::test_malformed_trees_are_refused_by_fsck",
    ),
    Mutant(
        "sparse-checkout",
        "git/environment.py",
        '    "core.sparseCheckout=false",\n',
        "",
        f"{BYTES}::test_reset_mends_what_was_hidden",
    ),
    Mutant(
        "harmless-faults",
        "git/environment.py",
        '    "zeroPaddedFilemode",\n',
        "",
        f"{TREES}::test_harmless_faults_of_old_repositories_pass",
    ),
    Mutant(
        "git-variables-of-the-caller",
        "git/environment.py",
        'return not key.startswith("GIT_") or',
        "return True or",
        f"{RUNS}::test_variables_of_a_git_hook_do_not_lead_elsewhere",
    ),
    Mutant(
        "configuration-in-local-steps",
        "git/environment.py",
        "return result if network else result | _LOCAL",
        "return result",
        f"{GIT}/test_run_mocked.py",
    ),
    Mutant(
        "other-transports",
        "git/environment.py",
        '_PROTOCOLS = ("https", "ssh", "file")',
        '_PROTOCOLS = ("https", "ssh", "file", "ext")',
        f"{IDENTITY}::test_insteadof_does_not_reach_a_transport_that_runs_commands",
    ),
    Mutant(
        "hooks-of-the-configuration",
        "git/environment.py",
        ".enabled=false",
        ".enabled=true",
        f"{GIT}/test_silenced.py",
    ),
    Mutant(
        "attributes-text",
        "git/quarantine.py",
        'ATTRIBUTES = "* -filter -text -eol',
        'ATTRIBUTES = "* -filter',
        f"{RUNS}::test_files_are_the_bytes_of_the_blobs",
    ),
    Mutant(
        "attributes-ident",
        "git/quarantine.py",
        'ATTRIBUTES = "* -filter -text -eol -ident',
        'ATTRIBUTES = "* -filter -text -eol',
        f"{RUNS}::test_files_are_the_bytes_of_the_blobs",
    ),
    Mutant(
        "bundle-without-fsck",
        "git/transport.py",
        "if checked.status != 0:",
        "if checked.status > 999:",
        f"{TREES}::test_a_bundle_passes_the_same_gate",
    ),
    Mutant(
        "redirect-to-any-host",
        "git/transport.py",
        "if not self.allowed_host(host):",
        "if not host:",
        f"{GIT}/test_transport_mocked.py",
    ),
    Mutant(
        "server-speaks-as-fsck",
        "git/fsck.py",
        'r"^error(?:: object',
        'r"error(?:: object',
        f"{GIT}/test_fsck.py",
    ),
    Mutant(
        "waivers-for-all",
        "git/fsck.py",
        'yield ["-c", f"{area}.skipList={name}"]',
        'yield ["-c", f"{area}.duplicateEntries=ignore", "-c", f"{area}.hasDotgit=ignore"]',
        f"{TREES}::test_a_waived_object_passes_and_no_other",
    ),
    Mutant(
        "hidden-entries-of-the-index",
        "git/changes.py",
        "found, doubtful = _by_library(repository), [entry for entry in index if entry.blind]",
        "found, doubtful = _by_library(repository), []",
        f"{BYTES}::test_settings_of_the_clone_hide_nothing",
    ),
    Mutant(
        "settings-of-the-clone",
        "git/changes.py",
        "return any(key.startswith(_SEEING) and not is_plain(key, value, lfs=False) for key, value in settings)",
        "return not list(settings)",
        f"{BYTES}::test_settings_of_the_clone_hide_nothing",
    ),
    Mutant(
        "reset-trusts-the-index",
        "app/reset.py",
        "thorough=True",
        "thorough=False",
        f"{BYTES}::test_a_forged_index_does_not_hide_a_byte_and_reset_mends_it",
    ),
    Mutant(
        "reset-obeys-the-index",
        "git/writer.py",
        '        if (git_dir / "index").exists():\n            open_eyes(self.runner, self.disk, git_dir, name=name)\n',
        "",
        f"{BYTES}::test_reset_mends_what_was_hidden",
    ),
    Mutant(
        "objects-not-hashed",
        "git/prover.py",
        "len(data)) + data).hexdigest() != oid:",
        "len(data)) + data).hexdigest() == oid[1:]:",
        f"{GIT}/test_prover.py",
    ),
    Mutant(
        "replaced-objects",
        "git/oddities.py",
        "if replaced or listed.status != 0:",
        "if listed.status != 0:",
        f"{BYTES}::test_what_bends_git_is_found_without_reading_files",
    ),
    Mutant(
        "content-of-files",
        "core/check_sources.py",
        "elif seen.blob != entry.oid and not is_lfs_content",
        "elif not seen and not is_lfs_content",
        f"{BYTES}::test_none_of_five_hundred_files_is_missed",
    ),
    Mutant(
        "mode-of-files",
        "core/check_sources.py",
        "elif seen.mode != entry.mode:",
        "elif seen.mode == entry.oid:",
        f"{BYTES}::test_none_of_five_hundred_files_is_missed",
    ),
    Mutant(
        "extra-files",
        "core/check_sources.py",
        "if path not in wanted:",
        "if path in wanted and path not in content.files:",
        f"{BYTES}::test_ignored_extra_files_are_listed",
    ),
    Mutant(
        "digest-of-the-lock",
        "core/check_sources.py",
        "and digest != pin.content_sha256:",
        "and digest == pin.commit:",
        f"{BYTES}::test_a_lock_that_was_tampered_with_is_found",
    ),
    Mutant(
        "ancestor",
        "app/acquire.py",
        "and rt.objects.is_ancestor(stage, pin.commit, commit)",
        "",
        f"{IDENTITY}::test_an_imposter_that_the_clone_already_has",
    ),
    Mutant(
        "tree-of-the-lock",
        "app/acquire.py",
        "if tree != pin.tree:",
        "if tree == pin.commit:",
        f"{IDENTITY}::test_a_lock_that_was_tampered_with_installs_nothing",
    ),
    Mutant(
        "content-of-the-lock",
        "app/acquire.py",
        "if found != pin.content_sha256:",
        "if found == pin.commit:",
        f"{IDENTITY}::test_a_lock_that_was_tampered_with_installs_nothing",
    ),
    Mutant(
        "hostile-tree",
        "app/acquire.py",
        "    if findings:\n",
        "    if not entries and findings:\n",
        f"{TREES}::test_harmful_trees_that_fsck_lets_pass_are_refused",
    ),
    Mutant(
        "moved-tag",
        "app/acquire.py",
        "return (commit, tag_object) == (pin.commit, pin.tag_object)",
        "return True",
        f"{IDENTITY}::test_moved_tag",
    ),
    Mutant(
        "rollback",
        "core/resolve.py",
        "if move.new_is_ancestor or _is_older_version(old, new):",
        "if _is_older_version(old, new):",
        f"{IDENTITY}::test_rollback",
    ),
    Mutant(
        "other-repository",
        "core/resolve.py",
        "return bool(old and new) and not set(old) & set(new)",
        "return False",
        f"{IDENTITY}::test_a_repository_that_was_made_anew",
    ),
    Mutant(
        "case-twins",
        "core/tree.py",
        "return name.lower()",
        "return name",
        f"{CORE}/test_tree.py",
    ),
    Mutant(
        "unicode-twins",
        "core/tree.py",
        'unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()',
        'name.decode("utf-8", "surrogateescape").casefold()',
        f"{CORE}/test_tree.py",
    ),
    Mutant(
        "any-ctime", "git/stamps.py", "found.st_mtime_ns, ctime))\n    now", "found.st_mtime_ns, 0))\n    now", SEEN
    ),
    Mutant("young-clone", "git/seen.py", ">= moved:", ">= 2**62:", SEEN),
    Mutant("young-look", "git/seen.py", "if tree.newest > time.time_ns() - _SETTLED:", "if tree.newest < 0:", SEEN),
    Mutant("any-commit", "git/seen.py", "and found[:2] == (commit, tree) else", "else", SEEN),
    Mutant("any-index", "git/glance.py", "if found != tree:", "if not tree:", SEEN),
    Mutant("any-edit", "git/glance.py", "not same_mode or blob_at(path, found) != blob:", "not same_mode:", SEEN),
    Mutant(
        "any-mode",
        "git/glance.py",
        "not same_mode or blob_at(path, found) != blob:",
        "blob_at(path, found) != blob:",
        SEEN,
    ),
    Mutant("any-folder", "git/glance.py", "{*os.listdir(path)} != _names_in(name, entries):", "not entries:", SEEN),
    Mutant("late-scout", "git/scout.py", "_traces(self._watched) == self._before", "bool(self._watched)", SEEN),
    Mutant("new-refs", "git/seen.py", '*_folders(root, b".git/refs"), *packs', "*packs", SEEN),
    Mutant("bomb", "core/tree.py", "if count > limits.max_entries:", "if count < 0:", f"{CORE}/test_tree.py"),
    Mutant(
        "steering-names",
        "core/tree.py",
        'elif not path.isascii() and _STEERING.search(path.decode("utf-8", "surrogateescape")):',
        "elif not path:",
        f"{CORE}/test_tree.py",
    ),
    Mutant("terminal-controls", "view/term.py", '{"Cc", "Cf"', '{"Cf"', f"{TEXT}::test_safe_text_steers_nothing"),
    Mutant("terminal-formats", "view/term.py", '{"Cc", "Cf"', '{"Cc"', f"{TEXT}::test_safe_text_steers_nothing"),
    Mutant(
        "names-of-files",
        "core/tree.py",
        "char if char.isprintable() else _escape(char)",
        "char",
        f"{CORE}/test_tree.py",
    ),
    Mutant(
        "checkout-not-read-back",
        "git/proof.py",
        "            if blob_at(path, os.lstat(path)) != recorded[1]:\n                raise Doubt\n",
        "            os.lstat(path)\n",
        f"{UPDATE}::test_what_a_checkout_wrote_is_read",
    ),
    Mutant(
        "new-objects-not-looked-for",
        "git/proof.py",
        "for oid in (tree, *parents, *new)",
        "for oid in (tree, *parents)",
        f"{UPDATE}::test_objects_that_are_new_must_be_there",
    ),
    Mutant(
        "young-update-kept",
        "git/proof.py",
        "if max(*base.ctimes(), *taken.ctimes(), 0) >= now:",
        "if max(*base.ctimes(), *taken.ctimes(), 0) > now:",
        f"{UPDATE}::test_what_is_too_young_is_proved_and_not_kept",
    ),
    Mutant(
        "damaged-sums-believed",
        "git/sums.py",
        "        if head == _head(data):\n",
        "        if head:\n",
        f"{UPDATE}::test_what_is_damaged_is_nothing_that_a_clone_knows",
    ),
    Mutant(
        "wrong-sums-kept",
        "git/objects.py",
        "            if content_digest(entries, iter(hashes)) == sha256:\n",
        "            if hashes:\n",
        f"{UPDATE}::test_a_digest_that_is_not_the_right_one_is_not_kept",
    ),
    Mutant(
        "digest-of-an-update",
        "app/acquire.py",
        "    if like is None or not rt.objects.has_digest(stage, tree.entries, pin.content_sha256, like=like):\n",
        "    if like is None:\n",
        f"{UPDATE}::test_a_digest_that_is_not_the_locks_changes_nothing",
    ),
    Mutant(
        "fetched-links-not-looked-for",
        "git/receiving.py",
        '["index-pack", "--stdin", _STRICT, complete]',
        '["index-pack", "--stdin", complete]',
        f"{NEARBY}::test_an_object_that_is_named_and_does_not_come_leaves_what_was_there",
    ),
    Mutant(
        "fetched-tip-not-looked-for",
        "git/receiving.py",
        "if oid is not None and _holds(git_dir, oid):",
        "if oid is not None:",
        f"{NEARBY}::test_a_pack_without_what_was_promised_leaves_nothing",
    ),
    Mutant(
        "fetched-past-its-end",
        "git/afar.py",
        "                lines.require_end()\n",
        "                pass\n",
        "tests/integration/test_afar_answers.py::test_what_is_not_plain_is_git_s",
    ),
    Mutant(
        "sent-to-any-host",
        "git/refusals.py",
        "return None if asker.allowed_host(host) else HostNotAllowed",
        "return None if host else HostNotAllowed",
        f"{AFAR}::test_nothing_is_sent_to_a_host_that_policy_does_not_have",
    ),
    Mutant(
        "settings-for-https-passed-over",
        "git/permitted.py",
        'key.startswith("http.") and key not in _HARMLESS',
        'key.startswith("http.x") and key not in _HARMLESS',
        f"{AFAR}::test_what_the_user_set_is_git_s_to_obey",
    ),
    Mutant(
        "conditions-passed-over",
        "git/permitted.py",
        ", *runner.conditional}",
        "}",
        f"{AFAR}::test_what_the_user_includes_under_a_condition",
    ),
    Mutant(
        "login-of-netrc-passed-over",
        "git/permitted.py",
        'not os.path.lexists(os.path.join(home, ".netrc"))',
        "True",
        f"{AFAR}::test_a_login_that_curl_finds_is_git_s",
    ),
    Mutant(
        "tether-not-tied",
        "git/tether.py",
        "fcntl.fcntl(self._theirs, fcntl.F_SETFL, os.O_ASYNC)",
        "pass",
        f"{GIT}/test_run_children.py::test_who_is_killed_takes_its_children_and_their_children_along",
    ),
    Mutant(
        "kept-file-not-hashed",
        "git/unpacking.py",
        "                if sha256(content).digest() != known:\n                    raise Unlike(os.fsdecode(path))\n",
        "",
        f"{UNPACKING}::test_another_content_is_unlike",
    ),
    Mutant(
        "kept-file-follows",
        "git/unpacking.py",
        "_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC",
        "_NEW = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC",
        f"{UNPACKING}::test_what_is_there_already_is_not_followed_or_changed",
    ),
    Mutant(
        "packs-of-a-kept-tree-not-read",
        "git/unpacking.py",
        "    for pack in packs:\n        _require_checksum(pack)\n",
        "",
        f"{UNPACKING}::test_a_pack_is_read_to_its_end",
    ),
    Mutant(
        "kept-tree-of-another-id",
        "git/unpacked.py",
        "    if found != tree:\n",
        "    if found == '':\n",
        f"{UNPACKING}::test_what_the_lock_does_not_say_is_damaged",
    ),
    Mutant(
        "kept-tree-of-another-digest",
        "git/unpacked.py",
        ") != content_sha256:\n",
        ") == '':\n",
        f"{UNPACKING}::test_what_the_lock_does_not_say_is_damaged",
    ),
    Mutant(
        "kept-tree-not-scanned",
        "app/acquire.py",
        "entries, findings = scan_tree(kept.entries, limits=limits, read_link=kept.link)",
        "entries, findings = kept.entries, ()",
        "tests/integration/test_kept_trees.py::test_a_tree_that_policy_has_come_to_refuse_is_refused",
    ),
    Mutant(
        "hidden-refs-are-seen",
        "git/localrefs.py",
        "return _PLAIN.fullmatch(hidden) is not None and not (ref",
        "return True or not (ref",
        f"{GIT}/test_localrefs.py::test_what_is_unusual_is_for_git_to_say",
    ),
    Mutant(
        "a-glimpse-of-another-tip-counts",
        "core/cache_record.py",
        "tips.get(ref) != seen.oid",
        "tips.get(ref) == ''",
        "tests/integration/test_kept_trees.py::test_a_moved_tag_is_found_all_the_same",
    ),
    Mutant(
        "packed-objects-not-hashed",
        "git/raw.py",
        "        if digest.hexdigest() != oid:\n            raise Unsure\n",
        "",
        f"{GIT}/test_raw.py::test_an_index_that_leads_to_another_object_is_found_out",
    ),
    Mutant(
        "secrets-in-messages",
        "git/classify.py",
        "redact(stderr).splitlines()",
        "stderr.splitlines()",
        f"{TEXT}::test_a_canary_in_the_configuration_reaches_nothing",
    ),
    Mutant(
        "secrets-in-traces",
        "cli/boundary.py",
        "redact(traceback.format_exc())",
        "traceback.format_exc()",
        f"{TEXT}::test_a_bug_tells_no_secret",
    ),
    Mutant(
        "userinfo",
        "core/ids.py",
        'if at and (scheme != "ssh" or _USER.fullmatch(user) is None):',
        "if not rest:",
        f"{TEXT}::test_a_canary_in_a_url_is_refused_and_not_repeated",
    ),
)
