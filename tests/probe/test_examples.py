"""The health-check examples: Kubernetes manifests by schema and by what they promise, Slurm scripts run with stand-ins.

    test_examples.py SOURCE_DIR PROBE
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROBE = os.path.abspath(sys.argv.pop(2))
SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
MANIFEST = SOURCE / "examples/kubernetes/probe-init-container.yaml"
PROLOG = SOURCE / "examples/slurm/prolog-gpu.sh"
BATCH = SOURCE / "examples/slurm/train.sbatch"

# Of the Kubernetes API, what the manifest uses; anything else in it is a typing error or has to be added here.
JOB = {"apiVersion", "kind", "metadata", "spec"}
JOB_SPEC = {"backoffLimit", "podFailurePolicy", "template", "ttlSecondsAfterFinished"}
POD_SPEC = {"restartPolicy", "initContainers", "containers", "volumes"}
CONTAINER = {"name", "image", "command", "resources", "volumeMounts", "livenessProbe"}
LIVENESS = {"exec", "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"}


class Kubernetes(unittest.TestCase):
    def setUp(self):
        try:
            import yaml
        except ImportError:
            print("SKIPPED: no PyYAML here: the Kubernetes example is not checked")
            self.skipTest("no PyYAML")
        self.jobs = list(yaml.safe_load_all(MANIFEST.read_text()))

    def containers(self):
        for job in self.jobs:
            pod = job["spec"]["template"]["spec"]
            yield from ((job, pod, one) for one in pod.get("initContainers", []) + pod["containers"])

    def test_published_schema(self):
        try:
            import kubernetes_validate
        except ImportError:
            print("SKIPPED: no kubernetes-validate here: test_structure's own list of keys has to do")
            self.skipTest("no kubernetes-validate")
        for job in self.jobs:
            kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
            with self.assertRaises(Exception):  # the schema does refuse what is wrong
                kubernetes_validate.validate({**job, "spec": {**job["spec"], "backOffLimit": 1}},
                                             kubernetes_validate.latest_version(), strict=True)

    def test_structure(self):
        self.assertEqual([job["metadata"]["name"] for job in self.jobs], ["train", "probe"])
        for job in self.jobs:
            self.assertEqual((job["apiVersion"], job["kind"]), ("batch/v1", "Job"))
            self.assertLessEqual(set(job), JOB)
            self.assertLessEqual(set(job["spec"]), JOB_SPEC)
            pod = job["spec"]["template"]["spec"]
            self.assertLessEqual(set(pod), POD_SPEC)
            self.assertEqual(pod["restartPolicy"], "Never")  # podFailurePolicy asks for it
            self.assertEqual(pod["volumes"][0]["emptyDir"]["medium"], "Memory")
        for _, pod, container in self.containers():
            self.assertLessEqual(set(container), CONTAINER)
            self.assertEqual(container["resources"]["limits"], {"nvidia.com/gpu": 1})
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            self.assertEqual(mounted, {volume["name"] for volume in pod["volumes"]})
            self.assertRegex(container["image"], r"@sha256:[0-9a-f]{64}$")
            self.assertLessEqual(set(container.get("livenessProbe", {})), LIVENESS)

    def test_the_probe_takes_these_words(self):
        commands = [container["command"] for _, _, container in self.containers()]
        commands += [container["livenessProbe"]["exec"]["command"]
                     for _, _, container in self.containers() if "livenessProbe" in container]
        probes = [command for command in commands if command[0] == "imgforge"]
        self.assertEqual(len(probes), 3)
        for command in probes:
            done = subprocess.run([PROBE, *command[1:], "--help"], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        self.assertNotEqual(subprocess.run([PROBE, "probe", "--onyl", "nvml", "--help"], capture_output=True,
                                           check=False).returncode, 0)

    def test_the_liveness_probe_ends_before_it_is_killed(self):
        liveness = self.jobs[0]["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
        command = liveness["exec"]["command"]
        each = int(command[command.index("--timeout") + 1])
        self.assertGreater(liveness["timeoutSeconds"], 2 * each)  # survey and nvml

    def test_every_exit_code_has_a_rule(self):
        rules = self.jobs[0]["spec"]["podFailurePolicy"]["rules"]
        names = {one["name"] for one in self.jobs[0]["spec"]["template"]["spec"]["initContainers"]}
        values = [value for rule in rules for value in rule["onExitCodes"]["values"]]
        self.assertEqual(sorted(values), [1, 2, 3, 4, 5, 6, 7])
        for rule in rules:
            self.assertIn(rule["onExitCodes"]["containerName"], names)
            self.assertIn(rule["action"], ("FailJob", "Count"))
            self.assertEqual(rule["onExitCodes"]["operator"], "In")


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="probe-examples-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "bin").mkdir()

    def program(self, name, text):
        path = self.folder / "bin" / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return str(path)

    def run_script(self, *words, **environment):
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=self.folder,
                              env={"PATH": f"{self.folder}/bin:/usr/bin:/bin", **environment})

    def read(self, name):
        path = self.folder / name
        return path.read_text() if path.exists() else ""


class Prolog(Scripts):
    def prolog(self, probe, **environment):
        log = self.program("tell", f'printf "%s\\n" "$*" >>{self.folder}/log\n')
        return self.run_script("sh", str(PROLOG), IMGFORGE_PROBE=probe, PROLOG_LOG=log, **environment).returncode

    def test_each_verdict(self):
        for code, drained in ((0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 0), (6, 1), (7, 1)):
            probe = self.program("probe", f'echo "$*" >{self.folder}/asked; echo "FAILED  for a reason"; exit {code}\n')
            self.assertEqual(self.prolog(probe, SLURM_JOB_GPUS="0,1"), drained, code)
        self.assertEqual(self.read("asked"), "probe --only survey,nvml --timeout 20\n")
        self.assertEqual(self.read("log").count("the node is drained: for a reason"), 4)
        self.assertEqual(self.read("log").count("not the node's fault"), 3)

    def test_no_gpu_was_asked_for(self):
        self.assertEqual(self.prolog(self.program("probe", "exit 6\n")), 0)

    def test_no_probe(self):
        self.assertEqual(self.prolog("/nowhere/probe", SLURM_JOB_GPUS="0"), 0)
        self.assertIn("not checked", self.read("log"))

    def test_the_real_probe(self):
        if os.path.exists("/dev/nvidia0"):
            self.skipTest("this machine has a GPU")
        self.assertEqual(self.prolog(PROBE, SLURM_JOB_GPUS="0"), 1)
        self.assertIn("exit 3, the node is drained: there is no /dev/nvidia0", self.read("log"))


class Batch(Scripts):
    IMAGE = "harbor.example/ml/app@sha256:" + "0" * 64

    def batch(self, code, runtime="pyxis", **environment):
        self.program("srun", f'echo "$*" >>{self.folder}/srun\ncase "$*" in *"imgforge probe"*) exit {code};; esac\n')
        self.program("scontrol", f'echo "$*" >>{self.folder}/scontrol\n')
        return self.run_script("bash", str(BATCH), "python", "-m", "app", IMAGE=self.IMAGE, RUNTIME=runtime,
                               SLURM_JOB_ID="7", **environment)

    def test_probe_then_training(self):
        for runtime, words in (("pyxis", "--container-image=harbor.example#ml/app@sha256:"),
                               ("podman", "podman run --rm --device nvidia.com/gpu=all --ipc=host --entrypoint"),
                               ("apptainer", "apptainer exec --nv docker://harbor.example/ml/app@sha256:")):
            (self.folder / "srun").unlink(missing_ok=True)
            done = self.batch(0, runtime)
            self.assertEqual(done.returncode, 0, done.stderr)
            probe, training = self.read("srun").splitlines()
            self.assertIn(words, probe)
            self.assertTrue(probe.endswith("imgforge probe --deep --json"), probe)
            self.assertIn("probe-7-%N.json", probe)
            self.assertTrue(training.endswith("python -m app"), training)

    def test_a_nodes_fault_is_tried_elsewhere_once(self):
        for code in (3, 4, 6, 7):
            (self.folder / "scontrol").unlink(missing_ok=True)
            self.assertEqual(self.batch(code).returncode, code)
            self.assertEqual(self.read("scontrol"), "requeue 7\n")
            (self.folder / "scontrol").unlink()
            self.assertEqual(self.batch(code, SLURM_RESTART_COUNT="1").returncode, code)
            self.assertEqual(self.read("scontrol"), "")
        self.assertNotIn("python -m app", self.read("srun"))

    def test_the_images_fault_is_not(self):
        for code in (1, 2, 5):
            self.assertEqual(self.batch(code).returncode, code)
        self.assertEqual((self.read("scontrol"), "python" in self.read("srun")), ("", False))

    def test_usage(self):
        self.assertEqual(self.batch(0, "rocket").returncode, 2)
        self.assertNotEqual(self.run_script("bash", str(BATCH), "true").returncode, 0)


if __name__ == "__main__":
    unittest.main()
