#!/usr/bin/env python3
"""The scripts of examples/gitlab/nightly.gitlab-ci.yml, night after night: an archive moves on, an image is pushed for what is new, and the lock
waits on the branch "locks" until somebody merges it.

    test_nightly.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import cli_project
from cli_archive import Archive
from cli_pipeline import scripts
from cli_project import Expectations, Registry
from cli_release import PASSPHRASE, ReleaseProject

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

SPEC = """\
imgforge: 1
image: demo
build: v1
epoch: 2025-05-20T00:00:00Z
registry: %s/ml/demo
layers:
  - {id: root, kind: files, from: root, dest: /}
  - id: tools
    kind: deb
    sources: [{archive: test, suites: [stable], components: [main]}]
    packages: [hello]
"""

CHANNELS = """\
imgforge: 1
trust: release-keys
channels:
  nightly: {kind: nightly, gates: {signed: true}}
branches: {dev: nightly}
"""

PASSWORD, TOKEN = "a test's own password", "a-token-of-a-test"
LOCK = "specs/demo.lock.json"


class Nightly(Expectations, unittest.TestCase):
    def setUp(self):
        self.archive = Archive(tempfile.mkdtemp(prefix="imgforge-archive-"))
        self.addCleanup(self.archive.stop)
        self.release("1.0")
        self.registry = Registry(password=PASSWORD)
        self.addCleanup(self.registry.stop)
        self.home = ReleaseProject(SPEC % self.registry.host)
        self.addCleanup(self.home.remove)
        self.image = self.registry.host + "/ml/demo"
        self.jobs, self.variables = scripts(os.path.join(SOURCE, "examples/gitlab/nightly.gitlab-ci.yml"))
        self.home.write(".config/imgforge/config.yaml", "archives:\n  test: {url: \"%s\", keyring: \"%s\"}\n" % (self.archive.url, self.archive.keyring))
        os.makedirs(self.home.path("bin"))
        os.symlink(IMGFORGE, self.home.path("bin/imgforge"))
        # The project as its server has it; the address that the job pushes to is this folder.
        self.bare = self.home.path("server.git")
        self.git("init", "-q", "--bare", "-b", "main", self.bare)
        self.home.write(".gitconfig", "[url \"%s\"]\n insteadOf = \"https://nightly:%s@gitlab.example/ml/demo.git\"\n" % (self.bare, TOKEN))
        self.home.write("channels.yaml", CHANNELS)
        program = self.home.write("root/sbin/ldconfig", pathlib.Path("/sbin/ldconfig").read_bytes())
        program.chmod(0o755)
        self.ok(self.home.run("lock", "specs/demo.yaml"))
        self.git("init", "-q", "-b", "main")
        self.git("add", "specs", "root", "channels.yaml", "trust.yaml", "release.pub")
        self.git("-c", "user.name=anna", "-c", "user.email=anna@example.com", "commit", "-q", "-m", "One")
        self.git("push", "-q", self.bare, "main")

    def release(self, version):
        self.archive.package("hello", version, version + "\n")
        self.archive.sign()

    def git(self, *words):
        done = subprocess.run(["git", *words], cwd=self.home.folder, env=self.home.environment(), text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def at(self, revision):
        """A revision of the server's, or None; and the version of hello in its lock."""
        done = subprocess.run(["git", "--git-dir", self.bare, "rev-parse", "-q", "--verify", revision], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, None
        found = re.findall(r"\bhello_([\d.]+)_amd64\.deb", self.git("--git-dir", self.bare, "show", "%s:%s" % (revision, LOCK)))
        self.assertEqual(len(set(found)), 1, found)
        return done.stdout.strip(), found[0]

    def run_job(self, name, expected=0):
        """As a runner does: a shallow checkout of main's commit, bash that stops at the first failure."""
        clone = tempfile.mkdtemp(prefix="clone-", dir=self.home.folder)
        self.git("clone", "-q", "--depth", "20", "--branch", "main", "file://" + self.bare, clone)
        self.git("-C", clone, "checkout", "-q", "--detach")
        environment = {**self.home.environment(**PASSPHRASE), "HARBOR": self.registry.host, "SPEC": "specs/demo.yaml", "CI_ROBOT": "alice",
                       "CI_ROBOT_SECRET": PASSWORD, "IMGFORGE_KEY": self.home.path("release.key"), "LOCK_TOKEN": TOKEN,
                       "CI_SERVER_HOST": "gitlab.example", "CI_PROJECT_PATH": "ml/demo"}
        environment["PATH"] = self.home.path("bin") + ":" + environment["PATH"]
        self.assertLessEqual(set(self.variables), set(environment))
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", "\n".join(self.jobs[name])], cwd=clone, env=environment, text=True,
                              capture_output=True, timeout=300, check=False, start_new_session=True)
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)
        for secret in (PASSWORD, TOKEN, PASSPHRASE["IMGFORGE_KEY_PASSPHRASE"]):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def builds(self):
        seen = json.loads(self.ok(self.home.run("tags", self.image, "--json", "--policy", "channels.yaml", "--trust-policy", "trust.yaml")).stdout)
        return {row["tag"]: row["digest"] for row in seen["tags"]}

    def test_night_after_night(self):
        self.assertEqual(set(self.jobs), {"nightly", "outdated"})
        # The first night: an image, in its channel; the lock is what it was, and there is nothing to merge.
        self.run_job("outdated")
        self.run_job("nightly")
        tags = self.builds()
        self.assertEqual(set(tags), {"v1", "nightly"})
        self.assertEqual(self.at("locks"), (None, None))

        # Something is new: the job that warns says so, the next image has it, and its lock waits on a branch, above main.
        self.release("1.1")
        self.assertIn("1.0 -> 1.1", self.run_job("outdated", expected=7).stdout)
        self.run_job("nightly")
        tags = self.builds()
        self.assertEqual(set(tags), {"v1", "v2", "nightly"})
        self.assertEqual(tags["nightly"], tags["v2"])
        waiting, version = self.at("locks")
        self.assertEqual(version, "1.1")
        self.assertEqual(self.at("locks~1")[0], self.at("main")[0])
        self.assertEqual(self.git("--git-dir", self.bare, "diff", "--name-only", "main", "locks"), LOCK)

        # Nobody merged, and nothing is new: no image, and what waits still waits.
        self.assertIn("nothing changed, nothing pushed", self.run_job("nightly").stdout)
        self.assertEqual(set(self.builds()), {"v1", "v2", "nightly"})
        self.assertEqual(self.at("locks")[1], "1.1")
        self.assertEqual(self.git("--git-dir", self.bare, "rev-parse", "locks^{tree}"), self.git("--git-dir", self.bare, "rev-parse", waiting + "^{tree}"))

        # Nobody merged, and something is new again: the branch has the newest lock alone.
        self.release("1.2")
        self.run_job("nightly")
        self.assertEqual(set(self.builds()), {"v1", "v2", "v3", "nightly"})
        self.assertEqual(self.at("locks")[1], "1.2")
        self.assertEqual(self.at("locks~1")[0], self.at("main")[0])

        # Merged: quiet.
        self.git("--git-dir", self.bare, "update-ref", "refs/heads/main", "refs/heads/locks")
        merged = self.at("locks")[0]
        self.run_job("outdated")
        self.assertIn("nothing changed, nothing pushed", self.run_job("nightly").stdout)
        self.assertEqual(set(self.builds()), {"v1", "v2", "v3", "nightly"})
        self.assertEqual(self.at("locks")[0], merged)


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: the nightly pipeline: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
