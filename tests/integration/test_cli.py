#!/usr/bin/env python3
"""The program from outside, on small images that need nothing from the network: what it prints, its exit codes, the same bytes
under other circumstances, interruption, damage, and what other clients say of its output.

    test_cli.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

import cli_project
from cli_project import SPEC, Expectations, Project

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
VALIDATE = os.path.join(SOURCE, "tests/tools/validate_layout.py")

class CliTest(Expectations, unittest.TestCase):
    def project(self, spec=SPEC, locked=True):
        project = Project(spec)
        self.addCleanup(project.remove)
        if locked:
            self.ok(project.run("lock", "specs/demo.yaml"))
        return project

    def build(self, project, *words, **more):
        return json.loads(self.ok(project.run("build", "specs/demo.yaml", "--json", *words, **more)).stdout)

    def validate(self, target):
        checked = subprocess.run([sys.executable, VALIDATE, target], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


class Building(CliTest):
    def test_every_output_is_whole_and_the_second_build_does_nothing(self):
        project = self.project()
        outputs = ["-o", "oci:out/layout", "-o", "oci-archive:out/demo.oci.tar", "-o", "docker-archive:out/demo.tar"]
        first = self.build(project, *outputs)
        self.assertEqual(first["tag"], "v1")
        self.validate(project.path("out/layout"))
        self.validate(project.path("out/demo.oci.tar"))
        self.validate(project.path("store"))
        archive = pathlib.Path(project.path("out/demo.tar")).read_bytes()
        second = self.build(project, *outputs)
        self.assertEqual(first["digest"], second["digest"])
        self.assertTrue(all(layer["reused"] for layer in second["layers"]))
        self.assertEqual(archive, pathlib.Path(project.path("out/demo.tar")).read_bytes())

    def test_the_same_bytes_elsewhere(self):
        one, two = self.project(), self.project()
        os.utime(two.path("app/main.py"), (1, 1))
        os.chmod(two.path("app/main.py"), 0o600)
        os.umask(0o077)
        self.addCleanup(os.umask, 0o022)
        first = self.build(one, "-j", "1")
        second = self.build(two, "-j", "8", TZ="Asia/Tokyo", LC_ALL="C.UTF-8", SOURCE_DATE_EPOCH="12345")
        self.assertEqual(first["digest"], second["digest"])

    def test_only_the_changed_layer_is_built(self):
        project = self.project()
        self.build(project)
        project.write("app/main.py", "print('changed')\n")
        plan = json.loads(self.ok(project.run("plan", "specs/demo.yaml", "--json")).stdout)
        actions = {layer["id"]: layer["action"] for layer in plan["layers"]}
        self.assertEqual(actions, {"root": "reuse", "probe": "reuse", "app": "build", "promise": "reuse"})
        self.assertIn("changed", [layer["reason"] for layer in plan["layers"] if layer["id"] == "app"][0])
        built = self.build(project)
        self.assertEqual([layer["id"] for layer in built["layers"] if not layer["reused"]], ["app"])

    def test_a_record_is_checked(self):
        project = self.project()
        first = self.build(project, "--record")
        lock = json.loads(pathlib.Path(project.path("specs/demo.lock.json")).read_text())
        self.assertEqual("sha256:" + lock["manifest"], first["digest"])
        lock["records"][0]["digest"] = "0" * 64
        project.write("specs/demo.lock.json", json.dumps(lock))
        shutil.rmtree(project.path("store"))
        self.fails(project.run("build", "specs/demo.yaml"), 5, "the lock records")
        self.ok(project.run("build", "specs/demo.yaml", "--ignore-records"))

    def test_two_builds_at_once_share_a_store(self):
        project = self.project(SPEC.replace("  - {id: app,", "  - {id: big, kind: files, from: big, dest: /big}\n  - {id: app,"),
                               locked=False)
        for number in range(40):
            project.write(f"big/{number}", os.urandom(1 << 20))
        self.ok(project.run("lock", "specs/demo.yaml"))
        command = [IMGFORGE, "build", "specs/demo.yaml", "--json"]
        runs = [subprocess.Popen(command, cwd=project.folder, env=project.environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True) for _ in range(3)]
        outputs = [run.communicate(timeout=300) for run in runs]
        for run, (_, err) in zip(runs, outputs):
            self.assertEqual(run.returncode, 0, err)
        self.assertEqual(len({json.loads(out)["digest"] for out, _ in outputs}), 1)
        self.validate(project.path("store"))

    def test_killed_in_the_middle_it_goes_on(self):
        project = self.project(SPEC.replace("  - {id: app,", "  - {id: big, kind: files, from: big, dest: /big}\n  - {id: app,"),
                               locked=False)
        for number in range(60):
            project.write(f"big/{number}", os.urandom(1 << 20))
        self.ok(project.run("lock", "specs/demo.yaml"))
        killed = 0
        for delay in (0.05, 0.15, 0.3, 0.5):
            run = subprocess.Popen([IMGFORGE, "build", "specs/demo.yaml"], cwd=project.folder, env=project.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delay)
            run.send_signal(signal.SIGKILL)
            killed += run.wait() == -signal.SIGKILL
            self.assertIn("every blob", self.ok(project.run("cache", "verify")).stdout)
        self.assertGreater(killed, 0, "every build was quicker than the signal")
        digest = self.build(project)["digest"]
        self.validate(project.path("store"))
        self.ok(project.run("cache", "prune"))
        self.assertEqual(os.listdir(project.path("store/tmp")), [])
        shutil.rmtree(project.path("store"))
        self.assertEqual(self.build(project)["digest"], digest)

    def test_interrupted_it_says_so(self):
        project = self.project(SPEC.replace("  - {id: app,", "  - {id: big, kind: files, from: big, dest: /big}\n  - {id: app,"),
                               locked=False)
        for number in range(200):
            project.write(f"big/{number}", os.urandom(1 << 20))
        self.ok(project.run("lock", "specs/demo.yaml"))
        run = subprocess.Popen([IMGFORGE, "build", "specs/demo.yaml"], cwd=project.folder, env=project.environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130, err)
        self.assertIn("interrupted", err)

    def test_a_damaged_blob_is_found_and_made_again(self):
        project = self.project()
        built = self.build(project)
        blob = pathlib.Path(project.path("store/blobs/sha256"), built["layers"][0]["digest"][7:])
        os.chmod(blob, 0o644)
        content = bytearray(blob.read_bytes())
        content[len(content) // 2] ^= 1
        blob.write_bytes(content)
        found = project.run("cache", "verify", "--quarantine", "--json")
        self.assertEqual(found.returncode, 5)
        self.assertEqual(len(json.loads(found.stdout)["damaged"]), 1)
        self.assertEqual(self.build(project)["digest"], built["digest"])
        self.validate(project.path("store"))

    def test_a_vendored_folder_serves_without_network(self):
        project = self.project()
        digest = self.build(project)["digest"]
        self.ok(project.run("fetch", "specs/demo.yaml", "--vendor", "vendor"))
        shutil.rmtree(project.path("store"))
        project.write("config.yaml", f"vendor: [{project.path('vendor')}]\n")
        again = self.build(project, "--config", project.path("config.yaml"), IMGFORGE_PROBE="/nonexistent")
        self.assertEqual(again["digest"], digest)

    def test_another_probe_than_locked_is_refused(self):
        project = self.project()
        other = project.write("other-probe", b"#!/bin/sh\n")
        shutil.rmtree(project.path("store"))
        self.fails(project.run("build", "specs/demo.yaml", IMGFORGE_PROBE=str(other)), 7, "another probe", "--update probe")

    def test_an_archive_layer(self):
        project = self.project(SPEC + "", locked=False)
        with zipfile.ZipFile(project.path("data.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("top/model.txt", "weights " * 100000)
        spec = SPEC.replace("config:", "  - {id: data, kind: archive, file: data.zip, strip: 1, dest: /data}\nconfig:")
        project.write("specs/demo.yaml", spec)
        self.ok(project.run("lock", "specs/demo.yaml"))
        self.build(project, "-o", "oci:out")
        self.validate(project.path("out"))
        listing = self.ok(project.run("inspect", "demo", "--files", "data")).stdout
        self.assertIn("data/model.txt", listing)


class BadInput(CliTest):
    def test_mistakes_in_a_spec_have_a_place(self):
        cases = [
            ("image: demo", "imgae: demo", 2, "imgae"),
            ("build: v1", "build: 1", 2, "build"),
            ("kind: files, from: app", "kind: fiels, from: app", 2, "did you mean \"files\""),
            ("from: app,", "form: app,", 2, "from"),
            ("epoch: 2025-05-20T00:00:00Z", "epoch: yesterday", 2, "yesterday"),
            ("build: v1", "build: v1\nbuild: v2", 2, "build"),
            ("GREETING: hello", "API_TOKEN: glpat-abcdefghij0123456789", 7, "API_TOKEN"),
        ]
        for old, new, code, text in cases:
            with self.subTest(new):
                project = self.project(SPEC.replace(old, new), locked=False)
                result = self.fails(project.run("lock", "specs/demo.yaml"), code, text)
                self.assertRegex(result.stderr, r"specs/demo\.yaml:\d+:\d+")
                self.assertNotIn("glpat-", result.stderr)

    def test_a_stale_lock_is_refused(self):
        project = self.project()
        project.write("specs/demo.yaml", SPEC.replace("v1", "v2"))
        for command in ("build", "plan", "fetch"):
            self.fails(project.run(command, "specs/demo.yaml"), 7, "imgforge lock specs/demo.yaml")
        self.fails(project.run("lock", "specs/demo.yaml", "--locked"), 7)
        # Line ends and comments do not count.
        project.write("specs/demo.yaml", "# a remark\n" + SPEC.replace("\n", "\r\n"))
        self.ok(project.run("lock", "specs/demo.yaml", "--locked"))

    def test_a_missing_lock_says_how_to_get_one(self):
        project = self.project(locked=False)
        self.fails(project.run("build", "specs/demo.yaml"), 3, "imgforge lock")

    def test_words_that_contradict_the_contents(self):
        project = self.project(SPEC + "components: {torch: \"2.6\"}\n", locked=False)
        self.fails(project.run("lock", "specs/demo.yaml"), 5, "torch", "2.6")

    def test_a_secret_in_an_app_file_is_named(self):
        project = self.project()
        project.write("app/key.pem", "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIEowIBAAKCAQEA7bq9xWZ0p1K3tYQeJ" * 2 + "\n-----END RSA PRIVATE " + "KEY-----\n")
        result = project.run("build", "specs/demo.yaml")
        self.assertIn(result.returncode, (2, 7))
        self.assertIn("key.pem", result.stderr)

    def test_a_zip_that_wants_out_is_refused(self):
        for name in ("../evil", "/evil", "a/../../evil"):
            with self.subTest(name):
                project = self.project(SPEC.replace("config:", "  - {id: data, kind: archive, file: data.zip, dest: /data}\nconfig:"),
                                       locked=False)
                with zipfile.ZipFile(project.path("data.zip"), "w") as archive:
                    archive.writestr(name, "x")
                locked = project.run("lock", "specs/demo.yaml")
                result = locked if locked.returncode else project.run("build", "specs/demo.yaml")
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn("evil", result.stderr)

    def test_usage(self):
        project = self.project()
        self.fails(project.run("biuld"), 2, "did you mean 'imgforge build'")
        self.fails(project.run("build", "specs/demo.yaml", "--ouput", "x"), 2, "--output")
        self.fails(project.run("build", "specs/nothing.yaml"), 3)
        self.fails(project.run("build", "specs/demo.yaml", "-j", "zero"), 2, "zero")
        self.fails(project.run("inspect", "nothing"), 3)
        self.assertEqual(project.run().returncode, 2)

    def test_errors_as_json(self):
        project = self.project(SPEC.replace("image: demo", "imgae: demo"), locked=False)
        result = project.run("lock", "specs/demo.yaml", "--json")
        error = json.loads(result.stdout)["error"]
        self.assertEqual((error["code"], error["exit_code"], error["line"]), ("invalid", 2, 2))

    def test_a_full_disk(self):
        if os.geteuid() != 0:
            print("SKIPPED: test_a_full_disk: mounting a small tmpfs needs root", file=sys.stderr)
            return
        project = self.project(SPEC.replace("  - {id: app,", "  - {id: big, kind: files, from: big, dest: /big}\n  - {id: app,"),
                               locked=False)
        project.write("big/file", os.urandom(24 << 20))
        os.makedirs(project.path("store"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", project.path("store")], check=False)
        if mounted.returncode != 0:
            print("SKIPPED: test_a_full_disk: no tmpfs can be mounted here", file=sys.stderr)
            return
        try:
            self.ok(project.run("lock", "specs/demo.yaml"))
            self.fails(project.run("build", "specs/demo.yaml"), 1, "No space left", "cache prune")
            self.assertEqual(os.listdir(project.path("store/tmp")), [])
            self.assertIn("every blob", self.ok(project.run("cache", "verify")).stdout)
        finally:
            subprocess.run(["umount", project.path("store")], check=True)


class Looking(CliTest):
    def test_inspect_diff_cache_and_completion(self):
        project = self.project()
        self.build(project, "-o", "oci:out:v1")
        shown = json.loads(self.ok(project.run("inspect", "oci:out:v1", "--json")).stdout)
        self.assertEqual([layer["id"] for layer in shown["layers"]], ["root", "probe", "app", "promise"])
        self.assertIn("GREETING=hello", shown["config"]["Env"])
        self.assertIn("identical", self.ok(project.run("diff", "demo", "oci:out:v1")).stdout)
        project.write("app/main.py", "print('other')\n")
        project.write("app/new.py", "pass\n")
        self.build(project, "-o", "oci:after:v1")
        changes = json.loads(self.ok(project.run("diff", "oci:out:v1", "oci:after:v1", "--json")).stdout)
        self.assertEqual([change["name"] for change in changes["files"]], ["app/main.py", "app/new.py"])
        self.assertEqual(project.run("diff", "oci:out:v1", "oci:after:v1", "--exit-code").returncode, 1)
        usage = json.loads(self.ok(project.run("cache", "du", "--json")).stdout)
        self.assertGreater(usage["blobs"], 4)
        self.ok(project.run("cache", "prune"))
        self.validate(project.path("store"))
        for shell in ("bash", "zsh", "fish"):
            script = self.ok(project.run("completion", shell)).stdout
            self.assertIn("inspect", script)
            program = shutil.which(shell)
            if program and shell == "bash":
                checked = subprocess.run([program, "-n"], input=script, text=True, capture_output=True, check=False)
                self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_progress_as_json_lines(self):
        project = self.project()
        events = [json.loads(line) for line in
                  self.ok(project.run("build", "specs/demo.yaml", "--progress", "json")).stderr.splitlines()]
        finished = {event["subject"] for event in events if event["event"] == "finish" and event["verb"] == "build"}
        self.assertEqual(finished, {"root", "probe", "app", "promise"})

    def test_every_command_has_help_with_an_example(self):
        project = self.project(locked=False)
        overview = self.ok(project.run("--help")).stdout
        names = [line.split()[0] for line in overview.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
        self.assertIn("build", names)
        for name in names:
            text = self.ok(project.run(name, "--help")).stdout
            self.assertIn("Example", text, name)
            self.assertIn("--json", text, name)

    def test_doctor_says_what_is_there(self):
        project = self.project(locked=False)
        found = project.run("doctor", "--json")
        self.assertIn(found.returncode, (0, 1))
        self.assertTrue(json.loads(found.stdout)["findings"])


class OtherClients(CliTest):
    def need(self, program):
        if shutil.which(program):
            return True
        print(f"SKIPPED: {self.id()}: {program} is not installed", file=sys.stderr)
        return False

    def client(self, *words):
        result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_skopeo_reads_and_copies(self):
        if not self.need("skopeo"):
            return
        project = self.project()
        for compression in ("gzip", "zstd"):
            with self.subTest(compression):
                project.write("specs/demo.yaml", SPEC + f"compression: {compression}\n")
                self.ok(project.run("lock", "specs/demo.yaml"))
                built = self.build(project, "-o", f"oci:{compression}:v1", "-o", f"docker-archive:{compression}.tar")
                layout = "oci:" + project.path(compression) + ":v1"
                self.assertEqual(json.loads(self.client("skopeo", "inspect", layout))["Digest"], built["digest"])
                self.client("skopeo", "copy", "--insecure-policy", layout, "dir:" + project.path(compression + "-dir"))
                self.client("skopeo", "copy", "--insecure-policy", "docker-archive:" + project.path(compression + ".tar"),
                            "oci:" + project.path(compression + "-again") + ":v1")

    def test_umoci_unpacks(self):
        if not self.need("umoci"):
            return
        project = self.project()
        self.build(project, "-o", "oci:out:v1")
        words = ["umoci", "unpack", "--image", project.path("out") + ":v1", project.path("bundle")]
        if os.geteuid() != 0:
            words.insert(2, "--rootless")
        self.client(*words)
        root = pathlib.Path(project.path("bundle/rootfs"))
        self.assertEqual((root / "app/main.py").read_text(), "print('hello')\n")
        self.assertTrue(os.access(root / "opt/imgforge/bin/imgforge", os.X_OK))
        probed = subprocess.run([root / "opt/imgforge/bin/imgforge", "probe", "--promise",
                                 root / "opt/imgforge/promise.json", "--json"], capture_output=True, text=True, check=False)
        self.assertEqual(json.loads(probed.stdout)["verdict"]["exit_code"], probed.returncode)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
