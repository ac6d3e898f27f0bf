#!/usr/bin/env python3
"""Compares imgforge's wheel installer with pip: paths, contents, modes and RECORD.

  pip_oracle.py --installer FILE (--hand-made | --real | WHEEL...) [--keep DIRECTORY]

--hand-made   wheels from make_wheels.py
--real        well-known wheels, downloaded with pip from the index that pip is configured for;
              ends with status 77 (skipped) when it cannot be reached

The wheels are installed by pip into a fresh environment, and by the installer (the program
install_wheels) into a layer for the same place. Differences that are known and wanted are listed
in `normal_form`; every other one is printed and makes the status 1.
"""

import argparse
import csv
import gzip
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77

# At least thirty, chosen for what is odd about them: data files and scripts, headers, large
# libraries, many files, abi3, old generators, namespace packages, entry points with extras.
REAL = """
    numpy scipy pandas sympy mpmath networkx jinja2 markupsafe filelock fsspec typing-extensions
    requests urllib3 certifi idna charset-normalizer pyyaml six attrs click rich pygments pillow
    pytz python-dateutil tqdm setuptools wheel packaging cryptography cffi pycparser protobuf lxml
    psutil greenlet ninja cmake ruff pybind11 grpcio black jsonschema pyzmq tornado zstandard
    nvidia-cuda-runtime-cu12==12.4.127 nvidia-nvtx-cu12==12.4.127
    nvidia-cuda-cupti-cu12==12.4.127
""".split()


def run(argv, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        sys.exit("pip_oracle: %s\n%s\n%s" % (" ".join(argv[:6]), done.stdout, done.stderr))
    return done.stdout


def skip(reason):
    print("SKIPPED: wheels against pip: %s" % reason)
    sys.exit(SKIPPED)


class File:
    def __init__(self, mode, content, link=None):
        self.mode, self.content, self.link = mode, content, link


def read_tree(root):
    files = {}
    for folder, folders, names in os.walk(root):
        for name in names + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            if stat.S_ISLNK(info.st_mode):
                files[path] = File(0o777, b"", os.readlink(path))
            else:
                with open(path, "rb") as file:
                    files[path] = File(stat.S_IMODE(info.st_mode), file.read())
    return files


def read_layer(blob, problems):
    """The layer's files by absolute path; checks the form of the tar on the way."""
    files, folders, previous = {}, set(), ""
    opened = gzip.open(blob, "rb") if open(blob, "rb").read(2) == b"\x1f\x8b" else open(blob, "rb")
    with opened as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            name = member.name.encode("utf-8", "surrogateescape")
            if previous and name <= previous:
                problems.append("%s is out of order" % member.name)
            previous = name
            parent = os.path.dirname(member.name)
            if parent and parent not in folders:
                problems.append("%s comes without its folder" % member.name)
            if (member.uid, member.gid, member.uname, member.gname) != (0, 0, "", ""):
                problems.append("%s has an owner" % member.name)
            if member.mtime != 1700000000:
                problems.append("%s has the time %s" % (member.name, member.mtime))
            if member.isdir():
                folders.add(member.name)
                if member.mode != 0o755:
                    problems.append("folder %s has mode %o" % (member.name, member.mode))
            elif member.isreg():
                files["/" + member.name] = File(member.mode, tar.extractfile(member).read())
            else:
                problems.append("%s is neither file nor folder" % member.name)
    return files


def record_rows(content):
    return {row[0]: tuple(row[1:]) for row in csv.reader(io.StringIO(content.decode())) if row}


def normal_form(path, file, prefix, side):
    """What has to agree; the places where imgforge decides otherwise on purpose."""
    content, mode = file.content, file.mode
    name = os.path.basename(path)
    in_bin = os.path.dirname(path) == prefix + "/bin"
    if path.endswith(".dist-info/INSTALLER"):
        content = {b"pip\n": b"", b"imgforge\n": b""}.get(content, content)
    elif path.endswith(".dist-info/RECORD"):
        # Compared row by row elsewhere: order and line ends are free.
        content = b""
    elif in_bin:
        text = content.decode("utf-8", "replace")
        launcher = re.fullmatch(
            r"#!.*\n(?:'''.*\n' '''\n)?# -\*- coding: utf-8 -\*-\n(?:import re\n)?import sys\n"
            r"from (.*) import (.*)\nif __name__ == ['\"]__main__['\"]:\n"
            r"(?:    sys\.argv.*\n)?    sys\.exit\((.*)\(\)\)\n", text)
        if launcher:
            content = ("launcher of %s %s %s" % launcher.groups()).encode()
        if side == "pip":
            # pip leaves a script of *.data/scripts as the zip has it; imgforge makes it executable.
            mode |= 0o111 if name in normal_form.scripts else 0
    return mode, content


def installed_rows(files, site):
    """All RECORDs as {absolute path: (hash, size)}."""
    rows = {}
    for path, file in files.items():
        if path.endswith(".dist-info/RECORD") and path.count("/") == site.count("/") + 2:
            for name, row in record_rows(file.content).items():
                rows[os.path.normpath(os.path.join(site, name))] = row
    return rows


def compare(pip_files, own_files, prefix, site):
    problems = []
    for path in sorted(set(pip_files) | set(own_files)):
        shown = path[len(prefix) + 1:]
        if path not in own_files:
            problems.append("only pip installs %s" % shown)
        elif path not in pip_files:
            problems.append("only imgforge installs %s" % shown)
        else:
            theirs = normal_form(path, pip_files[path], prefix, "pip")
            ours = normal_form(path, own_files[path], prefix, "imgforge")
            if theirs[0] != ours[0]:
                problems.append("%s has mode %o with pip, %o with imgforge" %
                                (shown, theirs[0], ours[0]))
            if theirs[1] != ours[1]:
                problems.append("%s has other content: %r with pip, %r with imgforge" %
                                (shown, theirs[1][:200], ours[1][:200]))
    theirs, ours = (installed_rows(files, site) for files in (pip_files, own_files))
    for path in sorted(set(theirs) | set(ours)):
        if path in theirs and path not in ours and path not in pip_files:
            continue  # pip keeps the row of a script that an entry point replaced
        rewritten = os.path.dirname(path) == prefix + "/bin" or path.endswith("/INSTALLER")
        if path not in theirs or path not in ours:
            problems.append("only one RECORD lists %s" % path[len(prefix) + 1:])
        elif theirs[path] != ours[path] and not rewritten:
            problems.append("RECORD of %s: %s with pip, %s with imgforge" %
                            (path, theirs[path], ours[path]))
    return problems


def check_own_record(files, site):
    """Every row of our RECORD against the file itself, and every file listed."""
    import base64
    import hashlib
    problems = []
    rows = installed_rows(files, site)
    for path, file in files.items():
        if path not in rows:
            problems.append("no RECORD lists %s" % path)
            continue
        digest, size = rows[path]
        own = path.count("/") == site.count("/") + 2
        if own and path.endswith((".dist-info/RECORD", "/RECORD.jws", "/RECORD.p7s")):
            wanted = ("", "")
        else:
            value = base64.urlsafe_b64encode(hashlib.sha256(file.content).digest())
            wanted = ("sha256=" + value.decode().rstrip("="), str(len(file.content)))
        if (digest, size) != wanted:
            problems.append("RECORD says %s of %s, which has %s" % ((digest, size), path, wanted))
    for path in set(rows) - set(files):
        problems.append("RECORD lists %s, which is not there" % path)
    return problems


def download(folder):
    probe = subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--quiet",
                            "--only-binary", ":all:", "--dest", folder, "six"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    if probe.returncode != 0:
        skip("the Python index cannot be reached: " + probe.stdout.strip().split("\n")[-1])
    for start in range(0, len(REAL), 10):
        run([sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--only-binary",
             ":all:", "--dest", folder] + REAL[start:start + 10])


def check(installer, wheels, work):
    prefix = os.path.join(work, "venv")
    minor = "%d.%d" % sys.version_info[:2]
    site = os.path.join(prefix, "lib", "python" + minor, "site-packages")
    run([sys.executable, "-m", "venv", "--without-pip", prefix])
    before = set(read_tree(prefix))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    environment.update(PIP_CONFIG_FILE=os.devnull, PYTHONDONTWRITEBYTECODE="1")
    os.umask(0o022)
    started = time.monotonic()
    run([sys.executable, "-m", "pip", "--python", os.path.join(prefix, "bin", "python"), "install",
         "--no-compile", "--no-deps", "--no-index", "--quiet", "--disable-pip-version-check",
         *wheels], env=environment)
    pip_seconds = time.monotonic() - started
    pip_files = {path: file for path, file in read_tree(prefix).items() if path not in before}
    # pip notes the file that it installed from; imgforge installs from an index.
    for path in [p for p in pip_files if p.endswith(".dist-info/direct_url.json")]:
        del pip_files[path]
        record = pip_files[os.path.join(os.path.dirname(path), "RECORD")]
        record.content = b"".join(line for line in record.content.splitlines(keepends=True)
                                  if b"/direct_url.json," not in line)

    scripts = set()
    import zipfile
    for wheel in wheels:
        for name in zipfile.ZipFile(wheel).namelist():
            parts = name.split("/")
            if parts[0].endswith(".data") and len(parts) == 3 and parts[1] == "scripts":
                scripts.add(parts[2])
    normal_form.scripts = scripts

    problems = []
    layer = os.path.join(work, "layer.tar.gz")
    report = json.loads(run([installer, prefix, minor, "gzip", layer, *wheels]))
    own_files = read_layer(layer, problems)
    problems += compare(pip_files, own_files, prefix, site)
    problems += check_own_record(own_files, site)
    print("%d wheels, %d files: pip %.1f s (to a folder), imgforge %.2f s (to a layer of %d bytes)" %
          (len(wheels), len(own_files), pip_seconds, report["seconds"], report["size"]))
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--installer", required=True)
    parser.add_argument("--hand-made", action="store_true")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--keep", help="download here and leave it for the next time")
    parser.add_argument("wheels", nargs="*")
    arguments = parser.parse_args()
    for needed in ("pip", "venv"):
        if subprocess.run([sys.executable, "-c", "import " + needed],
                          stderr=subprocess.DEVNULL).returncode != 0:
            skip("Python has no module %s (packages python3-pip, python3-venv)" % needed)
    with tempfile.TemporaryDirectory(prefix="pip-oracle-") as work:
        wheels = arguments.wheels
        if arguments.hand_made:
            run([sys.executable, os.path.join(HERE, "make_wheels.py"), work])
            folder = os.path.join(work, "good")
        elif arguments.real:
            folder = arguments.keep or os.path.join(work, "wheels")
            os.makedirs(folder, exist_ok=True)
            if len(os.listdir(folder)) < len(REAL):
                download(folder)
        if not wheels:
            wheels = sorted(os.path.join(folder, name) for name in os.listdir(folder)
                            if name.endswith(".whl"))
        problems = check(os.path.abspath(arguments.installer), wheels, work)
    for problem in problems[:200]:
        print("DIFFERENT: " + problem)
    print("%d differences" % len(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
