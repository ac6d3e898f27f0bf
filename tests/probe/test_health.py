"""Cheap health checks without the driver (--only survey,nvml), and waiting for a GPU."""

import json
import os
import resource
import shutil
import subprocess
import threading
import time
import unittest

from harness import HARDWARE, HOST, IMAGE, NO_GPU, OK, PROBE, USAGE, ProbeTest

EPERM, EIO, EACCES = 1, 5, 13


class Management(ProbeTest):
    arguments = ("--only", "survey,nvml")

    def test_healthy(self):
        self.box.driver()
        report = self.probe(code=OK, cause="ok", env={"FAKE_CRASH": "cuInit"})  # libcuda is left alone
        self.assertEqual([s["name"] for s in report["stages"] if s["state"] == "done"], ["survey", "nvml"])
        self.assertEqual(report["verdict"]["sentence"], "what was asked to be checked works")

    def test_no_gpu(self):
        self.probe(code=NO_GPU, cause="no-driver", owner="run command")
        self.probe("--allow-no-gpu", code=OK, cause="no-gpu-allowed")
        self.probe(code=NO_GPU, cause="gpus-switched-off", env={"NVIDIA_VISIBLE_DEVICES": "none"})
        self.box.kernel("550.54.15")
        self.probe(code=NO_GPU, cause="no-gpu-requested")

    def test_nodes_without_the_library(self):
        self.box.driver(nvml=False)
        self.probe(code=NO_GPU, cause="no-utility-capability")

    def test_errors_of_nvml(self):
        self.box.driver()
        for error, env, code, cause in (
                ("nvmlInit:18", {}, HOST, "driver-mismatch"), ("nvmlInit:4", {}, HOST, "node-permission"),
                ("nvmlInit:999", {}, HOST, "driver-error"),
                ("nvmlInit:999", {"FAKE_ERRNO": f"nvidiactl:{EPERM}"}, HOST, "cgroup-lost"),
                ("nvmlInit:999", {"FAKE_ERRNO": f"nvidia0:{EACCES}"}, HOST, "node-permission"),
                ("nvmlDeviceGetHandleByIndex:15", {}, HARDWARE, "gpu-lost"),
                ("nvmlDeviceGetHandleByIndex:16", {}, HARDWARE, "gpu-reset"),
                ("nvmlInit:0", {"FAKE_NVML_GPUS": "0"}, NO_GPU, "no-device")):
            with self.subTest(error, env=env):
                self.probe(code=code, cause=cause, env={"FAKE_ERROR": error, **env})

    def test_a_lost_gpu_among_others(self):
        self.box.driver(nodes=2)
        self.probe(code=HARDWARE, cause="gpu-lost", env={"FAKE_ERRNO": f"nvidia1:{EIO}"})

    def test_survey_alone(self):
        self.arguments = ("--only=survey",)
        self.probe(code=NO_GPU, cause="no-driver")
        self.box.driver(cuda=None, nvml=False)
        self.probe(code=OK)
        self.probe(code=HOST, cause="cgroup-lost", env={"FAKE_ERRNO": f"nvidiactl:{EPERM}"})

    def test_libraries_alone_ask_for_no_gpu(self):
        self.arguments = ("--only=libraries",)
        self.box.software().write_promise()
        self.probe(code=OK)
        shutil.rmtree(self.box.site / "torch")
        self.probe(code=IMAGE, cause="component-missing")

    def test_the_order_of_only_and_skip_does_not_matter(self):
        self.box.driver()
        for arguments in (("--only", "nvml,driver", "--skip", "driver"), ("--skip=driver", "--only=nvml,driver")):
            self.arguments = arguments
            report = self.probe(code=OK)
            self.assertEqual([s["name"] for s in report["stages"] if s["state"] == "done"], ["survey", "nvml"])

    def test_usage(self):
        for arguments in (["--skip", "survey"], ["--only", "survey,"], ["--only", "nodes"], ["--wait"],
                          ["--wait", "0"], ["--wait=5x"], ["--wait=s"], ["--wait=25h"], ["--wait=-1"],
                          ["--wait=1.5"], ["--wait=99999999m"], ["--deep=yes"]):
            with self.subTest(arguments):
                result = self.box.run("probe", *arguments)
                self.assertEqual((result.returncode, result.stdout), (USAGE, ""))


class Wait(ProbeTest):
    arguments = ("--skip", "compute")

    def waited(self, *arguments, code, env=None):
        result = self.box.run("probe", "--json", *self.arguments, *arguments, env=env)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return json.loads(result.stdout), result.stderr

    def later(self, seconds, work):
        timer = threading.Timer(seconds, work)
        timer.start()
        self.addCleanup(timer.join)

    def test_in_vain(self):
        began = time.monotonic()
        report, said = self.waited("--wait=2s", code=NO_GPU)
        self.assertTrue(2 <= time.monotonic() - began < 8)
        self.assertEqual(report["verdict"]["cause"], "no-driver")
        self.assertIn("/dev/nvidia0", report["wait"]["missing"])
        self.assertEqual(report["wait"]["limit_s"], 2)
        self.assertGreaterEqual(report["wait"]["looks"], 3)
        self.assertEqual(said.count("\n"), 1)
        self.assertIn("waiting for a GPU, up to 2 s: there is no GPU's device node", said)
        self.assertEqual(self.waited("--wait=1", "--allow-no-gpu", code=OK)[0]["verdict"]["status"], "no-gpu")

    def test_nothing_to_wait_for(self):
        self.box.driver()
        report, said = self.waited("--wait", "1h", code=OK)
        self.assertEqual((report["wait"]["looks"], report["wait"]["missing"], said), (1, None, ""))
        self.assertIsNone(self.waited(code=OK)[0]["wait"])

    def test_the_driver_is_not_touched_before_the_nodes_are_there(self):
        """libcuda notes on standard output that it was called; the fake marks a file instead."""
        mark = self.box.top / "called"
        self.box.driver(nodes=0)
        shutil.rmtree(self.box.root / "dev")
        (self.box.root / "dev").mkdir()
        seen = []

        def appear():
            seen.append(mark.exists())
            self.box.nodes(1)

        self.later(1.5, appear)
        report, said = self.waited("--wait=1m", code=OK, env={"FAKE_MARK": str(mark)})
        self.assertEqual(seen, [False])
        self.assertTrue(mark.exists())
        self.assertIsNone(report["wait"]["missing"])
        self.assertTrue(1 < report["wait"]["waited_s"] < 20, report["wait"])
        self.assertIn("there is no GPU's device node", said)

    def test_a_fabric_that_is_being_set_up(self):
        """802 until a file is there: fabric manager needs a minute after boot."""
        ready = self.box.top / "ready"
        self.box.driver()
        self.later(2.5, lambda: ready.write_text(""))
        report, said = self.waited("--wait=1m", code=OK, env={"FAKE_ERROR": "cuInit:802", "FAKE_UNTIL": str(ready)})
        self.assertIn("NVSwitch", said)
        self.assertGreater(report["wait"]["looks"], 2)
        report, said = self.waited("--wait=1", code=HOST, env={"FAKE_ERROR": "cuInit:802"})
        self.assertEqual(report["verdict"]["cause"], "fabric-manager")
        self.assertIn("NVSwitch", report["wait"]["missing"])

    def test_what_does_not_pass_by_itself_is_not_waited_for(self):
        self.box.driver()
        began = time.monotonic()
        for error, env, code in ((34, {}, IMAGE), (100, {"CUDA_VISIBLE_DEVICES": ""}, NO_GPU), (999, {}, HOST)):
            self.waited("--wait=1h", code=code, env={"FAKE_ERROR": f"cuInit:{error}", **env})
        self.assertLess(time.monotonic() - began, 20)

    def test_text(self):
        result = self.box.run("probe", "--wait=1", "--only=survey")
        self.assertEqual(result.returncode, NO_GPU)
        self.assertRegex(result.stdout, r"FAIL wait +1\.\d of 1 s: there is no GPU's device node")


class Start(ProbeTest):
    def test_starts_quickly_without_a_driver(self):
        """Median of 21 whole runs; the figure is printed, the limit has slack for a busy machine."""
        if os.environ.get("PROBE_SANITIZED"):
            self.skipTest("the build with sanitizers is not timed")
        times, used = [], []
        for _ in range(21):
            began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([PROBE, "probe", "--json"], stdout=subprocess.DEVNULL, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(time.monotonic() - began)
            used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        median, processor = (sorted(values)[len(values) // 2] for values in (times, used))
        load = os.getloadavg()[0]
        print(f"\nwithout a driver: median {median * 1e3:.1f} ms, best {min(times) * 1e3:.1f} ms of {len(times)}, "
              f"{processor * 1e3:.1f} ms of processor; load {load:.1f}")
        self.assertLess(processor, 0.05)
        if load < (os.cpu_count() or 1):
            self.assertLess(median, 0.05)
        else:
            print("this machine is busy: only the processor's time was held against 50 ms")


if __name__ == "__main__":
    unittest.main()
