#!/usr/bin/env python3
"""`imgforge outdated` and `imgforge rebuild` from outside, with an archive that changes, loses files and is signed anew.

    test_cli_outdated.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

import cli_project
from cli_archive import Archive
from cli_project import Expectations, Project, Registry
from cli_release import Harbor, login

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

SPEC = """\
imgforge: 1
image: demo
build: v1
epoch: 2025-05-20T00:00:00Z
layers:
  - {id: root, kind: files, from: root, dest: /}
  - id: tools
    kind: deb
    sources: [{archive: %s, suites: [stable], components: [main]}]
    packages: [hello, other]
"""


class OutdatedTest(Expectations, unittest.TestCase):
    def setUp(self):
        self.archive = Archive(tempfile.mkdtemp(prefix="imgforge-archive-"))
        self.addCleanup(self.archive.stop)
        self.archive.package("hello", "1.0", "one\n")
        self.archive.package("other", "5", "five\n")
        self.archive.sign()

    def project(self, role="test", more=""):
        project = Project(SPEC % role + more)
        self.addCleanup(project.remove)
        project.write(".config/imgforge/config.yaml", "archives:\n  %s: {url: \"%s\", keyring: \"%s\"}\n"
                      % (role, self.archive.url, self.archive.keyring))
        return project

    def buildable(self, project):
        """Packages may bring libraries: the image's own ldconfig, which is static, is run over them."""
        program = project.write("root/sbin/ldconfig", pathlib.Path("/sbin/ldconfig").read_bytes())
        program.chmod(0o755)
        return project

    def json(self, result, code=0):
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        return json.loads(result.stdout)

    def notes(self, project, *words, code=0):
        seen = self.json(project.run("outdated", "specs/demo.yaml", "--json", *words), code)
        return [(note["code"], note["severity"]) for note in seen["looked_at"][0]["notes"]], seen


class Outdated(OutdatedTest):
    def test_newer_inputs_lost_inputs_and_stale_locks(self):
        project = self.project()
        self.assertEqual(self.notes(project, "--exit-code", code=7)[0], [("no-lock", "error")])
        self.ok(project.run("lock", "specs/demo.yaml"))
        self.assertEqual(self.notes(project, "--exit-code")[0], [])
        before = pathlib.Path(project.path("specs/demo.lock.json")).read_bytes()

        self.archive.package("hello", "1.1", "two\n")
        self.archive.sign()
        codes, seen = self.notes(project)
        self.assertEqual(codes, [("newer-input", "warning")])
        self.assertEqual(seen["looked_at"][0]["notes"][0]["sentence"], "~ hello 1.0 -> 1.1 (tools)")
        self.assertEqual(seen["outdated"], 1)
        self.assertEqual(self.notes(project, "--only", "lost", "--exit-code")[0], [])
        self.notes(project, "--exit-code", code=7)
        self.assertEqual(pathlib.Path(project.path("specs/demo.lock.json")).read_bytes(), before)  # writes nothing

        # The mirror deletes the old file, and puts something else under the other's name.
        os.remove(os.path.join(self.archive.folder, "debian/pool/hello_1.0_amd64.deb"))
        with open(os.path.join(self.archive.folder, "debian/pool/other_5_amd64.deb"), "ab") as file:
            file.write(b"more")
        # This store has them, since locking looked into them; another machine has nothing.
        self.assertEqual(self.notes(project, "--only", "lost")[0], [("lost-input", "warning")] * 2)
        codes, seen = self.notes(project, "--only", "lost", "--store", project.path("elsewhere"))
        self.assertEqual(codes, [("lost-input", "error")] * 2)
        sentences = " ".join(note["sentence"] for note in seen["looked_at"][0]["notes"])
        self.assertIn("hello_1.0_amd64.deb", sentences)
        self.assertIn("bytes now", sentences)

        project.write("specs/demo.yaml", (SPEC % "test").replace("hello, other", "hello"))
        self.assertEqual(self.notes(project)[0], [("stale-lock", "error")])

    def test_security_updates_are_told_apart(self):
        project = self.project(role="test-security")
        self.ok(project.run("lock", "specs/demo.yaml"))
        self.archive.package("other", "6", "six\n")
        self.archive.sign()
        codes, seen = self.notes(project, "--only", "newer")
        self.assertEqual(codes, [("security-update", "error")])
        self.assertIn("other 5 -> 6 (tools, security)", seen["looked_at"][0]["notes"][0]["sentence"])

    def test_a_mirror_that_is_down_has_lost_nothing(self):
        project = self.project()
        self.ok(project.run("lock", "specs/demo.yaml"))
        project.write(".config/imgforge/config.yaml", "archives:\n  test: {url: \"http://127.0.0.1:1/debian\", keyring: \"%s\"}\n"
                      % self.archive.keyring)
        result = project.run("outdated", "specs/demo.yaml", "--only", "lost", "--json")
        self.assertEqual(self.json(result)["outdated"], 0)
        self.assertIn("could not be asked", result.stderr)

    def test_words_that_make_no_sense(self):
        project = self.project()
        self.fails(project.run("outdated"), 2, "specs or repositories")
        self.fails(project.run("outdated", "specs/demo.yaml", "--only", "newest"), 2, "newer")
        self.fails(project.run("outdated", "specs/demo.yaml", "--date", "2026-13-01"), 2, "2026-01-31")
        self.fails(project.run("outdated", "registry.example/ml/x:v1"), 2, "without a tag")
        self.fails(project.run("outdated", "specs/none.yaml"), 3, "none.yaml")


class Rebuild(OutdatedTest):
    def setUp(self):
        super().setUp()
        if shutil.which("docker-registry") is None:
            print("SKIPPED: rebuild into a registry: docker-registry is not installed")
            self.skipTest("docker-registry is not installed")
        self.registry = Registry()
        self.addCleanup(self.registry.stop)

    def test_a_night_in_which_nothing_changed_pushes_nothing(self):
        project = self.buildable(self.project(more="registry: %s/ml/demo\n" % self.registry.host))
        first = self.json(project.run("rebuild", "specs/demo.yaml", "--push", "--json"))
        self.assertTrue(first["pushed"] and first["lock_changed"])
        self.assertEqual(first["tag"], "v1")
        lock = pathlib.Path(project.path("specs/demo.lock.json")).read_bytes()

        said = self.ok(project.run("rebuild", "specs/demo.yaml", "--push")).stdout
        self.assertIn("nothing changed, nothing pushed: %s/ml/demo:v1" % self.registry.host, said)
        # The archive is signed anew with another date, and nothing in it is new.
        time.sleep(1.1)
        self.archive.sign()
        second = self.json(project.run("rebuild", "specs/demo.yaml", "--push", "--json"))
        self.assertEqual((second["pushed"], second["lock_changed"], second["digest"]), (False, False, first["digest"]))
        self.assertEqual(pathlib.Path(project.path("specs/demo.lock.json")).read_bytes(), lock)

        # Something is new: the difference, the next build id, and quiet after that.
        self.archive.package("hello", "1.1", "two\n")
        self.archive.sign()
        shown = self.ok(project.run("rebuild", "specs/demo.yaml", "--push", "--dry-run")).stdout
        self.assertIn("~ hello 1.0 -> 1.1 (tools)", shown)
        self.assertEqual(pathlib.Path(project.path("specs/demo.lock.json")).read_bytes(), lock)
        third = self.json(project.run("rebuild", "specs/demo.yaml", "--push", "--json"))
        self.assertEqual((third["tag"], third["pushed"]), ("v2", True))
        self.assertEqual(third["changes"], [{"layer": "tools", "name": "hello", "before": "1.0", "after": "1.1", "security": False}])
        self.assertIn("nothing changed, nothing pushed", self.ok(project.run("rebuild", "specs/demo.yaml", "--push")).stdout)

        # Files of the project count, too, though the lock does not name them.
        project.write("root/etc/motd", "changed\n")
        fourth = self.json(project.run("rebuild", "specs/demo.yaml", "--push", "--json"))
        self.assertEqual((fourth["tag"], fourth["pushed"], fourth["changes"]), ("v3", True, []))

    def test_one_package_alone_and_a_lock_that_stays_when_the_build_fails(self):
        project = self.buildable(self.project(more="registry: %s/ml/two\n" % self.registry.host))
        self.ok(project.run("rebuild", "specs/demo.yaml", "--push"))
        lock = pathlib.Path(project.path("specs/demo.lock.json")).read_bytes()
        self.archive.package("hello", "1.1", "two\n")
        self.archive.package("other", "6", "six\n")
        self.archive.sign()
        pool = os.path.join(self.archive.folder, "debian/pool")
        os.rename(pool + "/hello_1.1_amd64.deb", pool + "/aside")
        failed = project.run("rebuild", "specs/demo.yaml", "--push")
        self.assertNotEqual(failed.returncode, 0)
        self.assertEqual(pathlib.Path(project.path("specs/demo.lock.json")).read_bytes(), lock)
        os.rename(pool + "/aside", pool + "/hello_1.1_amd64.deb")
        only = self.json(project.run("rebuild", "specs/demo.yaml", "--push", "--update", "other", "--json"))
        self.assertEqual([change["name"] for change in only["changes"]], ["other"])
        for option in ("--bump", "--sign", "--attest", "--keep-inputs"):
            self.fails(project.run("rebuild", "specs/demo.yaml", option), 2, "imgforge rebuild SPEC --push " + option)


class Repositories(Expectations, unittest.TestCase):
    def test_a_scan_of_harbor_counts(self):
        registry = Harbor()
        self.addCleanup(registry.stop)
        registry.make_project("ml")
        project = Project()
        self.addCleanup(project.remove)
        login(project, registry)
        self.ok(project.run("lock", "specs/demo.yaml"))
        built = json.loads(self.ok(project.run("build", "specs/demo.yaml", "--to", registry.host + "/ml/demo", "--json")).stdout)
        seen = json.loads(self.ok(project.run("outdated", registry.host + "/ml/demo", "--json")).stdout)
        self.assertEqual([note["code"] for note in seen["looked_at"][0]["notes"]], ["not-scanned"])
        self.assertEqual(seen["outdated"], 0)
        registry.control("scan", digest=built["digest"], severity="High", summary={"High": 2, "Low": 1})
        result = project.run("outdated", registry.host + "/ml/demo", "--json", "--exit-code")
        self.assertEqual(result.returncode, 7, result.stderr)
        note = json.loads(result.stdout)["looked_at"][0]["notes"][0]
        self.assertEqual((note["code"], note["severity"]), ("vulnerabilities", "error"))
        self.assertIn("2 high, 1 low", note["sentence"])
        self.ok(project.run("outdated", registry.host + "/ml/demo", "--only", "end-of-life", "--exit-code"))


if __name__ == "__main__":
    missing = [program for program in ("apt-ftparchive", "dpkg-deb", "gpg") if shutil.which(program) is None]
    if missing:
        print("SKIPPED: outdated and rebuild with an archive: %s not installed" % ", ".join(missing))
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
