#!/usr/bin/env python3
"""What goes wrong between the program and a registry: a real docker-registry behind a proxy that misbehaves, and the stand-in for
Harbor. Each fault has one message that says what to do, its exit code, and leaves nothing half-published: no tag, a whole store.

    test_cli_faults.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import cli_project
from cli_project import Expectations, Project
from cli_proxy import Proxy
from cli_release import Harbor, login

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
FAILED, NOT_FOUND, NOT_ALLOWED, UNVERIFIED, LATER, REFUSED = 1, 3, 4, 5, 6, 7
PAGE = {"status": 200, "body": "<html>Please log in to the network</html>", "headers": {"Content-Type": "text/html"}}


class FaultTest(Expectations):
    """`kind` of registry_server.py; one built image, whose app layer is 3 MB of noise."""
    kind = None
    serial = 0

    @classmethod
    def setUpClass(cls):
        cls.registry = Proxy(cls.kind)
        cls.addClassCleanup(cls.registry.stop)
        cls.project = cls.built()
        cls.addClassCleanup(cls.project.remove)

    @classmethod
    def built(cls):
        project = Project()
        project.write("app/noise", random.Random(7).randbytes(3_000_000))
        for words in (("lock", "specs/demo.yaml"), ("build", "specs/demo.yaml")):
            done = project.run(*words)
            assert done.returncode == 0, done.stderr
        return project

    def setUp(self):
        FaultTest.serial += 1
        self.name = "work/number-%d" % FaultTest.serial
        self.repository = "%s/%s" % (self.registry.host, self.name)
        self.target = self.repository + ":one"
        self.configure("10s")
        self.addCleanup(self.registry.control, "clear")

    def configure(self, patience, more=""):
        self.project.write(".config/imgforge/config.yaml",
                           "registries: {\"%s\": {patience: %s%s}}\n" % (self.registry.host, patience, more))

    def push(self, *words, to=None, **more):
        return self.project.run("push", "demo", to or self.target, *words, **more)

    def pull(self, image=None, *words, **more):  # pylint: disable=keyword-arg-before-vararg
        # Into an empty store: what is here already would not be asked for.
        store = self.project.path("pulled-%d" % FaultTest.serial)
        self.addCleanup(shutil.rmtree, store, ignore_errors=True)
        return self.project.run("pull", image or self.registry.host + "/public/single:1", "--store", store, *words, **more)

    def refused(self, result, code, *texts):
        """One error with a remedy and no secret; no tag there, a whole store here."""
        self.fails(result, code, *texts)
        self.assertEqual(result.stderr.count("hint:"), 1, result.stderr)
        for secret in ("secret", "Bearer ", "Basic ", "<html"):
            self.assertNotIn(secret, result.stderr.replace("secret of the user's profile", ""))
        for store in ("store", "pulled-%d" % FaultTest.serial):
            if os.path.exists(self.project.path(store)):
                self.ok(self.project.run("cache", "verify", "--store", self.project.path(store)))
        return result

    def no_tag(self):
        self.registry.control("clear")
        tags = self.project.run("tags", self.repository, "--json")
        if tags.returncode != NOT_FOUND:
            self.assertNotIn('"one"', self.ok(tags).stdout)

    def goes_through(self):
        """The same command, the fault gone."""
        self.registry.control("clear")
        self.ok(self.push())


class Plain(FaultTest, unittest.TestCase):
    kind = "none"

    def test_a_registry_that_is_down(self):
        gone = cli_project.Registry()
        gone.stop()
        began = time.monotonic()
        self.refused(self.push(to=gone.host + "/a/b:one"), LATER, gone.host)
        self.refused(self.pull(gone.host + "/a/b:one"), LATER, gone.host)
        self.assertLess(time.monotonic() - began, 60)

    def test_a_name_that_is_none(self):
        self.refused(self.push(to="registry.invalid/a/b:one"), LATER, "registry.invalid")

    def test_a_registry_without_tls_where_tls_is_asked(self):
        self.configure("5s", ", plain_http: false")
        self.refused(self.push(), LATER, self.registry.host, "plain")
        self.configure("5s")
        self.no_tag()

    def test_a_reset_in_mid_body_is_gone_on_with(self):
        self.registry.fault("GET /v2/public/single/blobs/" + self.registry.images["layers"][1], "reset", times=1)
        self.ok(self.pull())
        self.registry.fault("PUT /v2/.*uploads", "cut", times=1)
        self.ok(self.push())

    def test_resets_without_end(self):
        self.registry.fault("GET /v2/public/single/blobs", "drop")
        self.refused(self.pull(), LATER, self.registry.host)
        self.registry.fault("(PUT|PATCH|POST) /v2/.*uploads", "drop")
        self.refused(self.push(), LATER, self.registry.host)
        self.no_tag()
        self.goes_through()

    def test_a_short_body_is_asked_for_again(self):
        self.registry.fault("GET /v2/public/single/blobs/" + self.registry.images["layers"][1], "close", times=1)
        self.ok(self.pull())

    def test_a_blob_of_the_wrong_bytes(self):
        self.registry.fault("GET /v2/public/single/blobs/" + self.registry.images["layers"][1], "wrong")
        self.refused(self.pull(), UNVERIFIED, self.registry.images["layers"][1][:19])

    def test_a_blob_that_is_shorter_than_it_should_be(self):
        self.registry.fault("GET /v2/public/single/blobs/" + self.registry.images["layers"][1], "truncated")
        self.refused(self.pull(), UNVERIFIED, self.registry.images["layers"][1][:19])

    def test_a_manifest_of_other_bytes_than_its_digest(self):
        self.registry.fault("GET /v2/public/single/manifests", "wrong")
        self.refused(self.pull("%s/public/single@%s" % (self.registry.host, self.registry.images["manifest"])), UNVERIFIED,
                     self.registry.images["manifest"][:19])

    def test_a_manifest_that_is_too_large(self):
        self.registry.fault("GET /v2/public/single/manifests", "answer", status=200, body="{\"a\": \"%s\"}" % ("x" * 5_000_000),
                            headers={"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        self.refused(self.pull(), FAILED, "larger than the 4.2 MB")

    def test_a_web_page_in_place_of_a_registry(self):
        self.registry.fault("(GET|HEAD|POST) /v2/", "answer", **PAGE)
        for result in (self.pull(), self.push()):
            self.assertIn(result.returncode, (FAILED, NOT_FOUND, UNVERIFIED), result.stderr)
            self.refused(result, result.returncode, "web page")
        self.no_tag()

    def test_a_proxy_that_wants_a_login(self):
        self.registry.fault("(GET|HEAD|POST) /v2/", "answer", **{**PAGE, "status": 403})
        self.refused(self.pull(), NOT_ALLOWED, "proxy")
        self.refused(self.push(), NOT_ALLOWED, "proxy")
        self.no_tag()

    def test_429_is_waited_for(self):
        self.registry.fault("GET /v2/public/single/manifests", "answer", times=1, status=429, headers={"Retry-After": "1"})
        began = time.monotonic()
        self.ok(self.pull())
        self.assertGreater(time.monotonic() - began, 0.9)

    def test_429_without_end(self):
        self.configure("2s")
        self.registry.fault("POST /v2/", "answer", status=429, headers={"Retry-After": "1"})
        self.refused(self.push(), LATER, "slow down")
        self.no_tag()

    def test_503_without_end(self):
        self.configure("2s")
        self.registry.fault("(GET|HEAD) /v2/.*/manifests", "answer", status=503)
        self.refused(self.pull(), LATER, "503")
        self.refused(self.push(), LATER, "503")
        self.no_tag()
        self.goes_through()

    def test_an_upload_that_the_registry_has_lost_begins_again(self):
        # Of a piece: the session is gone, as after a restart of the registry.
        self.registry.fault("PATCH /v2/", "answer", times=1, status=404,
                            body='{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}')
        self.ok(self.push("--chunk-size", "1M"))
        self.assertGreater(sum(line.startswith("PATCH ") for line in self.registry.log()), 3)

    def test_a_mount_that_is_refused_is_an_upload(self):
        self.ok(self.push())
        self.registry.fault("POST /v2/.*mount=", "answer", status=403, body='{"errors":[{"code":"DENIED","message":"no"}]}')
        copied = json.loads(self.ok(self.project.run("copy", self.target, self.repository + "-copy:one", "--json")).stdout)
        self.assertEqual(copied["mounted"]["blobs"], 0)
        self.assertGreater(copied["sent"]["blobs"], 2)

    def test_413_sends_smaller_pieces(self):
        self.registry.control("limit", b"500000")  # above the smallest piece, 256 KiB
        self.ok(self.push())

    def test_413_for_the_smallest_piece(self):
        self.registry.control("limit", b"100000")
        self.refused(self.push(), REFUSED, "--chunk-size")
        self.no_tag()

    def test_damage_on_the_way_up(self):
        self.configure("2s")
        self.registry.fault("PUT /v2/.*uploads", "damaged")
        result = self.push()
        self.assertIn(result.returncode, (UNVERIFIED, LATER), result.stderr)
        self.refused(result, result.returncode, "sha256:")
        self.no_tag()
        self.goes_through()

    def test_a_tag_that_is_refused_comes_last(self):
        self.registry.fault("PUT /v2/.*/manifests/one", "answer", status=500)
        self.configure("2s")
        self.refused(self.push(), LATER, "one")
        puts = [line for line in self.registry.log() if line.startswith("PUT ")]
        self.assertIn("/manifests/one", puts[-1])
        self.no_tag()
        # What came over is not sent again.
        self.assertEqual(json.loads(self.ok(self.push("--json")).stdout)["sent"]["blobs"], 0)

    def test_killed_in_the_middle(self):
        """kill -9 between two pieces: no tag, and the next push goes on with what is there."""
        self.registry.fault("PATCH /v2/", "answer", times=1, content_range="^1048576-", status=503, headers={"Retry-After": "20"})
        self.configure("60s")
        with subprocess.Popen([IMGFORGE, "push", "demo", self.target, "--chunk-size", "1M"], cwd=self.project.folder,
                              env=self.project.environment(), stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if "trying again" in line:
                    break
            process.kill()
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.ok(self.project.run("cache", "verify"))
        self.no_tag()
        self.ok(self.push("--chunk-size", "1M"))
        pieces = [one["content_range"] for one in json.loads(self.registry.control("log")) if one["method"] == "PATCH"]
        self.assertIn("1048576-2097151", pieces)
        self.assertNotIn("0-1048575", pieces)  # that one came over before


class Accounts(FaultTest, unittest.TestCase):
    kind = "token"

    def logged_in(self, user, **more):
        return {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {self.registry.host: {"username": user, "password": "secret", **more}}})}

    def test_nobody(self):
        self.refused(self.push(), NOT_ALLOWED, "imgforge login " + self.registry.host)
        self.refused(self.pull(self.registry.host + "/private/single:1"), NOT_ALLOWED, "imgforge login")
        self.ok(self.pull())  # public

    def test_a_wrong_password(self):
        wrong = self.logged_in("alice", password="hunter2")
        for result in (self.push(**wrong), self.pull(**wrong)):
            self.refused(result, NOT_ALLOWED, "refuses user alice", "imgforge login")
            self.assertNotIn("hunter2", result.stderr)

    def test_who_may_only_read(self):
        bob = self.logged_in("bob")
        self.ok(self.pull(self.registry.host + "/private/single:1", **bob))
        self.refused(self.push(**bob), NOT_ALLOWED, "bob")
        alice = self.logged_in("alice")
        tags = self.project.run("tags", self.repository, "--json", **alice)
        self.assertNotIn('"one"', tags.stdout)

    def test_a_repository_that_is_hidden(self):
        self.refused(self.pull(self.registry.host + "/vault/x:1", **self.logged_in("alice")), NOT_ALLOWED, "vault/x")

    def test_a_token_that_expires_in_the_middle(self):
        alice = self.logged_in("alice")
        process = subprocess.Popen([IMGFORGE, "push", "demo", self.target, "--chunk-size", "256K"], cwd=self.project.folder,
                                   env=self.project.environment(**alice), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        sent = 0
        for _ in range(1000):
            sent += sum(line.startswith("PATCH ") for line in self.registry.log())
            if sent >= 3 or process.poll() is not None:
                break
            time.sleep(0.01)
        self.registry.control("revoke")
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, errors)
        self.assertTrue(any(" /token" in line for line in self.registry.log()), "no token was asked for anew")
        self.ok(self.pull(self.target, **alice))


class Tls(FaultTest, unittest.TestCase):
    kind = "tls"

    def setUp(self):
        super().setUp()
        self.configure("5s", ", plain_http: false")

    def test_an_authority_that_nobody_knows(self):
        self.refused(self.pull(), UNVERIFIED, self.registry.host, "certs.d")

    def test_its_authority_is_named(self):
        folder = ".config/containers/certs.d/%s/ca.crt" % self.registry.host
        self.project.write(folder, pathlib.Path(self.registry.folder, "ca.crt").read_text(encoding="utf-8"))
        self.addCleanup(os.remove, self.project.path(folder))
        self.ok(self.push())
        self.ok(self.pull(self.target))

    def test_plain_http_where_there_is_tls(self):
        self.refused(self.pull(None, "--plain-http"), LATER, self.registry.host)

    def test_asked_not_to_look(self):
        self.ok(self.pull(None, "--tls-skip-verify"))


class HarborRules(Expectations, unittest.TestCase):
    """Rules of the stand-in for Harbor, as a push meets them."""

    @classmethod
    def setUpClass(cls):
        cls.harbor = Harbor(users={"reader": {"password": "Reader12345", "roles": {"ml": "guest"}}},
                            projects=[{"name": "ml"}, {"name": "full", "quota": 100_000}])
        cls.addClassCleanup(cls.harbor.stop)
        cls.project = FaultTest.built()
        cls.addClassCleanup(cls.project.remove)
        login(cls.project, cls.harbor)

    def refused(self, name, code, *texts, **more):
        result = self.fails(self.project.run("push", "demo", "%s/%s" % (self.harbor.host, name), **more), code, *texts)
        self.assertEqual(result.stderr.count("hint:"), 1, result.stderr)
        self.assertNotIn(self.harbor.password, result.stderr)
        repository, _, tag = name.partition(":")
        self.assertIsNone(self.harbor.digest(repository, tag))
        return result

    def test_a_project_that_is_not_there(self):
        self.refused("nowhere/demo:one", NOT_FOUND, "nowhere", "harbor apply")

    def test_a_quota_that_is_used_up(self):
        self.refused("full/demo:one", REFUSED, "quota")

    def test_read_only(self):
        self.harbor.control("set", read_only=True)
        self.addCleanup(lambda: self.harbor.control("set", read_only=False))
        self.refused("ml/demo:one", LATER, "read-only")

    def test_an_account_without_the_right(self):
        host = self.harbor.host
        reader = json.dumps({"auths": {host: {"username": "reader", "password": "Reader12345"}}})
        result = self.refused("ml/demo:two", NOT_ALLOWED, "reader", DOCKER_AUTH_CONFIG=reader)
        self.assertNotIn("Reader12345", result.stderr)

    def test_an_immutable_tag(self):
        self.ok(self.project.run("push", "demo", self.harbor.host + "/ml/kept:v1-lts"))
        status, _ = self.harbor.api("POST", "/projects/ml/immutabletagrules", {
            "disabled": False, "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches",
                                                                   "pattern": "kept"}]},
            "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": "*-lts"}],
            "template": "immutable_template", "action": "immutable"})
        self.assertEqual(status, 201)
        before = self.harbor.digest("ml/kept", "v1-lts")
        other = FaultTest.built()
        self.addCleanup(other.remove)
        other.write("app/main.py", "print('other')\n")
        self.ok(other.run("build", "specs/demo.yaml"))
        login(other, self.harbor)
        result = self.fails(other.run("push", "demo", self.harbor.host + "/ml/kept:v1-lts"), REFUSED, "immutable", "v1-lts")
        self.assertEqual(result.stderr.count("hint:"), 1, result.stderr)
        self.assertEqual(self.harbor.digest("ml/kept", "v1-lts"), before)


if __name__ == "__main__":
    for program in ("docker-registry", "skopeo", "openssl"):
        if shutil.which(program) is None:
            print("SKIPPED: faults between the program and a registry: %s is not installed" % program)
            sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
