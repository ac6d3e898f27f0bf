#!/usr/bin/env python3
"""tag, tags, promote, rollback and history from outside: on a real docker-registry, and on the stand-in for Harbor.

    test_cli_release.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import shutil
import sys
import unittest

import cli_project
from cli_project import Expectations
from cli_release import CHANNELS, Harbor, Plain, ReleaseProject, login

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE


class Tests(Expectations):
    serial = 0

    @classmethod
    def setUpClass(cls):
        cls.registry = cls.kind()
        cls.addClassCleanup(cls.registry.stop)

    def setUp(self):
        Tests.serial += 1
        self.space = "ml%d" % Tests.serial
        self.registry.make_project(self.space)
        self.repository = "%s/%s/demo" % (self.registry.host, self.space)
        self.project = ReleaseProject()
        self.addCleanup(self.project.remove)
        login(self.project, self.registry)

    def run_ok(self, *words, **more):
        return self.ok(self.project.run(*words, **more)).stdout

    def json(self, *words, **more):
        return json.loads(self.run_ok(*words, "--json", **more))

    def built(self, build="v1", main=None, evidence=True):
        words = ["--sign", "--attest"] if evidence else []
        return self.project.build(self.repository, *words, build=build, main=main)

    def image(self, built):
        return "%s:%s" % (self.repository, built["tag"])

    def digest(self, tag, repository=None):
        """What a tag names; None: nothing."""
        listed = self.json("tags", repository or self.repository)
        return {row["tag"]: row["digest"] for row in listed["tags"]}.get(tag)

    def in_gpu(self, built):
        """Through nightly into v2.6-gpu, with a probe's report."""
        self.run_ok("promote", self.image(built), "nightly")
        self.project.attest_probe(self.image(built))
        self.run_ok("promote", self.image(built), "v2.6-gpu")

    def test_a_build_climbs_the_ladder(self):
        built = self.built()
        image = self.image(built)
        self.fails(self.project.run("promote", image, "v2.6-gpu"), 7, "probe")
        self.assertIsNone(self.digest("v2.6-gpu"))
        moved = self.json("promote", image, "nightly", "--reason", "the first")
        self.assertEqual((moved["moved"], moved["to"], moved["from"]), (True, built["digest"], None))
        again = self.json("promote", image, "nightly")
        self.assertEqual((again["moved"], again["already_there"]), (False, True))

        self.project.attest_probe(image)
        dry = self.json("promote", image, "v2.6-gpu", "--dry-run")
        self.assertEqual((dry["passed"], dry["moved"], dry["dry_run"]), (True, False, True))
        self.assertIsNone(self.digest("v2.6-gpu"))
        self.run_ok("promote", image, "v2.6-gpu")
        text = self.run_ok("promote", self.repository + ":v2.6-gpu", "v2.6-lts")
        self.assertIn("provenance", text)
        self.assertEqual(self.digest("v2.6-lts"), built["digest"])

        rows = {row["tag"]: row for row in self.json("tags", self.repository)["tags"]}
        self.assertEqual(sorted(rows), ["nightly", built["tag"], "v2.6-gpu", "v2.6-lts"] if built["tag"] < "v2.6-gpu"
                         else sorted(rows))
        self.assertEqual(rows["v2.6-lts"]["channel_kind"], "lts")
        self.assertTrue(rows["v2.6-lts"]["probe"]["passed"])
        self.assertTrue(any("release" in one for one in rows["v2.6-lts"]["signers"]), rows["v2.6-lts"])
        self.assertIn("Test GPU", self.run_ok("tags", self.repository))

        history = self.json("history", self.repository, "nightly")
        self.assertTrue(history["now_is_recorded"])
        entry, = history["entries"]
        self.assertEqual((entry["who"], entry["reason"], entry["trusted"], entry["standing"]),
                         ("anna", "the first", True, "current"))

    def test_rollback_goes_back_step_by_step_and_says_why(self):
        builds = [self.built(build="v%d" % number, main="print(%d)\n" % number) for number in (1, 2, 3)]
        for built in builds:
            self.run_ok("promote", self.image(built), "nightly")
        self.fails(self.project.run("rollback", self.repository, "nightly"), 2, "reason")
        self.run_ok("rollback", self.repository, "nightly", "--reason", "loss diverges", "--dry-run")
        self.assertEqual(self.digest("nightly"), builds[2]["digest"])
        self.run_ok("rollback", self.repository, "nightly", "--reason", "loss diverges")
        self.assertEqual(self.digest("nightly"), builds[1]["digest"])
        self.run_ok("rollback", self.repository, "nightly", "--reason", "that one, too")
        self.assertEqual(self.digest("nightly"), builds[0]["digest"])
        self.fails(self.project.run("rollback", self.repository, "nightly", "--reason", "further"), 3)
        self.run_ok("rollback", self.repository, "nightly", "--to", builds[2]["tag"], "--reason", "it was the data")
        self.assertEqual(self.digest("nightly"), builds[2]["digest"])
        entries = self.json("history", self.repository, "nightly")["entries"]
        self.assertEqual([entry["action"] for entry in entries], ["rollback"] * 3 + ["promote"] * 3)
        self.assertIn("it was the data", self.run_ok("history", self.repository, "nightly"))

    def test_who_proves_nothing_stays_out(self):
        bare = self.built(evidence=False)
        image = self.image(bare)
        refused = self.fails(self.project.run("promote", image, "nightly"), 7, "signature")
        self.assertIn("signature", refused.stdout)  # the table with every gate
        dry = self.project.run("promote", image, "nightly", "--dry-run")
        self.assertEqual(dry.returncode, 7, dry.stderr)
        # Signed by somebody else.
        self.ok(self.project.run("keygen", "-o", "other"))
        self.run_ok("sign", image, "--key", "other.key")
        self.fails(self.project.run("promote", image, "nightly"), 7, "signature")
        # By the right one, but the record would be signed by somebody who counts for nothing.
        self.run_ok("sign", image)
        self.fails(self.project.run("promote", image, "nightly", "--key", "other.key"), 7, "record")
        self.assertIsNone(self.digest("nightly"))
        self.run_ok("promote", image, "nightly")
        # Neither SBOM nor probe, and then a probe that failed on this image.
        self.fails(self.project.run("promote", image, "v2.6-gpu"), 7, "sbom", "probe")
        self.project.attest_probe(image, status="failed", exit_code=5, cause="component-mismatch", owner="image",
                                  sentence="torch is another one than promised")
        refused = self.fails(self.project.run("promote", image, "v2.6-gpu"), 7, "probe")
        self.assertIn("another one than promised", refused.stdout)
        self.assertIsNone(self.digest("v2.6-gpu"))

    def test_an_older_build_does_not_replace_a_newer_one(self):
        old = self.built(build="v1", main="print(1)\n")
        new = self.built(build="v2", main="print(2)\n")
        self.run_ok("promote", self.image(new), "nightly")
        self.fails(self.project.run("promote", self.image(old), "nightly"), 7, "not-older")
        self.assertEqual(self.digest("nightly"), new["digest"])

    def test_across_projects_with_all_that_stands_beside(self):
        built = self.built()
        self.in_gpu(built)
        self.registry.make_project(self.space + "-prod")
        target = "%s/%s-prod/demo" % (self.registry.host, self.space)
        moved = self.json("promote", self.image(built), "v2.6-lts", "--to", target)
        self.assertEqual((moved["moved"], moved["repository"]), (True, target))
        self.assertEqual(self.digest("v2.6-lts", target), built["digest"])
        self.assertEqual(self.digest(built["tag"], target), built["digest"])  # its name comes along
        self.assertIsNone(self.digest("v2.6-lts"))
        seen = self.json("verify", target + ":v2.6-lts")
        self.assertTrue(seen["accepted"])
        kinds = {one["type"] for one in seen["attestations"]}
        self.assertLessEqual({"https://spdx.dev/Document", "https://slsa.dev/provenance/v1",
                              "https://imgforge.dev/promotion/v1"}, kinds)

    def test_across_registries(self):
        built = self.built()
        self.in_gpu(built)
        other = Plain()
        self.addCleanup(other.stop)
        target = other.host + "/prod/demo"
        self.json("promote", self.image(built), "v2.6-lts", "--to", target)
        self.assertEqual(self.digest("v2.6-lts", target), built["digest"])
        self.assertTrue(self.json("verify", target + ":v2.6-lts")["accepted"])
        entry, = self.json("history", target, "v2.6-lts")["entries"]
        self.assertEqual(entry["source"], self.repository)

    def test_tags_by_hand(self):
        one = self.built(build="v1", main="print(1)\n")
        two = self.built(build="v2", main="print(2)\n")
        self.assertEqual(self.json("tag", self.image(one), "candidate", "mine")["written"], ["candidate", "mine"])
        self.assertEqual(self.json("tag", self.image(one), "mine")["there_already"], ["mine"])
        self.fails(self.project.run("tag", self.image(two), "fresh", "mine"), 7, "--move")
        self.assertIsNone(self.digest("fresh"))  # all or none
        self.run_ok("tag", self.image(two), "mine", "--move")
        self.assertEqual(self.digest("mine"), two["digest"])
        self.fails(self.project.run("tag", self.image(two), "nightly"), 7, "imgforge promote")
        self.fails(self.project.run("tag", self.image(two), one["tag"], "--move"), 7, "written once")
        self.fails(self.project.run("tag", self.image(two), "no such tag"), 2)
        # In the store.
        self.run_ok("tag", "demo:" + one["tag"], "local")
        self.assertIn(one["digest"], self.run_ok("inspect", "demo:local"))

    def test_words_that_make_no_sense(self):
        built = self.built()
        self.fails(self.project.run("promote", self.repository, "nightly"), 2, "names no image")
        self.fails(self.project.run("promote", self.image(built), "weekly"), 3, "nightly")
        self.fails(self.project.run("promote", self.repository + ":v9", "nightly"), 3, built["tag"])
        self.fails(self.project.run("promote", "demo", "nightly"), 2)
        self.fails(self.project.run("history", self.image(built), "nightly"), 2)
        self.fails(self.project.run("promote", self.image(built), "nightly", "--policy", "none.yaml"), 3, "none.yaml")
        self.project.write("broken.yaml", CHANNELS + "surprise: 1\n")
        self.fails(self.project.run("promote", self.image(built), "nightly", "--policy", "broken.yaml"), 2, "surprise")
        self.project.write(".config/imgforge/config.yaml", "{}\n")
        self.fails(self.project.run("promote", self.image(built), "nightly"), 2, "--policy")


class OnRegistry(Tests, unittest.TestCase):
    kind = Plain


class OnHarbor(Tests, unittest.TestCase):
    kind = Harbor

    def test_a_move_within_a_repository_touches_no_blob(self):
        built = self.built()
        self.registry.log()
        self.run_ok("promote", self.image(built), "nightly")
        asked = self.registry.log()
        blobs = {layer["digest"] for layer in built["layers"]}
        self.assertFalse([one for one in asked if any(blob in one for blob in blobs)], asked)
        moves = [one for one in asked if one.startswith("PUT") and one.endswith("/manifests/nightly")]
        self.assertEqual(len(moves), 1, asked)
        self.assertLess(asked.index(moves[0]), len(asked))

    def test_a_dry_run_sends_nothing(self):
        built = self.built()
        self.registry.log()
        self.run_ok("promote", self.image(built), "nightly", "--dry-run")
        self.assertEqual([one for one in self.registry.log() if one.split()[0] not in ("GET", "HEAD")], [])

    def test_an_immutable_channel_is_named_before_anything_is_sent(self):
        built = self.built()
        status, _ = self.registry.api("POST", "/projects/%s/immutabletagrules" % self.space, {
            "disabled": False, "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches",
                                                                   "pattern": "**"}]},
            "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": "**"}], "template": "immutable_template",
            "action": "immutable"})
        self.assertEqual(status, 201)
        self.registry.log()
        # A new tag may still be written; it could never move again.
        refused = self.project.run("promote", self.image(built), "nightly")
        self.fails(refused, 7, "immutab")
        self.assertEqual([one for one in self.registry.log() if one.split()[0] not in ("GET", "HEAD")], [])


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: channels against a registry: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
