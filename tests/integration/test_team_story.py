#!/usr/bin/env python3
"""The team's year, in one go: an image of PyTorch's shape is built, promoted and pinned; two developers commit through the hooks; a commit from the wrong
environment is refused; the sources move on, and the next image has another cuDNN; the old commit still shows and starts its own image, which is
rebuilt bit for bit from what the registry kept; a diff names what changed; a night without news pushes nothing; a matrix builds what its cells share once.

    test_team_story.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import cli_project
import cli_wheels
from cli_project import Expectations
from cli_release import TRUST, Plain, ReleaseProject

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

SPEC = cli_wheels.SPEC.replace('"torch==2.6.0"', '"torch<2.7"') + "registry: %s\n"

CHANNELS = """\
imgforge: 1
trust: release-keys
channels:
  nightly: {kind: nightly, gates: {signed: true}}
  "v*-lts": {kind: lts, from: nightly, gates: {signed: true, sbom: true, provenance: true}}
branches: {dev: nightly}
"""

# podman, as far as imgforge sees it: one container runs, of the image that the file "running" names.
ENGINE = """#!/bin/sh
printf '%%s\\n' "$@" -- >>"%(folder)s/asked"
if [ "$1" = ps ]; then
  for word in "$@"; do
    [ "$word" = "label=io.imgforge.env.image=$(cat "%(folder)s/running" 2>/dev/null)" ] && echo c0ffee
  done
  exit 0
fi
echo "in the container"
"""

MATRIX = """\
imgforge: 1
matrix: team
axes: {tool: ["1.0", "1.1"], app: [train, serve]}
spec:
  imgforge: 1
  image: pytorch-${app}
  build: v1_t${tool|digits}
  platform: linux/amd64
  epoch: 2025-05-20T00:00:00Z
  layers:
    - {id: base, kind: image, ref: "oci:base-image:v1"}
    - {id: python, kind: python, version: "3.11"}
    - {id: torch, kind: wheels, requirements: ["torch==2.6.1"], cuda: "12.4", index: default}
    - {id: tool, kind: files, from: "tool-${tool}", dest: /tool}
    - {id: app, kind: files, from: "${app}", dest: /app}
"""


class Developer:
    """A home, a clone, and an engine."""

    def __init__(self, name, story):
        self.folder = tempfile.mkdtemp(prefix="imgforge-%s-" % name)
        self.clone = os.path.join(self.folder, "project")
        self.story = story
        self.write(".gitconfig", "[user]\n name = %s\n email = %s@example\n[init]\n defaultBranch = main\n[core]\n editor = true\n" % (name, name))
        self.write("trust.yaml", TRUST)
        shutil.copy(story.platform.path("release.pub"), self.folder)
        self.write(".config/imgforge/config.yaml", "trust_policy: %s/trust.yaml\n" % self.folder)
        self.write("bin/podman", ENGINE % {"folder": self.folder}).chmod(0o755)
        os.symlink(IMGFORGE, os.path.join(self.folder, "bin/imgforge"))

    def write(self, name, text):
        path = pathlib.Path(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def call(self, *words, expected=0):
        environment = {"PATH": os.path.join(self.folder, "bin") + ":/usr/bin:/bin", "HOME": self.folder, "IMGFORGE_PROBE": PROBE,
                       "IMGFORGE_STORE": os.path.join(self.folder, "store")}
        done = subprocess.run(words, cwd=self.clone if os.path.isdir(self.clone) else self.folder, env=environment, text=True,
                              capture_output=True, timeout=120, check=False, start_new_session=True)
        self.story.assertEqual(done.returncode, expected, "%s: %s%s" % (" ".join(words), done.stderr, done.stdout))
        return done

    def git(self, *words, expected=0):
        return self.call("git", *words, expected=expected)

    def env(self, *words, expected=0):
        return self.call("imgforge", "env", *words, expected=expected)

    def works_in(self, image):
        self.write("running", image)

    def commit(self, message, expected=0):
        """A change, committed as anybody does; git's own 1 where a hook refuses."""
        self.count = getattr(self, "count", 0) + 1
        self.write("project/step%d-%s.py" % (self.count, os.path.basename(self.folder)), "x = %d\n" % self.count)
        self.git("add", ".")
        return self.git("commit", "-q", "-m", message, expected=expected)

    def head(self):
        return self.git("rev-parse", "HEAD").stdout.strip()

    def asked(self):
        text = pathlib.Path(self.folder, "asked").read_text(encoding="utf-8")
        return [call.strip("\n").split("\n") for call in text.split("--\n") if call.strip()]


class TeamStory(Expectations, unittest.TestCase):
    def setUp(self):
        self.registry = Plain()
        self.addCleanup(self.registry.stop)
        self.index = cli_wheels.Index()
        self.addCleanup(self.index.stop)
        self.repository = self.registry.host + "/ml/pytorch-cuda"
        self.platform = ReleaseProject(SPEC % self.repository)
        self.addCleanup(self.platform.remove)
        self.platform.write("channels.yaml", CHANNELS)
        cli_wheels.prepare(self.platform, self.index)

    def developer(self, name):
        made = Developer(name, self)
        self.addCleanup(shutil.rmtree, made.folder, ignore_errors=True)
        return made

    def team(self, *words, store="store"):
        return self.ok(self.platform.run(*words, PATH=cli_wheels.uv_path(), IMGFORGE_STORE=self.platform.path(store)))

    def test_a_year_of_a_team(self):
        # The platform team: torch 2.6.0 with its cuDNN; built, signed, attested, its inputs kept; promoted on purpose.
        cli_wheels.publish_torch(self.index)
        self.team("lock", "specs/demo.yaml")
        first = json.loads(self.team("build", "specs/demo.yaml", "--push", "--sign", "--attest", "--keep-inputs", "--branch", "dev",
                                     "--json").stdout)
        self.assertEqual(first["tag"], "pytorch2.6-cuda12.4-debian12-v2.6.1")
        self.team("promote", self.repository + ":nightly", "v2.6-lts")
        old_image = "%s@%s" % (self.repository, first["digest"])

        # Anna begins a project: a pin, hooks, and commits that say their environment without her typing it.
        anna = self.developer("anna")
        bare = os.path.join(anna.folder, "project.git")
        anna.git("init", "-q", "--bare", bare)
        anna.git("clone", "-q", bare, anna.clone)
        anna.env("pin", self.repository + ":v2.6-lts")
        anna.env("hook", "install")
        anna.works_in(old_image)
        anna.commit("Train the model")
        self.assertEqual(anna.git("log", "-1", "--format=%B").stdout.strip(), "Train the model\n\n[env: pytorch-cuda:v2.6-lts]")
        anna.commit("Faster loader")
        start = anna.head()
        anna.git("push", "-q", "origin", "HEAD:main")

        # Ben joins. He works somewhere else by accident, and is told.
        ben = self.developer("ben")
        ben.git("clone", "-q", "-b", "main", bare, ben.clone)
        ben.env("hook", "install")
        ben.works_in("%s@sha256:%s" % (self.repository, 64 * "0"))
        refused = ben.commit("On my machine it works", expected=1)
        self.assertIn("outside of the pinned environment pytorch-cuda:v2.6-lts", refused.stderr)
        ben.works_in(old_image)
        ben.git("commit", "-q", "-m", "In the environment")
        ben.git("push", "-q", "origin", "HEAD:main")
        said = ben.env("verify", "%s..HEAD" % start).stdout
        self.assertIn("In the environment", said)
        self.assertIn("pytorch-cuda:v2.6-lts", said)
        # Around the hooks: the pipeline sees it.
        ben.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "No word of an environment")
        verified = json.loads(ben.env("verify", "%s..HEAD" % start, "--json", expected=7).stdout)
        self.assertEqual([commit["subject"] for commit in verified["commits"] if commit["result"] != "ok"], ["No word of an environment"])
        ben.git("reset", "-q", "--hard", "HEAD~1")

        # Months later the sources have moved on: what was locked is gone there.
        cli_wheels.publish_torch(self.index, torch_version="2.6.1", cudnn="9.5.1.17")
        self.index.remove("torch-2.6.0")
        self.index.remove("nvidia_cudnn_cu12-9.1")
        night = self.team("rebuild", "specs/demo.yaml", "--push", "--sign", "--attest", "--branch", "dev").stdout
        self.assertIn("9.1.0.70 -> 9.5.1.17", night)
        self.assertIn("v2.6.2", night)
        # A night without news.
        self.assertIn("nothing changed, nothing pushed", self.team("rebuild", "specs/demo.yaml", "--push", "--sign", "--attest").stdout)
        second = json.loads(self.team("inspect", self.repository + ":nightly", "--json").stdout)
        self.assertNotEqual(second["digest"], first["digest"])
        self.team("promote", self.repository + ":nightly", "v2.6-lts")
        new_image = "%s@%s" % (self.repository, second["digest"])

        # Anna takes it, with a commit that says so; her old commit keeps its own.
        anna.git("pull", "-q", "--ff-only", "origin", "main")
        anna.env("pin")
        anna.works_in(new_image)
        anna.commit("Take this month's environment")
        shown = json.loads(anna.env("show", start, "--json").stdout)
        self.assertEqual(shown["digest"], first["digest"])
        self.assertEqual(shown["components"]["cudnn"], "9.1.0.70")
        self.assertIn("in the container", anna.env("run", start, "--gpus", "none", "--", "python", "train.py").stdout)
        self.assertIn(old_image, anna.asked()[-1])
        anna.env("run", "--gpus", "none", "--", "python", "train.py")
        self.assertIn(new_image, anna.asked()[-1])
        anna.env("verify", "%s..HEAD" % start)

        # Why does the model of spring not come out again? cuDNN.
        diff = self.team("diff", old_image, new_image).stdout
        self.assertRegex(diff, r"cudnn +9\.1\.0\.70 +(-> +)?9\.5\.1\.17")
        # And spring itself can be had again, to the bit, though its wheels are gone from the index.
        again = json.loads(self.team("reproduce", old_image, "--source", self.platform.folder, "--json", store="empty-store").stdout)
        self.assertTrue(again["identical"])
        self.assertEqual(again["digest"], first["digest"])

        # Four images for four uses: what they share is built once.
        for name in ("tool-1.0", "tool-1.1", "train", "serve"):
            self.platform.write(name + "/file", name)
        self.platform.write("specs/team.matrix.yaml", MATRIX)
        self.team("matrix", "specs/team.matrix.yaml", "--lock", store="matrix-store")
        plan = json.loads(self.team("matrix", "specs/team.matrix.yaml", "--json", store="matrix-store").stdout)
        done = json.loads(self.team("matrix", "specs/team.matrix.yaml", "--run", "-j", "2", "--json", store="matrix-store").stdout)
        self.assertEqual(len(done["cells"]), 4)
        self.assertEqual(len({cell["digest"] for cell in done["cells"]}), 4)
        self.assertEqual(done["layers_built"], plan["layers"])
        self.assertGreater(plan["layers_of_cells"], 2 * plan["layers"])


if __name__ == "__main__":
    if shutil.which("docker-registry") is None or cli_wheels.uv_path() is None:
        print("SKIPPED: the team's year: docker-registry and uv are needed (./setup --tests)")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
