#!/usr/bin/env python3
"""What imgforge pushes, signs and attests, as the clients of others see it: skopeo, podman, crane, oras, cosign 2 and 3, notation; on a
docker-registry with token authentication, and on one with TLS and an authority of its own.

    test_cli_clients.py IMGFORGE PROBE SOURCE_DIR
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import cli_project
from cli_project import Expectations
from cli_proxy import Proxy
from cli_release import ReleaseProject, certificates, interop_tools, probe_report, trust_in_notation

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
VALIDATE = os.path.join(SOURCE, "tests/tools/validate_layout.py")
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'


class Clients(Expectations):
    """`kind` of registry_server.py."""
    kind = None

    @classmethod
    def setUpClass(cls):
        cls.tools = interop_tools(SOURCE)
        cls.registry = Proxy(cls.kind)
        cls.addClassCleanup(cls.registry.stop)
        cls.project = ReleaseProject()
        cls.addClassCleanup(cls.project.remove)
        cls.repository = cls.registry.host + "/ml/demo"
        cls.image = cls.repository + ":v1"
        cls.prepare()
        cls.digest = cls.project.build(cls.repository, "--layer-cache", "none")["digest"]
        certificates(cls.project, "platform")
        trust_in_notation(cls.project, "platform.root")
        cls.project.write("probe.json", json.dumps(probe_report()))
        cls.project.write("policy.json", POLICY)
        for words in (("sign", cls.image, "-k", "release.key", "--format", "legacy", "--format", "bundle"),
                      ("sign", cls.image, "-k", "platform.pem", "--format", "notation", "--certificate-chain", "platform.chain"),
                      ("attest", cls.image, "-k", "release.key", "--type", "probe", "--predicate", "probe.json"),
                      ("sbom", "specs/demo.yaml", "--attest", cls.image, "-k", "release.key"),
                      ("sbom", "specs/demo.yaml", "--attach", cls.image)):
            done = cls.project.run(*words)
            assert done.returncode == 0, done.stderr

    @classmethod
    def prepare(cls):
        """What clients need to know of this registry, in the project's home, as all of them read it."""

    @classmethod
    def plain(cls, flag):
        return [flag] if cls.kind != "tls" else []

    def program(self, name, *words):
        """Its output; the test is skipped, and says so, where the program is not to be had."""
        where = shutil.which(name) or (os.path.join(self.tools, name) if self.tools else None)
        if where is None or not os.path.exists(where):
            print("SKIPPED: %s's opinion (%s, %s): it is not to be had here" % (name, type(self).__name__, self._testMethodName))
            self.skipTest(name + " is not to be had here")
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.project.folder}
        if self.kind == "tls":
            environment["SSL_CERT_FILE"] = os.path.join(self.registry.folder, "ca.crt")
        done = subprocess.run([where, *words], capture_output=True, text=True, timeout=300, check=False, cwd=self.project.folder,
                              env=environment)
        self.assertEqual(done.returncode, 0, "%s %s\n%s%s" % (name, " ".join(words), done.stderr, done.stdout))
        return done.stdout

    def same_image(self, layout):
        """An OCI layout that another client wrote: whole, and the image by digest."""
        index = json.loads(pathlib.Path(self.project.path(layout), "index.json").read_text(encoding="utf-8"))
        self.assertIn(self.digest, [one["digest"] for one in index["manifests"]])
        subprocess.run([sys.executable, VALIDATE, self.project.path(layout)], check=True, stdout=subprocess.DEVNULL)

    def test_crane(self):
        self.assertEqual(self.program("crane", "digest", self.image).strip(), self.digest)
        self.assertIn("v1", self.program("crane", "ls", self.repository).split())
        self.program("crane", "validate", "--remote", self.image)
        self.program("crane", "pull", "--format", "oci", self.image, "by-crane")
        self.same_image("by-crane")
        self.program("crane", "copy", self.image, self.repository + "-by-crane:v1")
        pulled = json.loads(self.ok(self.project.run("pull", self.repository + "-by-crane:v1", "--store", self.project.path("of-crane"),
                                                     "--json")).stdout)
        self.assertEqual(pulled["digest"], self.digest)

    def test_oras(self):
        plain = self.plain("--plain-http")
        descriptor = json.loads(self.program("oras", "manifest", "fetch", *plain, "--descriptor", self.image))
        self.assertEqual(descriptor["digest"], self.digest)
        self.assertIn("v1", self.program("oras", "repo", "tags", *plain, self.repository).split())
        seen = json.loads(self.program("oras", "discover", *plain, "--format", "json", self.image))
        kinds = [one["artifactType"] for one in seen.get("referrers", seen.get("manifests", []))]
        self.assertGreaterEqual(kinds.count("application/vnd.dev.sigstore.bundle.v0.3+json"), 2, kinds)
        for kind in ("application/vnd.cncf.notary.signature", "application/spdx+json", "application/vnd.cyclonedx+json"):
            self.assertIn(kind, kinds)
        source = ["--from-plain-http"] if plain else []
        self.program("oras", "cp", "-r", *source, "--to-oci-layout", self.image, self.project.path("by-oras") + ":v1")
        index = json.loads(pathlib.Path(self.project.path("by-oras"), "index.json").read_text(encoding="utf-8"))
        self.assertIn(self.digest, [one["digest"] for one in index["manifests"]])

    def test_skopeo(self):
        verify = self.plain("--tls-verify=false")
        seen = json.loads(self.program("skopeo", "inspect", *verify, "docker://" + self.image))
        self.assertEqual(seen["Digest"], self.digest)
        tags = json.loads(self.program("skopeo", "list-tags", *verify, "docker://" + self.repository))["Tags"]
        self.assertIn("v1", tags)
        self.program("skopeo", "--policy", "policy.json", "copy", *self.plain("--src-tls-verify=false"), "docker://" + self.image,
                     "oci:by-skopeo:v1")
        self.same_image("by-skopeo")

    def test_podman(self):
        storage = ["--root", self.project.path("podman/root"), "--runroot", self.project.path("podman/run"), "--tmpdir",
                   self.project.path("podman/tmp"), "--storage-driver", "vfs", "--events-backend", "none"]
        self.addCleanup(shutil.rmtree, self.project.path("podman"), ignore_errors=True)
        self.program("podman", *storage, "pull", "--quiet", "--signature-policy", "policy.json", *self.plain("--tls-verify=false"),
                     self.image)
        seen = json.loads(self.program("podman", *storage, "image", "inspect", self.image))[0]
        self.assertIn("%s@%s" % (self.repository, self.digest), seen["RepoDigests"])

    def cosign(self, version):
        words = ["--key", "release.pub", "--insecure-ignore-tlog=true", *self.plain("--allow-http-registry")]
        self.program(version, "verify", *words, self.image)
        for kind in ("spdxjson", "cyclonedx", "slsaprovenance1", "https://imgforge.io/probe-report/v1"):
            self.program(version, "verify-attestation", *words, "--type", kind, self.image)

    def test_cosign_2(self):
        self.cosign("cosign-2")

    def test_cosign_3(self):
        self.cosign("cosign-3")

    def test_notation(self):
        self.assertIn(self.digest, self.program("notation", "verify", *self.plain("--insecure-registry"),
                                                "%s@%s" % (self.repository, self.digest)))

    def test_a_path_back(self):
        """What other clients copied is an image that imgforge takes, verifies and finds unchanged."""
        target = self.repository + "-by-skopeo:v1"
        both = [*self.plain("--src-tls-verify=false"), *self.plain("--dest-tls-verify=false")]
        self.program("skopeo", "--policy", "policy.json", "copy", "--preserve-digests", *both, "docker://" + self.image,
                     "docker://" + target)
        seen = json.loads(self.ok(self.project.run("inspect", target, "--json")).stdout)
        self.assertEqual(seen["digest"], self.digest)
        # A look at an image fetches no layer; a diff those that differ; a list of files that one.
        self.registry.control("log")
        store = ("--store", self.project.path("of-the-diff"))
        text = self.ok(self.project.run("inspect", self.image, *store)).stdout
        self.assertIn("podman run --rm -it %s@%s" % (self.repository, self.digest), text)
        layers = [layer["digest"] for layer in seen["layers"]]
        fetched = lambda: sum(line.startswith("GET ") and line.rpartition("/")[2] in layers for line in self.registry.log())
        self.assertEqual(fetched(), 0)
        self.assertIn("identical", self.ok(self.project.run("diff", self.image, target, *store)).stdout)
        self.assertEqual(fetched(), 0)
        self.assertIn("app/main.py", self.ok(self.project.run("inspect", self.image, "--files", "app", *store)).stdout)
        self.assertEqual(fetched(), 1)
        verified = json.loads(self.ok(self.project.run("verify", self.image, "--json")).stdout)
        self.assertTrue(verified["accepted"])


class Token(Clients, unittest.TestCase):
    kind = "token"

    @classmethod
    def prepare(cls):
        done = cls.project.run("login", cls.registry.host, "-u", "alice", "--password-stdin", stdin="secret\n")
        assert done.returncode == 0, done.stderr
        # What login wrote is what the others read.
        written = json.loads(pathlib.Path(cls.project.path(".docker/config.json")).read_text(encoding="utf-8"))
        assert base64.b64decode(written["auths"][cls.registry.host]["auth"]) == b"alice:secret"


class Tls(Clients, unittest.TestCase):
    kind = "tls"

    @classmethod
    def prepare(cls):
        with open(os.path.join(cls.registry.folder, "ca.crt"), encoding="ascii") as file:
            cls.project.write(".config/containers/certs.d/%s/ca.crt" % cls.registry.host, file.read())
        config = pathlib.Path(cls.project.path(".config/imgforge/config.yaml"))
        config.write_text(config.read_text(encoding="utf-8") + "registries: {\"%s\": {plain_http: false}}\n" % cls.registry.host,
                          encoding="utf-8")


if __name__ == "__main__":
    for needed in ("docker-registry", "skopeo", "openssl"):
        if shutil.which(needed) is None:
            print("SKIPPED: other clients on what imgforge wrote: %s is not installed" % needed)
            sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
