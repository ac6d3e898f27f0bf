#!/usr/bin/env python3
"""`imgforge env check` of the program inside of images, held against the whole imgforge.

    test_cli_env_inside.py IMGFORGE PROBE SOURCE_DIR
"""
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import unittest

import cli_project
from cli_env import BRANCHES, EnvTest

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE


class InsideTest(EnvTest):
    """The program inside of images and the whole imgforge, asked the same."""

    def inside(self, *words, cwd=None):
        return subprocess.run([PROBE, *words], cwd=cwd or self.clone, env=self.environment(), text=True, capture_output=True, check=False,
                              timeout=60)

    def both(self, promise, expected, contract=None):
        """One answer of both, as JSON and as text; the document."""
        if contract is not None:
            path = pathlib.Path(self.clone, ".imgforge.yaml")
            path.write_bytes(contract.encode())
        words = ("check", "--promise", str(promise))
        whole, inside = self.env(*words, "--json"), self.inside("env", *words, "--json")
        documents = []
        for one in (whole, inside):
            self.assertEqual(one.returncode, expected, one.stderr + one.stdout)
            document = json.loads(one.stdout)
            document.pop("branch", None)  # the program inside does not ask git
            document.get("error", {}).pop("hint", None)
            documents.append(document)
        self.assertEqual(*documents)
        text, text_inside = self.env(*words), self.inside("env", *words)
        self.assertEqual((text.returncode, text.stdout), (text_inside.returncode, text_inside.stdout))
        self.assertEqual(text.stderr.split("\n", 1)[0], text_inside.stderr.split("\n", 1)[0])
        return documents[0]

    def differences(self, promise, contract):
        return [(one["what"], one["pinned"], one["running"]) for one in self.both(promise, 5, contract)["differences"]]

    def test_the_same_answer(self):
        self.pin("v1-lts", BRANCHES)
        pinned = self.contract()
        promise, other = self.promise("v1"), self.promise("v2")
        tag, other_tag = [json.loads(one.read_bytes())["tag"] for one in (promise, other)]
        promised = next(one for one in pinned.splitlines(True) if one.startswith("  promise: "))
        unpromised = pinned.replace(promised, "")
        self.assertNotEqual(unpromised, pinned)
        self.assertTrue(self.both(promise, 0)["agrees"])
        self.assertEqual(self.both(promise, 0, pinned.replace("\n", "\r\n"))["differences"], [])
        self.assertTrue(self.both(promise, 0, unpromised)["agrees"])
        for contract in (pinned, unpromised):
            self.assertEqual(self.differences(other, contract), [("build", tag, other_tag)])
        # The promise alone, another image, and nothing to go by.
        zeros = "  promise: sha256:" + 64 * "0" + "\n"
        self.assertEqual([one[0] for one in self.differences(promise, pinned.replace(promised, zeros))], ["promise"])
        self.assertEqual([one[0] for one in self.differences(promise, unpromised.replace("/ml/demo", "/ml/other"))], ["image"])
        bare = "imgforge: 1\nrepository: %s\npin:\n  tag: v1-lts\n  digest: %s\n" % (self.repository, self.world.digests["v1"])
        self.assertEqual([one[0] for one in self.differences(promise, bare)], ["digest"])

    def test_the_same_answer_about_components(self):
        document = {"promise": 1, "image": "demo", "tag": "t", "components": [
            {"name": "torch", "version": "2.6.0", "cuda": "12.4"}, {"name": "7zip", "version": "16"}, {"name": "y", "version": "1: #"},
            {"name": "numpy", "version": "1.0"}, {"name": "numpy", "version": "2.1.0"}, {"name": "\u00e9", "version": "\u00fc"}]}
        promise = self.write("promise.json", json.dumps(document), cwd=self.folder)
        head = "imgforge: 1\nrepository: %s\npin:\n  tag: v1-lts\n  digest: sha256:%s\n" % (self.repository, 64 * "1")
        block = head + '  components:\n    torch: "2.6.0"\n    "7zip": "16"\n    "y": "1: #"\n    numpy: 2.1.0  # the last\n'
        braces = head + "  components: {torch: 2.6.0, \"7zip\": '16', y: '1: #', numpy: \"2.1.0\"} # all\n"
        accent = ("\u00e9", "-", "\u00fc")
        for contract in (block, braces):
            self.assertEqual(self.differences(promise, contract), [accent])
            for old, new, expected in (("2.6.0", "2.7.1", ("torch", "2.7.1", "2.6.0")), ("numpy", "numpz", ("numpz", "2.1.0", "-"))):
                found = self.differences(promise, contract.replace(old, new))
                self.assertIn(expected, found)
                self.assertEqual(found, sorted(found))
        self.assertEqual(self.differences(promise, block.replace('    "7zip": "16"\n', "")), [("7zip", "-", "16"), accent])
        digest = "  promise: sha256:%s\n" % hashlib.sha256(promise.read_bytes()).hexdigest()
        self.assertEqual(self.both(promise, 0, block + digest)["differences"], [])
        self.assertEqual(self.both(promise, 0, head + digest)["differences"], [])

    def test_the_same_refusals(self):
        promise = self.write("promise.json", '{"promise": 1, "image": "demo", "tag": "t"}', cwd=self.folder)
        head = "imgforge: 1\nrepository: %s\n" % self.repository
        pin = "pin:\n  tag: v1\n  digest: sha256:%s\n" % (64 * "0")
        for contract, code in ((head, 7), (head + "pin: ~\n", 7), ("", 2), (head + "wat: 1\n", 2),
                               (pin, 2), (head + pin + "  tag: v2\n", 2), (head + pin.replace("v1", '"-"'), 2), (head + "pin: x\n", 2),
                               (head.replace("1", "2", 1) + pin, 2), (head + "pin:\n\ttag: v1\n", 2)):
            with self.subTest(contract):
                self.write(".imgforge.yaml", contract)
                codes = []
                for one in (self.env("check", "--promise", str(promise), "--json"), self.inside("env", "check", "--promise", str(promise), "--json")):
                    error = json.loads(one.stdout)["error"]
                    codes.append((one.returncode, error["exit_code"], error["code"]))
                self.assertEqual(codes, [(code, code, "refused" if code == 7 else "invalid")] * 2)
        os.remove(os.path.join(self.clone, ".imgforge.yaml"))
        below = self.write("a/b", "", cwd=self.clone).parent
        whole, inside = self.env("check", "--json", cwd=str(below)), self.inside("env", "check", "--json", cwd=below)
        self.assertEqual((whole.returncode, inside.returncode), (3, 3))
        self.assertEqual(json.loads(whole.stdout)["error"]["message"], json.loads(inside.stdout)["error"]["message"])

    def test_damaged_contracts(self):
        """What the program inside understands, the whole imgforge understands alike; it may refuse more, of the keys that are not read inside."""
        promise = self.write("promise.json", '{"promise": 1, "image": "demo", "tag": "b-v1", "components": [{"name": "torch", "version": "2.6.0"}]}',
                             cwd=self.folder)
        digest = "sha256:" + hashlib.sha256(promise.read_bytes()).hexdigest()
        whole = ("# x\nimgforge: 1\nrepository: %s\npin:\n  tag: v1-lts\n  digest: sha256:%s\n  build: b-v1\n  promise: %s\n  components:\n"
                 '    torch: "2.6.0"\n' % (self.repository, 64 * "0", digest) + BRANCHES + "trust_policy: 'trust.yaml'\n")
        dice = random.Random(20250520)
        pieces = list(" \n\t\"'{}[],:#~-&*!|>%") + ["\n  ", "null", ": ", " #", "pin:", "tag: ", "v1", "- ", "\n    "]
        agreed = 0
        for _ in range(150):
            lines = whole.splitlines(True)
            if dice.random() < 0.2:
                at = dice.randrange(len(lines))
                lines[at:at + 1] = dice.choice(([], [lines[at], dice.choice(lines)]))
            text = "".join(lines)
            for _ in range(dice.randint(0, 2)):
                at = dice.randrange(len(text))
                text = text[:at] + dice.choice(pieces) + text[at + dice.choice((0, 0, 1, 9)):]
            self.write(".imgforge.yaml", text)
            inside = self.inside("env", "check", "--promise", str(promise), "--json")
            self.assertIn(inside.returncode, (0, 1, 2, 5, 7), text + inside.stderr)
            if inside.returncode == 1:
                continue
            asked = self.env("check", "--promise", str(promise), "--json")
            if inside.returncode == 2 or asked.returncode != 2:
                self.assertEqual(inside.returncode, asked.returncode, text + inside.stderr + asked.stderr)
            if inside.returncode in (0, 5) and asked.returncode != 2:
                documents = [json.loads(one.stdout) for one in (inside, asked)]
                self.assertEqual(*[[one[key] for key in ("agrees", "annotation", "differences", "inside", "pinned", "running")]
                                   for one in documents], text)
                agreed += 1
        self.assertGreater(agreed, 30)

    def test_every_other_command_is_named_as_one_of_the_outside(self):
        said = self.ok(self.world.project.run("--help")).stdout
        commands = re.findall("^  ([a-z]+) +[a-z]", said.split("Commands:")[1].split("Start:")[0], re.M)
        self.assertIn("build", commands)
        for command in set(commands) - {"env", "probe"}:
            result = self.inside(command, "--help")
            self.assertEqual(result.returncode, 2)
            self.assertIn("'%s' is a command of the imgforge outside of images" % command, result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
