"""A Harbor for tests of the program: the stand-in (tests/tools/harbor_stand_in.py), or a real one that the environment names."""
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

TOOL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools", "harbor_stand_in.py")


class Harbor:
    """host, user and password of an administrator; plain requests of our own."""
    url = host = user = password = ""

    def ask(self, method, path, body=None, auth=None, headers=None):
        """(status, body) of one request; `auth`: (user, password), the administrator's by default, False: nobody's."""
        parts = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=60)
        headers = {"X-Is-Resource-Name": "true", **(headers or {})}
        if auth is not False:
            pair = ":".join(auth or (self.user, self.password))
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        if isinstance(body, (dict, list)):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def api(self, method, path, body=None, **more):
        status, data = self.ask(method, "/api/v2.0" + path, body, **more)
        return status, json.loads(data) if data.strip().startswith((b"{", b"[", b"null")) else data

    def remove(self, project):
        for rule in self.rows("/projects/%s/immutabletagrules" % project):
            self.api("DELETE", "/projects/%s/immutabletagrules/%d" % (project, rule["id"]))
        for row in self.rows("/projects/%s/repositories" % project):
            name = urllib.parse.quote(urllib.parse.quote(row["name"].partition("/")[2], safe=""), safe="")
            self.api("DELETE", "/projects/%s/repositories/%s" % (project, name))
        self.api("DELETE", "/projects/" + project)

    def rows(self, path):
        status, rows = self.api("GET", path + ("&" if "?" in path else "?") + "page_size=100")
        return rows if status == 200 and isinstance(rows, list) else []

    def digest(self, repository, tag):
        """Of a tag, by Harbor's REST interface; None where there is none."""
        project, _, name = repository.partition("/")
        name = urllib.parse.quote(urllib.parse.quote(name, safe=""), safe="")
        status, found = self.api("GET", "/projects/%s/repositories/%s/artifacts/%s" % (project, name, tag))
        return found["digest"] if status == 200 else None


class StandIn(Harbor):
    def __init__(self, **config):
        if shutil.which("docker-registry") is None:
            raise unittest.SkipTest("docker-registry is not installed")
        self.folder = tempfile.mkdtemp(prefix="imgforge-harbor-")
        port_file = self.folder + "/port"
        self.process = subprocess.Popen([sys.executable, TOOL, "--port-file", port_file, "--config", json.dumps(config)])
        for _ in range(600):
            if os.path.exists(port_file) or self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(port_file, encoding="utf-8") as file:
            self.host = "127.0.0.1:" + file.read().strip()
        self.url, self.user, self.password = "http://" + self.host, "admin", "Harbor12345"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def control(self, what, **body):
        status, _ = self.ask("POST", "/@" + what, body, auth=False)
        assert status == 200, what

    def log(self):
        """"METHOD PATH" of each request since the last time."""
        return ["%(method)s %(path)s" % one for one in json.loads(self.ask("GET", "/@log", auth=False)[1])]


class RealHarbor(Harbor):
    """IMGFORGE_TEST_HARBOR_URL, _USER (an administrator), _PASSWORD."""

    def __init__(self):
        self.url = os.environ.get("IMGFORGE_TEST_HARBOR_URL", "").rstrip("/")
        if not self.url:
            raise unittest.SkipTest("no real Harbor: set IMGFORGE_TEST_HARBOR_URL, _USER and _PASSWORD")
        self.host = urllib.parse.urlsplit(self.url).netloc
        self.user = os.environ.get("IMGFORGE_TEST_HARBOR_USER", "admin")
        self.password = os.environ.get("IMGFORGE_TEST_HARBOR_PASSWORD", "")

    def stop(self):
        pass
