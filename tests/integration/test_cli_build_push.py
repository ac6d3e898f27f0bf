#!/usr/bin/env python3
"""`imgforge build --push` from outside, against a real docker-registry.

    test_cli_build_push.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import shutil
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

import cli_project
from cli_project import SPEC, Expectations, Project, Registry

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
VALIDATE = os.path.join(SOURCE, "tests/tools/validate_layout.py")


class BuildPushTest(Expectations, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = Registry()
        cls.addClassCleanup(cls.registry.stop)

    def setUp(self):
        self.name = "ml/" + self._testMethodName.replace("_", "-")
        self.repository = "%s/%s" % (self.registry.host, self.name)
        self.project = self.new_project()

    def new_project(self, spec=SPEC):
        project = Project(spec + "registry: %s\n" % self.repository)
        self.addCleanup(project.remove)
        self.ok(project.run("lock", "specs/demo.yaml"))
        return project

    def build(self, *words, project=None, **more):
        result = self.ok((project or self.project).run("build", "specs/demo.yaml", "--json", *words, **more))
        self.assertNotIn("was not written", result.stderr)
        return json.loads(result.stdout)

    def tags(self):
        try:
            with urllib.request.urlopen("http://%s/v2/%s/tags/list" % (self.registry.host, self.name), timeout=20) as answer:
                return sorted(json.load(answer)["tags"] or [])
        except urllib.error.HTTPError as error:
            self.assertEqual(error.code, 404)
            return []

    def build_tags(self):
        return [tag for tag in self.tags() if not tag.startswith("imgforge-cache-")]

    def pulled(self, tag, digest):
        """What another machine gets is whole."""
        project = self.new_project()
        got = json.loads(self.ok(project.run("pull", "%s:%s" % (self.repository, tag), "-o", "oci:out:x", "--json")).stdout)
        self.assertEqual(got["digest"], digest)
        subprocess.run([sys.executable, VALIDATE, project.path("out")], check=True, stdout=subprocess.DEVNULL)

    def test_an_image_is_pushed_while_it_is_built_and_once(self):
        first = self.build("--push")
        self.assertFalse(first["pushed"]["there_already"])
        self.assertGreaterEqual(first["pushed"]["sent"]["blobs"], len(first["layers"]) + 1)
        self.assertEqual(first["pushed"]["cache_entries"], len(first["layers"]))
        self.assertEqual(self.build_tags(), [first["tag"]])
        self.pulled(first["tag"], first["digest"])

        again = self.build("--push")
        self.assertEqual(again["digest"], first["digest"])
        self.assertTrue(again["pushed"]["there_already"])
        self.assertEqual(again["pushed"]["sent"]["blobs"], 0)

    def test_an_empty_machine_takes_the_layers_of_others(self):
        first = self.build("--push")
        # The same image, elsewhere: nothing is built, nothing moves.
        other = self.new_project()
        again = self.build("--push", project=other)
        self.assertEqual(again["digest"], first["digest"])
        self.assertTrue(again["pushed"]["there_already"])
        self.assertFalse(again["in_store"])
        self.assertTrue(all(layer["from_registry"] for layer in again["layers"]))
        held = subprocess.run(["du", "-sb", other.path("store/blobs")], capture_output=True, text=True, check=True).stdout
        self.assertLess(int(held.split()[0]), 20000)  # documents alone: the probe has more
        self.assertNotIn("demo", json.loads(self.ok(other.run("cache", "verify", "--json")).stdout))

        # Another app on the same layers: one layer is built, its layers are not.
        third = self.new_project(SPEC.replace("build: v1", "build: v2"))
        third.write("app/main.py", "print('two')\n")
        two = self.build("--push", project=third)
        self.assertEqual(sorted(layer["id"] for layer in two["layers"] if not layer["from_registry"]), ["app", "promise"])
        self.assertEqual(two["pushed"]["layers_found"], len(two["layers"]) - 2)
        self.pulled(two["tag"], two["digest"])

        # An output needs all of them here.
        fourth = self.new_project()
        whole = self.build("--push", "-o", "oci:out:x", project=fourth)
        self.assertTrue(whole["in_store"])
        subprocess.run([sys.executable, VALIDATE, fourth.path("out")], check=True, stdout=subprocess.DEVNULL)

    def test_a_record_of_the_lock_needs_no_cache(self):
        first = self.build("--push", "--record", "--layer-cache", "none")
        self.assertEqual(self.tags(), [first["tag"]])
        self.assertEqual(first["pushed"]["cache_entries"], 0)
        other = self.new_project()
        shutil.copy(self.project.path("specs/demo.lock.json"), other.path("specs/demo.lock.json"))
        again = self.build("--push", "--layer-cache", "none", project=other)
        self.assertTrue(again["pushed"]["there_already"])
        self.assertFalse(again["in_store"])

    def test_a_cache_of_a_team_in_a_repository_of_its_own(self):
        cache = "ml/cache-" + self._testMethodName.replace("_", "-")
        first = self.build("--push", "--layer-cache", cache)
        self.assertEqual(self.tags(), [first["tag"]])
        elsewhere = "%s/other/image" % self.registry.host
        second = self.build("--to", elsewhere, "--layer-cache", cache, project=self.new_project())
        self.assertEqual(second["digest"], first["digest"])
        self.assertEqual(second["pushed"]["layers_found"], len(second["layers"]))
        self.assertEqual(second["pushed"]["mounted"]["blobs"], len(second["layers"]))

    def test_a_tag_of_another_build_is_refused_before_anything_is_built(self):
        first = self.build("--push")
        other = self.new_project(SPEC.replace("GREETING: hello", "GREETING: bye"))
        refused = self.fails(other.run("build", "specs/demo.yaml", "--push"), 7, first["tag"], "--bump")
        self.assertIn(first["digest"], refused.stderr)
        self.assertEqual(json.loads(self.ok(other.run("cache", "du", "--json")).stdout)["layers"], 0)
        # The same spec and lock with other app files: certain only when they are built, and nothing is sent.
        self.project.write("app/main.py", "print('changed')\n")
        before = self.tags()
        self.fails(self.project.run("build", "specs/demo.yaml", "--push"), 7, first["tag"])
        self.assertEqual(self.tags(), before)

    def test_bump_takes_the_next_free_id_and_none_for_the_same(self):
        first = self.build("--push", "--bump")
        self.assertEqual(first["tag"].rpartition("-")[2], "v1")
        same = self.build("--push", "--bump")
        self.assertEqual((same["tag"], same["pushed"]["there_already"]), (first["tag"], True))
        self.project.write("app/main.py", "print('changed')\n")
        second = self.build("--push", "--bump")
        self.assertEqual(second["tag"].rpartition("-")[2], "v2")
        self.assertEqual(self.build("--push", "--bump")["tag"], second["tag"])
        self.assertEqual(self.build_tags(), [first["tag"], second["tag"]])
        self.pulled(second["tag"], second["digest"])
        # What was bumped can be rebuilt by its id.
        self.assertEqual(self.build("--build-id", "v2")["digest"], second["digest"])
        # From an empty machine: the newest is found by what the registry has.
        other = self.new_project()
        other.write("app/main.py", "print('changed')\n")
        self.assertEqual(self.build("--push", "--bump", project=other)["tag"], second["tag"])

    def test_signed_and_attested_before_the_tag(self):
        secret = {"IMGFORGE_KEY_PASSPHRASE": "correct horse"}
        self.ok(self.project.run("keygen", "-o", "release", **secret))
        words = ("--push", "--sign", "--attest", "-k", "release.key")
        # Nobody to ask for the passphrase: nothing is built, nothing sent.
        refused = self.fails(self.project.run("build", "specs/demo.yaml", *words), 4, "IMGFORGE_KEY_PASSPHRASE")
        self.assertNotIn("built", refused.stderr)
        self.assertEqual(self.tags(), [])
        first = self.build(*words, **secret)
        self.assertEqual(len(first["evidence"]), 8)  # a signature and three documents, each in two formats
        self.assertTrue(all("already" not in one for one in first["evidence"]), first["evidence"])
        image = "%s:%s" % (self.repository, first["tag"])
        seen = json.loads(self.ok(self.project.run("verify", image, "--key", "release.pub", "--json")).stdout)
        types = {one["type"] for one in seen["attestations"]}
        self.assertEqual(types, {"https://spdx.dev/Document", "https://cyclonedx.org/bom", "https://slsa.dev/provenance/v1"})
        # Again: everything is there. From an empty machine too, where the evidence is left to who built it.
        self.assertTrue(all("already" in one for one in self.build(*words, **secret)["evidence"]))
        other = self.new_project()
        for name in ("release.key", "release.pub"):
            shutil.copy(self.project.path(name), other.path(name))
        again = self.build(*words, project=other, **secret)
        self.assertFalse(again["in_store"])
        self.assertIn("left to who built", again["evidence"][-1])
        # Another image on the layers of others: they come here to be written about.
        third = self.new_project(SPEC.replace("build: v1", "build: v2"))
        third.write("app/main.py", "print('two')\n")
        shutil.copy(self.project.path("release.key"), third.path("release.key"))
        two = self.build(*words, project=third, **secret)
        self.assertTrue(two["in_store"])
        self.assertEqual(len(two["evidence"]), 8)

    def test_words_that_make_no_sense(self):
        nowhere = Project(SPEC)
        self.addCleanup(nowhere.remove)
        self.ok(nowhere.run("lock", "specs/demo.yaml"))
        self.fails(nowhere.run("build", "specs/demo.yaml", "--push"), 2, "--to")
        self.fails(nowhere.run("build", "specs/demo.yaml", "--bump"), 2, "--push")
        for option in ("--bump", "--sign", "--attest", "--keep-inputs"):
            self.fails(nowhere.run("build", "specs/demo.yaml", option), 2, "imgforge build SPEC --push " + option)
        self.fails(self.project.run("build", "specs/demo.yaml", "--push", "--sign"), 2, "--key")
        self.fails(nowhere.run("build", "specs/demo.yaml", "--to", "oci:x"), 2, "HOST/REPOSITORY")
        self.fails(nowhere.run("build", "specs/demo.yaml", "--build-id", "latest"), 2, "v2.6.2")

    def test_a_registry_that_is_down_costs_no_build(self):
        down = self.project.run("build", "specs/demo.yaml", "--to", "127.0.0.1:1/ml/x")
        self.fails(down, 6, "127.0.0.1:1")


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: build --push against a registry: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
