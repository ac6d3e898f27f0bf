#!/usr/bin/env python3
"""`imgforge reproduce` and `build --keep-inputs` from outside: a real docker-registry, and a package archive and files that the
test makes, serves and takes away.

    test_cli_reproduce.py IMGFORGE PROBE SOURCE_DIR
"""
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import urllib.request

import cli_project
import cli_wheels
from cli_archive import Archive
from cli_project import Expectations, Project, Registry

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

SPEC = """\
imgforge: 1
image: demo
build: v1
platform: linux/amd64
epoch: 2025-05-20T00:00:00Z
layers:
  - use: os/tiny
  - kind: archive
    id: tool
    url: %(served)s/tool.tar
    dest: /opt/tool
config:
  env: {GREETING: hello}
"""
DEFINITION = """\
imgforge: 1
layer: os/tiny
summary: one package
layers:
  - kind: deb
    sources: [{archive: debian, suites: [stable], components: [main]}]
    packages: [hello=1.0]
    ldconfig: false
"""
HELLO = "hello_1.0_amd64.deb"
FILES = "  - {id: app, kind: files, from: app, dest: /app}\nconfig:"
COMMIT = "  - {id: app, kind: files, from: {git: ., commit: HEAD}, dest: /app}\nconfig:"


WHEELS = """\
imgforge: 1
image: demo
build: v1
platform: linux/amd64
epoch: 2025-05-20T00:00:00Z
layers:
  - {kind: image, id: base, ref: "%(base)s"}
  - {kind: python, id: python, provider: distro, version: "3.11"}
  - {kind: wheels, id: wheels, pylock: locks/pylock.toml}
"""


def tool(text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("bin/tool")
        info.size, info.mode = len(text), 0o755
        tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


class ReproduceTest(Expectations, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = Registry()
        cls.addClassCleanup(cls.registry.stop)

    def setUp(self):
        self.repository = "%s/ml/%s" % (self.registry.host, self._testMethodName.replace("_", "-"))
        # Sources of its own, which the test may take away.
        self.archive = Archive(tempfile.mkdtemp(prefix="imgforge-archive-"))
        self.addCleanup(self.archive.stop)
        self.archive.package("hello", "1.0", "one\n")
        self.archive.package("hello", "2.0", "two\n")
        self.archive.sign()
        self.index = cli_wheels.Index()
        self.addCleanup(self.index.stop)
        self.serve_tool(b"#!/bin/sh\necho one\n")
        self.served = self.archive.url.rpartition("/")[0]

    def serve_tool(self, text):
        with open(os.path.join(self.archive.folder, "tool.tar"), "wb") as file:
            file.write(tool(text))

    def machine(self):
        """A folder with a store and a home, where the archive has an address; no spec in it is of use."""
        project = Project("nothing: of use\n")
        self.addCleanup(project.remove)
        project.write(".config/imgforge/config.yaml", "archives:\n  debian:\n    url: %s\n    keyring: %s\nindexes:\n  default: %s\n"
                      % (self.archive.url, self.archive.keyring, self.index.url))
        return project

    def project(self, spec=SPEC, repository=None, **values):
        project = self.machine()
        project.write("specs/demo.yaml", spec % {"served": self.served, **values} + "registry: %s\n" % (repository or self.repository))
        project.write("layers/os/tiny.yaml", DEFINITION)
        return project

    def pushed(self, project, *words, **more):
        self.ok(project.run("lock", "specs/demo.yaml"))
        result = json.loads(self.ok(project.run("build", "specs/demo.yaml", "--push", "--json", *words, **more)).stdout)
        return result, "%s:%s" % (self.repository, result["tag"])

    def sources_move_on(self):
        os.rename(os.path.join(self.archive.folder, "debian/pool", HELLO), os.path.join(self.archive.folder, HELLO))
        self.serve_tool(b"#!/bin/sh\necho two\n")

    def referrers(self, digest):
        """What stands beside an image, through distribution's stand-in tag."""
        url = "http://%s/v2/%s/manifests/%s" % (self.registry.host, self.repository.partition("/")[2], digest.replace(":", "-"))
        request = urllib.request.Request(url, headers={"Accept": "application/vnd.oci.image.index.v1+json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return {one["artifactType"]: one for one in json.load(answer)["manifests"]}

    def test_identical_after_the_sources_have_moved_on(self):
        project = self.project()
        built, image = self.pushed(project, "--keep-inputs")
        documents, inputs = built["kept"]
        self.assertEqual([documents[key] for key in ("what", "files", "there_already")], ["documents", 3, False])
        self.assertEqual((inputs["what"], inputs["files"]), ("inputs", 3))  # a package, an archive, the probe
        self.assertGreater(inputs["sent"]["blobs"], 0)
        beside = self.referrers(built["digest"])
        self.assertEqual(documents["digest"], beside["application/vnd.imgforge.documents.v1"]["digest"])
        self.assertEqual(set(beside), {"application/vnd.imgforge.documents.v1", "application/vnd.imgforge.inputs.v1"})
        self.sources_move_on()

        other = self.machine()
        plan = json.loads(self.ok(other.run("reproduce", image, "--dry-run", "--json")).stdout)
        self.assertEqual({one["place"] for one in plan["from"]}, {"kept"}, plan)
        self.assertEqual(sorted(one["name"] for one in plan["from"])[0], "hello_1.0_amd64.deb")
        result = json.loads(self.ok(other.run("reproduce", image, "--json")).stdout)
        self.assertTrue(result["identical"])
        self.assertEqual((result["rebuilt"], result["digest"]), (built["digest"], built["digest"]))
        self.assertEqual(result["inputs"]["kept"]["count"], len(plan["from"]))
        self.assertIsNone(result["signed_by"])
        text = self.ok(other.run("reproduce", image)).stdout
        self.assertIn("identical: " + built["digest"], text)
        # The scratch store is gone, and nothing of the image went into this one.
        self.assertEqual(os.listdir(other.path("store/tmp")), [])
        self.assertEqual(json.loads(self.ok(other.run("cache", "du", "--json")).stdout)["layers"], 0)

        # Again: what is kept is not sent twice.
        again = json.loads(self.ok(project.run("build", "specs/demo.yaml", "--push", "--keep-inputs", "--json")).stdout)["kept"]
        self.assertEqual((again[0]["there_already"], again[0]["digest"]), (True, documents["digest"]))
        self.assertEqual((again[1]["sent"]["blobs"], again[1]["bytes"]), (0, inputs["bytes"]))
        said = self.ok(project.run("build", "specs/demo.yaml", "--push", "--keep-inputs")).stdout
        self.assertIn("spec, lock and 1 layer definitions were kept already as " + documents["digest"], said)
        self.assertIn("3 inputs (", said)
        # The project's own builds may take them from there, too.
        fetched = self.project()
        shutil.copy(project.path("specs/demo.lock.json"), fetched.path("specs/demo.lock.json"))
        self.fails(fetched.run("fetch", "specs/demo.yaml"), 5, "hello_1.0")
        self.ok(fetched.run("fetch", "specs/demo.yaml", "--kept", image))
        self.assertEqual(json.loads(self.ok(fetched.run("build", "specs/demo.yaml", "--json")).stdout)["digest"], built["digest"])

        # A second image shares the inputs, also from a machine that has none of them and cannot get them any more.
        third = self.project()
        shutil.copy(project.path("specs/demo.lock.json"), third.path("specs/demo.lock.json"))
        second = json.loads(self.ok(third.run("build", "specs/demo.yaml", "--push", "--build-id", "v2", "--keep-inputs",
                                              "--json")).stdout)
        self.assertNotEqual(second["digest"], built["digest"])
        self.assertEqual(second["kept"][1]["sent"]["blobs"], 0)
        self.assertEqual(json.loads(self.ok(third.run("cache", "du", "--json")).stdout)["inputs"], 0)
        self.assertIn("identical", self.ok(other.run("reproduce", "%s:%s" % (self.repository, second["tag"]))).stdout)

    def test_a_missing_input_that_nobody_kept_is_named(self):
        _, image = self.pushed_signed(self.project(), "--attest")
        # Everything is there still.
        self.assertIn("identical", self.ok(self.machine().run("reproduce", image)).stdout)
        self.sources_move_on()
        failed = self.fails(self.machine().run("reproduce", image), 3, "hello_1.0", "--keep-inputs", "--vendor")
        self.assertNotIn("run 'imgforge lock'", failed.stderr)
        # Somebody has them in a folder.
        donor = self.machine()
        kept = os.path.join(donor.folder, "kept")
        os.makedirs(kept + "/sha256")
        for file in (os.path.join(self.archive.folder, HELLO), PROBE):
            with open(file, "rb") as content:
                shutil.copy(file, "%s/sha256/%s" % (kept, hashlib.sha256(content.read()).hexdigest()))
        with open("%s/sha256/%s" % (kept, hashlib.sha256(tool(b"#!/bin/sh\necho one\n")).hexdigest()), "wb") as file:
            file.write(tool(b"#!/bin/sh\necho one\n"))
        self.assertIn("identical", self.ok(donor.run("reproduce", image, "--vendor", kept)).stdout)

    def test_wheels_that_an_index_no_longer_has(self):
        below = self.project(cli_wheels.BASE, repository=self.repository + "/base")
        for path, content in cli_wheels.BASE_FILES.items():
            below.write("base/" + path, content)
        project = self.project(WHEELS, base="%s/base:%s" % (self.repository, self.pushed(below)[0]["tag"]))
        name = "demo-1.0-py3-none-any.whl"
        self.index.add(cli_wheels.wheel("demo", "1.0"))
        with open(os.path.join(self.index.folder, name), "rb") as file:
            content = file.read()
        project.write("locks/pylock.toml", 'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
                      'wheels = [{url = "%s/files/%s", size = %d, hashes = {sha256 = "%s"}}]\n'
                      % (self.index.url.rpartition("/")[0], name, len(content), hashlib.sha256(content).hexdigest()))
        _, image = self.pushed(project, "--keep-inputs")
        self.index.remove("demo-")
        # The pylock is beside the image: no project is needed.
        result = json.loads(self.ok(self.machine().run("reproduce", image, "--json")).stdout)
        self.assertTrue(result["identical"])
        self.assertEqual(result["inputs"]["kept"]["count"], 2)  # the wheel, the probe

    def test_a_cell_of_a_matrix(self):
        indented = "".join("  " + line for line in SPEC.replace("build: v1", "build: v1_${greeting}").replace(
            "GREETING: hello", 'GREETING: "${greeting}"').splitlines(keepends=True))
        project = self.project("imgforge: 1\nmatrix: demo\naxes: {greeting: [hello, bye]}\nspec:\n" + indented + "  ")
        os.rename(project.path("specs/demo.yaml"), project.path("specs/demo.matrix.yaml"))
        cell = "specs/demo.matrix.yaml#bye"
        self.ok(project.run("keygen", "-o", "release", **self.key()))
        self.ok(project.run("lock", cell))
        built = json.loads(self.ok(project.run("build", cell, "--push", "--keep-inputs", "--attest", "-k", "release.key", "--json",
                                               **self.key())).stdout)
        self.sources_move_on()
        result = json.loads(self.ok(self.machine().run("reproduce", "%s:%s" % (self.repository, built["tag"]), "--json")).stdout)
        self.assertTrue(result["identical"])
        self.assertEqual(result["inputs"]["kept"]["count"], 3)

    def key(self):
        return {"IMGFORGE_KEY_PASSPHRASE": "correct horse"}

    def pushed_signed(self, project, *words):
        self.ok(project.run("keygen", "-o", "release", **self.key()))
        return self.pushed(project, "--sign", "-k", "release.key", *words, **self.key())

    def test_another_lock_is_named_with_the_first_file(self):
        project = self.project()
        built, image = self.pushed(project, "--keep-inputs")
        self.sources_move_on()
        other = self.project()
        other.write("layers/os/tiny.yaml", DEFINITION.replace("hello=1.0", "hello=2.0"))
        self.ok(other.run("lock", "specs/demo.yaml"))
        different = other.run("reproduce", image, "--spec", "specs/demo.yaml", "--json")
        self.assertEqual(different.returncode, 5, different.stderr + different.stdout)
        result = json.loads(different.stdout)
        self.assertFalse(result["identical"])
        self.assertEqual([layer["id"] for layer in result["layers"]][:2], ["os/tiny", "tool"])
        self.assertIn("usr/share/hello/text", [file["path"] for file in result["layers"][0]["files"]])
        self.assertEqual(result["layers"][1]["files"][0]["path"], "opt/tool/bin/tool")
        self.assertIn("os/tiny", result["likely_cause"])
        self.assertIn("another spec or lock", result["likely_cause"])
        text = other.run("reproduce", image, "--spec", "specs/demo.yaml")
        self.assertEqual(text.returncode, 5)
        self.assertIn("different: " + built["digest"], text.stdout)
        self.assertIn("first difference: layer os/tiny (deb)", text.stdout)

    def test_documents_of_somebody_else_are_refused(self):
        """Who can write into the registry puts another lock beside the image: it is not the one that the image names."""
        project = self.project()
        built, image = self.pushed(project, "--keep-inputs")
        beside = self.referrers(built["digest"])["application/vnd.imgforge.documents.v1"]
        data = os.path.join(self.registry.folder, "data/docker/registry/v2/blobs/sha256")
        name = self.repository.partition("/")[2]
        url = "http://%s/v2/%s/manifests/" % (self.registry.host, name)
        request = urllib.request.Request(url + beside["digest"], headers={"Accept": beside["mediaType"]})
        with urllib.request.urlopen(request, timeout=20) as answer:
            manifest = json.load(answer)
        lock = next(layer for layer in manifest["layers"] if layer["mediaType"] == "application/vnd.imgforge.lock.v1+json")
        # An honest registry lists it as a referrer; only its lock is another one.
        path = os.path.join(data, lock["digest"][7:9], lock["digest"][7:], "data")
        with open(path, encoding="utf-8") as file:
            forged = file.read().replace("hello_1.0", "hello_6.6").encode()
        self.upload(name, forged)
        lock["digest"], lock["size"] = "sha256:" + hashlib.sha256(forged).hexdigest(), len(forged)
        body = json.dumps(manifest).encode()
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        request = urllib.request.Request(url + digest, body, {"Content-Type": "application/vnd.oci.image.manifest.v1+json"},
                                         method="PUT")
        urllib.request.urlopen(request, timeout=20).close()
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": len(body),
             "artifactType": manifest["artifactType"]}]}
        request = urllib.request.Request(url + built["digest"].replace(":", "-"), json.dumps(index).encode(),
                                         {"Content-Type": index["mediaType"]}, method="PUT")
        urllib.request.urlopen(request, timeout=20).close()
        self.fails(self.machine().run("reproduce", image), 5, "the image was built from another lock", digest)

    def upload(self, name, content):
        base = "http://%s" % self.registry.host
        request = urllib.request.Request("%s/v2/%s/blobs/uploads/" % (base, name), b"", method="POST")
        with urllib.request.urlopen(request, timeout=20) as answer:
            place = answer.headers["Location"]
        place += ("&" if "?" in place else "?") + "digest=sha256:" + hashlib.sha256(content).hexdigest()
        request = urllib.request.Request(place if place.startswith("http") else base + place, content,
                                         {"Content-Type": "application/octet-stream"}, method="PUT")
        urllib.request.urlopen(request, timeout=20).close()

    def test_files_of_the_project(self):
        project = self.project(SPEC.replace("config:", FILES))
        built, image = self.pushed(project, "--keep-inputs")
        other = self.machine()
        self.fails(other.run("reproduce", image), 3, "app", "--source DIR")
        self.assertIn("identical", self.ok(other.run("reproduce", image, "--source", project.folder)).stdout)
        project.write("app/main.py", "print('other')\n")
        different = other.run("reproduce", image, "--source", project.folder, "--json")
        self.assertEqual(different.returncode, 5, different.stderr)
        result = json.loads(different.stdout)
        self.assertEqual([layer["id"] for layer in result["layers"]], ["app"])
        self.assertEqual(result["layers"][0]["files"], [
            {"path": "app/main.py", "kind": "changed", "what": "content (15 B each)"}])
        self.assertIn("app/main.py differs in its content", result["first_difference"])
        self.assertIn("which no lock pins", result["likely_cause"])
        self.assertEqual(result["digest"], built["digest"])

    def test_files_of_a_commit_come_from_the_commit(self):
        project = self.project(SPEC.replace("config:", COMMIT))
        project.write(".gitignore", "/store\n/.config\n*.lock.json\n*.key\n*.pub\n/.cache\n/.local\n")

        def git(*words):
            return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@team.example", *words], cwd=project.folder,
                                  check=True, capture_output=True, text=True, env=project.environment()).stdout.strip()
        git("init", "-q")
        git("add", "-A")
        git("commit", "-qm", "one")
        commit = git("rev-parse", "HEAD")
        pipeline = {"GITLAB_CI": "true", "CI_PROJECT_URL": "https://git.example/ml/demo", "CI_COMMIT_SHA": commit,
                    "CI_RUNNER_ID": "1"}
        _, image = self.pushed(project, "--keep-inputs", **pipeline)
        # The project goes on, also without a commit.
        project.write("app/main.py", "print('committed later')\n")
        git("commit", "-qam", "two")
        project.write("app/main.py", "print('not committed')\n")
        other = self.machine()
        self.fails(other.run("reproduce", image), 3, "git clone https://git.example/ml/demo DIR", commit)
        self.assertIn("identical", self.ok(other.run("reproduce", image, "--source", project.folder)).stdout)
        # Run in a clone that has the commit, it needs nothing else; also below the clone's top.
        clone = os.path.join(other.folder, "clone")
        git("clone", "-q", project.folder, clone)
        for folder in (clone, os.path.join(clone, "app")):
            done = self.ok(other.run("reproduce", image, cwd=folder))
            self.assertIn("identical", done.stdout)
            self.assertIn("files of the project: " + clone, done.stdout)
        # A repository without the commit is no help.
        stranger = os.path.join(other.folder, "stranger")
        subprocess.run(["git", "init", "-q", stranger], check=True)
        self.fails(other.run("reproduce", image, cwd=stranger), 3, "git clone https://git.example/ml/demo DIR")

    def test_an_executed_layer_that_is_not_the_same_each_time(self):
        """The layer below is this machine's shell and its C library."""
        script = "read x < /proc/sys/kernel/random/uuid; echo $x > /stamp"
        spec = cli_wheels.BASE.replace("image: base", "image: demo") + "  - {id: stamp, kind: run, script: %r}\n" % script
        project = self.project(spec)
        if not re.search(r"^ok\s+sandbox", project.run("doctor").stdout, re.M):
            print("SKIPPED: %s: no sandbox on this machine (imgforge doctor)" % self.id(), file=sys.stderr)
            self.skipTest("no sandbox")
        libraries = re.findall(r"(/\S+)", subprocess.run(["ldd", "/bin/sh"], check=True, capture_output=True, text=True).stdout)
        for path in ["/bin/sh", *libraries]:
            with open(path, "rb") as content:
                os.chmod(project.write("base" + path, content.read()), 0o755)
        built, image = self.pushed(project, "--keep-inputs")
        other = self.machine()
        different = other.run("reproduce", image, "--source", project.folder, "--json")
        self.assertEqual(different.returncode, 5, different.stderr + different.stdout)
        result = json.loads(different.stdout)
        self.assertEqual([layer["id"] for layer in result["layers"]], ["stamp"])
        self.assertIn("stamp differs in its content", result["first_difference"])
        self.assertIn("the layer runs programs", result["likely_cause"])
        self.assertIn("--check", result["remedy"])
        self.assertEqual(os.listdir(other.path("store/tmp")), [])
        # What was built before is no proof, and --reuse says that it was used.
        text = self.ok(project.run("reproduce", image, "--source", project.folder, "--reuse")).stdout
        self.assertIn("identical: " + built["digest"], text)
        self.assertIn("were not built again (--reuse)", text)
        self.assertNotEqual(project.run("reproduce", image, "--source", project.folder).returncode, 0)

    def test_a_diff_begins_with_what_is_known_to_change_results(self):
        spec = SPEC.replace("config:", FILES)
        project = self.project(spec.replace("GREETING: hello", "CUBLAS_WORKSPACE_CONFIG: ':4096:8'"))
        _, before = self.pushed(project)
        other = self.project(spec.replace("build: v1", "build: v2"))
        other.write("app/main.py", "print('other')\n")
        _, after = self.pushed(other)
        machine = self.machine()
        text = self.ok(machine.run("diff", before, after)).stdout
        self.assertEqual(text.split("\n\n")[:2], [
            "most likely the project's own code (app/main.py), then CUBLAS_WORKSPACE_CONFIG",
            "the project's own code: app/main.py\n  changes whatever it computes\n"
            "CUBLAS_WORKSPACE_CONFIG: CUBLAS_WORKSPACE_CONFIG :4096:8 -> (none)\n"
            "  changes whether matrix products on several streams are the same in every run; "
            "torch.use_deterministic_algorithms needs it\n"
            "  says NVIDIA cuBLAS documentation, Results Reproducibility"])
        result = json.loads(self.ok(machine.run("diff", before, after, "--json")).stdout)
        self.assertEqual([one["what"] for one in result["findings"]], ["the project's own code", "CUBLAS_WORKSPACE_CONFIG"])
        self.assertIn({"name": "env CUBLAS_WORKSPACE_CONFIG", "before": ":4096:8", "after": None}, result["config"])

    def test_signatures_are_asked_for_where_a_policy_says_so(self):
        project = self.project()
        built, image = self.pushed_signed(project, "--attest", "--keep-inputs")
        other = self.machine()
        shutil.copy(project.path("release.pub"), other.path("release.pub"))
        self.ok(other.run("keygen", "-o", "stranger", **self.key()))
        for key in ("release", "stranger"):
            other.write(key + ".yaml", "trust: 1\nkeys: {%s: %s.pub}\nrepositories:\n  - match: [\"**\"]\n    signatures: [{by: [%s]}]\n"
                        % (key, key, key))
        result = json.loads(self.ok(other.run("reproduce", image, "--trust-policy", "release.yaml", "--json")).stdout)
        self.assertEqual((result["identical"], result["signed_by"]), (True, ["release"]))
        self.fails(other.run("reproduce", image, "--trust-policy", "stranger.yaml"), 5)
        self.assertEqual(result["digest"], built["digest"])

    def test_words_that_make_no_sense(self):
        project = self.project()
        _, image = self.pushed(project)
        self.fails(project.run("reproduce", image), 3, "no spec and lock beside it", "--spec", "--keep-inputs")
        self.assertIn("identical", self.ok(project.run("reproduce", image, "--spec", "specs/demo.yaml")).stdout)
        self.fails(project.run("reproduce", "oci:out"), 2, "not in a registry")
        self.fails(project.run("reproduce", image, "--source", "nowhere"), 2, "--source")
        self.fails(project.run("reproduce", image, "--vendor", project.folder), 2, "sha256/")
        self.fails(project.run("build", "specs/demo.yaml", "--keep-inputs"), 2, "--push")


if __name__ == "__main__":
    for program in ("docker-registry", "dpkg-deb", "apt-ftparchive", "gpg", "git"):
        if shutil.which(program) is None:
            print("SKIPPED: reproduce against a registry: %s is not installed" % program)
            sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
