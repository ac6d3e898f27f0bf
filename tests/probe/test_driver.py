"""The driver's side of the failure catalogue: every row is told apart from its neighbours."""

import shutil
import unittest

from harness import FAILED, HARDWARE, HOST, IMAGE, NO_GPU, OK, TIMEOUT, ProbeTest

EPERM, EIO, ENXIO, EACCES = 1, 5, 6, 13


class NoDriver(ProbeTest):
    arguments = ("--skip", "compute")

    def test_no_driver_anywhere(self):
        self.probe(code=NO_GPU, cause="no-driver", owner="run command")

    def test_host_has_it_and_the_container_does_not(self):
        self.box.kernel("550.54.15")
        report = self.probe(code=NO_GPU, cause="no-gpu-requested", owner="run command")
        self.assertIn("550.54.15", report["verdict"]["sentence"])
        self.assertEqual(report["container"]["kernel_driver"], "550.54.15")

    def test_open_kernel_module(self):
        self.box.kernel("x")
        (self.box.root / "proc/driver/nvidia/version").write_text(
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n")
        report = self.probe(code=NO_GPU, cause="no-gpu-requested")
        self.assertEqual(report["container"]["kernel_driver"], "570.124.06")

    def test_switched_off_by_variable(self):
        report = self.probe(code=NO_GPU, cause="gpus-switched-off",
                            env={"NVIDIA_VISIBLE_DEVICES": "void"})
        self.assertIn("void", report["verdict"]["sentence"])

    def test_utility_without_compute(self):
        self.box.driver(cuda=None)
        report = self.probe(code=NO_GPU, cause="no-compute-capability",
                            env={"NVIDIA_DRIVER_CAPABILITIES": "utility"})
        self.assertIn("utility", report["verdict"]["advice"])

    def test_nodes_by_hand(self):
        self.box.driver(cuda=None, nvml=False)
        self.probe(code=NO_GPU, cause="no-driver-libraries")

    def test_wsl(self):
        (self.box.root / "dev/dxg").write_text("")
        self.probe(code=NO_GPU, cause="wsl-no-driver")

    def test_libraries_without_device(self):
        self.box.driver(nodes=0)
        self.probe(code=NO_GPU, cause="no-device-nodes", env={"FAKE_ERROR": "cuInit:100"})

    def test_libraries_without_a_kernel_driver(self):
        self.box.driver(nodes=0)
        shutil.rmtree(self.box.root / "proc")
        self.probe(code=NO_GPU, cause="no-kernel-driver",
                   env={"FAKE_ERROR": "cuInit:100,nvmlInit:9"})

    def test_damaged_library(self):
        (self.box.libraries / "libcuda.so.1").write_text("not a library")
        self.probe(code=IMAGE, cause="driver-unloadable", owner="image")

    def test_foreign_library(self):
        self.box.driver(cuda="libfake_stub.so")
        report = self.probe(code=IMAGE, cause="foreign-libcuda")
        self.assertIn("cuDeviceGetCount", report["verdict"]["sentence"])

    def test_allowed(self):
        report = self.probe("--allow-no-gpu", code=OK, cause="no-gpu-allowed")
        self.assertEqual(report["verdict"]["status"], "no-gpu")
        self.assertIn("no-driver", self.causes(report))

    def test_allowed_does_not_cover_other_faults(self):
        self.box.write_promise("{")
        self.probe("--allow-no-gpu", code=IMAGE, cause="promise-invalid")
        self.probe(code=NO_GPU, cause="no-driver")


class Start(ProbeTest):
    def start(self, error, **options):
        return self.probe(env={"FAKE_ERROR": f"cuInit:{error}", **options.pop("env", {})}, **options)

    def test_ok(self):
        self.box.driver()
        report = self.probe(code=OK, cause="ok")
        self.assertEqual([stage["state"] for stage in report["stages"]],
                         ["done", "done", "done", "done", "skipped", "skipped", "skipped"])
        self.assertEqual(report["gpus"][0]["uuid"], report["nvml"]["gpus"][0]["uuid"])
        self.assertEqual(report["gpus"][0]["name"], 'Fake "GPU" 0')
        self.assertEqual(report["driver"]["cuda"], "12.4")

    def test_stub(self):
        self.box.driver()
        self.start(34, code=IMAGE, cause="stub-library", owner="image")

    def test_fabric_manager(self):
        self.box.driver()
        report = self.start(802, code=HOST, cause="fabric-manager", owner="host")
        self.assertIn("550.54.15", report["verdict"]["advice"])

    def test_own_libcuda_in_the_image(self):
        self.box.driver(folder=self.box.top / "cuda/compat")
        self.start(803, code=IMAGE, cause="driver-in-image", owner="image")

    def test_libcuda_of_another_version_than_nvml(self):
        self.box.driver("535.104.05", nvml=False, kernel="550.54.15")
        (self.box.libraries / "libnvidia-ml.so.550.54.15").write_bytes(
            (__import__("harness").FAKES / "libfake_nvml.so").read_bytes())
        (self.box.libraries / "libnvidia-ml.so.1").symlink_to("libnvidia-ml.so.550.54.15")
        self.start(803, code=IMAGE, cause="driver-in-image")

    def test_host_updated_and_not_reloaded(self):
        self.box.driver("570.26", kernel="550.54.15")
        self.start(803, code=HOST, cause="driver-mismatch", owner="host")
        self.start("999,nvmlInit:18", code=HOST, cause="driver-mismatch")

    def test_forward_compatibility_on_geforce(self):
        self.box.driver(folder=self.box.top / "cuda/compat")
        self.start(804, code=IMAGE, cause="compat-unsupported")

    def test_cgroup_lost(self):
        self.box.driver()
        self.start("999,nvmlInit:999", code=HOST, cause="cgroup-lost",
                   env={"FAKE_ERRNO": f"nvidiactl:{EPERM}"})

    def test_permission(self):
        self.box.driver()
        self.start(999, code=HOST, cause="node-permission",
                   env={"FAKE_ERRNO": f"nvidiactl:{EACCES}"})

    def test_permission_of_the_gpu_alone(self):
        self.box.driver()
        report = self.start(100, code=HOST, cause="node-permission",
                            env={"FAKE_ERRNO": f"nvidia0:{EACCES}"})
        nodes = {node["name"]: node for node in report["container"]["nodes"]}
        self.assertEqual(nodes["nvidia0"], {"name": "nvidia0", "errno": EACCES, "tried": "open"})

    def test_uvm(self):
        self.box.driver()
        self.start(999, code=HOST, cause="uvm", env={"FAKE_ERRNO": f"nvidia-uvm:{ENXIO}"})

    def test_unknown_error(self):
        self.box.driver()
        report = self.start(999, code=HOST, cause="driver-error")
        self.assertIn("CUDA_ERROR_UNKNOWN", report["verdict"]["sentence"])

    def test_code_without_a_name(self):
        self.box.driver()
        report = self.start(4711, code=HOST, cause="driver-error")
        self.assertIn("4711", report["verdict"]["sentence"])

    def test_cuda_visible_devices(self):
        self.box.driver()
        for env in ({"CUDA_VISIBLE_DEVICES": ""}, {"CUDA_VISIBLE_DEVICES": "7"}):
            self.start(100, code=NO_GPU, cause="cuda-visible-devices", env=env)

    def test_mig_without_instance(self):
        self.box.driver()
        self.start(100, code=NO_GPU, cause="mig-without-instance", env={"FAKE_MIG": "1"})

    def test_count_of_zero(self):
        self.box.driver()
        self.probe(code=NO_GPU, cause="no-device", env={"FAKE_GPUS": "0"})

    def test_no_device_with_nodes(self):
        self.box.driver()
        self.start(101, code=NO_GPU, cause="no-device")

    def test_gpu_lost(self):
        self.box.driver()
        for error, cause in ((15, "gpu-lost"), (16, "gpu-reset")):
            self.start(f"999,nvmlDeviceGetHandleByIndex:{error}", code=HARDWARE, cause=cause,
                       owner="hardware")

    def test_gpu_lost_seen_by_its_node(self):
        self.box.driver()
        self.start(999, code=HARDWARE, cause="gpu-lost", env={"FAKE_ERRNO": f"nvidia0:{EIO}"})

    def test_gpu_lost_while_the_others_work(self):
        """The driver starts without it; NVML counts one GPU less than there are nodes."""
        self.box.driver(nodes=2)
        report = self.probe("--skip", "compute", code=HARDWARE, cause="gpu-lost", owner="hardware",
                            env={"FAKE_ERRNO": f"nvidia1:{EIO}"})
        self.assertIn("/dev/nvidia1", report["verdict"]["sentence"])

    def test_node_of_another_containers_gpu_is_not_lost(self):
        self.box.driver(nodes=2)
        self.probe("--skip", "compute", code=OK, env={"FAKE_ERRNO": f"nvidia1:{EPERM}"})

    def test_hidden_gpus(self):
        self.box.driver(nodes=2)
        report = self.probe(code=OK, env={"FAKE_NVML_GPUS": "2", "CUDA_VISIBLE_DEVICES": "0"})
        self.assertIn("gpus-hidden", self.causes(report))

    def test_without_utility(self):
        self.box.driver(nvml=False)
        report = self.probe(code=OK)
        self.assertIn("no-utility-capability", self.causes(report))

    def test_small_shm(self):
        self.box.driver()
        report = self.probe(code=OK, env={"FAKE_SHM": "64"})
        self.assertIn("small-shm", self.causes(report))
        self.assertEqual(report["container"]["shm_bytes"], 64 << 20)
        self.assertNotIn("small-shm", self.causes(self.probe(code=OK)))


class CrashAndHang(ProbeTest):
    def setUp(self):
        super().setUp()
        self.box.driver()

    def test_crash(self):
        for call, stage in (("cuInit", "driver"), ("cuMemAlloc", "compute"), ("nvmlInit", "nvml")):
            report = self.probe(code=HOST, cause="crash", owner="host", env={"FAKE_CRASH": call})
            states = {s["name"]: s for s in report["stages"]}
            self.assertEqual(states[stage]["state"], "crashed")
            self.assertEqual(states[stage]["signal"], 11)

    def test_what_was_known_before_the_crash_stays(self):
        report = self.probe(code=HOST, env={"FAKE_CRASH": "cuMemAlloc"})
        self.assertEqual(report["gpus"][0]["compute_capability"], "8.6")
        self.assertEqual(report["gpus"][0]["compute"]["load"], "passed")

    def test_silent_exit(self):
        report = self.probe(code=HOST, cause="crash", env={"FAKE_EXIT": "cuInit"})
        self.assertIn("cuInit", report["verdict"]["sentence"])

    def test_hang(self):
        for call in ("cuInit", "nvmlInit", "cuCtxSynchronize", "tensor_launch"):
            report = self.probe("--timeout", "3", code=TIMEOUT, cause="no-answer",
                                env={"FAKE_HANG": call}, timeout=40)
            timed_out = [s for s in report["stages"] if s["state"] == "timed-out"]
            self.assertEqual(len(timed_out), 1)
            self.assertLess(timed_out[0]["ms"], 9000)

    def test_hang_of_a_second_gpu_leaves_the_first_one_checked(self):
        report = self.probe("--timeout", "5", code=TIMEOUT, timeout=40,
                            env={"FAKE_HANG": "cuDevicePrimaryCtxRelease", "FAKE_GPUS": "2"})
        self.assertEqual(report["gpus"][0]["compute"]["matmul"], "passed")
        self.assertEqual(report["gpus"][1]["compute"]["matmul"], "not-run")


class Compute(ProbeTest):
    def setUp(self):
        super().setUp()
        self.box.driver()

    def test_passes(self):
        compute = self.probe(code=OK)["gpus"][0]["compute"]
        for check in ("load", "memory", "matmul", "transfer", "tensor"):
            self.assertEqual(compute[check], "passed")
        self.assertEqual(compute["memory_checked_bytes"], 16 << 20)
        self.assertAlmostEqual(compute["host_to_device_gb_s"], 4 * (8 << 20) / 10e-3 / 1e9, 2)

    def test_errors(self):
        for error, code, cause in (
                ("cuModuleLoadDataEx:221", HOST, "no-jit-compiler"),
                ("cuModuleLoadDataEx:222", HOST, "ptx-too-new"),
                ("cuModuleLoadDataEx:223", FAILED, "jit-disabled"),
                ("cuModuleLoadDataEx:209", FAILED, "gpu-too-old"),
                ("cuModuleLoadDataEx:218", FAILED, "gpu-too-old"),
                ("cuDevicePrimaryCtxRetain:46", HOST, "gpu-busy"),
                ("cuMemAlloc:2", FAILED, "gpu-memory-full"),
                ("cuCtxSynchronize:214", HARDWARE, "ecc"),
                ("cuMemHostAlloc:304", FAILED, "compute-error"),
                ("cuLaunchKernel:719", FAILED, "compute-error")):
            with self.subTest(error):
                report = self.probe(code=code, cause=cause, env={"FAKE_ERROR": error})
                compute = report["gpus"][0]["compute"]
                self.assertEqual(compute["failed_call"].replace("_v2", ""), error.split(":")[0])
                self.assertEqual(compute["error"], int(error.split(":")[1]))

    def test_wrong_memory(self):
        report = self.probe(code=HARDWARE, cause="wrong-data", owner="hardware",
                            env={"FAKE_FLIP": "1"})
        self.assertIn("bits 0x00008000", report["verdict"]["sentence"])
        self.assertEqual(report["gpus"][0]["compute"]["wrong_words"], 1)

    def test_wrong_product(self):
        report = self.probe(code=HARDWARE, cause="wrong-result", env={"FAKE_MATMUL": "1"})
        self.assertEqual(report["gpus"][0]["compute"]["wrong_products"], 1)

    def test_wrong_product_on_tensor_cores(self):
        report = self.probe(code=HARDWARE, cause="tensor-wrong-result", owner="hardware",
                            env={"FAKE_TENSOR": "1"})
        compute = report["gpus"][0]["compute"]
        self.assertEqual((compute["matmul"], compute["wrong_products"]), ("passed", 0))
        self.assertEqual((compute["tensor"], compute["wrong_tensor_products"]), ("failed", 2))
        self.assertIn("tensor cores computed wrong numbers: 2 of 1179648", report["verdict"]["sentence"])
        self.assertEqual(self.causes(report), ["tensor-wrong-result", "promise-absent"])

    def test_every_bit_of_the_fraction_counts(self):
        for bit in range(10):
            for side in (0, 1):
                with self.subTest(bit=bit, side=side):
                    report = self.probe(code=HARDWARE, cause="tensor-wrong-result",
                                        env={"FAKE_TENSOR_LOSES": f"{bit},{side}"})
                    self.assertGreater(report["gpus"][0]["compute"]["wrong_tensor_products"], 1000)

    def test_a_product_left_from_before_is_not_taken(self):
        report = self.probe(code=HARDWARE, cause="tensor-wrong-result",
                            env={"FAKE_TENSOR_IDLE": "1"})
        self.assertEqual(report["gpus"][0]["compute"]["wrong_tensor_products"], 768 * 768)

    def test_both_products_wrong(self):
        report = self.probe(code=HARDWARE, cause="wrong-result",
                            env={"FAKE_TENSOR": "1", "FAKE_MATMUL": "1"})
        self.assertEqual(report["gpus"][0]["compute"]["wrong_tensor_products"], 2)
        self.assertNotIn("tensor-wrong-result", self.causes(report))

    def test_no_tensor_cores_before_capability_7(self):
        for capability, state in (("60", "not-run"), ("61", "not-run"), ("70", "passed"),
                                  ("75", "passed"), ("120", "passed")):
            with self.subTest(capability):
                # The fake driver refuses the second module below 7.0, and a fault of it is not met.
                env = {"FAKE_CAPABILITY": capability}
                if state == "not-run":
                    env["FAKE_ERROR"] = "tensor_module:221,tensor_launch:719"
                report = self.probe(code=OK, cause="ok", env=env)
                self.assertEqual(report["gpus"][0]["compute"]["tensor"], state)
                self.assertEqual(self.causes(report), ["promise-absent"])
                self.assertEqual(report["gpus"][0]["compute"]["error"], 0)

    def test_errors_on_tensor_cores_alone(self):
        for error, code, cause, call in (
                ("tensor_module:221", HOST, "no-jit-compiler", "cuModuleLoadDataEx"),
                ("tensor_module:222", HOST, "ptx-too-new", "cuModuleLoadDataEx"),
                ("tensor_module:223", FAILED, "jit-disabled", "cuModuleLoadDataEx"),
                ("tensor_module:209", FAILED, "compute-error", "cuModuleLoadDataEx"),
                ("tensor_module:218", FAILED, "compute-error", "cuModuleLoadDataEx"),
                ("tensor_launch:214", HARDWARE, "ecc", "cuLaunchKernel"),
                ("tensor_launch:719", FAILED, "compute-error", "cuLaunchKernel")):
            with self.subTest(error):
                report = self.probe(code=code, cause=cause, env={"FAKE_ERROR": error})
                compute = report["gpus"][0]["compute"]
                for check in ("load", "memory", "matmul", "transfer"):
                    self.assertEqual(compute[check], "passed")
                self.assertEqual((compute["tensor"], compute["failed_call"]), ("failed", call))
                self.assertEqual(compute["error"], int(error.split(":")[1]))
                if error in ("tensor_module:209", "tensor_module:218"):
                    self.assertIn("tensor cores", report["verdict"]["sentence"])
                    self.assertEqual(report["verdict"]["advice"], "fake log")

    def test_tensor_cores_in_the_table(self):
        def line(**env):
            text = self.box.run(env=env).stdout
            return [row for row in text.splitlines() if row.split()[1:2] == ["tensor"]]

        for marks, env in ((("ok", "\u2714"), {}), (("FAIL", "\u2718"), {"FAKE_TENSOR": "1"})):
            (row,) = line(**env)
            self.assertIn(row.split()[0], marks)
            self.assertIn("768 x 768 on tensor cores", row)
        (row,) = line(FAKE_CAPABILITY="61")
        self.assertIn("not run: no tensor cores before compute capability 7.0", row)

    def test_a_device_that_never_finds_anything(self):
        self.probe(code=HARDWARE, cause="wrong-data", env={"FAKE_BLIND": "1"})

    def test_every_gpu_is_checked(self):
        report = self.probe(code=OK, env={"FAKE_GPUS": "3"})
        self.assertEqual([gpu["compute"]["matmul"] for gpu in report["gpus"]], ["passed"] * 3)

    def test_health(self):
        for env, code, cause in (({"FAKE_ROWS": "failed"}, HARDWARE, "row-remapping-failed"),
                                 ({"FAKE_ROWS": "pending"}, OK, "row-remapping-pending"),
                                 ({"FAKE_ECC_ERRORS": "3"}, OK, "ecc-errors")):
            self.assertIn(cause, self.causes(self.probe(code=code, env=env)))

    def test_skip(self):
        report = self.probe("--skip", "compute", code=OK, env={"FAKE_MATMUL": "1"})
        self.assertEqual(report["gpus"][0]["compute"]["matmul"], "not-run")
        self.probe("--only=nvml,driver", code=OK, env={"FAKE_MATMUL": "1"})


if __name__ == "__main__":
    unittest.main()
