#!/usr/bin/env python3
"""A real docker-registry on 127.0.0.1, filled by skopeo, behind a proxy that misbehaves on request.

    registry_server.py SCRATCH none|basic|token

Prints one line of JSON when it is ready: the proxy's port, and what is in the registry. Ends with
SIGTERM, and the registry with it. Exit code 77: a program is missing, which is named on stderr.

In the registry, each image with tag 1, readable by alice/secret (and by nobody else with "basic"):
    public/multi     an index of linux/amd64 and linux/arm64
    public/single    its linux/amd64 image; with "token" everybody may read public/
    private/single   the same

Beside what it passes on, the proxy answers:
    GET  /@log       what came since the last time, as JSON: method, path, authorization, range, port
    POST /@fault     {"match": REGEX of "METHOD PATH", "times": N, "do": FAULT, ...}; see fault()
    POST /@clear     no faults any more
    POST /@revoke    all tokens so far are refused from now on
    GET, POST /token the token service ("token"); identity token "refresh-me" is alice's
A second port ("storage") answers like blob storage behind signed addresses: 400 to a request with
an Authorization header, and what was redirected there otherwise.
"""
import base64
import ctypes
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time
import urllib.parse

USER, PASSWORD, IDENTITY = "alice", "secret", "refresh-me"
SERVICE, ISSUER = "test-registry", "test-issuer"
SIGNED = "/signed"  # before a path of the storage


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- the images ------------------------------------------------------------------------------

class Layout:
    """An OCI layout on disk, written by hand."""

    def __init__(self, folder):
        self.folder, self.entries = folder, []
        os.makedirs(os.path.join(folder, "blobs/sha256"))
        with open(os.path.join(folder, "oci-layout"), "w") as file:
            file.write('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, media_type, **more):
        with open(os.path.join(self.folder, "blobs/sha256", sha256(data)[7:]), "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": sha256(data), "size": len(data), **more}

    def document(self, value, kind, **more):
        media_type = "application/vnd.oci.image.%s.v1+json" % kind
        if kind != "config":
            value = {"schemaVersion": 2, "mediaType": media_type, **value}
        return self.blob(json.dumps(value).encode(), media_type, **more)

    def name(self, descriptor, name):
        self.entries.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}})
        with open(os.path.join(self.folder, "index.json"), "w") as file:
            json.dump({"schemaVersion": 2, "manifests": self.entries}, file)


def tar(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def image(layout, architecture, files):
    layers, diff_ids = [], []
    for name, content in files:
        data = tar(name, content)
        diff_ids.append(sha256(data))
        layers.append(layout.blob(gzip.compress(data, mtime=0),
                                  "application/vnd.oci.image.layer.v1.tar+gzip"))
    config = layout.document({"architecture": architecture, "os": "linux", "config": {},
                              "rootfs": {"type": "layers", "diff_ids": diff_ids}}, "config")
    manifest = layout.document({"config": config, "layers": layers}, "manifest",
                               platform={"os": "linux", "architecture": architecture})
    return manifest, config, layers


def make_images(folder):
    layout = Layout(folder)
    noise = random.Random(1)
    release = ("etc/os-release", b'ID=debian\nVERSION_ID="12"\n')
    amd, config, layers = image(layout, "amd64", [release, ("big", noise.randbytes(3_000_000))])
    arm, _, _ = image(layout, "arm64", [release, ("big", noise.randbytes(1000))])
    index = layout.document({"manifests": [arm, amd]}, "index")
    layout.name(amd, "single")
    layout.name(index, "multi")
    return {"manifest": amd["digest"], "arm64": arm["digest"], "index": index["digest"],
            "config": config["digest"], "layers": [layer["digest"] for layer in layers],
            "big": layers[1]["size"]}


# ---- the registry ----------------------------------------------------------------------------

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bcrypt(password):
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), b"$2y$05$abcdefghijklmnopqrstuu").decode()


def start_registry(scratch, auth, proxy_port):
    port = free_port()
    config = ["version: 0.1", "log: {level: error, accesslog: {disabled: true}}", "storage:",
              "  filesystem: {rootdirectory: %s/registry}" % scratch,
              "http: {addr: '127.0.0.1:%d'}" % port]
    if auth == "basic":
        with open(scratch + "/htpasswd", "w") as file:
            file.write("%s:%s\n" % (USER, bcrypt(PASSWORD)))
        config.append("auth: {htpasswd: {realm: 'a, realm', path: %s/htpasswd}}" % scratch)
    if auth == "token":
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=test", "-keyout", scratch + "/key", "-out",
                        scratch + "/cert"], check=True, capture_output=True)
        config.append("auth: {token: {realm: 'http://127.0.0.1:%d/token', service: %s, issuer: %s, "
                      "rootcertbundle: %s/cert}}" % (proxy_port, SERVICE, ISSUER, scratch))
    with open(scratch + "/config.yml", "w") as file:
        file.write("\n".join(config) + "\n")
    process = subprocess.Popen(["docker-registry", "serve", scratch + "/config.yml"],
                               stdout=subprocess.DEVNULL, stderr=open(scratch + "/log", "w"),
                               preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM))
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    sys.exit("docker-registry does not start: " + open(scratch + "/log").read())


def fill(scratch, port, auth):
    login = [] if auth == "none" else ["--dest-creds", USER + ":" + PASSWORD]
    policy = scratch + "/policy.json"
    with open(policy, "w") as file:
        file.write('{"default":[{"type":"insecureAcceptAnything"}]}')
    for name, target in (("multi", "public/multi"), ("single", "public/single"),
                         ("single", "private/single")):
        subprocess.run(["skopeo", "--policy", policy, "copy", "--all", "--preserve-digests",
                        "--dest-tls-verify=false", *login, "oci:%s/layout:%s" % (scratch, name),
                        "docker://127.0.0.1:%d/%s:1" % (port, target)],
                       check=True, capture_output=True)


# ---- the token service -----------------------------------------------------------------------

def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make_token(scratch, scopes, user, serial):
    with open(scratch + "/cert") as file:
        der = "".join(line.strip() for line in file if "-----" not in line)
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":")
        if user or (name.startswith("public/") and actions == "pull"):
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
    now = int(time.time())
    header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
    claims = {"iss": ISSUER, "sub": user, "aud": SERVICE, "exp": now + 300, "nbf": now - 10,
              "iat": now - 10, "jti": str(serial), "access": access}
    text = b".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", scratch + "/key"],
                               input=text, check=True, capture_output=True).stdout
    return (text + b"." + base64url(signature)).decode()


# ---- the proxy -------------------------------------------------------------------------------

class State:
    lock = threading.Lock()
    log, faults, revoked, issued, redirected = [], [], set(), [], {}
    scratch = auth = ""
    registry_port = storage_port = proxy_port = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def any_method(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        port = self.server.server_address[1]
        if self.path.startswith("/@"):
            return self.control(body)
        with State.lock:
            State.log.append({"method": self.command, "path": self.path, "port": port,
                              "authorization": self.headers.get("Authorization", ""),
                              "range": self.headers.get("Range", "")})
        if port == State.storage_port:
            return self.storage()
        fault = self.next_fault()
        if fault and self.fault(fault):
            return None
        if self.path.split("?")[0] == "/token":
            return self.token(body)
        if self.headers.get("Authorization", "")[7:] in State.revoked:
            return self.reply(401, b"", [("WWW-Authenticate", self.challenge())])
        return self.forward(self.path, body, fault or {})

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = any_method

    def challenge(self):
        repository = "/".join(self.path.split("/")[2:4])
        return ('Bearer realm="http://127.0.0.1:%d/token",service="%s",scope="repository:%s:pull",'
                'error="invalid_token"' % (State.proxy_port, SERVICE, repository))

    def control(self, body):
        with State.lock:
            if self.path == "/@log":
                log, State.log = State.log, []
                return self.reply(200, json.dumps(log).encode())
            if self.path == "/@fault":
                State.faults.append(json.loads(body))
            if self.path == "/@clear":
                State.faults, State.log = [], []
            if self.path == "/@revoke":
                State.revoked.update(State.issued)
        return self.reply(200)

    def next_fault(self):
        with State.lock:
            for fault in State.faults:
                if fault["times"] > 0 and re.search(fault["match"], self.command + " " + self.path):
                    fault["times"] -= 1
                    return fault
        return None

    def fault(self, fault):
        """True when this was the answer; faults of the body are done in forward()."""
        kind = fault["do"]
        if kind == "answer":      # status, body, headers
            self.reply(fault["status"], fault.get("body", "").encode(),
                       list(fault.get("headers", {}).items()))
            return True
        if kind == "drop":        # no answer at all
            self.close_connection = True
            return True
        if kind == "storage":     # a redirect to the other port
            State.redirected[SIGNED + self.path] = dict(self.headers.items())
            where = "http://127.0.0.1:%d%s" % (State.storage_port, SIGNED + self.path)
            self.reply(307, b"elsewhere", [("Location", where)])
            return True
        return False              # reset, close, stall, truncated, long, wrong, header

    def storage(self):
        if self.headers.get("Authorization"):
            return self.reply(400, b"only one auth mechanism allowed")
        fault = self.next_fault()
        if fault and self.fault(fault):
            return None
        with State.lock:
            allowed = State.redirected.get(self.path)
        if not allowed:
            return self.reply(403, b"not signed")
        self.headers["Authorization"] = allowed.get("Authorization", "")
        return self.forward(self.path[len(SIGNED):], b"", fault or {})

    def token(self, body):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        user = ""
        if self.command == "POST":
            form = urllib.parse.parse_qs(body.decode())
            if form.get("refresh_token") != [IDENTITY] or form.get("service") != [SERVICE]:
                return self.reply(401, b"{}")
            query, user = {"scope": form.get("scope", [""])[0].split()}, USER
        elif self.headers.get("Authorization"):
            name, _, password = base64.b64decode(
                self.headers["Authorization"][6:]).decode().partition(":")
            if (name, password) != (USER, PASSWORD):
                return self.reply(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}')
            user = name
        with State.lock:
            token = make_token(State.scratch, query.get("scope", []), user, len(State.issued))
            State.issued.append(token)
        return self.reply(200, json.dumps({"token": token, "expires_in": 300}).encode(),
                          [("Content-Type", "application/json")])

    def forward(self, path, body, fault):
        upstream = http.client.HTTPConnection("127.0.0.1", State.registry_port, timeout=60)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("connection", "expect") and value}
        if fault.get("do") == "noranges" or fault.get("noranges"):
            headers.pop("Range", None)
        upstream.request(self.command, path, body or None, headers)
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        kind = fault.get("do", "")
        length = int(answer.getheader("Content-Length") or len(data))
        if kind == "wrong":
            data = data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]
        if kind == "truncated":
            data, length = data[:-10], length - 10
        if kind == "long":
            data, length = data + b"0123456789", length + 10
        self.send_response(answer.status)
        changed = {name.lower(): value for name, value in fault.get("headers", {}).items()}
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", *changed):
                self.send_header(name, value)
        for name, value in changed.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        if kind in ("reset", "close", "stall"):
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            if kind == "stall":
                time.sleep(30)
            if kind == "reset":
                time.sleep(0.2)  # lets what was sent arrive first
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           struct.pack("ii", 1, 0))
                self.connection.close()
            return
        self.wfile.write(data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


def main():
    scratch, auth = sys.argv[1:]
    for program in ("docker-registry", "skopeo", "openssl"):
        if shutil.which(program) is None:
            print(program + " is not installed", file=sys.stderr)
            sys.exit(77)
    State.scratch, State.auth = scratch, auth
    proxy, storage = Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)
    State.proxy_port, State.storage_port = proxy.server_address[1], storage.server_address[1]
    for server in (proxy, storage):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    registry, State.registry_port = start_registry(scratch, auth, State.proxy_port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        found = make_images(scratch + "/layout")
        fill(scratch, State.registry_port, auth)
        State.log.clear()
        State.issued.clear()
        print(json.dumps({"port": State.proxy_port, "storage": State.storage_port, **found}),
              flush=True)
        while registry.poll() is None:
            time.sleep(0.5)
    except subprocess.CalledProcessError as error:
        sys.exit("%s: %s" % (error, error.stderr.decode()))
    finally:
        registry.terminate()
        registry.wait(10)


if __name__ == "__main__":
    main()
