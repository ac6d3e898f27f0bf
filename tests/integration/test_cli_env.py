#!/usr/bin/env python3
"""`imgforge env` from outside: real git repositories and hooks, a real docker-registry, engines that are scripts, and a real podman.

    test_cli_env.py IMGFORGE PROBE SOURCE_DIR
"""
import hashlib
import json
import os
import pathlib
import pty
import random
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import cli_project
from cli_project import Expectations
from cli_release import Plain, ReleaseProject

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

OUTSIDE = {"IMGFORGE_ENV_OUTSIDE": "1"}
BRANCHES = 'branches: {main: v1-lts, dev: nightly, "feat/*": v2-alpha}\n'
ENGINE = """#!/bin/sh
printf '%%s\\n' "$@" >>"%(asked)s"
printf '%%s\\n' -- >>"%(asked)s"
[ "$1" = ps ] && { cat "%(ps)s" 2>/dev/null; exit 0; }
%(script)s
"""


class World:
    """A registry with signed images, shared by the tests: demo:v1 as v1-lts, demo:v2 as nightly and v2-alpha, demo:v3 unsigned."""

    def __init__(self):
        self.registry = Plain()
        self.project = ReleaseProject()
        self.project.write(".config/imgforge/config.yaml", "trust_policy: %s\nsigning_key: %s\n"
                           % (self.project.path("trust.yaml"), self.project.path("release.key")))
        self.project.write(".gitconfig", "[user]\n name = Anna\n email = anna@example\n[init]\n defaultBranch = main\n"
                                         "[advice]\n detachedHead = false\n[core]\n editor = true\n")
        self.repository = self.registry.host + "/ml/demo"
        self.digests = {}
        for number, words in (("1", ["--sign"]), ("2", ["--sign"]), ("3", [])):
            made = self.project.build(self.repository, "--layer-cache", "none", *words, build="v" + number, main="print(%s)\n" % number)
            self.digests["v" + number] = made["digest"]
        self.tag("v1", "v1-lts")
        self.tag("v2", "nightly", "v2-alpha")

    def tag(self, image, *tags):
        done = self.project.run("tag", "%s:%s" % (self.repository, image), *tags, "--move")
        assert done.returncode == 0, done.stderr

    def close(self):
        self.registry.stop()
        self.project.remove()


class EnvTest(Expectations, unittest.TestCase):
    world = None

    @classmethod
    def setUpClass(cls):
        if EnvTest.world is None:
            EnvTest.world = World()
            unittest.addModuleCleanup(EnvTest.world.close)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="imgforge env-")  # with a blank
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.clone = os.path.join(self.folder, "clone")
        self.git("init", "-q", self.clone, cwd=self.folder)
        self.repository = self.world.repository

    def environment(self, **more):
        return {**self.world.project.environment(), "EDITOR": "true", **OUTSIDE,
                **{name: value for name, value in more.items() if value is not None}}

    def env(self, *words, cwd=None, **more):
        return self.world.project.run("env", *words, cwd=cwd or self.clone, **{**OUTSIDE, **more})

    def git(self, *words, cwd=None, expected=0, stdin=None, **more):
        environment = self.environment(**more)
        for name in [name for name, value in more.items() if value is None]:
            environment.pop(name, None)
        done = subprocess.run(["git", *words], cwd=cwd or self.clone, env=environment, text=True, capture_output=True, check=False,
                              timeout=120, input=stdin, errors="replace")
        if expected is not None:
            self.assertEqual(done.returncode == 0, expected == 0, "git %s: %s%s" % (" ".join(words), done.stderr, done.stdout))
        return done

    def write(self, name, text, cwd=None):
        path = pathlib.Path(cwd or self.clone, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def contract(self):
        return pathlib.Path(self.clone, ".imgforge.yaml").read_text(encoding="utf-8")

    def pin(self, tag, more="", commit=True):
        """A contract with that pin, committed."""
        if not os.path.exists(os.path.join(self.clone, ".imgforge.yaml")):
            self.write(".imgforge.yaml", "imgforge: 1\nrepository: %s\n%s" % (self.repository, more))
        self.ok(self.env("pin", tag))
        if commit:
            self.git("add", ".")
            self.git("commit", "-q", "-m", "Pin\n\n[env: demo:%s]" % tag)

    def commit(self, message, *words, expected=0, **more):
        self.count = getattr(self, "count", 0) + 1
        self.write("file%d" % self.count, "x")
        self.git("add", ".")
        return self.git("commit", "-q", "-m", message, *words, expected=expected, **more)

    def message(self, revision="HEAD"):
        return self.git("log", "-1", "--format=%B", revision).stdout.strip()

    def install(self, *words):
        return self.ok(self.env("hook", "install", *words))

    def engine(self, script="exit 0", name="podman"):
        path = self.write("engines/" + name, ENGINE % {"asked": os.path.join(self.folder, "asked"), "ps": os.path.join(self.folder, "ps"),
                                                       "script": script}, cwd=self.folder)
        path.chmod(0o755)
        self.path = os.path.join(self.folder, "engines") + ":/usr/bin:/bin"

    def asked(self):
        """The calls of the engine since the last look, as lists of words."""
        path = pathlib.Path(self.folder, "asked")
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text("", encoding="utf-8")
        return [call.split("\n")[:-1] for call in re.split(r"^--\n", text, flags=re.M) if call]

    def promise(self, image="v1"):
        """What an image of the registry has as its /opt/imgforge/promise.json."""
        blob = json.loads(self.ok(self.world.project.run("inspect", "%s:%s" % (self.repository, image), "--json")).stdout)
        layer = next(one for one in blob["layers"] if one["kind"] == "promise")
        out = pathlib.Path(self.folder, image)
        self.ok(self.world.project.run("copy", "%s:%s" % (self.repository, image), "oci:%s" % out))
        done = subprocess.run(["tar", "-xzOf", out / "blobs/sha256" / layer["digest"].split(":")[1], "opt/imgforge/promise.json"],
                              capture_output=True, check=True)
        path = pathlib.Path(self.folder, "promise-%s.json" % image)
        path.write_bytes(done.stdout)
        return path

    def skip(self, reason):
        print("SKIPPED: %s: %s" % (self._testMethodName, reason))
        self.skipTest(reason)


class PinTest(EnvTest):
    def test_a_tag_becomes_a_digest_that_is_signed(self):
        self.fails(self.env("pin", "v1-lts"), 3, "there is no .imgforge.yaml yet", "HOST/REPOSITORY:TAG")
        self.fails(self.env("status"), 3, "imgforge env pin")
        said = self.ok(self.env("pin", self.repository + ":v1-lts")).stdout
        self.assertIn("%s@%s" % (self.repository, self.world.digests["v1"]), said)
        text = self.contract()
        self.assertIn("repository: %s\n" % self.repository, text)
        self.assertIn("pin:\n  tag: v1-lts\n  digest: %s\n  build: v1\n" % self.world.digests["v1"], text)
        # The promise is the image's own file, by the independent tar.
        digest = hashlib.sha256(self.promise().read_bytes()).hexdigest()
        self.assertIn("  promise: sha256:%s\n" % digest, text)
        self.assertIn("already", self.ok(self.env("pin", "v1-lts")).stdout)
        self.assertEqual(self.contract(), text)

        # Another tag changes lines and nothing else.
        self.write(".imgforge.yaml", "# ours\n" + text.replace("  tag: v1-lts", "  tag: v1-lts  # asked for"))
        preview = self.ok(self.env("pin", "nightly", "--dry-run")).stdout
        self.assertIn("# asked for", preview)
        self.assertIn("tag: v1-lts", self.contract())
        document = json.loads(self.ok(self.env("pin", "nightly", "--json")).stdout)
        self.assertEqual(document["pin"]["digest"], self.world.digests["v2"])
        self.assertEqual(document["before"]["tag"], "v1-lts")
        self.assertEqual(self.contract(), preview)

    def test_what_is_not_signed_or_not_there_is_not_pinned(self):
        self.pin("v1-lts")
        before = self.contract()
        self.fails(self.env("pin", "v3"), 5, "is not signed")
        self.fails(self.env("pin", "v9-lts"), 3, "v9-lts")
        self.fails(self.env("pin", "harbor.example/other/demo:v1"), 7, "names the repository")
        self.world.project.write("empty.yaml", "{}\n")
        self.fails(self.env("pin", "v1-lts", "--config", self.world.project.path("empty.yaml")), 2, "nobody is named to be trusted")
        self.assertEqual(self.contract(), before)

    def test_a_branch_has_its_channel(self):
        self.pin("v1-lts", BRANCHES)
        self.fails(self.env("pin", "nightly"), 7, "the branch main is for the environment v1-lts", "imgforge env pin v1-lts")
        self.git("checkout", "-q", "-b", "dev")
        self.fails(self.env("check"), 5)  # outside goes before the rule
        self.fails(self.env("check", "--promise", str(self.promise("v1"))), 7, "the branch dev is for the environment nightly")
        self.ok(self.env("pin"))  # without a word: the branch's
        self.assertIn("tag: nightly", self.contract())
        status = json.loads(self.ok(self.env("status", "--json")).stdout)
        self.assertEqual((status["branch_channel"], status["mixed"], status["tag_is_now"]), ("nightly", False, self.world.digests["v2"]))

    def test_check_says_what_differs(self):
        self.pin("v1-lts")
        self.assertIn("this is the pinned environment", self.ok(self.env("check", "--promise", str(self.promise("v1")))).stdout)
        result = self.fails(self.env("check", "--promise", str(self.promise("v2"))), 5, "build v2 instead of v1")
        self.assertIn("build", result.stdout)
        document = json.loads(self.env("check", "--promise", str(self.promise("v2")), "--json").stdout)
        self.assertEqual(document["differences"], [{"what": "build", "pinned": "v1", "running": "v2"}])
        self.assertFalse(document["agrees"])
        # Outside: a container for this very working tree, from this very digest, is the environment.
        self.engine()
        self.fails(self.env("check", PATH=self.path), 5, "outside of the pinned environment")
        self.write("ps", "c0ffee\n", cwd=self.folder)
        self.asked()
        self.ok(self.env("check", PATH=self.path))
        self.assertEqual(self.asked()[:1], [["ps", "--quiet", "--filter", "label=io.imgforge.env.tree=" + os.path.realpath(self.clone), "--filter",
                                         "label=io.imgforge.env.image=%s@%s" % (self.repository, self.world.digests["v1"])]])

    def test_words_that_make_no_sense(self):
        self.fails(self.env(), 2, "pin, status")
        self.fails(self.env("pinn"), 2, "did you mean 'imgforge env pin'?")
        self.fails(self.env("show", "HEAD"), 3, "no commit")
        self.fails(self.env("verify", "HEAD"), 2, "A..B")
        self.fails(self.env("status", cwd="/"), 3, "no git repository")
        for part in ("pin", "status", "check", "hook", "verify", "show", "run", "setup"):
            text = self.ok(self.env(part, "--help")).stdout
            self.assertIn("Usage: imgforge env %s" % part, text)
            self.assertIn("Example", text)
        for shell in ("bash", "zsh", "fish"):
            script = self.ok(self.world.project.run("completion", shell)).stdout
            self.assertIn("setup", script)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=script, text=True, check=True)


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


class InsideTest(EnvTest):
    """The program inside of images and the whole imgforge, asked the same."""

    def inside(self, *words, cwd=None):
        return subprocess.run([PROBE, *words], cwd=cwd or self.clone, env=self.environment(), text=True, capture_output=True, check=False,
                              timeout=60)

    def both(self, promise, expected, contract=None):
        """One answer of both, as JSON and as text; the document."""
        if contract is not None:
            path = pathlib.Path(self.clone, ".imgforge.yaml")
            path.write_bytes(contract.encode())
        words = ("check", "--promise", str(promise))
        whole, inside = self.env(*words, "--json"), self.inside("env", *words, "--json")
        documents = []
        for one in (whole, inside):
            self.assertEqual(one.returncode, expected, one.stderr + one.stdout)
            document = json.loads(one.stdout)
            document.pop("branch", None)  # the program inside does not ask git
            document.get("error", {}).pop("hint", None)
            documents.append(document)
        self.assertEqual(*documents)
        text, text_inside = self.env(*words), self.inside("env", *words)
        self.assertEqual((text.returncode, text.stdout), (text_inside.returncode, text_inside.stdout))
        self.assertEqual(text.stderr.split("\n", 1)[0], text_inside.stderr.split("\n", 1)[0])
        return documents[0]

    def differences(self, promise, contract):
        return [(one["what"], one["pinned"], one["running"]) for one in self.both(promise, 5, contract)["differences"]]

    def test_the_same_answer(self):
        self.pin("v1-lts", BRANCHES)
        pinned = self.contract()
        promise, other = self.promise("v1"), self.promise("v2")
        tag, other_tag = [json.loads(one.read_bytes())["tag"] for one in (promise, other)]
        promised = next(one for one in pinned.splitlines(True) if one.startswith("  promise: "))
        unpromised = pinned.replace(promised, "")
        self.assertNotEqual(unpromised, pinned)
        self.assertTrue(self.both(promise, 0)["agrees"])
        self.assertEqual(self.both(promise, 0, pinned.replace("\n", "\r\n"))["differences"], [])
        self.assertTrue(self.both(promise, 0, unpromised)["agrees"])
        for contract in (pinned, unpromised):
            self.assertEqual(self.differences(other, contract), [("build", tag, other_tag)])
        # The promise alone, another image, and nothing to go by.
        zeros = "  promise: sha256:" + 64 * "0" + "\n"
        self.assertEqual([one[0] for one in self.differences(promise, pinned.replace(promised, zeros))], ["promise"])
        self.assertEqual([one[0] for one in self.differences(promise, unpromised.replace("/ml/demo", "/ml/other"))], ["image"])
        bare = "imgforge: 1\nrepository: %s\npin:\n  tag: v1-lts\n  digest: %s\n" % (self.repository, self.world.digests["v1"])
        self.assertEqual([one[0] for one in self.differences(promise, bare)], ["digest"])

    def test_the_same_answer_about_components(self):
        document = {"promise": 1, "image": "demo", "tag": "t", "components": [
            {"name": "torch", "version": "2.6.0", "cuda": "12.4"}, {"name": "7zip", "version": "16"}, {"name": "y", "version": "1: #"},
            {"name": "numpy", "version": "1.0"}, {"name": "numpy", "version": "2.1.0"}, {"name": "\u00e9", "version": "\u00fc"}]}
        promise = self.write("promise.json", json.dumps(document), cwd=self.folder)
        head = "imgforge: 1\nrepository: %s\npin:\n  tag: v1-lts\n  digest: sha256:%s\n" % (self.repository, 64 * "1")
        block = head + '  components:\n    torch: "2.6.0"\n    "7zip": "16"\n    "y": "1: #"\n    numpy: 2.1.0  # the last\n'
        braces = head + "  components: {torch: 2.6.0, \"7zip\": '16', y: '1: #', numpy: \"2.1.0\"} # all\n"
        accent = ("\u00e9", "-", "\u00fc")
        for contract in (block, braces):
            self.assertEqual(self.differences(promise, contract), [accent])
            for old, new, expected in (("2.6.0", "2.7.1", ("torch", "2.7.1", "2.6.0")), ("numpy", "numpz", ("numpz", "2.1.0", "-"))):
                found = self.differences(promise, contract.replace(old, new))
                self.assertIn(expected, found)
                self.assertEqual(found, sorted(found))
        self.assertEqual(self.differences(promise, block.replace('    "7zip": "16"\n', "")), [("7zip", "-", "16"), accent])
        digest = "  promise: sha256:%s\n" % hashlib.sha256(promise.read_bytes()).hexdigest()
        self.assertEqual(self.both(promise, 0, block + digest)["differences"], [])
        self.assertEqual(self.both(promise, 0, head + digest)["differences"], [])

    def test_the_same_refusals(self):
        promise = self.write("promise.json", '{"promise": 1, "image": "demo", "tag": "t"}', cwd=self.folder)
        head = "imgforge: 1\nrepository: %s\n" % self.repository
        pin = "pin:\n  tag: v1\n  digest: sha256:%s\n" % (64 * "0")
        for contract, code in ((head, 7), (head + "pin: ~\n", 7), ("", 2), (head + "wat: 1\n", 2),
                               (pin, 2), (head + pin + "  tag: v2\n", 2), (head + pin.replace("v1", '"-"'), 2), (head + "pin: x\n", 2),
                               (head.replace("1", "2", 1) + pin, 2), (head + "pin:\n\ttag: v1\n", 2)):
            with self.subTest(contract):
                self.write(".imgforge.yaml", contract)
                codes = []
                for one in (self.env("check", "--promise", str(promise), "--json"), self.inside("env", "check", "--promise", str(promise), "--json")):
                    error = json.loads(one.stdout)["error"]
                    codes.append((one.returncode, error["exit_code"], error["code"]))
                self.assertEqual(codes, [(code, code, "refused" if code == 7 else "invalid")] * 2)
        os.remove(os.path.join(self.clone, ".imgforge.yaml"))
        below = self.write("a/b", "", cwd=self.clone).parent
        whole, inside = self.env("check", "--json", cwd=str(below)), self.inside("env", "check", "--json", cwd=below)
        self.assertEqual((whole.returncode, inside.returncode), (3, 3))
        self.assertEqual(json.loads(whole.stdout)["error"]["message"], json.loads(inside.stdout)["error"]["message"])

    def test_damaged_contracts(self):
        """What the program inside understands, the whole imgforge understands alike; it may refuse more, of the keys that are not read inside."""
        promise = self.write("promise.json", '{"promise": 1, "image": "demo", "tag": "b-v1", "components": [{"name": "torch", "version": "2.6.0"}]}',
                             cwd=self.folder)
        digest = "sha256:" + hashlib.sha256(promise.read_bytes()).hexdigest()
        whole = ("# x\nimgforge: 1\nrepository: %s\npin:\n  tag: v1-lts\n  digest: sha256:%s\n  build: b-v1\n  promise: %s\n  components:\n"
                 '    torch: "2.6.0"\n' % (self.repository, 64 * "0", digest) + BRANCHES + "trust_policy: 'trust.yaml'\n")
        dice = random.Random(20250520)
        pieces = list(" \n\t\"'{}[],:#~-&*!|>%") + ["\n  ", "null", ": ", " #", "pin:", "tag: ", "v1", "- ", "\n    "]
        agreed = 0
        for _ in range(150):
            lines = whole.splitlines(True)
            if dice.random() < 0.2:
                at = dice.randrange(len(lines))
                lines[at:at + 1] = dice.choice(([], [lines[at], dice.choice(lines)]))
            text = "".join(lines)
            for _ in range(dice.randint(0, 2)):
                at = dice.randrange(len(text))
                text = text[:at] + dice.choice(pieces) + text[at + dice.choice((0, 0, 1, 9)):]
            self.write(".imgforge.yaml", text)
            inside = self.inside("env", "check", "--promise", str(promise), "--json")
            self.assertIn(inside.returncode, (0, 1, 2, 5, 7), text + inside.stderr)
            if inside.returncode == 1:
                continue
            asked = self.env("check", "--promise", str(promise), "--json")
            if inside.returncode == 2 or asked.returncode != 2:
                self.assertEqual(inside.returncode, asked.returncode, text + inside.stderr + asked.stderr)
            if inside.returncode in (0, 5) and asked.returncode != 2:
                documents = [json.loads(one.stdout) for one in (inside, asked)]
                self.assertEqual(*[[one[key] for key in ("agrees", "annotation", "differences", "inside", "pinned", "running")]
                                   for one in documents], text)
                agreed += 1
        self.assertGreater(agreed, 30)

    def test_every_other_command_is_named_as_one_of_the_outside(self):
        said = self.ok(self.world.project.run("--help")).stdout
        commands = re.findall("^  ([a-z]+) +[a-z]", said.split("Commands:")[1].split("Start:")[0], re.M)
        self.assertIn("build", commands)
        for command in set(commands) - {"env", "probe"}:
            result = self.inside(command, "--help")
            self.assertEqual(result.returncode, 2)
            self.assertIn("'%s' is a command of the imgforge outside of images" % command, result.stderr)


class VerifyTest(EnvTest):
    def verify(self, *words, expected=0):
        result = self.env("verify", *words, "--json")
        self.assertEqual(result.returncode, expected, result.stderr + result.stdout)
        return json.loads(result.stdout)

    def results(self, document):
        return {one["subject"].split(" [")[0]: one["result"] for one in document["commits"]}

    def test_two_clones_and_a_pipeline(self):
        self.pin("v1-lts", BRANCHES)
        self.git("tag", "start")
        other = os.path.join(self.folder, "other clone")
        self.git("clone", "-q", self.clone, other, cwd=self.folder)
        self.ok(self.env("hook", "install", cwd=other))
        self.git("checkout", "-q", "-b", "feat/x", cwd=other)
        self.ok(self.env("pin", cwd=other))
        self.git("add", ".", cwd=other)
        self.git("commit", "-q", "-m", "Begin", cwd=other)
        self.git("commit", "-q", "--allow-empty", "-m", "Go on", cwd=other)
        self.git("push", "-q", "origin", "feat/x", cwd=other)
        text = self.ok(self.env("verify", "start..feat/x", "--branch", "feat/x")).stdout
        self.assertIn("2 commits keep the contract", text)
        self.assertRegex(text, r"demo:v2-alpha [0-9a-f]{12} +ok +Begin")
        document = self.verify("start..feat/x", "--branch", "feat/x")
        self.assertEqual(document["questions"], 2)  # two commits, one digest and its build tag
        # The same commits, fast-forwarded, would be a mixture on main.
        self.assertEqual(self.results(self.verify("start..feat/x", "--branch", "main", expected=7)),
                         {"Begin": "wrong-channel", "Go on": "wrong-channel"})
        # Merged as the contract wants it, main keeps its own.
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "--no-commit", "feat/x")
        self.ok(self.env("pin"))
        self.git("add", ".")
        self.git("commit", "-q", "-m", "Merge feat/x")  # says nothing: its pin is that of main
        self.assertEqual(self.results(self.verify("start..main", "--branch", "main")), {"Begin": "ok", "Go on": "ok", "Merge feat/x": "ok"})

    def test_the_job_of_the_example(self):
        self.pin("v1-lts", BRANCHES)
        base = self.git("rev-parse", "HEAD").stdout.strip()
        self.git("checkout", "-q", "-b", "feat/x")
        self.ok(self.env("pin"))
        self.commit("Begin [env: demo:v2-alpha]")
        text = pathlib.Path(SOURCE, "examples/day-one/.gitlab-ci.yml").read_text(encoding="utf-8")
        script = text.partition("  script:\n")[2].replace("\n      ", " ").replace("    - ", "")
        self.assertEqual(script.count("imgforge"), 2, script)
        os.makedirs(os.path.join(self.folder, "bin"))
        os.symlink(IMGFORGE, os.path.join(self.folder, "bin/imgforge"))

        def job(branch):
            environment = self.environment(PATH=self.folder + "/bin:/usr/bin:/bin", HARBOR=self.world.registry.host, PULL_ROBOT="robot$ml+pull",
                                           PULL_ROBOT_SECRET="a test's own", TRUST_POLICY=self.world.project.path("trust.yaml"),
                                           CI_MERGE_REQUEST_DIFF_BASE_SHA=base, CI_COMMIT_SHA=self.git("rev-parse", "HEAD").stdout.strip(),
                                           CI_MERGE_REQUEST_SOURCE_BRANCH_NAME=branch, HOME=self.folder)
            self.git("checkout", "-q", "--detach")  # as runners do
            return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.clone, env=environment, text=True, capture_output=True,
                                  check=False, timeout=120)

        self.assertIn("1 commit keeps the contract", self.ok(job("feat/x")).stdout)
        self.fails(job("dev"), 7, "the branch dev is for the environment nightly")

    def test_everything_that_can_be_wrong(self):
        self.git("commit", "-q", "--allow-empty", "-m", "Root")
        self.git("commit", "-q", "--allow-empty", "-m", "Before the contract")
        self.pin("v1-lts")
        self.commit("Silent")
        self.commit("Wrong [env: torch:v1]")
        self.commit("Unknown [env: demo:v9-lts]")
        self.commit("Moved [env: demo:nightly]")
        self.commit("Unreadable [env: demo]")
        self.commit("Good [env: demo:v1]")
        unsigned = self.contract().replace(self.world.digests["v1"], self.world.digests["v3"])
        self.write(".imgforge.yaml", unsigned)
        self.commit("Unsigned [env: demo:v1-lts]")
        self.write(".imgforge.yaml", unsigned.replace(self.world.digests["v3"], "sha256:" + 64 * "a"))
        self.commit("Gone [env: demo:v1-lts]")
        self.write(".imgforge.yaml", "imgforge: 9\n")
        self.commit("Broken [env: demo:v1-lts]")
        self.write(".imgforge.yaml", "imgforge: 1\nrepository: %s\n" % self.repository)
        self.commit("Open [env: demo:v1-lts]")
        document = self.verify("HEAD~12..HEAD", expected=5)
        self.assertEqual(self.results(document), {
            "Before the contract": "no-contract", "Pin": "ok", "Silent": "no-annotation", "Wrong": "contradiction",
            "Unknown": "unresolved", "Moved": "contradiction", "Unreadable": "bad-annotation", "Good": "ok", "Unsigned": "unsigned",
            "Gone": "unresolved", "Broken": "bad-contract", "Open": "no-pin"})
        self.assertFalse(document["kept"])
        self.assertEqual(document["error"]["exit_code"], 5)
        self.fails(self.env("verify", "HEAD~11..HEAD~9"), 7, "1 of 2 commits", "does not say its environment")
        self.ok(self.env("verify", "HEAD..HEAD"))

    def test_a_commit_does_not_choose_who_is_believed(self):
        self.pin("v1-lts", commit=False)
        self.write("trust.yaml", "trust: 1\nrepositories: [{match: ['**'], accept_unsigned: true}]\n")
        self.write(".imgforge.yaml", self.contract().replace(self.world.digests["v1"], self.world.digests["v3"]) + "trust_policy: trust.yaml\n")
        self.git("commit", "-q", "--allow-empty", "-m", "Root")
        self.commit("Mine [env: demo:v1-lts]")
        self.assertEqual(self.results(self.verify("HEAD~1..HEAD", expected=5)), {"Mine": "unsigned"})
        self.world.project.write("empty.yaml", "{}\n")
        self.fails(self.env("verify", "HEAD~1..HEAD", "--config", self.world.project.path("empty.yaml")), 2, "nobody is named")

    def test_a_pin_that_lends_a_name(self):
        self.pin("v1-lts")
        self.write(".imgforge.yaml", self.contract().replace("build: v1", "build: v2"))
        self.commit("Lent [env: demo:v2]")
        document = self.verify("HEAD~1..HEAD", expected=5)
        self.assertEqual(self.results(document), {"Lent": "contradiction"})
        self.assertIn(self.world.digests["v2"], document["commits"][0]["why"])

    def test_ranges_that_pipelines_get_wrong(self):
        self.pin("v1-lts")
        self.fails(self.env("verify", "0" * 40 + "..HEAD"), 2, "the branch is new")
        self.fails(self.env("verify", "nowhere..HEAD"), 3, "no commit 'nowhere'", "--unshallow")
        self.fails(self.env("verify", "HEAD..HEAD", "--branch", ""), 2, "pipeline's variable")


class RunTest(EnvTest):
    def run_words(self, call):
        return call[call.index("--entrypoint"):]

    def test_the_working_tree_is_mounted_where_it_is(self):
        self.pin("v1-lts")
        self.engine("exit 7")
        image = "%s@%s" % (self.repository, self.world.digests["v1"])
        done = self.env("run", "--gpus", "none", "-p", "8080:80", "--", "python", "train.py", "--lr", "3", PATH=self.path)
        self.assertEqual(done.returncode, 7, done.stderr)
        head = self.git("rev-parse", "HEAD").stdout.strip()
        top = os.path.realpath(self.clone)
        self.assertEqual(self.asked(), [[
            "run", "--rm", "-i", "--tls-verify=false", "--mount", "type=bind,source=%s,target=%s" % (top, top), "--workdir", top,
            "--publish", "127.0.0.1:8080:80", "--env", "IMGFORGE_ENV=demo:v1-lts@%s" % self.world.digests["v1"], "--env",
            "IMGFORGE_COMMIT=" + head, "--label", "io.imgforge.env.image=" + image, "--label", "io.imgforge.env.tree=" + top,
            "--entrypoint", "python", image, "train.py", "--lr", "3"]])
        self.ok(self.env("run", "HEAD", "--dry-run", "--jupyter", "--jupyter-port", "9999", "--json", PATH=self.path))
        command = json.loads(self.env("run", "HEAD", "--dry-run", "--jupyter", "--jupyter-port", "9999", "--json",
                                      PATH=self.path).stdout)["command"]
        self.assertIn("127.0.0.1:9999:8888", command)
        self.assertEqual(command[command.index("--entrypoint") + 1], "jupyter")
        self.assertIn("nvidia.com/gpu=all", command)
        self.assertEqual(self.asked(), [])
        # A program that takes what is typed, and one that is not there.
        self.engine("cat")
        self.assertEqual(self.world.project.run("env", "run", cwd=self.clone, stdin="typed\n", PATH=self.path).stdout, "typed\n")
        self.engine("echo 'Error: no such device' >&2; exit 125")
        self.fails(self.env("run", PATH=self.path), 125, "did not start the container", "--gpus none", "no such device")
        self.fails(self.env("run", "--publish", "99999:1", PATH=self.path), 2, "no port")
        self.fails(self.env("run", "a", "b", PATH=self.path), 2, "too much")
        self.fails(self.env("run", "--trust-policy", "x", PATH=self.path), 2, "without --verify")
        self.asked()
        self.write(".imgforge.yaml", self.contract().replace(self.world.digests["v1"], self.world.digests["v3"]))
        self.fails(self.env("run", "--verify", PATH=self.path), 5, "is not signed")
        self.assertEqual(self.asked(), [])

    def test_an_old_commit_has_its_own_image_and_files(self):
        self.pin("v1-lts")
        self.write("main.py", "old\n")
        self.commit("Old [env: demo:v1-lts]")
        old = self.git("rev-parse", "HEAD").stdout.strip()
        self.write("main.py", "new\n")
        self.pin("nightly")
        self.engine('for word in "$@"; do case $word in type=bind,source=*/imgforge-env*) tree=${word#*source=}; tree=${tree%%,*};; esac; '
                    'done\ncat "$tree/main.py"; mkdir -p "$tree/__pycache__"; touch "$tree/__pycache__/x.pyc"; ls "$tree"; '
                    'git -C "$tree" rev-parse HEAD; exit 3')
        done = self.env("run", old[:10], "--", "true", PATH=self.path)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertTrue(done.stdout.startswith("old\n"), done.stdout)
        self.assertIn(old, done.stdout)
        call = self.asked()[0]
        self.assertIn("%s@%s" % (self.repository, self.world.digests["v1"]), call)
        self.assertIn("type=bind,source=%s/.git,target=%s/.git,readonly" % (2 * (os.path.realpath(self.clone),)), call)
        self.assertEqual(len(self.git("worktree", "list").stdout.splitlines()), 1)
        # What a run leaves is not thrown away.
        self.engine('for word in "$@"; do case $word in type=bind,source=*/imgforge-env*) tree=${word#*source=}; tree=${tree%%,*};; esac; '
                    'done\necho 0.93 >"$tree/result"')
        done = self.ok(self.env("run", old, "--", "true", PATH=self.path))
        where = re.search(r"the checkout (\S+) stays", done.stderr).group(1)
        self.assertEqual(pathlib.Path(where, "result").read_text(encoding="utf-8"), "0.93\n")
        self.git("worktree", "remove", "--force", where)
        os.rmdir(os.path.dirname(where))

    def on_a_terminal(self, *words, keys, when=b"started", cwd=None, **more):
        """Runs a program on a terminal of its own; sends the keys when it says `when`. What it showed, and its exit code."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(cwd or self.clone)
            os.execve(words[0], words, self.environment(**more))
        shown = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # how a terminal ends
                break
            if not piece:
                break
            shown += piece
            if when in shown and keys:
                os.write(terminal, keys)
                keys = b""
        os.close(terminal)
        return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_keys_are_the_programs(self):
        self.pin("v1-lts")
        self.commit("Old [env: demo:v1-lts]")
        old = self.git("rev-parse", "HEAD").stdout.strip()
        self.commit("New [env: demo:v1-lts]")
        self.engine("trap 'echo caught; exit 42' INT\necho started\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done")
        shown, code = self.on_a_terminal(IMGFORGE, "env", "run", old, "--", "python", keys=b"\x03", PATH=self.path)
        self.assertEqual(code, 42, shown)
        self.assertIn("caught", shown)
        self.assertIn("-it", self.asked()[0])
        self.assertEqual(len(self.git("worktree", "list").stdout.splitlines()), 1)  # ^C took nothing away from the end
        # A pipeline that ends the job ends the container.
        self.engine("trap 'exit 43' TERM\necho started\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done")
        job = subprocess.Popen([IMGFORGE, "env", "run", old], cwd=self.clone, env=self.environment(PATH=self.path), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.assertEqual(job.stdout.readline(), "started\n")
        job.terminate()
        job.communicate(timeout=30)
        self.assertEqual(job.returncode, 43)
        self.assertEqual(len(self.git("worktree", "list").stdout.splitlines()), 1)

    def test_setup_says_how_to_log_in(self):
        if shutil.which("htpasswd") is None:
            self.skip("htpasswd is not installed (apache2-utils)")
        closed = Plain("a test's own password")
        self.addCleanup(closed.stop)
        self.pin("v1-lts")
        self.write(".imgforge.yaml", self.contract().replace(self.repository, closed.host + "/ml/demo"))
        self.engine()
        self.fails(self.env("setup", PATH=self.path), 4, "imgforge login %s --username NAME" % closed.host)
        self.assertEqual(self.asked(), [])

    def test_the_first_day(self):
        """examples/day-one: a registry that wants a password, a new clone, a home without anything, and somebody at a terminal."""
        if shutil.which("htpasswd") is None:
            self.skip("htpasswd is not installed (apache2-utils)")
        closed = Plain("a test's own password")
        self.addCleanup(closed.stop)
        project = self.world.project
        self.ok(project.run("login", closed.host, "-u", "alice", "--password-stdin", stdin="a test's own password\n"))
        self.ok(project.run("copy", self.repository + ":v1", closed.host + "/ml/demo:v1", "--referrers"))
        self.ok(project.run("tag", closed.host + "/ml/demo:v1", "v1-lts"))
        for name in ("trust.yaml", "release.pub"):
            shutil.copy(project.path(name), self.clone)
        self.ok(self.env("pin", closed.host + "/ml/demo:v1-lts"))
        self.write(".imgforge.yaml", self.contract() + "trust_policy: trust.yaml\n")
        self.commit("Begin [env: demo:v1-lts]")
        self.ok(project.run("logout", closed.host))

        self.engine('[ "$1" = run ] && echo "$@"; exit 0')
        os.symlink(IMGFORGE, os.path.join(self.folder, "engines/imgforge"))
        newcomer = os.path.join(self.folder, "home")
        os.makedirs(newcomer)
        shown, code = self.on_a_terminal(
            os.path.join(SOURCE, "examples/day-one/day-one.sh"), self.clone, "project", closed.host, "alice", keys=b"a test's own password\n",
            when=b"Password:", cwd=newcomer, PATH=self.path, HOME=newcomer, IMGFORGE_STORE=os.path.join(newcomer, "store"))
        self.assertEqual(code, 0, shown)
        self.assertIn("logged in to %s as alice" % closed.host, shown)
        self.assertNotIn("own password", shown)
        self.assertEqual([call[0] for call in self.asked() if call[0] != "ps"], ["pull", "run", "run"])
        self.assertIn("--workdir %s/project" % os.path.realpath(newcomer), shown)
        self.assertTrue(os.path.exists(os.path.join(newcomer, "project/.git/hooks/commit-msg")))

    def test_where_the_working_tree_lies(self):
        self.pin("v1-lts")
        self.engine()
        top = os.path.realpath(self.clone)
        os.makedirs(os.path.join(self.clone, "src/deep"))
        done = self.ok(self.env("run", "--dry-run", "--json", "--", "x", cwd=os.path.join(self.clone, "src/deep"), PATH=self.path))
        command = json.loads(done.stdout)["command"]
        self.assertEqual(command[command.index("--workdir") + 1], top + "/src/deep")
        # A linked working tree needs the repository that it belongs to.
        tree = os.path.join(os.path.realpath(self.folder), "linked")
        self.git("worktree", "add", "-q", "-b", "side", tree)
        command = json.loads(self.ok(self.env("run", "--dry-run", "--json", "--", "x", cwd=tree, PATH=self.path)).stdout)["command"]
        self.assertIn("type=bind,source=%s,target=%s" % (tree, tree), command)
        self.assertIn("type=bind,source=%s/.git,target=%s/.git" % (top, top), command)
        odd = os.path.join(self.folder, "a,b")
        self.git("clone", "-q", self.clone, odd)
        self.fails(self.env("run", "--", "x", cwd=odd, PATH=self.path), 2, "cannot be mounted")
        self.assertEqual(self.asked(), [])

    def test_secrets_come_from_a_file_that_git_does_not_have(self):
        self.pin("v1-lts")
        self.engine()
        self.write("secret.env", "TOKEN=x\n")
        self.ok(self.env("run", "--env-file", "secret.env", PATH=self.path))
        self.assertIn(os.path.join(os.path.realpath(self.clone), "secret.env"), self.asked()[0])
        self.git("add", "secret.env")
        self.fails(self.env("run", "--env-file", "secret.env", PATH=self.path), 7, "git has")
        self.fails(self.env("run", "--env-file", "nowhere.env", PATH=self.path), 3, "no file")
        self.assertEqual(self.asked(), [])

    def test_show_says_what_a_commit_needs(self):
        self.pin("v1-lts")
        self.commit("Fix [env: demo:v1]")
        text = self.ok(self.env("show")).stdout
        self.assertIn("%s@%s" % (self.repository, self.world.digests["v1"]), text)
        self.assertIn("imgforge env run ", text)
        self.pin("nightly")
        document = json.loads(self.ok(self.env("show", "HEAD~1", "--json")).stdout)
        self.assertEqual((document["digest"], document["annotation"]), (self.world.digests["v1"], "demo:v1"))
        # A commit from before the contract, with a message that people wrote.
        self.git("checkout", "-q", "--orphan", "older")
        self.git("rm", "-q", "-r", "--cached", ".")
        for message in ("Build [env: demo:v1]", "Channel [env: demo:nightly]", "Gone [env: demo:v8]", "Other [env: torch:v1]"):
            self.git("commit", "-q", "--allow-empty", "-m", message)
        document = json.loads(self.ok(self.env("show", "HEAD~3", "--json")).stdout)
        self.assertEqual(document["digest"], self.world.digests["v1"])
        moved = self.ok(self.env("show", "HEAD~2"))
        self.assertIn(self.world.digests["v2"], moved.stdout)
        self.assertIn("may have been another image", moved.stderr)
        self.fails(self.env("show", "HEAD~1"), 3, "no tag v8 any more")
        self.fails(self.env("show", "HEAD"), 3, "has no .imgforge.yaml")
        self.fails(self.env("show", "--", "--all"), 3, "no commit '--all'")

    def test_a_new_clone_is_set_up_by_one_command(self):
        self.pin("v1-lts")
        image = "%s@%s" % (self.repository, self.world.digests["v1"])
        self.engine()
        steps = self.ok(self.env("setup", "--dry-run", "--gpus", "none", "--hooks", PATH=self.path)).stdout.splitlines()
        self.assertEqual([line.split()[:3] for line in steps], [["imgforge", "verify", image], ["podman", "pull", "--quiet"],
                                                               ["podman", "run", "--rm"], ["imgforge", "env", "hook"],
                                                               ["podman", "run", "--rm"]])
        self.assertEqual(self.asked(), [])
        self.ok(self.env("setup", "--gpus", "none", "--hooks", "--", "python", "-V", PATH=self.path))
        calls = self.asked()
        self.assertEqual([call[0] for call in calls], ["pull", "run", "run"])
        self.assertEqual(self.run_words(calls[1]), ["--entrypoint", "/opt/imgforge/bin/imgforge", image, "probe", "--allow-no-gpu"])
        self.assertEqual(self.run_words(calls[2]), ["--entrypoint", "python", image, "-V"])
        self.assertTrue(os.path.exists(os.path.join(self.clone, ".git/hooks/pre-commit")))
        # The probe's verdict ends it; so does a pull that fails, and an image that nobody signed.
        self.engine('[ "$1" = run ] && { echo "the host is at fault"; exit 4; }; exit 0')
        self.assertEqual(self.env("setup", PATH=self.path).returncode, 4)
        self.assertEqual([call[0] for call in self.asked()], ["pull", "run"])
        self.engine('echo "Error: disk full" >&2; exit 1')
        self.fails(self.env("setup", PATH=self.path), 6, "could not pull", "disk full")
        self.write(".imgforge.yaml", self.contract().replace(self.world.digests["v1"], self.world.digests["v3"]))
        self.asked()
        self.fails(self.env("setup", PATH=self.path), 5, "is not signed")
        self.assertEqual(self.asked(), [])

    def test_a_real_podman(self):
        if shutil.which("podman") is None:
            self.skip("podman is not installed")
        storage = [os.path.join(self.folder, "root"), os.path.join(self.folder, "run")]
        podman = ["/usr/bin/podman", "--root", storage[0], "--runroot", storage[1], "--storage-driver", "vfs", "--events-backend", "none",
                  "--cgroup-manager", "cgroupfs"]
        project = ReleaseProject()
        self.addCleanup(project.remove)
        project.write(".config/imgforge/config.yaml", "trust_policy: %s\nsigning_key: %s\n" % (project.path("trust.yaml"), project.path("release.key")))
        # An image with a shell: this machine's own, with the libraries that it names.
        for program, files in (("/bin/sh", ["/bin/sh"]), ("/bin/cat", ["/bin/cat"]), (PROBE, [])):
            named = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
            for file in [*files, *re.findall(r"(/\S+)", named)]:
                where = pathlib.Path(project.path("root") + file)
                where.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, where)
        digest = project.build(self.world.registry.host + "/ml/shell", "--sign", "--layer-cache", "none", main="x\n")["digest"]
        self.write("engines/podman", "#!/bin/sh\nexec %s \"$@\"\n" % shlex.join(podman), cwd=self.folder).chmod(0o755)
        path = os.path.join(self.folder, "engines") + ":/usr/bin:/bin"
        self.addCleanup(subprocess.run, ["podman", "unshare", "rm", "-rf", *storage], check=False, capture_output=True)
        project.write("policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')
        more = {"PATH": path, **OUTSIDE}
        self.ok(project.run("env", "pin", "%s/ml/shell:v1" % self.world.registry.host, cwd=self.clone, **more))
        self.write("data", "from the working tree\n")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "Begin [env: shell:v1]")
        # A machine that is itself a container may neither raise limits nor make networks.
        image = "%s/ml/shell@%s" % (self.world.registry.host, digest)
        for options in ([], ["--network=none"], ["--network=none", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"]):
            can = subprocess.run([*podman, "run", "--rm", "--tls-verify=false", *options, image, "/bin/sh", "-c", "exit 9"],
                                 capture_output=True, text=True, check=False, timeout=120, cwd=self.folder)
            if can.returncode == 9:
                break
        else:
            self.skip("podman runs no containers here: " + can.stderr.strip().splitlines()[-1])
        options = ["--gpus", "none", *("--engine-option=" + option for option in options)]
        done = project.run("env", "run", *options, "--", "/bin/sh", "-c", "cat data; cat /opt/imgforge/promise.json; exit 5", cwd=self.clone, **more)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertTrue(done.stdout.startswith("from the working tree\n"), done.stdout)
        # What is in the container is what was pinned.
        promise = done.stdout.partition("\n")[2]
        self.write("promise.json", promise, cwd=self.folder)
        self.ok(project.run("env", "check", "--promise", os.path.join(self.folder, "promise.json"), cwd=self.clone, **more))
        # The image's own imgforge says the same, in a folder of the working tree; and notices another pin.
        self.write("below/x", "")
        check = ["env", "run", *options, "--", "/bin/sh", "-c", "cd below && /opt/imgforge/bin/imgforge env check"]
        self.assertEqual(self.ok(project.run(*check, cwd=self.clone, **more)).stdout, "this is the pinned environment shell:v1\n")
        pinned = self.contract()
        self.write(".imgforge.yaml", re.sub("(?m)^  promise: .*\n", "", pinned).replace("  build: v1\n", "  build: v0\n"))
        done = project.run(*check, cwd=self.clone, **more)
        self.assertEqual((done.returncode, done.stdout), (5, "WHAT   PINNED  HERE\nimage  shell   demo\nbuild  v0      v1\n"), done.stderr)
        self.write(".imgforge.yaml", pinned)
        shutil.rmtree(os.path.join(self.clone, "below"))
        # While a container of this working tree runs, the host counts as inside; afterwards it does not.
        self.fails(project.run("env", "check", cwd=self.clone, **more), 5, "outside")
        shell = subprocess.Popen([IMGFORGE, "env", "run", *options, "--", "/bin/sh", "-c", "echo ready; cat; exit 4"], cwd=self.clone, text=True,
                                 env=project.environment(**more), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(shell.stdout.readline(), "ready\n")
        self.ok(project.run("env", "check", cwd=self.clone, **more))
        shell.communicate(timeout=60)
        self.assertEqual(shell.returncode, 4)
        self.fails(project.run("env", "check", cwd=self.clone, **more), 5, "outside")
        # An old commit, with its own files, where git works.
        self.write("data", "changed\n")
        self.git("commit", "-q", "-a", "-m", "Change [env: shell:v1]")
        done = project.run("env", "run", "HEAD~1", *options, "--", "/bin/sh", "-c", "cat data", cwd=self.clone, **more)
        self.assertEqual((done.returncode, done.stdout), (0, "from the working tree\n"), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
