#!/usr/bin/env python3
"""The hooks of `imgforge env` from outside: every way in which git makes a commit, in real repositories.

    test_cli_env_hooks.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import re
import stat
import sys
import unittest

import cli_project
from cli_env import BRANCHES, EnvTest

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE


class HookTest(EnvTest):
    def test_a_commit_gets_its_annotation(self):
        self.pin("v1-lts")
        self.install()
        self.commit("Fix the loader")
        self.assertEqual(self.message(), "Fix the loader\n\n[env: demo:v1-lts]")
        self.commit("Sign", "-s")
        self.assertEqual(self.message(), "Sign\n\n[env: demo:v1-lts]\n\nSigned-off-by: Anna <anna@example>")
        self.commit("Short [env: demo:v1-lts]")
        self.assertEqual(self.message(), "Short [env: demo:v1-lts]")
        self.commit("#12: a number")
        self.assertEqual(self.message(), "#12: a number\n\n[env: demo:v1-lts]")
        # Editors: the first line is free; whoever writes nothing commits nothing.
        editor = self.write("editor", "#!/bin/sh\nsed -i '1s/^$/From the editor/' \"$1\"\n", cwd=self.folder)
        editor.chmod(0o755)
        self.write("x", "x")
        self.git("add", ".")
        self.git("commit", "-q", GIT_EDITOR="'%s'" % editor)
        self.assertEqual(self.message(), "From the editor\n\n[env: demo:v1-lts]")
        self.write("y", "y")
        self.git("add", ".")
        refused = self.git("commit", "-q", expected=1, GIT_EDITOR="true")
        self.assertIn("the message is empty", refused.stderr)
        # --verbose shows a difference that is no message, and -a commits another index.
        self.write("x", "[env: other:v9]\n")
        self.git("commit", "-q", "-a", "--verbose", GIT_EDITOR="'%s'" % editor)
        self.assertEqual(self.message(), "From the editor\n\n[env: demo:v1-lts]")

    def test_a_template_has_a_place_for_it(self):
        self.pin("v1-lts")
        self.install()
        self.write(".gitmessage", self.ok(self.env("hook", "template")).stdout)
        self.git("config", "commit.template", ".gitmessage")
        editor = self.write("editor", "#!/bin/sh\nsed -i '1s/^/From a template/' \"$1\"\n", cwd=self.folder)
        editor.chmod(0o755)
        self.git("add", ".")
        self.git("commit", "-q", GIT_EDITOR="'%s'" % editor)
        self.assertEqual(self.message(), "From a template\n\n[env: demo:v1-lts]")

    def test_a_message_that_contradicts_the_pin_is_refused(self):
        self.pin("v1-lts")
        self.install()
        self.assertIn("the repository is", self.commit("Fix [env: torch:v1-lts]", expected=1).stderr)
        self.assertIn("no such tag", self.commit("Fix [env: demo:v7-lts]", expected=1).stderr)
        self.assertIn("is %s now" % self.world.digests["v2"], self.commit("Fix [env: demo:nightly]", expected=1).stderr)
        self.assertIn("names no environment", self.commit("Fix [env: demo]", expected=1).stderr)
        self.assertIn("two environments", self.commit("Fix [env: demo:v1-lts]\n\n[env: demo:v1]", expected=1).stderr)
        self.commit("Fix [env: demo:v1]")  # the build tag: the same image, and no question
        self.commit("Fix [env: demo@%s]" % self.world.digests["v1"])

    def test_the_pin_itself_needs_no_network(self):
        self.pin("v1-lts")
        self.install()
        nowhere = "127.0.0.1:1/ml/demo"
        self.write(".imgforge.yaml", self.contract().replace(self.repository, nowhere))
        self.world.project.write("nowhere.yaml", "registries: {\"127.0.0.1:1\": {patience: 0s}}\n")
        self.commit("Offline")
        self.assertEqual(self.message(), "Offline\n\n[env: demo:v1-lts]")
        self.assertIn("127.0.0.1:1", self.commit("Fix [env: demo:nightly]", expected=1).stderr)

    def test_the_branch_decides(self):
        self.pin("v1-lts", BRANCHES)
        self.install()
        self.git("checkout", "-q", "-b", "feat/x")
        refused = self.commit("Mixed", expected=1)
        self.assertIn("the branch feat/x is for the environment v2-alpha, and .imgforge.yaml pins v1-lts", refused.stderr)
        self.assertIn("imgforge env pin v2-alpha", refused.stderr)
        self.ok(self.env("pin"))
        self.commit("Begin")
        self.assertEqual(self.message(), "Begin\n\n[env: demo:v2-alpha]")
        # A merge that would bring the feature's environment along is refused, and says how to go on.
        self.git("checkout", "-q", "main")
        self.commit("Meanwhile")
        refused = self.git("merge", "-q", "--no-edit", "feat/x", expected=1)
        self.assertIn("the branch main is for the environment v1-lts", refused.stderr)
        self.ok(self.env("pin"))
        self.git("add", ".")
        self.git("commit", "-q", "--no-edit")
        self.assertEqual(self.message(), "Merge branch 'feat/x'\n\n[env: demo:v1-lts]")

    def test_commits_that_come_from_other_commits(self):
        self.pin("v1-lts")
        self.install()
        self.commit("One")
        self.git("branch", "old")
        self.ok(self.env("pin", "nightly"))
        self.git("add", ".")
        self.git("commit", "-q", "--amend", "--no-edit")  # the amended commit has the new pin
        self.assertEqual(self.message(), "One\n\n[env: demo:nightly]")
        self.git("checkout", "-q", "old")
        self.commit("Two")
        self.assertEqual(self.message(), "Two\n\n[env: demo:v1-lts]")
        self.git("rebase", "-q", "--onto", "main", "old~1", "old")  # a rebased one has that of its new base
        self.assertEqual(self.message(), "Two\n\n[env: demo:nightly]")
        self.commit("fixup! Two")
        self.git("rebase", "-q", "-i", "--autosquash", "main", GIT_SEQUENCE_EDITOR="true")
        self.assertEqual(self.message(), "Two\n\n[env: demo:nightly]")
        self.commit("Three")
        self.commit("squash! Three\n\nmore")
        self.git("rebase", "-q", "-i", "--autosquash", "main", GIT_SEQUENCE_EDITOR="true")
        self.assertEqual(self.message().count("[env: demo:nightly]"), 1, self.message())
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--squash", "old")
        self.git("commit", "-q", "--no-edit")
        self.assertEqual(len(re.findall(r"^\[env: demo:nightly\]$", self.message(), re.M)), 1, self.message())
        self.git("revert", "--no-edit", "HEAD")
        self.assertIn("[env: demo:nightly]", self.message())
        self.git("checkout", "-q", "-b", "pick", "HEAD~1")
        self.git("cherry-pick", "main")
        self.assertEqual(len(re.findall(r"^\[env: ", self.message(), re.M)), 1, self.message())

    def test_outside_of_the_environment(self):
        self.pin("v1-lts", commit=False)
        self.install()
        self.git("add", ".")
        self.git("commit", "-q", "-m", "The pin comes first", IMGFORGE_ENV_OUTSIDE=None)
        none = {"IMGFORGE_ENV_OUTSIDE": None, "PATH": "/usr/bin:/bin"}
        self.engine()
        none["PATH"] = self.path
        refused = self.commit("Outside", expected=1, **none)
        self.assertIn("outside of the pinned environment demo:v1-lts", refused.stderr)
        self.assertIn("IMGFORGE_ENV_OUTSIDE=1 git commit", refused.stderr)
        self.commit("Outside, and said so")
        self.git("commit", "-q", "--allow-empty", "-m", "Nothing", "--no-verify", **none)
        self.write("ps", "c0ffee\n", cwd=self.folder)
        self.commit("Beside its container", **none)
        os.remove(os.path.join(self.folder, "ps"))
        self.write(".imgforge.yaml", self.contract() + "hooks: {outside: warn}\n")
        self.assertIn("outside of the pinned environment", self.commit("Warned", **none).stderr)
        # Inside: by the promise.
        inside = self.env("hook", "run", "pre-commit", "--promise", str(self.promise("v1")), IMGFORGE_ENV_OUTSIDE="")
        self.ok(inside)
        self.write(".imgforge.yaml", self.contract().replace("warn", "refuse"))
        self.git("add", ".")
        self.fails(self.env("hook", "run", "pre-commit", "--promise", str(self.promise("v2")), IMGFORGE_ENV_OUTSIDE=""), 5,
                   "build v2 instead of v1")

    def test_hooks_go_where_git_looks_and_leave_others_alone(self):
        self.pin("v1-lts")
        hooks = pathlib.Path(self.clone, ".git/hooks")
        other = hooks / "commit-msg"
        other.write_text("#!/bin/sh\necho other >>'%s/ran'\n" % self.folder, encoding="utf-8")
        other.chmod(0o755)
        self.fails(self.env("hook", "install"), 7, "there is another hook already", "--chain", "imgforge env hook run commit-msg")
        self.assertFalse((hooks / "pre-commit").exists())
        self.assertIn("would be installed", self.install("--chain", "--dry-run").stdout)
        self.assertFalse((hooks / "pre-commit").exists())
        self.install("--chain")
        self.commit("Chained")
        self.assertEqual(self.message(), "Chained\n\n[env: demo:v1-lts]")
        self.assertTrue(os.path.exists(self.folder + "/ran"))
        self.assertEqual(json.loads(self.ok(self.env("status", "--json")).stdout)["hooks"]["commit-msg"], "installed")
        self.install("--uninstall")
        self.assertIn("other", other.read_text(encoding="utf-8"))
        self.assertTrue(other.stat().st_mode & stat.S_IXUSR)
        self.assertIn("no hook of imgforge", self.install("--uninstall").stdout)

        # core.hooksPath of this repository, and a working tree of its own.
        self.git("config", "core.hooksPath", ".husky")
        self.install()
        self.assertTrue(os.path.exists(os.path.join(self.clone, ".husky/pre-commit")))
        self.git("config", "--unset", "core.hooksPath")
        other.unlink()
        self.install()
        tree = os.path.join(self.folder, "tree")
        self.git("worktree", "add", "-q", "-b", "side", tree)
        self.write("z", "z", cwd=tree)
        self.git("add", ".", cwd=tree)
        self.git("commit", "-q", "-m", "In a working tree", cwd=tree)
        self.assertIn("[env: demo:v1-lts]", self.git("log", "-1", "--format=%B", cwd=tree).stdout)
        # Everybody's hooks are not this repository's.
        self.git("config", "--global", "core.hooksPath", os.path.join(self.folder, "all"))
        self.addCleanup(self.git, "config", "--global", "--unset", "core.hooksPath", cwd="/")
        self.fails(self.env("hook", "install"), 7, "those of every repository")

    def test_without_imgforge_the_hooks_do_what_they_can(self):
        """As in an image, where `imgforge` is the probe's front."""
        self.pin("v1-lts")
        self.install()
        hooks = pathlib.Path(self.clone, ".git/hooks")
        for hook in ("pre-commit", "prepare-commit-msg", "commit-msg"):
            text = (hooks / hook).read_text(encoding="utf-8")
            self.assertIn(IMGFORGE, text)
            (hooks / hook).write_text(text.replace(IMGFORGE, "/nowhere/imgforge"), encoding="utf-8")
        self.commit("Fix")
        self.assertEqual(self.message(), "Fix\n\n[env: demo:v1-lts]")
        self.assertIn("the message must say [env: demo:v1-lts]", self.commit("Fix [env: demo:v9]", expected=1).stderr)
        refused = self.commit("Outside", expected=1, IMGFORGE_ENV_OUTSIDE=None)
        self.assertIn("this is not the pinned environment", refused.stderr)
        self.commit("#12: a number")
        self.assertEqual(self.message(), "#12: a number\n\n[env: demo:v1-lts]")
        editor = self.write("editor", "#!/bin/sh\nsed -i '1s/^$/From the editor/' \"$1\"\n", cwd=self.folder)
        editor.chmod(0o755)
        self.git("commit", "-q", "--allow-empty", GIT_EDITOR="'%s'" % editor)
        self.assertEqual(self.message(), "From the editor\n\n[env: demo:v1-lts]")
        # The image's promise, where the hook looks for it.
        promise = self.promise("v1")
        text = (hooks / "pre-commit").read_text(encoding="utf-8")
        (hooks / "pre-commit").write_text(text.replace("/opt/imgforge/promise.json", "'%s'" % promise), encoding="utf-8")
        self.commit("Inside", IMGFORGE_ENV_OUTSIDE=None)
        # The image's own imgforge knows no hooks, and the script notices.
        front = pathlib.Path(self.folder, "front")
        front.mkdir()
        (front / "imgforge").symlink_to(PROBE)
        inside = {"PATH": "%s:/usr/bin:/bin" % front, "IMGFORGE_ENV_OUTSIDE": None}
        self.commit("By the front", **inside)
        self.assertEqual(self.message(), "By the front\n\n[env: demo:v1-lts]")
        self.assertIn("the message must say [env: demo:v1-lts]", self.commit("Fix [env: demo:v9]", expected=1, **inside).stderr)
        self.git("reset", "-q", "--hard")
        # A pin that people wrote in braces is for the pipeline to judge.
        self.write(".imgforge.yaml", "imgforge: 1\nrepository: %s\npin: {tag: v1-lts, digest: %s}\n" % (self.repository, self.world.digests["v1"]))
        self.assertIn("cannot be read without it", self.commit("Braces", IMGFORGE_ENV_OUTSIDE=None).stderr)

    def test_a_repository_without_a_contract_is_left_alone(self):
        self.install()
        self.commit("Free", IMGFORGE_ENV_OUTSIDE=None)
        self.assertEqual(self.message(), "Free")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
