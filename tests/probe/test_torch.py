"""--deep: what the image's torch does, and whose fault it is when it does not."""

import os
import shutil
import sys
import unittest

from harness import FAILED, HARDWARE, HERE, HOST, IMAGE, NO_GPU, OK, TIMEOUT, ProbeTest

PYTHON = """#!/bin/sh
PYTHONPATH="%s" exec "%s" "$@"
"""


class TorchTest(ProbeTest):
    arguments = ("--deep", "--skip", "compute")

    def setUp(self):
        super().setUp()
        self.box.driver().software().write_promise()
        self.python(PYTHON % (self.box.site, sys.executable))
        shutil.copy(HERE / "fake/torch/__init__.py", self.box.site / "torch/__init__.py")

    def python(self, text):
        interpreter = self.box.top / "venv/bin/python3"
        interpreter.parent.mkdir(exist_ok=True)
        interpreter.write_text(text)
        interpreter.chmod(0o755)

    def deep(self, faults="", *arguments, code, cause=None, owner=None, env=None, **options):
        report = self.probe(*arguments, code=code, cause=cause, owner=owner,
                            env={"FAKE_TORCH": faults, **(env or {})}, **options)
        self.states = {check["name"]: check["state"] for check in report["torch"]["checks"]}
        return report


class Works(TorchTest):
    def test_one_gpu(self):
        report = self.deep(code=OK, cause="ok")
        self.assertEqual(self.states, {
            "determinism": "not-run", "import": "passed", "matmul-cpu": "passed", "linear-cpu": "passed",
            "devices": "passed", "matmul": "passed", "linear": "passed", "convolution": "passed",
            "all-reduce": "not-run"})
        torch = report["torch"]
        self.assertEqual((torch["version"], torch["cuda"], torch["cudnn"], torch["nccl"]),
                         ("2.6.0+cu124", "12.4", "90100", "2.21.5"))
        self.assertTrue(torch["available"])
        self.assertEqual(torch["interpreter"], str(self.box.top / "venv/bin/python3"))

    def test_two_gpus_reduce(self):
        self.deep(code=OK, env={"FAKE_GPUS": "2"})
        self.assertEqual(self.states["all-reduce"], "passed")

    def test_only_where_asked_for(self):
        self.arguments = ("--skip", "compute")
        self.assertIsNone(self.probe(code=OK)["torch"])
        self.assertIsNotNone(self.probe("--only", "driver,torch", code=OK)["torch"])
        self.assertIsNone(self.probe("--deep", "--skip=torch", code=OK)["torch"])

    def test_text(self):
        result = self.box.run("probe", "--deep", "--skip", "compute", "--promise", str(self.box.promise))
        self.assertEqual(result.returncode, OK, result.stdout)
        for words in ("import torch 2.6.0+cu124, CUDA 12.4", "cuDNN      right",
                      "NCCL       not run: it takes two GPUs"):
            self.assertIn(words, result.stdout)

    def test_without_a_gpu_the_cpu_parts_are_checked(self):
        shutil.rmtree(self.box.libraries)
        shutil.rmtree(self.box.root / "dev")
        (self.box.root / "dev").mkdir()
        report = self.deep("unavailable", "--allow-no-gpu", code=OK, cause="no-gpu-allowed")
        self.assertEqual((self.states["linear-cpu"], self.states["matmul"]), ("passed", "not-run"))
        self.assertNotIn("torch-no-gpu", self.causes(report))
        self.deep("unavailable,wrong:matmul-cpu", "--allow-no-gpu", code=FAILED, cause="torch-wrong-result")
        self.deep("no-library", "--allow-no-gpu", code=IMAGE, cause="torch-import", owner="image")
        result = self.box.run("probe", "--deep", "--allow-no-gpu", env={"FAKE_TORCH": "unavailable"})
        self.assertEqual(result.returncode, OK)
        self.deep("unavailable", code=NO_GPU, owner="run command")

    def test_nothing_is_written_into_the_image(self):
        self.deep(code=OK)
        self.assertEqual(list(self.box.site.rglob("__pycache__")), [])


class Import(TorchTest):
    def test_missing_library(self):
        report = self.deep("no-library", code=IMAGE, cause="torch-import", owner="image")
        self.assertIn("libcudnn.so.9", report["verdict"]["sentence"])
        self.assertEqual(self.states["import"], "error")

    def test_missing_module(self):
        self.deep("no-module", code=IMAGE, cause="torch-import", owner="image")

    def test_drivers_library_is_the_run_commands(self):
        (self.box.libraries / "libcuda.so.1").unlink()
        report = self.deep("no-driver", "--skip=driver", code=FAILED, cause="torch-needs-driver",
                           owner="run command")
        self.assertIn("libcuda.so.1", report["verdict"]["sentence"])

    def test_libraries_of_another_cuda(self):
        report = self.deep("symbol", code=IMAGE, cause="torch-import", owner="run command")
        self.assertIn(str(self.box.libraries), report["verdict"]["advice"])

    def test_no_torch_and_none_promised(self):
        shutil.rmtree(self.box.site / "torch")
        self.box.write_promise(components=[])
        self.assertIn("torch-absent", self.causes(self.deep(code=OK)))

    def test_no_torch_though_promised(self):
        shutil.rmtree(self.box.site / "torch")
        report = self.deep(code=IMAGE, cause="component-missing")
        self.assertIn("torch-import", self.causes(report))

    def test_python_missing_broken_or_silent(self):
        self.python("#!/nowhere/python\n")
        self.deep(code=IMAGE, cause="python-missing")
        self.python("#!/bin/sh\necho 'Fatal Python error: init_fs_encoding' >&2; exit 1\n")
        report = self.deep(code=IMAGE, cause="python-failed", owner="image")
        self.assertIn("init_fs_encoding", report["verdict"]["sentence"])
        self.assertEqual(report["torch"]["status"], 1)
        self.python("#!/bin/sh\nprintf 'check\\timport\\tpassed\\nstep\\nnonsense\\t\\t\\t\\t\\t\\t\\n\\377' >&3\n")
        self.deep(code=IMAGE, cause="python-failed")
        (self.box.top / "venv/bin/python3").unlink()
        self.deep(code=IMAGE, cause="python-missing")

    def test_another_torch_comes_first(self):
        other = self.box.top / "other/torch"
        shutil.copytree(self.box.site / "torch", other)
        self.python(PYTHON % (f"{other.parent}:{self.box.site}", sys.executable))
        report = self.deep(code=IMAGE, cause="torch-shadowed", owner="run command")
        self.assertIn(str(other), report["verdict"]["sentence"])

    def test_other_version_than_promised(self):
        report = self.deep(code=IMAGE, cause="component-mismatch", env={"FAKE_TORCH_VERSION": "2.5.1"})
        self.assertIn("2.5.1 for CUDA 12.4", report["verdict"]["sentence"])
        self.deep(code=IMAGE, cause="component-mismatch", env={"FAKE_TORCH_CUDA": "11.8"})

    def test_without_a_promise_the_paths_python_is_taken(self):
        self.box.promise.unlink()
        folder = self.box.top / "venv/bin"
        report = self.deep(code=OK, env={"PATH": f"{folder}:/usr/bin:/bin"})
        self.assertEqual(report["torch"]["interpreter"], str(folder / "python3"))
        self.deep(code=IMAGE, cause="python-missing", env={"PATH": "/nowhere"})


class Available(TorchTest):
    def test_the_driver_works_and_torch_does_not_see_it(self):
        report = self.deep("unavailable", code=IMAGE, cause="torch-no-gpu", owner="image")
        self.assertEqual(self.states["matmul"], "not-run")
        self.assertIn("sees 1 GPU,", report["verdict"]["sentence"])

    def test_driver_too_old_for_torch(self):
        self.deep("old-driver", code=HOST, cause="driver-too-old", owner="host")

    def test_cpu_build(self):
        self.deep("cpu", code=IMAGE, cause="cpu-build", owner="image")
        self.box.write_promise(components=[])
        self.deep("cpu", code=IMAGE, cause="cpu-build", owner="image")

    def test_a_gpu_that_the_driver_does_not_start_is_the_drivers(self):
        report = self.deep("unavailable", code=HOST, cause="fabric-manager",
                           env={"FAKE_ERROR": "cuInit:802"})
        self.assertNotIn("torch-no-gpu", self.causes(report))

    def test_torch_alone(self):
        self.arguments = ("--only", "torch")
        self.deep("unavailable", code=NO_GPU, cause="torch-no-gpu", owner="run command")
        self.deep("unavailable", "--allow-no-gpu", code=OK)

    def test_architectures(self):
        for architectures, capability, code in (("sm_80 sm_86", "86", OK), ("sm_80", "89", OK),
                                                ("sm_90a", "90", OK), ("sm_80 sm_90", "120", IMAGE),
                                                ("sm_80 compute_90", "120", OK), ("sm_90", "80", IMAGE)):
            with self.subTest(architectures=architectures, capability=capability):
                self.box.write_promise(gpu={})
                self.deep(code=code, cause="no-code-for-gpu" if code else "ok",
                          env={"FAKE_TORCH_ARCHITECTURES": architectures, "FAKE_CAPABILITY": capability})


class Computes(TorchTest):
    def test_wrong_numbers(self):
        for work in ("matmul", "linear", "convolution"):
            report = self.deep(f"wrong:{work}", code=HARDWARE, cause="torch-wrong-result", owner="hardware")
            self.assertEqual(self.states[work], "wrong")
            self.assertIn("7 of 1000000 elements are wrong", report["verdict"]["sentence"])
            self.assertEqual(report["findings"][report["verdict"]["finding"]]["gpu"], 0)
        self.deep("wrong:all-reduce", code=HARDWARE, cause="torch-wrong-result", env={"FAKE_GPUS": "2"})

    def test_wrong_numbers_of_the_cpu(self):
        for work in ("matmul-cpu", "linear-cpu"):
            self.deep(f"wrong:{work}", code=FAILED, cause="torch-wrong-result")
            self.assertEqual(self.states[work], "wrong")

    def test_errors(self):
        for fault, code, cause, owner in (("error:convolution", IMAGE, "torch-error", "image"),
                                          ("error:matmul", IMAGE, "torch-error", "image"),
                                          ("memory:matmul", FAILED, "gpu-memory-full", "run command"),
                                          ("kernel:linear", IMAGE, "no-code-for-gpu", "image"),
                                          ("ecc:linear", HARDWARE, "ecc", "hardware")):
            with self.subTest(fault):
                self.deep(fault, code=code, cause=cause, owner=owner)
        self.assertEqual(self.states["convolution"], "not-run")  # the GPU may be unusable after an error

    def test_nccl(self):
        self.deep("error:all-reduce", code=FAILED, cause="torch-nccl", owner="run command",
                  env={"FAKE_GPUS": "2"})

    def test_crash(self):
        for work in ("import", "matmul"):
            report = self.deep(f"crash:{work}", code=IMAGE, cause="crash", owner="image")
            stage = {s["name"]: s for s in report["stages"]}["torch"]
            self.assertEqual((stage["state"], stage["signal"]), ("crashed", 11))
        self.assertEqual(self.states["linear-cpu"], "passed")  # what was known stays
        self.assertIn("matmul with torch on GPU 0", report["verdict"]["sentence"])

    def test_killed_for_memory(self):
        report = self.deep("kill:import", code=FAILED, cause="crash", owner="run command")
        self.assertIn("memory limit", report["verdict"]["advice"])

    def test_exit(self):
        report = self.deep("exit:linear", code=IMAGE, cause="python-failed")
        self.assertIn("the interpreter gave up", report["verdict"]["sentence"])

    def test_hang(self):
        for work in ("import", "convolution"):
            report = self.deep(f"hang:{work}", "--timeout", "2", code=TIMEOUT, cause="no-answer",
                               owner="image", timeout=30)
            self.assertIn("importing torch" if work == "import" else work, report["verdict"]["sentence"])


class Determinism(TorchTest):
    PROMISED = {"module": "imgforge_determinism", "environment": {"PYTHONHASHSEED": "42"}}

    def setUp(self):
        super().setUp()
        self.box.write_promise(determinism=self.PROMISED)
        (self.box.site / "imgforge_determinism.py").write_text("")

    def test_active(self):
        report = self.deep(code=OK, env={"PYTHONHASHSEED": "42"})
        self.assertEqual(self.states["determinism"], "passed")
        self.assertEqual(report["determinism"], {
            "active": True, "module": "imgforge_determinism", "module_there": True,
            "environment": [{"name": "PYTHONHASHSEED", "promised": "42", "found": "42"}]})

    def test_changed_environment(self):
        for env in ({}, {"PYTHONHASHSEED": "7"}):
            report = self.deep(code=OK, env=env)
            self.assertIn("determinism-off", self.causes(report))
            self.assertFalse(report["determinism"]["active"])

    def test_module(self):
        (self.box.site / "imgforge_determinism.py").write_text("raise ImportError('x')")
        self.deep(code=IMAGE, cause="determinism-module", env={"PYTHONHASHSEED": "42"})
        (self.box.site / "imgforge_determinism.py").unlink()
        self.arguments = ("--skip", "compute")
        self.probe(code=IMAGE, cause="component-missing", env={"PYTHONHASHSEED": "42"})

    def test_not_promised(self):
        self.box.write_promise()
        self.assertIsNone(self.deep(code=OK)["determinism"])
        self.box.write_promise({"promise": 1, "determinism": []})
        self.probe(code=IMAGE, cause="promise-invalid")
        self.box.write_promise({"promise": 1, "determinism": {"module": "../x", "environment": {"A": 1}}})
        self.assertIsNone(self.probe(code=OK, env={"PATH": os.environ["PATH"], "FAKE_TORCH": ""})[
            "determinism"]["module"])


if __name__ == "__main__":
    unittest.main()
