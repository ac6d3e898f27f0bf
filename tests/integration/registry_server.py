#!/usr/bin/env python3
"""A real docker-registry on 127.0.0.1, filled by skopeo, behind a proxy that misbehaves on request.

    registry_server.py SCRATCH none|basic|token|tls

Prints one line of JSON when it is ready: the proxy's port, and what is in the registry. Ends with
SIGTERM, and the registry with it. Exit code 77: a program is missing, which is named on stderr.
"tls" is "none" behind a certificate of an authority that is made here (SCRATCH/ca.crt); a client
certificate of it (SCRATCH/client.cert, .key) is asked for, and seen in the log.

In the registry, each image with tag 1, readable by alice/secret (and by nobody else with "basic");
with "token" bob/secret may pull everything and push nothing, and nobody may see vault/:
    public/multi     an index of linux/amd64 and linux/arm64
    public/single    its linux/amd64 image; with "token" everybody may read public/
    private/single   the same

Beside what it passes on, the proxy answers:
    GET  /@log       what came since the last time, as JSON: method, path, authorization, range,
                     content_range, length, port, certificate (the client's, as its subject)
    POST /@fault     {"match": REGEX of "METHOD PATH", "times": N, "do": FAULT, ...}; see fault();
                     with "content_range" a REGEX of that field too
    POST /@limit     BYTES: longer bodies get 413 from now on, as from nginx; 0: none
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
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import time
import urllib.parse

USER, READER, PASSWORD, IDENTITY = "alice", "bob", "secret", "refresh-me"
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
              "  filesystem: {rootdirectory: %s/registry}" % scratch, "  delete: {enabled: true}",
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
    login = [] if auth in ("none", "tls") else ["--dest-creds", USER + ":" + PASSWORD]
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
        actions = actions.split(",")
        if user != USER:
            actions = ["pull"] if user == READER or name.startswith("public/") else []
        if actions and not name.startswith("vault/"):
            access.append({"type": kind, "name": name, "actions": actions})
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
    registry_port = storage_port = proxy_port = limit = 0


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
        length = int(self.headers.get("Content-Length") or 0)
        port = self.server.server_address[1]
        if self.path.startswith("/@"):
            return self.control(self.rfile.read(length))
        peer = getattr(self.connection, "getpeercert", lambda: None)()
        with State.lock:
            State.log.append({"method": self.command, "path": self.path, "port": port,
                              "authorization": self.headers.get("Authorization", ""),
                              "range": self.headers.get("Range", ""),
                              "content_range": self.headers.get("Content-Range", ""),
                              "length": length, "certificate": str((peer or {}).get("subject", ""))})
        if port == State.storage_port:
            return self.storage(self.rfile.read(length))
        fault = self.next_fault()
        if fault and fault["do"] == "cut":       # half of the body, then a reset
            self.rfile.read(length // 2)
            return self.reset()
        if fault and fault["do"] == "early":     # an answer before the body
            return self.early(fault["status"], fault.get("body", ""), fault.get("headers", {}))
        if State.limit and length > State.limit:
            return self.early(413, "<html>413 Request Entity Too Large</html>",
                              {"Content-Type": "text/html"})
        body = self.rfile.read(length)
        if fault and self.fault(fault):
            return None
        if self.path.split("?")[0] == "/token":
            return self.token(body)
        if self.headers.get("Authorization", "")[7:] in State.revoked:
            return self.reply(401, b"", [("WWW-Authenticate", self.challenge())])
        return self.forward(self.path, body, fault or {})

    def early(self, status, body, headers):
        self.close_connection = True
        self.reply(status, body.encode(), [*headers.items(), ("Connection", "close")])
        self.wfile.flush()
        self.connection.settimeout(2)  # a lingering close, as nginx has it
        try:
            while self.connection.recv(1 << 16):
                pass
        except OSError:
            pass

    def reset(self):
        self.close_connection = True
        time.sleep(0.2)  # lets what was sent arrive first
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = any_method

    def challenge(self):
        repository = "/".join(self.path.split("/")[2:4])
        return ('Bearer realm="http://127.0.0.1:%d/token",service="%s",scope="repository:%s:pull,push",'
                'error="invalid_token"' % (State.proxy_port, SERVICE, repository))

    def control(self, body):
        with State.lock:
            if self.path == "/@log":
                log, State.log = State.log, []
                return self.reply(200, json.dumps(log).encode())
            if self.path == "/@fault":
                State.faults.append(json.loads(body))
            if self.path == "/@clear":
                State.faults, State.log, State.limit = [], [], 0
            if self.path == "/@limit":
                State.limit = int(body)
            if self.path == "/@revoke":
                State.revoked.update(State.issued)
        return self.reply(200)

    def next_fault(self):
        with State.lock:
            for fault in State.faults:
                if (fault["times"] > 0 and re.search(fault["match"], self.command + " " + self.path)
                        and re.search(fault.get("content_range", ""),
                                      self.headers.get("Content-Range", ""))):
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
            State.redirected[SIGNED + self.path.split("?")[0]] = dict(self.headers.items())
            where = "http://127.0.0.1:%d%s" % (State.storage_port, SIGNED + self.path)
            self.reply(307, b"elsewhere", [("Location", where)])
            return True
        return False              # none, reset, close, stall, drip, truncated, long, wrong, header, lost,
        #                           damaged (the request's body), foreign (the answer's Location)

    def storage(self, body):
        if self.headers.get("Authorization"):
            return self.reply(400, b"only one auth mechanism allowed")
        fault = self.next_fault()
        if fault and self.fault(fault):
            return None
        with State.lock:
            allowed = State.redirected.get(self.path.split("?")[0])
        if not allowed:
            return self.reply(403, b"not signed")
        self.headers["Authorization"] = allowed.get("Authorization", "")
        return self.forward(self.path[len(SIGNED):], body, fault or {})

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
            if name not in (USER, READER) or password != PASSWORD:
                return self.reply(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}')
            user = name
        with State.lock:
            token = make_token(State.scratch, query.get("scope", []), user, len(State.issued))
            State.issued.append(token)
        return self.reply(200, json.dumps({"token": token, "expires_in": 300}).encode(),
                          [("Content-Type", "application/json")])

    def forward(self, path, body, fault):
        kind = fault.get("do", "")
        if kind == "damaged":
            body = body[:-1] + bytes([body[-1] ^ 1])
        upstream = http.client.HTTPConnection("127.0.0.1", State.registry_port, timeout=60)
        headers = {name: ", ".join(self.headers.get_all(name)) for name in set(self.headers.keys())
                   if name.lower() not in ("connection", "expect") and self.headers[name]}
        if fault.get("do") == "noranges" or fault.get("noranges"):
            headers.pop("Range", None)
        if self.command in ("PUT", "PATCH", "POST"):
            headers["Content-Length"] = str(len(body))
        if State.auth == "tls":
            headers["X-Forwarded-Proto"] = "https"
        upstream.request(self.command, path, body or None, headers)
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        if kind == "lost":        # done, and nobody hears of it
            self.close_connection = True
            return
        length = int(answer.getheader("Content-Length") or len(data))
        if kind == "wrong":
            data = data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]
        if kind == "truncated":
            data, length = data[:-10], length - 10
        if kind == "long":
            data, length = data + b"0123456789", length + 10
        self.send_response(answer.status)
        changed = {name.lower(): value for name, value in fault.get("headers", {}).items()}
        if kind == "foreign":
            there = urllib.parse.urlsplit(answer.getheader("Location"))
            with State.lock:
                State.redirected[SIGNED + there.path] = dict(self.headers.items())
            changed["location"] = "http://127.0.0.1:%d%s%s?%s" % (State.storage_port, SIGNED,
                                                                 there.path, there.query)
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
                self.reset()
            return
        if kind == "drip":
            for i in range(len(data)):
                self.wfile.write(data[i:i + 1])
                self.wfile.flush()
                time.sleep(0.1)
            return
        self.wfile.write(data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


def openssl(scratch, *arguments):
    subprocess.run(["openssl", *arguments], cwd=scratch, check=True, capture_output=True)


def protect(server, scratch):
    openssl(scratch, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"),
                            ("client", "extendedKeyUsage=clientAuth")):
        with open(scratch + "/extension", "w") as file:
            file.write(extension + "\n")
        openssl(scratch, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test " + name,
                "-keyout", name + ".key", "-out", name + ".csr")
        openssl(scratch, "x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-days", "2", "-CAcreateserial", "-extfile", "extension", "-out", name + ".cert")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(scratch + "/server.cert", scratch + "/server.key")
    context.load_verify_locations(scratch + "/ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)


def main():
    scratch, auth = sys.argv[1:]
    for program in ("docker-registry", "skopeo", "openssl"):
        if shutil.which(program) is None:
            print(program + " is not installed", file=sys.stderr)
            sys.exit(77)
    State.scratch, State.auth = scratch, auth
    proxy, storage = Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)
    if auth == "tls":
        protect(proxy, scratch)
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
