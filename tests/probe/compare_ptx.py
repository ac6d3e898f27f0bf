"""compare_ptx.py REBUILT CHECKED_IN: the kernels of nvcc here are those that the probe embeds.

Comments, white space and the numbers of registers and labels do not count. Compilers of different
CUDA versions differ in more than that; then this comparison says so and is skipped (77), and what
remains is that ptxas accepts both and that test_ptx.py runs both.
"""

import re
import sys


def toolkit(text):
    found = re.match(r"// kernels\.cu through nvcc release (\S+),", text)
    if not found:
        sys.exit("no word of the compiler in the first line")
    return found.group(1)


def normal(text):
    """Lines without comments, registers and labels numbered by their first appearance."""
    text = re.sub(r"//[^\n]*", "", text)
    lines = []
    for body in re.split(r"(?=\.visible \.entry)", text):
        names = {}

        def rename(match):
            kind = re.match(r"[%$A-Za-z_]*[A-Za-z]", match.group(0)).group(0)
            order = sum(1 for known in names.values() if known.startswith(kind + "#"))
            return names.setdefault(match.group(0), f"{kind}#{order}")

        body = re.sub(r"\.reg [^;]*;", "", body)
        body = re.sub(r"%[a-z]+[0-9]+\b|\$L__BB[0-9]+_[0-9]+", rename, body)
        lines += [" ".join(line.split()) for line in body.splitlines() if line.strip()]
    return lines


def main():
    if sys.argv[1:] == ["--no-nvcc"]:
        print("SKIPPED: no nvcc: nothing here checks that kernels.ptx belongs to kernels.cu")
        sys.exit(77)
    rebuilt, checked_in = (open(path, encoding="ascii").read() for path in sys.argv[1:3])
    if toolkit(rebuilt) != toolkit(checked_in):
        print(f"SKIPPED: kernels.ptx was made by nvcc {toolkit(checked_in)}, here is "
              f"{toolkit(rebuilt)}; texts are compared within one toolkit only")
        sys.exit(77)
    a, b = normal(rebuilt), normal(checked_in)
    for number, (x, y) in enumerate(zip(a, b)):
        if x != y:
            sys.exit(f"kernels.ptx does not come from kernels.cu: rebuilt {x!r}, checked in {y!r} "
                     f"(normalised line {number})")
    if len(a) != len(b):
        sys.exit(f"kernels.ptx does not come from kernels.cu: {len(a)} lines, {len(b)} checked in")
    if len(a) < 100:
        sys.exit(f"only {len(a)} lines were compared")


if __name__ == "__main__":
    main()
