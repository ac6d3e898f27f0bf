"""test_ptx.py FILE...: runs the kernels' PTX in an interpreter and checks what they compute.

No GPU is needed to know what the instructions mean: fill and check go over a small memory with more
than one block, the product is compared with one made here, and each kernel is also run on wrong data.
The interpreter knows the instructions of lower-ptx.cmake's list and stops at any other. Threads of a
block run in turn, from barrier to barrier.
"""

import re
import struct
import sys
import unittest

FILES = sys.argv[1:]
M32, M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def to_f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def f32_bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def bits_f32(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def signed(value, width):
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


class Kernel:
    def __init__(self, text, name):
        found = re.search(r"\.entry " + name + r"\((.*?)\)\s*\{(.*?)\n\}", text, re.S)
        self.parameters = re.findall(r"\.param \.(\w+) (\w+)", found.group(1))
        self.code, self.labels, self.shared, at = [], {}, {}, 0
        for line in found.group(2).split("\n"):
            line = line.split("//")[0].strip()
            if not line or line.startswith((".reg", ".pragma", "{", "}")):
                continue
            if line.startswith(".shared"):
                align, variable, size = re.match(
                    r"\.shared \.align (\d+) \.b8 (\w+)\[(\d+)\];", line).groups()
                at = -(-at // int(align)) * int(align)
                self.shared[variable] = at
                at += int(size)
                continue
            label = re.match(r"(\$\w+):$", line)
            if label:
                self.labels[label.group(1)] = len(self.code)
                continue
            guard, op, rest = re.match(r"(?:@(!?%p\d+)\s+)?(\S+?)(?:\s+(.*?))?;$", line).groups()
            operands = [o.strip() for o in re.findall(r"\[[^\]]*\]|[^,]+", rest or "")]
            self.code.append((guard, op, operands))


class Thread:
    def __init__(self, kernel, arguments, memory, shared, special):
        self.k, self.special = kernel, special
        self.spaces = {"global": memory, "shared": shared}
        self.parameters = {name: value for (_, name), value in zip(kernel.parameters, arguments)}
        self.registers, self.pc, self.done = {}, 0, False

    def value(self, operand):
        if operand in self.registers:
            return self.registers[operand]
        if operand in self.special:
            return self.special[operand]
        if operand in self.k.shared:
            return self.k.shared[operand]
        if operand.startswith("0f"):
            return bits_f32(int(operand[2:], 16))
        return int(operand, 0)

    def address(self, operand):
        base, _, offset = operand[1:-1].partition("+")
        return self.value(base) + (int(offset) if offset else 0)

    def run(self):
        """Until the next barrier or the end; True if it is at a barrier."""
        for _ in range(1_000_000):
            guard, op, o = self.k.code[self.pc]
            self.pc += 1
            if guard and bool(self.registers[guard.lstrip("!")]) == guard.startswith("!"):
                continue
            if op == "bar.sync":
                return True
            if op == "ret":
                self.done = True
                return False
            self.step(op, o)
        raise AssertionError("the kernel does not end")

    def step(self, op, o):
        part = op.split(".")
        width = 64 if part[-1].endswith("64") else 32
        mask = M64 if width == 64 else M32
        name = part[0]
        if name == "bra":
            self.pc = self.k.labels[o[0]]
        elif op.startswith("ld.param"):
            self.registers[o[0]] = self.parameters[o[1][1:-1]]
        elif name == "ld":
            bits = self.spaces[part[1]][self.address(o[1])]
            self.registers[o[0]] = bits_f32(bits) if part[-1] == "f32" else bits
        elif name == "st":
            value, space, address = self.value(o[1]), self.spaces[part[1]], self.address(o[0])
            if part[1] == "global" and address not in space:
                raise AssertionError(f"a store beside the memory: {address:#x}")
            space[address] = f32_bits(value) if part[-1] == "f32" else value & M32
        elif name == "red":
            address, value = self.address(o[0]), self.value(o[1])
            space = self.spaces[part[1]]
            old = space[address]
            space[address] = {"add": (old + value) & M64, "min": min(old, value),
                                    "or": old | value}[part[2]]
        elif name == "setp":
            a, b = self.value(o[1]), self.value(o[2])
            if part[2][0] == "s":
                a, b = signed(a, width), signed(b, width)
            self.registers[o[0]] = {"eq": a == b, "ne": a != b, "lt": a < b, "ge": a >= b}[part[1]]
        elif name == "fma":
            self.registers[o[0]] = to_f32(self.value(o[1]) * self.value(o[2]) + self.value(o[3]))
        elif op == "mov.f32":
            self.registers[o[0]] = self.value(o[1])
        elif op == "mul.wide.u32":
            self.registers[o[0]] = (self.value(o[1]) & M32) * (self.value(o[2]) & M32)
        else:
            a = [self.value(x) for x in o[1:]]
            result = {
                "mov": lambda: a[0], "cvta": lambda: a[0], "add": lambda: a[0] + a[1],
                "xor": lambda: a[0] ^ a[1], "shl": lambda: a[0] << a[1],
                "shr": lambda: (a[0] & mask) >> a[1], "mul": lambda: a[0] * a[1],
                "mad": lambda: a[0] * a[1] + a[2], "cvt": lambda: a[0]}[name]()
            if op == "cvt.u32.u64":
                mask = M32
            self.registers[o[0]] = result & mask


def launch(kernel, grid, block, arguments, memory):
    for block_y in range(grid[1]):
        for block_x in range(grid[0]):
            special = {"%ctaid.x": block_x, "%ctaid.y": block_y, "%ntid.x": block[0],
                       "%nctaid.x": grid[0]}
            shared = {}
            threads = [Thread(kernel, arguments, memory, shared,
                              {**special, "%tid.x": x, "%tid.y": y})
                       for y in range(block[1]) for x in range(block[0])]
            while True:
                at_barrier = [thread.run() for thread in threads if not thread.done]
                if not any(at_barrier):
                    break
                assert all(at_barrier), "some threads of a block pass the barrier, some do not"


def pattern(i, seed):
    x = (i + seed) & M32
    x = (x ^ x >> 16) * 0x7FEB352D & M32
    x = (x ^ x >> 15) * 0x846CA68B & M32
    return x ^ x >> 16


class Kernels(unittest.TestCase):
    SEED, FLIP, WORDS, BASE, RESULT = 0x1BD11BDA, 0xFFFFFFFF, 150, 0x10000, 0x90000

    def each(self):
        for path in FILES:
            with open(path, encoding="ascii") as file:
                text = file.read()
            yield text

    def filled(self, text, flip):
        memory = {self.BASE + 4 * i: 0xDEADBEEF for i in range(self.WORDS)}
        launch(Kernel(text, "probe_fill"), (3, 1), (16, 1),
               [self.BASE, self.WORDS, self.SEED, flip], memory)
        return memory

    def check(self, text, memory, flip):
        memory.update({self.RESULT: 0, self.RESULT + 8: M64, self.RESULT + 16: 0})
        launch(Kernel(text, "probe_check"), (3, 1), (16, 1),
               [self.BASE, self.WORDS, self.SEED, flip, self.RESULT], memory)
        return tuple(memory[self.RESULT + 8 * i] for i in range(3))

    def test_fill(self):
        for text in self.each():
            for flip in (0, self.FLIP):
                memory = self.filled(text, flip)
                self.assertEqual(len(memory), self.WORDS)
                for i in range(self.WORDS):
                    self.assertEqual(memory[self.BASE + 4 * i], pattern(i, self.SEED) ^ flip)

    def test_check(self):
        for text in self.each():
            memory = self.filled(text, self.FLIP)
            self.assertEqual(self.check(text, memory, self.FLIP), (0, M64, 0))
            self.assertEqual(self.check(text, memory, 0), (self.WORDS, 0, self.FLIP))
            for i, bit in ((149, 0x80000000), (47, 0x1), (48, 0x100)):
                memory[self.BASE + 4 * i] ^= bit
            self.assertEqual(self.check(text, memory, self.FLIP), (3, 47, 0x80000101))

    def test_matmul(self):
        n, a, b, c = 32, 0x10000, 0x20000, 0x30000
        for text in self.each():
            left = [[(i * 7 + k * 3) % 13 - 6 for k in range(n)] for i in range(n)]
            right = [[(k * 5 + j * 11) % 17 - 8 for j in range(n)] for k in range(n)]
            memory = {c + 4 * i: 0xDEADBEEF for i in range(n * n)}
            for i in range(n):
                for j in range(n):
                    memory[a + 4 * (i * n + j)] = f32_bits(left[i][j])
                    memory[b + 4 * (i * n + j)] = f32_bits(right[i][j])
            launch(Kernel(text, "probe_matmul"), (n // 16, n // 16), (16, 16), [a, b, c, n], memory)
            for i in range(n):
                for j in range(n):
                    self.assertEqual(bits_f32(memory[c + 4 * (i * n + j)]),
                                     sum(left[i][k] * right[k][j] for k in range(n)))

    def test_header(self):
        for text in self.each():
            self.assertEqual(re.findall(r"^\.(version|target) (.*)$", text, re.M),
                             [("version", "6.0"), ("target", "sm_60")])


if __name__ == "__main__":
    if not FILES:
        sys.exit("no files")
    unittest.main(argv=sys.argv[:1])
