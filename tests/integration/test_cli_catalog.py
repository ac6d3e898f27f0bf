#!/usr/bin/env python3
"""`imgforge catalog` from outside: what a registry has, as a file and as a page in a real browser.

    test_cli_catalog.py IMGFORGE PROBE SOURCE_DIR
"""
import collections
import html.parser
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import cli_project
from cli_project import Expectations
from cli_proxy import Proxy
from cli_release import Plain, ReleaseProject

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE

HOSTILE = "</dd><script>document.title='broken in'</script><img src=x onerror=\"document.title='broken in'\">"
SPEC = """\
imgforge: 1
image: demo
build: v1
epoch: 2025-05-20T00:00:00Z
layers:
  - {id: root, kind: files, from: root, dest: /, title: "a <b>root</b>"}
  - {id: app, kind: files, from: app, dest: /app}
config:
  labels: {team: "%s", quiet: ""}
""" % HOSTILE.replace('"', '\\"')


class Page(html.parser.HTMLParser):
    """Elements, ids, references and texts of a page."""
    VOID = {"meta", "br", "link", "img", "input", "hr"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.names, self.ids, self.links, self.attributes, self.text = collections.Counter(), [], [], [], []
        self.open, self.wrong = [], []
        self.feed(text)
        self.close()
        self.wrong += self.open

    def handle_starttag(self, tag, attrs):
        self.names[tag] += 1
        for name, value in attrs:
            self.attributes.append((tag, name, value))
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src"):
                self.links.append(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names[tag] += 1

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.wrong.append(tag)
        else:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def pixels(file):
    """(width, height, number of different colours) of a PNG with 8 bits per channel."""
    data = pathlib.Path(file).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
        if kind == b"IDAT":
            body += chunk
        at += size + 12
    assert depth == 8 and colour in (2, 6)
    step = 3 if colour == 2 else 4
    raw, stride, previous, seen = zlib.decompress(body), width * step, bytes(width * step), set()
    for row in range(height):
        start = row * (stride + 1)
        filter_, line = raw[start], bytearray(raw[start + 1:start + 1 + stride])
        for i in range(stride):
            left, up = (line[i - step] if i >= step else 0), previous[i]
            if filter_ == 1:
                line[i] = (line[i] + left) & 255
            elif filter_ == 2:
                line[i] = (line[i] + up) & 255
            elif filter_ == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif filter_ == 4:
                corner = previous[i - step] if i >= step else 0
                guess = left + up - corner
                best = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                line[i] = (line[i] + best) & 255
        previous = bytes(line)
        if row % 4 == 0:
            seen.update(previous[i:i + 3] for i in range(0, stride, step * 4))
    return width, height, len(seen)


def many_images():
    """A catalogue of 30 images with long names, of two kinds, for the page alone."""
    images = []
    for number in range(30):
        kind = "pytorch2.%d-cuda12.%d-debian12" % (6 + number % 2, 4 + number % 2)
        layers = [{"id": name, "kind": "files", "title": "%s of %s" % (name, whose), "digest": "sha256:%064x" % (zlib.crc32((name + whose).encode())),
                   "size": size} for name, whose, size in (("os", "all", 80), ("torch", kind, 700), ("cudnn", kind, 600), ("app", str(number), 9))]
        images.append({
            "repository": "harbor.department-with-a-long-name.example:8443/ml/perception/pytorch-cuda", "tag": "%s-v2.6.%d" % (kind, number),
            "digest": "sha256:%064x" % number, "cell": "torch=2.6", "created": "2026-01-01T00:00:00Z", "platform": "linux/amd64", "bytes": 1389,
            "components": {"torch": "2.6.0", "cuda": "12.4"}, "labels": {"a" * 80: "b" * 200}, "layers": layers,
            "channels": ["c" * 70, "nightly"] if number == 0 else [], "signers": ["release (bundle)"],
            "probes": [{"gpu": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0", "driver": "550.54.15", "sentence": "s" * 90,
                        "at": "2026-01-01T00:00:00Z", "passed": number % 3 > 0}],
            "notes": [{"severity": "warning", "code": "os-end-of-life", "sentence": "w" * 120, "remedy": "take a newer one"}]})
    moves = [{"repository": images[0]["repository"], "channel": "nightly", "action": "promote", "tag": images[n]["tag"],
              "digest": images[n]["digest"], "at": "2026-01-%02dT00:00:00Z" % (20 - n), "actor": "a" * 60, "reason": "r" * 90, "trusted": False}
             for n in range(9)]
    gaps = [{"cell": "torch=2.7-" + "g" * 60, "standing": "impossible", "reason": "no wheels"}]
    return {"catalogue": 1, "matrix": "m", "images": images, "moves": moves, "gaps": gaps}


def contrast(one, other):
    """WCAG 2.2, "contrast ratio", of two colours like #abc or #aabbcc."""
    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


class CatalogTest(Expectations, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("docker-registry") is None:
            raise unittest.SkipTest("docker-registry is not installed")
        cls.registry = Plain()
        cls.addClassCleanup(cls.registry.stop)
        cls.project = ReleaseProject(SPEC)
        cls.addClassCleanup(cls.project.remove)
        cls.name = cls.registry.host + "/ml/demo"
        project = cls.project
        for number, words in enumerate((("one",), ("two",), ("three",)), 1):
            built = project.build(cls.name, "--sign", "--attest", build="v%d" % number, main="print('%s')\n" % words[0] * 500)
        project.attest_probe(cls.name + ":v2")
        project.attest_probe(cls.name + ":v3", status="failed", cause="driver", owner="host", exit_code=4,
                             sentence="the driver is <too> old")
        for source, channel in (("v2", "nightly"), ("nightly", "v2.7-gpu"), ("v3", "nightly")):
            made = project.run("promote", "%s:%s" % (cls.name, source), channel, "--reason", "try <it> & see")
            assert made.returncode == 0, made.stderr
        assert built["tag"] == "v3"

    def catalogue(self, *words):
        return self.ok(self.project.run("catalog", self.name, "--date", "2026-01-31", *words))

    def page(self, *words):
        self.catalogue("--html", "page.html", *words)
        return pathlib.Path(self.project.path("page.html")).read_text(encoding="utf-8")

    def test_images_channels_evidence_and_lineage(self):
        seen = json.loads(self.catalogue("--json").stdout)
        images = {image["tag"]: image for image in seen["images"]}
        self.assertEqual(sorted(images), ["v1", "v2", "v3"])
        self.assertEqual(images["v2"]["channels"], ["v2.7-gpu"])
        self.assertEqual(images["v3"]["channels"], ["nightly"])
        self.assertEqual([(probe["gpu"], probe["passed"]) for probe in images["v2"]["probes"]], [("Test GPU", True)])
        self.assertEqual([(probe["gpu"], probe["passed"]) for probe in images["v3"]["probes"]], [("Test GPU", False)])
        self.assertEqual(images["v1"]["probes"], [])
        self.assertTrue(any(one.startswith("release") for one in images["v1"]["signers"]))
        self.assertEqual([layer["id"] for layer in images["v1"]["layers"]], ["root", "probe", "app", "promise"])
        shared = {layer["digest"] for layer in images["v1"]["layers"]} & {layer["digest"] for layer in images["v2"]["layers"]}
        self.assertEqual(len(shared), 2)
        moves = [(move["channel"], move["tag"], move["action"], move["actor"], move["trusted"]) for move in seen["moves"]]
        self.assertEqual(moves, [("nightly", "v3", "promote", "anna", True), ("nightly", "v2", "promote", "anna", True),
                                 ("v2.7-gpu", "v2", "promote", "anna", True)])
        table = self.catalogue().stdout
        self.assertIn("3 images, 8 different layers", table)
        # Its own file says the same again, and joins with the registry.
        self.project.write("seen.json", json.dumps(seen))
        again = json.loads(self.ok(self.project.run("catalog", "seen.json", "--json")).stdout)
        self.assertEqual(again, seen)
        both = json.loads(self.ok(self.project.run("catalog", self.name, "seen.json", "--json")).stdout)
        self.assertEqual(len(both["images"]), 3)

    def test_each_manifest_is_asked_for_once(self):
        proxy = Proxy("none")
        self.addCleanup(proxy.stop)
        project = ReleaseProject(SPEC)
        self.addCleanup(project.remove)
        name = proxy.host + "/ml/demo"
        for number in (1, 2):
            project.build(name, "--sign", build="v%d" % number, main="print(%d)\n" % number)
        self.ok(project.run("promote", name + ":v1", "nightly"))
        proxy.log()
        seen = json.loads(self.ok(project.run("catalog", name, "--json")).stdout)
        self.assertEqual((len(seen["images"]), len(seen["moves"])), (2, 1))
        asked = collections.Counter(line for line in proxy.log() if line.startswith("GET ") and "/manifests/sha256:" in line)
        self.assertGreaterEqual(len(asked), 2)
        self.assertEqual({path: count for path, count in asked.items() if count > 1}, {})

    def test_the_page_is_whole_stands_alone_and_is_the_same_again(self):
        text = self.page("--title", "GPU <images>")
        self.assertEqual(text, self.page("--title", "GPU <images>"))
        page = Page(text)
        self.assertEqual(page.wrong, [])
        self.assertEqual((page.names["script"], page.names["img"], page.names["link"], page.names["iframe"]), (0, 0, 0, 0))
        self.assertEqual((page.names["article"], page.names["h1"], page.names["main"]), (3, 1, 1))
        self.assertEqual([link for link in page.links if not link.startswith("#")], [])
        self.assertNotRegex(text, r"url\(|@import|https?://")
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertTrue({link[1:] for link in page.links} <= set(page.ids))
        self.assertEqual([one for one in page.attributes if one[1].startswith("on") or one[1] == "style"], [])
        words = " ".join(page.text)
        for expected in (HOSTILE, "GPU <images>", "a <b>root</b>", "try <it> & see", "the driver is <too> old"):
            self.assertIn(expected, words)
        for tag, name, value in page.attributes:
            if name == "aria-labelledby":
                self.assertIn(value, page.ids)
        self.assertEqual(sum(1 for one in page.attributes if one[:2] == ("svg", "aria-label")), 3)

    def test_text_can_be_read_in_both_schemes(self):
        schemes = re.findall(r":root\{(.*?)\}", self.page(), re.S)
        self.assertEqual(len(schemes), 2)
        for scheme in schemes:
            colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", scheme))
            for ink in ("ink", "dim", "link"):
                for paper in ("bg", "card"):
                    self.assertGreaterEqual(contrast(colours[ink], colours[paper]), 4.5, (ink, paper))
            for mark in ("good", "warn", "bad", "info"):
                self.assertGreaterEqual(contrast(colours[mark], colours[mark + "-bg"]), 4.5, mark)
            for piece in [name for name in colours if re.fullmatch(r"c\d|more", name)]:
                # WCAG 2.2, 1.4.11: what a picture says, 3 to 1.
                self.assertGreaterEqual(contrast(colours[piece], colours["bg"]), 3, piece)

    def test_words_that_make_no_sense(self):
        self.fails(self.project.run("catalog"), 2, "which repositories")
        self.fails(self.project.run("catalog", self.name + ":v1"), 2, "without a tag")
        self.project.write("broken.json", "{\"catalogue\": 7}")
        self.fails(self.project.run("catalog", "broken.json"), 1, "broken.json")
        self.project.write("other.json", "{")
        self.assertNotEqual(self.project.run("catalog", "other.json").returncode, 0)
        self.ok(self.project.run("catalog", self.name, "--html", "never.html", "--dry-run"))
        self.assertFalse(os.path.exists(self.project.path("never.html")))


class BrowserTest(CatalogTest):
    """The page in Chromium. The tests above are not run again."""
    test_images_channels_evidence_and_lineage = test_each_manifest_is_asked_for_once = None
    test_the_page_is_whole_stands_alone_and_is_the_same_again = test_text_can_be_read_in_both_schemes = test_words_that_make_no_sense = None

    @classmethod
    def setUpClass(cls):
        if shutil.which("chromium") is None:
            print("SKIPPED: the catalogue's page in a browser: chromium is not installed")
            raise unittest.SkipTest("chromium is not installed")
        super().setUpClass()

    def browse(self, address, *words):
        home = tempfile.mkdtemp(prefix="imgforge-chromium-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                               "--disable-background-networking", "--disable-component-update", "--user-data-dir=" + home,
                               "--enable-logging=stderr", *words, address],
                              capture_output=True, text=True, timeout=120, check=False, env={"PATH": "/usr/bin:/bin", "HOME": home})
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertEqual([line for line in done.stderr.splitlines() if "CONSOLE" in line], [])
        return done.stdout

    def test_in_a_browser(self):
        text = self.page()
        address = "file://" + self.project.path("page.html")
        dom = Page(self.browse(address, "--dump-dom"))
        self.assertEqual((dom.names["script"], dom.names["img"], dom.names["article"]), (0, 0, 3))
        self.assertIn("Images", dom.text)
        keep = os.environ.get("IMGFORGE_TEST_PICTURES")
        folder = keep or self.project.folder
        colours = {}
        for scheme, number in (("dark", 0), ("light", 1)):
            picture = os.path.join(folder, "catalogue-%s.png" % scheme)
            self.browse(address, "--screenshot=" + picture, "--window-size=1200,1600", "--hide-scrollbars",
                        "--blink-settings=preferredColorScheme=%d" % number)
            width, height, different = pixels(picture)
            self.assertEqual(width, 1200)
            self.assertGreater(different, 20, scheme)
            colours[scheme] = pathlib.Path(picture).read_bytes()
        self.assertNotEqual(colours["dark"], colours["light"])
        # On a phone what is said of the label stays text, and the bars have the whole width.
        found = self.measure(text, 360)
        self.assertLessEqual(found["wide"], found["window"])
        self.assertEqual((found["title"], found["pieces"]), ("Images", 12))
        self.assertTrue(all(300 < bar <= 360 for bar in found["bars"]), found)
        if keep:
            self.browse(address, "--screenshot=" + os.path.join(folder, "catalogue-phone.png"), "--window-size=500,2400", "--hide-scrollbars")

    def measure(self, text, width):
        """What a browser makes of the page in a frame of that width: a window is never narrower than 500."""
        frame = text.replace("&", "&amp;").replace('"', "&quot;")
        self.project.write("phone.html", "<!doctype html><title>waiting</title><iframe id=f width=%d height=2000 srcdoc=\"%s\"></iframe>"
                           "<pre id=out></pre><script>f.onload = () => { const d = f.contentDocument, e = d.documentElement;"
                           "const all = [...d.querySelectorAll('main *, header *')].filter(x => !x.closest('svg') && x.getClientRects().length);"
                           "out.textContent = JSON.stringify({wide: e.scrollWidth, window: f.contentWindow.innerWidth, title: d.title,"
                           "bars: [...d.querySelectorAll('.bar svg')].map(s => Math.round(s.getBoundingClientRect().width)),"
                           "outside: all.filter(x => x.getBoundingClientRect().right > e.clientWidth + 1).map(x => x.className || x.tagName),"
                           "heads: [...d.querySelectorAll('thead')].filter(x => x.getBoundingClientRect().width > 1).length,"
                           "pieces: d.querySelectorAll('.bar rect').length}); };</script>" % (width, frame))
        shown = self.browse("file://" + self.project.path("phone.html"), "--dump-dom", "--virtual-time-budget=5000", "--window-size=1600,2400")
        return json.loads(re.search("<pre id=\"out\">(.*?)</pre>", shown).group(1))

    def test_many_images_fit_every_width(self):
        self.project.write("many.json", json.dumps(many_images()))
        self.ok(self.project.run("catalog", "many.json", "--date", "2026-01-31", "--html", "many.html"))
        text = pathlib.Path(self.project.path("many.html")).read_text(encoding="utf-8")
        self.assertEqual(Page(text).wrong, [])
        for width in (320, 390, 768, 800, 1024, 1280):
            found = self.measure(text, width)
            with self.subTest(width):
                self.assertLessEqual(found["wide"], found["window"])
                self.assertEqual(found["outside"], [])
                self.assertEqual((len(found["bars"]), found["pieces"]), (30, 120))
                # Heads of columns stand over the columns, or each line says its own.
                self.assertEqual(found["heads"], 0 if width <= 768 else 4)


if __name__ == "__main__":
    if shutil.which("docker-registry") is None:
        print("SKIPPED: catalogues of a registry: docker-registry is not installed")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
