"""What tests share that need PyTorch's shape without its size: a base image, and an index that serves wheels which the test makes, changes and
takes away. The resolver is the real one (uv)."""
import hashlib
import http.server
import os
import pathlib
import shutil
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from make_wheels import Wheel  # noqa: E402  pylint: disable=wrong-import-position

TORCH = ("from typing import Optional\n\n__version__ = '%s+cu124'\ndebug = False\ncuda: Optional[str] = '12.4'\ngit_version = '0'\n"
         "hip: Optional[str] = None\n")


def wheel(name, version, requires=(), files=None):
    made = Wheel(name, version)
    made.metadata = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s\nA test's.\n" % (
        name, version, "".join("Requires-Dist: %s\n" % one for one in requires))
    for path, content in (files or {name + "/__init__.py": "__version__ = '%s'\n" % version}).items():
        made.add(path, content)
    return made


def torch(version="2.6.0", cudnn="9.1.0.70", nccl="2.21.5"):
    """torch as the default index has it: it pins its CUDA libraries."""
    return wheel("torch", version, ("nvidia-cuda-runtime-cu12==12.4.127", "nvidia-cudnn-cu12==%s" % cudnn, "nvidia-nccl-cu12==%s" % nccl),
                 {"torch/__init__.py": "from .version import __version__\n", "torch/version.py": TORCH % version})


def library(name, version):
    return wheel(name, version, (), {"nvidia/__init__.py": "", "nvidia/%s.txt" % name: version})


class Index:
    """A simple index (PEP 503) on a free port of 127.0.0.1, of whatever lies in its folder now."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="imgforge-index-")
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                index.asked.append(self.path)
                found = index.answer(self.path)
                self.send_response(200 if found is not None else 404)
                kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(found or b"")))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(found or b"")

            do_HEAD = do_GET  # pylint: disable=invalid-name

            def log_message(self, *_):
                pass

        self.asked = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/simple" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, path):
        parts = path.strip("/").split("/")
        files = sorted(os.listdir(self.folder))
        if len(parts) == 2 and parts[0] == "simple":
            mine = [one for one in files if one.split("-")[0].replace("_", "-").lower() == parts[1]]
            if not mine:
                return None
            links = []
            for one in mine:
                digest = hashlib.sha256(pathlib.Path(self.folder, one).read_bytes()).hexdigest()
                links.append('<a href="../../files/%s#sha256=%s">%s</a>' % (one, digest, one))
            return ("<!DOCTYPE html><html><body>%s</body></html>" % "\n".join(links)).encode()
        if len(parts) == 2 and parts[0] == "files" and parts[1] in files:
            return pathlib.Path(self.folder, parts[1]).read_bytes()
        return None

    def add(self, *wheels):
        for one in wheels:
            one.write(self.folder)

    def remove(self, start):
        """Mirrors delete things."""
        gone = [one for one in os.listdir(self.folder) if one.startswith(start)]
        assert gone, start
        for one in gone:
            os.unlink(os.path.join(self.folder, one))

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


BASE = """\
imgforge: 1
image: base
build: v1
platform: linux/amd64
epoch: 2025-05-20T00:00:00Z
layers:
  - {id: root, kind: files, from: base, dest: /, executable: ["usr/bin/*"]}
"""

SPEC = """\
imgforge: 1
image: pytorch-cuda
build: v2.6.1
platform: linux/amd64
epoch: 2025-05-20T00:00:00Z
layers:
  - {id: base, kind: image, ref: "oci:base-image:v1"}
  - {id: python, kind: python, version: "3.11"}
  - {id: torch, kind: wheels, requirements: ["torch==2.6.0", "demo-tool"], cuda: "12.4", index: default}
  - {id: app, kind: files, from: app, dest: /app}
config:
  workdir: /app
components: {torch: "2.6", cuda: "12.4", os: debian12}
"""

# What a base image must have for wheels to be chosen for it: a system, a glibc, a Python. None of it runs.
BASE_FILES = {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="a test\'s"\n',
    "usr/lib/x86_64-linux-gnu/libc.so.6": "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n",
    "usr/bin/python3.11": "#!/bin/sh\n",
    "usr/include/python3.11/patchlevel.h": '#define PY_VERSION "3.11.9"\n',
}


def publish_torch(index, **versions):
    """torch with its libraries, and a tool beside it."""
    made = {"torch_version": "2.6.0", "cudnn": "9.1.0.70", "nccl": "2.21.5", **versions}
    index.add(torch(made["torch_version"], made["cudnn"], made["nccl"]), library("nvidia_cuda_runtime_cu12", "12.4.127"),
              library("nvidia_cudnn_cu12", made["cudnn"]), library("nvidia_nccl_cu12", made["nccl"]), wheel("demo_tool", "1.0"))


def uv_path():
    """PATH with the uv of the project's tools; None where there is none."""
    tools = os.environ.get("IMGFORGE_TOOLS", os.path.expanduser("~/.local/share/imgforge/tools/bin"))
    path = tools + ":/usr/sbin:/usr/bin:/sbin:/bin"
    return path if shutil.which("uv", path=path) else None


def prepare(project, index):
    """Gives a project a base image, the index, and uv."""
    project.write("specs/base.yaml", BASE)
    for name, content in BASE_FILES.items():
        project.write("base/" + name, content)
    configured = pathlib.Path(project.path(".config/imgforge/config.yaml"))
    before = configured.read_text(encoding="utf-8") if configured.exists() else ""
    project.write(".config/imgforge/config.yaml", before + "indexes: {default: %s}\n" % index.url)
    for words in (("lock", "specs/base.yaml"), ("build", "specs/base.yaml", "-o", "oci:base-image")):
        done = project.run(*words, PATH=uv_path())
        assert done.returncode == 0, done.stderr
