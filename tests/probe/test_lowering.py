"""test_lowering.py CMAKE SCRIPT KERNELS TENSOR: lower-ptx.cmake accepts its own work and refuses what
PTX 6.0 or the module's target does not have, and files that are not one module."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CMAKE, SCRIPT, KERNELS, TENSOR = sys.argv[1:5]


class Lowering(unittest.TestCase):
    module, ptx, target = "kernels", KERNELS, "sm_60"
    refused = (("xor.b32", "lop3.b32", "lop3.b32"), ("bar.sync", "barrier.sync", "barrier.sync"),
               ("ld.global.u32", "ld.global.nc.L2::128B.u32", "ld.global.nc.L2::128B.u32"),
               ("\tret;", "\t@%p1 cp.async.wait_all;\n\tret;", "cp.async.wait_all"),
               ("\tret;", "\twmma.load.a.sync.row.m16n16k16.f16 {%r1}, [%rd1], %r2;\n\tret;",
                "wmma.load.a.sync.row.m16n16k16.f16"),
               (".address_size 64", ".explicitcluster", ".explicitcluster"))

    def lower(self, text, module=None):
        with tempfile.TemporaryDirectory() as folder:
            given, made = pathlib.Path(folder, "in.ptx"), pathlib.Path(folder, "out.ptx")
            given.write_text(text)
            result = subprocess.run(
                [CMAKE, f"-DMODULE={self.module if module is None else module}", f"-DIN={given}",
                 f"-DOUT={made}", "-P", SCRIPT], capture_output=True, text=True)
            message = " ".join(result.stderr.split())
            return made.read_text() if made.exists() else None, message

    def setUp(self):
        first, _, self.text = pathlib.Path(self.ptx).read_text().partition("\n")
        self.first = first

    def test_newer_header(self):
        newer = self.text.replace(".version 6.0", ".version 9.5").replace(self.target, "sm_75")
        made, message = self.lower(
            "// Cuda compilation tools, release 13.5, V13.5.37\n//\n\n" + newer + "\n\n")
        self.assertEqual(message, "")
        self.assertEqual(made.split("\n", 1)[1], self.text)
        self.assertIn(f"{self.module}.cu through nvcc release 13.5, V13.5.37", made.split("\n")[0])

    def test_refused(self):
        for old, new, word in self.refused:
            with self.subTest(word):
                self.assertIn(old, self.text)
                made, message = self.lower(self.text.replace(old, new, 1))
                self.assertIsNone(made)
                self.assertIn(word, message)

    def test_headers_are_counted(self):
        for text in (self.text + "\n.version 6.0\n", self.text.replace(f".target {self.target}\n", "")):
            made, message = self.lower(text)
            self.assertIsNone(made)
            self.assertIn("exactly one", message)

    def test_module_is_named(self):
        for module in ("", "other"):
            made, message = self.lower(self.text, module)
            self.assertIsNone(made)
            self.assertIn("-DMODULE", message)


class LoweringTensor(Lowering):
    module, ptx, target = "tensor", TENSOR, "sm_70"
    refused = (("wmma.load.a.sync.row", "wmma.load.a.sync.aligned.row",
                "wmma.load.a.sync.aligned.row.m16n16k16.f16"),
               ("wmma.mma.sync.row.row.m16n16k16", "mma.sync.aligned.m16n8k8.row.col",
                "mma.sync.aligned.m16n8k8.row.col.f32.f32"),
               ("wmma.store.d.sync.row", "wmma.store.d.sync.col",
                "wmma.store.d.sync.col.m16n16k16.f32"),
               ("\tret;", "\tcp.async.wait_all;\n\tret;", "cp.async.wait_all"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
