#!/usr/bin/env python3
"""login, push, pull and copy from outside, against a real docker-registry, with skopeo's opinion.

    test_cli_registry.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import unittest

import cli_project
from cli_project import SPEC, Expectations, Project, Registry

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
VALIDATE = os.path.join(SOURCE, "tests/tools/validate_layout.py")


class RegistryCliTest(Expectations, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = Registry(password="secret")
        cls.other = Registry()
        cls.addClassCleanup(cls.registry.stop)
        cls.addClassCleanup(cls.other.stop)

    def setUp(self):
        self.project = Project(SPEC)
        self.addCleanup(self.project.remove)
        self.repository = "%s/ml/%s" % (self.registry.host, self._testMethodName.replace("_", "-"))

    def run_ok(self, *words, **more):
        return self.ok(self.project.run(*words, **more)).stdout

    def json(self, *words, **more):
        return json.loads(self.run_ok(*words, "--json", **more))

    def login(self):
        self.run_ok("login", self.registry.host, "-u", "alice", "--password-stdin", stdin="secret\n")

    def built(self):
        self.run_ok("lock", "specs/demo.yaml")
        return self.json("build", "specs/demo.yaml")

    def test_login_is_tested_and_kept_where_others_look(self):
        wrong = self.project.run("login", self.registry.host, "-u", "alice", "--password-stdin", stdin="hunter2\n")
        self.fails(wrong, 4, self.registry.host)
        self.assertNotIn("hunter2", wrong.stderr + wrong.stdout)
        config = pathlib.Path(self.project.path(".docker/config.json"))
        self.assertFalse(config.exists())

        self.login()
        self.assertEqual(stat.S_IMODE(config.stat().st_mode), 0o600)
        self.assertIn(self.registry.host, json.loads(config.read_text())["auths"])
        self.assertTrue(self.json("logout", self.registry.host)["was_logged_in"])
        self.assertFalse(self.json("logout", self.registry.host)["was_logged_in"])

    def test_push_needs_a_login_and_says_so(self):
        self.built()
        refused = self.fails(self.project.run("push", "demo", self.repository), 4, self.registry.host)
        self.assertIn("imgforge login", refused.stderr)

    def test_push_pull_and_push_again(self):
        image = self.built()
        self.login()
        first = self.json("push", "demo", self.repository)
        self.assertEqual(first["digest"], image["digest"])
        self.assertEqual(first["tags_written"], [image["tag"]])
        self.assertGreater(first["sent"]["blobs"], 2)
        again = self.json("push", "demo", self.repository)
        self.assertTrue(again["image_there"])
        self.assertEqual((again["sent"]["blobs"], again["tags_written"]), (0, []))
        self.assertIn("nothing to send", self.run_ok("push", "demo", self.repository))

        # Another machine, with nothing.
        store = self.project.path("elsewhere")
        pulled = self.json("pull", "%s:%s" % (self.repository, image["tag"]), "-o", "oci:pulled:it", "-o",
                           "docker-archive:pulled.tar", "--store", store)
        self.assertEqual(pulled["digest"], image["digest"])
        subprocess.run([sys.executable, VALIDATE, self.project.path("pulled")], check=True, stdout=subprocess.DEVNULL)
        self.assertIn(image["digest"], self.run_ok("inspect", "oci:pulled:it"))

        if shutil.which("skopeo"):
            seen = subprocess.run(["skopeo", "inspect", "--tls-verify=false", "--creds", "alice:secret",
                                   "docker://%s:%s" % (self.repository, image["tag"])],
                                  check=True, capture_output=True, text=True).stdout
            self.assertEqual(json.loads(seen)["Digest"], image["digest"])
        else:
            print("SKIPPED: skopeo's opinion of what was pushed: skopeo is not installed")

    def test_a_build_tag_is_written_once(self):
        image = self.built()
        self.login()
        self.run_ok("push", "demo", self.repository)
        self.project.write("app/main.py", "print('another')\n")
        changed = self.json("build", "specs/demo.yaml")
        self.assertEqual(changed["tag"], image["tag"])
        self.assertNotEqual(changed["digest"], image["digest"])
        refused = self.fails(self.project.run("push", "demo", self.repository), 7, image["tag"])
        self.assertIn(image["digest"][:19], refused.stderr)
        there = self.json("pull", "%s:%s" % (self.repository, image["tag"]), "--store", self.project.path("x"))
        self.assertEqual(there["digest"], image["digest"])
        # What differs, with an image that is here and one that is there.
        differs = self.json("diff", "%s:%s" % (self.repository, image["tag"]), "demo", "--store", self.project.path("store"))
        self.assertFalse(differs["same"])
        self.assertIn("app/main.py", [row["name"] for row in differs["files"]])
        # A tag that is none of a build may move.
        self.json("push", "demo", self.repository + ":latest")

    def test_copy_between_places(self):
        image = self.built()
        self.login()
        self.run_ok("push", "demo", self.repository + ":latest")
        source = self.repository + ":latest"
        mounted = self.json("copy", source, "%s/prod/demo:one" % self.registry.host)
        self.assertEqual(mounted["sent"]["blobs"], 0)
        self.assertGreater(mounted["mounted"]["blobs"], 2)
        across = self.json("copy", source, "%s/prod/demo:one" % self.other.host)
        self.assertGreater(across["sent"]["blobs"], 2)
        layout = self.json("copy", "%s/prod/demo:one" % self.other.host, "oci:copied:one")
        self.assertEqual({mounted["digest"], across["digest"], layout["digest"]}, {image["digest"]})
        subprocess.run([sys.executable, VALIDATE, self.project.path("copied")], check=True, stdout=subprocess.DEVNULL)
        back = self.json("push", "oci:copied:one", "%s/prod/demo:two" % self.other.host)
        self.assertTrue(back["image_there"])
        self.assertEqual(back["tags_written"], ["two"])
        dry = self.json("copy", source, "%s/dry/demo:one" % self.other.host, "--dry-run")
        self.assertEqual(dry["digest"], image["digest"])
        self.fails(self.project.run("pull", "%s/dry/demo:one" % self.other.host), 3)

    def test_what_was_pulled_is_there_when_the_registry_is_not(self):
        image = self.built()
        gone = Registry()
        name = gone.host + "/ml/demo:one"
        self.run_ok("push", "demo", name)
        self.run_ok("pull", name)
        gone.stop()
        seen = self.ok(self.project.run("inspect", name, "--json"))
        self.assertEqual(json.loads(seen.stdout)["digest"], image["digest"])
        self.assertIn("pulled before", seen.stderr)
        self.fails(self.project.run("inspect", gone.host + "/ml/demo:two"), 6, gone.host)

    def test_words_that_make_no_sense(self):
        self.built()
        self.fails(self.project.run("push", "demo"), 2, "IMAGE HOST/REPOSITORY")
        self.fails(self.project.run("push", "demo", "oci-archive:x.tar"), 2)
        self.fails(self.project.run("pull", "oci:somewhere"), 2, "not in a registry")
        self.fails(self.project.run("push", "nothing", self.repository + ":x"), 3)
        self.fails(self.project.run("push", "demo", self.repository, "--chunk-size", "many"), 2, "64M")
        self.fails(self.project.run("login", self.registry.host), 2, "--username")
        self.fails(self.project.run("login", self.registry.host, "-u", "alice"), 2, "terminal")


if __name__ == "__main__":
    for program in ("docker-registry", "htpasswd"):
        if shutil.which(program) is None:
            print("SKIPPED: the program against a registry: %s is not installed" % program)
            sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
