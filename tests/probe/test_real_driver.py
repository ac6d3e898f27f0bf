"""NVIDIA's own libraries on a machine without a GPU: what they say is what the fakes pretend.

libcuda and libnvidia-ml come from Debian's non-free packages (get-libcuda.sh), the stub from a toolkit that is
installed or named by IMGFORGE_CUDA_STUB. What is not to be had is a loud skip.
"""

import glob
import os
import pathlib
import shutil
import subprocess

from harness import HERE, IMAGE, NO_GPU, OK, PROBE, ProbeTest, main

STUBS = ["/usr/local/cuda*/lib64/stubs/libcuda.so", "/usr/local/cuda*/targets/*/lib/stubs/libcuda.so",
         "/usr/lib/*-linux-gnu/stubs/libcuda.so"]
CACHE = pathlib.Path(os.environ.get("PROBE_CACHE", "/tmp/imgforge-libcuda"))


class RealTest(ProbeTest):
    arguments = ("--skip", "compute")

    def real(self, *arguments, **options):
        """Not as root, who would get a /dev/nvidiactl made by libcuda; without the fake root."""
        for folder in (self.box.top, self.box.libraries):
            folder.chmod(0o755)
        if os.geteuid() == 0:
            # The build may lie where only root may go.
            options["program"] = shutil.copy(PROBE, self.box.top / "imgforge-probe")
            options["user"] = 65534
        return self.probe(*arguments, env={"LD_PRELOAD": ""}, **options)

    def skip(self, why):
        print(f"SKIPPED: {self.id()}: {why}")
        self.skipTest(why)


class NoDevice(RealTest):
    def setUp(self):
        super().setUp()
        if os.path.exists("/dev/nvidia0") or os.path.exists("/proc/driver/nvidia/version"):
            self.skip("this machine has an NVIDIA driver")
        made = subprocess.run(["sh", str(HERE / "get-libcuda.sh"), str(CACHE)], capture_output=True, text=True,
                              timeout=300, check=False)
        if made.returncode != 0:
            self.skip(f"the real libcuda is not to be had here: {made.stderr.strip()}")
        for name in ("libcuda.so.1", "libnvidia-ml.so.1"):
            real = (CACHE / name).resolve()
            shutil.copy(real, self.box.libraries / real.name)
            (self.box.libraries / name).symlink_to(real.name)

    def test_error_100(self):
        report = self.real(code=NO_GPU, cause="no-kernel-driver", owner="run command")
        self.assertEqual((report["driver"]["error"], report["driver"]["error_name"]),
                         (100, "CUDA_ERROR_NO_DEVICE"))
        self.assertEqual(report["driver"]["failed_call"], "cuInit")
        self.assertIsNone(report["driver"]["missing_symbol"])  # every function that the probe uses is there
        self.assertRegex(report["driver"]["path"], r"/libcuda\.so\.\d+\.\d+")
        self.assertEqual((report["nvml"]["loaded"], report["nvml"]["error"]), (True, 9))
        print(f"\nreal {report['driver']['path'].rpartition('/')[2]}: CUDA {report['driver']['cuda']}")

    def test_management_alone_and_allowed(self):
        self.arguments = ()
        self.real("--only=survey,nvml", code=NO_GPU, cause="no-driver")
        self.real("--allow-no-gpu", code=OK, cause="no-gpu-allowed")

    def test_nothing_is_left_in_dev(self):
        before = sorted(os.listdir("/dev"))
        self.real(code=NO_GPU)
        self.assertEqual(sorted(os.listdir("/dev")), before)


class Stub(RealTest):
    def test_the_toolkits_own_stub(self):
        found = [path for pattern in STUBS for path in glob.glob(pattern)]
        stub = os.environ.get("IMGFORGE_CUDA_STUB") or (found[0] if found else None)
        if stub is None:
            self.skip("no CUDA toolkit with stubs/libcuda.so is installed; IMGFORGE_CUDA_STUB names one")
        shutil.copy(stub, self.box.libraries / "libcuda.so.1")
        report = self.real(code=IMAGE, cause="stub-library", owner="image")
        self.assertEqual(report["driver"]["error"], 34)


if __name__ == "__main__":
    main()
