#!/usr/bin/env python3
"""keygen, sign, verify, attest, sbom and pull --verify from outside, against a docker-registry, with the real cosign 2, cosign 3 and notation.

    test_cli_sign.py IMGFORGE PROBE SOURCE_DIR
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import stat
import sys
import unittest
import urllib.request

import cli_project
from cli_project import Expectations
from cli_release import (Plain, ReleaseProject, certificates, interop_tools, probe_report, second_opinion,
                         trust_in_notation)

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class SignTest(Expectations, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = Plain()
        cls.addClassCleanup(cls.registry.stop)
        cls.tools = interop_tools(SOURCE)

    def setUp(self):
        self.project = ReleaseProject()
        self.addCleanup(self.project.remove)
        self.project.write(".config/imgforge/config.yaml", "{}\n")  # everything is said on the command line
        self.name = "ml/" + self._testMethodName.replace("_", "-")
        self.repository = "%s/%s" % (self.registry.host, self.name)
        self.digest = self.project.build(self.repository, "--layer-cache", "none")["digest"]
        self.image = self.repository + ":v1"

    def run_ok(self, *words, **more):
        return self.ok(self.project.run(*words, **more)).stdout

    def verify(self, *words):
        return json.loads(self.run_ok("verify", self.image, "--json", *words))

    def refused(self, *texts, words=("--key", "release.pub")):
        """verify says no, in one sentence and as a document."""
        result = self.fails(self.project.run("verify", self.image, *words), 5, *texts)
        document = self.project.run("verify", self.image, "--json", *words)
        self.assertEqual(document.returncode, 5)
        self.assertFalse(json.loads(document.stdout)["accepted"])
        return result

    def other(self, program, *words, expected=0):
        if self.tools is None:
            print("SKIPPED: %s's opinion of %s: tools/get-interop-tools.sh brings none here" % (program, self._testMethodName))
            return None
        done = second_opinion(os.path.join(self.tools, program), self.project, *words)
        self.assertEqual(done.returncode == 0, expected == 0, done.stderr + done.stdout)
        return done

    def request(self, method, path, body=None, kind=None):
        asked = urllib.request.Request("http://%s/v2/%s/%s" % (self.registry.host, self.name, path), data=body, method=method,
                                       headers={"Content-Type": kind or "application/octet-stream", "Accept": MANIFEST + ", application/vnd.oci.image.index.v1+json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.read(), answer.headers

    def put_blob(self, content):
        _, headers = self.request("POST", "blobs/uploads/")
        where = headers["Location"]
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        asked = urllib.request.Request(where + ("&" if "?" in where else "?") + "digest=" + digest, data=content, method="PUT",
                                       headers={"Content-Type": "application/octet-stream"})
        urllib.request.urlopen(asked, timeout=30).close()
        return digest

    def test_a_key_pair_is_made_once_and_cosign_signs_with_it(self):
        key = pathlib.Path(self.project.path("release.key"))
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertIn("ENCRYPTED SIGSTORE PRIVATE KEY", key.read_text())
        before = key.read_bytes()
        self.fails(self.project.run("keygen", "-o", "release"), 7, "release.key")
        self.assertEqual(key.read_bytes(), before)
        # A pipeline has no terminal to type a passphrase on, and argv is none of the ways.
        self.fails(self.project.run("keygen", "-o", "new", IMGFORGE_KEY_PASSPHRASE=None), 4, "IMGFORGE_KEY_PASSPHRASE")
        self.assertFalse(os.path.exists(self.project.path("new.key")))
        self.assertNotIn("--passphrase ", self.run_ok("sign", "--help"))

        self.project.write(".config/empty", "")
        if self.tools:
            for cosign in ("cosign-2", "cosign-3"):
                name = "%s/%s-by-%s" % (self.registry.host, self.name, cosign)
                self.run_ok("copy", self.image, name + ":v1")
                words = ["sign", "--key", "release.key", "--yes", "--allow-http-registry", "--tlog-upload=false"]
                if cosign == "cosign-3":
                    words += ["--use-signing-config=false"]
                done = cosign_with_password(os.path.join(self.tools, cosign), self.project, *words, "%s@%s" % (name, self.digest))
                self.assertEqual(done.returncode, 0, done.stderr)
                seen = json.loads(self.run_ok("verify", name + ":v1", "--key", "release.pub", "--json"))
                self.assertTrue(seen["accepted"], cosign)
        else:
            print("SKIPPED: cosign signs with our key: tools/get-interop-tools.sh brings none here")

    def test_cosign_and_notation_accept_what_is_signed_and_attested(self):
        certificates(self.project, "platform")
        self.run_ok("sign", self.image, "-k", "release.key", "-a", "channel=lts", "--format", "legacy", "--format", "bundle")
        self.run_ok("sign", self.image, "-k", "platform.pem", "--format", "notation", "--certificate-chain", "platform.chain")
        self.project.write("probe.json", json.dumps(probe_report()))
        self.run_ok("attest", self.image, "-k", "release.key", "--type", "probe", "--predicate", "probe.json")
        self.run_ok("sbom", "specs/demo.yaml", "--attest", self.image, "-k", "release.key")
        for cosign in ("cosign-2", "cosign-3"):
            words = ("--key", "release.pub", "--insecure-ignore-tlog=true", "--allow-http-registry")
            self.other(cosign, "verify", *words, "-a", "channel=lts", self.image)
            self.other(cosign, "verify", *words, "-a", "channel=nightly", self.image, expected=1)
            for kind in ("spdxjson", "cyclonedx", "slsaprovenance1", "https://imgforge.io/probe-report/v1"):
                self.other(cosign, "verify-attestation", *words, "--type", kind, self.image)
        trust_in_notation(self.project, "platform.root")
        self.other("notation", "verify", "--insecure-registry", "%s@%s" % (self.repository, self.digest))

        seen = self.verify("--key", "release.pub", "--certificate", "platform.root")
        self.assertEqual(sorted(one["format"] for one in seen["signatures"]), ["bundle", "legacy", "notation"])
        self.assertEqual([one for one in seen["rejected"]], [])
        # Again: nothing is written twice.
        again = self.run_ok("sign", self.image, "-k", "release.key", "-a", "channel=lts")
        self.assertEqual(again.count("already"), 2)
        self.assertEqual(len(self.verify("--key", "release.pub")["signatures"]), 2)

    def test_who_is_not_signed_is_told_apart(self):
        self.refused("is not signed")
        self.run_ok("sbom", "specs/demo.yaml", "--attest", self.image, "-k", "release.key")
        self.refused("is not signed")  # provenance alone is no signature
        self.ok(self.project.run("keygen", "-o", "stranger"))
        self.run_ok("sign", self.image, "-k", "stranger.key")
        self.refused("release.pub")
        self.run_ok("sign", self.image, "-k", "release.key")
        self.assertTrue(self.verify("--key", "release.pub")["accepted"])
        self.refused("lacks channel=lts", "the command line", words=("--key", "release.pub", "-a", "channel=lts"))

    def test_what_was_tampered_with_does_not_count(self):
        self.run_ok("sign", self.image, "-k", "release.key", "--format", "legacy")
        tag = "sha256-%s.sig" % self.digest[7:]
        manifest = json.loads(self.request("GET", "manifests/" + tag)[0])
        payload, _ = self.request("GET", "blobs/" + manifest["layers"][0]["digest"])
        changed = payload.replace(b"cosign container image signature", b"cosign container image signaturE")
        self.assertNotEqual(changed, payload)
        manifest["layers"][0].update(digest=self.put_blob(changed), size=len(changed))
        self.request("PUT", "manifests/" + tag, json.dumps(manifest).encode(), MANIFEST)
        self.refused("signature")

    def test_a_tampered_referrer_does_not_count(self):
        self.run_ok("sign", self.image, "-k", "release.key", "--format", "bundle")
        index = json.loads(self.request("GET", "manifests/sha256-" + self.digest[7:])[0])
        referrer = index["manifests"][0]
        manifest = json.loads(self.request("GET", "manifests/" + referrer["digest"])[0])
        bundle = json.loads(self.request("GET", "blobs/" + manifest["layers"][0]["digest"])[0])
        payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        payload["predicate"] = {"changed": True}
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
        changed = json.dumps(bundle).encode()
        manifest["layers"][0].update(digest=self.put_blob(changed), size=len(changed))
        body = json.dumps(manifest).encode()
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self.request("PUT", "manifests/" + digest, body, MANIFEST)
        index["manifests"] = [{**referrer, "digest": digest, "size": len(body)}]
        self.request("PUT", "manifests/sha256-" + self.digest[7:], json.dumps(index).encode(),
                     "application/vnd.oci.image.index.v1+json")
        self.refused("signature")

    def test_an_expired_certificate_does_not_count(self):
        certificates(self.project, "old", days=1)
        self.run_ok("sign", self.image, "-k", "old.pem", "--format", "notation", "--certificate-chain", "old.chain")
        self.assertTrue(self.verify("--certificate", "old.root")["accepted"])
        if shutil.which("faketime") is None:
            print("SKIPPED: an expired certificate: faketime is not installed")
            return
        done = second_opinion("faketime", self.project, "+5 days", IMGFORGE, "verify", self.image, "--certificate", "old.root",
                              "--json")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("expired", done.stdout + done.stderr)

    def test_passphrases_come_from_three_places_and_wrong_ones_are_told(self):
        self.fails(self.project.run("sign", self.image, "-k", "release.key", IMGFORGE_KEY_PASSPHRASE="wrong"), 4, "passphrase")
        gone = {"IMGFORGE_KEY_PASSPHRASE": None}
        self.fails(self.project.run("sign", self.image, "-k", "release.key", **gone), 4)
        self.project.write("passphrase", "a test's own passphrase\n")
        self.run_ok("sign", self.image, "-k", "release.key", "--passphrase-file", "passphrase", **gone)
        self.assertTrue(self.verify("--key", "release.pub")["accepted"])
        self.fails(self.project.run("sign", self.image), 2, "--key")
        self.fails(self.project.run("sign", self.repository + ":none", "-k", "release.key"), 3, "none")
        self.fails(self.project.run("sign", self.image, "-k", "absent.key"), 3, "absent.key")

    def test_pull_verifies_before_it_fetches(self):
        store = self.project.path("elsewhere")
        words = ("pull", self.image, "--verify", "--trust-policy", "trust.yaml", "--store", store)
        self.fails(self.project.run(*words), 5)
        self.assertEqual(os.listdir(store + "/blobs/sha256") if os.path.isdir(store + "/blobs/sha256") else [], [])
        self.run_ok("sign", self.image, "-k", "release.key")
        self.run_ok(*words)
        self.assertIn(self.digest, self.run_ok("inspect", self.image, "--store", store))
        self.fails(self.project.run("pull", self.image, "--verify", "--store", store), 2, "--trust-policy")

    def test_evidence_that_is_none_is_not_written(self):
        self.project.write("broken.json", "{}")
        self.fails(self.project.run("attest", self.image, "-k", "release.key", "--type", "probe", "--predicate", "broken.json"), 2)
        self.fails(self.project.run("attest", self.image, "-k", "release.key", "--type", "spdx", "--predicate", "broken.json"), 2)
        # SBOM documents of another build are refused.
        self.project.write("app/main.py", "print('other')\n")
        self.project.build(self.repository, "--layer-cache", "none", build="v2")
        tags = json.loads(self.request("GET", "tags/list")[0])["tags"]
        self.assertEqual(sorted(tags), ["v1", "v2"])


def cosign_with_password(program, project, *words):
    import subprocess  # pylint: disable=import-outside-toplevel
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=120, check=False, cwd=project.folder,
                          env={"PATH": "/usr/bin:/bin", "HOME": project.folder, "COSIGN_PASSWORD": "a test's own passphrase"})


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: signatures against a registry: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
