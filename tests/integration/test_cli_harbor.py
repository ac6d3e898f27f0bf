#!/usr/bin/env python3
"""harbor apply and harbor status from outside: against the stand-in for Harbor, and against a real one that
IMGFORGE_TEST_HARBOR_URL, _USER and _PASSWORD name.

    test_cli_harbor.py IMGFORGE PROBE SOURCE_DIR
"""
import fcntl
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import termios
import unittest

import cli_project
from cli_harbor import RealHarbor, StandIn
from cli_project import Expectations, Project

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

POLICY = """\
imgforge: 1
host: "%(host)s"
project: %(project)s
public: false
channels: [nightly, "v*-lts"]
immutable:
  - tags: "pytorch*-v[0-9]*"
retention:
  schedule: weekly
  keep:
    - {tags: "pytorch*-v[0-9]*", newest: 5}
robots:
  - {name: ci, role: ci, days: 30, description: pushes}
  - {name: dev, role: developer, days: never}
labels:
  - {name: promoted, color: "#00AB9A"}
scanning: {on_push: true}
vulnerabilities: {block: high}
"""


class Tests(Expectations):
    """Of both kinds of Harbor; `make` makes one."""
    serial = 0

    @classmethod
    def setUpClass(cls):
        try:
            cls.harbor = cls.make()
        except unittest.SkipTest as reason:
            print("SKIPPED: %s: %s" % (cls.__name__, reason))
            raise
        cls.addClassCleanup(cls.harbor.stop)

    def setUp(self):
        Tests.serial += 1
        self.name = "imgforge-cli-%d-%d" % (os.getpid(), Tests.serial)
        self.project = Project()
        self.addCleanup(self.project.remove)
        self.addCleanup(self.harbor.remove, self.name)
        self.project.write("policy.yaml", POLICY % {"host": self.harbor.host, "project": self.name})
        self.ok(self.project.run("login", self.harbor.host, "-u", self.harbor.user, "--password-stdin",
                                 stdin=self.harbor.password + "\n"))

    def harbor_command(self, *words, **more):
        return self.project.run("harbor", *words, **more)

    def apply(self, *words):
        return self.ok(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-file", "robots.json", *words))

    def edit(self, old, new):
        path = pathlib.Path(self.project.path("policy.yaml"))
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text)
        path.write_text(text.replace(old, new), encoding="utf-8")

    def secrets(self):
        return json.loads(pathlib.Path(self.project.path("robots.json")).read_text(encoding="utf-8"))["robots"]

    def exists(self):
        return self.harbor.api("GET", "/projects/" + self.name)[0] == 200

    def robots(self):
        number = self.harbor.api("GET", "/projects/" + self.name)[1]["project_id"]
        return {row["name"]: row for row in self.harbor.rows("/robots?q=Level%%3Dproject%%2CProjectID%%3D%d" % number)}

    def test_apply_again_and_status(self):
        dry = self.ok(self.harbor_command("apply", "policy.yaml", "--dry-run")).stdout
        self.assertIn("ACTION", dry)
        self.assertIn("robot$%s+ci" % self.name, dry)
        self.assertFalse(self.exists())
        self.fails(self.harbor_command("status", self.harbor.host + "/" + self.name), 3, self.name)
        self.assertEqual(self.harbor_command("status", "policy.yaml").returncode, 7)

        first = self.apply()
        self.assertIn("created", first.stdout)
        self.assertIn("is as the policy wants it", first.stdout)
        secrets = self.secrets()
        self.assertEqual(set(secrets), {"robot$%s+ci" % self.name, "robot$%s+dev" % self.name})
        self.assertEqual(stat.S_IMODE(os.stat(self.project.path("robots.json")).st_mode), 0o600)
        for entry in secrets.values():
            self.assertNotIn(entry["secret"], first.stdout + first.stderr)

        again = self.ok(self.harbor_command("apply", "policy.yaml", "--yes"))
        self.assertIn("nothing to do", again.stdout)
        self.assertEqual(self.secrets(), secrets)
        self.assertIn("is as the policy wants it", self.ok(self.harbor_command("status", "policy.yaml")).stdout)

    def test_drift_is_seen_and_mended(self):
        self.apply()
        status, _ = self.harbor.api("PUT", "/projects/" + self.name, {"metadata": {"public": "true"}})
        self.assertEqual(status, 200)
        seen = self.harbor_command("status", "policy.yaml", "--json")
        self.assertEqual(seen.returncode, 7, seen.stderr)
        document = json.loads(seen.stdout)
        self.assertFalse(document["in_order"])
        self.assertEqual([(row["name"], row["before"], row["after"]) for row in document["changes"]
                          if row["action"] == "update"], [("public", "true", "false")])
        self.assertEqual(document["host"], self.harbor.host)
        mended = json.loads(self.apply("--json").stdout)
        self.assertTrue(mended["applied"]["complete"])
        self.assertEqual(len(mended["applied"]["done"]), 1)
        self.assertEqual(self.harbor.api("GET", "/projects/" + self.name)[1]["metadata"]["public"], "false")
        self.assertTrue(json.loads(self.ok(self.harbor_command("status", "policy.yaml", "--json")).stdout)["in_order"])

    def test_status_without_a_policy(self):
        self.apply()
        text = self.ok(self.harbor_command("status", "%s/%s" % (self.harbor.host, self.name))).stdout
        for part in ("immutability rule", "tags pytorch*-v[0-9]* in **", "robot$%s+ci" % self.name, "(as ci)", "quota",
                     "retention", "label", "block high", "scan on push", "healthy"):
            self.assertIn(part, text)
        document = json.loads(self.ok(self.harbor_command("status", "%s/%s" % (self.harbor.host, self.name), "--json")).stdout)
        self.assertEqual((document["project"], document["hidden"]), (self.name, []))
        self.assertFalse(document["harbor"]["read_only"])
        kinds = {row["kind"] for row in document["has"]}
        self.assertEqual(kinds, {"setting", "quota", "immutability rule", "retention", "robot", "label"})

        # A robot sees what it may see, and what it may not is named.
        dev = "robot$%s+dev" % self.name
        self.ok(self.project.run("login", self.harbor.host, "-u", dev, "--password-stdin",
                                 stdin=self.secrets()[dev]["secret"] + "\n"))
        seen = self.ok(self.harbor_command("status", "%s/%s" % (self.harbor.host, self.name))).stdout
        self.assertIn("not for this account to see", seen)
        self.assertIn("robots", seen.split("not for this account to see")[1])

    def test_nobody_to_ask_is_refused_at_once(self):
        refused = self.fails(self.harbor_command("apply", "policy.yaml", "--secrets-file", "robots.json"), 2, "--yes")
        self.assertIn("--dry-run", refused.stderr)
        self.fails(self.harbor_command("apply", "policy.yaml", "--json"), 2, "--yes")
        self.assertFalse(self.exists())

    def test_secrets_need_a_place(self):
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes"), 2, "--secrets-file", "--secrets-command")
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-file", "a", "--secrets-command", "b"), 2)
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-command", "no-such-program-here"), 3,
                   "no-such-program-here")
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-command", "'open"), 2, "quote")
        self.project.write("open.json", "{}")
        os.chmod(self.project.path("open.json"), 0o644)
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-file", "open.json"), 7, "chmod 600")
        self.assertFalse(self.exists())

    def test_secrets_go_to_a_program(self):
        self.project.write("vault.sh", "#!/bin/sh\ncat >> \"$1\"\necho stored\n")
        os.chmod(self.project.path("vault.sh"), 0o755)
        command = "%s '%s'" % (self.project.path("vault.sh"), self.project.path("with blank"))
        done = self.ok(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-command", command))
        entries = [json.loads(line) for line in
                   pathlib.Path(self.project.path("with blank")).read_text(encoding="utf-8").splitlines()]
        self.assertEqual({entry["name"] for entry in entries}, set(self.robots()))
        for entry in entries:
            self.assertNotIn(entry["secret"], done.stdout + done.stderr)
            self.assertEqual(self.harbor.ask("GET", "/v2/", auth=(entry["name"], entry["secret"]))[0], 200)

    def test_a_program_that_takes_no_secret_leaves_no_robot(self):
        self.project.write("vault.sh", "#!/bin/sh\ncat >&2\nexit 3\n")
        os.chmod(self.project.path("vault.sh"), 0o755)
        refused = self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-command",
                                                 self.project.path("vault.sh")), 1, "vault.sh", "status 3")
        self.assertIn("(the secret)", refused.stderr)
        self.assertIn("REFUSED", refused.stdout)
        self.assertEqual(self.robots(), {})
        self.apply()
        self.assertEqual(len(self.robots()), 2)

    def test_another_secret(self):
        self.apply()
        ci, dev = "robot$%s+ci" % self.name, "robot$%s+dev" % self.name
        before = self.secrets()
        self.apply("--renew", "ci")
        after = self.secrets()
        self.assertEqual(before[dev], after[dev])
        self.assertEqual(self.harbor.ask("GET", "/v2/", auth=(ci, before[ci]["secret"]))[0], 401)
        self.assertEqual(self.harbor.ask("GET", "/v2/", auth=(ci, after[ci]["secret"]))[0], 200)
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--renew", "nobody"), 3, "nobody")

    def on_a_terminal(self, *words, answer):
        ours, theirs = os.openpty()
        process = subprocess.Popen([IMGFORGE, "harbor", *words], cwd=self.project.folder, env=self.project.environment(),
                                   stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True, preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0))
        os.close(theirs)
        os.write(ours, answer.encode())
        out, err = process.communicate(timeout=60)
        asked = os.read(ours, 1 << 16).decode()
        os.close(ours)
        return process.returncode, out, err, asked

    def test_a_person_is_asked(self):
        words = ("apply", "policy.yaml", "--secrets-file", "robots.json")
        code, out, err, asked = self.on_a_terminal(*words, answer="n\n")
        self.assertEqual(code, 1, err)
        self.assertIn("[y/N]", asked)
        self.assertIn("nothing was changed", out)
        self.assertFalse(self.exists())
        code, out, err, _ = self.on_a_terminal(*words, answer="y\n")
        self.assertEqual(code, 0, err)
        self.assertLess(out.index("ACTION"), out.index("created"))
        self.assertTrue(self.exists())

    def test_wrong_words(self):
        self.fails(self.harbor_command("apply"), 2, "POLICY")
        self.fails(self.harbor_command("mend", "policy.yaml"), 2, "apply|status")
        self.fails(self.harbor_command("status", "nonsense"), 2, "HOST/PROJECT")
        self.fails(self.harbor_command("status", "policy.yaml", "--yes"), 2, "--yes belongs to apply")
        self.fails(self.harbor_command("apply", "missing.yaml", "--yes"), 3, "missing.yaml")
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--host", "https://h/x"), 2, "without https://")
        self.edit("channels:", "chanels:")
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes"), 2, "policy.yaml:5", "channels")
        self.edit("chanels: [nightly, \"v*-lts\"]", "channels: [pytorch-lts-v1]")
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes"), 2, "freeze")
        self.project.write("policy.yaml", "imgforge: 1\nproject: ml\n")
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes"), 2, "--host")
        self.assertFalse(self.exists())

    def test_who_may_not(self):
        self.apply()
        dev = "robot$%s+dev" % self.name
        secret = self.secrets()[dev]["secret"]
        self.ok(self.project.run("login", self.harbor.host, "-u", dev, "--password-stdin", stdin=secret + "\n"))
        refused = self.fails(self.harbor_command("apply", "policy.yaml", "--yes"), 4, dev, "has no right to it")
        self.assertNotIn(secret, refused.stderr)
        self.ok(self.project.run("logout", self.harbor.host))
        self.fails(self.harbor_command("status", "policy.yaml"), 4, "log in")


class TestRealHarbor(Tests, unittest.TestCase):
    make = RealHarbor


class TestStandIn(Tests, unittest.TestCase):
    make = StandIn

    def setUp(self):
        super().setUp()
        self.harbor.control("clear")
        self.harbor.control("set", read_only=False)
        self.project.write("config.yaml", "registries: {\"%s\": {patience: 1s}}\n" % self.harbor.host)

    def test_a_password_that_became_wrong(self):
        config = pathlib.Path(self.project.path(".docker/config.json"))
        kept = json.loads(config.read_text(encoding="utf-8"))
        kept["auths"][self.harbor.host] = {"username": "admin", "password": "Wr0ng-password"}
        config.write_text(json.dumps(kept), encoding="utf-8")
        refused = self.fails(self.harbor_command("apply", "policy.yaml", "--yes"), 4, "admin", "password")
        self.assertNotIn("Wr0ng-password", refused.stderr + refused.stdout)

    def test_it_goes_on_where_it_stopped(self):
        body = json.dumps({"errors": [{"code": "FORBIDDEN", "message": "forbidden"}]})
        self.harbor.control("fault", match="POST .*/retentions", times=1, status=403, body=body,
                            headers={"Content-Type": "application/json"})
        stopped = self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-file", "robots.json", "--json")
        self.fails(stopped, 4, "retention")
        document = json.loads(stopped.stdout)
        self.assertEqual(document["error"]["exit_code"], 4)
        self.assertFalse(document["applied"]["complete"])
        self.assertEqual(document["applied"]["refused"]["kind"], "retention")
        secrets = self.secrets()
        for entry in secrets.values():
            self.assertNotIn(entry["secret"], stopped.stdout + stopped.stderr)
        self.ok(self.harbor_command("apply", "policy.yaml", "--yes"))
        self.assertEqual(self.secrets(), secrets)

    def test_read_only_busy_and_no_harbor(self):
        self.harbor.control("set", read_only=True)
        self.fails(self.harbor_command("apply", "policy.yaml", "--yes", "--secrets-file", "r.json"), 6, "read-only")
        self.harbor.control("set", read_only=False)
        self.harbor.control("fault", match="GET .*/projects/", times=99, status=503, headers={}, body="")
        self.fails(self.harbor_command("status", "policy.yaml", "--config", "config.yaml"), 6, self.harbor.host)
        self.harbor.control("clear")
        self.harbor.control("fault", match="GET .*/projects/", times=99, status=200,
                            headers={"Content-Type": "text/html"}, body="<html>log in</html>")
        page = self.fails(self.harbor_command("status", "policy.yaml"), 1, self.harbor.host)
        self.assertNotIn("<html>", page.stderr)
        self.harbor.control("clear")
        self.fails(self.harbor_command("status", "policy.yaml", "--host", "127.0.0.1:1"), 6, "127.0.0.1:1")

    def test_mode_and_health_of_harbor_itself(self):
        self.apply()
        place = self.harbor.host + "/" + self.name
        self.harbor.control("set", read_only=True)
        self.assertIn("READ-ONLY", self.ok(self.harbor_command("status", place)).stdout)
        sick = {"status": "unhealthy", "components": [{"name": "jobservice", "status": "unhealthy"}]}
        self.harbor.control("fault", match="GET .*/health", times=1, status=200, body=json.dumps(sick),
                            headers={"Content-Type": "application/json"})
        self.assertIn("NOT HEALTHY: jobservice", self.ok(self.harbor_command("status", place)).stdout)


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: harbor apply and status: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
