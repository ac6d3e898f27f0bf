#!/usr/bin/env python3
"""An HTTP server on 127.0.0.1 that misbehaves on request, for tests of the http and sources rooms.

    http_fault_server.py [--root DIR] [--tls CERT KEY]

Prints its port on the first line of stdout and ends when its stdin is closed.

A path is any number of faults and then what is asked for:  /@FAULT[=ARG[,ARG]]/.../CONTENT
CONTENT   bytes/N            N bytes that depend only on N (content(N) below)
          headers            the request's headers as JSON
          echo               the request's method, headers and body's sha256 as JSON
          log                all requests so far as JSON
          anything else      a file under --root; for a folder index.json when the Accept header
                             asks for JSON and there is one, else index.html
FAULT     status=CODE[,TIMES[,RETRY_AFTER]]   that status, the first TIMES times (default: always)
          retrydate=SECONDS                   with status: Retry-After as a date that much later
          reset=TIMES                         half of the body, then a TCP reset
          close=TIMES                         half of the body, then an orderly end
          stall=TIMES                         half of the body, then silence
          drip                                ten bytes a second
          think=SECONDS                       that long before the answer
          drop                                no answer at all
          noranges                            Range is ignored
          wrong                               one byte is another one
          truncated                           a complete answer, 10 bytes short
          long                                a complete answer, 10 bytes too long
          redirect=TIMES                      to itself, then the content
          to=PORT                             redirect to plain http on that port, same rest
"""
import email.utils
import hashlib
import http.server
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse


def content(size):
    block = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(1024))
    return (block * (size // len(block) + 1))[:size]


class State:
    lock = threading.Lock()
    seen = {}
    log = []
    root = None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def count(self, fault):
        with State.lock:
            key = (self.path, fault)
            State.seen[key] = State.seen.get(key, 0) + 1
            return State.seen[key]

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        with State.lock:
            State.log.append({"method": self.command, "path": self.path,
                              "range": self.headers.get("Range", "")})
        faults = []
        rest = urllib.parse.unquote(self.path.split("?")[0]).lstrip("/")
        while rest.startswith("@"):
            fault, _, rest = rest.partition("/")
            name, _, args = fault[1:].partition("=")
            faults.append((name, args.split(",") if args else []))
        self.serve(dict(faults), rest, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

    def find(self, rest, body):
        if rest.startswith("bytes/"):
            return content(int(rest[6:])), "application/octet-stream"
        if rest == "headers":
            return json.dumps(dict(self.headers.items())).encode(), "application/json"
        if rest == "echo":
            return json.dumps({"method": self.command, "headers": dict(self.headers.items()),
                               "sha256": hashlib.sha256(body).hexdigest()}).encode(), "application/json"
        if rest == "log":
            return json.dumps(State.log).encode(), "application/json"
        if State.root is None or ".." in rest:
            return None, ""
        path = os.path.join(State.root, rest)
        kind = "application/octet-stream"
        if os.path.isdir(path):
            as_json = os.path.join(path, "index.json")
            if "json" in self.headers.get("Accept", "") and os.path.exists(as_json):
                path, kind = as_json, "application/vnd.pypi.simple.v1+json"
            else:
                path, kind = os.path.join(path, "index.html"), "text/html"
        if not os.path.isfile(path):
            return None, ""
        with open(path, "rb") as file:
            return file.read(), kind

    def serve(self, faults, rest, body):
        if "drop" in faults:
            self.close_connection = True
            return
        if "think" in faults:
            time.sleep(float(faults["think"][0]))
        if "status" in faults:
            code, times, after = (faults["status"] + ["", ""])[:3]
            if not times or self.count("status") <= int(times):
                extra = [("Retry-After", after)] if after else []
                if "retrydate" in faults:
                    when = time.time() + int(faults["retrydate"][0])
                    extra = [("Retry-After", email.utils.formatdate(when, usegmt=True))]
                return self.reply(int(code), b"no luck", extra)
        if "redirect" in faults and self.count("redirect") <= int(faults["redirect"][0]):
            return self.reply(302, b"elsewhere", [("Location", self.path)])
        if "to" in faults:
            where = "http://127.0.0.1:%s/%s" % (faults["to"][0], rest)
            return self.reply(307, b"elsewhere", [("Location", where)])
        data, kind = self.find(rest, body)
        if data is None:
            return self.reply(404, b"not here")
        if "wrong" in faults:
            data = data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]
        if "truncated" in faults:
            data = data[:-10]
        if "long" in faults:
            data = data + b"0123456789"
        start, stop, status = 0, len(data), 200
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and "noranges" not in faults:
            first, _, last = wanted[6:].partition("-")
            if first:
                start, stop = int(first), min(int(last) + 1 if last else len(data), len(data))
            else:
                start = max(len(data) - int(last), 0)
            if start >= len(data) and data:
                return self.reply(416, b"", [("Content-Range", "bytes */%d" % len(data))])
            status = 206
        part = data[start:stop]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("ETag", '"%s"' % hashlib.sha256(data).hexdigest()[:16])
        if status == 206:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, stop - 1, len(data)))
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.command == "HEAD":
            return
        for fault in ("reset", "close", "stall"):
            if fault in faults and self.count(fault) <= int(faults[fault][0]):
                self.wfile.write(part[:len(part) // 2])
                self.wfile.flush()
                self.close_connection = True
                if fault == "stall":
                    time.sleep(30)
                if fault == "reset":
                    time.sleep(0.2)  # lets what was sent arrive first
                    raw = self.connection
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    raw.close()
                return
        if "drip" in faults:
            for i in range(len(part)):
                self.wfile.write(part[i:i + 1])
                self.wfile.flush()
                time.sleep(0.1)
            return
        self.wfile.write(part)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


def main():
    arguments = sys.argv[1:]
    server = Server(("127.0.0.1", 0), Handler)
    while arguments:
        option = arguments.pop(0)
        if option == "--root":
            State.root = arguments.pop(0)
        elif option == "--tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(arguments.pop(0), arguments.pop(0))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        else:
            sys.exit("unknown option " + option)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
