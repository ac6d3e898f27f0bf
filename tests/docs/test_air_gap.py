#!/usr/bin/env python3
"""docs/howto/air-gap.md: inputs that are carried build the same image where nothing answers; images that are carried keep their signatures.

    test_air_gap.py IMGFORGE PROBE SOURCE_DIR
"""
import functools
import http.server
import io
import json
import os
import shutil
import sys
import tarfile
import threading
import unittest

IMGFORGE, PROBE, SOURCE = (os.path.abspath(argument) for argument in sys.argv[1:4])
sys.path.insert(0, os.path.join(SOURCE, "tests/integration"))
import cli_project  # noqa: E402  pylint: disable=wrong-import-position
from cli_project import SPEC, Expectations, Project  # noqa: E402  pylint: disable=wrong-import-position
from cli_release import Plain, ReleaseProject  # noqa: E402  pylint: disable=wrong-import-position

cli_project.IMGFORGE, cli_project.PROBE = IMGFORGE, PROBE


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class AirGap(Expectations, unittest.TestCase):
    def serve(self, folder):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def stop():
            server.shutdown()
            thread.join()
            server.server_close()
        return server.server_address[1], stop

    def test_inputs_that_are_carried_build_the_same_image(self):
        project = Project()
        self.addCleanup(project.remove)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo("tool-1.0/bin/tool")
            entry.size, entry.mode = 5, 0o755
            tar.addfile(entry, io.BytesIO(b"tool\n"))
        project.write("served/tool.tar.gz", archive.getvalue())
        port, stop = self.serve(project.path("served"))
        try:
            project.write("specs/demo.yaml", SPEC.replace("config:", "  - {id: tool, kind: archive, url: \"http://127.0.0.1:%d/tool.tar.gz\", "
                                                          "strip: 1, dest: /opt/tool}\nconfig:" % port))
            self.ok(project.run("lock", "specs/demo.yaml"))
            self.ok(project.run("fetch", "specs/demo.yaml", "--vendor", "vendor"))
            outside = json.loads(self.ok(project.run("build", "specs/demo.yaml", "--json")).stdout)
        finally:
            stop()
        empty = ("--store", project.path("inside"))
        # Without the folder the input is to be had nowhere: the network is really gone.
        self.assertNotEqual(project.run("build", "specs/demo.yaml", *empty).returncode, 0)
        project.write("config.yaml", "vendor: [%s]\n" % project.path("vendor"))
        self.ok(project.run("lock", "specs/demo.yaml", "--locked", *empty, "--config", "config.yaml"))
        inside = json.loads(self.ok(project.run("build", "specs/demo.yaml", "--json", *empty, "--config", "config.yaml")).stdout)
        self.assertEqual(inside["digest"], outside["digest"])
        # What was damaged on the way is not taken.
        for folder, _, names in os.walk(project.path("vendor/sha256")):
            for name in names:
                with open(os.path.join(folder, name), "r+b") as file:
                    file.write(b"X")
        self.assertNotEqual(project.run("build", "specs/demo.yaml", "--store", project.path("third"), "--config", "config.yaml").returncode, 0)

    def test_images_that_are_carried_keep_their_signatures(self):
        if shutil.which("docker-registry") is None:
            print("SKIPPED: images across an air gap: docker-registry is not installed")
            self.skipTest("no docker-registry")
        outside, inside = Plain(), Plain()
        self.addCleanup(outside.stop)
        self.addCleanup(inside.stop)
        project = ReleaseProject()
        self.addCleanup(project.remove)
        built = project.build(outside.host + "/ml/app", "--sign", "--attest")
        self.ok(project.run("copy", "%s/ml/app:%s" % (outside.host, built["tag"]), "oci:carry/app:v2.6-lts", "--referrers"))
        target = inside.host + "/ml/app:v2.6-lts"
        self.ok(project.run("copy", "oci:carry/app:v2.6-lts", target, "--referrers"))
        verified = json.loads(self.ok(project.run("verify", target, "--key", "release.pub", "--json")).stdout)
        self.assertEqual((verified["accepted"], verified["digest"]), (True, built["digest"]))
        self.assertGreaterEqual(len(verified["attestations"]), 3)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
