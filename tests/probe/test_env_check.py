"""imgforge env check inside an image: the contract's lines, the comparison, and what is refused."""

import hashlib
import json
import os
import random
import re
import subprocess
import unittest

from harness import IMAGE, OK, PROBE, USAGE, ProbeTest

UNREADABLE, WRONG, NOT_FOUND, REFUSED = 1, 2, 3, 7  # exit codes of env check
REPOSITORY = "harbor.example/ml/pytorch-cuda"
BUILD = "pytorch2.6-cuda12.4-debian12-v2.6.0"
DIGEST = "sha256:" + "4f" * 32
HEAD = f"imgforge: 1\nrepository: {REPOSITORY}\n"
COMPONENTS = {"torch": "2.6.0", "python": "3.11.2", "cudnn": "9.1.0.70", "nccl": "2.21.5", "cuda": "12.4.127",
              "debian": "12"}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class EnvCheckTest(ProbeTest):
    def setUp(self):
        super().setUp()
        self.box.write_promise()
        self.tree = self.box.top / "tree"
        self.tree.mkdir()

    def promise_digest(self):
        return sha256(self.box.promise.read_bytes())

    def pin(self, *, tag="v2.6-lts", digest=DIGEST, build=BUILD, promise=None, components=None, **more):
        """The lines of a pin, as `imgforge env pin` writes them; a value of False is left out."""
        promise = self.promise_digest() if promise is None else promise
        components = COMPONENTS if components is None else components
        values = {"tag": tag, "digest": digest, "build": build, "promise": promise, **more}
        lines = ["pin:"] + [f"  {key}: {value}" for key, value in values.items() if value is not False]
        if components:
            lines += ["  components:"] + [f'    {name}: "{version}"' for name, version in components.items()]
        return "\n".join(lines) + "\n"

    def write(self, text, folder=None):
        data = text if isinstance(text, bytes) else text.encode()
        ((folder or self.tree) / ".imgforge.yaml").write_bytes(data)

    def check(self, text=None, *, code, arguments=(), cwd=None):
        """With --json and without; the document. Both say the same."""
        if text is not None:
            self.write(text)
        arguments = ("--promise", str(self.box.promise), *arguments)
        self.text = self.box.run("env", "check", *arguments, cwd=cwd or self.tree)
        result = self.box.run("env", "check", "--json", *arguments, cwd=cwd or self.tree)
        for one in (self.text, result):
            self.assertEqual(one.returncode, code, one.stderr + one.stdout)
        self.assertEqual(result.stderr, self.text.stderr)
        document = json.loads(result.stdout)
        self.assertEqual("error" in document, code != OK)
        if code == OK:
            self.assertEqual(result.stderr, "")
        else:
            error = document["error"]
            self.assertEqual(error["exit_code"], code)
            shown = re.sub(r"[\x00-\x1f]", "?", error["message"])
            self.assertTrue(result.stderr.startswith(f"error: {shown}\n"), result.stderr)
        return document

    def refused(self, text, code, words, place=None):
        document = self.check(text, code=code)
        error = document["error"]
        self.assertEqual(list(document), ["error"])
        self.assertEqual(self.text.stdout, "")
        self.assertEqual(error["code"], {UNREADABLE: "unsupported", WRONG: "invalid", REFUSED: "refused"}[code])
        self.assertIn(words, error["message"])
        if code == UNREADABLE:
            self.assertIn("only the imgforge outside of images reads", error["message"])
            self.assertIn("imgforge env pin", error["hint"])
        if place is not None:
            self.assertEqual((error["line"], error["column"]), place, error)
            self.assertIn(":%d:%d\n" % place, self.text.stderr)
        return error


class Comparison(EnvCheckTest):
    def differences(self, text):
        document = self.check(text, code=IMAGE)
        self.assertFalse(document["agrees"])
        return [(one["what"], one["pinned"], one["running"]) for one in document["differences"]]

    def test_the_pinned_environment(self):
        document = self.check(HEAD + self.pin(), code=OK)
        self.assertEqual(document, {
            "pinned": f"{REPOSITORY}@{DIGEST}", "annotation": "pytorch-cuda:v2.6-lts", "inside": True,
            "agrees": True, "differences": [], "running": {"image": "pytorch-cuda", "tag": BUILD}})
        self.assertEqual(self.text.stdout, "this is the pinned environment pytorch-cuda:v2.6-lts\n")

    def test_the_digest_of_the_promise_decides(self):
        self.check(HEAD + self.pin(build="other", components={"torch": "1.0"}), code=OK)

    def test_another_promise(self):
        other = sha256(b"")
        self.assertEqual(self.differences(HEAD + self.pin(promise=other)),
                         [("promise", other, self.promise_digest())])

    def test_without_a_digest_of_the_promise(self):
        self.check(HEAD + self.pin(promise=False), code=OK)
        self.check(HEAD + self.pin(promise=False, components={}), code=OK)
        self.assertEqual(self.differences(HEAD + self.pin(promise=False, build=False, components={})),
                         [("digest", DIGEST, "an image that says " + BUILD)])

    def test_what_differs(self):
        components = {**COMPONENTS, "torch": "2.7.1", "apex": "0.1"}
        del components["nccl"]
        for promise in (False, sha256(b"x")):
            self.assertEqual(
                self.differences(HEAD.replace("pytorch-cuda", "jax") +
                                 self.pin(promise=promise, build="v9", components=components)),
                [("image", "jax", "pytorch-cuda"), ("build", "v9", BUILD), ("apex", "0.1", "-"),
                 ("nccl", "-", "2.21.5"), ("torch", "2.7.1", "2.6.0")])
        self.assertEqual(self.text.stdout.splitlines(),
                         ["WHAT   PINNED  HERE", "image  jax     pytorch-cuda", "build  v9      " + BUILD,
                          "apex   0.1     -", "nccl   -       2.21.5", "torch  2.7.1   2.6.0"])
        self.assertIn("error: this is not the pinned environment jax:v2.6-lts: image pytorch-cuda instead of jax, ",
                      self.text.stderr)
        self.assertIn("torch 2.6.0 instead of 2.7.1\n", self.text.stderr)

    def test_a_promise_that_says_little(self):
        self.box.write_promise({"promise": 1})
        self.assertEqual(self.differences(HEAD + self.pin(promise=False, components={})),
                         [("image", "pytorch-cuda", ""), ("build", BUILD, "")])
        self.assertEqual(self.text.stdout.splitlines()[1], "image  pytorch-cuda")

    def test_no_image_of_imgforge(self):
        self.write(HEAD + self.pin())
        for arguments in ((), ("--json",)):
            result = self.box.run("env", "check", *arguments, cwd=self.tree)
            self.assertEqual(result.returncode, IMAGE)
            self.assertIn("error: this is no image made by imgforge: there is no /opt/imgforge/promise.json",
                          result.stderr)
        document = json.loads(result.stdout)
        self.assertEqual((document["inside"], document["agrees"], document["differences"]), (False, False, []))
        self.assertNotIn("running", document)

    def test_promises_that_cannot_be_read(self):
        self.write(HEAD + self.pin(promise=False))
        for text, code, words in (("{", WRONG, "a name in quotes"), ('{"promise": 2}', WRONG, "version 2"),
                                  ('{"promise": 1, "components": [{"name": "torch"}]}', WRONG, '"version"'),
                                  ('{"promise": 1, "components": [{"version": "1"}]}', WRONG, '"name"')):
            self.box.write_promise(text)
            self.assertIn(words, self.check(code=code)["error"]["message"])
        self.box.promise.unlink()
        self.assertEqual(self.check(code=NOT_FOUND)["error"]["code"], "not_found")

    def test_control_characters_stay_out_of_the_terminal(self):
        self.box.write_promise({"promise": 1, "image": "a\u001b[31mb", "tag": "t", "components": [
            {"name": "x\u001b", "version": "1\n2"}]})
        differences = self.differences(HEAD + self.pin(promise=False))
        self.assertIn(("image", "pytorch-cuda", "a\u001b[31mb"), differences)
        self.assertIn(("x\u001b", "-", "1\n2"), differences)
        for stream in (self.text.stdout, self.text.stderr):
            self.assertNotIn("\x1b", stream)
        self.assertEqual(len(self.text.stdout.splitlines()), 1 + len(differences))

    def test_sha256(self):
        """Every length of the last block, and long ones; the promise may end in blanks (RFC 8259)."""
        least = b'{"promise": 1, "image": "pytorch-cuda", "tag": "t"}'
        wrong = sha256(b"")
        text = HEAD + self.pin(promise=wrong, build=False, components={})
        for size in [*range(len(least), len(least) + 140), 1000, 4096, 65535, 65536, 131000]:
            data = least.ljust(size)
            self.box.write_promise(data)
            self.write(text)
            result = self.box.run("env", "check", "--json", "--promise", str(self.box.promise), cwd=self.tree)
            self.assertEqual(json.loads(result.stdout)["differences"],
                             [{"what": "promise", "pinned": wrong, "running": sha256(data)}], size)
        self.check(text.replace(wrong, sha256(data)), code=OK)

    def test_a_long_list(self):
        many = {f"c{i}": "1" for i in range(256)}
        self.check(HEAD + self.pin(promise=False, components=many), code=IMAGE)
        self.assertEqual(len(self.text.stdout.splitlines()), 1 + 256 + len(COMPONENTS))
        self.refused(HEAD + self.pin(components={**many, "d": "1"}), UNREADABLE, "more than 256 components")
        self.box.write_promise({"promise": 1, "image": "pytorch-cuda", "tag": BUILD, "components": [
            {"name": f"p{i}", "version": "1"} for i in range(2700)]})
        self.assertEqual(len(self.differences(HEAD + self.pin(promise=False))), 2700 + len(COMPONENTS))


class Forms(EnvCheckTest):
    """What is understood of YAML, and that the rest is refused."""

    def same(self, text):
        document = self.check(text, code=OK)
        self.assertEqual((document["pinned"], document["annotation"]),
                         (f"{REPOSITORY}@{DIGEST}", "pytorch-cuda:v2.6-lts"))

    def test_understood(self):
        plain = HEAD + self.pin()
        braces = self.pin(components={}, promise=False) + "  components: {%s}%s\n"
        flow = ", ".join(f'{name}: "{version}"' for name, version in COMPONENTS.items())
        for text in (
                plain, "\ufeff" + plain, plain.replace("\n", "\r\n"), plain.rstrip("\n"), "---\n" + plain,
                "# top\n--- # here\n\n" + plain, plain.replace("\n", "  # why\n"),
                plain.replace("\n", "\n\n  # between\n"), plain.replace("\n", "\n# at the margin\n"),
                plain.replace("\n  ", "\n      "), plain.replace(": ", ":   "),
                plain.replace(DIGEST, f'"{DIGEST}"'), plain.replace(DIGEST, f"'{DIGEST}'"),
                plain.replace("v2.6-lts", '"v2.6-lts" # the channel'), plain.replace("imgforge: 1", 'imgforge: "1"'),
                plain.replace('"', "'"), plain.replace("    torch", '    "torch"'),
                HEAD + braces % (flow, ""), HEAD + braces % (" " + flow + " ", "  # those"),
                HEAD + braces % (flow.replace('"', ""), ""), HEAD + braces % ("", ""),
                self.pin() + HEAD, plain.replace("    torch", "\n    # the one\n\n    torch"),
                plain + "branches: {main: v2.6-lts, \"feat/*\": v2.7-alpha}  # it's\n",
                "branches:\n  main: v2.6-lts\n  'it''s': nightly\n" + plain + "hooks:\n  outside: warn\n",
                "trust_policy: trust.yaml\nbranches: {\n  main: v2.6-lts,\n  dev: nightly\n  }\n" + plain,
                "trust_policy: |\n  pin:\n    tag: no\n" + plain, "hooks:\n" + plain,
                'branches: {"a{": "}b", \'c"\': \'[\'}\n' + plain,
                HEAD + self.pin(promise=False) + "  promise: ~\n"):
            with self.subTest(text):
                self.same(text)

    def test_texts_in_quotes(self):
        self.box.write_promise(components=[{"name": "a \"b\" 'c' \\", "version": "x: #y"}])
        for line in ('    "a \\"b\\" \'c\' \\\\": "x: #y"', "    'a \"b\" ''c'' \\': 'x: #y'  # z"):
            self.check(HEAD + self.pin(promise=False, components={}) + "  components:\n" + line + "\n", code=OK)

    def test_no_pin(self):
        for text in (HEAD, HEAD + "pin:\n", HEAD + "pin:  # later\n\nhooks: {outside: warn}\n", HEAD + "pin: ~\n",
                     HEAD + "pin: null # later\n", HEAD.rstrip("\n")):
            with self.subTest(text):
                self.refused(text, REFUSED, ".imgforge.yaml has no pin")

    def test_wrong(self):
        plain = HEAD + self.pin()
        for text, words, place in (
                ("", 'no "imgforge"', (1, 1)), (self.pin(), 'no "imgforge"', (1, 1)),
                ("imgforge: 1\n", 'no "repository"', (1, 1)),
                (plain.replace("imgforge: 1", "imgforge: 2"), '"imgforge" must be 1', (1, 11)),
                (plain.replace("imgforge: 1", "imgforge:"), '"imgforge" has no value', None),
                (HEAD + "pin:\n  tag: v1\n", 'the pin has no "digest"', (3, 5)),
                (HEAD + f"pin:\n  digest: {DIGEST}\n", 'the pin has no "tag"', (3, 5)),
                (HEAD + f"pin:\n  tag:\n  digest: {DIGEST}\n", 'the pin has no "tag"', (3, 5)),
                (HEAD + "pin: v1\n", "the pin must be a map", (3, 6)),
                (plain.replace("v2.6-lts", '"-v2"'), '"tag" must be a tag', (4, 8)),
                (plain.replace("v2.6-lts", "v" * 129), '"tag" must be a tag', (4, 8)),
                (plain.replace("v2.6-lts", "a:b"), '"tag" must be a tag', (4, 8)),
                (plain.replace(DIGEST, DIGEST.upper()), '"digest" must be sha256', (5, 11)),
                (plain.replace(DIGEST, DIGEST[:-1]), '"digest" must be sha256', (5, 11)),
                (plain.replace(DIGEST, DIGEST + "0"), '"digest" must be sha256', (5, 11)),
                (plain.replace(DIGEST, "sha512" + DIGEST[6:]), '"digest" must be sha256', (5, 11)),
                (HEAD + self.pin(promise="abc"), '"promise" must be sha256', (7, 12)),
                (HEAD + self.pin(build="a/b"), '"build" must be a tag', (6, 10)),
                (plain + "pin:\n", 'the key "pin" stands twice', None),
                (plain.replace("  build", "  tag"), 'the key "tag" stands twice', (6, 3)),
                (plain + '    torch: "1"\n', 'the key "torch" stands twice', None),
                (plain + "wat: 1\n", 'the contract has no key "wat"', None),
                (plain.replace("  build", "  builds"), 'the pin has no key "builds"', (6, 3)),
                (plain.replace("  tag", "\ttag"), "a tab stands in the indentation", (4, 1)),
                (plain.replace("  components:\n", "  components: x\n"), '"components" must be a map', None),
                (HEAD + self.pin(components={}) + "  components:\n    torch:\n", '"torch" has no value', None),
                (plain.replace("pin:", "p\0n:"), "the byte 0x00", (3, 2)),
                (plain + "# \x1b[31m", "the byte 0x1b", None), (plain + "# \x7f", "the byte 0x7f", None),
                (plain.encode("utf-16"), "the byte 0x00", None)):
            with self.subTest(text):
                self.refused(text, WRONG, words, place)

    def test_repositories(self):
        for right in ("a.b/c", "localhost/c", "localhost:5000/a/b", "h:1/c", "a-b.c/d__e/f.g-h--i", "HOST.x/c"):
            self.check(f"imgforge: 1\nrepository: {right}\n" + self.pin(), code=OK)
        for wrong in ("c", "ml/c", "a.b", "a.b/", "a.b/C", "a.b/c:v1", f"a.b/c@{DIGEST}", "a.b//c", "a.b/-c", "a.b/c-",
                      "a.b/c___d", "a..b/c", "a.b:0/c", "a.b:65536/c", "a.b:x/c", "-a.b/c", "a-.b/c", "a.b./c",
                      "a.b/" + "c" * 252, "localhos/c", "https://a.b/c"):
            with self.subTest(wrong):
                self.refused(f"imgforge: 1\nrepository: '{wrong}'\n" + self.pin(), WRONG, '"repository" must be')

    def test_not_understood(self):
        plain = HEAD + self.pin()
        for text, words in (
                (HEAD + "pin: {tag: v1, digest: %s}\n" % DIGEST, "a pin in braces"),
                ("{imgforge: 1}\n", "begins with '{'"), (" " + plain, "an indented line"),
                ("- " + plain, "begins with '-'"), ("%YAML 1.2\n---\n" + plain, "begins with '%'"),
                ("---\n---\n" + plain, "begins with '-'"), (plain + "...\n", "begins with '.'"),
                ("--- x\n" + plain, "more than one word"), (plain.replace("pin:", '"pin":'), "in quotes"),
                (plain.replace("pin:", "pin :"), "without ':'"), (plain.replace("pin:", "? pin"), "begins with '?'"),
                (plain.replace("pin:", "pin: &a"), "begins with '&'"), (plain.replace("pin:", "pin: !!map"), "'!'"),
                (plain.replace("  tag: ", "  tag: &t "), "begins with '&'"), (plain.replace("v2.6-lts", "*t"), "'*'"),
                (plain.replace("v2.6-lts", "|\n    v2.6-lts"), "begins with '|'"),
                (plain.replace("v2.6-lts", ">-"), "begins with '>'"), (plain.replace("v2.6-lts", "[v1]"), "'['"),
                (plain.replace("  tag: v2.6-lts", "  tag:\n    v2.6-lts"), "another indentation"),
                (plain.replace("v2.6-lts", "v2\n    x"), "another indentation"),
                (plain.replace("  build", "   build"), "another indentation"),
                (plain.replace("repository: ", "repository:\n  "), "an indented line"),
                (plain.replace("pin:", "pin: ~"), "an indented line"),
                (plain.replace("components:", "components: ~"), "another indentation"),
                (plain.replace("v2.6-lts", '"v2.6-lts'), "does not end in its line"),
                (plain.replace("v2.6-lts", "'v2.6-lts"), "does not end in its line"),
                (plain.replace("v2.6-lts", '"v2\\x2e6"'), "an escape"), (plain.replace("v2.6-lts", '"v\u00e9"'), "ASCII"),
                (plain.replace("v2.6-lts", "v\u00e9"), "more than one word"),
                (plain.replace("v2.6-lts", "v1 v2"), "more than one word"),
                (plain.replace("v2.6-lts", '"v1"#x'), "more than one word"),
                (plain.replace("tag: v2.6-lts", "<<: *x"), "begins with '<'"),
                (plain.replace("  tag", '  "tag"'), "in quotes"),
                (HEAD + self.pin(components={}) + "  components: {torch: 1,\n    cuda: 2}\n", ""),
                (HEAD + self.pin(components={}) + "  components: {torch: 1\n", "braces that do not end"),
                (HEAD + self.pin(components={}) + "  components: {torch:1}\n", "without ':'"),
                (HEAD + self.pin(components={}) + "  components: {torch: null}\n", "null where"),
                (HEAD + self.pin(components={}) + "  components: {torch: {a: b}}\n", "begins with '{'"),
                (HEAD + self.pin(components={}) + "  components:\n    - torch\n", "begins with '-'"),
                # A key within a text of another key is no key.
                (HEAD + 'trust_policy: "a\npin:\n  tag: no"\n', "does not end before the next key"),
                (HEAD + "trust_policy: 'a''b\npin:\n  tag: no'\n", "does not end before the next key"),
                (HEAD + "branches: {main: v1,\npin: x}\n", "does not end before the next key"),
                (HEAD + "branches: {main: v1 # }\npin: x}\n", "does not end before the next key"),
                (plain.replace("\n", "\r", 1), "ends in CR alone"), (plain + "\r", "ends in CR alone"),
                (plain + "#" * (128 * 1024), "larger than 128 KiB")):
            with self.subTest(text[:300]):
                self.refused(text, UNREADABLE, words)

    def test_the_largest(self):
        plain = HEAD + self.pin()
        whole = plain + "#" * (128 * 1024 - len(plain))
        self.check(whole, code=OK)
        self.refused(whole + "#", UNREADABLE, "larger than")
        head = HEAD + "pin:\n  tag: "
        for quote in ('"', "'", ""):
            long = head + quote + "a" * (128 * 1024 - len(head) - 2 * len(quote)) + quote
            self.refused(long, WRONG, '"tag" must be a tag')

    def test_damaged_at_random(self):
        """Whatever became of the file: a code of the table, and sound JSON."""
        random.seed(20250520)
        whole = (HEAD + self.pin() + 'branches: {main: v2.6-lts, "feat/*": v2.7-alpha}\n').encode()
        seen = set()
        for number in range(400):
            data = bytearray(whole)
            for _ in range(random.randint(1, 3)):
                at = random.randrange(len(data))
                choice = random.random()
                if choice < 0.5:
                    data[at] = random.choice(b"{}[]\",:\\#'|>&*~-\n\r\t \x00\xff\xc3ab0")
                elif choice < 0.8:
                    del data[at:at + random.randint(1, 60)]
                else:
                    data[at:at] = random.randbytes(random.randint(1, 40)) if number % 5 == 0 else \
                        data[at:at + random.randint(1, 40)]
            if number % 3 == 0:
                del data[random.randrange(len(data) + 1):]
            self.write(bytes(data))
            result = self.box.run("env", "check", "--json", "--promise", str(self.box.promise), cwd=self.tree)
            seen.add(result.returncode)
            self.assertIn(result.returncode, (OK, UNREADABLE, WRONG, IMAGE, REFUSED), bytes(data))
            document = json.loads(result.stdout)
            self.assertEqual("error" in document, result.returncode != OK, bytes(data))
        self.assertLessEqual({UNREADABLE, WRONG, REFUSED}, seen)


class Finding(EnvCheckTest):
    def test_the_nearest(self):
        self.write(HEAD + self.pin())
        below = self.tree / "a/b"
        below.mkdir(parents=True)
        self.check(code=OK, cwd=below)
        self.write(HEAD, below.parent)
        self.check(code=REFUSED, cwd=below)

    def test_not_above_a_git_repository(self):
        self.write(HEAD + self.pin())
        below = self.tree / "clone/a"
        below.mkdir(parents=True)
        for git in ("folder", "file of a worktree"):
            path = below.parent / ".git"
            path.mkdir() if git == "folder" else path.write_text("gitdir: x\n")
            error = self.check(code=NOT_FOUND, cwd=below)["error"]
            self.assertEqual(error["message"], f"{below.parent}/.imgforge.yaml does not exist: this repository does "
                                               "not say which environment it needs")
            self.assertIn("imgforge env pin", error["hint"])
            path.rmdir() if git == "folder" else path.unlink()
        (self.tree / ".git").mkdir()
        self.check(code=OK, cwd=below)

    def test_no_contract_at_all(self):
        error = self.check(code=NOT_FOUND, cwd="/")["error"]
        self.assertTrue(error["message"].startswith("/.imgforge.yaml does not exist"), error)

    def test_named(self):
        named = self.box.top / "other.yaml"
        named.write_text(HEAD + self.pin())
        self.check(code=OK, arguments=("--contract", str(named)))
        self.check(code=OK, arguments=(f"--contract={named}",))
        named.write_text(HEAD + "pin: x\n")
        self.assertEqual(self.check(code=WRONG, arguments=("--contract", str(named)))["error"]["file"], str(named))
        for path, code, words in (("nothing.yaml", NOT_FOUND, "No such file"), (self.tree, UNREADABLE, "Is a directory"),
                                  ("x" * 5000, UNREADABLE, "too long")):
            error = self.check(code=code, arguments=("--contract", str(path)))["error"]
            self.assertIn(words, error["message"])
            self.assertEqual(error["code"], "not_found" if code == NOT_FOUND else "io")

    def test_a_pipe_does_not_block(self):
        os.mkfifo(self.tree / ".imgforge.yaml")
        self.check(code=WRONG)


class CommandLine(ProbeTest):
    def refused(self, words, *arguments):
        result = self.box.run(*arguments)
        self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
        self.assertIn(words, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_words(self):
        self.refused("env needs a word", "env")
        self.refused("'env --json' is for the imgforge outside of images", "env", "--json")
        for word in ("pin", "run", "status", "help", "checks"):
            self.refused(f"'env {word}' is for the imgforge outside of images", "env", word)
        # So the hooks' script tells this program from the one that has hooks.
        self.refused("'env hook' is for the imgforge outside of images", "env", "hook", "--help")
        for word in ("build", "promote", "verify"):
            self.refused(f"'{word}' is a command of the imgforge outside of images", word, "--help")
        self.refused("there are probe, info and env check, not moon", "moon")

    def test_options(self):
        self.refused("unknown option x", "env", "check", "x")
        self.refused("unknown option --deep", "env", "check", "--deep")
        self.refused("unknown option --contract", "probe", "--contract", "x")
        self.refused("unknown option --contract=x", "info", "--contract=x")
        self.refused("--contract needs a file", "env", "check", "--contract")
        self.refused("--contract needs a file", "env", "check", "--contract=")
        self.refused("--promise needs a file", "env", "check", "--promise")

    def test_help(self):
        for arguments in (["env", "--help"], ["env", "-h"], ["env", "check", "--help"]):
            result = self.box.run(*arguments)
            self.assertEqual((result.returncode, result.stderr), (OK, ""))
            self.assertIn("imgforge env check [options]", result.stdout)
            self.assertIn("exit codes of env check", result.stdout)

    def test_a_result_that_nobody_got(self):
        tree = self.box.top / "tree"
        tree.mkdir()
        self.box.write_promise()
        pin = f"pin:\n  tag: v1\n  digest: {DIGEST}\n  promise: {sha256(self.box.promise.read_bytes())}\n"
        (tree / ".imgforge.yaml").write_text(HEAD + pin)
        with open("/dev/full", "w") as full:
            result = subprocess.run([PROBE, "env", "check", "--promise", str(self.box.promise)], cwd=tree, stdout=full,
                                    stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("writing the result", result.stderr)


if __name__ == "__main__":
    unittest.main()
