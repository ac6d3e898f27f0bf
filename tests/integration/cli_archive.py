"""A small signed apt archive that a test makes, changes and serves from 127.0.0.1 (Debian's own tools: apt-utils, dpkg-dev, gnupg)."""
import functools
import gzip
import http.server
import os
import pathlib
import shutil
import subprocess
import threading


def run(*argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more).stdout


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Archive:
    """FOLDER/debian with one suite "stable", its key in FOLDER/key.gpg, and a server of it."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.home = os.path.join(self.folder, "gnupg")
        os.makedirs(self.home, mode=0o700)
        self.environment = dict(os.environ, GNUPGHOME=self.home)
        run("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", "test@localhost.example",
            "ed25519", "sign", "never", env=self.environment)
        self.keyring = os.path.join(self.folder, "key.gpg")
        pathlib.Path(self.keyring).write_bytes(run("gpg", "--batch", "--export", env=self.environment))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=self.folder))
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = "http://127.0.0.1:%d/debian" % self.server.server_address[1]

    def package(self, name, version, text):
        """Adds a package without maintainer scripts."""
        tree = pathlib.Path(self.folder, "tree")
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/share" / name).mkdir(parents=True)
        (tree / "usr/share" / name / "text").write_text(text, encoding="utf-8")
        (tree / "DEBIAN/control").write_text(
            "Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: Test <test@localhost.example>\nDescription: a test\n"
            % (name, version), encoding="utf-8")
        pool = pathlib.Path(self.folder, "debian/pool")
        pool.mkdir(parents=True, exist_ok=True)
        run("dpkg-deb", "--root-owner-group", "-b", str(tree), str(pool))
        shutil.rmtree(tree)

    def sign(self):
        """Writes the indexes anew, and signs them."""
        archive = os.path.join(self.folder, "debian")
        index = run("apt-ftparchive", "packages", "pool", cwd=archive)
        suite = pathlib.Path(archive, "dists/stable")
        shutil.rmtree(suite, ignore_errors=True)
        (suite / "main/binary-amd64").mkdir(parents=True)
        (suite / "main/binary-amd64/Packages").write_bytes(index)
        with gzip.open(suite / "main/binary-amd64/Packages.gz", "wb") as file:
            file.write(index)
        options = [word for key, value in {"Suite": "stable", "Codename": "stable", "Architectures": "amd64", "Components": "main"}.items()
                   for word in ("-o", "APT::FTPArchive::Release::%s=%s" % (key, value))]
        (suite / "Release").write_bytes(run("apt-ftparchive", *options, "release", str(suite)))
        run("gpg", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", "--clearsign", "-o", str(suite / "InRelease"),
            str(suite / "Release"), env=self.environment)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(timeout=10)
        subprocess.run(["gpgconf", "--kill", "all"], env=self.environment, check=False, timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)
