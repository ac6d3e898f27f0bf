#!/usr/bin/env python3
"""specs/imgforge-debian12.yaml without building it: its lock belongs to it, and brings what the program needs. tests/own-image.sh builds it.

    test_own_image.py IMGFORGE SOURCE_DIR
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

IMGFORGE, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
SPEC = "specs/imgforge-debian12.yaml"


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=120, **more)


class OwnImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spec = (SOURCE / SPEC).read_text(encoding="utf-8")
        cls.lock = json.loads((SOURCE / SPEC.replace(".yaml", ".lock.json")).read_text(encoding="utf-8"))
        cls.packages = {deb["name"] for layer in cls.lock["layers"] for deb in layer["part"].get("debs", [])}

    def test_the_lock_belongs_to_the_spec(self):
        with tempfile.TemporaryDirectory() as store:
            done = run(IMGFORGE, "lock", SPEC, "--locked", "--store", store, cwd=SOURCE)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_uv_is_the_pinned_one(self):
        pinned = re.search(r"^uv==[\d.]+", (SOURCE / "tools/uv.txt").read_text(encoding="utf-8"), re.M).group(0)
        self.assertIn('"%s"' % pinned, self.spec)
        self.assertEqual("uv==" + self.lock["components"]["uv"], pinned)

    def test_what_doctor_asks_for_is_in_it(self):
        said = (SOURCE / "src/cli/commands/doctor.cpp").read_text(encoding="utf-8")
        required = re.findall(r'\{"[\w-]+",\s*"[^"]*",\s*"([\w-]+)",\s*true\}', said)
        self.assertGreaterEqual(len(required), 4)
        self.assertEqual(set(required) - self.packages, set())
        self.assertLessEqual({"git", "uidmap", "debian-archive-keyring", "ca-certificates"}, self.packages)

    def test_every_library_of_the_program_is_in_it(self):
        if shutil.which("dpkg-query") is None:
            print("SKIPPED: the libraries of imgforge's own image: dpkg is not here")
            return
        dynamic = run("readelf", "-d", IMGFORGE).stdout
        needed = re.findall(r"\(NEEDED\)[^\[]*\[([^\]]+)\]", dynamic)
        self.assertGreater(len(needed), 5)
        for library in needed:
            if re.match(r"lib(asan|ubsan|tsan|gcov)\b", library):
                continue  # of a sanitizer's build
            owners = {line.split(":")[0] for line in run("dpkg-query", "-S", "*/" + library).stdout.splitlines()}
            with self.subTest(library):
                self.assertTrue(owners & self.packages, "%s is of %s" % (library, owners))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
