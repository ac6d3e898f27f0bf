#!/usr/bin/env python3
"""Runs docs/tutorial.md: every command in its order, and every line that the page shows is printed, in that order.

    test_tutorial.py IMGFORGE PROBE SOURCE_DIR

Blocks whose first line is "# FILE" are written to that file. In shown output "…" stands for anything.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
PAGE = pathlib.Path(SOURCE, "docs/tutorial.md")
MARK = "@@@@"


def steps(text):
    """("file", name, content) and ("command", command, [shown lines])"""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        lines = block.splitlines()
        if language == "yaml":
            name = re.fullmatch(r"# (\S+)", lines[0])
            assert name, "a file without a name: " + lines[0]
            yield "file", name.group(1), "\n".join(lines[1:]) + "\n"
        elif language == "console":
            command, shown = None, []
            for line in lines:
                if line.startswith("$ "):
                    if command is not None:
                        yield "command", command, shown
                    command, shown = line[2:], []
                else:
                    shown.append(line)
            yield "command", command, shown


def script(parts):
    """One shell, since folders and variables stay; a mark before and after each command."""
    out = ["set -u"]
    for number, (what, first, second) in enumerate(parts):
        if what == "file":
            out.append("cat > %s <<'END-OF-FILE'\n%sEND-OF-FILE" % (first, second))
            continue
        out += ["echo '%s %d'" % (MARK, number), first, "echo '%s exit' $?" % MARK]
        if "docker-registry serve" in first:
            out.append("for i in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null && break; sleep 0.1; done")
    return "\n".join(out) + "\n"


def squeezed(line):
    """Without the widths of columns."""
    return " ".join(line.split())


def pattern(shown):
    return re.compile(".*".join(re.escape(part) for part in squeezed(shown).split("…")))


class TutorialTest(unittest.TestCase):
    def test_the_page_is_true(self):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        text = PAGE.read_text(encoding="utf-8")
        self.assertIn("127.0.0.1:5000", text)
        parts = list(steps(text.replace("127.0.0.1:5000", "127.0.0.1:%d" % port)))
        commands = [part for part in parts if part[0] == "command"]
        self.assertGreater(len(commands), 25)
        folder = tempfile.mkdtemp(prefix="imgforge-tutorial-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.addCleanup(self.end_registry, os.path.join(folder, "hello/registry.pid"))
        os.makedirs(os.path.join(folder, "bin"))
        os.symlink(IMGFORGE, os.path.join(folder, "bin/imgforge"))
        done = subprocess.run(["bash", "-c", script(parts)], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=300, check=False, start_new_session=True,
                              env={"PATH": os.path.join(folder, "bin") + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder,
                                   "IMGFORGE_PROBE": PROBE, "PORT": str(port), "LC_ALL": "C.UTF-8"})
        said = re.split(r"^%s (\d+)\n" % MARK, done.stdout, flags=re.M)
        outputs = dict(zip(said[1::2], said[2::2]))
        for number, (what, command, shown) in enumerate(parts):
            if what == "file":
                continue
            with self.subTest(command):
                self.assertIn(str(number), outputs, done.stdout)
                output, _, code = outputs[str(number)].partition(MARK + " exit ")
                self.assertEqual(code.split()[0], "0", output)
                lines = iter(output.splitlines())
                for line in shown:
                    expected = pattern(line)
                    self.assertTrue(any(expected.fullmatch(squeezed(printed)) for printed in lines), "not printed (in this order): %s\n%s" % (line, output))
        # What the page says about the files, too.
        self.assertTrue(os.path.exists(os.path.join(folder, "hello/specs/hello.lock.json")))

    @staticmethod
    def end_registry(file):
        """The page ends it; this is for a page that failed on the way."""
        try:
            number = int(pathlib.Path(file).read_text(encoding="ascii"))
            if "docker-registry" in pathlib.Path("/proc/%d/cmdline" % number).read_text(encoding="utf-8"):
                os.kill(number, signal.SIGTERM)
        except (OSError, ValueError):
            pass


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: the tutorial: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
