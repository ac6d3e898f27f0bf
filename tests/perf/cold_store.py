#!/usr/bin/env python3
"""A store with the inputs of another and its executed layers, but without those that are computed.

  cold_store.py IMGFORGE SPEC STORE NEW_STORE
"""

import json
import os
import subprocess
import sys


def main(imgforge, spec, store, new):
    plan = json.loads(subprocess.run([imgforge, "plan", spec, "--store", store, "--json"], check=True,
                                     stdout=subprocess.PIPE).stdout)
    subprocess.run([imgforge, "cache", "du", "--store", new], check=True, stdout=subprocess.DEVNULL)
    for name in os.listdir(os.path.join(store, "inputs/sha256")):
        os.link(os.path.join(store, "inputs/sha256", name), os.path.join(new, "inputs/sha256", name))
    for layer in plan["layers"]:
        if not layer["executed"]:
            continue
        record = "layers/" + layer["key"] + ".json"
        with open(os.path.join(store, record)) as file:
            digest = json.load(file)["blob"]["digest"].split(":")[1]
        os.link(os.path.join(store, record), os.path.join(new, record))
        os.link(os.path.join(store, "blobs/sha256", digest), os.path.join(new, "blobs/sha256", digest))


main(*sys.argv[1:])
