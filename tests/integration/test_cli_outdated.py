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
import cli_wheels
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


IMAGE = """\
imgforge: 1
image: demo
build: v1
platform: linux/amd64
epoch: 2025-05-20T00:00:00Z
layers:
  - {id: base, kind: image, ref: "%(host)s/ml/base:v1"}
  - {id: python, kind: python, version: "3.11"}
%(tools)s  - {id: wheels, kind: wheels, requirements: [demo-tool], index: default}
  - {id: app, kind: files, from: app, dest: /app}
"""
TOOLS = """\
  - id: tools
    kind: deb
    sources:
      - {archive: test, suites: [stable], components: [main]%s}
      - {archive: test-security, suites: [stable], components: [main]}
    packages: [hello, other]
    ldconfig: false
"""
PASSPHRASE = {"IMGFORGE_KEY_PASSPHRASE": "a test's own passphrase"}
INPUTS = ("--only", "newer", "--only", "lost")


class Images(Expectations, unittest.TestCase):
    """Inputs of images in a registry, by what stands beside them: on a machine that has no spec of them."""

    @classmethod
    def setUpClass(cls):
        if shutil.which("docker-registry") is None or cli_wheels.uv_path() is None:
            print("SKIPPED: newer inputs of images in a registry: docker-registry or uv is not installed")
            raise unittest.SkipTest("docker-registry or uv is not installed")
        cls.registry = Registry()
        cls.addClassCleanup(cls.registry.stop)
        base = Project(cli_wheels.BASE)
        cls.addClassCleanup(base.remove)
        for name, content in cli_wheels.BASE_FILES.items():
            base.write("base/" + name, content)
        for words in (("lock", "specs/demo.yaml"), ("build", "specs/demo.yaml", "--to", cls.registry.host + "/ml/base")):
            done = base.run(*words)
            assert done.returncode == 0, done.stderr

    def setUp(self):
        self.repository = "%s/ml/%s" % (self.registry.host, self._testMethodName.replace("_", "-"))
        self.archives = {}
        for role, package, version in (("test", "hello", "1.0"), ("test-security", "other", "5")):
            archive = self.archives[role] = Archive(tempfile.mkdtemp(prefix="imgforge-archive-"))
            self.addCleanup(archive.stop)
            archive.package(package, version, version)
            archive.sign()
        self.index = cli_wheels.Index()
        self.addCleanup(self.index.stop)
        self.index.add(cli_wheels.wheel("demo_tool", "1.0"))

    def machine(self, more="", **urls):
        """A store and a home, where the sources have addresses; no spec in it is of use."""
        project = Project("nothing: of use\n")
        self.addCleanup(project.remove)
        archives = "".join("  %s: {url: \"%s\", keyring: \"%s\"}\n" % (role, urls.get("archives", archive.url), archive.keyring)
                           for role, archive in self.archives.items())
        project.write(".config/imgforge/config.yaml",
                      "archives:\n%sindexes: {default: %s}\n%s" % (archives, self.index.url, more))
        return project

    def project(self, tools=TOOLS % ""):
        project = self.machine()
        project.write("specs/demo.yaml", IMAGE % {"host": self.registry.host, "tools": tools})
        project.write("keys/test.gpg", pathlib.Path(self.archives["test"].keyring).read_bytes())
        self.ok(project.run("keygen", "-o", "release", **PASSPHRASE))
        self.run_in(project, "lock", "specs/demo.yaml")
        return project

    def run_in(self, project, *words, **more):
        return self.ok(project.run(*words, PATH=cli_wheels.uv_path(), **{**PASSPHRASE, **more}))

    def push(self, project, build, *words, channel=None):
        """Another image of the same lock: the project's own file says which."""
        project.write("app/main.py", "print('%s')\n" % build)
        self.run_in(project, "build", "specs/demo.yaml", "--to", self.repository, "--build-id", build, *words)
        name = "%s:%s" % (self.repository, self.tag(build))
        if channel:
            self.run_in(project, "tag", name, channel)
        return name

    @staticmethod
    def tag(build):
        return "debian12-" + build

    def outdated(self, machine, *words, code=0):
        result = machine.run("outdated", self.repository, "--json", *words, PATH=cli_wheels.uv_path(), **PASSPHRASE)
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        seen = json.loads(result.stdout)
        return {row["name"]: row for row in seen["looked_at"]}, seen["outdated"], result.stderr

    def codes(self, row):
        return sorted((note["code"], note["severity"]) for note in row["notes"])

    def publish(self):
        self.index.add(cli_wheels.wheel("demo_tool", "1.1"))
        self.archives["test-security"].package("other", "6", "six\n")
        self.archives["test-security"].sign()

    def test_newer_inputs_are_looked_for_where_a_channel_is(self):
        project = self.project()
        old = self.push(project, "v1", "--attest", "-k", "release.key")
        now = self.push(project, "v2", "--attest", "-k", "release.key", channel="nightly")
        rows, outdated, _ = self.outdated(self.machine(), *INPUTS, "--exit-code")
        self.assertEqual(set(rows), {old, now})
        # Files of the project are no input; that they were not looked at is said all the same.
        self.assertEqual((self.codes(rows[now]), rows[now]["checked"]), ([("not-checked", "info")], ["lost", "newer"]))
        self.assertIn("app (app)", rows[now]["notes"][0]["sentence"])
        self.assertEqual((rows[old]["notes"], rows[old]["checked"], outdated), ([], [], 0))
        self.assertEqual((rows[old]["channels"], rows[now]["channels"]), ([], ["nightly"]))

        self.publish()
        machine = self.machine()
        rows, outdated, _ = self.outdated(machine, "--exit-code", *INPUTS, code=7)
        self.assertEqual(self.codes(rows[now]), [("newer-input", "warning"), ("not-checked", "info"), ("security-update", "error")])
        self.assertEqual((rows[old]["notes"], outdated), ([], 1))
        sentences = {note["code"]: note for note in rows[now]["notes"]}
        self.assertEqual(sentences["newer-input"]["sentence"], "~ demo_tool 1.0 -> 1.1 (wheels)")
        self.assertEqual(sentences["security-update"]["sentence"], "~ other 5 -> 6 (tools, security)")
        self.assertEqual(sentences["security-update"]["remedy"], "imgforge rebuild specs/demo.yaml")
        self.outdated(machine, "--exit-code", "--only", "lost")
        text = self.run_in(machine, "outdated", self.repository, *INPUTS).stdout
        self.assertIn(now + " (nightly)\n", text)
        self.assertIn("2 looked at, 1 outdated\nof 1 old build newer and lost inputs were not looked for (--all)\n", text)

        # The published page has it where it is asked for.
        page = pathlib.Path(machine.path("page.html"))
        for option, there in ((["--outdated"], True), ([], False)):
            self.run_in(machine, "catalog", self.repository, "--html", str(page), *option)
            self.assertEqual("demo_tool 1.0 -&gt; 1.1 (wheels)" in page.read_text(encoding="utf-8"), there)

        # Both have the same spec and lock: they are resolved once.
        self.index.asked.clear()
        rows, outdated, _ = self.outdated(self.machine(), "--all", *INPUTS)
        self.assertEqual(outdated, 2)
        self.assertEqual(self.codes(rows[old]), self.codes(rows[now]))
        self.assertEqual(self.index.asked.count("/simple/demo-tool/"), self.questions_of_one_lock(project))

    def questions_of_one_lock(self, project):
        self.index.asked.clear()
        machine = self.machine()
        shutil.copy(project.path("specs/demo.yaml"), machine.path("specs/demo.yaml"))
        shutil.copy(project.path("specs/demo.lock.json"), machine.path("specs/demo.lock.json"))
        self.run_in(machine, "outdated", "specs/demo.yaml", *INPUTS)
        return self.index.asked.count("/simple/demo-tool/")

    def test_lost_inputs_are_less_bad_where_they_are_kept(self):
        project = self.project()
        attested = self.push(project, "v1", "--attest", "-k", "release.key", channel="nightly")
        kept = self.push(project, "v2", "--keep-inputs", channel="lts")
        bare = self.push(project, "v3", channel="test")
        os.remove(os.path.join(self.archives["test"].folder, "debian/pool/hello_1.0_amd64.deb"))
        rows, outdated, _ = self.outdated(self.machine(), "--only", "lost")
        self.assertEqual(self.codes(rows[attested]), [("lost-input", "error"), ("not-checked", "info")])
        self.assertEqual(self.codes(rows[kept]), [("lost-input", "warning"), ("not-checked", "info")])
        lost = next(note for note in rows[kept]["notes"] if note["code"] == "lost-input")
        self.assertIn("hello_1.0_amd64.deb", lost["sentence"])
        self.assertIn("imgforge fetch SPEC --kept " + kept, lost["remedy"])
        self.assertEqual((self.codes(rows[bare]), rows[bare]["checked"]), ([("no-documents", "info")], []))
        self.assertIn("--attest or --keep-inputs", rows[bare]["notes"][0]["sentence"])
        self.assertEqual(outdated, 2)

    def test_a_source_that_is_down_stops_no_other_image(self):
        project = self.project()
        first = self.push(project, "v1", "--keep-inputs", channel="nightly")
        project.write("specs/demo.yaml", IMAGE % {"host": self.registry.host, "tools": ""})
        self.run_in(project, "lock", "specs/demo.yaml")
        second = self.push(project, "v2", "--keep-inputs", channel="small")
        self.publish()
        rows, outdated, said = self.outdated(self.machine(archives="http://127.0.0.1:1/debian"), *INPUTS)
        self.assertEqual(rows[first]["checked"], [])
        self.assertEqual([code for code, _ in self.codes(rows[first])], ["not-checked"] * 3)
        sentences = " ".join(note["sentence"] for note in rows[first]["notes"])
        self.assertIn("newer inputs could not be looked for: layer tools", sentences)
        self.assertIn("2 of 4 inputs could not be asked for", sentences)
        self.assertIn("%s: newer inputs could not be looked for" % first, said)
        self.assertEqual(self.codes(rows[second]), [("newer-input", "warning"), ("not-checked", "info")])
        self.assertEqual(outdated, 1)

    def test_what_takes_files_of_the_project_is_not_looked_at_and_the_rest_is(self):
        project = self.project(TOOLS % ", keyring: keys/test.gpg")
        image = self.push(project, "v1", "--keep-inputs")
        self.publish()
        rows, _, _ = self.outdated(self.machine(), *INPUTS)
        self.assertEqual(self.codes(rows[image]), [("newer-input", "warning"), ("not-checked", "info")])
        skipped = next(note for note in rows[image]["notes"] if note["code"] == "not-checked")
        self.assertIn("tools (keys/test.gpg), app (app)", skipped["sentence"])
        self.assertIn("in the project", skipped["remedy"])
        self.assertEqual(rows[image]["checked"], ["lost"])

    def test_an_image_that_nobody_trusts_is_not_looked_into(self):
        project = self.project()
        unsigned = self.push(project, "v1", "--keep-inputs", channel="nightly")
        signed = self.push(project, "v2", "--keep-inputs", "--sign", "-k", "release.key", channel="lts")
        self.publish()
        machine = self.machine("trust_policy: trust.yaml\n")
        machine.write("trust.yaml", "trust: 1\nkeys: {release: release.pub}\nrepositories:\n"
                      "  - {match: [\"**\"], signatures: [{by: [release]}]}\n")
        shutil.copy(project.path("release.pub"), machine.path("release.pub"))
        rows, _, said = self.outdated(machine, *INPUTS, "--trust-policy", machine.path("trust.yaml"))
        self.assertEqual((self.codes(rows[unsigned]), rows[unsigned]["checked"]), ([("not-checked", "info")], []))
        self.assertIn(unsigned + ": inputs could not be looked for", said)
        self.assertIn(("security-update", "error"), self.codes(rows[signed]))

    def test_ends_of_life(self):
        project = self.project()
        image = self.push(project, "v1", "--keep-inputs")
        late = ("--only", "end-of-life", "--date", "2099-01-01")
        wanted = [("os-end-of-life", "warning"), ("python-end-of-life", "warning")]
        rows, outdated, _ = self.outdated(self.machine(), *late, "--exit-code", code=7)
        self.assertEqual((self.codes(rows[image]), outdated), (wanted, 1))
        seen = json.loads(self.run_in(project, "outdated", "specs/demo.yaml", *late, "--json").stdout)
        self.assertEqual(self.codes(seen["looked_at"][0]), wanted)
        rows, outdated, _ = self.outdated(self.machine(), "--only", "end-of-life", "--date", "2025-06-01", "--exit-code")
        self.assertEqual((rows[image]["notes"], outdated), ([], 0))


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
        self.assertEqual([note["code"] for note in seen["looked_at"][0]["notes"]], ["no-documents", "not-scanned"])
        self.assertEqual(seen["outdated"], 0)
        registry.control("scan", digest=built["digest"], severity="High", summary={"High": 2, "Low": 1})
        result = project.run("outdated", registry.host + "/ml/demo", "--json", "--exit-code")
        self.assertEqual(result.returncode, 7, result.stderr)
        note = json.loads(result.stdout)["looked_at"][0]["notes"][1]
        self.assertEqual((note["code"], note["severity"]), ("vulnerabilities", "error"))
        self.assertIn("2 high, 1 low", note["sentence"])
        self.ok(project.run("outdated", registry.host + "/ml/demo", "--only", "end-of-life", "--exit-code"))


if __name__ == "__main__":
    missing = [program for program in ("apt-ftparchive", "dpkg-deb", "gpg") if shutil.which(program) is None]
    if missing:
        print("SKIPPED: outdated and rebuild with an archive: %s not installed" % ", ".join(missing))
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
