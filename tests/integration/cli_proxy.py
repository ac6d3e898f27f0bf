"""A docker-registry behind the proxy of registry_server.py, for tests of the program from outside."""
import functools
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "registry_server.py")


class Proxy:
    """`kind`: none, basic, token or tls; see registry_server.py."""

    def __init__(self, kind):
        self.folder = tempfile.mkdtemp(prefix="imgforge-faults-")
        self.process = subprocess.Popen([sys.executable, SERVER, self.folder, kind], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise unittest.SkipTest("registry_server.py does not start: exit code %d" % self.process.wait(20))
        self.images = json.loads(line)
        self.port = self.images["port"]
        self.connection = http.client.HTTPConnection
        if kind == "tls":
            self.connection = functools.partial(http.client.HTTPSConnection, context=ssl.create_default_context(
                cafile=os.path.join(self.folder, "ca.crt")))
        self.host = "127.0.0.1:%d" % self.port

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def control(self, what, body=b""):
        connection = self.connection("127.0.0.1", self.port, timeout=30)
        connection.request("GET" if what == "log" else "POST", "/@" + what, body)
        data = connection.getresponse().read()
        connection.close()
        return data

    def fault(self, match, do, times=100, **more):
        self.control("fault", json.dumps({"match": match, "times": times, "do": do, **more}))

    def log(self):
        return ["%(method)s %(path)s" % one for one in json.loads(self.control("log"))]
