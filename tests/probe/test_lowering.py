"""test_lowering.py CMAKE SCRIPT PTX: lower-ptx.cmake accepts its own work and refuses what PTX 6.0 or
sm_60 does not have, and files that are not one module."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CMAKE, SCRIPT, PTX = sys.argv[1:4]


class Lowering(unittest.TestCase):
    def lower(self, text):
        with tempfile.TemporaryDirectory() as folder:
            given, made = pathlib.Path(folder, "in.ptx"), pathlib.Path(folder, "out.ptx")
            given.write_text(text)
            result = subprocess.run([CMAKE, f"-DIN={given}", f"-DOUT={made}", "-P", SCRIPT],
                                    capture_output=True, text=True)
            message = " ".join(result.stderr.split())
            return made.read_text() if made.exists() else None, message

    def setUp(self):
        first, _, self.text = pathlib.Path(PTX).read_text().partition("\n")
        self.first = first

    def test_newer_header(self):
        newer = self.text.replace(".version 6.0", ".version 9.5").replace("sm_60", "sm_75")
        made, message = self.lower(
            "// Cuda compilation tools, release 13.5, V13.5.37\n//\n\n" + newer + "\n\n")
        self.assertEqual(message, "")
        self.assertEqual(made.split("\n", 1)[1], self.text)
        self.assertIn("release 13.5, V13.5.37", made.split("\n")[0])

    def test_refused(self):
        for old, new, word in (("xor.b32", "lop3.b32", "lop3.b32"), ("bar.sync", "barrier.sync", "barrier.sync"),
                               ("ld.global.u32", "ld.global.nc.L2::128B.u32", "ld.global.nc.L2::128B.u32"),
                               ("\tret;", "\t@%p1 cp.async.wait_all;\n\tret;", "cp.async.wait_all"),
                               (".address_size 64", ".explicitcluster", ".explicitcluster")):
            with self.subTest(word):
                self.assertIn(old, self.text)
                made, message = self.lower(self.text.replace(old, new, 1))
                self.assertIsNone(made)
                self.assertIn(word, message)

    def test_headers_are_counted(self):
        for text in (self.text + "\n.version 6.0\n", self.text.replace(".target sm_60\n", "")):
            made, message = self.lower(text)
            self.assertIsNone(made)
            self.assertIn("exactly one", message)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
