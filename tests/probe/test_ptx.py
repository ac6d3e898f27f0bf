"""test_ptx.py FILE...: runs the kernels' PTX in an interpreter and checks what they compute.

No GPU is needed to know what the instructions mean: fill and check go over a small memory with more
than one block, the product is compared with one made here, and each kernel is also run on wrong data.
The interpreter knows the instructions of lower-ptx.cmake's lists and stops at any other. Threads of a
block run in turn, from barrier to barrier and from one instruction of the whole warp (wmma) to the next.
How a GPU spreads a tile over a warp's registers is not known outside; here it is shuffled, and another
way for each kind of tile, so that a kernel that believes to know it is found out.
"""


import random
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


def f16_bits(value):
    return struct.unpack("<H", struct.pack("<e", value))[0]


def bits_f16(bits):
    return struct.unpack("<e", struct.pack("<H", bits))[0]


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
            operands = [o.strip() for o in re.findall(r"\[[^\]]*\]|\{[^}]*\}|[^,\s][^,]*", rest or "")]
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
        """Until the next barrier, instruction of the warp or end; the name of what it waits at, or None."""
        for _ in range(1_000_000):
            guard, op, o = self.k.code[self.pc]
            self.pc += 1
            if guard and bool(self.registers[guard.lstrip("!")]) == guard.startswith("!"):
                continue
            if op == "bar.sync":
                return op
            if op.startswith("wmma."):
                return op
            if op == "ret":
                self.done = True
                return None
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


class Warp:
    """Thirty-two threads that do a wmma instruction together; tiles are 16 x 16."""

    LANES, EDGE = 32, 16

    def __init__(self, threads):
        self.threads = threads

    def step(self):
        """What they all wait at, done; they have to be at the same place."""
        assert len(self.threads) == self.LANES, "wmma needs a whole warp"
        assert len({thread.pc for thread in self.threads}) == 1, "the warp is not together"
        _, op, o = self.threads[0].k.code[self.threads[0].pc - 1]
        part = op.split(".")
        assert part[1:3] in (["load", "a"], ["load", "b"], ["store", "d"], ["mma", "sync"]), op
        if part[1] == "load":
            assert part[3:] == ["sync", "row", "m16n16k16", "f16"], op
            tile = self.rows(o[1], o[2], "f16")
            self.spread(o[0], part[2] + "row", tile, "f16")
        elif part[1] == "store":
            assert part[3:] == ["sync", "row", "m16n16k16", "f32"], op
            self.write(o[0], o[2], self.gather(o[1], "d", "f32"))
        else:
            assert part[2:] == ["sync", "row", "row", "m16n16k16", "f32", "f32"], op
            a, b = self.gather(o[1], "arow", "f16"), self.gather(o[2], "brow", "f16")
            d, n = self.gather(o[3], "d", "f32"), self.EDGE
            for i in range(n):
                for j in range(n):
                    for k in range(n):
                        d[n * i + j] = to_f32(d[n * i + j] + a[n * i + k] * b[n * k + j])
            self.spread(o[0], "d", d, "f32")

    def common(self, operand, address=False):
        """An address or a stride: PTX asks for the same value in all threads."""
        values = {thread.address(operand) if address else thread.value(operand)
                  for thread in self.threads}
        assert len(values) == 1, f"{operand} is not the same in the whole warp"
        return values.pop()

    def rows(self, address, stride, kind):
        at, step = self.common(address, True), self.common(stride)
        assert at % 32 == 0 and step % 8 == 0, "a tile's rows are not aligned"
        memory = self.threads[0].spaces["global"]
        halves = [at + 2 * (step * i + j) for i in range(self.EDGE) for j in range(self.EDGE)]
        return [bits_f16(memory[half & ~3] >> 8 * (half & 2) & 0xFFFF) for half in halves]

    def write(self, address, stride, tile):
        at, step = self.common(address, True), self.common(stride)
        assert at % 32 == 0 and step % 4 == 0, "a tile's rows are not aligned"
        memory = self.threads[0].spaces["global"]
        for i in range(self.EDGE):
            for j in range(self.EDGE):
                to = at + 4 * (step * i + j)
                assert to in memory, f"a store beside the memory: {to:#x}"
                memory[to] = f32_bits(tile[self.EDGE * i + j])

    def places(self, operand, fragment, kind):
        """(thread, register, half) of each element, in this fragment's order; f16 tiles lie there twice."""
        registers = [name.strip() for name in operand[1:-1].split(",")]
        assert len(registers) == len(set(registers)) == 8, operand
        halves = (0, 1) if kind == "f16" else (None,)
        places = [(thread, name, half) for thread in self.threads for name in registers for half in halves]
        random.Random(fragment).shuffle(places)
        size = self.EDGE ** 2
        return [places[copy:copy + size] for copy in range(0, len(places), size)]

    def spread(self, operand, fragment, tile, kind):
        for places in self.places(operand, fragment, kind):
            for (thread, name, half), value in zip(places, tile):
                if half is None:
                    thread.registers[name] = value
                else:
                    kept = thread.registers.get(name, 0) & ~(0xFFFF << 16 * half)
                    thread.registers[name] = kept | f16_bits(value) << 16 * half

    def gather(self, operand, fragment, kind):
        copies = [[thread.registers[name] if half is None
                   else bits_f16(thread.registers[name] >> 16 * half & 0xFFFF)
                   for thread, name, half in places]
                  for places in self.places(operand, fragment, kind)]
        assert all(copy == copies[0] for copy in copies), "the copies of a tile differ"
        return copies[0]


def launch(kernel, grid, block, arguments, memory):
    for block_y in range(grid[1]):
        for block_x in range(grid[0]):
            special = {"%ctaid.x": block_x, "%ctaid.y": block_y, "%ntid.x": block[0],
                       "%nctaid.x": grid[0]}
            shared = {}
            threads = [Thread(kernel, arguments, memory, shared,
                              {**special, "%tid.x": x, "%tid.y": y})
                       for y in range(block[1]) for x in range(block[0])]
            warps = [threads[i:i + Warp.LANES] for i in range(0, len(threads), Warp.LANES)]
            while True:
                at_barrier = [run_warp(warp) for warp in warps if not warp[0].done]
                if not any(at_barrier):
                    break
                assert all(at_barrier), "some threads of a block pass the barrier, some do not"


def run_warp(threads):
    """Until its threads are at a barrier (True) or at their end."""
    while True:
        waiting = {thread.run() for thread in threads}
        assert len(waiting) == 1, f"threads of a warp go different ways: {waiting}"
        op = waiting.pop()
        if op is None or op == "bar.sync":
            return op is not None
        Warp(threads).step()


def pattern(i, seed):
    x = (i + seed) & M32
    x = (x ^ x >> 16) * 0x7FEB352D & M32
    x = (x ^ x >> 15) * 0x846CA68B & M32
    return x ^ x >> 16


class Kernels(unittest.TestCase):
    SEED, FLIP, WORDS, BASE, RESULT = 0x1BD11BDA, 0xFFFFFFFF, 150, 0x10000, 0x90000

    def each(self, module="kernels"):
        count = 0
        for path in FILES:
            with open(path, encoding="ascii") as file:
                text = file.read()
            if text.startswith(f"// {module}.cu through "):
                count += 1
                yield text
        self.assertGreater(count, 0, f"no file of {module}.cu")

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

    def multiplied(self, text, n, left, right):
        """What probe_tensor makes of two matrices, row by row, one list."""
        a, b, c = 0x10000, 0x20000, 0x30000
        memory = {c + 4 * i: 0xDEADBEEF for i in range(n * n)}
        for at, matrix in ((a, left), (b, right)):
            halves = [f16_bits(matrix[i][j]) for i in range(n) for j in range(n)]
            memory.update({at + 2 * i: halves[i] | halves[i + 1] << 16 for i in range(0, n * n, 2)})
        launch(Kernel(text, "probe_tensor"), (n // 16, n // 16), (32, 1), [a, b, c, n], memory)
        return [bits_f32(memory[c + 4 * i]) for i in range(n * n)]

    def test_tensor(self):
        n = 48
        for text in self.each("tensor"):
            for wide_left, wide_right in ((219, 1), (1, 219)):
                left = [[((i * 7 + k * 3) % 13 - 6) * wide_left for k in range(n)] for i in range(n)]
                right = [[((k * 5 + j * 11) % 17 - 8) * wide_right for j in range(n)] for k in range(n)]
                self.assertEqual(self.multiplied(text, n, left, right),
                                 [sum(left[i][k] * right[k][j] for k in range(n))
                                  for i in range(n) for j in range(n)])

    def test_tensor_shows_a_wrong_element(self):
        n = 32
        for text in self.each("tensor"):
            left = [[1 for _ in range(n)] for _ in range(n)]
            right = [[int(j == k) for j in range(n)] for k in range(n)]
            right[20][21] = 3
            product = self.multiplied(text, n, left, right)
            self.assertEqual({i for i in range(n * n) if product[i] != 1}, {i * n + 21 for i in range(n)})

    def test_header(self):
        for module, target in (("kernels", "sm_60"), ("tensor", "sm_70")):
            for text in self.each(module):
                self.assertEqual(re.findall(r"^\.(version|target) (.*)$", text, re.M),
                                 [("version", "6.0"), ("target", target)])


if __name__ == "__main__":
    if not FILES:
        sys.exit("no files")
    unittest.main(argv=sys.argv[:1])
