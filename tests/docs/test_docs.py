#!/usr/bin/env python3
"""The documentation says what the program does: the reference is made from it, the command lines exist, links lead somewhere.

    test_docs.py IMGFORGE PROBE SOURCE_DIR

IMGFORGE_WRITE_GOLDENS=1 writes docs/reference/commands.md anew.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
SOURCE = pathlib.Path(SOURCE)
sys.path[:0] = [str(SOURCE / "docs/tools"), str(SOURCE / "tests/docs"), str(SOURCE / "tests/architecture")]
import command_lines  # noqa: E402  pylint: disable=wrong-import-position
import doors  # noqa: E402  pylint: disable=wrong-import-position
import reference  # noqa: E402  pylint: disable=wrong-import-position

SAID = reference.table(IMGFORGE)
PROBE_HELP = subprocess.run([PROBE, "--help"], capture_output=True, text=True, check=False).stdout
# What README.md says is not there yet may be spoken of.
PLANNED = re.findall(r"`(\w+)`", "".join(re.findall(r"^Not there yet:.*", (SOURCE / "README.md").read_text(encoding="utf-8"), re.M)))
TABLE = command_lines.Table(SAID, PROBE_HELP, PLANNED)


def documents():
    yield "README.md", (SOURCE / "README.md").read_text(encoding="utf-8")
    for folder in ("docs", "examples"):
        for path in sorted((SOURCE / folder).rglob("*")):
            if path.suffix in (".md", ".yml", ".yaml", ".sh", ".sbatch") and path.is_file():
                yield str(path.relative_to(SOURCE)), path.read_text(encoding="utf-8")
    for name in ("quickstart", "test"):
        yield name, (SOURCE / name).read_text(encoding="utf-8")


PROSE = {"describes", "sends", "verifies"}  # sentences that begin with the program's name


def advice(text):
    """(line, words) of commands in string literals of C and C++: at a literal's beginning, or in single quotes."""
    literal = r'"(?:[^"\\\n]|\\.)*"'
    for match in re.finditer(r"%s(?:\s*%s)*" % (literal, literal), text):
        joined = "".join(one[1:-1] for one in re.findall(literal, match.group(0)))
        for command in re.findall(r"(?:^|'|\\n  )imgforge ([a-z]+\b[^'\\]*)", joined):
            words = re.split(r"[;,]| {2,}|[|] | > ", command.replace("{", " ").replace("}", " "))[0].split()
            if words[0] not in PROSE:
                yield text.count("\n", 0, match.start()) + 1, words


class Reference(unittest.TestCase):
    def test_commands_page_is_what_the_program_says(self):
        page = SOURCE / "docs/reference/commands.md"
        wanted = reference.markdown(IMGFORGE)
        if os.environ.get("IMGFORGE_WRITE_GOLDENS"):
            page.write_text(wanted, encoding="utf-8")
        self.assertEqual(page.read_text(encoding="utf-8"), wanted,
                         "docs/reference/commands.md is not what the program says: run "
                         "docs/tools/reference.py build/developer/bin/imgforge markdown docs/reference/commands.md")

    def test_every_command_has_examples_that_exist(self):
        for command in SAID["commands"]:
            with self.subTest(command["name"]):
                examples = reference.read_details(command["details"]).examples
                self.assertTrue(examples, "--help shows no example")
                named = [words for example in examples for words in command_lines.commands_in(example.command)]
                self.assertTrue(any((" ".join(words) + " ").startswith(command["name"] + " ") for words in named), "no example uses the command itself")
                for words in named:
                    self.assertIsNone(TABLE.problem(command_lines.Line("", 0, words)), words)

    def test_summaries_fit_a_line_and_options_explain_themselves(self):
        for command in SAID["commands"]:
            with self.subTest(command["name"]):
                self.assertNotEqual(command["summary"], "")
                self.assertLessEqual(len(command["summary"]), 90)
                self.assertFalse([option["name"] for option in command["options"] if not option["help"]])

    def test_manual_pages_have_no_warnings(self):
        if shutil.which("groff") is None:
            print("SKIPPED: the manual pages before groff: groff is not installed")
            return
        for name, text in reference.man_pages(IMGFORGE).items():
            done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-cbou", "-K", "utf-8"], input=text, capture_output=True, text=True,
                                  check=False)
            with self.subTest(name):
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("EXIT STATUS", done.stdout)
        for command in SAID["commands"]:  # every option, spelled as it is typed
            page = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou"], input=reference.man_command(command, SAID), capture_output=True,
                                  text=True, check=True).stdout
            for option in command["options"]:
                self.assertIn("--" + option["name"], page)


class CommandLines(unittest.TestCase):
    def test_every_command_line_in_the_documents_exists(self):
        found, wrong = [], []
        for name, text in documents():
            for line in command_lines.find(name, text):
                found.append(line)
                problem = TABLE.problem(line)
                if problem:
                    wrong.append("%s:%d: %s: imgforge %s" % (line.file, line.number, problem, " ".join(line.words)))
        self.assertEqual(wrong, [])
        # The reader of documents must not have gone blind.
        self.assertGreater(len(found), 150)
        self.assertTrue({"README.md", "docs/howto/pipeline.md", "examples/gitlab/.gitlab-ci.yml"} <= {line.file for line in found})

    def test_every_command_that_the_program_advises_exists(self):
        found, wrong = [], []
        for path in sorted([*(SOURCE / "src").rglob("*.cpp"), *(SOURCE / "cuda-probe").glob("*.c")]):
            for number, words in advice(path.read_text(encoding="utf-8")):
                line = command_lines.Line(str(path.relative_to(SOURCE)), number, words, loose=True)
                found.append(line)
                problem = TABLE.problem(line)
                if problem:
                    wrong.append("%s:%d: %s: imgforge %s" % (line.file, line.number, problem, " ".join(words)))
        self.assertEqual(wrong, [])
        self.assertGreater(len(found), 60)

    def test_wrong_lines_are_found(self):
        for text in ("imgforge biuld specs/app.yaml", "imgforge build specs/app.yaml --puhs", "A=1 imgforge copy a b -Z",
                     "x | imgforge attest a --type t --predikate -", "imgforge probe image -- --no-such"):
            lines = command_lines.find("x.sh", text + "\n")
            self.assertEqual(len(lines), 1, text)
            self.assertIsNotNone(TABLE.problem(lines[0]), text)
        for text in ("imgforge build specs/app.yaml -o oci:out --json > x.json", "imgforge probe --allow-no-gpu", "imgforge info --json",
                     "imgforge probe image -- --skip libraries"):
            lines = command_lines.find("x.sh", text + "\n")
            self.assertEqual((len(lines), TABLE.problem(lines[0])), (1, None), text)


class Links(unittest.TestCase):
    def test_links_between_pages_lead_somewhere(self):
        wrong = []
        for page in [SOURCE / "README.md", *sorted((SOURCE / "docs").rglob("*.md")), *sorted((SOURCE / "examples").rglob("*.md"))]:
            text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                there = (page.parent / file) if file else page
                if not there.exists():
                    wrong.append("%s: %s is not there" % (page.relative_to(SOURCE), target))
                elif anchor and anchor not in anchors(there):
                    wrong.append("%s: %s has no such heading" % (page.relative_to(SOURCE), target))
        self.assertEqual(wrong, [])


    def test_pictures_stand_alone_and_say_what_they_show(self):
        pictures = sorted((SOURCE / "docs").rglob("*.svg"))
        self.assertTrue(pictures)
        for picture in pictures:
            with self.subTest(picture.name):
                root = xml.etree.ElementTree.parse(picture).getroot()
                names = [element.tag.rpartition("}")[2] for element in root.iter()]
                self.assertTrue({"title", "desc", "style"} <= set(names))
                self.assertFalse({"script", "image", "foreignObject"} & set(names))
                text = picture.read_text(encoding="utf-8")
                self.assertIn("prefers-color-scheme:dark", text)
                self.assertEqual(re.findall(r"(?:href=|url\()[\"']?(?!#)", text), [])
                width, height = map(float, root.get("viewBox").split()[2:])
                for element in root.iter("{http://www.w3.org/2000/svg}rect"):
                    x, y, w, h = (float(element.get(name)) for name in ("x", "y", "width", "height"))
                    self.assertTrue(x >= 0 and y >= 0 and x + w <= width and y + h <= height, element.attrib)


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def keys_of(schema):
    """Every key that a document of this schema may have."""
    keys = set()
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            keys |= set(properties)
        for value in schema.values():
            keys |= keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            keys |= keys_of(value)
    return keys


def code_words(text):
    """Words of the page that stand as code."""
    blocks = re.findall(r"```.*?```", text, re.S) + re.findall(r"`[^`\n]+`", text)
    return set(re.findall(r"[A-Za-z_][\w-]*", " ".join(blocks)))


class Formats(unittest.TestCase):
    def covered(self, schema, *pages, ignore=()):
        keys = keys_of(json.loads((SOURCE / "docs/schema" / schema).read_text(encoding="utf-8")))
        words = set().union(*(code_words((SOURCE / page).read_text(encoding="utf-8")) for page in pages))
        self.assertGreater(len(keys), 5)
        self.assertEqual(sorted(keys - words - set(ignore)), [], "%s: %s do not name these keys" % (schema, pages))

    def test_spec_page_names_every_key(self):
        self.covered("spec.schema.json", "docs/formats/spec.md")

    def test_layer_pages_name_every_key(self):
        self.covered("layer.schema.json", "docs/formats/layer-definition.md", "docs/formats/layer-kinds.md", "docs/formats/spec.md")

    def test_kinds_page_has_each_key_at_its_kind(self):
        schema = json.loads((SOURCE / "docs/schema/layer.schema.json").read_text(encoding="utf-8"))["definitions"]
        page = (SOURCE / "docs/formats/layer-kinds.md").read_text(encoding="utf-8")
        sections = {part.split("\n")[0].strip("` "): part for part in re.split(r"^## ", page, flags=re.M)[1:]}
        for name, definition in schema.items():
            if not name.startswith("kind_"):
                continue
            kind = name.removeprefix("kind_")
            with self.subTest(kind):
                self.assertIn(kind, sections)
                rows = set(re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in sections[kind].split("\n") if line.startswith("| `"))))
                wanted = set(definition["properties"]) - {"kind", "id", "title", "compression"}
                self.assertEqual(rows, wanted)
                for key in definition.get("required", []):
                    if key != "kind":
                        self.assertRegex(sections[kind], r"\| `%s`[^\n]*\*\*required\*\*" % key)

    def test_policy_pages_name_every_key(self):
        self.covered("harbor-policy.schema.json", "docs/reference/harbor-policy.md", "docs/howto/harbor.md")
        self.covered("channel-policy.schema.json", "docs/formats/channels.md")

    def test_other_files_have_a_page_with_every_key(self):
        self.covered("matrix.schema.json", "docs/reference/matrix.md", "docs/formats/spec.md", "docs/formats/layer-kinds.md")
        self.covered("env.schema.json", "docs/reference/env.md")


class Architecture(unittest.TestCase):
    def test_the_page_has_the_rooms_of_the_tree(self):
        page = (SOURCE / "docs/architecture.md").read_text(encoding="utf-8").split("## Rooms")[1].split("## What")[0]
        rooms = {path.name for path in (SOURCE / "src").iterdir() if path.is_dir()}
        self.assertEqual(set(re.findall(r"^\| `(\w+)` \|", page, re.M)), rooms)
        picture = re.search(r"^```\n(.*?)^```", page, re.M | re.S).group(1)
        lines = [line[:60].split() for line in picture.splitlines()]
        height = {room: -number for number, line in enumerate(lines) for room in line}
        self.assertEqual(set(height), rooms)
        for room, seen in doors.DOORS.items():
            for below in seen:
                self.assertLess(height[below], height[room], "%s sees %s" % (room, below))


class Examples(unittest.TestCase):
    """Specs, definitions and configurations in pages, read by the program. (Policies have tests of their own.)"""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="imgforge-docs-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "specs").mkdir()
        shutil.copytree(SOURCE / "layers", self.folder / "layers")
        for name in ("app/main.py", "requirements.txt"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text("", encoding="utf-8")

    def run_program(self, *words):
        done = subprocess.run([IMGFORGE, *words, "--json", "--store", self.folder / "store"], cwd=self.folder, capture_output=True, text=True,
                              check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)})
        return done, json.loads(done.stdout)

    def blocks(self, wanted):
        for name, text in documents():
            if name.endswith(".md"):
                for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)):
                    if re.search(wanted, block, re.M):
                        yield "%s, block %d" % (name, number), block

    def read_spec(self, name, text):
        (self.folder / "specs/page.yaml").write_text(text, encoding="utf-8")
        done, document = self.run_program("plan", "specs/page.yaml")
        with self.subTest(name):
            self.assertEqual(document.get("error", {}).get("code"), "not_found", done.stderr)  # the lock is not there; the spec was read
            self.assertIn("there is no lock", done.stderr)

    def test_specs(self):
        found = list(self.blocks(r"^image: "))
        self.assertGreaterEqual(len(found), 5)
        for name, block in found:
            self.read_spec(name, block)

    def test_single_layers(self):
        page = (SOURCE / "docs/formats/layer-kinds.md").read_text(encoding="utf-8")
        found = re.findall(r"^```yaml\n(- .*?)^```", page, re.M | re.S)
        self.assertGreaterEqual(len(found), 10)
        for block in found:
            self.read_spec(block, "imgforge: 1\nimage: page\nbuild: v1\nepoch: 0\nlayers:\n" + block)
        pieces = list(self.blocks(r"\A  - (kind|use|\{kind)"))
        self.assertGreaterEqual(len(pieces), 2)
        for name, block in pieces:
            self.read_spec(name, "imgforge: 1\nimage: page\nbuild: v1\nepoch: 0\nlayers:\n" + block)

    def test_configurations(self):
        found = list(self.blocks(r"\A# (/etc/imgforge|~/\.config/imgforge)/config\.yaml"))
        found += [one for one in self.blocks(r"^(store|vendor|archives|indexes):") if re.search("config|sources", one[0])]
        self.assertGreaterEqual(len(found), 4)
        for name, block in found:
            (self.folder / "config.yaml").write_text(block, encoding="utf-8")
            done, _ = self.run_program("cache", "du", "--config", "config.yaml")
            with self.subTest(name):
                self.assertEqual(done.returncode, 0, done.stderr)


class ExitCodes(unittest.TestCase):
    def test_page_agrees_with_the_program(self):
        page = (SOURCE / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
        rows = {}
        for code, kinds in re.findall(r"^\| (\d+) \|[^|]*\| ([^|]*)\|", page, re.M):
            for kind in re.findall(r"`(\w+)`", kinds):
                rows[kind] = int(code)
        self.assertEqual(rows, SAID["error_kinds"])
        codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page.split("## ")[0], re.M)}
        self.assertEqual(codes, {0, 1, 2, 3, 4, 5, 6, 7, 70, 130})

    def test_page_agrees_with_the_probe(self):
        page = (SOURCE / "docs/reference/exit-codes.md").read_text(encoding="utf-8").split("## The probe")[1]
        said = dict(re.findall(r"(\d) ([a-z].*?)(?=   \d|\n|$)", PROBE_HELP.split("exit codes")[1].split("examples")[0]))
        self.assertEqual(sorted(re.findall(r"^\| (\d) \|", page, re.M)), sorted(said))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
