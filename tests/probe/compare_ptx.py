"""compare_ptx.py REBUILT... CHECKED_IN...: the kernels of nvcc here are those that the probe embeds.

Comments, white space and the numbers of registers and labels do not count. Compilers of different
CUDA versions differ in more than that; then this comparison says so and is skipped (77), and what
remains is that ptxas accepts both and that test_ptx.py runs both.
"""

import re
import sys


def toolkit(text):
    found = re.match(r"// (\w+)\.cu through nvcc release (\S+),", text)
    if not found:
        sys.exit("no word of the source and the compiler in the first line")
    return found.groups()


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
        print("SKIPPED: no nvcc: nothing here checks that kernels.ptx and tensor.ptx belong to "
              "kernels.cu and tensor.cu")
        sys.exit(77)
    texts = [open(path, encoding="ascii").read() for path in sys.argv[1:]]
    half = len(texts) // 2
    if half == 0 or len(texts) % 2:
        sys.exit("as many checked-in files as rebuilt ones are needed")
    skipped = [compare(*pair) for pair in zip(texts[:half], texts[half:])]
    sys.exit(77 if any(skipped) else 0)


def compare(rebuilt, checked_in):
    """True if the two cannot be compared; does not return if they differ."""
    (name, here), (same, there) = toolkit(rebuilt), toolkit(checked_in)
    if name != same:
        sys.exit(f"{name}.ptx is held against {same}.ptx")
    if here != there:
        print(f"SKIPPED: {name}.ptx was made by nvcc {there}, here is {here}; texts are compared "
              "within one toolkit only")
        return True
    a, b = normal(rebuilt), normal(checked_in)
    for number, (x, y) in enumerate(zip(a, b)):
        if x != y:
            sys.exit(f"{name}.ptx does not come from {name}.cu: rebuilt {x!r}, checked in {y!r} "
                     f"(normalised line {number})")
    if len(a) != len(b):
        sys.exit(f"{name}.ptx does not come from {name}.cu: {len(a)} lines, {len(b)} checked in")
    if len(a) < {"kernels": 100, "tensor": 40}[name]:
        sys.exit(f"only {len(a)} lines of {name}.ptx were compared")
    return False


if __name__ == "__main__":
    main()
