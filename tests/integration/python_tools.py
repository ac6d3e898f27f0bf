"""An environment of Python packages that tests use, from one of tests/requirements, made when it is not there."""
import hashlib
import pathlib
import shutil
import subprocess
import sys


def environment(folder, requirements):
    """The folder of the environment's programs; None where the packages cannot be had."""
    folder, requirements = pathlib.Path(folder), pathlib.Path(requirements)
    mark = folder / "complete"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return folder / "bin"
    shutil.rmtree(folder, ignore_errors=True)
    for command in ([sys.executable, "-m", "venv", str(folder)],
                    [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes",
                     "--only-binary=:all:", "--retries", "1", "-r", str(requirements)]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"{command[0]}: {error}", file=sys.stderr)
            return None
        if done.returncode != 0:
            print(done.stderr[-2000:], file=sys.stderr)
            return None
    mark.write_text(wanted, encoding="utf-8")
    return folder / "bin"
