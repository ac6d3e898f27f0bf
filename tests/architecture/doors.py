#!/usr/bin/env python3
"""Reads every #include of src/ and fails on a door that goes up (docs/architecture.md).

Each room may include itself and the rooms named for it here; nothing else of ours. Rooms below `cli` may not read the
environment or the arguments; third-party headers of a kind stay in the rooms that adapt them.
"""
import pathlib
import re
import sys

DOORS = {
    "base": [],
    "document": ["base"],
    "oci": ["base"],
    "archive": ["base"],
    "gpu": ["base"],
    "http": ["base"],
    "content": ["base", "oci"],
    "store": ["base", "oci", "content"],
    "registry": ["base", "oci", "http", "content", "store"],
    "sign": ["base", "document", "oci"],
    "harbor": ["base", "document", "http"],
    "sandbox": ["base", "archive"],
    "sources": ["base", "document", "oci", "archive", "http", "store"],
    "layer": ["base", "document", "oci", "archive", "gpu", "store", "sandbox", "sources"],
    "spec": ["base", "document", "oci", "archive", "layer"],
    "evidence": ["base", "document", "oci", "archive", "store", "sources", "layer", "spec"],
    "release": ["base", "document", "oci"],
    "env": ["base", "document", "oci", "gpu", "release"],
    "build": ["base", "document", "oci", "archive", "gpu", "content", "store", "registry", "sandbox", "sources", "layer",
              "spec", "evidence", "release"],
    "cli": ["base", "document", "oci", "archive", "gpu", "http", "content", "store", "registry", "sign", "harbor",
            "sandbox", "sources", "layer", "spec", "evidence", "release", "env", "build"],
}

# Header prefix -> rooms whose .cpp files may include it.
ADAPTERS = {
    "curl/": ["http"],
    "yaml-cpp/": ["document"],
    "toml++/": ["sources"],
    "cxxopts": ["cli"],
    "openssl/": ["base", "sign"],
    "sodium": ["sign"],
    "isa-l": ["archive"],
    "libdeflate": ["archive"],
    "archive.h": ["archive", "store"],
    "zlib.h": ["archive", "store"],
    "zstd.h": ["archive", "store"],
}

ENVIRONMENT = re.compile(r"\b(getenv|secure_getenv|environ)\b")
# base/process looks a program up in PATH and hands the environment on to it: that is what starting a program means.
ENVIRONMENT_ALLOWED = {"base/process.cpp"}


def main(root: pathlib.Path) -> int:
    source = root / "src"
    problems = []
    rooms = sorted(path.name for path in source.iterdir() if path.is_dir())
    for room in rooms:
        if room not in DOORS:
            problems.append(f"src/{room}: a room without a sentence: add it to tests/architecture/doors.py")
    for file in sorted(source.rglob("*")):
        if file.suffix not in (".h", ".cpp"):
            continue
        name = file.relative_to(source).as_posix()
        room = name.split("/")[0]
        text = file.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            match = re.match(r'\s*#include\s+(["<])([^">]+)[">]', line)
            if match:
                target = match.group(2)
                first = target.split("/")[0]
                if match.group(1) == '"' and first in DOORS and first != room and first not in DOORS.get(room, []):
                    problems.append(f"src/{name}:{number}: {room} must not look into {first}")
                if match.group(1) == "<":
                    for prefix, adapters in ADAPTERS.items():
                        if target.startswith(prefix) and room not in adapters:
                            problems.append(f"src/{name}:{number}: <{target}> belongs to {' and '.join(adapters)}")
                        if target.startswith(prefix) and file.suffix == ".h":
                            problems.append(f"src/{name}:{number}: <{target}> stays in .cpp files")
            code = line.split("//")[0]
            if room != "cli" and name not in ENVIRONMENT_ALLOWED and ENVIRONMENT.search(code):
                if not re.search(r"[\"'.]\w*environ|environment", code):
                    problems.append(f"src/{name}:{number}: the environment is read in cli only")
        if "cuda-probe/" in text and "#include \"cuda-probe" in text:
            problems.append(f"src/{name}: the probe's contract is its JSON, not its headers")
    for file in sorted((root / "cuda-probe").rglob("*.[ch]")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if re.match(r'\s*#include\s+"(\.\./)*src/', line):
                problems.append(f"{file.relative_to(root)}:{number}: no door from the probe to src/")
    print("\n".join(problems) if problems else f"{len(rooms)} rooms, every door goes down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
