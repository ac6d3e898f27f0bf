#!/usr/bin/env python3
"""A stand-in for Harbor 2.12 to 2.15 in front of a real docker-registry, on 127.0.0.1, for tests.

    harbor_stand_in.py --registry-binary docker-registry --port 0 --port-file FILE [--config JSON]

It exists to test clients where no Harbor runs: it answers as Harbor does where Harbor differs from a plain registry, and
passes blobs and manifests on to docker-registry. FILE receives the port when everything is ready (written elsewhere, then
renamed). It ends with SIGTERM, or when the process that started it ends, and the registry with it. Exit code 77: the
registry's program is missing, which is named on stderr.

JSON is a document or @FILE; every key may be absent:
    version            "2.15.2": behaviour by version (referrers from 2.8, OCI-Subject from 2.9, artifactType from 2.11,
                       sigstore bundles as signatures from 2.15)
    admin_password     "Harbor12345"
    users              {"alice": {"password": "...", "roles": {"ml": "developer"}}}: guest, developer, maintainer, admin
    projects           [{"name": "ml", "public": false, "quota": -1, "metadata": {}, "proxy_cache": false}]
    robot_name_prefix  "robot$"
    read_only          false
    jobservice         true; false: scans and retention runs fail with 500, as on a Harbor of core alone
    scanner            true; false: a scan is answered with 412
    scan               {"severity": "Low", "summary": {"Low": 1}}: what a scan finds
    quotas             true; false: quotas per project are switched off
    token_seconds      1800

Login: admin with its password, users, robots with the secret that creating them returned.

What a test may ask that no Harbor has (tests that also run against a real one leave it alone):
    GET  /@log         the requests since the last time: [{"method","path","user","user_agent","cookie"}]
    POST /@fault       {"match": REGEX of "METHOD PATH", "times": N, "status": 429, "headers": {}, "body": ""}; status 0
                       drops the connection
    POST /@set         {"read_only": true} or any other key of the configuration but users and projects
    POST /@clock       {"seconds": N}: time goes on (tokens and robots expire)
    POST /@scan        {"digest": "sha256:...", "severity": "High", "summary": {"High": 2}}: the result for one artifact
    POST /@collect     {"times": N}: the next N HEADs of blobs find nothing, as while garbage is collected
    POST /@clear       no faults, an empty log

Not here, because imgforge does not use it: replication, webhooks, the portal, members, LDAP and OIDC, charts.
"""
import argparse
import ctypes
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harbor_stand_in_api import Api  # noqa: E402
from harbor_stand_in_registry import Registry  # noqa: E402
from harbor_stand_in_state import Refusal, State  # noqa: E402


def start_backend(binary, scratch):
    """The real docker-registry: uploads, ranges, digests and mounts are checked by it, not by us."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(scratch + "/config.yml", "w") as file:
        file.write("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                   "storage:\n  filesystem: {rootdirectory: %s/data}\n  delete: {enabled: true}\n"
                   "http: {addr: '127.0.0.1:%d'}\n" % (scratch, port))
    process = subprocess.Popen([binary, "serve", scratch + "/config.yml"], stdout=subprocess.DEVNULL,
                               stderr=open(scratch + "/log", "w"),
                               preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM))
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    sys.exit("docker-registry does not start: " + open(scratch + "/log").read())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    # ---- answers ----

    def reply(self, status, body=b"", headers=(), content_type="application/json; charset=utf-8"):
        if not isinstance(body, bytes):
            body = (json.dumps(body) + "\n").encode()
        self.drain()
        self.send_response(status)
        names = {name.lower() for name, _ in headers}
        if "content-type" not in names and body:
            self.send_header("Content-Type", content_type)
        for name, value in headers:
            self.send_header(name, value)
        if self.headers.get("X-Request-Id"):
            self.send_header("X-Request-Id", self.headers["X-Request-Id"])  # facts 3.1: echoed
        if "content-length" not in names and status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, refusal):
        self.reply(refusal.status, {"errors": [{"code": refusal.code, "message": refusal.message}]}, refusal.headers)

    # ---- bodies: streamed once; what nobody read is dropped before the answer ----

    def pieces(self):
        self.body_read = True
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data = self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    return
                yield data
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            data = self.rfile.read(min(left, 1 << 18))
            if not data:
                raise ConnectionError("the client went away")
            left -= len(data)
            yield data

    def body(self, limit):
        data = b""
        for piece in self.pieces():
            data += piece
            if len(data) > limit:
                raise Refusal(413, "REQUEST_ENTITY_TOO_LARGE", "http: request body too large")
        return data

    def drain(self):
        if not self.body_read:
            for _ in self.pieces():
                pass

    def document(self):
        data = self.body(1 << 20)
        try:
            value = json.loads(data or b"{}")
        except ValueError:
            raise Refusal(400, "BAD_REQUEST", "the body is no JSON") from None
        if not isinstance(value, dict):
            raise Refusal(422, "UNPROCESSABLE_ENTITY", "the body must be an object")
        return value

    # ---- dispatch ----

    def any_method(self):
        self.body_read = False
        self.url = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(self.url.query, keep_blank_values=True)
        state = self.server.state
        try:
            if self.path.startswith("/@"):
                return self.reply(200, state.control(self.command, self.url.path, self.document()))
            self.who = state.authenticate(self.headers.get("Authorization", ""))
            state.note(self.command, self.path, self.who.name, self.headers)
            fault = state.next_fault(self.command + " " + self.path)
            if fault:
                return self.fault(fault)
            if self.url.path.startswith("/v2/") or self.url.path == "/v2":
                return self.server.registry.handle(self)
            if self.url.path == "/service/token":
                return self.server.registry.token(self)
            return self.server.api.handle(self)
        except Refusal as refusal:
            return self.refuse(refusal)
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = any_method

    def fault(self, fault):
        if fault["status"] == 0:
            self.close_connection = True
            return
        self.reply(fault["status"], fault.get("body", "").encode(), list(fault.get("headers", {}).items()))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--registry-binary", default="docker-registry")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--config", default="{}")
    options = parser.parse_args()
    if shutil.which(options.registry_binary) is None:
        print(options.registry_binary + " is not installed", file=sys.stderr)
        sys.exit(77)
    text = open(options.config[1:]).read() if options.config.startswith("@") else options.config
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: never outlives the test
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    scratch = tempfile.mkdtemp(prefix="harbor-stand-in-")
    backend = None
    try:
        backend, backend_port = start_backend(options.registry_binary, scratch)
        server = Server(("127.0.0.1", options.port), Handler)
        server.state = State(json.loads(text))
        server.registry = Registry(server.state, backend_port)
        server.api = Api(server.state, server.registry)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open(options.port_file + ".new", "w") as file:
            file.write("%d\n" % server.server_address[1])
        os.rename(options.port_file + ".new", options.port_file)
        while backend.poll() is None:
            time.sleep(0.2)
        sys.exit("docker-registry has ended")
    finally:
        if backend is not None:
            backend.terminate()
            backend.wait(10)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
