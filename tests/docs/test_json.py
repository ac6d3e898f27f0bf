#!/usr/bin/env python3
"""docs/reference/json.md against the program: the top-level fields of every --json.

    test_json.py IMGFORGE PROBE SOURCE_DIR
"""
import json
import os
import pathlib
import re
import shutil
import sys
import unittest

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
sys.path[:0] = [os.path.join(SOURCE, "tests/integration"), os.path.join(SOURCE, "docs/tools")]
import cli_project  # noqa: E402  pylint: disable=wrong-import-position
import reference  # noqa: E402  pylint: disable=wrong-import-position
from cli_project import SPEC, Expectations  # noqa: E402  pylint: disable=wrong-import-position
from cli_release import Plain, ReleaseProject  # noqa: E402  pylint: disable=wrong-import-position

cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE


def table():
    """{command: (fields that are always there, fields that may be there)}"""
    page = pathlib.Path(SOURCE, "docs/reference/json.md").read_text(encoding="utf-8").split("Within them:")[0]
    rows = {}
    for name, always, when in re.findall(r"^\| `([\w ]+)` \| ([^|]*) \| ?([^|]*)\|$", page, re.M):
        also = re.match(r"as `(\w+)`", always)
        if also:
            rows[name] = rows[also.group(1)]
            continue
        fields = set(re.findall(r"`(\w+)`", always))
        rows[name] = (fields, set(re.findall(r"`(\w+)`", re.sub(r"`(apply|status|du|prune|verify)[^`]*`", "", when))))
    return rows


class JsonTest(Expectations, unittest.TestCase):
    def setUp(self):
        self.table = table()
        self.seen = set()
        self.project = ReleaseProject(SPEC)
        self.addCleanup(self.project.remove)

    def read(self, *words, expected=0, **more):
        """Runs a command with --json; its document, compared with the page."""
        done = self.project.run(*words, "--json", **more)
        self.assertEqual(done.returncode, expected, "%s: %s%s" % (words, done.stdout, done.stderr))
        document = json.loads(done.stdout)
        always, sometimes = self.table[words[0]]
        with self.subTest(" ".join(words)):
            self.assertEqual(set(document) - always - sometimes, set(), "the page lacks these")
            self.assertEqual(always - set(document), set(), "the program lacks these")
        self.seen.add(words[0])
        return document

    def only(self, command, document, fields):
        """The page's fields for a special case, literally."""
        page = pathlib.Path(SOURCE, "docs/reference/json.md").read_text(encoding="utf-8")
        self.assertEqual(set(document), set(fields))
        row = re.search(r"^\| `%s` .*$" % command, page, re.M).group(0)
        for field in fields:
            self.assertIn("`%s`" % field, row)
        self.seen.add(command)

    def test_without_a_registry(self):
        self.read("lock", "specs/demo.yaml")
        current = json.loads(self.ok(self.project.run("lock", "specs/demo.yaml", "--locked", "--json")).stdout)
        self.only("lock", current, {"lock", "current"})
        self.read("fetch", "specs/demo.yaml")
        planned = self.read("plan", "specs/demo.yaml")
        self.assertLessEqual({"id", "kind", "title", "action", "reason", "key", "executed", "fetch_bytes"}, set(planned["layers"][0]))
        built = self.read("build", "specs/demo.yaml", "-o", "oci:out/one")
        self.assertEqual(set(built["layers"][0]), {"id", "digest", "size", "diff_id", "reused", "from_registry"})
        self.read("inspect", "demo")
        self.project.write("app/main.py", "print('other')\n")
        self.read("build", "specs/demo.yaml", "-o", "oci:out/two")
        self.read("diff", "oci:out/one", "oci:out/two")
        self.read("copy", "oci:out/one", "oci:out/three")
        self.read("tag", "demo", "mine")
        written = json.loads(self.ok(self.project.run("sbom", "specs/demo.yaml", "-o", "a.json", "--json")).stdout)
        self.only("sbom", written, {"file", "format", "digest"})
        self.read("keygen", "-o", "other")
        self.read("cache", "du")
        self.read("cache", "verify")
        self.read("cache", "prune", "--dry-run")
        for words in (("doctor",),):
            done = self.project.run(*words, "--json")
            self.assertIn(done.returncode, (0, 1), done.stderr)
            self.only("doctor", json.loads(done.stdout), {"ok", "findings"})
        self.read("help")
        error = json.loads(self.project.run("inspect", "nothing-like-it", "--json").stdout)
        self.assertLessEqual(set(error["error"]), {"code", "message", "exit_code", "hint", "file", "line", "column", "facts"})

    def test_with_a_registry(self):
        if shutil.which("docker-registry") is None:
            self.skipTest("docker-registry is not installed")
        registry = Plain(password="of the test")
        self.addCleanup(registry.stop)
        repository = registry.host + "/ml/demo"
        self.read("login", registry.host, "-u", "alice", "--password-stdin", stdin="of the test\n")
        self.ok(self.project.run("lock", "specs/demo.yaml"))
        first = self.read("build", "specs/demo.yaml", "--to", repository, "--sign", "--attest", "--branch", "dev")
        self.assertEqual(set(first["pushed"]), {"repository", "tag", "there_already", "sent", "mounted", "there", "layers_found", "cache_entries"})
        self.project.write("app/main.py", "print('two')\n")
        self.read("build", "specs/demo.yaml", "--to", repository, "--sign", "--attest", "--bump", "--branch", "dev")
        image = repository + ":" + first["tag"]
        self.read("reproduce", image, "--source", ".", "--dry-run")
        different = self.read("reproduce", image, "--source", ".", expected=5)
        self.assertEqual(different["layers"][0]["files"][0]["kind"], "changed")
        self.read("push", "demo:v1", registry.host + "/ml/other:x")
        self.read("copy", image, registry.host + "/ml/third:x", "--referrers")
        self.read("pull", image)
        self.read("tag", image, "candidate")
        self.read("tags", repository)
        self.read("sign", image)
        self.read("verify", image)
        self.read("verify", registry.host + "/ml/other:x", expected=5)
        self.project.write("review.json", "{}")
        self.read("attest", image, "--type", "https://example.com/review/v1", "--predicate", "review.json")
        self.read("promote", image, "nightly", "--dry-run", expected=7)  # not-older: nightly is newer
        rolled = self.read("rollback", repository, "nightly", "--reason", "of the test")
        self.assertTrue(rolled["moved"])
        self.read("history", repository, "nightly")
        self.read("logout", registry.host)

    def test_every_command_has_a_row(self):
        names = {command["name"] for command in reference.table(IMGFORGE)["commands"]}
        self.assertEqual(names - set(self.table), set(), "docs/reference/json.md has no row for these")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
