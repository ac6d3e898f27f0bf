#!/usr/bin/env python3
"""Holds harbor_stand_in.py to what is known of Harbor, from outside, with plain HTTP.

Tests of `Harbor` also run against a real one that IMGFORGE_TEST_HARBOR_URL, _USER and _PASSWORD name; those of
`OnlyStandIn` need what no Harbor offers (another version, a clock, faults).
"""
import base64
import hashlib
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

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(os.path.dirname(HERE), "tools", "harbor_stand_in.py")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["errors"][0]["code"]

    @property
    def message(self):
        return self.json()["errors"][0]["message"]


class Base:
    """What both kinds of test use; `url`, `user` and `password` come from the classes below."""
    projects = 0

    def ask(self, method, path, body=None, headers=None, auth="admin", agent="imgforge-test"):
        """auth: "admin", None, ("user", "password"), or a bearer token."""
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(self.url, path))
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=60)
        headers = {"User-Agent": agent, **(headers or {})}
        if isinstance(body, (dict, list)):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if auth == "admin":
            auth = (self.user, self.password)
        if isinstance(auth, tuple):
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        elif auth:
            headers["Authorization"] = "Bearer " + auth
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body, headers)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def api(self, method, path, body=None, **more):
        return self.ask(method, "/api/v2.0" + path, body, **more)

    def token(self, *scopes, auth="admin"):
        query = urllib.parse.urlencode([("service", "harbor-registry")] + [("scope", scope) for scope in scopes])
        answer = self.ask("GET", "/service/token?" + query, auth=auth)
        self.assertEqual(answer.status, 200)
        return answer.json()["token"]

    def project(self, **metadata):
        Base.projects += 1
        name = "imgforge-si-%d-%d-%d" % (os.getpid(), int(time.time()), Base.projects)
        answer = self.api("POST", "/projects", {"project_name": name, "metadata": {"public": "false", **metadata}})
        self.assertEqual(answer.status, 201, answer.body)
        self.addCleanup(self.remove, name)
        return name

    def remove(self, name):
        for rule in self.api("GET", "/projects/%s/immutabletagrules" % name).json() or []:
            self.api("DELETE", "/projects/%s/immutabletagrules/%d" % (name, rule["id"]))
        for row in self.api("GET", "/projects/%s/repositories?page_size=100" % name).json() or []:
            rest = urllib.parse.quote(urllib.parse.quote(row["name"].partition("/")[2], safe=""), safe="")
            self.api("DELETE", "/projects/%s/repositories/%s" % (name, rest))
        self.api("DELETE", "/projects/" + name)

    def robot(self, project, *rights, days=1):
        access = [dict(zip(("resource", "action"), right.split(":"))) for right in rights]
        answer = self.api("POST", "/robots", {"name": "r%d" % len(rights), "level": "project", "duration": days,
                                              "permissions": [{"kind": "project", "namespace": project,
                                                               "access": access}]})
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json()

    def upload(self, repository, data, auth="admin", step=None):
        begun = self.ask("POST", "/v2/%s/blobs/uploads/" % repository, auth=auth)
        if begun.status != 202:
            return begun
        where = begun.headers["Location"]
        if step:
            for at in range(0, len(data), step):
                piece = data[at:at + step]
                patched = self.ask("PATCH", where, piece, {"Content-Type": "application/octet-stream",
                                                           "Content-Range": "%d-%d" % (at, at + len(piece) - 1)}, auth)
                if patched.status != 202:
                    return patched
                where = patched.headers["Location"]
            data_left = b""
        else:
            data_left = data
        return self.ask("PUT", where + ("&" if "?" in where else "?") + "digest=" + digest_of(data), data_left,
                        {"Content-Type": "application/octet-stream"}, auth)

    def manifest(self, repository, reference, content, auth="admin", agent="imgforge-test", **more):
        """Pushes blobs and a manifest of one layer; (answer, digest)."""
        config = b"{}" if "artifactType" in more else json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
            "type": "layers", "diff_ids": [digest_of(content)]}}).encode()
        for blob in (config, content):
            answer = self.upload(repository, blob, auth)
            if answer.status != 201:
                return answer, None
        config_type = more.pop("config_type", EMPTY if "artifactType" in more else
                               "application/vnd.oci.image.config.v1+json")
        layer_type = more.pop("layer_type", "application/vnd.oci.image.layer.v1.tar")
        document = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **more,
                               "config": {"mediaType": config_type, "digest": digest_of(config), "size": len(config)},
                               "layers": [{"mediaType": layer_type, "digest": digest_of(content),
                                           "size": len(content)}]}).encode()
        reference = reference or digest_of(document)
        answer = self.ask("PUT", "/v2/%s/manifests/%s" % (repository, reference), document,
                          {"Content-Type": MANIFEST}, auth, agent)
        return answer, digest_of(document)

    def push(self, repository, tag, content=b"layer", **more):
        answer, digest = self.manifest(repository, tag, content, **more)
        self.assertEqual(answer.status, 201, answer.body)
        return digest

    def get(self, repository, reference, method="GET", **more):
        return self.ask(method, "/v2/%s/manifests/%s" % (repository, reference), None,
                        {"Accept": ", ".join((MANIFEST, INDEX))}, **more)

    def accessories(self, repository, digest):
        project, _, rest = repository.partition("/")
        return [row["type"] for row in self.api("GET", "/projects/%s/repositories/%s/artifacts/%s/accessories" % (
            project, urllib.parse.quote(urllib.parse.quote(rest, safe=""), safe=""), digest)).json() or []]


class Harbor(Base):
    """Facts that hold for every Harbor from 2.12 to 2.15."""

    def test_challenges(self):
        for path in ("/v2/", "/v2/library/x/manifests/1"):
            answer = self.ask("GET", path, auth=None)
            self.assertEqual(answer.status, 401)
            self.assertIn("Bearer realm=", answer.headers["Www-Authenticate"])
            self.assertIn('service="harbor-registry"', answer.headers["Www-Authenticate"])
        self.assertIn("//%s/service/token" % urllib.parse.urlsplit(self.url).netloc,
                      self.ask("GET", "/v2/", auth=None).headers["Www-Authenticate"])

    def test_token_service(self):
        self.assertEqual(self.ask("POST", "/service/token", b"grant_type=password").status, 405)
        query = "/service/token?service=harbor-registry"
        self.assertEqual(self.ask("GET", query, auth=(self.user, "wrong")).status, 401)
        # With a scope a wrong password gives an anonymous token.
        scope = "&scope=repository:%s/x:pull,push" % self.project()
        answer = self.ask("GET", query + scope, auth=(self.user, "wrong"))
        self.assertEqual(answer.status, 200)
        name = scope.split(":")[1]
        denied = self.get(name, "1", auth=answer.json()["token"])
        self.assertEqual(denied.status, 401)
        self.assertEqual(denied.headers["Www-Authenticate"], 'Basic realm="harbor"')

    def test_bearer_push_and_pull(self):
        repository = self.project() + "/a/b"
        token = self.token("repository:%s:pull" % repository)  # what was asked for is not what is granted
        digest = self.push(repository, "1", auth=token)
        self.assertEqual(self.get(repository, "1", auth=token).headers["Docker-Content-Digest"], digest)

    def test_a_public_project_needs_a_token_too(self):
        repository = self.project(public="true") + "/x"
        self.push(repository, "1")
        self.assertEqual(self.get(repository, "1", auth=None).status, 401)
        token = self.token("repository:%s:pull" % repository, auth=None)
        self.assertEqual(self.get(repository, "1", auth=token).status, 200)

    def test_chunked_upload(self):
        repository = self.project() + "/x"
        data = os.urandom(300_000)
        self.assertEqual(self.upload(repository, data, step=100_000).status, 201)
        blob = self.ask("GET", "/v2/%s/blobs/%s" % (repository, digest_of(data)))
        self.assertEqual(blob.body, data)

    def test_mount_needs_the_right_on_the_source(self):
        source, target = self.project(), self.project()
        self.push(source + "/x", "1")
        robot = self.robot(target, "repository:pull", "repository:push")
        layer = digest_of(b"layer")
        path = "/v2/%s/x/blobs/uploads/?mount=%s&from=%s/x" % (target, layer, source)
        refused = self.ask("POST", path, auth=(robot["name"], robot["secret"]))
        self.assertEqual(refused.status, 401)
        self.assertEqual(self.ask("POST", path).status, 201)

    def test_immutable(self):
        project = self.project()
        rule = {"disabled": False, "priority": 0, "action": "immutable", "template": "immutable_template",
                "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": "v*.*.*"}],
                "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}}
        self.assertEqual(self.api("POST", "/projects/%s/immutabletagrules" % project, rule).status, 201)
        repository = project + "/x"
        digest = self.push(repository, "v1.0.0")
        again, _ = self.manifest(repository, "v1.0.0", b"layer")
        self.assertEqual((again.status, again.code), (412, "PRECONDITION"))
        self.assertIn("'x:v1.0.0' configured as immutable", again.message)
        by_digest, _ = self.manifest(repository, None, b"layer")
        self.assertEqual(by_digest.status, 201)
        self.push(repository, "v1.0")
        self.push(repository, "v1.0", b"other")
        self.assertEqual(self.ask("DELETE", "/v2/%s/manifests/%s" % (repository, digest)).status, 412)
        self.assertEqual(self.api("DELETE", "/projects/%s/repositories/x" % project).status, 412)

    def test_deletion(self):
        project = self.project()
        repository = project + "/x"
        digest = self.push(repository, "1")
        self.push(repository, "2")
        by_tag = self.ask("DELETE", "/v2/%s/manifests/1" % repository)
        self.assertEqual((by_tag.status, by_tag.code), (400, "UNSUPPORTED"))
        one = "/projects/%s/repositories/x/artifacts/" % project
        self.assertEqual(self.api("DELETE", one + "1/tags/1").status, 200)
        self.assertEqual(self.get(repository, "1").status, 404)
        self.assertEqual(self.get(repository, "2").status, 200)
        self.push(repository, "3")
        self.assertEqual(self.api("DELETE", one + "2").status, 200)  # one tag named: the artifact goes, and "3" with it
        for reference in ("3", digest):
            self.assertEqual(self.get(repository, reference).status, 404)

    def test_the_child_of_an_index_stays(self):
        repository = self.project() + "/x"
        child = self.push(repository, None)
        size = len(self.get(repository, child).body)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": MANIFEST, "digest": child, "size": size,
                 "platform": {"os": "linux", "architecture": "amd64"}}]}
        body = json.dumps(index).encode()
        put = self.ask("PUT", "/v2/%s/manifests/all" % repository, body, {"Content-Type": INDEX})
        self.assertEqual(put.status, 201, put.body)
        refused = self.ask("DELETE", "/v2/%s/manifests/%s" % (repository, child))
        self.assertEqual(refused.status, 412)

    def test_tags_list(self):
        repository = self.project() + "/x"
        for tag in ("b", "c", "a"):
            self.push(repository, tag)
        path = "/v2/%s/tags/list" % repository
        self.assertEqual(self.ask("GET", path).json()["tags"], ["a", "b", "c"])
        page = self.ask("GET", path + "?n=2")
        self.assertEqual(page.json()["tags"], ["a", "b"])
        self.assertIn('rel="next"', page.headers["Link"])
        following = page.headers["Link"].split(">")[0].strip("<")
        self.assertEqual(self.ask("GET", following).json()["tags"], ["c"])

    def test_referrers_and_accessories(self):
        repository = self.project() + "/x"
        digest = self.push(repository, "1")
        subject = {"mediaType": MANIFEST, "digest": digest, "size": len(self.get(repository, digest).body)}
        put, referrer = self.manifest(repository, None, b"evidence", artifactType="application/vnd.example.report",
                                      subject=subject, annotations={"k": "v"})
        self.assertEqual(put.status, 201, put.body)
        self.assertEqual(put.headers["OCI-Subject"], digest)
        answer = self.ask("GET", "/v2/%s/referrers/%s" % (repository, digest))
        rows = answer.json()["manifests"]
        self.assertEqual([row["digest"] for row in rows], [referrer])
        self.assertEqual(rows[0]["artifactType"], "application/vnd.example.report")
        self.assertEqual(rows[0]["annotations"], {"k": "v"})
        self.assertEqual(self.ask("GET", "/v2/%s/referrers/%s?artifactType=no/thing" % (repository, digest))
                         .json()["manifests"], [])
        self.assertEqual(self.ask("GET", "/v2/%s/referrers/sha256:%064d" % (repository, 0)).json()["manifests"], [])
        self.assertEqual(self.accessories(repository, digest), ["subject.accessory"])
        self.manifest(repository, None, b"sig", artifactType="application/vnd.cncf.notary.signature", subject=subject,
                      config_type="application/vnd.cncf.notary.signature")
        self.assertIn("signature.notation", self.accessories(repository, digest))
        self.ask("DELETE", "/v2/%s/manifests/%s" % (repository, digest))
        self.assertEqual(self.get(repository, referrer).status, 404)  # accessories go with their subject

    def test_content_trust_and_who_passes_by_it(self):
        project = self.project(enable_content_trust_cosign="true")
        repository = project + "/x"
        digest = self.push(repository, "1")
        token = self.token("repository:%s:pull,push" % repository)
        refused = self.get(repository, "1", auth=token)
        self.assertEqual((refused.status, refused.code), (412, "PROJECTPOLICYVIOLATION"))
        self.assertIn("not signed by cosign", refused.message)
        self.assertEqual(self.get(repository, "1", auth=token, agent="cosign/v2.5.0").status, 200)
        self.assertEqual(self.get(repository, "1", agent="cosign/v2.5.0").status, 412)  # Basic does not pass
        self.push(repository, "sha256-%s.sig" % digest[7:], b"signature",
                  layer_type="application/vnd.dev.cosign.simplesigning.v1+json", auth=token, agent="cosign/v2.5.0")
        self.assertEqual(self.get(repository, "1", auth=token).status, 200)
        self.assertEqual(self.accessories(repository, digest), ["signature.cosign"])

    def test_copy_and_its_caveats(self):
        source, target = self.project(), self.project()
        digest = self.push(source + "/x", "1")
        self.push(source + "/x", "2")
        path = "/projects/%s/repositories/y/artifacts?from=" % target
        self.assertEqual(self.api("POST", path + "%s/x:1" % source).status, 201)
        self.assertEqual(self.ask("GET", "/v2/%s/y/tags/list" % target).json()["tags"], ["1", "2"])
        subject = {"mediaType": MANIFEST, "digest": digest, "size": len(self.get(source + "/x", digest).body)}
        _, late = self.manifest(source + "/x", None, b"late", artifactType="application/vnd.example.report", subject=subject)
        self.assertEqual(self.api("POST", path + "%s/x@%s" % (source, digest)).status, 201)
        self.assertEqual(self.accessories(target + "/y", digest), [])  # it does not arrive later
        self.assertEqual(self.api("POST", path + "%s/x@%s" % (source, late)).status, 403)

    def test_robots(self):
        project = self.project()
        robot = self.robot(project, "repository:pull", "repository:push", "tag:list")
        self.assertIn(project + "+r3", robot["name"])
        listed = self.api("GET", "/robots/%d" % robot["id"]).json()
        self.assertFalse(listed.get("secret"))
        auth = (robot["name"], robot["secret"])
        self.assertEqual(self.ask("GET", "/v2/", auth=auth).status, 200)
        self.assertEqual(self.api("GET", "/projects/%s/immutabletagrules" % project, auth=auth).status, 403)
        fresh = self.api("PATCH", "/robots/%d" % robot["id"], {"secret": ""}).json()["secret"]
        self.assertEqual(self.ask("GET", "/v2/", auth=auth).status, 401)
        self.assertEqual(self.ask("GET", "/v2/", auth=(robot["name"], fresh)).status, 200)
        base = {"name": "x", "level": "project", "duration": 1}
        for wrong in ([], [{"kind": "project", "namespace": project, "access": []}]):
            self.assertEqual(self.api("POST", "/robots", {**base, "permissions": wrong}).status, 400)

    def test_pages(self):
        project = self.project()
        for i in range(11):
            number = self.api("GET", "/projects/" + project).json()["project_id"]
            self.assertEqual(self.api("POST", "/labels", {"name": "l%d" % i, "scope": "p", "project_id": number}).status, 201)
        path = "/labels?scope=p&project_id=%d" % number
        first = self.api("GET", path)
        self.assertEqual(len(first.json()), 10)
        self.assertEqual(first.headers["X-Total-Count"], "11")
        self.assertIn('rel="next"', first.headers["Link"])
        self.assertEqual(len(self.api("GET", path + "&page=2").json()), 1)
        self.assertEqual(self.api("GET", path + "&page_size=101").status, 422)

    def test_skopeo_goes_in_and_out(self):
        if shutil.which("skopeo") is None:
            print("SKIPPED: %s: skopeo is not installed" % self.id(), file=sys.stderr)
            self.skipTest("skopeo is not installed")
        repository = self.project() + "/a/b"
        self.push(repository, "1", os.urandom(1_000_000))
        verify = "--%s-tls-verify=" + ("true" if self.url.startswith("https") else "false")
        login = self.user + ":" + self.password
        name = "docker://%s/%s:" % (urllib.parse.urlsplit(self.url).netloc, repository)
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/policy.json", "w") as file:
                file.write('{"default":[{"type":"insecureAcceptAnything"}]}')
            copy = ["skopeo", "--policy", folder + "/policy.json", "copy", "--preserve-digests"]
            for arguments in (["--src-creds", login, verify % "src", name + "1", "oci:" + folder + "/layout:1"],
                              ["--dest-creds", login, verify % "dest", "oci:" + folder + "/layout:1", name + "2"]):
                done = subprocess.run(copy + arguments, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
        digests = {self.get(repository, tag, method="HEAD").headers["Docker-Content-Digest"] for tag in "12"}
        self.assertEqual(len(digests), 1)

    def test_system(self):
        self.assertEqual(self.api("GET", "/ping", auth=None).body.strip(), b"Pong")
        self.assertEqual(self.ask("GET", "/api/version", auth=None).json(), {"version": "v2.0"})
        self.assertNotIn("harbor_version", self.api("GET", "/systeminfo", auth=None).json())
        self.assertTrue(self.api("GET", "/systeminfo").json()["harbor_version"].startswith("v2."))
        self.assertIn("components", self.api("GET", "/health", auth=None).json())
        self.assertEqual(self.api("GET", "/ping", headers={"X-Request-Id": "abc"}).headers["X-Request-Id"], "abc")


class StandIn:
    """One stand-in for a class of tests."""
    config = {}

    @classmethod
    def setUpClass(cls):
        if shutil.which("docker-registry") is None:
            print("SKIPPED: %s: docker-registry is not installed" % cls.__name__, file=sys.stderr)
            raise unittest.SkipTest("docker-registry is not installed")
        cls.folder = tempfile.mkdtemp()
        port_file = cls.folder + "/port"
        cls.process = subprocess.Popen([sys.executable, TOOL, "--port-file", port_file, "--config", json.dumps(cls.config)])
        for _ in range(600):
            if os.path.exists(port_file) or cls.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(port_file) as file:
            cls.url = "http://127.0.0.1:" + file.read().strip()
        cls.user, cls.password = "admin", "Harbor12345"

    @classmethod
    def tearDownClass(cls):
        cls.process.send_signal(signal.SIGTERM)
        cls.process.wait(20)
        shutil.rmtree(cls.folder)

    def control(self, what, body):
        self.assertEqual(self.ask("POST", "/@" + what, body, auth=None).status, 200)


class TestStandIn(StandIn, Harbor, unittest.TestCase):
    pass


class TestRealHarbor(Harbor, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = os.environ.get("IMGFORGE_TEST_HARBOR_URL", "")
        cls.user = os.environ.get("IMGFORGE_TEST_HARBOR_USER", "")
        cls.password = os.environ.get("IMGFORGE_TEST_HARBOR_PASSWORD", "")
        if not cls.url or not cls.user:
            reason = "no real Harbor: set IMGFORGE_TEST_HARBOR_URL, _USER and _PASSWORD"
            print("SKIPPED: integration_harbor_stand_in TestRealHarbor: " + reason, file=sys.stderr)
            raise unittest.SkipTest(reason)


class TestOnlyStandIn(StandIn, Base, unittest.TestCase):
    """What a test can ask the stand-in for, and what differs by version."""

    def tearDown(self):
        self.control("clear", {})
        self.control("set", {"version": "2.15.2", "read_only": False})

    def test_versions(self):
        repository = self.project() + "/x"
        digest = self.push(repository, "1")
        subject = {"mediaType": MANIFEST, "digest": digest, "size": len(self.get(repository, digest).body)}
        path = "/v2/%s/referrers/%s" % (repository, digest)
        bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"

        def attach(content):
            return self.manifest(repository, None, content, artifactType=bundle, subject=subject)[0]
        self.control("set", {"version": "2.7.0"})
        self.assertEqual(self.ask("GET", path).status, 404)
        self.assertIsNone(attach(b"a").headers["OCI-Subject"])
        self.control("set", {"version": "2.8.0"})
        self.assertIsNone(attach(b"b").headers["OCI-Subject"])
        rows = self.ask("GET", path + "?artifactType=other").json()["manifests"]
        self.assertEqual([row["artifactType"] for row in rows], [EMPTY])  # the config's, and no filter
        self.control("set", {"version": "2.14.4"})
        self.assertEqual(attach(b"c").headers["OCI-Subject"], digest)
        self.assertNotIn("signature.cosign", self.accessories(repository, digest))
        self.control("set", {"version": "2.15.2"})
        attach(b"d")
        self.assertIn("signature.cosign", self.accessories(repository, digest))

    def test_read_only(self):
        repository = self.project() + "/x"
        self.control("set", {"read_only": True})
        for answer in (self.manifest(repository, "1", b"layer")[0], self.api("POST", "/projects", {"project_name": "n"})):
            self.assertEqual((answer.status, answer.code), (403, "DENIED"))
            self.assertIn("read only", answer.message)

    def test_quota_at_three_places(self):
        source, project = self.project(), self.project()
        self.push(source + "/x", "1", b"z" * 5000)
        number = self.api("GET", "/projects/" + project).json()["project_id"]
        quota = self.api("GET", "/quotas?reference=project&reference_id=%d" % number).json()[0]["id"]
        self.api("PUT", "/quotas/%d" % quota, {"hard": {"storage": 4000}})
        mount = self.ask("POST", "/v2/%s/x/blobs/uploads/?mount=%s&from=%s/x" % (project, digest_of(b"z" * 5000), source))
        blob = self.upload(project + "/x", b"y" * 5000)
        chunks = self.upload(project + "/x", b"w" * 5000, step=2000)
        self.upload(project + "/x", b"v" * 3500)
        manifest, _ = self.manifest(project + "/x", "1", b"v" * 3500, annotations={"long": "a" * 500})
        for answer in (mount, blob, chunks, manifest):
            self.assertEqual((answer.status, answer.code), (403, "DENIED"))
            self.assertIn("exceed the configured upper limit", answer.message)

    def test_expiry(self):
        project = self.project()
        robot = self.robot(project, "repository:pull", days=1)
        auth = (robot["name"], robot["secret"])
        token = self.token("repository:%s/x:pull" % project)
        self.push(project + "/x", "1")
        self.assertEqual(self.get(project + "/x", "1", auth=token).status, 200)
        self.control("clock", {"seconds": 90000})
        self.assertEqual(self.get(project + "/x", "1", auth=token).status, 401)
        self.assertEqual(self.ask("GET", "/v2/", auth=auth).status, 401)

    def test_a_token_is_older_than_the_project(self):
        project = self.project()
        token = self.token("repository:%s/x:pull,push" % project)
        self.remove(project)
        self.control("clock", {"seconds": 5})
        self.assertEqual(self.api("POST", "/projects", {"project_name": project}).status, 201)
        self.assertEqual(self.ask("POST", "/v2/%s/x/blobs/uploads/" % project, auth=token).status, 401)

    def test_collection_and_faults(self):
        repository = self.project() + "/x"
        self.push(repository, "1")
        blob = "/v2/%s/blobs/%s" % (repository, digest_of(b"layer"))
        self.control("collect", {"times": 1})
        self.assertEqual([self.ask("HEAD", blob).status for _ in range(2)], [404, 200])
        self.control("fault", {"match": "^HEAD ", "times": 1, "status": 429, "headers": {"Retry-After": "3"}})
        answer = self.ask("HEAD", blob)
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "3"))
        self.control("fault", {"match": "PATCH", "times": 1, "status": 413, "headers": {"Content-Type": "text/html"},
                               "body": "<html>413 Request Entity Too Large</html>"})
        self.assertEqual(self.upload(repository, b"x" * 1000, step=500).status, 413)

    def test_cookies_and_paths(self):
        project = self.project()
        cookie = {"Cookie": "sid=1"}
        self.assertEqual(self.api("GET", "/projects/" + project, headers=cookie).status, 200)
        refused = self.api("PUT", "/projects/" + project, {"metadata": {"public": "true"}}, headers=cookie)
        self.assertEqual(refused.status, 403)
        self.assertIn("CSRF", refused.message)
        self.push(project + "/a/b", "1")
        for name, status in (("a%2Fb", 404), ("a%252Fb", 200), ("a/b", 404)):
            self.assertEqual(self.api("GET", "/projects/%s/repositories/%s/artifacts" % (project, name)).status, status)
        self.assertEqual(self.get("single", "1").status, 404)  # a repository has two components at least

    def test_retention(self):
        project = self.project()
        digests = []
        for i in range(4):
            digests.append(self.push(project + "/x", "v%d" % i, b"%d" % i))
            self.control("clock", {"seconds": 60})
        self.push(project + "/x", "nightly", b"0")  # the oldest is also the channel
        number = self.api("GET", "/projects/" + project).json()["project_id"]

        def rule(template, pattern, params):
            return {"disabled": False, "action": "retain", "template": template, "params": params,
                    "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": pattern,
                                       "extras": "{\"untagged\":false}"}],
                    "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}}
        policy = {"algorithm": "or", "rules": [rule("latestPushedK", "v*", {"latestPushedK": 2}), rule("always", "nightly", {})],
                  "trigger": {"kind": "Schedule", "settings": {"cron": "0 0 0 * * *"}, "references": {}},
                  "scope": {"level": "project", "ref": number}}
        self.assertEqual(self.api("POST", "/retentions", policy).status, 201)
        self.assertEqual(self.api("POST", "/retentions", policy).status, 400)  # one per project
        found = self.api("GET", "/projects/" + project).json()["metadata"]["retention_id"]
        self.assertEqual(self.api("POST", "/retentions/%s/executions" % found, {"dry_run": False}).status, 201)
        tags = self.ask("GET", "/v2/%s/x/tags/list" % project).json()["tags"]
        self.assertEqual(tags, ["nightly", "v0", "v2", "v3"])

    def test_what_is_vulnerable_is_not_given_out(self):
        project = self.project(prevent_vul="true", severity="high", auto_scan="true")
        digest = self.push(project + "/x", "1")
        self.assertEqual(self.get(project + "/x", "1").status, 200)
        self.control("scan", {"digest": digest, "severity": "Critical", "summary": {"Critical": 1}})
        self.assertEqual(self.get(project + "/x", "1", method="HEAD").status, 412)
        token = self.token("repository:%s/x:push" % project)
        self.assertEqual(self.get(project + "/x", "1", auth=token, agent="cosign").status, 200)


class TestProxyCache(StandIn, Base, unittest.TestCase):
    config = {"projects": [{"name": "hub", "proxy_cache": True}], "users": {"bob": {"password": "Pass1word",
                                                                                    "roles": {"hub": "guest"}}}}

    def test_nothing_is_pushed_there(self):
        answer = self.upload("hub/x", b"x")
        self.assertEqual((answer.status, answer.code), (403, "DENIED"))
        self.assertIn("proxy project", answer.message)
        tag = self.api("POST", "/projects/hub/repositories/x/artifacts/1/tags", {"name": "2"})
        self.assertEqual(tag.status, 405)

    def test_a_guest_pulls_only(self):
        token = self.token("repository:hub/x:push", auth=("bob", "Pass1word"))
        self.assertEqual(self.get("hub/x", "1", auth=token).status, 404)
        self.assertEqual(self.upload("hub/x", b"x", auth=token).status, 401)
        self.assertEqual(self.api("GET", "/projects/absent", auth=("bob", "Pass1word")).status, 403)
        self.assertEqual(self.api("GET", "/projects/absent").status, 404)


if __name__ == "__main__":
    unittest.main(verbosity=1)
