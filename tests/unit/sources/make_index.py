#!/usr/bin/env python3
"""Simple repositories (PEP 503, with PEP 658 metadata) of tiny hand-made wheels.

    make_index.py DIR INDEX:PROJECT:VERSION[:TAG[:REQUIREMENT|REQUIREMENT]] ...

Each index is DIR/INDEX/PROJECT/, for tests/tools/http_fault_server.py --root DIR. The tag "sdist"
makes a source archive. Indexes whose name ends in "-json" get index.json (PEP 691) as well.
"""
import hashlib
import html
import io
import json
import os
import sys
import tarfile
import urllib.parse
import zipfile

WHEN = (2025, 5, 20, 0, 0, 0)


def wheel(folder, project, version, tag, requires):
    name = project.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {r}\n" for r in requires)
    pure = "true" if tag.endswith("-any") else "false"
    members = {f"{name}.py": f"version = {version!r}\n",
               f"{info}/METADATA": metadata,
               f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"}
    record = "".join(f"{m},,\n" for m in members) + f"{info}/RECORD,,\n"
    members[f"{info}/RECORD"] = record
    path = os.path.join(folder, f"{name}-{version}-{tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for member, text in members.items():
            z.writestr(zipfile.ZipInfo(member, WHEN), text)
    with open(path + ".metadata", "w") as f:
        f.write(metadata)


def sdist(folder, project, version):
    path = os.path.join(folder, f"{project}-{version}.tar.gz")
    with tarfile.open(path, "w:gz") as t:
        text = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode()
        info = tarfile.TarInfo(f"{project}-{version}/PKG-INFO")
        info.size = len(text)
        t.addfile(info, io.BytesIO(text))


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def page(folder, as_json):
    rows, files = [], []
    for name in sorted(os.listdir(folder)):
        if not name.endswith((".whl", ".tar.gz")):
            continue
        path = os.path.join(folder, name)
        meta = ""
        if os.path.exists(path + ".metadata"):
            meta = f' data-core-metadata="sha256={digest(path + ".metadata")}"'
        href = urllib.parse.quote(name) + "#sha256=" + digest(path)
        rows.append(f'<a href="{html.escape(href)}"{meta}>{name}</a><br/>')
        entry = {"filename": name, "url": urllib.parse.quote(name), "hashes": {"sha256": digest(path)},
                 "size": os.path.getsize(path)}
        if meta:
            entry["core-metadata"] = {"sha256": digest(path + ".metadata")}
        files.append(entry)
    with open(folder + "/index.html", "w") as f:
        f.write("<!DOCTYPE html>\n<html><body>\n" + "\n".join(rows) + "\n</body></html>\n")
    if as_json:
        with open(folder + "/index.json", "w") as f:
            json.dump({"meta": {"api-version": "1.1"}, "name": os.path.basename(folder),
                       "files": files}, f)


def main():
    root = sys.argv[1]
    folders = set()
    for word in sys.argv[2:]:
        index, project, version, tag, requires = (word.split(":", 4) + ["", ""])[:5]
        folder = os.path.join(root, index, project)
        os.makedirs(folder, exist_ok=True)
        folders.add((folder, index.endswith("-json")))
        if tag == "sdist":
            sdist(folder, project, version)
        else:
            wheel(folder, project, version, tag or "py3-none-any", [r for r in requires.split("|") if r])
    for folder, as_json in sorted(folders):
        page(folder, as_json)


if __name__ == "__main__":
    main()
