#!/usr/bin/env python3
"""The signing room against the real cosign 2, cosign 3 and notation, through a docker-registry on 127.0.0.1: they verify what it
signed, and it verifies what they signed.

    sign_interop.py SIGN_TOOL SOURCE_DIR
"""
import base64
import datetime
import glob
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ctypes
import subprocess
import sys
import tempfile
import time
import unittest

TOOL, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:3])
PASSPHRASE = "correct horse"
SIGN_TYPE = "https://sigstore.dev/cosign/sign/v1"
ANY = object()  # an exit status that the caller looks at
TYPES = {"manifest": "application/vnd.oci.image.manifest.v1+json", "index": "application/vnd.oci.image.index.v1+json"}
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
NOTATION = "application/vnd.cncf.notary.signature"
OFFLINE = {"cosign-2": ["--tlog-upload=false"], "cosign-3": ["--tlog-upload=false", "--use-signing-config=false"]}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    """docker-registry, and the few requests of the distribution protocol that attaching needs."""

    def __init__(self, scratch):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = "127.0.0.1:%d" % self.port
        with open(scratch + "/registry.yml", "w", encoding="utf-8") as file:
            file.write("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                       "storage: {filesystem: {rootdirectory: %s/registry}}\nhttp: {addr: '%s'}\n" % (scratch, self.host))
        self.process = subprocess.Popen(["docker-registry", "serve", scratch + "/registry.yml"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL,
                                        preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM))
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("docker-registry does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data, answer

    def put_blob(self, repository, data):
        status, _, answer = self.request("POST", "/v2/%s/blobs/uploads/" % repository)
        assert status == 202, status
        location = answer.getheader("Location").split(self.host)[-1]
        status, text, _ = self.request("PUT", location + ("&" if "?" in location else "?") + "digest=" + sha256(data), data,
                                       {"Content-Type": "application/octet-stream"})
        assert status == 201, text

    def put_manifest(self, repository, name, data, kind="manifest"):
        status, text, _ = self.request("PUT", "/v2/%s/manifests/%s" % (repository, name), data, {"Content-Type": TYPES[kind]})
        assert status == 201, text

    def manifest(self, repository, name):
        status, data, _ = self.request("GET", "/v2/%s/manifests/%s" % (repository, name), None,
                                       {"Accept": ", ".join(TYPES.values())})
        return data if status == 200 else None

    def blob(self, repository, digest):
        status, data, _ = self.request("GET", "/v2/%s/blobs/%s" % (repository, digest))
        assert status == 200, data
        return data

    def put_image(self, repository, words):
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"words": words}},
                             "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        self.put_blob(repository, config)
        manifest = json.dumps({"schemaVersion": 2, "mediaType": TYPES["manifest"], "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config), "size": len(config)},
            "layers": []}).encode()
        self.put_manifest(repository, "latest", manifest)
        return manifest

    def attach(self, repository, folder):
        """Pushes an artifact; a referrer gets into the fallback index, since this registry has no API for referrers."""
        for path in glob.glob(folder + "/blobs/*"):
            with open(path, "rb") as file:
                self.put_blob(repository, file.read())
        with open(folder + "/manifest.json", "rb") as file:
            data = file.read()
        manifest = json.loads(data)
        if os.path.exists(folder + "/tag"):
            with open(folder + "/tag", encoding="utf-8") as file:
                return self.put_manifest(repository, file.read(), data)
        self.put_manifest(repository, sha256(data), data)
        fallback = manifest["subject"]["digest"].replace(":", "-")
        there = self.manifest(repository, fallback)
        index = json.loads(there) if there else {"schemaVersion": 2, "mediaType": TYPES["index"], "manifests": []}
        index["manifests"].append({
            "mediaType": TYPES["manifest"], "digest": sha256(data), "size": len(data),
            "artifactType": manifest.get("artifactType", manifest["config"]["mediaType"]),
            "annotations": manifest["annotations"]})
        return self.put_manifest(repository, fallback, json.dumps(index).encode(), "index")

    def attached(self, repository, subject, scratch):
        """Everything attached to the image, each as a folder."""
        name = sha256(subject).replace(":", "-")
        found = [(data, tag) for tag in (name + ".sig", name + ".att") if (data := self.manifest(repository, tag))]
        index = self.manifest(repository, name)
        for descriptor in json.loads(index)["manifests"] if index else []:
            found.append((self.manifest(repository, descriptor["digest"]), None))
        folders = []
        for data, tag in found:
            folder = tempfile.mkdtemp(dir=scratch)
            os.mkdir(folder + "/blobs")
            write(folder + "/manifest.json", data)
            if tag:
                write(folder + "/tag", tag.encode())
            for layer in json.loads(data)["layers"]:
                write(folder + "/blobs/" + layer["digest"][7:], self.blob(repository, layer["digest"]))
            folders.append(folder)
        return folders


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def from_now(**difference):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**difference)).strftime("%Y-%m-%dT%H:%M:%SZ")


def interop_tools():
    found = subprocess.run([SOURCE + "/tools/get-interop-tools.sh", "--bin"], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        print(found.stderr.strip() or "SKIPPED: no interop tools", file=sys.stderr)
        return None
    return found.stdout.strip()


class SignTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="imgforge-sign-")
        cls.registry = Registry(cls.scratch)
        cls.count = 0
        cls.keys = {}

    @classmethod
    def tearDownClass(cls):
        cls.registry.stop()
        shutil.rmtree(cls.scratch, ignore_errors=True)

    # ---- running programs

    def environment(self, **more):
        return {"PATH": BIN + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.scratch, "COSIGN_PASSWORD": PASSPHRASE,
                "XDG_CONFIG_HOME": self.scratch + "/config", "XDG_CACHE_HOME": self.scratch + "/cache", **more}

    def run_program(self, *words, status=0, **more):
        done = subprocess.run(words, env=self.environment(**more), cwd=self.scratch, capture_output=True, text=True, timeout=120,
                              check=False)
        said = "%s\n%s%s" % (" ".join(words), done.stdout, done.stderr)
        if status is ANY:
            return done
        if status is None:
            self.assertNotEqual(done.returncode, 0, said)
        else:
            self.assertEqual(done.returncode, status, said)
        return done

    def tool(self, *words, status=0):
        return self.run_program(TOOL, *words, status=status)

    def fresh(self, suffix=""):
        type(self).count += 1
        return "%s/%d%s" % (self.scratch, self.count, suffix)

    def key(self, kind="p256"):
        if kind not in self.keys:
            private, public = self.fresh(".key"), self.fresh(".pub")
            self.tool("keygen", kind, PASSPHRASE, private, public)
            self.keys[kind] = private, public
        return self.keys[kind]

    def image(self):
        repository = "team/image%d" % (self.count + 1)
        subject = self.fresh(".json")
        write(subject, self.registry.put_image(repository, subject))
        with open(subject, "rb") as file:
            digest = sha256(file.read())
        return repository, subject, "%s/%s@%s" % (self.registry.host, repository, digest)

    def attach(self, repository, command, *words):
        out = self.fresh()
        self.tool(command, *words[:3], out, *words[3:])
        self.registry.attach(repository, out)
        return out

    def attached(self, repository, subject):
        with open(subject, "rb") as file:
            return self.registry.attached(repository, file.read(), self.scratch)

    def verify(self, repository, subject, *trust, status=0, now=None):
        done = self.tool("verify", subject, now or from_now(), *trust, *self.attached(repository, subject), status=status)
        return json.loads(done.stdout)

    def cosign_verify(self, program, public, name, *more, status=0):
        return self.run_program(program, "verify", "--key", public, "--insecure-ignore-tlog=true", *more, name, status=status)

    # ---- they verify ours

    def test_cosign_reads_our_key_files(self):
        for kind in ("p256", "p384", "p521", "rsa", "ed25519"):
            private, public = self.key(kind)
            for program in OFFLINE:
                with self.subTest(kind=kind, program=program):
                    said = self.run_program(program, "public-key", "--key", private).stdout
                    with open(public, encoding="utf-8") as file:
                        self.assertEqual(said.strip(), file.read().strip())

    def test_cosign_verifies_our_legacy_signature(self):
        for kind in ("p256", "p384", "p521", "rsa", "ed25519"):
            private, public = self.key(kind)
            repository, subject, name = self.image()
            self.attach(repository, "sign-legacy", private, PASSPHRASE, subject, self.registry.host + "/" + repository,
                        "channel=lts")
            for program in OFFLINE:
                with self.subTest(kind=kind, program=program):
                    self.cosign_verify(program, public, name, "-a", "channel=lts")
                    self.cosign_verify(program, public, name, "-a", "channel=nightly", status=None)

    def test_cosign_verifies_our_bundle(self):
        for kind in ("p256", "p384", "p521", "rsa", "ed25519"):
            private, public = self.key(kind)
            repository, subject, name = self.image()
            self.attach(repository, "sign-bundle", private, PASSPHRASE, subject, "", "channel=lts")
            with self.subTest(kind=kind):
                self.cosign_verify("cosign-3", public, name, "-a", "channel=lts")
                self.cosign_verify("cosign-3", public, name, "-a", "channel=nightly", status=None)

    def test_both_forms_beside_each_other(self):
        (private, public), (_, other) = self.key(), self.key("p384")
        repository, subject, name = self.image()
        self.attach(repository, "sign-legacy", private, PASSPHRASE, subject, self.registry.host + "/" + repository)
        self.attach(repository, "sign-bundle", private, PASSPHRASE, subject, "")
        for program in OFFLINE:
            self.cosign_verify(program, public, name)
            self.cosign_verify(program, other, name, status=None)
        found = self.verify(repository, subject, "key:release=" + public)
        self.assertEqual(sorted(s["format"] for s in found["signatures"]), ["bundle", "legacy"])

    def test_a_second_legacy_signature_keeps_the_first(self):
        repository, subject, name = self.image()
        out = self.fresh()
        for kind in ("p256", "rsa", "p256"):
            self.tool("sign-legacy", self.key(kind)[0], PASSPHRASE, subject, out, self.registry.host + "/" + repository)
        self.registry.attach(repository, out)
        with open(out + "/manifest.json", encoding="utf-8") as file:
            self.assertEqual(len(json.load(file)["layers"]), 2)  # signing again adds nothing
        for kind in ("p256", "rsa"):
            for program in OFFLINE:
                self.cosign_verify(program, self.key(kind)[1], name)

    def test_cosign_verifies_our_attestations(self):
        private, public = self.key()
        predicate = write(self.fresh(".json"), json.dumps({
            "buildDefinition": {"buildType": "https://imgforge.example/build/v1", "externalParameters": {"spec": "demo"}},
            "runDetails": {"builder": {"id": "https://imgforge.example/builder"}}}).encode())
        for form in ("legacy", "bundle"):
            repository, subject, name = self.image()
            self.attach(repository, "attest-" + form, private, PASSPHRASE, subject, self.registry.host + "/" + repository,
                        "slsaprovenance1", predicate)
            for program in OFFLINE if form == "legacy" else ["cosign-3"]:
                with self.subTest(form=form, program=program):
                    self.run_program(program, "verify-attestation", "--key", public, "--insecure-ignore-tlog=true", "--type",
                                     "slsaprovenance1", name)
                    self.run_program(program, "verify-attestation", "--key", public, "--insecure-ignore-tlog=true", "--type",
                                     "spdxjson", name, status=None)
            # cosign 3 takes a bundle with provenance for a signature; we do not.
            found = self.verify(repository, subject, "key:release=" + public, status=5)
            self.assertEqual(found["signatures"], [])
            self.assertEqual(found["attestations"][0]["predicate"]["buildDefinition"]["externalParameters"], {"spec": "demo"})

    def test_others_list_what_is_attached(self):
        private, _ = self.key()
        key, chain, _ = self.certificates(["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        repository, subject, name = self.image()
        self.attach(repository, "sign-bundle", private, PASSPHRASE, subject, "")
        self.attach(repository, "notation", key, "", subject, chain, from_now(), "-")
        said = json.loads(self.run_program("oras", "discover", "--plain-http", "--format", "json", name).stdout)
        found = said.get("referrers") or said.get("manifests")
        self.assertEqual(sorted(referrer["artifactType"] for referrer in found), [NOTATION, BUNDLE])
        self.assertIn("application/vnd.cncf.notary.signature", self.run_program("notation", "ls", "--insecure-registry", name).stdout)

    # ---- we verify theirs

    def test_we_read_their_key_files(self):
        for program in OFFLINE:
            prefix = self.fresh()
            self.run_program(program, "generate-key-pair", "--output-key-prefix", prefix)
            public = self.fresh(".pub")
            self.tool("public", prefix + ".key", PASSPHRASE, public)
            with open(public, "rb") as ours, open(prefix + ".pub", "rb") as theirs:
                self.assertEqual(ours.read(), theirs.read())
            said = self.tool("public", prefix + ".key", "wrong", public, status=1).stderr
            self.assertIn("unauthorized: the passphrase does not open", said)

    def test_we_read_imported_keys(self):
        for kind in ("p384", "p521", "rsa", "ed25519"):
            pem = self.fresh(".pem")
            how = {"p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "p521": ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
                   "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                   "ed25519": ["ED25519"]}[kind]
            self.run_program("openssl", "genpkey", "-algorithm", *how, "-out", pem)
            prefix, public = self.fresh(), self.fresh(".pub")
            self.run_program("cosign-3", "import-key-pair", "--key", pem, "--output-key-prefix", prefix)
            self.tool("public", prefix + ".key", PASSPHRASE, public)
            for program in OFFLINE:
                with self.subTest(kind=kind, program=program):
                    repository, subject, name = self.image()
                    self.run_program(program, "sign", "-y", "--key", prefix + ".key", *OFFLINE[program], name)
                    self.verify(repository, subject, "key:release=" + public)

    def test_we_verify_their_signatures(self):
        private, public = self.key()
        for program, more, form in (("cosign-2", [], "legacy"), ("cosign-3", ["--new-bundle-format=false"], "legacy"),
                                    ("cosign-3", [], "bundle")):
            with self.subTest(program=program, form=form):
                repository, subject, name = self.image()
                self.run_program(program, "sign", "-y", "--key", private, *OFFLINE[program], *more, "-a", "channel=lts", name)
                found = self.verify(repository, subject, "key:release=" + public)
                self.assertEqual([(s["format"], s["signer"]["name"]) for s in found["signatures"]], [(form, "release")])
                self.assertEqual(found["signatures"][0]["annotations"].get("channel"), "lts")
                other = self.verify(repository, subject, "key:other=" + self.key("rsa")[1], status=5)
                self.assertIn("signed by none of the trusted keys", other["rejected"][0])

    def test_we_add_to_their_legacy_signature(self):
        private, public = self.key()
        repository, subject, name = self.image()
        self.run_program("cosign-2", "sign", "-y", "--key", private, *OFFLINE["cosign-2"], name)
        folder = self.attached(repository, subject)[0]
        self.tool("sign-legacy", self.key("p384")[0], PASSPHRASE, subject, folder, self.registry.host + "/" + repository)
        self.registry.attach(repository, folder)
        for key in (public, self.key("p384")[1]):
            for program in OFFLINE:
                self.cosign_verify(program, key, name)

    def test_we_verify_their_attestations(self):
        private, public = self.key()
        predicate = write(self.fresh(".json"), b'{"answer": 42}')
        for program, more, form in (("cosign-2", [], "legacy"), ("cosign-3", ["--new-bundle-format=false"], "legacy"),
                                    ("cosign-3", [], "bundle")):
            with self.subTest(program=program, form=form):
                repository, subject, name = self.image()
                self.run_program(program, "attest", "-y", "--key", private, *OFFLINE[program], *more, "--type",
                                 "https://imgforge.example/answer", "--predicate", predicate, name)
                found = self.verify(repository, subject, "key:release=" + public, status=5)
                self.assertEqual([(a["format"], a["type"]) for a in found["attestations"]],
                                 [(form, "https://imgforge.example/answer")])
                self.assertEqual(found["attestations"][0]["predicate"], {"answer": 42})

    # ---- a key that does not leave its token

    def test_pkcs11(self):
        modules = glob.glob("/usr/lib/*/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/softhsm/libsofthsm2.so")
        if not modules or not os.path.exists(BIN + "/pkcs11.so"):
            print("SKIPPED: sign_interop: PKCS#11: softhsm2 or OpenSSL's PKCS#11 provider is missing", file=sys.stderr)
            return
        os.mkdir(self.scratch + "/tokens")
        token = {"SOFTHSM2_CONF": self.scratch + "/softhsm.conf"}
        write(token["SOFTHSM2_CONF"], ("directories.tokendir = %s/tokens\n" % self.scratch).encode())
        # Without no-deinit SoftHSM crashes at the end of any program, openssl too: it uses OpenSSL after OpenSSL has cleaned up.
        configuration = write(self.fresh(".cnf"), (
            "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = on\npkcs11 = pkcs11\n[on]\nactivate = 1\n"
            "[pkcs11]\nmodule = %s/pkcs11.so\npkcs11-module-path = %s\npkcs11-module-quirks = no-deinit\nactivate = 1\n"
            % (BIN, modules[0])).encode())
        pem, public = self.fresh(".pem"), self.fresh(".pub")
        self.run_program("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", pem)
        self.run_program("openssl", "pkey", "-in", pem, "-pubout", "-out", public)
        self.run_program("softhsm2-util", "--init-token", "--free", "--label", "test", "--pin", "1234", "--so-pin", "5678", **token)
        self.run_program("softhsm2-util", "--import", pem, "--token", "test", "--label", "release", "--id", "01", "--pin", "1234",
                         **token)
        token["OPENSSL_CONF"] = configuration
        uri = "pkcs11:token=test;object=release;type=private"
        repository, subject, name = self.image()
        out = self.fresh()
        signing = self.run_program(TOOL, "sign-bundle", uri, "1234", subject, out, "", status=ANY, **token)
        if "incompatible with sanitizer runtime" in signing.stderr:
            print("SKIPPED: sign_interop: PKCS#11: a sanitizer does not let OpenSSL's provider load its module", file=sys.stderr)
            return
        self.assertEqual(signing.returncode, 0, signing.stderr)
        self.registry.attach(repository, out)
        self.cosign_verify("cosign-3", public, name)
        said = self.run_program(TOOL, "sign-bundle", uri, "9999", subject, out, "", status=1, **token).stderr
        self.assertIn("unauthorized: the passphrase or PIN does not open", said)
        said = self.run_program(TOOL, "import", uri, "1234", "x", self.fresh(), status=1, **token).stderr
        self.assertIn("unsupported: the private key cannot be taken out of its store", said)
        self.run_program(TOOL, "public", uri, "1234", self.fresh(), status=1)  # without the provider

    # ---- notation, both ways

    def certificates(self, algorithm):
        """A root and a leaf for signing code; returns the leaf's key, the chain and the root."""
        root, leaf = self.fresh(), self.fresh()
        write(root + ".cnf", b"[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                             b"[leaf]\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                             b"extendedKeyUsage=codeSigning\n")
        openssl = ["openssl"]
        for name in (root, leaf):
            self.run_program(*openssl, "genpkey", "-algorithm", *algorithm, "-out", name + ".pem")
        self.run_program(*openssl, "req", "-x509", "-new", "-key", root + ".pem", "-days", "3", "-subj",
                         "/C=US/ST=WA/O=imgforge/CN=root", "-config", "/etc/ssl/openssl.cnf", "-addext",
                         "keyUsage=critical,keyCertSign,cRLSign", "-out", root + ".crt")
        self.run_program(*openssl, "req", "-new", "-key", leaf + ".pem", "-subj", "/C=US/ST=WA/O=imgforge/CN=signer", "-out",
                         leaf + ".csr")
        self.run_program(*openssl, "x509", "-req", "-in", leaf + ".csr", "-CA", root + ".crt", "-CAkey", root + ".pem", "-days",
                         "2", "-extfile", root + ".cnf", "-extensions", "leaf", "-out", leaf + ".crt")
        with open(leaf + ".crt", "rb") as first, open(root + ".crt", "rb") as last:
            chain = write(self.fresh(".chain"), first.read() + last.read())
        return leaf + ".pem", chain, root + ".crt"

    def trust_in_notation(self, certificate):
        shutil.rmtree(self.scratch + "/config/notation", ignore_errors=True)
        store = self.scratch + "/config/notation/truststore/x509/ca/test"
        os.makedirs(store)
        shutil.copy(certificate, store + "/root.crt")
        policy = self.scratch + "/config/notation/trustpolicy.json"
        write(policy, json.dumps({"version": "1.0", "trustPolicies": [{
            "name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"}, "trustStores": ["ca:test"],
            "trustedIdentities": ["x509.subject: C=US, ST=WA, O=imgforge"]}]}).encode())
        os.chmod(policy, 0o600)

    def test_notation_verifies_ours(self):
        for algorithm in (["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
                          ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"], ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                          ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"]):
            with self.subTest(algorithm=algorithm[-1]):
                key, chain, root = self.certificates(algorithm)
                repository, subject, name = self.image()
                self.attach(repository, "notation", key, "", subject, chain, from_now(), from_now(days=1), "channel=lts")
                self.trust_in_notation(root)
                said = self.run_program("notation", "verify", "--insecure-registry", "--user-metadata", "channel=lts", name)
                self.assertIn("Successfully verified", said.stdout)
                self.run_program("notation", "verify", "--insecure-registry", "--user-metadata", "channel=x", name, status=None)
                found = self.verify(repository, subject, "ca:platform=" + root)
                self.assertEqual(found["signatures"][0]["signer"]["subject"], "CN=signer,O=imgforge,ST=WA,C=US")
        self.trust_in_notation(self.certificates(["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])[2])
        self.run_program("notation", "verify", "--insecure-registry", name, status=None)

    def test_we_verify_notation(self):
        shutil.rmtree(self.scratch + "/config/notation", ignore_errors=True)
        self.run_program("notation", "cert", "generate-test", "--default", "imgforge.test")
        root = self.scratch + "/config/notation/localkeys/imgforge.test.crt"
        repository, subject, name = self.image()
        self.run_program("notation", "sign", "--insecure-registry", "--user-metadata", "channel=lts", "--expiry", "12h", name)
        found = self.verify(repository, subject, "ca:test=" + root)
        self.assertEqual(found["signatures"][0]["annotations"], {"channel": "lts"})
        self.assertIn("CN=imgforge.test", found["signatures"][0]["signer"]["subject"])
        later = from_now(hours=13)
        expired = self.verify(repository, subject, "ca:test=" + root, now=later, status=5)
        self.assertIn("expired on", expired["rejected"][0])
        stranger = self.verify(repository, subject, "ca:other=" + self.certificates(["EC", "-pkeyopt",
                                                                                    "ec_paramgen_curve:P-256"])[2], status=5)
        self.assertIn("no trusted authority vouches for", stranger["rejected"][0])

    def test_notation_signs_in_cose(self):
        shutil.rmtree(self.scratch + "/config/notation", ignore_errors=True)
        self.run_program("notation", "cert", "generate-test", "--default", "imgforge.test")
        repository, subject, name = self.image()
        self.run_program("notation", "sign", "--insecure-registry", "--signature-format", "cose", name)
        found = self.verify(repository, subject, "ca:test=" + self.scratch + "/config/notation/localkeys/imgforge.test.crt",
                            status=5)
        self.assertIn("is in COSE", found["rejected"][0])

    # ---- a policy over all of it

    def test_policy(self):
        private, public = self.key()
        key, chain, root = self.certificates(["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        policy = write(self.fresh(".yaml"), ("""\
trust: 1
keys: {release: %s}
authorities: {platform: {certificates: %s, subjects: ["O=imgforge, CN=signer"]}}
repositories:
  - match: ["%s/team/*"]
    signatures:
      - {by: [release], formats: [bundle], annotations: {channel: lts}}
      - {by: [platform]}
""" % (public, root, self.registry.host)).encode())
        repository, subject, name = self.image()
        place = self.registry.host + "/" + repository
        self.run_program("cosign-3", "sign", "-y", "--key", private, *OFFLINE["cosign-3"], "-a", "channel=lts", name)
        said = self.tool("policy", policy, place, subject, from_now(), *self.attached(repository, subject), status=5).stderr
        self.assertIn("wanted a signature by platform, found release (bundle) is not asked for", said)
        self.attach(repository, "notation", key, "", subject, chain, from_now(), "-")
        self.tool("policy", policy, place, subject, from_now(), *self.attached(repository, subject))


def main():
    global BIN
    for program in ("docker-registry", "openssl"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            print("SKIPPED: sign_interop: %s is not installed" % program, file=sys.stderr)
            return
    BIN = interop_tools()
    if BIN is None:
        return
    print(subprocess.run([SOURCE + "/tools/get-interop-tools.sh"], capture_output=True, text=True, check=True).stdout,
          file=sys.stderr)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])


BIN = ""
if __name__ == "__main__":
    main()
