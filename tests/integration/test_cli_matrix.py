#!/usr/bin/env python3
"""`imgforge matrix` from outside: cells and their locks, shared layers built once, jobs that other programs accept, a catalogue.

    test_cli_matrix.py IMGFORGE PROBE SOURCE_DIR [ENVIRONMENT]

ENVIRONMENT: a folder for the validators of tests/requirements/pipelines.txt.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import cli_project
import python_tools
from cli_project import Expectations, Project, Registry

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE
ENVIRONMENT = sys.argv[4] if len(sys.argv) > 4 else os.path.join(os.path.dirname(os.path.dirname(IMGFORGE)), "pipeline-validators")

FILE = "specs/demo.matrix.yaml"
MATRIX = """\
imgforge: 1
matrix: demo
axes:
  model: [a1, a2, a3]
  data: [b1, {value: b2, with: {level: "7"}}]
exclude:
  - where: {model: a3, data: b2}
    reason: nobody trains that
jobs:
  options: [--push, --layer-cache, ml/cache]
  image: harbor.example/ml/imgforge:1
  claim: project
  secret: key
  registry_secret: login
  share_from: 0
spec:
  imgforge: 1
  image: demo-${model}
  build: v1_${data}
  epoch: 2025-05-20T00:00:00Z
  layers:
    - {id: root, kind: files, from: root, dest: /}
    - {id: model, kind: files, from: "${model}", dest: /model}
    - {id: data, kind: files, from: "${data}", dest: /data}
  config:
    env: {LEVEL: "${level}"}
"""
CELLS = ["a1-b1", "a1-b2", "a2-b1", "a2-b2", "a3-b1"]
GPU = """\
imgforge: 1
matrix: gpu
axes: {cuda: ["12.4", "12.1"], python: ["3.11", "3.14"]}
spec:
  imgforge: 1
  image: gpu
  build: v1_py${python|digits}_cu${cuda|digits}
  epoch: 2025-05-20T00:00:00Z
  layers: [{id: root, kind: files, from: root, dest: /}]
  components: {torch: "2.6", cuda: "${cuda}", python: "${python}"}
"""


class MatrixTest(Expectations, unittest.TestCase):
    def project(self, matrix=MATRIX, locked=True):
        project = Project()
        self.addCleanup(project.remove)
        project.write(FILE, matrix)
        for name in ("a1", "a2", "a3", "b1", "b2"):
            project.write(name + "/file", name * 1000 + "\n")
        if locked:
            self.ok(project.run("matrix", FILE, "--lock"))
        return project

    def json(self, result):
        return json.loads(self.ok(result).stdout)


class Cells(MatrixTest):
    def test_cells_their_locks_and_their_addresses(self):
        project = self.project(locked=False)
        plan = self.json(project.run("matrix", FILE, "--json"))
        self.assertEqual([cell["cell"] for cell in plan["cells"]], CELLS + ["a3-b2"])
        self.assertEqual({cell["standing"] for cell in plan["cells"]}, {"not locked", "excluded"})
        self.assertEqual(plan["cells"][-1]["reason"], "nobody trains that")
        self.fails(project.run("matrix", FILE, "--locked"), 7, "a1-b1", "--lock")
        self.fails(project.run("matrix", FILE, "--format", "gitlab"), 7, "--lock")

        self.ok(project.run("matrix", FILE, "--lock", "--dry-run"))
        self.assertEqual([name for name in os.listdir(project.path("specs")) if name.endswith(".lock.json")], [])
        locked = self.json(project.run("matrix", FILE, "--lock", "--json"))
        self.assertEqual([row["what"] for row in locked["cells"]], ["locked"] * 5 + ["excluded"])
        self.assertEqual(locked["cells"][0]["lock"], "specs/demo.matrix.a1-b1.lock.json")
        self.assertTrue(all(os.path.exists(project.path("specs/demo.matrix.%s.lock.json" % cell)) for cell in CELLS))
        again = self.json(project.run("matrix", FILE, "--lock", "--json"))
        self.assertEqual({row["what"] for row in again["cells"]}, {"unchanged", "excluded"})
        self.ok(project.run("matrix", FILE, "--locked"))

        # Every command takes a cell like a spec.
        self.ok(project.run("plan", FILE + "#a1-b2"))
        built = self.json(project.run("build", FILE + "#a1-b2", "--json"))
        self.assertEqual((built["image"], built["tag"]), ("demo-a1", "v1_b2"))
        self.fails(project.run("build", FILE + "#a1-b3"), 3, "a1-b1")
        self.fails(project.run("build", FILE + "#a3-b2"), 7, "nobody trains that")
        self.fails(project.run("build", FILE), 2, "imgforge matrix")
        self.fails(project.run("matrix", "specs/demo.yaml"), 2, "one image")

        # Another value for one axis makes no other lock stale; a change of the template makes all of them.
        project.write(FILE, MATRIX.replace("model: [a1, a2, a3]", "model: [a1, a2, a3, root]"))
        plan = self.json(project.run("matrix", FILE, "--json"))
        self.assertEqual([cell["cell"] for cell in plan["cells"] if cell["standing"] == "not locked"], ["root-b1", "root-b2"])
        project.write(FILE, MATRIX.replace("dest: /data", "dest: /date"))
        plan = self.json(project.run("matrix", FILE, "--json"))
        self.assertEqual({cell["standing"] for cell in plan["cells"]}, {"stale lock", "excluded"})

    def test_impossible_cells_say_why_and_what_to_do(self):
        project = self.project(GPU, locked=False)
        result = self.ok(project.run("matrix", FILE, "--json"))
        cells = {cell["cell"]: cell for cell in json.loads(result.stdout)["cells"]}
        self.assertEqual({name: cell["standing"] for name, cell in cells.items()},
                         {"cuda12.4-python3.11": "not locked", "cuda12.4-python3.14": "impossible",
                          "cuda12.1-python3.11": "impossible", "cuda12.1-python3.14": "impossible"})
        self.assertIn("does not exist for CUDA 12.1", cells["cuda12.1-python3.11"]["reason"])
        self.assertIn("12.4", cells["cuda12.1-python3.11"]["remedy"])
        self.assertIn("Python 3.14 is too new", cells["cuda12.4-python3.14"]["reason"])
        self.assertIn("cuda12.4-python3.14 is left out", result.stderr)

    def test_mistakes_have_a_place(self):
        project = self.project(locked=False)
        for before, after, code, *texts in [
                ("model: [a1, a2, a3]", "model: [a1, a1]", 2, "demo.matrix.yaml:4", "twice"),
                ("where: {model: a3", "where: {modell: a3", 2, "demo.matrix.yaml:7", "no axis"),
                ("data: b2}", "data: b4}", 2, "demo.matrix.yaml:7", "did you mean"),
                ("from: root", "form: root", 2, "demo.matrix.yaml:22", "form"),
                ("${model}\", dest", "${modell}\", dest", 2, "demo.matrix.yaml:23", "${model}"),
                ("build: v1_${data}", "build: v1", 2, "would both be")]:
            with self.subTest(after=after):
                self.assertIn(before, MATRIX)
                project.write(FILE, MATRIX.replace(before, after))
                if code == 2 and "would both" in texts[0]:
                    self.ok(project.run("matrix", FILE, "--lock", "-c", "a1-b1"))
                    self.ok(project.run("matrix", FILE, "--lock", "-c", "a1-b2"))
                self.fails(project.run("matrix", FILE), code, *texts)

    def test_words_that_make_no_sense(self):
        project = self.project()
        self.fails(project.run("matrix"), 2, "FILE")
        self.fails(project.run("matrix", FILE, "--run", "--lock"), 2, "one at a time")
        self.fails(project.run("matrix", FILE, "--format", "gitlap"), 2, "gitlab")
        self.fails(project.run("matrix", FILE, "--push"), 2, "--run")
        for option in ("--bump", "--keep-inputs"):
            self.fails(project.run("matrix", FILE, "--run", option), 2, "--push " + option)
        self.fails(project.run("matrix", FILE, "--run", "--jobs", "0"), 2, "1 to 256")
        self.fails(project.run("matrix", FILE, "--cell", "a1-b9"), 3, "a1-b")
        self.fails(project.run("matrix", FILE, "--catalog", "x.json"), 2, "--run")
        project.write(FILE, MATRIX.replace("--push,", "--psuh,"))
        self.fails(project.run("matrix", FILE, "--format", "gitlab"), 2, "psuh", "jobs.options")
        project.write(FILE, MATRIX.replace("  claim: project\n", ""))
        self.fails(project.run("matrix", FILE, "--format", "tekton"), 2, "jobs.claim")


class Running(MatrixTest):
    def events(self, result):
        out = []
        for line in result.stderr.splitlines():
            if line.startswith("{"):
                out.append(json.loads(line))
        return out

    def test_every_shared_layer_is_built_once(self):
        project = self.project()
        plan = self.json(project.run("matrix", FILE, "--json"))
        result = self.ok(project.run("matrix", FILE, "--run", "-j", "5", "--progress", "json", "--json",
                                     "--catalog", "out.json"))
        done = json.loads(result.stdout)
        self.assertEqual([cell["cell"] for cell in done["cells"]], CELLS)
        # By the events: as many layers are built as there are different ones, each key once.
        built = [event["subject"] for event in self.events(result)
                 if event["event"] == "finish" and event["verb"] == "build" and event["outcome"] == "built" and " " in event["subject"]]
        self.assertEqual(len(built), plan["layers"], built)
        self.assertLess(plan["layers"], plan["layers_of_cells"])
        names = [subject.split(" ")[1] for subject in built]
        for layer, times in {"root": 1, "probe": 1, "model": 3, "data": 2, "promise": 5}.items():
            self.assertEqual(names.count(layer), times, built)
        self.assertEqual(done["layers_built"], plan["layers"])
        # Again: nothing is built.
        self.assertEqual(self.json(project.run("matrix", FILE, "--run", "--json"))["layers_built"], 0)

        catalogue = json.loads(pathlib.Path(project.path("out.json")).read_text(encoding="utf-8"))
        self.assertEqual([image["cell"] for image in catalogue["images"]], CELLS)
        self.assertEqual([(gap["cell"], gap["standing"]) for gap in catalogue["gaps"]], [("a3-b2", "excluded")])
        for image, cell in zip(catalogue["images"], done["cells"]):
            self.assertEqual((image["digest"], image["tag"]), (cell["digest"], cell["tag"]))
            self.assertEqual(image["bytes"], sum(layer["size"] for layer in image["layers"]))
        # The same as each cell alone, in an empty store.
        alone = self.json(project.run("build", FILE + "#a2-b2", "--json", "--store", project.path("other")))
        self.assertEqual(alone["digest"], done["cells"][3]["digest"])

    def test_a_failed_cell_stops_no_other(self):
        project = self.project()
        shutil.rmtree(project.path("a2"))
        result = project.run("matrix", FILE, "--run", "-j", "2", "--json", "--catalog", "out.json")
        self.assertNotEqual(result.returncode, 0)
        done = {cell["cell"]: cell for cell in json.loads(result.stdout)["cells"]}
        self.assertEqual(sorted(name for name, cell in done.items() if "error" in cell), ["a2-b1", "a2-b2"])
        self.assertEqual(result.returncode, done["a2-b1"]["error"]["exit_code"])
        self.assertIn("a2", done["a2-b1"]["error"]["message"])
        catalogue = json.loads(pathlib.Path(project.path("out.json")).read_text(encoding="utf-8"))
        self.assertEqual(sorted(image["cell"] for image in catalogue["images"]), ["a1-b1", "a1-b2", "a3-b1"])
        self.assertEqual(sorted(gap["cell"] for gap in catalogue["gaps"]), ["a2-b1", "a2-b2", "a3-b2"])

    def test_runners_with_empty_disks_share_layers_through_the_registry(self):
        if shutil.which("docker-registry") is None:
            print("SKIPPED: matrix through a registry: docker-registry is not installed")
            self.skipTest("docker-registry is not installed")
        registry = Registry()
        self.addCleanup(registry.stop)
        matrix = MATRIX.replace("  epoch:", "  registry: %s/ml/${model}\n  epoch:" % registry.host)
        project = self.project(matrix)
        plan = self.json(project.run("matrix", FILE, "--json"))
        self.assertGreater(plan["stages"], 1)
        made = set()
        for stage in range(1, plan["stages"] + 1):
            for cell in [one for one in plan["cells"] if one.get("stage") == stage]:
                # A runner of its own: what the generated job runs, with an empty store.
                store = project.path("store-" + cell["cell"])
                result = self.json(project.run("build", cell["spec"], "--push", "--layer-cache", "ml/cache", "--json",
                                               "--store", store))
                keys = {layer["id"]: layer["key"] for layer in cell["layers"]}
                for layer in result["layers"]:
                    if not layer["reused"]:
                        self.assertNotIn(keys[layer["id"]], made, "%s of %s was built before" % (layer["id"], cell["cell"]))
                        made.add(keys[layer["id"]])
        self.assertEqual(len(made), plan["layers"])
        again = self.json(project.run("matrix", FILE, "--run", "--push", "--layer-cache", "ml/cache", "--json"))
        self.assertTrue(all(cell["there_already"] for cell in again["cells"]))


class Jobs(MatrixTest):
    @classmethod
    def setUpClass(cls):
        cls.tools = python_tools.environment(ENVIRONMENT, os.path.join(SOURCE, "tests/requirements/pipelines.txt"))

    def tool(self, name, *words):
        if self.tools is None:
            print("SKIPPED: generated pipelines against published schemas: tests/requirements/pipelines.txt cannot be installed")
            self.skipTest("the validators cannot be installed")
        done = subprocess.run([str(self.tools / name), *words], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def yaml(self, text):
        """Documents of a YAML text, by PyYAML of the environment."""
        if self.tools is None:
            self.skipTest("the validators cannot be installed")
        done = subprocess.run([str(self.tools / "python"), "-c",
                               "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))"],
                              input=text, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def generate(self, project, form, *words):
        return self.ok(project.run("matrix", FILE, "--format", form, *words)).stdout

    def check_order(self, plan, stages):
        """Each shared layer is made in an earlier stage than it is used, by one cell."""
        stage_of = {cell: number for number, cells in enumerate(stages) for cell in cells}
        self.assertEqual(sorted(stage_of), CELLS)
        for layer in plan["shared_layers"]:
            maker = layer["made_first_by"]
            for cell in layer["cells"]:
                self.assertTrue(cell == maker or stage_of[cell] > stage_of[maker], (layer["id"], cell))

    def test_gitlab(self):
        project = self.project()
        plan = self.json(project.run("matrix", FILE, "--json"))
        text = self.generate(project, "gitlab")
        self.assertEqual(text, self.generate(project, "gitlab"))
        project.write("cells.gitlab-ci.yml", text)
        self.tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", project.path("cells.gitlab-ci.yml"))
        for name in ("matrix.gitlab-ci.yml", "nightly.gitlab-ci.yml"):
            self.tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", os.path.join(SOURCE, "examples/gitlab", name))
        document = self.yaml(text)[0]
        jobs = {name: job for name, job in document.items() if name.startswith("cell ")}
        self.assertEqual(document[".imgforge-cell"]["script"], ['imgforge build "$IMGFORGE_CELL" --push --layer-cache ml/cache'])
        self.check_order(plan, [[name[5:] for name, job in jobs.items() if job["stage"] == stage] for stage in document["stages"]])
        for job in jobs.values():
            for need in job["needs"]:
                self.assertLess(document["stages"].index(jobs[need["job"]]["stage"]), document["stages"].index(job["stage"]))

    def test_github(self):
        project = self.project()
        plan = self.json(project.run("matrix", FILE, "--json"))
        text = self.generate(project, "github")
        self.assertEqual(text.count("\n"), 1)  # one line: the value of an output
        document = json.loads(text)
        stages = [document["stage_%d" % (number + 1)]["include"] for number in range(document["stages"])]
        self.check_order(plan, [[row["cell"] for row in rows] for rows in stages])
        self.assertEqual(stages[0][0]["spec"], FILE + "#" + stages[0][0]["cell"])
        self.assertEqual({"cell", "spec", "model", "data"}, set(stages[0][0]))
        two = self.ok(project.run("matrix", FILE, "--format", "github", "--stages", "1"))
        self.assertEqual(json.loads(two.stdout)["stages"], 1)
        self.assertIn("made by several jobs", two.stderr)
        self.tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", os.path.join(SOURCE, "examples/github/matrix.yml"))

    def test_kubernetes(self):
        project = self.project()
        plan = self.json(project.run("matrix", FILE, "--json"))
        text = self.generate(project, "kubernetes", "--jobs", "2")
        project.write("jobs.yaml", text)
        self.tool("kubernetes-validate", "--strict", project.path("jobs.yaml"))
        cells, *jobs = self.yaml(text)
        self.assertEqual([job["spec"]["suspend"] for job in jobs], [False] + [True] * (len(jobs) - 1))
        stages = []
        for number, job in enumerate(jobs, 1):
            addresses = [cells["data"]["stage-%d.%d" % (number, i)] for i in range(job["spec"]["completions"])]
            stages.append([address.strip().partition("#")[2] for address in addresses])
            self.assertLessEqual(job["spec"]["parallelism"], 2)
            # The container's own words, with a program in imgforge's place and the ConfigMap as a folder.
            container = job["spec"]["template"]["spec"]["containers"][0]
            for key, value in cells["data"].items():
                project.write("cells/" + key, value)
            project.write("bin/imgforge", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
            os.chmod(project.path("bin/imgforge"), 0o755)
            command = [word.replace("/cells/", project.path("cells") + "/") for word in container["command"]]
            for index, address in enumerate(addresses):
                said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20,
                                      env={"PATH": project.path("bin") + ":/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(index)})
                self.assertEqual(said.stdout.split("\n")[:4], ["build", address.strip(), "--push", "--layer-cache"])
        self.check_order(plan, stages)

    def test_tekton(self):
        # There is no published schema of Tekton's to be had from a registry of packages: what its documentation of
        # PipelineRun (v1) asks for is checked here by hand.
        project = self.project()
        plan = self.json(project.run("matrix", FILE, "--json"))
        document = self.yaml(self.generate(project, "tekton"))[0]
        self.assertEqual((document["apiVersion"], document["kind"]), ("tekton.dev/v1", "PipelineRun"))
        self.assertEqual(set(document["metadata"]), {"generateName", "labels"})
        tasks = document["spec"]["pipelineSpec"]["tasks"]
        declared = {one["name"] for one in document["spec"]["pipelineSpec"]["workspaces"]}
        self.assertEqual({one["name"] for one in document["spec"]["workspaces"]}, declared)
        for task, before in zip(tasks, [None] + tasks):
            self.assertEqual(task.get("runAfter"), [before["name"]] if before else None)
            params = {one["name"] for one in task["matrix"]["params"]}
            self.assertEqual(params, {one["name"] for one in task["taskSpec"]["params"]})
            self.assertTrue({one["workspace"] for one in task["workspaces"]} <= declared)
            volumes = {one["name"] for one in task["taskSpec"]["volumes"]}
            for step in task["taskSpec"]["steps"]:
                self.assertTrue({one["name"] for one in step["volumeMounts"]} <= volumes)
                self.assertTrue(step["script"].startswith("#!/bin/sh"))
                for reference in re.findall(r"\$\(([^)]*)\)", json.dumps(step)):
                    self.assertIn(reference, {"params.cell", "workspaces.project.path"})
        self.check_order(plan, [[value.partition("#")[2] for value in task["matrix"]["params"][0]["value"]] for task in tasks])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
