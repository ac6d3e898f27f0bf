"""The arithmetic of --deep with a real torch: every result is exact, and one wrong element is found.

IMGFORGE_TORCH_PYTHON names a Python that has torch (no GPU is needed); without it, the Python of these tests if it has
one, else a loud skip.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from harness import FAILED, HERE, OK, PROBE, main

PYTHON = os.environ.get("IMGFORGE_TORCH_PYTHON", sys.executable)
SCRIPT = HERE.parents[1] / "cuda-probe/torch_check.py"

# The script's functions, called on the CPU as they are called on a GPU.
FUNCTIONS = """
import json, os, sys
text = open(%r).read()
sys.argv = ["-c", str(os.open("/dev/null", os.O_WRONLY)), ""]
exec(text[:text.index('check("matmul-cpu"')])
said = {work.__name__: [work("cpu")] for work in (matmul, linear, convolution)}
product, forward, conv2d = torch.Tensor.__matmul__, torch.nn.Linear.forward, torch.nn.functional.conv2d

def one_off(tensor):
    if tensor.dtype == torch.float32:
        tensor = tensor.clone()
        tensor.view(-1)[7] += 1
    return tensor

torch.Tensor.__matmul__ = lambda a, b: one_off(product(a, b))
said["matmul"].append(matmul("cpu"))
torch.Tensor.__matmul__ = product
torch.nn.Linear.forward = lambda self, x: one_off(forward(self, x))
said["linear"].append(linear("cpu"))
torch.nn.functional.conv2d = lambda *words, **more: one_off(conv2d(*words, **more))
said["convolution"].append(convolution("cpu"))
print(json.dumps(said))
"""


def has_torch():
    found = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True, timeout=300, check=False)
    return found.returncode == 0


class RealTorch(unittest.TestCase):
    def setUp(self):
        if not has_torch():
            print(f"SKIPPED: {PYTHON} has no torch; IMGFORGE_TORCH_PYTHON names one that has")
            self.skipTest("no torch")

    def probe(self, **environment):
        with tempfile.TemporaryDirectory(prefix="probe-torch-") as folder:
            (wrapper := f"{folder}/python3")
            with open(wrapper, "w", encoding="utf-8") as file:
                file.write(f'#!/bin/sh\nexec "{PYTHON}" "$@"\n')
            os.chmod(wrapper, 0o755)
            done = subprocess.run([PROBE, "probe", "--json", "--only=torch", "--allow-no-gpu"], text=True, check=False,
                                  capture_output=True, timeout=300,
                                  env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": folder, **environment})
        return done.returncode, json.loads(done.stdout)

    def test_on_the_cpu(self):
        code, report = self.probe()
        self.assertEqual(code, OK, report["verdict"])
        states = {check["name"]: check["state"] for check in report["torch"]["checks"]}
        self.assertEqual([states[name] for name in ("import", "matmul-cpu", "linear-cpu")], ["passed"] * 3)
        print(f"\ntorch {report['torch']['version']}: {report['stages'][-1]['ms']:.0f} ms")

    def test_a_torch_that_computes_wrongly(self):
        with tempfile.TemporaryDirectory(prefix="probe-torch-") as folder:
            with open(f"{folder}/sitecustomize.py", "w", encoding="utf-8") as file:
                file.write("import torch\nreal = torch.Tensor.__matmul__\n\n\ndef wrong(a, b):\n    out = real(a, b)\n"
                           "    if out.dtype == torch.float32:\n        out.view(-1)[5] += 1\n    return out\n\n\n"
                           "torch.Tensor.__matmul__ = wrong\n")
            code, report = self.probe(PYTHONPATH=folder)
        self.assertEqual((code, report["verdict"]["cause"]), (FAILED, "torch-wrong-result"))
        self.assertIn("1 of 1000000 elements are wrong", report["verdict"]["sentence"])

    def test_every_work_finds_one_wrong_element(self):
        done = subprocess.run([PYTHON, "-c", FUNCTIONS % str(SCRIPT)], capture_output=True, text=True, timeout=300,
                              check=True)
        for work, (right, wrong) in json.loads(done.stdout).items():
            self.assertEqual(right, "", work)
            self.assertRegex(wrong, r"^1 of \d+ elements are wrong$", work)


if __name__ == "__main__":
    main()
