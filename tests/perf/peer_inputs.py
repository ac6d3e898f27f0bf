#!/usr/bin/env python3
"""What the peers of a comparison get: the lock's wheels under their own names, and the image's first layer as a base image.

  peer_inputs.py LOCK STORE WHEELS_FOLDER BASE_LAYOUT
"""

import hashlib
import json
import os
import sys


def wheels(value):
    if isinstance(value, dict):
        if value.get("origin", {}).get("kind") == "index":
            yield value
        for item in value.values():
            yield from wheels(item)
    elif isinstance(value, list):
        for item in value:
            yield from wheels(item)


def main(lock_file, store, folder, layout):
    with open(lock_file) as file:
        lock = json.load(file)
    for wheel in wheels(lock):
        os.link(os.path.join(store, "inputs/sha256", wheel["sha256"]), os.path.join(folder, wheel["name"]))

    record = lock["records"][0]
    blobs = os.path.join(layout, "blobs/sha256")
    os.makedirs(blobs)
    os.link(os.path.join(store, "blobs/sha256", record["digest"]), os.path.join(blobs, record["digest"]))

    def document(value):
        data = json.dumps(value).encode()
        name = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, name), "wb") as out:
            out.write(data)
        return {"digest": "sha256:" + name, "size": len(data)}

    config = document({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + record["diff_id"]]},
    })
    manifest = document({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": dict(config, mediaType="application/vnd.oci.image.config.v1+json"),
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": "sha256:" + record["digest"], "size": record["size"]}],
    })
    with open(os.path.join(layout, "oci-layout"), "w") as out:
        json.dump({"imageLayoutVersion": "1.0.0"}, out)
    with open(os.path.join(layout, "index.json"), "w") as out:
        json.dump({"schemaVersion": 2, "manifests": [
            dict(manifest, mediaType="application/vnd.oci.image.manifest.v1+json",
                 annotations={"org.opencontainers.image.ref.name": "base"})]}, out)


main(*sys.argv[1:])
