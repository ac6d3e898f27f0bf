#!/usr/bin/env python3
"""Runs in the environment of tests/requirements/sbom.txt: what the field's own validators say.

    sbom_checks.py spdx FILE          SPDX's reference tools: the whole document
    sbom_checks.py cyclonedx FILE     CycloneDX's JSON schema, strict; every purl in canonical form
    sbom_checks.py licenses FILE      a line per identifier: each must be on SPDX's list

Prints what is wrong, a line each, and exits with 1 then.
"""
import json
import sys


def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
    for message in validate_full_spdx_document(parse_file(path), "SPDX-2.3"):
        where = message.context.spdx_id if message.context else ""
        yield f"{where}: {message.validation_message}"


def components(bom):
    todo = [bom["metadata"]["component"], *bom["components"]]
    while todo:
        component = todo.pop()
        yield component
        todo += component.get("components", []) + component.get("pedigree", {}).get("ancestors", [])


def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from packageurl import PackageURL
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for error in JsonStrictValidator(SchemaVersion.V1_5).validate_str(text, all_errors=True) or []:
        yield str(error)[:1000]
    for component in components(json.loads(text)):
        purl = component.get("purl")
        if purl and PackageURL.from_string(purl).to_string() != purl:
            yield f"{purl} is canonical as {PackageURL.from_string(purl).to_string()}"


def licenses(path):
    from license_expression import get_spdx_licensing
    known = get_spdx_licensing().known_symbols
    with open(path, encoding="utf-8") as file:
        for name in file.read().split():
            if name not in known or name.startswith("LicenseRef-"):
                yield f"{name} is not on SPDX's list"


if __name__ == "__main__":
    problems = list({"spdx": spdx, "cyclonedx": cyclonedx, "licenses": licenses}[sys.argv[1]](sys.argv[2]))
    print("\n".join(problems))
    sys.exit(1 if problems else 0)
