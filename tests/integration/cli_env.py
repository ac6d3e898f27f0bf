"""What the tests of `imgforge env` share: signed images in a real docker-registry, a git repository for each test, engines that are
scripts.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from cli_project import Expectations
from cli_release import Plain, ReleaseProject

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
