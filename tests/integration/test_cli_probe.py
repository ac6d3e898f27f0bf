#!/usr/bin/env python3
"""`imgforge probe IMAGE` from outside: what engines are asked to run, what their refusals become, and a real podman.

    test_cli_probe.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import shutil
import sys
import unittest

import cli_project
from cli_project import Expectations, Project
from cli_release import Plain, ReleaseProject, probe_report

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

IMAGE = "harbor.example/ml/app:v1"
ENGINE = """#!/bin/sh
printf '%%s\\n' "$@" >"%s"
printf '%%s\\n' '%s'
printf '%%s\\n' '%s' >&2
exit %d
"""


class ProbeTest(Expectations, unittest.TestCase):
    def setUp(self):
        self.project = Project()
        self.addCleanup(self.project.remove)

    def engine(self, name, status=0, says="", prints="all is well"):
        path = self.project.write("engines/" + name, ENGINE % (self.project.path("asked"), prints, says, status))
        path.chmod(0o755)

    def probe(self, *words):
        return self.project.run("probe", *words, PATH=self.project.path("engines") + ":/usr/bin:/bin")

    def asked(self):
        with open(self.project.path("asked"), encoding="utf-8") as file:
            return file.read().splitlines()

    def test_the_first_engine_is_asked_for_all_gpus(self):
        self.engine("podman", prints="words of the probe")
        self.engine("docker")
        result = self.ok(self.probe(IMAGE, "--", "--skip", "compute"))
        self.assertEqual(result.stdout, "words of the probe\n")
        self.assertEqual(self.asked(), ["run", "--rm", "--network", "none", "--device", "nvidia.com/gpu=all", "--entrypoint",
                                        "/opt/imgforge/bin/imgforge", IMAGE, "probe", "--skip", "compute"])
        self.ok(self.probe(IMAGE, "-e", "docker", "-g", "0,1", "--engine-option=--shm-size=8g", "--json"))
        self.assertEqual(self.asked(), ["run", "--rm", "--network", "none", "--gpus", '"device=0,1"', "--shm-size=8g", "--entrypoint",
                                        "/opt/imgforge/bin/imgforge", IMAGE, "probe", "--json"])

    def test_the_probes_exit_code_is_passed_on(self):
        for status in range(1, 8):
            self.engine("podman", status=status)
            result = self.probe(IMAGE)
            self.assertEqual((result.returncode, result.stderr.count("error:")), (status, 0))

    def test_a_refusal_is_explained(self):
        self.engine("docker", status=125, says='docker: Error response from daemon: could not select device driver "" with '
                                               'capabilities: [[gpu]].')
        result = self.fails(self.probe(IMAGE, "-e", "docker"), 4, "NVIDIA Container Toolkit", "nvidia-ctk runtime configure",
                            "could not select device driver")
        self.assertEqual(result.stderr.count("hint:"), 1)
        document = json.loads(self.probe(IMAGE, "-e", "docker", "--json").stdout.partition("\n")[2])
        self.assertEqual(document["error"]["exit_code"], 4)
        self.assertEqual(result.stderr.count("could not select"), 1)
        self.engine("docker", says="Copying blob sha256:4f1e")
        self.assertIn("Copying blob", self.ok(self.probe(IMAGE, "-e", "docker")).stderr)
        self.engine("docker", status=125, says="docker: manifest unknown.")
        self.fails(self.probe(IMAGE, "-e", "docker"), 2, "no such image")
        # 126, as for a program that cannot start: but the host's fault, not the image's.
        self.engine("podman", status=126, says="Error: runc: runc create failed: unable to start container process: error during "
                                               "container init: error setting rlimits for ready process: error setting rlimit type 7: "
                                               "operation not permitted: OCI permission denied")
        self.fails(self.probe(IMAGE, "-e", "podman"), 4, "default_ulimits", "error setting rlimit type 7")

    def test_words_that_make_no_sense(self):
        self.engine("podman")
        self.fails(self.probe(), 2, "takes an image")
        self.fails(self.probe(IMAGE, "-e", "rocket"), 2, "rocket")
        self.fails(self.probe(IMAGE, "-g", "--privileged"), 2)
        if not shutil.which("nerdctl"):
            self.fails(self.probe(IMAGE, "-e", "nerdctl"), 4, "not installed")
        self.assertFalse(os.path.exists(self.project.path("asked")))

    def test_an_image_of_the_store(self):
        self.ok(self.project.run("lock", "specs/demo.yaml"))
        self.ok(self.project.run("build", "specs/demo.yaml"))
        said = self.ok(self.probe("demo", "-e", "podman", "--dry-run")) if shutil.which("podman") else None
        if said:
            self.assertIn("oci:%s:demo:v1" % self.project.path("store"), said.stdout)
        self.engine("docker", status=1, says="Error: No such image: demo")
        self.fails(self.probe("demo", "-e", "docker"), 2, "cannot read imgforge's store", "docker load -i")
        self.assertEqual(self.asked()[:2], ["image", "inspect"])
        # What was loaded into it by that name is run.
        self.engine("docker")
        self.ok(self.probe("demo", "-e", "docker"))
        self.assertEqual((self.asked()[0], self.asked()[-2:]), ("run", ["demo", "probe"]))

    def test_the_probe_costs_an_image_less_than_a_megabyte(self):
        """As it is packed, and unpacked."""
        self.project.write("specs/small.yaml", cli_project.SPEC.replace("layers:\n", "layers:\n  - {id: probe, kind: probe}\n"))
        self.ok(self.project.run("lock", "specs/small.yaml"))
        self.ok(self.project.run("build", "specs/small.yaml", "-o", "oci:out"))
        layers = json.loads(self.ok(self.project.run("inspect", "oci:out:v1", "--json")).stdout)["layers"]
        packed = {layer["id"]: layer["size"] for layer in layers}
        print("\nthe probe's layer: %d bytes packed, %d in the image" % (packed["probe"], os.path.getsize(PROBE)))
        self.assertTrue(1000 < packed["probe"] < 500_000, packed)
        self.assertLess(os.path.getsize(PROBE), 1_000_000)
        # And the promise beside it.
        self.assertLess(packed["probe"] + packed["promise"], 1_000_000)

    def test_a_real_podman_without_gpus(self):
        if shutil.which("podman") is None:
            self.skip("podman is not installed")
        storage = [self.project.path("podman/root"), self.project.path("podman/run")]
        self.addCleanup(shutil.rmtree, self.project.path("podman"), ignore_errors=True)
        self.project.write("engines/podman", "#!/bin/sh\nexec /usr/bin/podman --root %s --runroot %s --storage-driver vfs "
                                             "--events-backend none --cgroup-manager cgroupfs \"$@\"\n" % tuple(storage)).chmod(0o755)
        self.project.write("policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')
        self.ok(self.project.run("lock", "specs/demo.yaml"))
        self.ok(self.project.run("build", "specs/demo.yaml"))
        if any(os.path.exists(where) for where in ("/dev/nvidia0", "/etc/cdi/nvidia.yaml", "/var/run/cdi/nvidia.yaml")):
            self.skip("this machine has a GPU: podman would not refuse")
        # podman itself says no: there is no such device here.
        self.fails(self.probe("demo"), 4, "nvidia-ctk cdi generate", "--gpus none")
        self.fails(self.probe("oci:/nowhere:x"), 2, "cannot be read")

    def test_what_was_run_is_what_is_attested(self):
        if shutil.which("docker-registry") is None:
            self.skip("docker-registry is not installed")
        registry = Plain()
        self.addCleanup(registry.stop)
        self.project = ReleaseProject()
        self.addCleanup(self.project.remove)
        repository = registry.host + "/ml/demo"
        digest = self.project.build(repository, "--sign", "--layer-cache", "none")["digest"]
        self.engine("podman", prints=json.dumps(probe_report()))
        result = self.ok(self.probe(repository + ":v1", "-e", "podman", "--attest"))
        self.assertIn("%s@%s" % (repository, digest), self.asked())
        self.assertIn("--json", self.asked())
        self.assertIn("ok: GPU, driver and image work together", result.stdout)
        self.assertIn("Test GPU (9.0), computed", result.stdout)
        seen = json.loads(self.ok(self.project.run("verify", repository + ":v1", "--json")).stdout)
        self.assertIn("https://imgforge.io/probe-report/v1", [one["type"] for one in seen["attestations"]])

        # Something that is no report is not signed, and neither is anything when the engine refuses.
        before = len(seen["attestations"])
        self.engine("podman", prints="hello")
        self.fails(self.probe(repository + ":v1", "-e", "podman", "--attest"), 2, "reading what the probe")
        self.engine("podman", status=125, says="Error: stat nvidia.com/gpu=all: no such file or directory", prints="")
        self.fails(self.probe(repository + ":v1", "-e", "podman", "--attest"), 4, "CDI")
        self.fails(self.probe("oci:x:y", "-e", "podman", "--attest"), 2, "not in a registry")
        seen = json.loads(self.ok(self.project.run("verify", repository + ":v1", "--json")).stdout)
        self.assertEqual(len(seen["attestations"]), before)

    def test_a_result_from_elsewhere_passes_the_gate(self):
        """--report: a job on the cluster printed it; signed here, read by the promotion gate."""
        if shutil.which("docker-registry") is None:
            self.skip("docker-registry is not installed")
        registry = Plain()
        self.addCleanup(registry.stop)
        self.project = ReleaseProject()
        self.addCleanup(self.project.remove)
        repository = registry.host + "/ml/demo"
        digest = self.project.build(repository, "--sign", "--attest", "--layer-cache", "none")["digest"]
        image = "%s@%s" % (repository, digest)
        self.ok(self.project.run("promote", image, "nightly"))
        self.fails(self.project.run("promote", image, "v2.6-gpu"), 7, "probe")
        attestations = lambda: len(json.loads(self.ok(self.project.run("verify", image, "--json")).stdout)["attestations"])
        before = attestations()

        # Without an image nothing is signed; a dry run signs nothing either.
        self.project.write("result.json", json.dumps(probe_report()))
        told = self.ok(self.project.run("probe", "--report", "result.json"))
        self.assertEqual(told.stdout, "ok: GPU, driver and image work together\n  Test GPU (9.0), computed\n")
        self.assertIn("would be attested", self.ok(self.project.run("probe", "--report", "result.json", image, "-n")).stdout)
        # Another image's result, something else, and words that do not go together.
        other = dict(probe_report(), image={"promise": "present", "name": "demo", "tag": "v9", "error": None})
        self.project.write("other.json", json.dumps(other))
        self.fails(self.project.run("probe", "--report", "other.json", image), 5, "another image", "v9")
        self.project.write("hello.json", "hello")
        self.fails(self.project.run("probe", "--report", "hello.json", image), 2, "no report of the probe")
        self.fails(self.project.run("probe", "--report", "nowhere.json", image), 3)
        for words in (["--attest"], ["--gpus", "none"], ["-e", "podman"], ["more"]):
            self.fails(self.project.run("probe", image, "--report", "result.json", *words), 2)
        self.fails(self.project.run("probe", image, "--probed-at", "2025-05-20T00:00:00Z"), 2, "--report")
        self.fails(self.project.run("probe", image, "--report", "result.json", "--probed-at", "noon"), 2, "noon")
        self.assertEqual(attestations(), before)

        # A result that is too old, and one of today: the gate reads what was signed.
        old = self.ok(self.project.run("probe", "--report", "result.json", image, "--probed-at", "2025-05-20T00:00:00Z", "--json"))
        self.assertEqual(json.loads(old.stdout)["probedAt"], "2025-05-20T00:00:00Z")
        self.fails(self.project.run("promote", image, "v2.6-gpu"), 7, "probe")
        said = self.ok(self.project.run("probe", "--report", "-", repository + ":v1", stdin=json.dumps(probe_report())))
        self.assertTrue(said.stdout.startswith(image + "\nok: "), said.stdout)
        self.assertIn("attested", said.stdout)
        self.ok(self.project.run("promote", image, "v2.6-gpu"))

    def skip(self, reason):
        print("SKIPPED: %s: %s" % (self._testMethodName, reason))
        self.skipTest(reason)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
