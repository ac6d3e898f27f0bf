#!/usr/bin/env python3
"""No address of a package archive or index stands in the tree: roles only (DESIGN section 4)."""
import pathlib
import re
import subprocess
import sys

# Pieces, so that this file does not find itself.
NAMES = ["deb" + "ian", "ubu" + "ntu", "py" + "pi", "python" + "hosted", "npm" + "js", "gol" + "ang", "cra" + "tes",
         "mav" + "en", "py" + "torch", "nvi" + "dia"]
ADDRESS = re.compile(r"https?://[a-z0-9.-]*(" + "|".join(NAMES) + r")[a-z0-9.-]*\.(org|com|net|io)", re.IGNORECASE)


def tracked(root: pathlib.Path) -> list[str]:
    listed = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return listed.stdout.splitlines()
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and ".git/" not in str(path)]


def main(root: pathlib.Path) -> int:
    problems = []
    for name in tracked(root):
        file = root / name
        if not file.is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            found = ADDRESS.search(line)
            # A maintainer's home page inside a locked Packages stanza is no address of an archive.
            if found and not name.endswith(".lock.json"):
                problems.append(f"{name}:{number}: {found.group(0)}")
    print("\n".join(problems) if problems else "no archive or index is named by its address")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
