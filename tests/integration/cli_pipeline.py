"""Jobs of our examples for GitLab, as tests run them."""
import pathlib
import re


def scripts(file):
    """{job: [command, …]} of a .gitlab-ci.yml in the form that ours has; {"variables": {name: value}}."""
    jobs, variables, job, where = {}, {}, None, None
    for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            job, where = line.split(":")[0], None
        elif re.match(r"  \w+:", line):
            where = line.strip().split(":")[0]
            if job == "variables":
                variables[where] = line.split(":", 1)[1].strip()
        elif where == "script" and line.startswith("    - "):
            jobs.setdefault(job, []).append(line[6:])
        elif where == "script":
            jobs[job][-1] += " " + line.strip()
    return jobs, variables
