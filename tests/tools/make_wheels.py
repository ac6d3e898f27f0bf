#!/usr/bin/env python3
"""Writes wheels for tests: make_wheels.py DIRECTORY

DIRECTORY/good/*.whl are correct wheels that together have every feature that an installer must know.
DIRECTORY/bad/CASE/*.whl are wheels that must be refused, one reason each.
DIRECTORY/torch/VARIANT/*.whl say what they were built for as torch does: cuda, cpu.
The same files every time.
"""

import base64
import hashlib
import io
import os
import struct
import sys
import zipfile

WHEEL = "Wheel-Version: 1.0\nGenerator: make_wheels\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
WHEN = (2024, 2, 29, 12, 34, 56)


def sha256_row(path, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    field = '"%s"' % path.replace('"', '""') if any(c in path for c in ',"\n') else path
    return "%s,sha256=%s,%d" % (field, digest, len(content))


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors, as for a pipe."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def close(self):
        if not self.closed:
            self.file.close()
        super().close()


class Wheel:
    """A wheel in the making; the fields that tests spoil are public."""

    def __init__(self, name, version="1.0", tag="py3-none-any", pure=True):
        self.name, self.version, self.tag = name, version, tag
        self.file_name = "%s-%s-%s.whl" % (name, version, tag)
        self.dist_info = "%s-%s.dist-info" % (name, version)
        self.data = "%s-%s.data" % (name, version)
        self.members = []  # (path, content, unix mode, method)
        self.directories = []
        self.record_edit = lambda rows: rows
        self.descriptors = False
        self.metadata = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n\nBody: ignored\n" % (
            name, version)
        self.wheel = WHEEL.format(pure=str(pure).lower(), tag=tag)
        self.entry_points = None

    def add(self, path, content=b"", mode=0o644, method=zipfile.ZIP_DEFLATED):
        if isinstance(content, str):
            content = content.encode()
        self.members.append((path, content, 0o100000 | mode, method))
        return self

    def write(self, directory):
        os.makedirs(directory, exist_ok=True)
        members = list(self.members)
        if self.dist_info:
            for path, text in (("METADATA", self.metadata), ("WHEEL", self.wheel),
                               ("entry_points.txt", self.entry_points)):
                if text is not None:
                    members.append(("%s/%s" % (self.dist_info, path), text.encode(), 0o100644,
                                    zipfile.ZIP_DEFLATED))
            rows = [sha256_row(path, content) for path, content, _, _ in members
                    if not path.endswith(("/RECORD.jws", "/RECORD.p7s"))]
            rows = self.record_edit(rows + ["%s/RECORD,," % self.dist_info])
            members.append(("%s/RECORD" % self.dist_info, ("\n".join(rows) + "\n").encode(),
                            0o100644, zipfile.ZIP_DEFLATED))
        path = os.path.join(directory, self.file_name)
        target = Unseekable(path) if self.descriptors else open(path, "wb")
        with target, zipfile.ZipFile(target, "w") as archive:
            for folder in self.directories:
                info = zipfile.ZipInfo(folder + "/", WHEN)
                info.external_attr = (0o40755 << 16) | 0x10
                archive.writestr(info, b"")
            for name, content, mode, method in members:
                info = zipfile.ZipInfo(name, WHEN)
                info.create_system = 3
                info.external_attr = mode << 16
                info.compress_type = method
                archive.writestr(info, content)
        return path


def noise(size, seed=1):
    """Bytes that deflate cannot shrink, the same every time."""
    out = bytearray()
    block = struct.pack("<Q", seed)
    while len(out) < size:
        block = hashlib.sha256(block).digest()
        out += block
    return bytes(out[:size])


def good(directory):
    everything = Wheel("Every_Thing", "1.2.0", pure=False)
    everything.file_name = "Every_Thing-1.2.0-1st-py3-none-any.whl"
    everything.directories = ["every_thing", "every_thing/empty_folder"]
    everything.add("every_thing/__init__.py", "VALUE = 1\n")
    everything.add("every_thing/empty.py")
    everything.add("every_thing/stored.bin", noise(5000), method=zipfile.ZIP_STORED)
    everything.add("every_thing/stored_large.bin", noise(300000, 2), method=zipfile.ZIP_STORED)
    everything.add("every_thing/large.txt", b"0123456789abcdef" * 40000)
    everything.add("every_thing/large_noise.bin", noise(200000, 3))
    everything.add("every_thing/tool", "#!/bin/sh\necho tool\n", 0o755)
    everything.add("every_thing/group_executable", "x", 0o654)
    everything.add("every_thing/setuid", "x", 0o4755)
    everything.add("every_thing/na\u00efve \u65e5\u672c.txt", "unicode\n")
    everything.add("every_thing/comma, \"quote\".txt", "csv\n")
    everything.add("every_thing/" + "long_" * 40 + "name.txt", "pax\n")
    everything.add("top_level_module.py", "X = 2\n")
    data = everything.data
    everything.add(data + "/purelib/every_pure.py", "P = 1\n")
    everything.add(data + "/platlib/every_plat.py", "P = 2\n")
    everything.add(data + "/headers/every/thing.h", "#pragma once\n")
    everything.add(data + "/data/share/every/thing.txt", "shared\n")
    everything.add(data + "/data/etc/every.conf", "a=1\n")
    everything.add(data + "/data/bin/every-data-tool", "#!/bin/sh\n", 0o755)
    everything.add(data + "/scripts/every-python", "#!python\nprint('hi')\n", 0o755)
    everything.add(data + "/scripts/every-pythonw", "#!pythonw -E\nprint('hi')\n", 0o755)
    everything.add(data + "/scripts/every-crlf", b"#!python\r\nprint('hi')\r\n", 0o755)
    everything.add(data + "/scripts/every-shell", "#!/bin/sh\necho hi\n", 0o755)
    everything.add(data + "/scripts/every-first-line-only", "#!python", 0o755)
    everything.add(data + "/scripts/every-binary", noise(100000, 4), 0o755)
    everything.add(data + "/scripts/every-console", "#!python\nreplaced()\n", 0o755)
    everything.add(data + "/scripts/every-gui-script.py", "#!python\nreplaced()\n", 0o755)
    everything.entry_points = (
        "# comment\n[console_scripts]\nevery-console = every_thing:main\n"
        "every-extra=every_thing.cli:App.run [fast, loud]\n\n"
        "[gui_scripts]\nevery-gui = every_thing.gui:start\n"
        "[some.plugins]\nplugin = every_thing.plugin\n")
    everything.add(everything.dist_info + "/licenses/LICENSE", "free\n")
    everything.add(everything.dist_info + "/RECORD.jws", "{}")
    everything.write(directory)

    local = Wheel("localversion", "2.6.0+cu118", "py3-none-any")
    local.add("localversion/__init__.py", "L = 1\n")
    local.write(directory)

    streamed = Wheel("streamed", "2023.03")
    streamed.descriptors = True
    streamed.add("streamed/__init__.py", "S = 1\n")
    streamed.add("streamed/data.bin", noise(150000, 5))
    streamed.add("streamed/text.txt", b"streamed " * 30000)
    streamed.write(directory)

    for name in ("shared_one", "shared_two"):  # both bring the same file, as the nvidia wheels do
        shared = Wheel(name)
        shared.add("shared/__init__.py", "")
        shared.add("shared/notes.txt", "the same in both\n")
        shared.add("shared/%s.py" % name, "N = %r\n" % name)
        shared.write(directory)

    many = Wheel("many.files", "0.1")
    many.dist_info, many.data = "many_files-0.1.dist-info", "many_files-0.1.data"
    many.file_name = "many_files-0.1-py2.py3-none-any.whl"
    for i in range(300):
        many.add("many/files%02d/module_%03d.py" % (i % 7, i), "I = %d\n" % i)
    many.write(directory)


def bad(directory):
    def case(name, wheel=None):
        wheel = wheel or Wheel("victim")
        wheel.add("victim/__init__.py", "V = 1\n")
        return os.path.join(directory, name), wheel

    where, wheel = case("wrong_hash")
    wheel.record_edit = lambda rows: [
        sha256_row("victim/__init__.py", b"V = 2\n") if r.startswith("victim/") else r
        for r in rows]
    wheel.write(where)

    where, wheel = case("wrong_hash_large")
    content = b"large and wrong " * 20000
    wheel.add("victim/large.bin", content)
    wheel.record_edit = lambda rows: [
        sha256_row("victim/large.bin", content.replace(b"large", b"LARGE")) if
        r.startswith("victim/large") else r for r in rows]
    wheel.write(where)

    where, wheel = case("wrong_hash_unplaced")
    wheel.add(wheel.dist_info + "/INSTALLER", "pip\n")
    wheel.record_edit = lambda rows: [
        sha256_row(wheel.dist_info + "/INSTALLER", b"uv!\n") if "INSTALLER" in r else r
        for r in rows]
    wheel.write(where)

    where, wheel = case("wrong_size")
    wheel.record_edit = lambda rows: [r + "0" if r.startswith("victim/") else r for r in rows]
    wheel.write(where)

    where, wheel = case("unlisted")
    wheel.record_edit = lambda rows: [r for r in rows if not r.startswith("victim/")]
    wheel.write(where)

    where, wheel = case("missing")
    wheel.record_edit = lambda rows: rows + [sha256_row("victim/gone.py", b"")]
    wheel.write(where)

    where, wheel = case("no_hash")
    wheel.record_edit = lambda rows: ["victim/__init__.py,," if r.startswith("victim/") else r
                                      for r in rows]
    wheel.write(where)

    where, wheel = case("weak_hash")
    wheel.record_edit = lambda rows: [
        "victim/__init__.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,6" if r.startswith("victim/") else r
        for r in rows]
    wheel.write(where)

    where, wheel = case("no_dist_info")
    wheel.dist_info = None
    wheel.write(where)

    where, wheel = case("two_dist_infos")
    wheel.add("other-1.0.dist-info/METADATA", "Name: other\nVersion: 1.0\n")
    wheel.write(where)

    where, wheel = case("wrong_name")
    wheel.file_name = "sufferer-1.0-py3-none-any.whl"
    wheel.write(where)

    where, wheel = case("wrong_version")
    wheel.file_name = "victim-1.0.1-py3-none-any.whl"
    wheel.write(where)

    where, wheel = case("wrong_metadata")
    wheel.metadata = wheel.metadata.replace("Version: 1.0", "Version: 3.0")
    wheel.write(where)

    where, wheel = case("wheel_version_2")
    wheel.wheel = wheel.wheel.replace("Wheel-Version: 1.0", "Wheel-Version: 2.0")
    wheel.write(where)

    where, wheel = case("dot_dot")
    wheel.add("victim/../../../../../etc/passwd", "root::0:0:::\n")
    wheel.write(where)

    where, wheel = case("absolute")
    wheel.add("/etc/passwd", "root::0:0:::\n")
    wheel.write(where)

    where, wheel = case("symlink")
    wheel.add("victim/link", "/etc/passwd")
    path, content, _, method = wheel.members[-1]
    wheel.members[-1] = (path, content, 0o120777, method)
    wheel.write(where)

    where, wheel = case("unknown_data")
    wheel.add(wheel.data + "/stdlib/os.py", "pass\n")
    wheel.write(where)

    where, wheel = case("foreign_data")
    wheel.add("other-1.0.data/scripts/tool", "pass\n")
    wheel.write(where)

    where, wheel = case("entry_point_python3")
    wheel.entry_points = "[console_scripts]\npython3 = victim:main\n"
    wheel.write(where)

    where, wheel = case("entry_point_path")
    wheel.entry_points = "[console_scripts]\n../../evil = victim:main\n"
    wheel.write(where)

    where, wheel = case("entry_point_no_function")
    wheel.entry_points = "[console_scripts]\nvictim = victim\n"
    wheel.write(where)

    where, wheel = case("script_python")
    wheel.add(wheel.data + "/scripts/python", "#!/bin/sh\n", 0o755)
    wheel.write(where)

    where, wheel = case("data_pyvenv")
    wheel.add(wheel.data + "/data/pyvenv.cfg", "home = /tmp\n")
    wheel.write(where)

    where, wheel = case("two_files_one_path")
    wheel.add(wheel.data + "/purelib/victim/__init__.py", "V = 3\n")
    wheel.write(where)

    where, wheel = case("conflict")
    wheel.write(where)
    rival = Wheel("rival")
    rival.add("victim/__init__.py", "V = 'other'\n")
    rival.write(where)

    where, wheel = case("file_and_folder")
    wheel.write(where)
    rival = Wheel("rival")
    rival.add("victim", "a file\n")
    rival.write(where)

    where, wheel = case("flipped_byte")
    wheel.add("victim/noise.bin", noise(200000, 6))
    path = wheel.write(where)
    with open(path, "r+b") as file:
        data = file.read()
        at = data.index(noise(200000, 6)[1000:1064])
        file.seek(at)
        file.write(bytes([data[at] ^ 1]))

    where, wheel = case("truncated")
    path = wheel.write(where)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 30)


def torch(directory):
    version = ("from typing import Optional\n\n__version__ = '2.6.0+%s'\ndebug = False\n"
               "cuda: Optional[str] = %s\ngit_version = '0'\nhip: Optional[str] = None\n")
    for variant, words in (("cuda", ("cu124", "'12.4'")), ("cpu", ("cpu", "None"))):
        wheel = Wheel("torch", "2.6.0")
        wheel.add("torch/__init__.py", "from .version import __version__\n")
        wheel.add("torch/version.py", version % words)
        wheel.write(os.path.join(directory, variant))
    for name, version in (("nvidia_cuda_runtime_cu12", "12.4.127"),
                          ("nvidia_cudnn_cu12", "9.1.0.70"), ("nvidia_nccl_cu12", "2.21.5")):
        wheel = Wheel(name, version)
        wheel.add("nvidia/__init__.py")
        wheel.add("nvidia/%s.txt" % name, name)
        wheel.write(os.path.join(directory, "cuda"))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    good(os.path.join(sys.argv[1], "good"))
    bad(os.path.join(sys.argv[1], "bad"))
    torch(os.path.join(sys.argv[1], "torch"))


if __name__ == "__main__":
    main()
