"""What harbor_stand_in.py remembers: projects, artifacts, tags, rules, accounts; who may do what; Harbor's pattern language.

"facts N.N" names the section of the collected facts about Harbor (source of v2.15.2 unless another version is named).
"""
import base64
import itertools
import re
import secrets
import string
import threading
import time

SEVERITIES = ["None", "Unknown", "Negligible", "Low", "Medium", "High", "Critical"]  # facts 3.11, rising

# facts 3.8: what a robot of a project may be given.
MATRIX = {
    "log": "list", "project": "read update delete", "metadata": "create read update delete list",
    "repository": "pull push read update delete list", "artifact": "create read list delete", "scan": "create read stop",
    "sbom": "create read stop", "tag": "create list delete", "accessory": "list", "artifact-addition": "read",
    "artifact-label": "create delete", "scanner": "create read", "preheat-policy": "create read update delete list",
    "immutable-tag": "create list update delete", "notification-policy": "create read update delete list",
    "tag-retention": "create read update delete list operate", "label": "create read list update delete", "quota": "read",
    "robot": "create read list delete", "member": "create read update list delete", "export-cve": "create read",
}
MATRIX = {resource: actions.split() for resource, actions in MATRIX.items()}

_READ = {("repository", "read"), ("repository", "list"), ("artifact", "read"), ("artifact", "list"), ("tag", "list"),
         ("accessory", "list"), ("project", "read"), ("label", "read"), ("label", "list"), ("artifact-addition", "read"),
         ("scan", "read"), ("quota", "read"), ("repository", "pull")}
_DEVELOPER = _READ | {("repository", "push"), ("artifact", "create"), ("tag", "create"), ("artifact-label", "create"),
                      ("artifact-label", "delete")}  # facts 3.8: cannot delete tags or start scans
_MAINTAINER = _DEVELOPER | {(r, a) for r in ("immutable-tag", "robot", "tag-retention", "label", "scan", "tag", "artifact",
                                             "metadata", "repository", "scanner") for a in MATRIX[r]}
# People change robots too; a robot cannot be given that right.
ROLES = {"guest": _READ, "developer": _DEVELOPER, "maintainer": _MAINTAINER | {("robot", "update")},
         "admin": {(r, a) for r in MATRIX for a in MATRIX[r]} | {("robot", "update")}}


class Refusal(Exception):
    """An answer in Harbor's form {"errors": [{"code", "message"}]} (facts 3.1)."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, list(headers)


def match(pattern, name):
    """facts 3.4: doublestar 1.x. '*' stops at '/', '**' is a component, braces do not nest, commas outside are commas."""
    if not pattern:
        return True
    return any(re.fullmatch(_regex(choice), name) is not None for choice in _choices(pattern))


def _choices(pattern):
    parts = re.split(r"\{([^{}]*)\}", pattern)
    lists = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*lists)]


def _regex(pattern):
    out = []
    components = pattern.split("/")
    for i, component in enumerate(components):
        last = i + 1 == len(components)
        if component == "**":
            out.append(".*" if last else "(?:.*/)?")
            continue
        for token in re.findall(r"\[\^?[^\]]+\]|.", component):
            if token == "*":
                out.append("[^/]*")
            elif token == "?":
                out.append("[^/]")
            elif token.startswith("[") and len(token) > 1:
                out.append(token)
            else:
                out.append(re.escape(token))
        if not last:
            out.append("/")
    return "".join(out)


class Who:
    """Somebody who asks. kind: anonymous, admin, user, robot; door: none, basic, bearer."""

    def __init__(self, kind="anonymous", name="", rights=None, door="none", bad=False, grants=None, issued=0.0):
        self.kind, self.name, self.rights, self.door, self.bad = kind, name, rights or {}, door, bad
        self.grants, self.issued = grants or {}, issued

    @property
    def known(self):
        return self.kind != "anonymous"


class Project:
    def __init__(self, number, name, metadata, limit, proxy_cache, created):
        self.id, self.name, self.metadata, self.limit, self.proxy_cache = number, name, metadata, limit, proxy_cache
        self.created = created
        self.blobs = {}         # digest -> size: each counts once in a project (facts 3.10)
        self.rules = []         # immutability rules as posted, with id
        self.labels = {}
        self.repositories = {}  # name without project -> Repository
        self.scanner = None

    @property
    def used(self):
        return sum(self.blobs.values())

    @property
    def public(self):
        return self.metadata.get("public") == "true"


class Repository:
    def __init__(self, number, name):
        self.id, self.name = number, name
        self.artifacts = {}  # digest -> Artifact
        self.tags = {}       # name -> {"digest", "push_time"}


class Artifact:
    def __init__(self, number, digest, **more):
        self.id, self.digest = number, digest
        self.media_type = self.config_type = self.artifact_type = ""
        self.annotations, self.children, self.blobs, self.size = {}, [], {}, 0
        self.subject = self.accessory_type = None
        self.labels, self.scan, self.push_time = set(), None, 0.0
        self.manifest_size = 0
        self.__dict__.update(more)

    @property
    def is_image(self):
        return not self.children and self.accessory_type is None


class State:
    def __init__(self, config):
        self.lock = threading.RLock()
        self.config = {"version": "2.15.2", "admin_password": "Harbor12345", "robot_name_prefix": "robot$",
                       "read_only": False, "jobservice": True, "scanner": True, "quotas": True, "token_seconds": 1800,
                       "scan": {"severity": "Low", "summary": {"Low": 1}}, **config}
        self.version = tuple(int(part) for part in self.config["version"].split(".")[:2])
        self.projects, self.robots, self.retentions, self.tokens = {}, {}, {}, {}
        self.users = self.config.get("users", {})
        self.numbers = itertools.count(1)
        self.skew = 0.0
        self.log, self.faults, self.scans, self.collecting = [], [], {}, 0
        self.retention_runs = []
        for one in self.config.get("projects", []):
            project = self.add_project(one["name"], {"public": "true" if one.get("public") else "false",
                                                     **one.get("metadata", {})}, one.get("quota", -1))
            project.proxy_cache = one.get("proxy_cache", False)

    def now(self):
        return time.time() + self.skew

    def number(self):
        return next(self.numbers)

    def at_least(self, *version):
        return self.version >= version

    # ---- what a test asks ----

    def control(self, method, path, body):
        with self.lock:
            if path == "/@log":
                log, self.log = self.log, []
                return log
            if path == "/@fault":
                self.faults.append(dict(body))
            elif path == "/@set":
                self.config.update(body)
                self.version = tuple(int(part) for part in self.config["version"].split(".")[:2])
            elif path == "/@clock":
                self.skew += body["seconds"]
            elif path == "/@scan":
                self.scans[body["digest"]] = {"severity": body["severity"], "summary": body.get("summary", {})}
                for project in self.projects.values():
                    for repository in project.repositories.values():
                        artifact = repository.artifacts.get(body["digest"])
                        if artifact:
                            self.scan(artifact)
            elif path == "/@collect":
                self.collecting = body["times"]
            elif path == "/@clear":
                self.faults, self.log, self.collecting = [], [], 0
            else:
                raise Refusal(404, "NOT_FOUND", method + " " + path)
            return {}

    def note(self, method, path, user, headers):
        with self.lock:
            self.log.append({"method": method, "path": path, "user": user, "user_agent": headers.get("User-Agent", ""),
                             "cookie": headers.get("Cookie", "")})

    def next_fault(self, line):
        with self.lock:
            for fault in self.faults:
                if fault["times"] > 0 and re.search(fault["match"], line):
                    fault["times"] -= 1
                    return fault
        return None

    # ---- accounts ----

    def authenticate(self, header):
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            token = self.tokens.get(value)
            if token is None or token["expires"] <= self.now():
                return Who(door="bearer", bad=True)
            return Who(token["kind"], token["name"], None, "bearer", grants=token["grants"], issued=token["issued"])
        if scheme.lower() != "basic":
            return Who(bad=bool(header))
        try:
            name, _, password = base64.b64decode(value).decode().partition(":")
        except ValueError:
            return Who(door="basic", bad=True)
        who = self.login(name, password)
        return who or Who(name=name, door="basic", bad=True)

    def login(self, name, password):
        if name == "admin" and password == self.config["admin_password"]:
            return Who("admin", name, door="basic")
        user = self.users.get(name)
        if user and user["password"] == password:
            return Who("user", name, {p: ROLES[role] for p, role in user.get("roles", {}).items()}, "basic")
        for robot in self.robots.values():
            # facts 3.8: expired or disabled: 401, as for a wrong secret.
            if robot["name"] == name and robot["secret"] == password and not robot["disable"]:
                if robot["expires_at"] != -1 and robot["expires_at"] <= self.now():
                    return None
                rights = {}
                for permission in robot["permissions"]:
                    pairs = {(one["resource"], one["action"]) for one in permission["access"]}
                    scope = permission["namespace"] if permission["kind"] == "project" else "/"
                    rights.setdefault(scope, set()).update(pairs)
                return Who("robot", name, rights, "basic")
        return None

    def may(self, who, project, resource, action):
        if who.kind == "admin":
            return True
        if who.bad:
            who = Who()
        for scope in (project.name, "*"):
            if (resource, action) in who.rights.get(scope, ()):
                return True
        return project.public and (resource, action) in _READ

    def issue_token(self, who, scopes):
        """facts 3.3: granted is all that the account has on the repository; what was asked for is not looked at."""
        grants = {}
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name = rest.rpartition(":")[0]
            if kind != "repository":
                continue
            project = self.projects.get(name.split("/")[0])
            actions = set()
            if project is not None:
                actions = {a for a, right in (("pull", ("repository", "pull")), ("push", ("repository", "push")),
                                              ("delete", ("artifact", "delete")))
                           if self.may(who, project, *right)}
            grants[name] = actions
        token = secrets.token_urlsafe(24)
        with self.lock:
            self.tokens[token] = {"kind": who.kind, "name": who.name, "grants": grants, "issued": self.now(),
                                  "expires": self.now() + self.config["token_seconds"]}
        return token

    # ---- projects, tags, rules ----

    def add_project(self, name, metadata, limit):
        project = Project(self.number(), name, metadata, limit, False, self.now())
        self.projects[name] = project
        return project

    def find(self, name, create=False):
        """(project, repository) of "project/rest"; the repository is None when nothing was pushed to it."""
        head, _, rest = name.partition("/")
        project = self.projects.get(head)
        if project is None:
            return None, None
        if create and rest not in project.repositories:
            project.repositories[rest] = Repository(self.number(), rest)
        return project, project.repositories.get(rest)

    def immutable(self, project, repository, tag):
        """facts 3.4: rules are OR-ed; the first tag and repository selector count; names without the project."""
        for rule in project.rules:
            if rule.get("disabled"):
                continue
            tags = (rule.get("tag_selectors") or [{}])[0]
            repositories = (rule.get("scope_selectors", {}).get("repository") or [{}])[0]
            if (match(repositories.get("pattern", ""), repository) != (repositories.get("decoration") == "repoExcludes")
                    and match(tags.get("pattern", ""), tag) != (tags.get("decoration") == "excludes")):
                return True
        return False

    def check_writable(self, project=None):
        if self.config["read_only"]:  # facts 3.10
            raise Refusal(403, "DENIED", "The system is in read only mode. Any modification is prohibited.")
        if project is not None and project.proxy_cache:  # facts 3.10
            raise Refusal(403, "DENIED", "can not push artifact to a proxy project: " + project.name)

    def charge(self, project, blobs):
        """facts 3.10: 403 DENIED before anything is stored."""
        new = {digest: size for digest, size in blobs.items() if digest not in project.blobs}
        if self.config["quotas"] and project.limit >= 0 and project.used + sum(new.values()) > project.limit:
            raise Refusal(403, "DENIED", "adding %s of storage resource, which when updated to current usage of %s will "
                          "exceed the configured upper limit of %s." % tuple(
                              "%.1f KiB" % (n / 1024) for n in (sum(new.values()), project.used, project.limit)))
        return new

    def scan(self, artifact):
        found = self.scans.get(artifact.digest, self.config["scan"])
        total = sum(found["summary"].values())
        artifact.scan = {"report_id": secrets.token_hex(8), "scan_status": "Success", "severity": found["severity"],
                         "duration": 1, "summary": {"total": total, "fixable": 0, "summary": found["summary"]},
                         "start_time": self.date(self.now()), "end_time": self.date(self.now()), "complete_percent": 100,
                         "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "v0.60.0"}}

    @staticmethod
    def date(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))

    @staticmethod
    def secret():
        """As Harbor's: 32 characters with upper, lower and digit."""
        letters = string.ascii_letters + string.digits
        return "Aa0" + "".join(secrets.choice(letters) for _ in range(29))

    def recount(self, project):
        """After a deletion; garbage collection frees what no artifact has."""
        blobs = {}
        for repository in project.repositories.values():
            for artifact in repository.artifacts.values():
                blobs.update(artifact.blobs)
        project.blobs = blobs

    def accessories(self, repository, digest):
        return [a for a in repository.artifacts.values() if a.subject == digest]

    def remove_artifact(self, project, repository, artifact):
        """facts 3.2, 3.7: all its tags and its accessories go too. 412 for a child of an index and for immutable tags."""
        for other in repository.artifacts.values():
            if artifact.digest in other.children:
                raise Refusal(412, "VIOLATE_FOREIGN_KEY_CONSTRAINT", "the deleting artifact is referenced by others")
        tags = [tag for tag, entry in repository.tags.items() if entry["digest"] == artifact.digest]
        for tag in tags:
            if self.immutable(project, repository.name, tag):
                raise Refusal(412, "PRECONDITION", "the tag %s configured as immutable, cannot be deleted" % tag)
        for tag in tags:
            del repository.tags[tag]
        for accessory in self.accessories(repository, artifact.digest):
            self.remove_artifact(project, repository, accessory)
        repository.artifacts.pop(artifact.digest, None)
        self.recount(project)
