"""What tests of channels share: keys, a trust policy, a channel policy, images with evidence, and two kinds of registries."""
import json
import os
import subprocess

import cli_project
from cli_harbor import StandIn
from cli_project import SPEC, Project

PASSPHRASE = {"IMGFORGE_KEY_PASSPHRASE": "a test's own passphrase", "IMGFORGE_ACTOR": "anna"}

CHANNELS = """\
imgforge: 1
trust: release-keys
channels:
  nightly: {kind: nightly, gates: {signed: true}}
  "v*-gpu":
    kind: gpu
    from: nightly
    gates: {signed: true, sbom: true, probe: {max_age: 7d, gpus: ["9.0"]}}
  "v*-lts":
    kind: lts
    from: "v*-gpu"
    gates: {signed: true, sbom: {formats: [spdx, cyclonedx]}, provenance: true}
branches: {dev: nightly, "feat/*": v2.7-gpu}
"""

TRUST = """\
trust: 1
keys: {release: release.pub}
repositories:
  - match: ["**"]
    signatures:
      - by: [release]
"""


def probe_report(**verdict):
    """What the probe prints for one GPU, which is the test's own."""
    return {"probe": 1, "program": "imgforge-probe 0.1.0",
            "verdict": {"status": "ok", "exit_code": 0, "finding": None, "cause": "ok", "owner": "nobody",
                        "sentence": "GPU, driver and image work together", "advice": None, **verdict},
            "findings": [], "image": {"promise": "present", "name": "demo", "tag": "v1", "error": None},
            "nvml": {"loaded": True, "driver": "550.54.15", "cuda": "12.4"},
            "driver": {"loaded": True, "cuda": "12.4", "gpu_count": 1},
            "gpus": [{"index": 0, "name": "Test GPU", "uuid": "GPU-1", "pci": "0000:01:00.0", "compute_capability": "9.0",
                      "multiprocessors": 1, "memory_bytes": 85029158912,
                      "compute": {"load": "passed", "memory": "passed", "matmul": "passed", "transfer": "passed",
                                  "failed_call": None}}]}


class ReleaseProject(Project):
    """A project with a key, policies, and a configuration that names them."""

    def __init__(self, spec=SPEC):
        super().__init__(spec)
        self.write("channels.yaml", CHANNELS)
        self.write("trust.yaml", TRUST)
        self.write(".config/imgforge/config.yaml",
                   "channel_policy: %s\ntrust_policy: %s\nsigning_key: %s\n"
                   % tuple(self.path(name) for name in ("channels.yaml", "trust.yaml", "release.key")))
        made = self.run("keygen", "-o", "release")
        assert made.returncode == 0, made.stderr

    def run(self, *words, **more):
        """With the key's passphrase in the environment; a variable that is None is not set."""
        return super().run(*words, **{name: value for name, value in {**PASSPHRASE, **more}.items() if value is not None})

    def build(self, to, *words, build="v1", main=None):
        """Builds and pushes with evidence; what --json says."""
        if main is not None:
            self.write("app/main.py", main)
        if not os.path.exists(self.path("specs/demo.lock.json")):
            assert self.run("lock", "specs/demo.yaml").returncode == 0
        made = self.run("build", "specs/demo.yaml", "--to", to, "--build-id", build, "--json", *words)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)

    def attest_probe(self, image, **verdict):
        self.write("probe.json", json.dumps(probe_report(**verdict)))
        made = self.run("attest", image, "--type", "probe", "--predicate", "probe.json")
        assert made.returncode == 0, made.stderr


class Harbor(StandIn):
    """The stand-in as a registry of tests: with a project, and somebody logged in."""

    def make_project(self, name):
        status, _ = self.api("POST", "/projects", {"project_name": name, "metadata": {"public": "false"}})
        assert status == 201, status


class Plain(cli_project.Registry):
    def make_project(self, name):
        pass


def login(project, registry):
    if isinstance(registry, Harbor):
        made = project.run("login", registry.host, "-u", registry.user, "--password-stdin", stdin=registry.password + "\n")
        assert made.returncode == 0, made.stderr


def second_opinion(program, project, *words):
    """A real client with the project's home."""
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=120, check=False, cwd=project.folder,
                          env={"PATH": "/usr/bin:/bin", "HOME": project.folder})


def interop_tools(source):
    """The folder with cosign-2, cosign-3, notation, …; None where they cannot be had."""
    got = subprocess.run([os.path.join(source, "tools/get-interop-tools.sh"), "--bin"], capture_output=True, text=True, check=False)
    return got.stdout.strip().splitlines()[-1] if got.returncode == 0 else None


def certificates(project, name, days=2):
    """A root and a leaf for signing code, made by openssl in the project: NAME.pem, NAME.chain, NAME.root."""
    project.write("ca.cnf", "[leaf]\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                            "extendedKeyUsage=codeSigning\n")

    def openssl(*words):
        done = subprocess.run(["openssl", *words], cwd=project.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    openssl("genpkey", *curve, "-out", name + ".ca")
    openssl("genpkey", *curve, "-out", name + ".pem")
    openssl("req", "-x509", "-new", "-key", name + ".ca", "-days", "3", "-subj", "/C=US/ST=WA/O=imgforge/CN=root", "-config",
            "/etc/ssl/openssl.cnf", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", name + ".root")
    openssl("req", "-new", "-key", name + ".pem", "-subj", "/C=US/ST=WA/O=imgforge/CN=signer", "-out", name + ".csr")
    openssl("x509", "-req", "-in", name + ".csr", "-CA", name + ".root", "-CAkey", name + ".ca", "-days", str(days), "-extfile",
            "ca.cnf", "-extensions", "leaf", "-out", name + ".crt")
    with open(project.path(name + ".crt"), encoding="ascii") as leaf, open(project.path(name + ".root"), encoding="ascii") as root:
        project.write(name + ".chain", leaf.read() + root.read())


def trust_in_notation(project, root):
    """notation's own configuration of the project's home: this root, for every registry."""
    with open(project.path(root), encoding="ascii") as file:
        project.write(".config/notation/truststore/x509/ca/test/root.crt", file.read())
    policy = project.write(".config/notation/trustpolicy.json", json.dumps({"version": "1.0", "trustPolicies": [{
        "name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"}, "trustStores": ["ca:test"],
        "trustedIdentities": ["x509.subject: C=US, ST=WA, O=imgforge"]}]}))
    policy.chmod(0o600)
