#!/usr/bin/env python3
"""SBOM documents and provenance of real images: what the validators of SPDX and CycloneDX say of them, whether everything that
dpkg and Python know in the image is in them, and whether they are the same again.

    test_evidence.py --program IMGFORGE --probe PROBE --documents PROGRAM --validators FOLDER [CLASS...]
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
REQUIREMENTS = SOURCE / "tests/requirements/sbom.txt"
CHECKS = SOURCE / "tests/integration/sbom_checks.py"
OPTIONS = argparse.Namespace()

DEBIAN = """\
imgforge: 1
image: sbom-test
build: v1
platform: linux/amd64
epoch: 2025-05-20T00:00:00Z
layers:
  - use: os/debian12
    with: {packages: [python3, python3-yaml]}
  - use: python/distro
    with: {version: "3.11"}
  - kind: wheels
    id: wheels
    requirements: [jinja2, requests, setuptools, "tqdm; python_version < '4'"]
    split: [{name: heavy, match: [setuptools]}]
  - kind: deb
    id: debs
    sources: [{archive: debian, suites: [bookworm], components: [main]}]
    packages: [libzmq5, libsodium23]
  - kind: run
    id: hand
    script: |
      folder=/opt/hand/Hand.Made-1.0.dist-info
      mkdir -p $folder
      printf 'Metadata-Version: 2.1\\nName: Hand.Made\\nVersion: 1.0\\nLicense: MIT\\n' > $folder/METADATA
  - kind: files
    id: app
    from: app
    dest: /app
"""


def validators():
    """The Python of the validators' environment, made when it is not there; None where it cannot be had."""
    folder = pathlib.Path(OPTIONS.validators)
    mark = folder / "complete"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    python = folder / "bin/python"
    if mark.exists() and mark.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    commands = [[sys.executable, "-m", "venv", str(folder)],
                [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes",
                 "--only-binary=:all:", "--retries", "1", "-r", str(REQUIREMENTS)]]
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"{command[0]}: {error}", file=sys.stderr)
            return None
        if done.returncode != 0:
            print(done.stderr[-2000:], file=sys.stderr)
            return None
    mark.write_text(wanted)
    return python


def skip(test, reason):
    print(f"SKIPPED: {test.id()}: {reason}", file=sys.stderr)
    test.skipTest(reason)


class Project:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="imgforge-evidence-"))
        for name in ("specs", "layers", "examples"):
            shutil.copytree(SOURCE / name, self.folder / name)
        self.store = self.folder / "store"

    def run(self, *words):
        # The environment goes along for the network's sake (proxies, certificates), HOME for uv's.
        environment = {**os.environ, "IMGFORGE_PROBE": OPTIONS.probe,
                       "IMGFORGE_STORE": str(self.store)}
        return subprocess.run([OPTIONS.program, *words], cwd=self.folder, env=environment, text=True, capture_output=True,
                              timeout=1500, check=False)

    def documents(self, name, spec, mode, store=None):
        out = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        subprocess.run([OPTIONS.documents, str(store or self.store), name, spec, str(out), mode], cwd=self.folder, check=True)
        return {file.stem: file.read_text(encoding="utf-8") for file in out.iterdir()}

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class EvidenceTest(unittest.TestCase):
    def validate(self, form, text):
        python = validators()
        if python is None:
            skip(self, "the validators (tests/requirements/sbom.txt) cannot be installed here")
        with tempfile.NamedTemporaryFile("w", suffix=".spdx.json" if form == "spdx" else ".json", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            done = subprocess.run([str(python), str(CHECKS), form, file.name], capture_output=True, text=True, check=False)
        return (done.returncode, done.stdout + done.stderr)

    def valid(self, form, text):
        code, output = self.validate(form, text)
        self.assertEqual(code, 0, output[:4000])

    def check_references(self, spdx, bom):
        """Nothing points to nowhere."""
        ids = {"SPDXRef-DOCUMENT"} | {item["SPDXID"] for item in spdx["packages"] + spdx.get("files", [])}
        self.assertEqual(len(ids), 1 + len(spdx["packages"]) + len(spdx.get("files", [])))
        for relation in spdx["relationships"]:
            self.assertIn(relation["spdxElementId"], ids)
            self.assertIn(relation["relatedSpdxElement"], ids)
        refs = {"image"} | {component["bom-ref"] for component in bom["components"]}
        for row in bom["dependencies"]:
            self.assertIn(row["ref"], refs)
            for other in row["dependsOn"]:
                self.assertIn(other, refs)


class Tiny(EvidenceTest):
    @classmethod
    def setUpClass(cls):
        cls.project = Project()
        cls.addClassCleanup(cls.project.remove)
        # The committed lock names the probe of the machine that made it.
        for word in ("lock", "build"):
            done = cls.project.run(word, "specs/tiny.yaml")
            assert done.returncode == 0, done.stderr
        cls.texts = cls.project.documents("tiny:v1", "specs/tiny.yaml", "plan")

    def test_documents_are_valid(self):
        self.valid("spdx", self.texts["spdx"])
        self.valid("cyclonedx", self.texts["cyclonedx"])

    def test_a_broken_document_is_not(self):
        for form, wrong in (("spdx", lambda text: text.replace("SPDXRef-layer-1", "SPDXRef-layer_1")),
                            ("cyclonedx", lambda text: text.replace('"container"', '"box"'))):
            broken = wrong(self.texts[form])
            self.assertNotEqual(broken, self.texts[form])
            self.assertNotEqual(self.validate(form, broken)[0], 0)

    def test_files_of_the_project_have_their_digests(self):
        spdx, bom = json.loads(self.texts["spdx"]), json.loads(self.texts["cyclonedx"])
        self.check_references(spdx, bom)
        expected = {}
        for folder, dest in (("examples/tiny/root", ""), ("examples/tiny/app", "app/")):
            for file in (self.project.folder / folder).rglob("*"):
                if file.is_file() and not file.is_symlink():
                    content = file.read_bytes()
                    name = "./" + dest + str(file.relative_to(self.project.folder / folder))
                    expected[name] = (hashlib.sha1(content).hexdigest(), hashlib.sha256(content).hexdigest())
        self.assertGreater(len(expected), 2)
        found = {file["fileName"]: tuple(sum["checksumValue"] for sum in file["checksums"]) for file in spdx["files"]}
        self.assertEqual(found, expected)
        # SPDX 2.3, 7.9, computed a second time.
        layer = next(package for package in spdx["packages"] if package["name"] == "app")
        hashes = sorted(sums[0] for name, sums in expected.items() if name.startswith("./app/"))
        self.assertEqual(layer["packageVerificationCode"]["packageVerificationCodeValue"],
                         hashlib.sha1("".join(hashes).encode()).hexdigest())

    def test_the_same_again_from_another_store(self):
        other = self.project.folder / "other"
        shutil.copytree(self.project.store, other)
        shutil.rmtree(other / "inputs")
        self.assertEqual(self.texts, self.project.documents("tiny:v1", "specs/tiny.yaml", "manifest", other))

    def test_provenance_has_every_input_and_layer(self):
        provenance = json.loads(self.texts["provenance"])
        definition = provenance["buildDefinition"]
        self.assertEqual([layer["id"] for layer in definition["externalParameters"]["layers"]], ["root", "probe", "app"])
        probe = hashlib.sha256(pathlib.Path(OPTIONS.probe).read_bytes()).hexdigest()
        self.assertEqual([row["digest"]["sha256"] for row in definition["resolvedDependencies"]], [probe])
        layers = [row for row in provenance["runDetails"]["byproducts"] if row["name"].startswith("layer ")]
        for row in layers:
            content = (self.project.store / "blobs/sha256" / row["digest"]["sha256"]).read_bytes()
            self.assertEqual(hashlib.sha256(content).hexdigest(), row["digest"]["sha256"])

    def test_another_lock_is_refused(self):
        lock = self.project.folder / "specs/tiny.lock.json"
        before = lock.read_text()
        self.addCleanup(lock.write_text, before)
        changed = json.loads(before)
        changed["layers"][1]["part"]["input"]["sha256"] = "0" * 64
        lock.write_text(json.dumps(changed))
        done = subprocess.run([OPTIONS.documents, str(self.project.store), "tiny:v1", "specs/tiny.yaml",
                               str(self.project.folder), "manifest"], cwd=self.project.folder, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("built from another lock", done.stderr)


class Validators(EvidenceTest):
    """The goldens of the unit tests have every kind of package; they too must be valid."""

    def golden(self, name):
        return (SOURCE / "tests/unit/evidence/golden" / name).read_text(encoding="utf-8")

    def test_goldens_are_valid(self):
        self.valid("spdx", self.golden("spdx.json"))
        self.valid("cyclonedx", self.golden("cyclonedx.json"))

    def test_every_licence_we_know_is_on_spdx_list(self):
        table = (SOURCE / "src/evidence/license_ids.cpp").read_text(encoding="utf-8")
        names = re.findall(r'^\s+"([^"]+)",$', table, re.MULTILINE)
        self.assertGreater(len(names), 100)
        self.valid("licenses", "\n".join(names))
        self.assertNotEqual(self.validate("licenses", "No-Such-License")[0], 0)


class Debian(EvidenceTest):
    @classmethod
    def setUpClass(cls):
        cls.project = Project()
        cls.addClassCleanup(cls.project.remove)
        (cls.project.folder / "specs/sbom.yaml").write_text(DEBIAN)
        (cls.project.folder / "app").mkdir()
        (cls.project.folder / "app/main.py").write_text("print('hello')\n")
        cls.failure = None
        for word in ("lock", "build"):
            done = cls.project.run(word, "specs/sbom.yaml")
            if done.returncode == 0:
                continue
            # Exit code 6: the archive or the index is not to be had now.
            error = next((line for line in done.stderr.splitlines() if line.startswith("error:")), done.stderr)
            if word == "lock" and (done.returncode == 6 or "uv" in error.split()):
                cls.failure = error
                return
            raise AssertionError(done.stderr)
        cls.name = "sbom-test:debian12-v1"
        cls.texts = cls.project.documents(cls.name, "specs/sbom.yaml", "plan")
        cls.spdx, cls.bom = json.loads(cls.texts["spdx"]), json.loads(cls.texts["cyclonedx"])
        cls.tree = cls.read_tree()

    def setUp(self):
        if self.failure:
            skip(self, self.failure)

    @classmethod
    def read_tree(cls):
        """A second opinion on what is in the image: path -> (text, layer digest), by Python's own tarfile."""
        index = json.loads((cls.project.store / "index.json").read_text())
        reference = "org.opencontainers.image.ref.name"
        entry = next(item for item in index["manifests"] if item["annotations"][reference] == cls.name)
        blobs = cls.project.store / "blobs/sha256"
        manifest = json.loads((blobs / entry["digest"][7:]).read_text())
        tree = {}
        for layer in manifest["layers"]:
            with tarfile.open(blobs / layer["digest"][7:]) as tar:
                for member in tar:
                    name = member.name.lstrip("./")
                    if member.isfile() and (name.startswith("var/lib/dpkg/status") or name.endswith("/METADATA")):
                        tree[name] = (tar.extractfile(member).read().decode("utf-8", "replace"), layer["digest"])
        return tree

    def components(self, kind):
        prefix = f"pkg:{kind}/"
        return [item for item in self.bom["components"] if item.get("purl", "").startswith(prefix)]

    def test_documents_are_valid(self):
        self.check_references(self.spdx, self.bom)
        self.valid("spdx", self.texts["spdx"])
        self.valid("cyclonedx", self.texts["cyclonedx"])

    def test_every_debian_package_is_there(self):
        installed = set()
        for path, (text, _) in self.tree.items():
            if not path.startswith("var/lib/dpkg/status") or path.endswith(".md5sums"):
                continue
            for stanza in text.split("\n\n"):
                fields = dict(re.findall(r"^(\S+): (.*)$", stanza, re.MULTILINE))
                if fields.get("Status", "").endswith(" installed"):
                    installed.add((fields["Package"], fields["Version"], fields["Architecture"]))
        self.assertGreater(len(installed), 90)
        self.assertIn("libzmq5", {name for name, _, _ in installed})
        architecture = re.compile(r"[?&]arch=([^&]*)")
        named = {(item["name"], item["version"], architecture.search(item["purl"]).group(1))
                 for item in self.components("deb")}
        self.assertEqual(named, installed)
        in_spdx = {(item["name"], item["versionInfo"]) for item in self.spdx["packages"]
                   if item["SPDXID"].startswith("SPDXRef-deb-")}
        self.assertEqual(in_spdx, {(name, version) for name, version, _ in installed})

    def test_every_python_package_is_there_in_its_layer(self):
        expected = {}
        for path, (text, layer) in self.tree.items():
            match = re.fullmatch(r"(.*\.dist-info)/METADATA", path)
            if not match:
                continue
            name = re.search(r"^Name: (.*)$", text, re.MULTILINE).group(1)
            expected["/" + match.group(1)] = (re.sub(r"[-_.]+", "-", name.strip()).lower(), layer)
        self.assertIn("/opt/hand/Hand.Made-1.0.dist-info", expected)
        self.assertGreater(len(expected), 10)
        found = {}
        for item in self.components("pypi"):
            if not item["evidence"]["occurrences"][0]["location"].endswith(".dist-info"):
                continue  # *.egg-info of Debian's own packages
            layer = next(row["value"] for row in item["properties"] if row["name"] == "imgforge:layer:digest")
            found[item["evidence"]["occurrences"][0]["location"]] = (item["name"], layer)
        self.assertEqual(found, expected)

    def test_locked_packages_have_the_digest_of_their_file(self):
        lock = json.loads((self.project.folder / "specs/sbom.lock.json").read_text())
        parts = {layer["id"]: layer["part"] for layer in lock["layers"]}
        inputs = {row["input"]["name"]: row["input"]["sha256"]
                  for row in parts["os/debian12"]["debs"] + parts["debs"]["debs"] + parts["wheels"]["wheels"]}
        named = {item["packageFileName"]: item["checksums"][0]["checksumValue"]
                 for item in self.spdx["packages"] if item.get("packageFileName", "").endswith((".deb", ".whl"))}
        self.assertEqual(named, inputs)
        provenance = json.loads(self.texts["provenance"])
        materials = {row["name"]: row["digest"]["sha256"]
                     for row in provenance["buildDefinition"]["resolvedDependencies"]}
        self.assertLessEqual(inputs.items(), materials.items())
        self.assertEqual(sum(name.startswith("InRelease of ") for name in materials), 3)
        executed = {row["name"] for row in provenance["runDetails"]["byproducts"]
                    if row.get("annotations", {}).get("executed")}
        self.assertEqual(executed, {"layer os/debian12", "layer hand", "layer finalize"})

    def test_dependencies_are_those_of_dpkg(self):
        rows = {row["ref"]: row["dependsOn"] for row in self.bom["dependencies"]}
        self.assertIn("deb-libgcc-s1-amd64", rows["deb-libc6-amd64"])
        self.assertIn("deb-libsodium23-amd64", rows["deb-libzmq5-amd64"])
        self.assertIn("python-markupsafe", rows["python-jinja2"])
        # The wheels' requests wants the wheels' idna, not a vendored one.
        self.assertIn("python-idna", rows["python-requests"])

    def test_licences_are_those_that_packages_state(self):
        declared = {item["SPDXID"]: item["licenseDeclared"] for item in self.spdx["packages"]}
        self.assertEqual(declared["SPDXRef-deb-zlib1g-amd64"], "Zlib")
        self.assertEqual(declared["SPDXRef-deb-libsodium23-amd64"].count("ISC"), 1)
        self.assertEqual(declared["SPDXRef-python-hand-made"], "MIT")
        self.assertEqual(declared["SPDXRef-deb-libc6-amd64"], "NOASSERTION")  # prose
        debs = [value for key, value in declared.items() if key.startswith("SPDXRef-deb-")]
        known = sum(value != "NOASSERTION" for value in debs)
        self.assertGreater(known / len(debs), 0.7)

    def test_the_same_again_and_without_the_inputs(self):
        self.assertEqual(self.texts, self.project.documents(self.name, "specs/sbom.yaml", "plan"))
        self.assertEqual(self.texts, self.project.documents(self.name, "specs/sbom.yaml", "manifest"))
        inputs = self.project.store / "inputs"
        away = self.project.folder / "inputs"
        inputs.rename(away)
        self.addCleanup(away.rename, inputs)
        (inputs / "sha256").mkdir(parents=True)
        self.addCleanup(shutil.rmtree, inputs)
        self.assertEqual(self.texts, self.project.documents(self.name, "specs/sbom.yaml", "plan"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("program", "probe", "documents", "validators"):
        parser.add_argument("--" + option, required=True, type=os.path.abspath)
    arguments, rest = parser.parse_known_args()
    vars(OPTIONS).update(vars(arguments))
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
