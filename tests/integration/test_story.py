#!/usr/bin/env python3
"""The whole story, as docs/howto/pipeline.md tells it: a project in Harbor from its policy, images built, pushed, signed and attested by the jobs
of examples/gitlab, verified by the real cosign and notation, promoted, promoted again, rolled back, with a history that says so.

    test_story.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import cli_project
from cli_pipeline import scripts
from cli_project import SPEC, Expectations
from cli_release import (PASSPHRASE, TRUST, Harbor, ReleaseProject, certificates, interop_tools, probe_report, second_opinion,
                         trust_in_notation)

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

HARBOR_POLICY = """\
imgforge: 1
host: "%s"
project: ml
public: false
channels: [latest, nightly, "v*-lts"]
immutable:
  - tags: "v[0-9]"
robots:
  - {name: ci, role: ci, days: 90, description: builds and pushes}
  - {name: dev, role: developer, days: 365, description: pulls}
  - {name: promoter, role: promoter, days: 90, description: moves channels, projects: [ml]}
labels:
  - {name: promoted, color: "#00AB9A", description: a channel has pointed at it}
"""

CHANNELS = """\
imgforge: 1
trust: release-keys
channels:
  nightly: {kind: nightly, gates: {signed: true}}
  "v*-lts":
    kind: lts
    from: nightly
    gates: {signed: true, sbom: {formats: [spdx, cyclonedx]}, provenance: true, probe: {max_age: 7d, gpus: ["9.0"]}}
branches: {main: nightly}
"""


class StoryTest(Expectations, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.harbor = Harbor()
        cls.addClassCleanup(cls.harbor.stop)
        cls.tools = interop_tools(SOURCE)
        cls.jobs, cls.variables = scripts(os.path.join(SOURCE, "examples/gitlab/.gitlab-ci.yml"))

    def setUp(self):
        self.project = ReleaseProject(SPEC)
        self.addCleanup(self.project.remove)
        self.repository = self.harbor.host + "/ml/pytorch-cuda"
        self.project.write("channels.yaml", CHANNELS)
        self.project.write("trust.yaml", TRUST)
        self.project.write("policy.yaml", HARBOR_POLICY % self.harbor.host)
        self.project.write(".config/imgforge/config.yaml", "{}\n")  # a pipeline says everything itself
        self.ok(self.project.run("lock", "specs/demo.yaml"))
        # imgforge by its name, as in the jobs.
        os.makedirs(self.project.path("bin"))
        os.symlink(IMGFORGE, self.project.path("bin/imgforge"))

    def job(self, name, expected=0, **more):
        """Runs a job's script as a runner does: bash, stop at the first failure, variables of the file and the project."""
        environment = self.project.environment(**PASSPHRASE)
        environment.update({"PATH": self.project.path("bin") + ":" + environment["PATH"], "HARBOR": self.harbor.host,
                            "IMAGE": self.repository, "SPEC": "specs/demo.yaml", "CHANNEL": self.variables["CHANNEL"],
                            "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "CI_PIPELINE_ID": "42",
                            "IMGFORGE_KEY": self.project.path("release.key"), **self.robots, **more})
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(self.jobs[name])], cwd=self.project.folder, text=True,
                              env=environment, capture_output=True, timeout=300, check=False, start_new_session=True)
        self.assertEqual(done.returncode, expected, "%s: %s%s" % (name, done.stdout, done.stderr))
        for secret in (*[self.robots[one] for one in self.robots if one.endswith("SECRET")], PASSPHRASE["IMGFORGE_KEY_PASSPHRASE"]):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def pipeline(self, main):
        """A commit, until the promotion, which somebody starts."""
        self.project.write("app/main.py", main)
        self.job("build")
        image = json.loads(pathlib.Path(self.project.path("image.json")).read_text(encoding="utf-8"))
        self.job("verify")
        # The job "probe" needs a GPU; this is the report that it would leave.
        self.project.write("probe.json", json.dumps(probe_report()))
        return image

    def channel(self, name):
        return self.harbor.digest("ml/pytorch-cuda", name)

    def test_from_an_empty_harbor_to_a_rollback(self):
        # The platform team: a project as its policy says. Again: nothing to do.
        administrator = ("-u", self.harbor.user, "--password-stdin")
        self.ok(self.project.run("login", self.harbor.host, *administrator, stdin=self.harbor.password + "\n"))
        self.ok(self.project.run("harbor", "apply", "policy.yaml", "--yes", "--secrets-file", "robots.json"))
        self.ok(self.project.run("harbor", "status", "policy.yaml"))
        secrets = json.loads(pathlib.Path(self.project.path("robots.json")).read_text(encoding="utf-8"))["robots"]
        by_role = {name.rpartition("+")[2]: name for name in secrets}
        by_role["promoter"] = by_role.get("promoter") or next(name for name in secrets if "promoter" in name)
        self.robots = {"CI_ROBOT": by_role["ci"], "CI_ROBOT_SECRET": secrets[by_role["ci"]]["secret"],
                       "PROMOTER_ROBOT": by_role["promoter"], "PROMOTER_ROBOT_SECRET": secrets[by_role["promoter"]]["secret"]}
        self.ok(self.project.run("logout", self.harbor.host))

        # A commit: built, pushed, signed, attested, in nightly. The same commit again: nothing to publish.
        first = self.pipeline("print('one')\n")
        self.assertEqual(self.channel("nightly"), first["digest"])
        self.job("build")
        again = json.loads(pathlib.Path(self.project.path("image.json")).read_text(encoding="utf-8"))
        self.assertEqual((again["digest"], again["tag"], again["pushed"]["there_already"]), (first["digest"], first["tag"], True))

        # What others think of it.
        if self.tools:
            image = "%s@%s" % (self.repository, first["digest"])
            for cosign in ("cosign-2", "cosign-3"):
                seen = second_opinion(os.path.join(self.tools, cosign), self.project, "verify", "--key", "release.pub",
                                      "--insecure-ignore-tlog=true", "--allow-http-registry", image)
                self.assertEqual(seen.returncode, 0, seen.stderr)
                seen = second_opinion(os.path.join(self.tools, cosign), self.project, "verify-attestation", "--key", "release.pub",
                                      "--type", "slsaprovenance1", "--insecure-ignore-tlog=true", "--allow-http-registry", image)
                self.assertEqual(seen.returncode, 0, seen.stderr)
        else:
            print("SKIPPED: cosign's opinion of the story: tools/get-interop-tools.sh brings no cosign here")

        # The platform team signs with its certificate, too.
        certificates(self.project, "platform")
        self.ok(self.project.run("login", self.harbor.host, "-u", self.robots["CI_ROBOT"], "--password-stdin",
                                 stdin=self.robots["CI_ROBOT_SECRET"] + "\n"))
        self.ok(self.project.run("sign", "%s:%s" % (self.repository, first["tag"]), "-k", "platform.pem", "--format", "notation",
                                 "--certificate-chain", "platform.chain"))
        if self.tools:
            trust_in_notation(self.project, "platform.root")
            seen = second_opinion(os.path.join(self.tools, "notation"), self.project, "verify", "--insecure-registry",
                                  "%s@%s" % (self.repository, first["digest"]))
            self.assertEqual(seen.returncode, 0, seen.stderr)

        # On purpose: lts. Then the next commit, and the next lts.
        self.job("promote")
        self.assertEqual(self.channel("v2.6-lts"), first["digest"])
        second = self.pipeline("print('two')\n")
        self.assertNotEqual(second["digest"], first["digest"])
        self.assertNotEqual(second["tag"], first["tag"])
        self.assertEqual(self.channel("nightly"), second["digest"])
        done = self.job("promote")
        self.assertEqual(self.channel("v2.6-lts"), second["digest"])
        self.assertIn("pipeline 42", done.stdout)

        # A third that fails on the GPU does not get there.
        third = self.pipeline("print('three')\n")
        self.project.write("probe.json", json.dumps(probe_report(
            status="failed", exit_code=5, cause="component-mismatch", owner="image", sentence="torch is not what was promised")))
        refused = self.job("promote", expected=7)
        self.assertIn("torch is not what was promised", refused.stdout)
        self.assertEqual(self.channel("v2.6-lts"), second["digest"])
        self.assertEqual(self.channel("nightly"), third["digest"])

        # Back, with a reason; and all of it can be read afterwards.
        words = ("--policy", "channels.yaml", "--trust-policy", "trust.yaml")
        self.ok(self.project.run("rollback", self.repository, "v2.6-lts", "--reason", "loss diverges", "-k", "release.key", *words))
        self.assertEqual(self.channel("v2.6-lts"), first["digest"])
        history = json.loads(self.ok(self.project.run("history", self.repository, "v2.6-lts", "--json", *words)).stdout)
        self.assertEqual([(entry["action"], entry["to"], entry["trusted"]) for entry in history["entries"]],
                         [("rollback", first["digest"], True), ("promote", second["digest"], True), ("promote", first["digest"], True)])
        self.assertEqual(history["entries"][0]["reason"], "loss diverges")
        listed = json.loads(self.ok(self.project.run("tags", self.repository, "--json", *words)).stdout)
        rows = {row["tag"]: row for row in listed["tags"]}
        self.assertEqual((rows["v2.6-lts"]["digest"], rows["v2.6-lts"]["build"]), (first["digest"], first["tag"]))

        # A developer may pull and verify, and nothing else.
        dev = secrets[by_role["dev"]]
        self.ok(self.project.run("login", self.harbor.host, "-u", by_role["dev"], "--password-stdin", stdin=dev["secret"] + "\n"))
        self.ok(self.project.run("pull", self.repository + ":v2.6-lts", "--verify", "--trust-policy", "trust.yaml"))
        self.fails(self.project.run("tag", self.repository + ":v2.6-lts", "mine"), 4)
        self.assertIsNone(self.channel("mine"))


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: the story from an empty Harbor to a rollback: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
