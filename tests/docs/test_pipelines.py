#!/usr/bin/env python3
"""The examples for GitHub Actions, GitLab and Kubernetes: before the schemas of those, and their scripts run against a docker-registry.
(tests/integration/test_story.py and test_nightly.py run the other scripts of examples/gitlab.)

    test_pipelines.py IMGFORGE PROBE SOURCE_DIR ENVIRONMENT

ENVIRONMENT is a folder for tests/requirements/pipelines.txt, made when it is not there.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

IMGFORGE, PROBE, SOURCE, ENVIRONMENT = (os.path.abspath(argument) for argument in sys.argv[1:5])
SOURCE, ENVIRONMENT = pathlib.Path(SOURCE), pathlib.Path(ENVIRONMENT)
sys.path.insert(0, str(SOURCE / "tests/integration"))
import cli_project  # noqa: E402  pylint: disable=wrong-import-position
from cli_project import SPEC, Expectations  # noqa: E402  pylint: disable=wrong-import-position
from cli_release import PASSPHRASE, TRUST, Plain, ReleaseProject, probe_report  # noqa: E402  pylint: disable=wrong-import-position

cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
WORKFLOW = SOURCE / "examples/github/workflows/image.yaml"
MATRIX_WORKFLOW = SOURCE / "examples/github/matrix.yml"
MANIFEST = SOURCE / "examples/kubernetes/build-job.yaml"

MATRIX = """\
imgforge: 1
matrix: pytorch
axes: {model: [a, b], data: [c, d]}
jobs: {options: [--push, --bump, --layer-cache, ml/cache], image: harbor.example/ml/imgforge:1, share_from: 0}
spec:
  imgforge: 1
  image: demo
  build: v1_${model}${data}
  registry: %s/ml/demo-${model}${data}
  epoch: 2025-05-20T00:00:00Z
  layers:
    - {id: model, kind: files, from: "${model}", dest: /model}
    - {id: data, kind: files, from: "${data}", dest: /data}
"""
CELLS = ["ac", "ad", "bc", "bd"]

CHANNELS = """\
imgforge: 1
trust: release-keys
channels:
  nightly: {kind: nightly, gates: {signed: true}}
  "v*-lts":
    kind: lts
    from: nightly
    gates: {signed: true, sbom: true, provenance: true, probe: {max_age: 7d, gpus: ["9.0"]}}
branches: {main: nightly}
"""


def tools():
    """The folder with check-jsonschema and kubernetes-validate; None where they cannot be had."""
    requirements = SOURCE / "tests/requirements/pipelines.txt"
    made = ENVIRONMENT / "made-from"
    if not made.exists() or made.read_bytes() != requirements.read_bytes():
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        for words in ([sys.executable, "-m", "venv", str(ENVIRONMENT)],
                      [str(ENVIRONMENT / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes",
                       "--only-binary=:all:", "-r", str(requirements)]):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print((done.stdout + done.stderr).strip()[-600:])
                return None
        made.write_bytes(requirements.read_bytes())
    return ENVIRONMENT / "bin"


def load(path):
    """Documents of a YAML file, read by the environment's own library."""
    code = "import json,sys,yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1], encoding='utf-8')))))"
    return json.loads(subprocess.run([ENVIRONMENT / "bin/python", "-c", code, path], capture_output=True, text=True, check=True).stdout)


class Pipelines(Expectations, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = tools()

    def setUp(self):
        if self.tools is None:
            print("SKIPPED: the examples for pipelines: tests/requirements/pipelines.txt cannot be installed here")
            self.skipTest("no schemas")

    def before_schema(self, program, *words, fails=False):
        done = subprocess.run([self.tools / program, *words], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
        (self.assertNotEqual if fails else self.assertEqual)(done.returncode, 0, done.stdout + done.stderr)

    @staticmethod
    def named(manifest):
        """A copy for kubernetes-validate 1.37, which fails on generateName with "could not be validated: 'name'"."""
        copy = ENVIRONMENT / "named" / manifest.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(re.sub(r"generateName: (\S+)-", r"name: \1-0", manifest.read_text(encoding="utf-8")), encoding="utf-8")
        return copy

    def test_schemas(self):
        github, gitlab = ("--builtin-schema", "vendor.github-workflows"), ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
        workflows = sorted((SOURCE / "examples").rglob("github/**/*.y*ml"))
        self.assertIn(WORKFLOW, workflows)
        self.before_schema("check-jsonschema", *github, *workflows)
        pipelines = sorted((SOURCE / "examples/gitlab").rglob("*.gitlab-ci.yml"))
        self.assertTrue(pipelines)
        self.before_schema("check-jsonschema", *gitlab, *pipelines)
        manifests = sorted((SOURCE / "examples/kubernetes").glob("*.yaml"))
        self.assertIn(MANIFEST, manifests)
        self.before_schema("kubernetes-validate", "--strict", *(self.named(path) for path in manifests))

    def test_schemas_find_mistakes(self):
        folder = ENVIRONMENT / "wrong"
        folder.mkdir(exist_ok=True)
        (folder / "workflow.yaml").write_text(WORKFLOW.read_text(encoding="utf-8").replace("runs-on:", "run-on:"), encoding="utf-8")
        self.before_schema("check-jsonschema", "--builtin-schema", "vendor.github-workflows", folder / "workflow.yaml", fails=True)
        (folder / "manifest.yaml").write_text(self.named(MANIFEST).read_text(encoding="utf-8").replace("restartPolicy:", "restartPolice:"), encoding="utf-8")
        self.before_schema("kubernetes-validate", "--strict", folder / "manifest.yaml", fails=True)

    def test_actions_are_pinned_and_no_expression_stands_in_a_script(self):
        for name, job in load(WORKFLOW)[0]["jobs"].items():
            self.assertIn("timeout-minutes", job, name)
        for job in [job for file in (WORKFLOW, MATRIX_WORKFLOW) for job in load(file)[0]["jobs"].values()]:
            for step in job["steps"]:
                if "uses" in step:
                    self.assertRegex(step["uses"], r"^actions/[\w-]+@[0-9a-f]{40}$")
                else:
                    self.assertNotIn("${{", step["run"], "what others write must not become a script")

    def test_the_job_for_commits_is_restricted(self):
        job = next(one for one in load(MANIFEST) if one["kind"] == "Job")["spec"]["template"]["spec"]
        self.assertTrue(job["securityContext"]["runAsNonRoot"])
        context = job["containers"][0]["securityContext"]
        self.assertEqual((context["allowPrivilegeEscalation"], context["capabilities"]), (False, {"drop": ["ALL"]}))
        for one in load(MANIFEST):
            self.assertNotIn("privileged: true", json.dumps(one))
            self.assertNotIn("hostPath", json.dumps(one))

    # Scripts

    def project_and_registry(self, password):
        if shutil.which("docker-registry") is None:
            print("SKIPPED: the scripts of the examples: docker-registry is not installed")
            self.skipTest("no docker-registry")
        registry = Plain(password=password)
        self.addCleanup(registry.stop)
        project = ReleaseProject(SPEC)
        self.addCleanup(project.remove)
        project.write("channels.yaml", CHANNELS)
        project.write("trust.yaml", TRUST)
        project.write(".config/imgforge/config.yaml", "{}\n")
        self.ok(project.run("lock", "specs/demo.yaml"))
        os.makedirs(project.path("bin"))
        os.symlink(IMGFORGE, project.path("bin/imgforge"))
        return project, registry

    def shell(self, project, words, environment, cwd=None):
        variables = project.environment(**environment)
        variables["PATH"] = project.path("bin") + ":" + variables["PATH"]
        done = subprocess.run(words, cwd=cwd or project.folder, env=variables, text=True, capture_output=True, timeout=300, check=False,
                              start_new_session=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for secret in (PASSPHRASE["IMGFORGE_KEY_PASSPHRASE"], "of the robot"):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done.stdout

    def step(self, project, step, variables, context):
        """One step as a runner does it: expressions of `env` filled in, bash -e, outputs from the file that GITHUB_OUTPUT names."""
        def filled(text):
            return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda match: context[match.group(1)], text)
        environment = {**variables, **{name: filled(str(value)) for name, value in step.get("env", {}).items()}}
        project.write("outputs", "")
        project.write("step.sh", step["run"])
        said = self.shell(project, ["bash", "-e", "step.sh"], {**environment, "GITHUB_OUTPUT": project.path("outputs")})
        for line in pathlib.Path(project.path("outputs")).read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            context["steps.%s.outputs.%s" % (step["id"], name)] = value
        return said

    def test_the_workflow_goes_from_a_commit_to_a_channel(self):
        project, registry = self.project_and_registry("of the robot")
        workflow = load(WORKFLOW)[0]
        os.makedirs(project.path("temporary"))
        variables = {**workflow["env"], "HARBOR": registry.host, "IMAGE": registry.host + "/ml/demo", "SPEC": "specs/demo.yaml",
                     "GITHUB_REF_NAME": "main", "GITHUB_RUN_ID": "42", "RUNNER_TEMP": project.path("temporary")}
        key = pathlib.Path(project.path("release.key")).read_text(encoding="utf-8")
        context = {"secrets.CI_ROBOT": "alice", "secrets.CI_ROBOT_SECRET": "of the robot", "secrets.PROMOTER_ROBOT": "alice",
                   "secrets.PROMOTER_ROBOT_SECRET": "of the robot", "secrets.IMGFORGE_KEY": key, "inputs.channel": "v2.6-lts",
                   "secrets.IMGFORGE_KEY_PASSPHRASE": PASSPHRASE["IMGFORGE_KEY_PASSPHRASE"]}
        said = [self.step(project, step, variables, context) for step in workflow["jobs"]["build"]["steps"] if "run" in step]
        digest = context["steps.image.outputs.digest"]
        self.assertRegex(digest, "^sha256:[0-9a-f]{64}$")
        self.assertIn("accepted", said[-1])
        context["needs.build.outputs.digest"] = digest
        # The job "probe" needs a GPU; this is the report that it would leave.
        project.write("probe.json", json.dumps(probe_report()))
        said = [self.step(project, step, variables, context) for step in workflow["jobs"]["promote"]["steps"] if "run" in step]
        self.assertIn("v2.6-lts is %s now" % digest, said[-1])
        self.assertIn("run 42", said[-1])
        self.assertEqual(os.listdir(project.path("temporary")), [], "the key is removed")

    def matrix_project(self):
        project, registry = self.project_and_registry("of the robot")
        project.write("specs/pytorch.matrix.yaml", MATRIX % registry.host)
        for name in "abcd":
            project.write(name + "/file", name * 1000)
        self.ok(project.run("matrix", "specs/pytorch.matrix.yaml", "--lock"))
        return project, registry

    def pushed(self, project, registry):
        """The cells that have a build; asked by somebody with a login of their own."""
        mine = {"DOCKER_CONFIG": project.path("login-of-somebody")}
        self.ok(project.run("login", registry.host, "-u", "alice", "--password-stdin", stdin="of the robot\n", **mine))
        found = {}
        for cell in CELLS:
            said = json.loads(self.ok(project.run("tags", "%s/ml/demo-%s" % (registry.host, cell), "--json", **mine)).stdout)
            found[cell] = [row["tag"] for row in said["tags"]]
        return [cell for cell in CELLS if found[cell] == ["v1_" + cell]]

    def test_the_child_pipeline_builds_the_cells_of_a_matrix(self):
        project, registry = self.matrix_project()
        plan = load(SOURCE / "examples/gitlab/matrix.gitlab-ci.yml")[0]
        self.assertEqual({name for name, job in plan.items() if "script" in job}, {"cells:plan"})
        self.assertEqual([list(one)[0] for one in plan["cells"]["trigger"]["include"]], ["local", "artifact"])
        self.shell(project, ["bash", "-eo", "pipefail", "-c", "\n".join(plan["cells:plan"]["script"])], {})
        cells = load(project.path(plan["cells:plan"]["artifacts"]["paths"][0]))[0]
        before = load(SOURCE / plan["cells"]["trigger"]["include"][0]["local"])[0]["default"]["before_script"]
        jobs = [(name, job) for name, job in cells.items() if name.startswith("cell ")]
        self.assertEqual(len(jobs), 4)
        self.assertEqual(self.pushed(project, registry), [])
        for name, job in sorted(jobs, key=lambda one: cells["stages"].index(one[1]["stage"])):
            template = cells[job["extends"]]
            self.assertNotIn("before_script", {**template, **job}, "a job's own would replace the login")
            script = "\n".join([*before, *{**template, **job}["script"]]).replace("harbor.example", registry.host)
            # A runner of its own: its own home's logins and its own store.
            variables = {**template.get("variables", {}), **job.get("variables", {}), "CI_ROBOT": "alice", "CI_ROBOT_SECRET": "of the robot"}
            self.shell(project, ["bash", "-eo", "pipefail", "-c", script],
                       {**variables, "IMGFORGE_STORE": project.path("store-" + name.split()[1]), "DOCKER_CONFIG": project.path("login-" + name.split()[1])})
        self.assertEqual(self.pushed(project, registry), CELLS)

    def test_the_workflow_builds_the_cells_of_a_matrix(self):
        project, registry = self.matrix_project()
        workflow = load(MATRIX_WORKFLOW)[0]["jobs"]
        context = {"secrets.CI_ROBOT": "alice", "secrets.CI_ROBOT_SECRET": "of the robot"}

        def steps(job, variables):
            for step in workflow[job]["steps"]:
                if "run" in step:
                    self.step(project, {**step, "run": step["run"].replace("harbor.example", registry.host)}, variables, context)

        steps("plan", {})
        cells = json.loads(context["steps.cells.outputs.cells"])
        self.assertEqual(cells["stages"], 2)
        for stage in ("stage_1", "stage_2"):
            for row in cells[stage]["include"]:
                context["matrix.spec"] = row["spec"]
                steps(stage.replace("_", "-"), {"IMGFORGE_STORE": project.path("store-" + row["cell"])})
        self.assertEqual(self.pushed(project, registry), CELLS)

    def test_the_jobs_of_kubernetes(self):
        project, registry = self.project_and_registry(None)
        manifests = load(MANIFEST)
        scripts = next(one for one in manifests if one["kind"] == "ConfigMap")["data"]
        # The repository that the pod clones, and what the pod mounts.
        repository = project.path("repository")
        for name in ("specs", "app", "root"):
            shutil.copytree(project.path(name), os.path.join(repository, name))
        for name in ("trust.yaml", "channels.yaml", "release.pub"):
            shutil.copy(project.path(name), repository)
        git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com", "-C", repository)
        for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "one")):
            subprocess.run([*git, *words], check=True, capture_output=True)
        key = project.write("keys/passphrase", PASSPHRASE["IMGFORGE_KEY_PASSPHRASE"]).parent
        shutil.copy(project.path("release.key"), key)
        settings = scripts["config.yaml"].replace("/run/secrets/imgforge/release.key", str(key / "release.key"))
        project.write(".config/imgforge/config.yaml", settings)
        os.makedirs(project.path("work"))
        digests = []
        for kind, script in (("CronJob", "nightly.sh"), ("Job", "build.sh")):
            pod = next(one for one in manifests if one["kind"] == kind)["spec"]
            pod = (pod["jobTemplate"]["spec"] if kind == "CronJob" else pod)["template"]["spec"]
            container = pod["containers"][0]
            self.assertEqual(container["command"], ["sh", "/etc/imgforge/" + script])
            named = {one["name"]: one["value"] for one in container["env"]}
            self.assertLessEqual({"REPOSITORY", "BRANCH", "SPEC", "IMAGE", "HOME", "DOCKER_CONFIG", "KEY_FOLDER", "IMGFORGE_STORE"}, set(named))
            mounted = {one["mountPath"] for one in container["volumeMounts"]}
            self.assertLessEqual({named["HOME"], named["DOCKER_CONFIG"], named["KEY_FOLDER"], named["IMGFORGE_STORE"], "/etc/imgforge"}, mounted)
            self.assertEqual({one["name"] for one in container["volumeMounts"]}, {one["name"] for one in pod["volumes"]})
            project.write(script, scripts[script])
            said = self.shell(project, ["sh", project.path(script)], cwd=project.path("work"), environment={
                "REPOSITORY": "file://" + repository, "BRANCH": named["BRANCH"], "SPEC": "specs/demo.yaml", "IMAGE": registry.host + "/ml/demo",
                "KEY_FOLDER": str(key)})
            digests.append(re.search(r"nightly is (sha256:[0-9a-f]{64})", said).group(1))
        self.assertEqual(digests[0], digests[1], "the same commit, the same image")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]], verbosity=2)
