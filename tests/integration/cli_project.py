"""What tests of the program from outside share: a project in a scratch folder with its own store and home, and a docker-registry.

A test program sets IMGFORGE and PROBE (absolute paths) before it uses Project.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

IMGFORGE = PROBE = ""

SPEC = """\
imgforge: 1
image: demo
build: v1
platform: linux/amd64
epoch: 2025-05-20T00:00:00Z
layers:
  - {id: root, kind: files, from: root, dest: /}
  - {id: app, kind: files, from: app, dest: /app}
config:
  env: {GREETING: hello}
  workdir: /app
"""


class Project:
    """A folder with a spec, its own store and its own home."""

    def __init__(self, spec=SPEC):
        self.folder = tempfile.mkdtemp(prefix="imgforge-cli-")
        self.write("specs/demo.yaml", spec)
        self.write("root/etc/motd", "welcome\n")
        self.write("app/main.py", "print('hello')\n")

    def write(self, name, content):
        path = pathlib.Path(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
        return path

    def path(self, name):
        return os.path.join(self.folder, name)

    def environment(self, **more):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.folder, "IMGFORGE_PROBE": PROBE,
                "IMGFORGE_STORE": self.path("store"), **more}

    def run(self, *words, cwd=None, stdin=None, **more):
        # A session of its own: nothing to ask a person on, as in a pipeline.
        return subprocess.run([IMGFORGE, *words], cwd=cwd or self.folder, env=self.environment(**more), text=True,
                              input=stdin, capture_output=True, timeout=300, check=False, start_new_session=True)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Registry:
    """A docker-registry on a free port of 127.0.0.1; with a password when one is given (user alice)."""

    def __init__(self, password=None):
        self.folder = tempfile.mkdtemp(prefix="imgforge-registry-")
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.host = "127.0.0.1:%d" % self.port
        auth = ""
        if password is not None:
            entry = subprocess.run(["htpasswd", "-nbB", "alice", password], check=True, capture_output=True, text=True).stdout
            pathlib.Path(self.folder, "htpasswd").write_text(entry.strip() + "\n", encoding="utf-8")
            auth = "auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n" % self.folder
        config = pathlib.Path(self.folder, "config.yml")
        config.write_text("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/data}}\n"
                          "http: {addr: \"%s\"}\n%s" % (self.folder, self.host, auth), encoding="utf-8")
        self.log = open(os.path.join(self.folder, "log"), "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=self.log, stderr=self.log)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("docker-registry does not start: " + pathlib.Path(self.folder, "log").read_text(encoding="utf-8"))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Expectations:
    """Mixed into a unittest.TestCase."""

    def ok(self, result):
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result

    def fails(self, result, code, *texts):
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        self.assertEqual(len(re.findall("^error:", result.stderr, re.M)), 1, result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)
        return result
