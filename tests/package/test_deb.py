#!/usr/bin/env python3
"""The Debian package: what is in it, what it asks for, and whether the program works from where it is installed.

    test_deb.py BUILD_DIR SOURCE_DIR CPACK
"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
CPACK = sys.argv[3]
SPEC = "cuda11.8-runtime-debian12"  # uses os/debian12 and cuda/deb, and is locked


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=300, **more)


class DebTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="imgforge-deb-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        # gzip: a third of the time that xz takes; nothing else is different.
        made = run(CPACK, "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", "-B", cls.folder)
        assert made.returncode == 0, made.stdout + made.stderr
        cls.deb = next(cls.folder.glob("imgforge_*.deb"))
        cls.root = cls.folder / "root"
        assert run("dpkg-deb", "-x", cls.deb, cls.root).returncode == 0
        cls.names = {str(path.relative_to(cls.root)) for path in cls.root.rglob("*") if not path.is_dir()}

    def installed(self, *words, **more):
        """The installed program: no variable of ours, another folder, a home of its own."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return run(self.root / "usr/bin/imgforge", *words, cwd=more.pop("cwd", home),
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8"}, **more)

    def test_what_is_in_it(self):
        commands = re.findall(r"^  (\w+) ", self.installed("--help").stdout.split("Commands:")[1].split("Start:")[0], re.M)
        self.assertGreater(len(commands), 20)
        for name in ["usr/bin/imgforge", "usr/libexec/imgforge/imgforge-probe", "usr/share/man/man1/imgforge.1.gz",
                     "usr/share/bash-completion/completions/imgforge", "usr/share/zsh/vendor-completions/_imgforge",
                     "usr/share/fish/vendor_completions.d/imgforge.fish", "usr/share/doc/imgforge/copyright",
                     "usr/share/doc/imgforge/changelog.gz", "usr/share/doc/imgforge/LICENSE", "usr/share/imgforge/schema/spec.schema.json",
                     *("usr/share/man/man1/imgforge-%s.1.gz" % command for command in commands)]:
            self.assertIn(name, self.names)
        layers = {str(path.relative_to(SOURCE)) for path in (SOURCE / "layers").rglob("*.yaml")}
        self.assertEqual({"usr/share/imgforge/" + name for name in layers}, {name for name in self.names if "/imgforge/layers/" in name})
        self.assertFalse([name for name in self.names if "__pycache__" in name or name.endswith((".py", ".cpp"))
                          and "/examples/" not in name], "nothing that belongs to the sources")
        # Its sha256 stands in locks.
        self.assertEqual((self.root / "usr/libexec/imgforge/imgforge-probe").read_bytes(), (BUILD / "bin/imgforge-probe").read_bytes())
        page = gzip.decompress((self.root / "usr/share/man/man1/imgforge-build.1.gz").read_bytes()).decode()
        self.assertIn(".SH EXAMPLES", page)

    def test_what_it_asks_for(self):
        fields = run("dpkg-deb", "-f", self.deb).stdout
        needed = re.search(r"^Depends: (.*)$", fields, re.M).group(1)
        for library in ("libc6", "libcurl4", "libssl3", "libarchive13", "libyaml-cpp0.7", "libsodium23"):
            self.assertIn(library, needed)
        self.assertNotIn("-dev", fields)
        recommended = re.search(r"^Recommends: (.*)$", fields, re.M).group(1)
        for program in ("apt", "gpgv", "mmdebstrap", "bubblewrap", "uidmap"):
            self.assertIn(program, recommended)
        members = subprocess.run("dpkg-deb --ctrl-tarfile '%s' | tar t" % self.deb, shell=True, capture_output=True, text=True, check=True).stdout
        self.assertEqual({name.strip("./") for name in members.split()} - {""}, {"control", "md5sums"}, "no script runs at installation")

    def test_the_program_finds_what_is_installed(self):
        said = self.installed("--version")
        self.assertRegex(said.stdout, r"^imgforge \d+\.\d+\.\d+\n$")
        self.assertIn(said.stdout.split()[1], self.deb.name)
        # A project without layers/ of its own.
        project = self.folder / "project"
        (project / "specs").mkdir(parents=True)
        for name in (SPEC + ".yaml", SPEC + ".lock.json"):
            shutil.copy(SOURCE / "specs" / name, project / "specs")
        planned = self.installed("plan", "specs/%s.yaml" % SPEC, cwd=project)
        self.assertEqual(planned.returncode, 0, planned.stderr)
        self.assertIn("os/debian12", planned.stdout)
        self.assertIn("probe", planned.stdout)
        # An image with the installed probe.
        (project / "app").mkdir()
        (project / "app/hello").write_text("hello\n", encoding="utf-8")
        (project / "specs/own.yaml").write_text("imgforge: 1\nimage: own\nbuild: v1\nepoch: 2025-05-20T00:00:00Z\nlayers:\n"
                                                "  - use: app/files\n    with: {from: app}\n", encoding="utf-8")
        for words in (("lock", "specs/own.yaml"), ("build", "specs/own.yaml")):
            done = self.installed(*words, cwd=project)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("opt/imgforge/bin/imgforge", self.installed("inspect", "own", "--files", "probe").stdout)
        self.assertNotIn("the compiled probe is not beside", self.installed("doctor").stdout)

    def test_dpkg_installs_and_removes_it(self):
        if os.getuid() != 0:
            print("SKIPPED: dpkg --install of the package: needs root")
            return
        other = self.folder / "other"
        for name in ("info", "updates", "triggers"):
            (other / "var/lib/dpkg" / name).mkdir(parents=True)
        (other / "var/lib/dpkg/status").touch()
        words = ("dpkg", "--root=%s" % other, "--force-depends", "--log=/dev/null")
        done = run(*words, "--install", self.deb)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((other / "usr/bin/imgforge").exists())
        done = run(*words, "--purge", "imgforge")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((other / "usr/bin/imgforge").exists())

    def test_completions_are_read_by_their_shells(self):
        for shell, file in (("bash", "bash-completion/completions/imgforge"), ("zsh", "zsh/vendor-completions/_imgforge"),
                            ("fish", "fish/vendor_completions.d/imgforge.fish")):
            if shutil.which(shell) is None:
                print("SKIPPED: the completion before %s: it is not installed" % shell)
                continue
            path = self.root / "usr/share" / file
            with self.subTest(shell):
                done = run(shell, "-n", path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        asked = run("bash", "--norc", "-c", 'source "$1"; COMP_WORDS=(imgforge build --re); COMP_CWORD=2; _imgforge; echo "${COMPREPLY[*]}"',
                    "bash", self.root / "usr/share/bash-completion/completions/imgforge")
        self.assertIn("--record", asked.stdout)
        if shutil.which("zsh"):
            # Found in fpath by compinit, as in a new shell.
            asked = run("zsh", "-f", "-c", 'fpath=("$1" $fpath); autoload -Uz compinit; compinit -u -D; echo $_comps[imgforge]', "zsh",
                        self.root / "usr/share/zsh/vendor-completions")
            self.assertEqual(asked.stdout.strip(), "_imgforge", asked.stderr)
        if shutil.which("fish"):
            asked = run("fish", "--no-config", "-c", "source $argv[1]; complete -C 'imgforge build --re'",
                        self.root / "usr/share/fish/vendor_completions.d/imgforge.fish", env={**os.environ, "HOME": str(self.folder)})
            self.assertIn("--record", asked.stdout, asked.stderr)

    def test_lintian_finds_no_error(self):
        if shutil.which("lintian") is None:
            print("SKIPPED: the package before lintian: it is not installed")
            return
        found = run("lintian", "--allow-root", "--fail-on", "error,warning", self.deb)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)


class InstallTest(unittest.TestCase):
    def test_cmake_install_below_a_prefix(self):
        with tempfile.TemporaryDirectory(prefix="imgforge-install-") as prefix:
            done = run("cmake", "--install", BUILD, "--prefix", prefix)
            self.assertEqual(done.returncode, 0, done.stderr)
            folder = pathlib.Path(prefix)
            for name in ("bin/imgforge", "libexec/imgforge/imgforge-probe", "share/imgforge/layers/os/debian12.yaml",
                         "share/zsh/site-functions/_imgforge", "share/man/man1/imgforge.1.gz"):
                self.assertTrue((folder / name).exists(), name)
            self.assertFalse((folder / "share/doc/imgforge/changelog.gz").exists(), "Debian's own files are the package's")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
