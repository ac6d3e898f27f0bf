#!/usr/bin/env python3
"""An OCI layout with an image of one layer of a built spec; its name is "image".

  one_layer.py IMGFORGE SPEC STORE TITLE LAYOUT     the layer whose title begins with "TITLE "
"""

import hashlib
import json
import os
import subprocess
import sys


def main(imgforge, spec, store, title, layout):
    plan = json.loads(subprocess.run([imgforge, "plan", spec, "--store", store, "--json"], check=True,
                                     stdout=subprocess.PIPE).stdout)
    key = next(layer["key"] for layer in plan["layers"] if layer["title"].startswith(title + " "))
    with open(os.path.join(store, "layers", key + ".json")) as file:
        record = json.load(file)
    blobs = os.path.join(layout, "blobs/sha256")
    os.makedirs(blobs)
    name = record["blob"]["digest"].split(":")[1]
    os.link(os.path.join(store, "blobs/sha256", name), os.path.join(blobs, name))

    def document(value, media_type):
        data = json.dumps(value).encode()
        name = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, name), "wb") as out:
            out.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + name, "size": len(data)}

    config = document({"architecture": "amd64", "os": "linux",
                       "rootfs": {"type": "layers", "diff_ids": [record["diff_id"]]}},
                      "application/vnd.oci.image.config.v1+json")
    manifest = document({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                         "config": config,
                         "layers": [{"mediaType": record["blob"]["media_type"],
                                     "digest": record["blob"]["digest"], "size": record["blob"]["size"]}]},
                        "application/vnd.oci.image.manifest.v1+json")
    with open(os.path.join(layout, "oci-layout"), "w") as out:
        json.dump({"imageLayoutVersion": "1.0.0"}, out)
    with open(os.path.join(layout, "index.json"), "w") as out:
        json.dump({"schemaVersion": 2, "manifests": [
            dict(manifest, annotations={"org.opencontainers.image.ref.name": "image"})]}, out)


main(*sys.argv[1:])
