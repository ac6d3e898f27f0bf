"""The image's side: the promise, what keeps it and what breaks it, requirements, info, usage."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import unittest

from harness import FAKES, FAILED, HOST, IMAGE, NO_GPU, OK, PROBE, TIMEOUT, USAGE, ProbeTest


class Promise(ProbeTest):
    arguments = ("--skip", "compute")

    def setUp(self):
        super().setUp()
        self.box.driver().software().write_promise()

    def test_kept(self):
        report = self.probe(code=OK, cause="ok")
        self.assertEqual({c["name"]: (c["state"], c["found"]) for c in report["components"]}, {
            "torch": ("ok", "2.6.0+cu124"), "python": ("ok", "3.11.2"), "cudnn": ("ok", "9.1.0.70"),
            "nccl": ("ok", "2.21.5"), "cuda": ("ok", "12.4.127"), "debian": ("ok", "12")})
        self.assertEqual([(l["state"], l["found"]) for l in report["libraries"]],
                         [("ok", "9.1.0"), ("ok", "2.21.5"), ("ok", "12.4")])
        self.assertEqual(report["image"]["tag"], "pytorch2.6-cuda12.4-debian12-v2.6.0")

    def test_other_torch(self):
        self.box.write_promise(components=[{"name": "torch", "version": "2.7.0", "cuda": "12.8"}])
        report = self.probe(code=IMAGE, cause="component-mismatch", owner="image")
        self.assertIn("2.6.0+cu124 for CUDA 12.4", report["verdict"]["sentence"])

    def test_cpu_build(self):
        shutil.rmtree(self.box.site / "torch")
        shutil.rmtree(self.box.site / "nvidia")
        for folder in self.box.site.glob("*.dist-info"):
            folder.rmdir()
        self.box.software(torch="2.6.0+cpu", cuda="None")
        self.probe(code=IMAGE, cause="cpu-build")

    def test_torch_gone(self):
        shutil.rmtree(self.box.site / "torch")
        self.probe(code=IMAGE, cause="component-missing")

    def test_other_wheel(self):
        (self.box.site / "nvidia_cudnn_cu12-9.1.0.70.dist-info").rename(
            self.box.site / "nvidia_cudnn_cu12-8.9.2.26.dist-info")
        report = self.probe(code=IMAGE, cause="component-mismatch")
        self.assertIn("8.9.2.26", report["verdict"]["sentence"])

    def test_the_c_library(self):
        here = ".".join(os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2])
        for promised, state, code in ((here, "ok", 0), ("2.99", "mismatch", 5)):
            self.box.write_promise(components=[{"name": "glibc", "version": promised}])
            report = self.probe(code=code)
            self.assertEqual([(c["state"], c["found"]) for c in report["components"]], [(state, here)])

    def test_components_that_nothing_tells_of(self):
        self.box.write_promise(components=[{"name": "rocm", "version": "6"}, {"name": "numpy"}, {}])
        report = self.probe(code=OK)
        self.assertEqual([c["state"] for c in report["components"]], ["unchecked", "ok", "unchecked"])

    def test_library_missing(self):
        (self.box.site / "nvidia/nccl/lib/libnccl.so.2").unlink()
        self.probe(code=IMAGE, cause="library-missing")

    def test_library_of_another_version(self):
        for env, found in (({"FAKE_CUDNN": "8902"}, "8.9.2"), ({"FAKE_NCCL": "2708"}, "2.7.8"),
                           ({"FAKE_CUDART": "11080"}, "11.8")):
            report = self.probe(code=IMAGE, cause="library-mismatch", env=env)
            self.assertIn(f"version {found};", report["verdict"]["sentence"])

    def test_library_unloadable(self):
        (self.box.site / "nvidia/cudnn/lib/libcudnn.so.9").write_text("not a library")
        self.probe(code=IMAGE, cause="library-unloadable")

    def test_library_shadowed(self):
        shutil.copy(FAKES / "libfake_versions.so", self.box.libraries / "libcudnn.so.9")
        report = self.probe(code=IMAGE, cause="library-shadowed")
        self.assertIn(str(self.box.libraries), report["verdict"]["sentence"])

    def test_same_library_through_a_link_is_no_shadow(self):
        (self.box.libraries / "libcudnn.so.9").symlink_to(
            self.box.site / "nvidia/cudnn/lib/libcudnn.so.9")
        self.probe(code=OK)

    def test_library_that_crashes_or_hangs(self):
        self.probe(code=IMAGE, cause="crash", owner="image", env={"FAKE_CRASH": "cudnnGetVersion"})
        self.probe("--timeout=1", code=TIMEOUT, cause="no-answer", owner="image",
                   env={"FAKE_HANG": "cudnnGetVersion"})

    def test_driver_floor(self):
        for env in ({"FAKE_DRIVER": "515.48.07"}, {"FAKE_VERSION": "11070"}):
            report = self.probe(code=HOST, cause="driver-too-old", owner="host", env=env)
            self.assertIn("525.60.13", report["verdict"]["sentence"])
        self.probe(code=OK, env={"FAKE_DRIVER": "525.60.13", "FAKE_VERSION": "12000"})

    def test_code_for_the_gpu(self):
        for capability, gpu, code in (("86", None, OK), ("89", None, OK), ("90", None, OK),
                                      ("120", None, IMAGE), ("61", None, OK), ("37", None, IMAGE),
                                      ("120", {"sm": ["90"], "ptx": ["90"]}, OK),
                                      ("80", {"sm": ["90"], "ptx": ["90"]}, IMAGE),
                                      ("100", {"sm": ["90a"]}, IMAGE), ("90", {"sm": ["90a"]}, OK),
                                      ("103", {"sm": ["100a"]}, IMAGE), ("103", {"sm": ["100f"]}, OK),
                                      ("120", {}, OK), ("86", {"sm": ["", "x"]}, IMAGE)):
            with self.subTest(capability=capability, gpu=gpu):
                self.box.write_promise(**({} if gpu is None else {"gpu": gpu}))
                self.probe(code=code, cause="no-code-for-gpu" if code else "ok",
                           env={"FAKE_CAPABILITY": capability})

    def test_what_is_missing_is_not_promised(self):
        for name in list(self.box.full_promise()):
            if name != "promise":
                document = self.box.full_promise()
                del document[name]
                self.box.write_promise(document)
                self.probe(code=OK)
        self.box.write_promise({"promise": 1, "future": {"a": [1, None, True, -1.5e3]}})
        self.probe(code=OK)

    def test_absent(self):
        self.box.promise.unlink()
        report = self.probe(code=OK)
        self.assertEqual(report["image"]["promise"], "absent")
        self.assertIn("promise-absent", self.causes(report))


class MalformedPromise(ProbeTest):
    def refused(self, text, why):
        self.box.write_promise(text)
        report = self.probe("--allow-no-gpu", code=IMAGE, cause="promise-invalid", owner="image")
        self.assertIn(why, report["image"]["error"])

    def test_documents(self):
        for text, why in (
                ("", "a value is expected"), ("{", "a name in quotes"), ("[]", "not a JSON object"),
                ('{"promise":1', "comma or the closing"), ('{"promise":1}x', "after the end"),
                ('{"promise":1,}', "a name in quotes"), ('{"promise":01}', "comma or the closing"),
                ('{"promise":1,"a":[1,]}', "a value is expected"), ('{"a":nul}', "a value is expected"),
                ('{"promise":1,"promise":1}', "there before"), ('{"a" 1}', "colon"),
                ('{"a":"\\x"}', "escape"), ('{"a":"\\ud800"}', "surrogate"),
                ('{"a":"\\u0000"}', "NUL"), ('{"a":"\\u12g4"}', "hexadecimal"),
                ('{"a":"b', "within a string"), ('{"a":"\n"}', "control character"),
                (b'{"a":"\xff"}', "UTF-8"), (b'{"a":"\xc0\x80"}', "UTF-8"),
                (b'{"a":"\xed\xa0\x80"}', "UTF-8"), (b'{"a":"\xf4\x90\x80\x80"}', "UTF-8"),
                ('{"a":1.}', "digit"), ('{"a":1e}', "digit"), ('{"a":-}', "value"),
                (b'{"promise":1}\x00', "after the end"),
                ("[" * 100000, "too deeply"), ('{"a":' * 100 + "1" + "}" * 100, "too deeply"),
                ("[" + "1," * 20000 + "1]", "too many values"), ("[" + " " * 400000 + "]", "too large"),
                ("{}", '"promise": 1'), ('{"promise":"1"}', '"promise": 1'),
                ('{"promise":2}', "version 2"), ('{"promise":1.0}', "version 1.0"),
                ('{"promise":1,"components":{}}', '"components" is not an array'),
                ('{"promise":1,"libraries":[1]}', '"libraries" is not an array'),
                ('{"promise":1,"gpu":{"sm":[90]}}', '"sm" is not an array of strings')):
            with self.subTest(text[:40]):
                self.refused(text, why)

    def test_position(self):
        self.refused('{\n  "promise": 1,\n  "a": x\n}', "line 3, column 8")

    def test_a_folder_and_a_pipe(self):
        self.box.promise.mkdir()
        self.probe("--allow-no-gpu", code=IMAGE, cause="promise-invalid")
        self.box.promise.rmdir()
        os.mkfifo(self.box.promise)
        self.probe("--allow-no-gpu", code=IMAGE, cause="promise-invalid", timeout=10)

    def test_strings_are_passed_on(self):
        document = {**self.box.full_promise(), "tag": 'a"b\\c\u00e9\U0001f600\n\u0007', "libraries": [],
                    "components": []}
        self.box.write_promise(json.dumps(document))
        self.assertEqual(self.probe(code=NO_GPU)["image"]["tag"], document["tag"])
        self.box.write_promise(json.dumps(document, ensure_ascii=False))
        self.assertEqual(self.probe(code=NO_GPU)["image"]["tag"], document["tag"])

    def test_damaged_at_random(self):
        """Whatever became of the file: one of the exit codes, valid JSON, no crash."""
        random.seed(20250520)
        whole = json.dumps(self.box.full_promise()).encode()
        for _ in range(200):
            data = bytearray(whole)
            for _ in range(random.randint(1, 4)):
                at = random.randrange(len(data))
                choice = random.random()
                if choice < 0.5:
                    data[at] = random.choice(b'{}[]",:\\0-e\xff\xc3\x00nu')
                elif choice < 0.8:
                    del data[at:at + random.randint(1, 40)]
                else:
                    data[at:at] = data[at:at + random.randint(1, 40)]
            self.box.promise.write_bytes(bytes(data))
            result = self.box.run("probe", "--json", "--allow-no-gpu", "--promise",
                                  str(self.box.promise))
            self.assertIn(result.returncode, (OK, IMAGE), bytes(data))
            report = json.loads(result.stdout)
            self.assertNotIn("crash", self.causes(report), bytes(data))


class Requirements(ProbeTest):
    arguments = ("--skip", "compute")

    def setUp(self):
        super().setUp()
        self.box.driver()

    def test_evaluation(self):
        for value, expected in (
                ("cuda>=11.8", "met"), ("cuda>=12.5", "unmet"), ("cuda>12.3", "met"),
                ("cuda=12.4", "met"), ("cuda!=12.4", "unmet"), ("cuda<=12.4", "met"),
                ("cuda<12.4", "unmet"), ("driver>=550.54.15", "met"), ("driver<551", "met"),
                ("driver>=550.54.16", "unmet"), ("arch>=8.6", "met"), ("arch<8.6", "unmet"),
                ("brand=tesla", "met"), ("brand=geforce", "unmet"), ("brand!=geforce", "met"),
                ("brand>tesla", "invalid"), ("cuda>=12.5 driver>=525", "met"),
                ("cuda>=12.5,driver>=525", "unmet"), ("cuda>=12,driver>=600 brand=titan", "unmet"),
                ("brand=tesla,driver>=550,driver<551", "met"), ("moon=full", "met"),
                ("cuda", "invalid"), ("cuda>=x", "invalid"), (">=12", "invalid"), ("cuda>=", "invalid"),
                ("cuda=>12", "invalid"), ("cuda==12.4", "invalid"), ("cuda!12", "invalid"),
                ("  cuda>=11.8  ", "met"), ("cuda>=" + "1" * 200, "invalid")):
            with self.subTest(value):
                code = HOST if expected == "unmet" else OK
                report = self.probe(code=code, env={"NVIDIA_REQUIRE_CUDA": value})
                self.assertEqual(report["requirements"][0]["result"], expected)
                self.assertEqual("requirement-unmet" in self.causes(report), code == HOST)
                self.assertEqual("requirement-invalid" in self.causes(report), expected == "invalid")

    def test_all_variables_count(self):
        env = {"NVIDIA_REQUIRE_CUDA": "cuda>=11.0", "NVIDIA_REQUIRE_DRIVER": "driver>=600",
               "NVIDIA_REQUIRE_JETPACK": "l4t>=35", "NVIDIA_REQUIRE_NONE": ""}
        report = self.probe(code=HOST, cause="requirement-unmet", env=env)
        self.assertEqual([(r["name"], r["result"]) for r in report["requirements"]],
                         [("NVIDIA_REQUIRE_CUDA", "met"), ("NVIDIA_REQUIRE_DRIVER", "unmet")])

    def test_disabled(self):
        for word, code in (("1", OK), ("true", OK), ("0", HOST), ("", HOST)):
            report = self.probe(code=code, env={"NVIDIA_REQUIRE_CUDA": "cuda>=13",
                                                "NVIDIA_DISABLE_REQUIRE": word})
            self.assertEqual("requirement-disabled" in self.causes(report), code == OK)

    def test_nothing_known(self):
        shutil.rmtree(self.box.libraries)
        shutil.rmtree(self.box.root / "proc")
        report = self.probe(code=NO_GPU, env={"NVIDIA_REQUIRE_CUDA": "cuda>=11.8"})
        self.assertEqual(report["requirements"][0]["result"], "unknown")


class Info(ProbeTest):
    def test_text(self):
        self.box.write_promise()
        result = self.box.run("info", "--promise", str(self.box.promise))
        self.assertEqual((result.returncode, result.stderr), (OK, ""))
        for word in ("pytorch2.6-cuda12.4-debian12-v2.6.0", "2.6.0, CUDA 12.4", "525.60.13",
                     "imgforge reproduce REF"):
            self.assertIn(word, result.stdout)

    def test_json_is_the_document(self):
        self.box.write_promise()
        result = self.box.run("info", "--json", "--promise", str(self.box.promise))
        self.assertEqual(json.loads(result.stdout), self.box.full_promise())

    def test_control_characters_stay_out_of_the_terminal(self):
        self.box.write_promise({"promise": 1, "tag": "a\u001b[31mb"})
        result = self.box.run("info", "--promise", str(self.box.promise))
        self.assertNotIn("\x1b", result.stdout)

    def test_without_promise(self):
        result = self.box.run("info")
        self.assertEqual((result.returncode, result.stdout), (IMAGE, ""))
        self.assertIn("/opt/imgforge/promise.json", result.stderr)


class CommandLine(ProbeTest):
    def test_usage(self):
        for arguments in (["--wat"], ["build"], ["probe", "--timeout"], ["probe", "--timeout", "0"],
                          ["probe", "--timeout=x"], ["probe", "--timeout=99999999999999999999"],
                          ["probe", "extra"], ["probe", "--promise"], ["probe", "--only="],
                          ["probe", "--skip", "moon"], ["info", "--allow-no-gpu"],
                          ["probe", "--promise", "/nowhere/promise.json"], ["probe", "--jsonx"]):
            with self.subTest(arguments):
                result = self.box.run(*arguments)
                self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
                self.assertIn("imgforge: ", result.stderr)

    def test_help_and_version(self):
        for arguments in (["--help"], ["help"], ["probe", "-h"], ["info", "--help"]):
            result = self.box.run(*arguments)
            self.assertEqual(result.returncode, OK)
            self.assertIn("exit codes", result.stdout)
        self.assertRegex(self.box.run("--version").stdout, r"^imgforge-probe \d+\.\d+\.\d+\n$")

    def test_names(self):
        """As installed in images, `imgforge` alone explains itself; `imgforge-probe` alone probes."""
        front = self.box.top / "imgforge"
        front.symlink_to(PROBE)
        self.assertEqual(self.box.run(program=str(front)).returncode, USAGE)
        self.assertEqual(self.box.run("probe", program=str(front)).returncode, NO_GPU)
        self.assertEqual(self.box.run().returncode, NO_GPU)
        self.assertEqual(self.box.run("--json").returncode, NO_GPU)

    def test_text(self):
        result = self.box.run("probe")
        self.assertIn("FAILED  no NVIDIA driver in this container", result.stdout)
        self.assertIn("owner   run command", result.stdout)
        self.assertIn("--gpus all", result.stdout)
        self.assertTrue(result.stdout.isascii())
        self.assertNotIn("\x1b", result.stdout)

    def test_text_where_no_gpu_is_allowed(self):
        result = self.box.run("probe", "--allow-no-gpu")
        self.assertEqual(result.returncode, OK)
        self.assertNotIn("FAIL", result.stdout)
        self.assertIn("no GPU is visible, which is allowed", result.stdout)

    def test_text_of_a_good_gpu(self):
        self.box.driver().software().write_promise()
        result = self.box.run("probe", "--promise", str(self.box.promise))
        self.assertEqual(result.returncode, OK, result.stdout)
        for words in ("512 x 512, exact", "16 MiB written and checked", "OK      GPU, driver and image"):
            self.assertIn(words, result.stdout)
        self.assertNotIn("libcuda talks", result.stdout)

    def test_colours_on_a_terminal_only(self):
        script = shutil.which("script")
        if script is None:
            self.skipTest("no script(1) to make a terminal with")
        for env, coloured, marks in (({"TERM": "xterm", "LANG": "C.UTF-8"}, True, True),
                                     ({"TERM": "xterm", "LANG": "C", "NO_COLOR": "1"}, False, False),
                                     ({"TERM": "dumb", "LANG": "C.UTF-8"}, False, False)):
            result = self.box.run("-qec", f"{PROBE} probe", "/dev/null", program=script, env=env)
            self.assertEqual(result.returncode, NO_GPU, result.stderr)
            self.assertEqual("\x1b[" in result.stdout, coloured, env)
            self.assertEqual("\u2718" in result.stdout, marks, env)

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            for arguments in (["probe", "--json"], ["--help"]):
                result = subprocess.run([PROBE, *arguments], stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(result.returncode, FAILED)
                self.assertIn(b"No space left", result.stderr)

    def test_nothing_is_left_behind(self):
        """A child that hangs is gone when the probe is."""
        self.box.driver()
        self.box.run("probe", "--timeout=1", env={"FAKE_HANG": "cuInit", "MARK": str(self.box.top)})
        left = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                environ = (process / "environ").read_bytes()
            except OSError:
                continue
            if f"MARK={self.box.top}".encode() in environ:
                left.append(process.name)
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
