"""Starts the probe against fake libraries in a made-up container and reads what it says.

The fakes are small C libraries beside this file, built by CMake; each run gets a folder with the ones
it wants under the names of the real ones, a root with /dev and /proc entries, and an environment that
holds nothing else.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None
    print("SKIPPED: no Python package jsonschema: reports are not compared with docs/schema/probe-output.v1.schema.json")

PROBE = os.environ["PROBE"]
FAKES = pathlib.Path(os.environ["PROBE_FAKES"])
HERE = pathlib.Path(__file__).resolve().parent

SCHEMA = json.loads((HERE.parents[1] / "docs/schema/probe-output.v1.schema.json").read_text())

OK, FAILED, USAGE, NO_GPU, HOST, IMAGE, HARDWARE, TIMEOUT = range(8)

NVRM = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Tue Mar  5 22:23:56 UTC 2024\n"


class Container:
    """A folder that stands for a container: libraries, /dev, /proc, a promise, site-packages."""

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="probe-test-"))
        self.libraries = self.top / "lib"
        self.root = self.top / "root"
        self.site = self.top / "venv/lib/python3.11/site-packages"
        for folder in (self.libraries, self.root / "dev", self.root / "etc", self.site):
            folder.mkdir(parents=True)
        (self.root / "etc/os-release").write_text('NAME="Debian"\nID=debian\nVERSION_ID="12"\n')
        self.promise = self.top / "promise.json"

    def close(self):
        shutil.rmtree(self.top)

    def driver(self, version="550.54.15", cuda="libfake_cuda.so", nvml=True, nodes=1, kernel=None,
               folder=None):
        """The driver's libraries of `version`, the kernel's driver, and nodes of GPUs."""
        folder = folder or self.libraries
        folder.mkdir(parents=True, exist_ok=True)
        if cuda:
            shutil.copy(FAKES / cuda, folder / f"libcuda.so.{version}")
            (self.libraries / "libcuda.so.1").symlink_to(folder / f"libcuda.so.{version}")
        if nvml:
            shutil.copy(FAKES / "libfake_nvml.so", self.libraries / f"libnvidia-ml.so.{version}")
            (self.libraries / "libnvidia-ml.so.1").symlink_to(f"libnvidia-ml.so.{version}")
        self.kernel(kernel or version)
        self.nodes(nodes)
        return self

    def kernel(self, version):
        folder = self.root / "proc/driver/nvidia"
        (folder / "gpus/0000:01:00.0").mkdir(parents=True)
        (folder / "version").write_text(NVRM.format(version) + "GCC version: 12.2.0\n")

    def nodes(self, count):
        for name in ["nvidiactl", "nvidia-uvm"] + [f"nvidia{i}" for i in range(count)]:
            (self.root / "dev" / name).write_text("")

    def software(self, torch="2.6.0+cu124", cuda="'12.4'"):
        """site-packages as the wheels leave it, and libraries that tell their version."""
        (self.site / "torch").mkdir()
        (self.site / "torch/version.py").write_text(
            "from typing import Optional\n\n__all__ = ['__version__', 'cuda']\n"
            f"__version__ = '{torch}'\ndebug = False\ncuda: Optional[str] = {cuda}\n"
            "git_version = 'abc'\nhip: Optional[str] = None\n")
        for name in ("nvidia_cudnn_cu12-9.1.0.70", "nvidia_nccl_cu12-2.21.5",
                     "nvidia_cuda_runtime_cu12-12.4.127", "numpy-2.1.0", "nvidia_cudnn_frontend-1.0"):
            (self.site / f"{name}.dist-info").mkdir()
        (self.top / "venv/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
        for name, soname in (("cudnn", "libcudnn.so.9"), ("nccl", "libnccl.so.2"),
                             ("cuda_runtime", "libcudart.so.12")):
            folder = self.site / "nvidia" / name / "lib"
            folder.mkdir(parents=True)
            shutil.copy(FAKES / "libfake_versions.so", folder / soname)
        return self

    def library(self, name, soname, version):
        path = self.site / "nvidia" / name / "lib" / soname
        return {"soname": soname, "path": str(path), "version": version}

    def full_promise(self):
        return {
            "promise": 1, "image": "pytorch-cuda", "tag": "pytorch2.6-cuda12.4-debian12-v2.6.0",
            "build": "v2.6.0", "platform": "linux/amd64", "created": "2025-05-20T00:00:00Z",
            "components": [
                {"name": "torch", "version": "2.6.0", "cuda": "12.4"},
                {"name": "python", "version": "3.11.2"}, {"name": "cudnn", "version": "9.1.0.70"},
                {"name": "nccl", "version": "2.21.5"}, {"name": "cuda", "version": "12.4.127"},
                {"name": "debian", "version": "12"}],
            "gpu": {"driver_min": "525.60.13", "cuda_driver_min": "12.0",
                    "sm": ["50", "60", "70", "75", "80", "86", "90"], "ptx": []},
            "python": {"prefix": str(self.top / "venv"), "site_packages": str(self.site)},
            "libraries": [self.library("cudnn", "libcudnn.so.9", "9.1.0.70"),
                          self.library("nccl", "libnccl.so.2", "2.21.5"),
                          self.library("cuda_runtime", "libcudart.so.12", "12.4.127")],
            "reproduce": "imgforge reproduce REF"}

    def write_promise(self, document=None, **changes):
        document = document if document is not None else {**self.full_promise(), **changes}
        text = document if isinstance(document, (str, bytes)) else json.dumps(document)
        self.promise.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def run(self, *arguments, env=None, program=PROBE, timeout=60, **options):
        environment = {
            "PATH": "/usr/bin:/bin",
            "LD_LIBRARY_PATH": str(self.libraries),
            "LD_PRELOAD": str(FAKES / "libfake_root.so"),
            "FAKE_ROOT": str(self.root),
            # The probe may be the build with sanitizers; preloading before them is meant.
            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0:handle_segv=0",
            "UBSAN_OPTIONS": "halt_on_error=1",
            **(env or {})}
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True,
                              errors="surrogateescape", timeout=timeout, **options)


def strict(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError(f"a name twice in one object: {names}")
    return dict(pairs)


class ProbeTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.box = Container()
        self.addCleanup(self.box.close)

    # A test class that is not about computing leaves it out: the fake GPU is slow.
    arguments = ()

    def probe(self, *arguments, code, cause=None, owner=None, env=None, **options):
        """Runs it with --json and checks that the document is sound and says what is expected."""
        arguments = (*self.arguments, *arguments)
        if self.box.promise.exists():
            arguments = ("--promise", str(self.box.promise), *arguments)
        result = self.box.run("probe", "--json", *arguments, env=env, **options)
        try:
            report = json.loads(result.stdout, object_pairs_hook=strict)
        except ValueError as error:
            self.fail(f"not JSON: {error}\n{result.stdout}\n{result.stderr}")
        if jsonschema:
            jsonschema.Draft7Validator(SCHEMA).validate(report)
        verdict = report["verdict"]
        self.assertEqual(result.returncode, code, json.dumps(report, indent=1) + result.stderr)
        self.assertEqual(verdict["exit_code"], code)
        self.assertEqual(report["probe"], 1)
        self.assertEqual(set(report), set(SCHEMA["properties"]))
        self.assertEqual(result.stderr, "")
        if cause is not None:
            self.assertEqual(verdict["cause"], cause, verdict)
        if owner is not None:
            self.assertEqual(verdict["owner"], owner, verdict)
        if code not in (OK,):
            self.assertTrue(verdict["sentence"])
            self.assertTrue(verdict["advice"], verdict)
        return report

    def causes(self, report):
        return [finding["cause"] for finding in report["findings"]]


def main():
    """For a module whose tests need what may not be there: ctest counts it as skipped where none ran."""
    result = unittest.main(exit=False).result
    if result.wasSuccessful() and len(result.skipped) == result.testsRun:
        raise SystemExit(77)
    raise SystemExit(not result.wasSuccessful())
