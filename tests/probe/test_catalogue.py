"""docs/probe.md's failure catalogue against the tests: every row has one, which asserts what the row says.

    test_catalogue.py SOURCE_DIR

A row without a test, a test that is not there or does not speak of the row's verdict, a cause that no
document or no test knows: each fails here.
"""

import ast
import pathlib
import re
import sys
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
DOCUMENT = (SOURCE / "docs/probe.md").read_text()
TESTS = SOURCE / "tests/probe"
ROWS = 30


def section(title):
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)
    assert found, f"docs/probe.md has no section {title}"
    return found.group(1)


def table(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def methods():
    """Of every test module here: its test methods' source text, with what setUp says."""
    found = {}
    for path in sorted(TESTS.glob("test_*.py")):
        text = path.read_text()
        for part in ast.parse(text).body:
            if isinstance(part, ast.ClassDef):
                for one in part.body:
                    if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                        found[f"{path.stem[5:]}.{part.name}.{one.name}"] = ast.get_source_segment(text, one)
    return found


METHODS = methods()


class Catalogue(unittest.TestCase):
    def setUp(self):
        self.rows = table(section("Failure catalogue"))

    def test_every_row_is_there_once(self):
        self.assertEqual([row[0] for row in self.rows], [str(i) for i in range(1, ROWS + 1)])

    def test_every_row_has_a_test_that_asserts_its_verdict(self):
        for number, symptom, causes, _, tests in self.rows:
            with self.subTest(row=number, symptom=symptom):
                self.assertTrue(quoted(tests), "no test")
                texts = []
                for name in quoted(tests):
                    if "/" in name:  # another kind of test: the file, and a word in it
                        path, _, word = name.partition("::")
                        self.assertTrue((SOURCE / path).exists(), path)
                        texts.append((SOURCE / path).read_text())
                        self.assertTrue(word in texts[-1], name)
                    else:
                        self.assertTrue(name in METHODS, f"there is no test {name}")
                        texts.append(METHODS[name])
                for cause in quoted(causes):
                    self.assertTrue(any(f'"{cause}"' in text for text in texts), f"no test asserts {cause}")

    def test_no_two_rows_have_the_same_verdict(self):
        """Told apart: the first cause of a row belongs to this row alone."""
        first = [quoted(row[2])[0] for row in self.rows if quoted(row[2])]
        self.assertEqual(sorted(first), sorted(set(first)))


class Causes(unittest.TestCase):
    def setUp(self):
        self.documented = {cause for row in table(section("Causes")) for cause in quoted(row[0])}
        code = "".join(path.read_text() for path in sorted((SOURCE / "cuda-probe").glob("*.c")))
        calls = re.findall(r"verdict_(?:add|note)\(\s*verdict,((?:[^;]|\n)*?);", code)
        self.known = set()
        for call in calls:
            head = re.sub(r"\bwhy\b.*", "", call, flags=re.S)
            # The cause is the first text of one word: sentences have spaces.
            words = re.findall(r'"([a-z]+(?:-[a-z]+)*)"', head)
            self.assertTrue(words, call)
            self.known.update(word for word in words[:2] if "-" in word or word in ("crash", "ecc", "uvm"))

    def test_documented_are_known_and_known_are_documented(self):
        self.assertGreater(len(self.known), 40)
        self.assertEqual(self.known - self.documented, set(), "not in docs/probe.md")
        self.assertEqual(self.documented - self.known, set(), "in docs/probe.md alone")

    def test_every_cause_is_asserted_by_a_test(self):
        text = "\n".join(METHODS.values())
        self.assertEqual([cause for cause in sorted(self.known) if f'"{cause}"' not in text], [])


if __name__ == "__main__":
    unittest.main()
