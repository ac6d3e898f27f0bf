#!/usr/bin/env python3
"""`imgforge env` from outside: pins, ranges and runs, with real git repositories, a real docker-registry, engines that are scripts, and a
real podman.

    test_cli_env.py IMGFORGE PROBE SOURCE_DIR
"""
import hashlib
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import subprocess
import sys
import unittest

import cli_project
from cli_env import BRANCHES, EnvTest, OUTSIDE
from cli_release import Plain, ReleaseProject

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE


class PinTest(EnvTest):
    def test_a_tag_becomes_a_digest_that_is_signed(self):
        self.fails(self.env("pin", "v1-lts"), 3, "there is no .imgforge.yaml yet", "HOST/REPOSITORY:TAG")
        self.fails(self.env("status"), 3, "imgforge env pin")
        said = self.ok(self.env("pin", self.repository + ":v1-lts")).stdout
        self.assertIn("%s@%s" % (self.repository, self.world.digests["v1"]), said)
        text = self.contract()
        self.assertIn("repository: %s\n" % self.repository, text)
        self.assertIn("pin:\n  tag: v1-lts\n  digest: %s\n  build: v1\n" % self.world.digests["v1"], text)
        # The promise is the image's own file, by the independent tar.
        digest = hashlib.sha256(self.promise().read_bytes()).hexdigest()
        self.assertIn("  promise: sha256:%s\n" % digest, text)
        self.assertIn("already", self.ok(self.env("pin", "v1-lts")).stdout)
        self.assertEqual(self.contract(), text)

        # Another tag changes lines and nothing else.
        self.write(".imgforge.yaml", "# ours\n" + text.replace("  tag: v1-lts", "  tag: v1-lts  # asked for"))
        preview = self.ok(self.env("pin", "nightly", "--dry-run")).stdout
        self.assertIn("# asked for", preview)
        self.assertIn("tag: v1-lts", self.contract())
        document = json.loads(self.ok(self.env("pin", "nightly", "--json")).stdout)
        self.assertEqual(document["pin"]["digest"], self.world.digests["v2"])
        self.assertEqual(document["before"]["tag"], "v1-lts")
        self.assertEqual(self.contract(), preview)

    def test_what_is_not_signed_or_not_there_is_not_pinned(self):
        self.pin("v1-lts")
        before = self.contract()
        self.fails(self.env("pin", "v3"), 5, "is not signed")
        self.fails(self.env("pin", "v9-lts"), 3, "v9-lts")
        self.fails(self.env("pin", "harbor.example/other/demo:v1"), 7, "names the repository")
        self.world.project.write("empty.yaml", "{}\n")
        self.fails(self.env("pin", "v1-lts", "--config", self.world.project.path("empty.yaml")), 2, "nobody is named to be trusted")
        self.assertEqual(self.contract(), before)

    def test_a_branch_has_its_channel(self):
        self.pin("v1-lts", BRANCHES)
        self.fails(self.env("pin", "nightly"), 7, "the branch main is for the environment v1-lts", "imgforge env pin v1-lts")
        self.git("checkout", "-q", "-b", "dev")
        self.fails(self.env("check"), 5)  # outside goes before the rule
        self.fails(self.env("check", "--promise", str(self.promise("v1"))), 7, "the branch dev is for the environment nightly")
        self.ok(self.env("pin"))  # without a word: the branch's
        self.assertIn("tag: nightly", self.contract())
        status = json.loads(self.ok(self.env("status", "--json")).stdout)
        self.assertEqual((status["branch_channel"], status["mixed"], status["tag_is_now"]), ("nightly", False, self.world.digests["v2"]))

    def test_check_says_what_differs(self):
        self.pin("v1-lts")
        self.assertIn("this is the pinned environment", self.ok(self.env("check", "--promise", str(self.promise("v1")))).stdout)
        result = self.fails(self.env("check", "--promise", str(self.promise("v2"))), 5, "build v2 instead of v1")
        self.assertIn("build", result.stdout)
        document = json.loads(self.env("check", "--promise", str(self.promise("v2")), "--json").stdout)
        self.assertEqual(document["differences"], [{"what": "build", "pinned": "v1", "running": "v2"}])
        self.assertFalse(document["agrees"])
        # Outside: a container for this very working tree, from this very digest, is the environment.
        self.engine()
        self.fails(self.env("check", PATH=self.path), 5, "outside of the pinned environment")
        self.write("ps", "c0ffee\n", cwd=self.folder)
        self.asked()
        self.ok(self.env("check", PATH=self.path))
        self.assertEqual(self.asked()[:1], [["ps", "--quiet", "--filter", "label=io.imgforge.env.tree=" + os.path.realpath(self.clone), "--filter",
                                         "label=io.imgforge.env.image=%s@%s" % (self.repository, self.world.digests["v1"])]])

    def test_words_that_make_no_sense(self):
        self.fails(self.env(), 2, "pin, status")
        self.fails(self.env("pinn"), 2, "did you mean 'imgforge env pin'?")
        self.fails(self.env("show", "HEAD"), 3, "no commit")
        self.fails(self.env("verify", "HEAD"), 2, "A..B")
        self.fails(self.env("status", cwd="/"), 3, "no git repository")
        for part in ("pin", "status", "check", "hook", "verify", "show", "run", "setup"):
            text = self.ok(self.env(part, "--help")).stdout
            self.assertIn("Usage: imgforge env %s" % part, text)
            self.assertIn("Example", text)
        for shell in ("bash", "zsh", "fish"):
            script = self.ok(self.world.project.run("completion", shell)).stdout
            self.assertIn("setup", script)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=script, text=True, check=True)


class VerifyTest(EnvTest):
    def verify(self, *words, expected=0):
        result = self.env("verify", *words, "--json")
        self.assertEqual(result.returncode, expected, result.stderr + result.stdout)
        return json.loads(result.stdout)

    def results(self, document):
        return {one["subject"].split(" [")[0]: one["result"] for one in document["commits"]}

    def test_two_clones_and_a_pipeline(self):
        self.pin("v1-lts", BRANCHES)
        self.git("tag", "start")
        other = os.path.join(self.folder, "other clone")
        self.git("clone", "-q", self.clone, other, cwd=self.folder)
        self.ok(self.env("hook", "install", cwd=other))
        self.git("checkout", "-q", "-b", "feat/x", cwd=other)
        self.ok(self.env("pin", cwd=other))
        self.git("add", ".", cwd=other)
        self.git("commit", "-q", "-m", "Begin", cwd=other)
        self.git("commit", "-q", "--allow-empty", "-m", "Go on", cwd=other)
        self.git("push", "-q", "origin", "feat/x", cwd=other)
        text = self.ok(self.env("verify", "start..feat/x", "--branch", "feat/x")).stdout
        self.assertIn("2 commits keep the contract", text)
        self.assertRegex(text, r"demo:v2-alpha [0-9a-f]{12} +ok +Begin")
        document = self.verify("start..feat/x", "--branch", "feat/x")
        self.assertEqual(document["questions"], 2)  # two commits, one digest and its build tag
        # The same commits, fast-forwarded, would be a mixture on main.
        self.assertEqual(self.results(self.verify("start..feat/x", "--branch", "main", expected=7)),
                         {"Begin": "wrong-channel", "Go on": "wrong-channel"})
        # Merged as the contract wants it, main keeps its own.
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "--no-commit", "feat/x")
        self.ok(self.env("pin"))
        self.git("add", ".")
        self.git("commit", "-q", "-m", "Merge feat/x")  # says nothing: its pin is that of main
        self.assertEqual(self.results(self.verify("start..main", "--branch", "main")), {"Begin": "ok", "Go on": "ok", "Merge feat/x": "ok"})

    def test_the_job_of_the_example(self):
        self.pin("v1-lts", BRANCHES)
        base = self.git("rev-parse", "HEAD").stdout.strip()
        self.git("checkout", "-q", "-b", "feat/x")
        self.ok(self.env("pin"))
        self.commit("Begin [env: demo:v2-alpha]")
        text = pathlib.Path(SOURCE, "examples/day-one/.gitlab-ci.yml").read_text(encoding="utf-8")
        script = text.partition("  script:\n")[2].replace("\n      ", " ").replace("    - ", "")
        self.assertEqual(script.count("imgforge"), 2, script)
        os.makedirs(os.path.join(self.folder, "bin"))
        os.symlink(IMGFORGE, os.path.join(self.folder, "bin/imgforge"))

        def job(branch):
            environment = self.environment(PATH=self.folder + "/bin:/usr/bin:/bin", HARBOR=self.world.registry.host, PULL_ROBOT="robot$ml+pull",
                                           PULL_ROBOT_SECRET="a test's own", TRUST_POLICY=self.world.project.path("trust.yaml"),
                                           CI_MERGE_REQUEST_DIFF_BASE_SHA=base, CI_COMMIT_SHA=self.git("rev-parse", "HEAD").stdout.strip(),
                                           CI_MERGE_REQUEST_SOURCE_BRANCH_NAME=branch, HOME=self.folder)
            self.git("checkout", "-q", "--detach")  # as runners do
            return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.clone, env=environment, text=True, capture_output=True,
                                  check=False, timeout=120)

        self.assertIn("1 commit keeps the contract", self.ok(job("feat/x")).stdout)
        self.fails(job("dev"), 7, "the branch dev is for the environment nightly")

    def test_everything_that_can_be_wrong(self):
        self.git("commit", "-q", "--allow-empty", "-m", "Root")
        self.git("commit", "-q", "--allow-empty", "-m", "Before the contract")
        self.pin("v1-lts")
        self.commit("Silent")
        self.commit("Wrong [env: torch:v1]")
        self.commit("Unknown [env: demo:v9-lts]")
        self.commit("Moved [env: demo:nightly]")
        self.commit("Unreadable [env: demo]")
        self.commit("Good [env: demo:v1]")
        unsigned = self.contract().replace(self.world.digests["v1"], self.world.digests["v3"])
        self.write(".imgforge.yaml", unsigned)
        self.commit("Unsigned [env: demo:v1-lts]")
        self.write(".imgforge.yaml", unsigned.replace(self.world.digests["v3"], "sha256:" + 64 * "a"))
        self.commit("Gone [env: demo:v1-lts]")
        self.write(".imgforge.yaml", "imgforge: 9\n")
        self.commit("Broken [env: demo:v1-lts]")
        self.write(".imgforge.yaml", "imgforge: 1\nrepository: %s\n" % self.repository)
        self.commit("Open [env: demo:v1-lts]")
        document = self.verify("HEAD~12..HEAD", expected=5)
        self.assertEqual(self.results(document), {
            "Before the contract": "no-contract", "Pin": "ok", "Silent": "no-annotation", "Wrong": "contradiction",
            "Unknown": "unresolved", "Moved": "contradiction", "Unreadable": "bad-annotation", "Good": "ok", "Unsigned": "unsigned",
            "Gone": "unresolved", "Broken": "bad-contract", "Open": "no-pin"})
        self.assertFalse(document["kept"])
        self.assertEqual(document["error"]["exit_code"], 5)
        self.fails(self.env("verify", "HEAD~11..HEAD~9"), 7, "1 of 2 commits", "does not say its environment")
        self.ok(self.env("verify", "HEAD..HEAD"))

    def test_a_commit_does_not_choose_who_is_believed(self):
        self.pin("v1-lts", commit=False)
        self.write("trust.yaml", "trust: 1\nrepositories: [{match: ['**'], accept_unsigned: true}]\n")
        self.write(".imgforge.yaml", self.contract().replace(self.world.digests["v1"], self.world.digests["v3"]) + "trust_policy: trust.yaml\n")
        self.git("commit", "-q", "--allow-empty", "-m", "Root")
        self.commit("Mine [env: demo:v1-lts]")
        self.assertEqual(self.results(self.verify("HEAD~1..HEAD", expected=5)), {"Mine": "unsigned"})
        self.world.project.write("empty.yaml", "{}\n")
        self.fails(self.env("verify", "HEAD~1..HEAD", "--config", self.world.project.path("empty.yaml")), 2, "nobody is named")

    def test_a_pin_that_lends_a_name(self):
        self.pin("v1-lts")
        self.write(".imgforge.yaml", self.contract().replace("build: v1", "build: v2"))
        self.commit("Lent [env: demo:v2]")
        document = self.verify("HEAD~1..HEAD", expected=5)
        self.assertEqual(self.results(document), {"Lent": "contradiction"})
        self.assertIn(self.world.digests["v2"], document["commits"][0]["why"])

    def test_ranges_that_pipelines_get_wrong(self):
        self.pin("v1-lts")
        self.fails(self.env("verify", "0" * 40 + "..HEAD"), 2, "the branch is new")
        self.fails(self.env("verify", "nowhere..HEAD"), 3, "no commit 'nowhere'", "--unshallow")
        self.fails(self.env("verify", "HEAD..HEAD", "--branch", ""), 2, "pipeline's variable")


class RunTest(EnvTest):
    def run_words(self, call):
        return call[call.index("--entrypoint"):]

    def test_the_working_tree_is_mounted_where_it_is(self):
        self.pin("v1-lts")
        self.engine("exit 7")
        image = "%s@%s" % (self.repository, self.world.digests["v1"])
        done = self.env("run", "--gpus", "none", "-p", "8080:80", "--", "python", "train.py", "--lr", "3", PATH=self.path)
        self.assertEqual(done.returncode, 7, done.stderr)
        head = self.git("rev-parse", "HEAD").stdout.strip()
        top = os.path.realpath(self.clone)
        self.assertEqual(self.asked(), [[
            "run", "--rm", "-i", "--tls-verify=false", "--mount", "type=bind,source=%s,target=%s" % (top, top), "--workdir", top,
            "--publish", "127.0.0.1:8080:80", "--env", "IMGFORGE_ENV=demo:v1-lts@%s" % self.world.digests["v1"], "--env",
            "IMGFORGE_COMMIT=" + head, "--label", "io.imgforge.env.image=" + image, "--label", "io.imgforge.env.tree=" + top,
            "--entrypoint", "python", image, "train.py", "--lr", "3"]])
        self.ok(self.env("run", "HEAD", "--dry-run", "--jupyter", "--jupyter-port", "9999", "--json", PATH=self.path))
        command = json.loads(self.env("run", "HEAD", "--dry-run", "--jupyter", "--jupyter-port", "9999", "--json",
                                      PATH=self.path).stdout)["command"]
        self.assertIn("127.0.0.1:9999:8888", command)
        self.assertEqual(command[command.index("--entrypoint") + 1], "jupyter")
        self.assertIn("nvidia.com/gpu=all", command)
        self.assertEqual(self.asked(), [])
        # A program that takes what is typed, and one that is not there.
        self.engine("cat")
        self.assertEqual(self.world.project.run("env", "run", cwd=self.clone, stdin="typed\n", PATH=self.path).stdout, "typed\n")
        self.engine("echo 'Error: no such device' >&2; exit 125")
        self.fails(self.env("run", PATH=self.path), 125, "did not start the container", "--gpus none", "no such device")
        self.fails(self.env("run", "--publish", "99999:1", PATH=self.path), 2, "no port")
        self.fails(self.env("run", "a", "b", PATH=self.path), 2, "too much")
        self.fails(self.env("run", "--trust-policy", "x", PATH=self.path), 2, "without --verify")
        self.asked()
        self.write(".imgforge.yaml", self.contract().replace(self.world.digests["v1"], self.world.digests["v3"]))
        self.fails(self.env("run", "--verify", PATH=self.path), 5, "is not signed")
        self.assertEqual(self.asked(), [])

    def test_an_old_commit_has_its_own_image_and_files(self):
        self.pin("v1-lts")
        self.write("main.py", "old\n")
        self.commit("Old [env: demo:v1-lts]")
        old = self.git("rev-parse", "HEAD").stdout.strip()
        self.write("main.py", "new\n")
        self.pin("nightly")
        self.engine('for word in "$@"; do case $word in type=bind,source=*/imgforge-env*) tree=${word#*source=}; tree=${tree%%,*};; esac; '
                    'done\ncat "$tree/main.py"; mkdir -p "$tree/__pycache__"; touch "$tree/__pycache__/x.pyc"; ls "$tree"; '
                    'git -C "$tree" rev-parse HEAD; exit 3')
        done = self.env("run", old[:10], "--", "true", PATH=self.path)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertTrue(done.stdout.startswith("old\n"), done.stdout)
        self.assertIn(old, done.stdout)
        call = self.asked()[0]
        self.assertIn("%s@%s" % (self.repository, self.world.digests["v1"]), call)
        self.assertIn("type=bind,source=%s/.git,target=%s/.git,readonly" % (2 * (os.path.realpath(self.clone),)), call)
        self.assertEqual(len(self.git("worktree", "list").stdout.splitlines()), 1)
        # What a run leaves is not thrown away.
        self.engine('for word in "$@"; do case $word in type=bind,source=*/imgforge-env*) tree=${word#*source=}; tree=${tree%%,*};; esac; '
                    'done\necho 0.93 >"$tree/result"')
        done = self.ok(self.env("run", old, "--", "true", PATH=self.path))
        where = re.search(r"the checkout (\S+) stays", done.stderr).group(1)
        self.assertEqual(pathlib.Path(where, "result").read_text(encoding="utf-8"), "0.93\n")
        self.git("worktree", "remove", "--force", where)
        os.rmdir(os.path.dirname(where))

    def on_a_terminal(self, *words, keys, when=b"started", cwd=None, **more):
        """Runs a program on a terminal of its own; sends the keys when it says `when`. What it showed, and its exit code."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(cwd or self.clone)
            os.execve(words[0], words, self.environment(**more))
        shown = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # how a terminal ends
                break
            if not piece:
                break
            shown += piece
            if when in shown and keys:
                os.write(terminal, keys)
                keys = b""
        os.close(terminal)
        return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_keys_are_the_programs(self):
        self.pin("v1-lts")
        self.commit("Old [env: demo:v1-lts]")
        old = self.git("rev-parse", "HEAD").stdout.strip()
        self.commit("New [env: demo:v1-lts]")
        self.engine("trap 'echo caught; exit 42' INT\necho started\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done")
        shown, code = self.on_a_terminal(IMGFORGE, "env", "run", old, "--", "python", keys=b"\x03", PATH=self.path)
        self.assertEqual(code, 42, shown)
        self.assertIn("caught", shown)
        self.assertIn("-it", self.asked()[0])
        self.assertEqual(len(self.git("worktree", "list").stdout.splitlines()), 1)  # ^C took nothing away from the end
        # A pipeline that ends the job ends the container.
        self.engine("trap 'exit 43' TERM\necho started\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done")
        job = subprocess.Popen([IMGFORGE, "env", "run", old], cwd=self.clone, env=self.environment(PATH=self.path), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.assertEqual(job.stdout.readline(), "started\n")
        job.terminate()
        job.communicate(timeout=30)
        self.assertEqual(job.returncode, 43)
        self.assertEqual(len(self.git("worktree", "list").stdout.splitlines()), 1)

    def test_setup_says_how_to_log_in(self):
        if shutil.which("htpasswd") is None:
            self.skip("htpasswd is not installed (apache2-utils)")
        closed = Plain("a test's own password")
        self.addCleanup(closed.stop)
        self.pin("v1-lts")
        self.write(".imgforge.yaml", self.contract().replace(self.repository, closed.host + "/ml/demo"))
        self.engine()
        self.fails(self.env("setup", PATH=self.path), 4, "imgforge login %s --username NAME" % closed.host)
        self.assertEqual(self.asked(), [])

    def test_the_first_day(self):
        """examples/day-one: a registry that wants a password, a new clone, a home without anything, and somebody at a terminal."""
        if shutil.which("htpasswd") is None:
            self.skip("htpasswd is not installed (apache2-utils)")
        closed = Plain("a test's own password")
        self.addCleanup(closed.stop)
        project = self.world.project
        self.ok(project.run("login", closed.host, "-u", "alice", "--password-stdin", stdin="a test's own password\n"))
        self.ok(project.run("copy", self.repository + ":v1", closed.host + "/ml/demo:v1", "--referrers"))
        self.ok(project.run("tag", closed.host + "/ml/demo:v1", "v1-lts"))
        for name in ("trust.yaml", "release.pub"):
            shutil.copy(project.path(name), self.clone)
        self.ok(self.env("pin", closed.host + "/ml/demo:v1-lts"))
        self.write(".imgforge.yaml", self.contract() + "trust_policy: trust.yaml\n")
        self.commit("Begin [env: demo:v1-lts]")
        self.ok(project.run("logout", closed.host))

        self.engine('[ "$1" = run ] && echo "$@"; exit 0')
        os.symlink(IMGFORGE, os.path.join(self.folder, "engines/imgforge"))
        newcomer = os.path.join(self.folder, "home")
        os.makedirs(newcomer)
        shown, code = self.on_a_terminal(
            os.path.join(SOURCE, "examples/day-one/day-one.sh"), self.clone, "project", closed.host, "alice", keys=b"a test's own password\n",
            when=b"Password:", cwd=newcomer, PATH=self.path, HOME=newcomer, IMGFORGE_STORE=os.path.join(newcomer, "store"))
        self.assertEqual(code, 0, shown)
        self.assertIn("logged in to %s as alice" % closed.host, shown)
        self.assertNotIn("own password", shown)
        self.assertEqual([call[0] for call in self.asked() if call[0] != "ps"], ["pull", "run", "run"])
        self.assertIn("--workdir %s/project" % os.path.realpath(newcomer), shown)
        self.assertTrue(os.path.exists(os.path.join(newcomer, "project/.git/hooks/commit-msg")))

    def test_where_the_working_tree_lies(self):
        self.pin("v1-lts")
        self.engine()
        top = os.path.realpath(self.clone)
        os.makedirs(os.path.join(self.clone, "src/deep"))
        done = self.ok(self.env("run", "--dry-run", "--json", "--", "x", cwd=os.path.join(self.clone, "src/deep"), PATH=self.path))
        command = json.loads(done.stdout)["command"]
        self.assertEqual(command[command.index("--workdir") + 1], top + "/src/deep")
        # A linked working tree needs the repository that it belongs to.
        tree = os.path.join(os.path.realpath(self.folder), "linked")
        self.git("worktree", "add", "-q", "-b", "side", tree)
        command = json.loads(self.ok(self.env("run", "--dry-run", "--json", "--", "x", cwd=tree, PATH=self.path)).stdout)["command"]
        self.assertIn("type=bind,source=%s,target=%s" % (tree, tree), command)
        self.assertIn("type=bind,source=%s/.git,target=%s/.git" % (top, top), command)
        odd = os.path.join(self.folder, "a,b")
        self.git("clone", "-q", self.clone, odd)
        self.fails(self.env("run", "--", "x", cwd=odd, PATH=self.path), 2, "cannot be mounted")
        self.assertEqual(self.asked(), [])

    def test_secrets_come_from_a_file_that_git_does_not_have(self):
        self.pin("v1-lts")
        self.engine()
        self.write("secret.env", "TOKEN=x\n")
        self.ok(self.env("run", "--env-file", "secret.env", PATH=self.path))
        self.assertIn(os.path.join(os.path.realpath(self.clone), "secret.env"), self.asked()[0])
        self.git("add", "secret.env")
        self.fails(self.env("run", "--env-file", "secret.env", PATH=self.path), 7, "git has")
        self.fails(self.env("run", "--env-file", "nowhere.env", PATH=self.path), 3, "no file")
        self.assertEqual(self.asked(), [])

    def test_show_says_what_a_commit_needs(self):
        self.pin("v1-lts")
        self.commit("Fix [env: demo:v1]")
        text = self.ok(self.env("show")).stdout
        self.assertIn("%s@%s" % (self.repository, self.world.digests["v1"]), text)
        self.assertIn("imgforge env run ", text)
        self.pin("nightly")
        document = json.loads(self.ok(self.env("show", "HEAD~1", "--json")).stdout)
        self.assertEqual((document["digest"], document["annotation"]), (self.world.digests["v1"], "demo:v1"))
        # A commit from before the contract, with a message that people wrote.
        self.git("checkout", "-q", "--orphan", "older")
        self.git("rm", "-q", "-r", "--cached", ".")
        for message in ("Build [env: demo:v1]", "Channel [env: demo:nightly]", "Gone [env: demo:v8]", "Other [env: torch:v1]"):
            self.git("commit", "-q", "--allow-empty", "-m", message)
        document = json.loads(self.ok(self.env("show", "HEAD~3", "--json")).stdout)
        self.assertEqual(document["digest"], self.world.digests["v1"])
        moved = self.ok(self.env("show", "HEAD~2"))
        self.assertIn(self.world.digests["v2"], moved.stdout)
        self.assertIn("may have been another image", moved.stderr)
        self.fails(self.env("show", "HEAD~1"), 3, "no tag v8 any more")
        self.fails(self.env("show", "HEAD"), 3, "has no .imgforge.yaml")
        self.fails(self.env("show", "--", "--all"), 3, "no commit '--all'")

    def test_a_new_clone_is_set_up_by_one_command(self):
        self.pin("v1-lts")
        image = "%s@%s" % (self.repository, self.world.digests["v1"])
        self.engine()
        steps = self.ok(self.env("setup", "--dry-run", "--gpus", "none", "--hooks", PATH=self.path)).stdout.splitlines()
        self.assertEqual([line.split()[:3] for line in steps], [["imgforge", "verify", image], ["podman", "pull", "--quiet"],
                                                               ["podman", "run", "--rm"], ["imgforge", "env", "hook"],
                                                               ["podman", "run", "--rm"]])
        self.assertEqual(self.asked(), [])
        self.ok(self.env("setup", "--gpus", "none", "--hooks", "--", "python", "-V", PATH=self.path))
        calls = self.asked()
        self.assertEqual([call[0] for call in calls], ["pull", "run", "run"])
        self.assertEqual(self.run_words(calls[1]), ["--entrypoint", "/opt/imgforge/bin/imgforge", image, "probe", "--allow-no-gpu"])
        self.assertEqual(self.run_words(calls[2]), ["--entrypoint", "python", image, "-V"])
        self.assertTrue(os.path.exists(os.path.join(self.clone, ".git/hooks/pre-commit")))
        # The probe's verdict ends it; so does a pull that fails, and an image that nobody signed.
        self.engine('[ "$1" = run ] && { echo "the host is at fault"; exit 4; }; exit 0')
        self.assertEqual(self.env("setup", PATH=self.path).returncode, 4)
        self.assertEqual([call[0] for call in self.asked()], ["pull", "run"])
        self.engine('echo "Error: disk full" >&2; exit 1')
        self.fails(self.env("setup", PATH=self.path), 6, "could not pull", "disk full")
        self.write(".imgforge.yaml", self.contract().replace(self.world.digests["v1"], self.world.digests["v3"]))
        self.asked()
        self.fails(self.env("setup", PATH=self.path), 5, "is not signed")
        self.assertEqual(self.asked(), [])

    def test_a_real_podman(self):
        if shutil.which("podman") is None:
            self.skip("podman is not installed")
        storage = [os.path.join(self.folder, "root"), os.path.join(self.folder, "run")]
        podman = ["/usr/bin/podman", "--root", storage[0], "--runroot", storage[1], "--storage-driver", "vfs", "--events-backend", "none",
                  "--cgroup-manager", "cgroupfs"]
        project = ReleaseProject()
        self.addCleanup(project.remove)
        project.write(".config/imgforge/config.yaml", "trust_policy: %s\nsigning_key: %s\n" % (project.path("trust.yaml"), project.path("release.key")))
        # An image with a shell: this machine's own, with the libraries that it names.
        for program, files in (("/bin/sh", ["/bin/sh"]), ("/bin/cat", ["/bin/cat"]), (PROBE, [])):
            named = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
            for file in [*files, *re.findall(r"(/\S+)", named)]:
                where = pathlib.Path(project.path("root") + file)
                where.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, where)
        digest = project.build(self.world.registry.host + "/ml/shell", "--sign", "--layer-cache", "none", main="x\n")["digest"]
        self.write("engines/podman", "#!/bin/sh\nexec %s \"$@\"\n" % shlex.join(podman), cwd=self.folder).chmod(0o755)
        # podman makes networks with iptables, which is in sbin.
        path = os.path.join(self.folder, "engines") + ":/usr/sbin:/usr/bin:/sbin:/bin"
        self.addCleanup(subprocess.run, ["podman", "unshare", "rm", "-rf", *storage], check=False, capture_output=True)
        project.write("policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')
        more = {"PATH": path, **OUTSIDE}
        self.ok(project.run("env", "pin", "%s/ml/shell:v1" % self.world.registry.host, cwd=self.clone, **more))
        self.write("data", "from the working tree\n")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "Begin [env: shell:v1]")
        # A machine that is itself a container may neither raise limits nor make networks.
        image = "%s/ml/shell@%s" % (self.world.registry.host, digest)
        for options in ([], ["--network=none"], ["--network=none", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"]):
            can = subprocess.run([*podman, "run", "--rm", "--tls-verify=false", *options, image, "/bin/sh", "-c", "exit 9"],
                                 capture_output=True, text=True, check=False, timeout=120, cwd=self.folder)
            if can.returncode == 9:
                break
        else:
            self.skip("podman runs no containers here: " + can.stderr.strip().splitlines()[-1])
        options = ["--gpus", "none", *("--engine-option=" + option for option in options)]
        done = project.run("env", "run", *options, "--", "/bin/sh", "-c", "cat data; cat /opt/imgforge/promise.json; exit 5", cwd=self.clone, **more)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertTrue(done.stdout.startswith("from the working tree\n"), done.stdout)
        # What is in the container is what was pinned.
        promise = done.stdout.partition("\n")[2]
        self.write("promise.json", promise, cwd=self.folder)
        self.ok(project.run("env", "check", "--promise", os.path.join(self.folder, "promise.json"), cwd=self.clone, **more))
        # The image's own imgforge says the same, in a folder of the working tree; and notices another pin.
        self.write("below/x", "")
        check = ["env", "run", *options, "--", "/bin/sh", "-c", "cd below && /opt/imgforge/bin/imgforge env check"]
        self.assertEqual(self.ok(project.run(*check, cwd=self.clone, **more)).stdout, "this is the pinned environment shell:v1\n")
        pinned = self.contract()
        self.write(".imgforge.yaml", re.sub("(?m)^  promise: .*\n", "", pinned).replace("  build: v1\n", "  build: v0\n"))
        done = project.run(*check, cwd=self.clone, **more)
        self.assertEqual((done.returncode, done.stdout), (5, "WHAT   PINNED  HERE\nimage  shell   demo\nbuild  v0      v1\n"), done.stderr)
        self.write(".imgforge.yaml", pinned)
        shutil.rmtree(os.path.join(self.clone, "below"))
        # While a container of this working tree runs, the host counts as inside; afterwards it does not.
        self.fails(project.run("env", "check", cwd=self.clone, **more), 5, "outside")
        shell = subprocess.Popen([IMGFORGE, "env", "run", *options, "--", "/bin/sh", "-c", "echo ready; cat; exit 4"], cwd=self.clone, text=True,
                                 env=project.environment(**more), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(shell.stdout.readline(), "ready\n")
        self.ok(project.run("env", "check", cwd=self.clone, **more))
        shell.communicate(timeout=60)
        self.assertEqual(shell.returncode, 4)
        self.fails(project.run("env", "check", cwd=self.clone, **more), 5, "outside")
        # An old commit, with its own files, where git works.
        self.write("data", "changed\n")
        self.git("commit", "-q", "-a", "-m", "Change [env: shell:v1]")
        done = project.run("env", "run", "HEAD~1", *options, "--", "/bin/sh", "-c", "cat data", cwd=self.clone, **more)
        self.assertEqual((done.returncode, done.stdout), (0, "from the working tree\n"), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
