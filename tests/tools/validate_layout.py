#!/usr/bin/env python3
"""Validates OCI images without any code of imgforge: every digest, size and diffID is computed anew.

  validate_layout.py DIR[:TAG]         an OCI image layout
  validate_layout.py FILE[:TAG]        an oci-archive (a tar of a layout)
  --strict      hold every layer to the normal form, not only those that name an imgforge kind
  --json        the result as JSON

Checked (image-spec v1.1.1, image-layout.md, manifest.md, config.md, layer.md):
  layout    oci-layout and index.json; every blob named by its digest and reachable blobs present
  manifest  schema, media types, sizes; config and layers against the config's diffIDs and history
  layer     digest, size and diffID in one pass over the blob; gzip with any number of members, zstd
            with any number of frames; tar headers, checksums, padding, end; no entry twice; no path
            that is absolute or has "..";  hard links to earlier entries
  normal form (layers made by imgforge): sorted by bytes, parents first; no mtime after the image's
            "created"; no user or group names; no pax records beside path, linkpath, size, uid, gid,
            mtime and xattrs; no bytes after the end of the archive

Python's standard library only; zstd layers go through the `zstd` program. Memory: names of one layer.
Exit status: 0 whole, 1 findings, 2 usage.
"""

import argparse
import concurrent.futures
import datetime
import hashlib
import io
import json
import os
import re
import sys
import tarfile

from layer_tar import CHUNK, Broken, Hashed, LayerCheck, TarBytes, entries, inflate, plain, unzstd

DOCUMENT_LIMIT = 64 << 20
REF_NAME = "org.opencontainers.image.ref.name"
LAYER_KIND = "io.imgforge.layer.kind"
FOREIGN_KINDS = {"image"}  # layers taken over byte for byte
INDEX_TYPES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
MANIFEST_TYPES = {
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
}
CONFIG_TYPES = {
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
}
LAYER_TYPES = {
    "application/vnd.oci.image.layer.v1.tar": "plain",
    "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "plain",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
}
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


# ---- where blobs are ---------------------------------------------------------------------------


class Folder:
    """A layout on disk."""

    def __init__(self, path):
        self.path = path

    def names(self):
        found = [name for name in os.listdir(self.path) if self._is_file(name)]
        for base, _, files in os.walk(os.path.join(self.path, "blobs")):
            found += [os.path.relpath(os.path.join(base, name), self.path) for name in files]
        return sorted(found)

    def _is_file(self, name):
        return os.path.isfile(os.path.join(self.path, name))

    def open(self, name):
        path = os.path.join(self.path, name)
        if not os.path.isfile(path):
            raise Broken(f"{name} is missing")
        return open(path, "rb", buffering=0)

    def size(self, name):
        return os.path.getsize(os.path.join(self.path, name))


class Archive:
    """A layout in a tar: members are read in place, nothing is unpacked."""

    def __init__(self, path, findings):
        self.path = path
        self.members = {}
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    name = member.name[2:] if member.name.startswith("./") else member.name
                    if member.isdir():
                        continue
                    if not member.isfile():
                        findings.append(f"{path}: {name} is neither a file nor a folder")
                    elif name in self.members:
                        findings.append(f"{path}: {name} is there twice")
                    else:
                        self.members[name] = (member.offset_data, member.size)
        except tarfile.TarError as error:
            raise Broken(f"{path} is not a tar: {error}") from error

    def names(self):
        return sorted(self.members)

    def open(self, name):
        if name not in self.members:
            raise Broken(f"{name} is missing")
        offset, size = self.members[name]
        return Section(self.path, offset, size)

    def size(self, name):
        return self.members[name][1]


class Section(io.RawIOBase):
    """A range of a file."""

    def __init__(self, path, offset, size):
        super().__init__()
        self.file = open(path, "rb", buffering=0)
        self.file.seek(offset)
        self.rest = size

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self.file.read(min(len(buffer), self.rest))
        buffer[: len(data)] = data
        self.rest -= len(data)
        return len(data)

    def close(self):
        self.file.close()
        super().close()


# ---- documents ----------------------------------------------------------------------------------


def no_duplicates(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Broken("a key stands twice in one object")
    return result


def parse(text, what):
    try:
        value = json.loads(text, object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as error:
        raise Broken(f"{what} is not JSON: {error}") from error
    except Broken as error:
        raise Broken(f"{what}: {error}") from error
    if not isinstance(value, dict):
        raise Broken(f"{what} is not an object")
    return value


def seconds(text):
    match = TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    moment = match[1] + match[3].replace("Z", "+00:00")
    return int(datetime.datetime.fromisoformat(moment).timestamp())


class Validator:
    def __init__(self, source, strict):
        self.source = source
        self.strict = strict
        self.findings = []
        self.images = 0
        self.layers = 0
        self.blob_bytes = 0
        self.tar_bytes = 0
        self.entries = 0
        self.documents = {}
        self.checked = {}  # what was or will be read -> where it was met first
        self.pending = []

    def say(self, text):
        if text not in self.findings:
            self.findings.append(text)

    def document(self, descriptor, what):
        """The parsed JSON of a blob whose digest and size are right, else None."""
        digest = descriptor["digest"]
        if digest in self.documents:
            return self.documents[digest]
        self.documents[digest] = None
        name = "blobs/sha256/" + digest[7:]
        try:
            with self.source.open(name) as file:
                size = self.source.size(name)
                if size > DOCUMENT_LIMIT:
                    raise Broken(f"a document of {size} bytes")
                data = b"".join(iter(lambda: file.read(CHUNK), b""))
            self.blob_bytes += len(data)
            actual = "sha256:" + hashlib.sha256(data).hexdigest()
            if actual != digest:
                raise Broken(f"{what} has digest {actual}, expected was {digest}")
            if descriptor["size"] != len(data):
                raise Broken(f"{what} has {len(data)} bytes, its descriptor says {descriptor['size']}")
            self.documents[digest] = parse(data, what)
        except Broken as error:
            self.say(f"{what} {digest[:19]}: {error}")
        return self.documents[digest]

    def descriptor(self, value, what):
        good = (
            isinstance(value, dict)
            and isinstance(value.get("mediaType"), str)
            and isinstance(value.get("digest"), str)
            and isinstance(value.get("size"), int)
            and not isinstance(value.get("size"), bool)
            and value["size"] >= 0
        )
        if not good:
            self.say(f"{what} is not a descriptor: {json.dumps(value)[:200]}")
            return False
        if not DIGEST.fullmatch(value["digest"]):
            self.say(f"{what} has a malformed digest: {value['digest'][:100]}")
            return False
        annotations = value.get("annotations", {})
        if not isinstance(annotations, dict) or any(not isinstance(v, str) for v in annotations.values()):
            self.say(f"{what} has annotations that are no strings")
        return True

    def layout(self, tag):
        names = self.source.names()
        for needed in ("oci-layout", "index.json"):
            if needed not in names:
                raise Broken(f"not an OCI layout: {needed} is missing")
        with self.source.open("oci-layout") as file:
            if parse(file.read(CHUNK), "oci-layout").get("imageLayoutVersion") != "1.0.0":
                self.say("oci-layout: imageLayoutVersion is not 1.0.0")
        with self.source.open("index.json") as file:
            data = b"".join(iter(lambda: file.read(CHUNK), b""))
        index = parse(data, "index.json")
        if index.get("schemaVersion") != 2 or not isinstance(index.get("manifests"), list):
            raise Broken("index.json is not an image index")
        roots = [d for i, d in enumerate(index["manifests"]) if self.descriptor(d, f"index.json: entry {i}")]
        tags = [d.get("annotations", {}).get(REF_NAME) for d in roots]
        for name in sorted({t for t in tags if t is not None and tags.count(t) > 1}):
            self.say(f"index.json names {name} twice")
        if tag is not None:
            roots = [d for d, name in zip(roots, tags) if name == tag]
            if not roots:
                raise Broken(f"there is no image {tag}; there are {', '.join(str(t) for t in tags)}")
        if not roots:
            self.say("index.json names no image")
        for root, name in zip(roots, tags if tag is None else [tag] * len(roots)):
            self.root(root, str(name or root["digest"][7:19]), 0)
        for name in names:
            if name.startswith("blobs/") and not re.fullmatch(r"blobs/sha256/[0-9a-f]{64}", name):
                self.say(f"{name} is not a blob's name")

    def root(self, descriptor, name, depth):
        if depth > 8:
            return self.say(f"{name}: indexes are nested too deep")
        kind = descriptor["mediaType"]
        if kind in INDEX_TYPES:
            index = self.document(descriptor, f"{name}: index")
            for i, child in enumerate((index or {}).get("manifests", [])):
                if self.descriptor(child, f"{name}: entry {i}"):
                    self.root(child, f"{name}[{i}]", depth + 1)
        elif kind in MANIFEST_TYPES:
            self.manifest(descriptor, name)
        else:
            self.say(f"{name}: {kind} is neither a manifest nor an index")

    def manifest(self, descriptor, name):
        self.images += 1
        manifest = self.document(descriptor, f"{name}: manifest")
        if manifest is None:
            return
        if manifest.get("schemaVersion") != 2:
            self.say(f"{name}: manifest: schemaVersion is not 2")
        if manifest.get("mediaType", descriptor["mediaType"]) != descriptor["mediaType"]:
            self.say(f"{name}: manifest: mediaType is not that of its descriptor, {descriptor['mediaType']}")
        if "manifests" in manifest:
            self.say(f"{name}: manifest: it is an index as well")
        layers = manifest.get("layers")
        if not isinstance(layers, list) or not self.descriptor(manifest.get("config"), f"{name}: config"):
            return self.say(f"{name}: manifest: config and layers are needed")
        layers = [d for i, d in enumerate(layers) if self.descriptor(d, f"{name}: layer {i}")]
        if manifest["config"]["mediaType"] not in CONFIG_TYPES:
            # An artifact: its parts are blobs, nothing more is known of them.
            self.blob(manifest["config"], f"{name}: config")
            for i, layer in enumerate(layers):
                self.blob(layer, f"{name}: layer {i}")
            return
        config = self.document(manifest["config"], f"{name}: config") or {}
        diff_ids, created = self.config(config, name, descriptor)
        if config and len(diff_ids) != len(layers):
            self.say(f"{name}: the manifest has {len(layers)} layers, the config {len(diff_ids)} diffIDs")
        for i, layer in enumerate(layers):
            self.layer(layer, diff_ids[i] if i < len(diff_ids) else None, created, f"{name}: layer {i}")

    def config(self, config, name, descriptor):
        for key in ("architecture", "os"):
            if config and not isinstance(config.get(key), str):
                self.say(f"{name}: config: {key} is missing")
        platform = descriptor.get("platform")
        if isinstance(platform, dict):
            for key in ("architecture", "os"):
                if platform.get(key) != config.get(key):
                    self.say(f"{name}: the index says {key} {platform.get(key)}, the config {config.get(key)}")
        rootfs = config.get("rootfs") or {}
        if config and rootfs.get("type") != "layers":
            self.say(f"{name}: config: rootfs.type is not layers")
        diff_ids = rootfs.get("diff_ids") or []
        for diff_id in diff_ids:
            if not isinstance(diff_id, str) or not DIGEST.fullmatch(diff_id):
                self.say(f"{name}: config: malformed diffID {str(diff_id)[:100]}")
        history = config.get("history") or []
        filled = sum(1 for entry in history if not entry.get("empty_layer", False))
        if history and filled != len(diff_ids):
            self.say(f"{name}: config: the history has {filled} layers, rootfs {len(diff_ids)}")
        created = config.get("created")
        if created is not None and seconds(created) is None:
            self.say(f"{name}: config: created is not a time: {str(created)[:60]}")
        for variable in (config.get("config") or {}).get("Env") or []:
            if "=" not in variable or variable.startswith("="):
                self.say(f"{name}: config: Env entry without a name: {variable[:60]}")
        return diff_ids, seconds(created)

    def blob(self, descriptor, what):
        digest = descriptor["digest"]
        if self.checked.setdefault(digest, what) is not what:
            return
        try:
            with self.source.open("blobs/sha256/" + digest[7:]) as file:
                blob = Hashed(file)
                actual = blob.finish()
            self.blob_bytes += blob.size
            for finding in differences(descriptor, what, actual, blob.size):
                self.say(finding)
        except Broken as error:
            self.say(f"{what} {digest[:19]}: {error}")

    def layer(self, descriptor, diff_id, created, what):
        kind = (descriptor.get("annotations") or {}).get(LAYER_KIND)
        strict = self.strict or (kind is not None and kind not in FOREIGN_KINDS)
        key = (descriptor["digest"], descriptor["size"], diff_id, strict, created)
        if key in self.checked:
            return
        self.checked[key] = what
        compression = LAYER_TYPES.get(descriptor["mediaType"])
        if compression is None:
            self.say(f"{what}: {descriptor['mediaType']} is not a layer's media type")
            return self.blob(descriptor, what)
        self.pending.append(Layer(self.source, descriptor, diff_id, compression, LayerCheck(what, created, strict)))

    def finish(self):
        """Reads the layers, several at a time: inflating and hashing need no interpreter lock."""
        with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            for layer in pool.map(Layer.read, self.pending):
                self.layers += 1
                self.entries += layer.entries
                self.blob_bytes += layer.blob_bytes
                self.tar_bytes += layer.tar_bytes
                for finding in layer.findings:
                    self.say(finding)


def differences(descriptor, what, actual, size):
    if actual != descriptor["digest"]:
        yield f"{what} has digest {actual}, expected was {descriptor['digest']}"
    if size != descriptor["size"]:
        yield f"{what} has {size} bytes, its descriptor says {descriptor['size']}"


class Layer:
    """One pass over one layer's blob."""

    def __init__(self, source, descriptor, diff_id, compression, check):
        self.source = source
        self.descriptor = descriptor
        self.diff_id = diff_id
        self.compression = compression
        self.check = check
        self.entries = self.blob_bytes = self.tar_bytes = 0
        self.findings = []

    def read(self):
        digest = self.descriptor["digest"]
        try:
            with self.source.open("blobs/sha256/" + digest[7:]) as file:
                self.read_blob(Hashed(file))
        except (Broken, OSError, ValueError) as error:
            self.findings.append(f"{self.check.where} {digest[:19]}: {error}")
        self.findings += self.check.findings()
        return self

    def read_blob(self, blob):
        reader = {"gzip": inflate, "zstd": unzstd, "plain": plain}[self.compression]
        tar = TarBytes(reader(blob))
        try:
            self.read_tar(tar)
        finally:
            # A damaged tar in a good blob and a damaged blob are different findings.
            actual = blob.finish()
            self.blob_bytes, self.tar_bytes = blob.size, tar.size
            self.findings += differences(self.descriptor, self.check.where, actual, blob.size)
        actual = "sha256:" + tar.hash.hexdigest()
        if self.diff_id is not None and actual != self.diff_id:
            self.findings.append(f"{self.check.where} has diffID {actual}, the config says {self.diff_id}")

    def read_tar(self, tar):
        try:
            for entry in entries(tar, self.check.strict):
                self.entries += 1
                self.check.entry(entry)
            count, zero = tar.rest_is_zero()
            if not zero or (self.check.strict and count):
                self.check.say("bytes after the end of the archive", str(count))
        except (Broken, ValueError):
            tar.pieces.close()
            raise


def split_name(text):
    """PATH[:TAG]: the whole text when it exists, else up to the first colon."""
    if os.path.exists(text) or ":" not in text:
        return text, None
    path, tag = text.split(":", 1)
    return path, tag


def validate(text, strict):
    path, tag = split_name(text)
    findings = []
    if not os.path.exists(path):
        raise Broken(f"{path} does not exist")
    source = Folder(path) if os.path.isdir(path) else Archive(path, findings)
    validator = Validator(source, strict)
    validator.findings = findings
    validator.layout(tag)
    validator.finish()
    return validator


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("layout", nargs="+", metavar="LAYOUT[:TAG]")
    parser.add_argument("--strict", action="store_true", help="hold every layer to the normal form")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    arguments = parser.parse_args()
    status, rows = 0, []
    for text in arguments.layout:
        try:
            done = validate(text, arguments.strict)
            findings = done.findings
            summary = (
                f"{done.images} image(s), {done.layers} layer(s), {done.entries} entries, "
                f"{done.blob_bytes} bytes of blobs, {done.tar_bytes} bytes of tar"
            )
        except (Broken, OSError) as error:
            findings, summary = [str(error)], "could not be read"
        rows.append({"layout": text, "summary": summary, "findings": findings})
        status = status or int(bool(findings))
        if not arguments.json:
            for finding in findings:
                print(f"{text}: {finding}")
            print(f"{text}: {summary}: {'WHOLE' if not findings else f'{len(findings)} finding(s)'}")
    if arguments.json:
        print(json.dumps(rows, indent=2))
    return status


if __name__ == "__main__":
    sys.exit(main())
