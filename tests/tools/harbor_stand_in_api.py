"""The REST door (/api/v2.0) of harbor_stand_in.py."""
import re
import urllib.parse

from harbor_stand_in_state import MATRIX, Refusal, match

BASE = "/api/v2.0"
ROUTES = []
PROJECT = r"/projects/([^/]+)"
ARTIFACTS = PROJECT + r"/repositories/([^/]+)/artifacts"


def route(method, pattern):
    def register(function):
        ROUTES.append((method, re.compile(pattern), function))
        return function
    return register


class Api:
    def __init__(self, state, registry):
        self.state, self.registry = state, registry

    # ---- what every request goes through ----

    def handle(self, h):
        path = h.url.path
        if path == "/api/version":
            return h.reply(200, {"version": "v2.0"})
        if not path.startswith(BASE + "/"):
            return h.reply(404, b"<html><body>404 page not found</body></html>", content_type="text/html")
        path = path[len(BASE):]
        # facts 3.1, pitfall 29: CSRF protection for whoever sends the session's cookie. Harbor sets it on every answer.
        if "sid=" in (h.headers.get("Cookie") or "") and h.command not in ("GET", "HEAD"):
            raise Refusal(403, "FORBIDDEN", "CSRF token not found in request")
        for method, pattern, function in ROUTES:
            found = pattern.fullmatch(path)
            if found and method == h.command:
                groups = [self.segment(h, one) for one in found.groups()]
                if h.command not in ("GET", "HEAD"):
                    self.state.check_writable()
                if h.who.bad and path not in ("/ping", "/health"):
                    raise Refusal(401, "UNAUTHORIZED", "unauthorized")
                with self.state.lock:
                    return function(self, h, *groups)
        return h.reply(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")

    @staticmethod
    def segment(h, raw):
        """facts 3.1, pitfall 13: the router decodes once; a slash that shows then is a segment too many."""
        once = urllib.parse.unquote(raw)
        if "/" in once:
            raise Refusal(404, "NOT_FOUND", "path %s was not found" % h.url.path)
        return once

    def answer(self, h, status, body=b"", headers=()):
        h.reply(status, body, [*headers, ("Set-Cookie", "sid=0123456789abcdef; Path=/; HttpOnly")])

    def created(self, h, number):
        self.answer(h, 201, b"", [("Location", "%s/%s" % (h.url.path.rstrip("/"), number))])

    def page(self, h, rows):
        """facts 3.1: page from 1, 10 by default, 100 at most; X-Total-Count; relative Links."""
        try:
            number, size = int(h.query.get("page", ["1"])[0]), int(h.query.get("page_size", ["10"])[0])
        except ValueError:
            raise Refusal(422, "UNPROCESSABLE_ENTITY", "page must be a number") from None
        if size > 100 or size < 1 or number < 1:
            raise Refusal(422, "UNPROCESSABLE_ENTITY", "page_size in query should be less than or equal to 100")
        links = []
        for relation, other in (("prev", number - 1), ("next", number + 1)):
            if 0 < other <= -(-len(rows) // size):
                query = urllib.parse.urlencode({**{k: v[0] for k, v in h.query.items()}, "page": other, "page_size": size})
                links.append('<%s?%s>; rel="%s"' % (h.url.path, query, relation))
        headers = [("X-Total-Count", str(len(rows)))] + ([("Link", " , ".join(links))] if links else [])
        self.answer(h, 200, rows[(number - 1) * size:number * size], headers)

    def project(self, h, name, resource, action):
        """facts 3.1: no right, or no such project: 401 anonymous, 403 known; an administrator sees 404."""
        project = self.state.projects.get(name)
        if project is None and name.isdigit() and h.headers.get("X-Is-Resource-Name") != "true":
            project = next((p for p in self.state.projects.values() if p.id == int(name)), None)
        if project is not None and self.state.may(h.who, project, resource, action):
            return project
        if h.who.kind == "admin":
            raise Refusal(404, "NOT_FOUND", "project %s not found" % name)
        self.forbidden(h)

    @staticmethod
    def forbidden(h):
        if not h.who.known:
            raise Refusal(401, "UNAUTHORIZED", "unauthorized")
        raise Refusal(403, "FORBIDDEN", "forbidden")

    def admin(self, h):
        if h.who.kind != "admin":
            self.forbidden(h)

    def jobservice(self):
        if not self.state.config["jobservice"]:  # pitfall 42
            raise Refusal(500, "UNKNOWN", "internal server error")

    def repository(self, h, project, raw):
        name = urllib.parse.unquote(raw)
        repository = project.repositories.get(name)
        if repository is None:
            raise Refusal(404, "NOT_FOUND", "repository %s/%s not found" % (project.name, name))
        return repository

    def artifact(self, h, project, raw, reference):
        repository = self.repository(h, project, raw)
        digest = repository.tags[reference]["digest"] if reference in repository.tags else reference
        artifact = repository.artifacts.get(digest)
        if artifact is None:
            raise Refusal(404, "NOT_FOUND", "artifact %s/%s:%s not found" % (project.name, repository.name, reference))
        return repository, artifact

    # ---- the system ----

    @route("GET", "/ping")
    def ping(self, h):
        h.reply(200, b"Pong", content_type="text/plain; charset=utf-8")

    @route("GET", "/health")
    def health(self, h):
        states = {"core": True, "database": True, "registry": True, "jobservice": self.state.config["jobservice"]}
        rows = [{"name": n, "status": "healthy" if ok else "unhealthy"} for n, ok in states.items()]
        self.answer(h, 200, {"status": "healthy" if all(states.values()) else "unhealthy", "components": rows})

    @route("GET", "/systeminfo")
    def systeminfo(self, h):
        info = {"auth_mode": "db_auth", "self_registration": False, "banner_message": ""}
        if h.who.known:  # facts 3.1: versions only for those who are known
            info.update({"harbor_version": "v%s-080b0220" % self.state.config["version"],
                         "registry_url": h.headers.get("Host"), "external_url": "http://" + h.headers.get("Host", ""),
                         "read_only": self.state.config["read_only"], "current_time": self.state.date(self.state.now())})
        self.answer(h, 200, info)

    @route("GET", "/permissions")
    def permissions(self, h):
        rows = [{"resource": r, "action": a} for r, actions in MATRIX.items() for a in actions]
        self.answer(h, 200, {"project": rows, "system": rows})

    # ---- projects ----

    def project_row(self, p):
        row = {"project_id": p.id, "name": p.name, "metadata": p.metadata, "repo_count": len(p.repositories),
               "creation_time": self.state.date(p.created)}
        return {**row, "registry_id": 1} if p.proxy_cache else row

    @route("GET", "/projects")
    def list_projects(self, h):
        wanted = h.query.get("name", [""])[0]
        self.page(h, [self.project_row(p) for p in self.state.projects.values()
                      if wanted in p.name and self.state.may(h.who, p, "project", "read")])

    @route("HEAD", "/projects")
    def head_project(self, h):
        self.project(h, h.query.get("project_name", [""])[0], "project", "read")
        self.answer(h, 200)

    @route("POST", "/projects")
    def create_project(self, h):
        self.admin(h)
        body = h.document()
        name = body.get("project_name", "")
        if not re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", name):
            raise Refusal(400, "BAD_REQUEST", "project name is not in lower case or contains illegal characters")
        if name in self.state.projects:
            raise Refusal(409, "CONFLICT", "The project named %s already exists" % name)
        metadata = {"public": "false", **{k: str(v) for k, v in body.get("metadata", {}).items()}}
        project = self.state.add_project(name, metadata, body.get("storage_limit") or -1)
        self.created(h, name if h.headers.get("X-Resource-Name-In-Location") == "true" else project.id)

    @route("GET", PROJECT)
    def get_project(self, h, name):
        self.answer(h, 200, self.project_row(self.project(h, name, "project", "read")))

    @route("PUT", PROJECT)
    def update_project(self, h, name):
        project = self.project(h, name, "project", "update")
        body = h.document()
        for key, value in body.get("metadata", {}).items():
            if not isinstance(value, str):  # facts 3.2: metadata values are strings
                raise Refusal(422, "UNPROCESSABLE_ENTITY", "metadata.%s must be of type string" % key)
            project.metadata[key] = value
        self.answer(h, 200)

    @route("DELETE", PROJECT)
    def delete_project(self, h, name):
        project = self.project(h, name, "project", "delete")
        if project.repositories:
            raise Refusal(412, "PRECONDITION", "the project contains repositories, can not be deleted")
        del self.state.projects[project.name]
        self.state.robots = {n: r for n, r in self.state.robots.items() if r["project_id"] != project.id}
        self.answer(h, 200)

    @route("GET", PROJECT + "/summary")
    def summary(self, h, name):
        project = self.project(h, name, "project", "read")
        row = {"repo_count": len(project.repositories)}
        if self.state.config["quotas"] and self.state.may(h.who, project, "quota", "read"):
            row["quota"] = {"hard": {"storage": project.limit}, "used": {"storage": project.used}}
        self.answer(h, 200, row)

    @route("GET", PROJECT + "/metadatas/")
    def metadatas(self, h, name):
        self.answer(h, 200, self.project(h, name, "metadata", "list").metadata)

    @route("GET", "/quotas")
    def quotas(self, h):
        self.admin(h)
        wanted = h.query.get("reference_id", [None])[0]
        rows = [{"id": 1000 + p.id, "ref": {"id": p.id, "name": p.name}, "hard": {"storage": p.limit},
                 "used": {"storage": p.used}} for p in self.state.projects.values()
                if self.state.config["quotas"] and wanted in (None, str(p.id))]
        self.page(h, rows)

    @route("PUT", r"/quotas/(\d+)")
    def update_quota(self, h, number):
        self.admin(h)
        project = next((p for p in self.state.projects.values() if 1000 + p.id == int(number)), None)
        if project is None:
            raise Refusal(404, "NOT_FOUND", "quota %s not found" % number)
        limit = h.document().get("hard", {}).get("storage")
        if not isinstance(limit, int) or limit == 0 or limit < -1:
            raise Refusal(400, "BAD_REQUEST", "bad request: invalid hard limit")
        project.limit = limit
        self.answer(h, 200)

    @route("GET", PROJECT + "/scanner")
    def get_scanner(self, h, name):
        project = self.project(h, name, "scanner", "read")
        rows = self.scanner_rows()
        self.answer(h, 200, next((r for r in rows if r["uuid"] == project.scanner), rows[0] if rows else {}))

    def scanner_rows(self):
        if not self.state.config["scanner"]:
            return []
        return [{"uuid": "trivy-uuid", "name": "Trivy", "is_default": True, "url": "http://trivy-adapter:8080"},
                {"uuid": "other-uuid", "name": "Other", "is_default": False, "url": "http://other:8080"}]

    @route("GET", PROJECT + "/scanner/candidates")
    def candidates(self, h, name):
        self.project(h, name, "scanner", "read")
        self.page(h, self.scanner_rows())

    @route("PUT", PROJECT + "/scanner")
    def set_scanner(self, h, name):
        project = self.project(h, name, "scanner", "create")
        uuid = h.document().get("uuid")
        if uuid not in [row["uuid"] for row in self.scanner_rows()]:
            raise Refusal(404, "NOT_FOUND", "scanner %s not found" % uuid)
        project.scanner = uuid
        self.answer(h, 200)

    # ---- immutability rules: facts 3.4 ----

    @staticmethod
    def checked_rule(body):
        tags, scopes = body.get("tag_selectors") or [], (body.get("scope_selectors") or {}).get("repository") or []
        if body.get("action") != "immutable" or body.get("template") != "immutable_template" or not tags or not scopes:
            raise Refusal(400, "BAD_REQUEST", "invalid immutability rule")
        if tags[0].get("decoration") not in ("matches", "excludes"):
            raise Refusal(400, "BAD_REQUEST", "invalid decoration of a tag selector")
        if scopes[0].get("decoration") not in ("repoMatches", "repoExcludes"):
            raise Refusal(400, "BAD_REQUEST", "invalid decoration of a scope selector")
        return {key: body.get(key) for key in ("disabled", "priority", "action", "template", "tag_selectors",
                                               "scope_selectors")}

    @route("GET", PROJECT + "/immutabletagrules")
    def rules(self, h, name):
        self.page(h, self.project(h, name, "immutable-tag", "list").rules)

    @route("POST", PROJECT + "/immutabletagrules")
    def create_rule(self, h, name):
        project = self.project(h, name, "immutable-tag", "create")
        rule = self.checked_rule(h.document())
        if any({**r, "id": 0, "disabled": 0} == {**rule, "id": 0, "disabled": 0} for r in project.rules):
            raise Refusal(409, "CONFLICT", "the immutable rule already exists")
        project.rules.append({**rule, "id": self.state.number()})
        self.created(h, project.rules[-1]["id"])

    def rule(self, project, number):
        found = next((r for r in project.rules if r["id"] == int(number)), None)
        if found is None:
            raise Refusal(404, "NOT_FOUND", "no immutable rule with id %s" % number)
        return found

    @route("PUT", PROJECT + r"/immutabletagrules/(\d+)")
    def update_rule(self, h, name, number):
        project = self.project(h, name, "immutable-tag", "update")
        rule, body = self.rule(project, number), h.document()
        if body.get("id") != rule["id"]:
            raise Refusal(400, "BAD_REQUEST", "the id in the body must be that of the path")
        rule.update(self.checked_rule(body))
        self.answer(h, 200)

    @route("DELETE", PROJECT + r"/immutabletagrules/(\d+)")
    def delete_rule(self, h, name, number):
        project = self.project(h, name, "immutable-tag", "delete")
        project.rules.remove(self.rule(project, number))
        self.answer(h, 200)

    # ---- retention: facts 3.9 ----

    def retention_project(self, h, body, action):
        scope = body.get("scope") or {}
        project = next((p for p in self.state.projects.values() if p.id == scope.get("ref")), None)
        if scope.get("level") != "project" or project is None:
            raise Refusal(400, "BAD_REQUEST", "invalid Project id %s" % scope.get("ref"))
        if not self.state.may(h.who, project, "tag-retention", action):
            self.forbidden(h)
        rules = body.get("rules") or []
        if len(rules) > 15:
            raise Refusal(400, "BAD_REQUEST", "only 15 rules are allowed at most")
        bare = [str({k: v for k, v in rule.items() if k != "id"}) for rule in rules]
        if len(set(bare)) != len(bare):
            raise Refusal(409, "CONFLICT", "rule 1 is conflict with rule 0")
        cron = ((body.get("trigger") or {}).get("settings") or {}).get("cron", "")
        if cron and len(cron.split()) != 6:
            raise Refusal(400, "BAD_REQUEST", "invalid cron: %s" % cron)
        return project

    @route("POST", "/retentions")
    def create_retention(self, h):
        body = h.document()
        project = self.retention_project(h, body, "create")
        if project.metadata.get("retention_id"):
            raise Refusal(400, "BAD_REQUEST", "project %d already has retention policy %s"
                          % (project.id, project.metadata["retention_id"]))
        number = self.state.number()
        self.state.retentions[number] = {**body, "id": number}
        project.metadata["retention_id"] = str(number)
        self.created(h, number)

    def retention(self, h, number, action):
        found = self.state.retentions.get(int(number))
        if found is None:
            raise Refusal(404, "NOT_FOUND", "retention policy %s not found" % number)
        self.retention_project(h, found, action)
        return found

    @route("GET", r"/retentions/(\d+)")
    def get_retention(self, h, number):
        self.answer(h, 200, self.retention(h, number, "read"))

    @route("PUT", r"/retentions/(\d+)")
    def update_retention(self, h, number):
        self.retention(h, number, "update")
        body = h.document()
        project = self.retention_project(h, body, "update")
        if project.metadata.get("retention_id") != number:
            raise Refusal(404, "NOT_FOUND", "the retention policy id %s does not match" % number)
        self.state.retentions[int(number)] = {**body, "id": int(number)}
        self.answer(h, 200)

    @route("POST", r"/retentions/(\d+)/executions")
    def run_retention(self, h, number):
        policy = self.retention(h, number, "operate")
        dry = h.document().get("dry_run", False)
        self.jobservice()
        project = next(p for p in self.state.projects.values() if p.id == policy["scope"]["ref"])
        deleted = []
        for repository in list(project.repositories.values()):
            deleted += self.retain(project, repository, policy["rules"], dry)
        execution = {"id": self.state.number(), "policy_id": int(number), "status": "Succeed", "dry_run": dry,
                     "deleted": deleted}
        self.state.retention_runs.append(execution)
        self.created(h, execution["id"])

    @route("GET", r"/retentions/(\d+)/executions")
    def retention_runs(self, h, number):
        self.retention(h, number, "read")
        self.page(h, [one for one in self.state.retention_runs if one["policy_id"] == int(number)])

    def retain(self, project, repository, rules, dry):
        """Tags that no rule keeps go; immutable ones are skipped (facts 3.4). Works on artifacts, as Harbor does: one
        kept tag keeps the others of its artifact. Accessories follow their subject."""
        kept, active = set(), [rule for rule in rules if not rule.get("disabled")]
        candidates = [a for a in repository.artifacts.values() if a.accessory_type is None]
        names = {a.digest: [t for t, e in repository.tags.items() if e["digest"] == a.digest] for a in candidates}
        applied = False
        for rule in active:
            scope, tags = rule["scope_selectors"]["repository"][0], rule["tag_selectors"][0]
            if match(scope["pattern"], repository.name) == (scope["decoration"] == "repoExcludes"):
                continue
            applied = True
            excludes = tags["decoration"] == "excludes"
            untagged = '"untagged":true' in tags.get("extras", '"untagged":%s' % str(not excludes).lower()).replace(" ", "")
            chosen = [a for a in candidates if (any(match(tags["pattern"], t) != excludes for t in names[a.digest])
                                                if names[a.digest] else untagged != excludes)]
            chosen.sort(key=lambda a: a.push_time, reverse=True)
            count = rule.get("params", {}).get(rule["template"], 0)
            if rule["template"] == "latestPushedK":
                chosen = chosen[:count]
            elif rule["template"] == "nDaysSinceLastPush":
                chosen = [a for a in chosen if a.push_time >= self.state.now() - count * 86400]
            elif rule["template"] != "always":
                raise Refusal(400, "BAD_REQUEST", "the stand-in does not run " + rule["template"])
            kept.update(a.digest for a in chosen)
        deleted = []
        for artifact in candidates if applied else []:
            if artifact.digest in kept or any(artifact.digest in a.children for a in candidates):
                continue
            if any(self.state.immutable(project, repository.name, tag) for tag in names[artifact.digest]):
                continue
            deleted += names[artifact.digest] or [artifact.digest]
            if not dry:
                self.state.remove_artifact(project, repository, artifact)
        return deleted

    # ---- robots: facts 3.8 ----

    def check_robot(self, h, body, action):
        level, permissions = body.get("level"), body.get("permissions") or []
        duration = body.get("duration", 0)
        if level not in ("project", "system"):
            raise Refusal(400, "BAD_REQUEST", "bad request error level input: %s" % level)
        if not isinstance(duration, int) or duration < -1 or duration == 0:
            raise Refusal(400, "BAD_REQUEST", "bad request error duration input: %s" % duration)
        if not permissions or any(not one.get("access") for one in permissions):
            raise Refusal(400, "BAD_REQUEST", "bad request empty permission")
        if level == "project" and (len(permissions) != 1 or permissions[0].get("kind") != "project"):
            raise Refusal(400, "BAD_REQUEST", "bad request permission")
        for permission in permissions:
            for one in permission["access"]:
                if one.get("action") not in MATRIX.get(one.get("resource"), ()):
                    raise Refusal(400, "BAD_REQUEST", "bad request permission: %s:%s not found in permissions"
                                  % (one.get("resource"), one.get("action")))
        if level == "system":
            self.admin(h)
            return None
        project = self.project(h, permissions[0].get("namespace", ""), "robot", action)
        if h.who.kind == "robot":  # a robot gives at most its own rights
            for one in permissions[0]["access"]:
                if not self.state.may(h.who, project, one["resource"], one["action"]):
                    raise Refusal(403, "DENIED", "permission scope is invalid. It must be equal to or more restrictive than "
                                  "the creator robot's permissions")
        return project

    def robot(self, number):
        found = self.state.robots.get(int(number))
        if found is None:
            raise Refusal(404, "NOT_FOUND", "robot %s not found" % number)
        return found

    @staticmethod
    def shown(robot):
        """Never the secret: only the answer to its creation has it."""
        return {key: value for key, value in robot.items() if key not in ("secret", "project_id")}

    def robot_access(self, h, robot, action):
        if robot["level"] == "system":
            return self.admin(h)
        project = next(p for p in self.state.projects.values() if p.id == robot["project_id"])
        if not self.state.may(h.who, project, "robot", action):
            self.forbidden(h)

    @route("GET", "/robots")
    def robots(self, h):
        query = dict(part.partition("=")[::2] for part in h.query.get("q", [""])[0].split(",") if part)
        if query.get("Level") == "project":
            if not query.get("ProjectID", "").isdigit():
                raise Refusal(400, "BAD_REQUEST", "must with project ID when to query project robots")
            project = self.project(h, query["ProjectID"], "robot", "list")
            rows = [r for r in self.state.robots.values() if r["project_id"] == project.id]
        else:  # without a level: those of the system
            self.admin(h)
            rows = [r for r in self.state.robots.values() if r["level"] == "system"]
        self.page(h, [self.shown(row) for row in rows])

    @route("POST", "/robots")
    def create_robot(self, h):
        body = h.document()
        if not re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", body.get("name", "")):
            raise Refusal(400, "BAD_REQUEST", "robot name is not in lower case or contains illegal characters")
        project = self.check_robot(h, body, "create")
        name = self.state.config["robot_name_prefix"] + (project.name + "+" if project else "") + body["name"]
        if any(r["name"] == name for r in self.state.robots.values()):
            raise Refusal(409, "CONFLICT", "robot account %s already exists" % body["name"])
        number, days, now = self.state.number(), body["duration"], self.state.now()
        robot = {"id": number, "name": name, "description": body.get("description", ""), "level": body["level"],
                 "duration": days, "disable": False, "editable": True, "permissions": body["permissions"],
                 "creation_time": self.state.date(now), "created": now, "secret": self.state.secret(),
                 "expires_at": -1 if days == -1 else int(now) + days * 86400,
                 "project_id": project.id if project else 0}
        self.state.robots[number] = robot
        self.answer(h, 201, {"id": number, "name": name, "secret": robot["secret"], "creation_time": robot["creation_time"],
                             "expires_at": robot["expires_at"]}, [("Location", "%s/%d" % (h.url.path, number))])

    @route("GET", r"/robots/(\d+)")
    def get_robot(self, h, number):
        robot = self.robot(number)
        self.robot_access(h, robot, "read")
        self.answer(h, 200, self.shown(robot))

    @route("PUT", r"/robots/(\d+)")
    def update_robot(self, h, number):
        robot, body = self.robot(number), h.document()
        self.check_robot(h, body, "update")
        if body.get("level") != robot["level"] or body.get("name") != robot["name"]:
            raise Refusal(400, "BAD_REQUEST", "cannot update the level or name of robot")
        if body["duration"] != robot["duration"]:  # days count from the creation
            robot["duration"] = body["duration"]
            robot["expires_at"] = -1 if body["duration"] == -1 else int(robot["created"]) + body["duration"] * 86400
        robot.update({"description": body.get("description", ""), "disable": body.get("disable", False),
                      "permissions": body["permissions"]})
        self.answer(h, 200)

    @route("PATCH", r"/robots/(\d+)")
    def renew_robot(self, h, number):
        robot = self.robot(number)
        self.robot_access(h, robot, "update")
        given = h.document().get("secret", "")
        if given and not (8 <= len(given) <= 128 and re.search("[a-z]", given) and re.search("[A-Z]", given)
                          and re.search("[0-9]", given)):
            raise Refusal(400, "BAD_REQUEST", "the secret must be 8-128 characters with upper, lower and digit")
        robot["secret"] = given or self.state.secret()
        self.answer(h, 200, {"secret": "" if given else robot["secret"]})

    @route("DELETE", r"/robots/(\d+)")
    def delete_robot(self, h, number):
        self.robot_access(h, self.robot(number), "delete")
        del self.state.robots[int(number)]
        self.answer(h, 200)

    # ---- labels ----

    @route("GET", "/labels")
    def labels(self, h):
        project = self.project(h, h.query.get("project_id", [""])[0], "label", "list")
        self.page(h, list(project.labels.values()))

    @route("POST", "/labels")
    def create_label(self, h):
        body = h.document()
        project = self.project(h, str(body.get("project_id", "")), "label", "create")
        if not body.get("name"):
            raise Refusal(400, "BAD_REQUEST", "label name can not be empty")
        if any(label["name"] == body["name"] for label in project.labels.values()):
            raise Refusal(409, "CONFLICT", "label %s already exists" % body["name"])
        number = self.state.number()
        project.labels[number] = {"id": number, "name": body["name"], "description": body.get("description", ""),
                                  "color": body.get("color", ""), "scope": "p", "project_id": project.id}
        self.created(h, number)

    def label(self, h, number, action):
        for project in self.state.projects.values():
            if int(number) in project.labels:
                if not self.state.may(h.who, project, "label", action):
                    self.forbidden(h)
                return project, project.labels[int(number)]
        raise Refusal(404, "NOT_FOUND", "label %s not found" % number)

    @route("PUT", r"/labels/(\d+)")
    def update_label(self, h, number):
        _, label = self.label(h, number, "update")
        body = h.document()
        label.update({key: body[key] for key in ("name", "description", "color") if key in body})
        self.answer(h, 200)

    @route("DELETE", r"/labels/(\d+)")
    def delete_label(self, h, number):
        project, label = self.label(h, number, "delete")
        del project.labels[label["id"]]
        for repository in project.repositories.values():
            for artifact in repository.artifacts.values():
                artifact.labels.discard(label["id"])
        self.answer(h, 200)

    # ---- artifacts ----

    def artifact_row(self, h, project, repository, artifact):
        on = lambda key, default="false": h.query.get(key, [default])[0] == "true"  # noqa: E731
        row = {"id": artifact.id, "type": "IMAGE", "media_type": artifact.config_type, "digest": artifact.digest,
               "manifest_media_type": artifact.media_type, "artifact_type": artifact.artifact_type, "size": artifact.size,
               "project_id": project.id, "repository_id": repository.id, "push_time": self.state.date(artifact.push_time),
               "repository_name": project.name + "/" + repository.name, "annotations": artifact.annotations or None,
               "references": [{"parent_id": artifact.id, "child_digest": child} for child in artifact.children] or None}
        if on("with_tag", "true"):
            row["tags"] = [{"id": e["id"], "name": t, "push_time": self.state.date(e["push_time"]),
                            "immutable": on("with_immutable_status") and self.state.immutable(project, repository.name, t)}
                           for t, e in sorted(repository.tags.items()) if e["digest"] == artifact.digest] or None
        if on("with_label"):
            row["labels"] = [project.labels[n] for n in sorted(artifact.labels)] or None
        if on("with_scan_overview") and artifact.scan:
            row["scan_overview"] = {"application/vnd.security.vulnerability.report; version=1.1": artifact.scan}
        return row

    @route("GET", PROJECT + "/repositories")
    def repositories(self, h, name):
        project = self.project(h, name, "repository", "list")
        self.page(h, [{"id": r.id, "project_id": project.id, "name": project.name + "/" + r.name,
                       "artifact_count": len(r.artifacts)} for r in project.repositories.values()])

    @route("DELETE", PROJECT + r"/repositories/([^/]+)")
    def delete_repository(self, h, name, raw):
        project = self.project(h, name, "repository", "delete")
        repository = self.repository(h, project, raw)
        if any(self.state.immutable(project, repository.name, tag) for tag in repository.tags):
            raise Refusal(412, "PRECONDITION", "the repository holds immutable tags, cannot be deleted")
        del project.repositories[repository.name]
        self.state.recount(project)
        self.answer(h, 200)

    @route("GET", ARTIFACTS)
    def artifacts(self, h, name, raw):
        project = self.project(h, name, "artifact", "list")
        repository = self.repository(h, project, raw)
        rows = sorted((a for a in repository.artifacts.values() if a.accessory_type is None),
                      key=lambda a: (a.push_time, a.id), reverse=True)
        self.page(h, [self.artifact_row(h, project, repository, one) for one in rows])

    @route("POST", ARTIFACTS)
    def copy(self, h, name, raw):
        """facts 3.6."""
        project = self.project(h, name, "artifact", "create")
        if project.proxy_cache:
            raise Refusal(405, "METHOD_NOT_ALLOWED", "the operation isn't supported for a proxy project")
        source = h.query.get("from", [""])[0]
        found = re.fullmatch(r"([^/]+)/(.+?)(?:@(sha256:[0-9a-f]{64})|:([^:/]+))", source)
        if not found:
            raise Refusal(400, "BAD_REQUEST", "invalid source: %s" % source)
        origin = self.project(h, found.group(1), "artifact", "read")
        repository, artifact = self.artifact(h, origin, urllib.parse.quote(found.group(2), safe=""),
                                             found.group(3) or found.group(4))
        if artifact.accessory_type is not None:
            raise Refusal(403, "DENIED", "the operation isn't supported for an artifact accessory")
        target_name = urllib.parse.unquote(raw)
        _, target = self.state.find(project.name + "/" + target_name, create=True)
        tags = [t for t, e in repository.tags.items() if e["digest"] == artifact.digest]
        for tag in tags:
            there = target.tags.get(tag)
            if there and there["digest"] != artifact.digest and self.state.immutable(project, target_name, tag):
                raise Refusal(412, "PRECONDITION", "the tag %s configured as immutable, cannot be updated" % tag)
        blobs = dict(artifact.blobs)
        for child in artifact.children:
            blobs.update(repository.artifacts[child].blobs)
        self.state.charge(project, blobs)
        names = (origin.name + "/" + repository.name, project.name + "/" + target_name)
        if artifact.digest not in target.artifacts:
            self.registry.copy(*names, artifact.digest)
            for accessory in self.state.accessories(repository, artifact.digest):
                self.registry.copy(*names, accessory.digest)
        # else: accessories that are new at the source do not arrive (pitfall 27)
        for tag in tags:  # every tag of the source comes along
            target.tags[tag] = {"digest": artifact.digest, "push_time": self.state.now(), "id": self.state.number()}
        self.answer(h, 201, b"", [("Location", "%s/%s" % (h.url.path, artifact.digest))])

    @route("GET", ARTIFACTS + "/([^/]+)")
    def get_artifact(self, h, name, raw, reference):
        project = self.project(h, name, "artifact", "read")
        self.answer(h, 200, self.artifact_row(h, project, *self.artifact(h, project, raw, reference)))

    @route("DELETE", ARTIFACTS + "/([^/]+)")
    def delete_artifact(self, h, name, raw, reference):
        """facts 3.2: the artifact with all its tags, even when one tag was named."""
        project = self.project(h, name, "artifact", "delete")
        repository, artifact = self.artifact(h, project, raw, reference)
        self.state.remove_artifact(project, repository, artifact)
        self.answer(h, 200)

    @route("GET", ARTIFACTS + "/([^/]+)/tags")
    def artifact_tags(self, h, name, raw, reference):
        project = self.project(h, name, "tag", "list")
        repository, artifact = self.artifact(h, project, raw, reference)
        self.page(h, self.artifact_row(h, project, repository, artifact)["tags"] or [])

    @route("POST", ARTIFACTS + "/([^/]+)/tags")
    def create_tag(self, h, name, raw, reference):
        """facts 3.5: creates, never moves: 409 for a tag that exists anywhere in the repository."""
        project = self.project(h, name, "tag", "create")
        if project.proxy_cache:
            raise Refusal(405, "METHOD_NOT_ALLOWED", "the operation isn't supported for a proxy project")
        repository, artifact = self.artifact(h, project, raw, reference)
        tag = h.document().get("name", "")
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", tag):
            raise Refusal(400, "BAD_REQUEST", "invalid tag name: %s" % tag)
        if tag in repository.tags:
            raise Refusal(409, "CONFLICT", "tag %s already exists" % tag)
        repository.tags[tag] = {"digest": artifact.digest, "push_time": self.state.now(), "id": self.state.number()}
        self.created(h, tag)

    @route("DELETE", ARTIFACTS + "/([^/]+)/tags/([^/]+)")
    def delete_tag(self, h, name, raw, reference, tag):
        project = self.project(h, name, "tag", "delete")
        repository, artifact = self.artifact(h, project, raw, reference)
        if repository.tags.get(tag, {}).get("digest") != artifact.digest:
            raise Refusal(404, "NOT_FOUND", "tag %s is not attached to the artifact" % tag)
        if self.state.immutable(project, repository.name, tag):
            raise Refusal(412, "PRECONDITION", "the tag %s configured as immutable, cannot be deleted" % tag)
        del repository.tags[tag]
        self.answer(h, 200)

    @route("GET", ARTIFACTS + "/([^/]+)/accessories")
    def accessories(self, h, name, raw, reference):
        """pitfall 34: without an artifactType."""
        project = self.project(h, name, "accessory", "list")
        repository, artifact = self.artifact(h, project, raw, reference)
        self.page(h, [{"id": a.id, "artifact_id": a.id, "subject_artifact_id": artifact.id, "digest": a.digest,
                       "subject_artifact_digest": artifact.digest, "size": a.size, "type": a.accessory_type,
                       "subject_artifact_repo": project.name + "/" + repository.name,
                       "creation_time": self.state.date(a.push_time)}
                      for a in self.state.accessories(repository, artifact.digest)])

    @route("POST", ARTIFACTS + "/([^/]+)/labels")
    def add_label(self, h, name, raw, reference):
        project = self.project(h, name, "artifact-label", "create")
        _, artifact = self.artifact(h, project, raw, reference)
        number = h.document().get("id")
        if number not in project.labels:
            raise Refusal(404, "NOT_FOUND", "label %s not found" % number)
        if number in artifact.labels:
            raise Refusal(409, "CONFLICT", "label %s is already added to the artifact" % number)
        artifact.labels.add(number)
        self.answer(h, 200)

    @route("DELETE", ARTIFACTS + r"/([^/]+)/labels/(\d+)")
    def remove_label(self, h, name, raw, reference, number):
        project = self.project(h, name, "artifact-label", "delete")
        _, artifact = self.artifact(h, project, raw, reference)
        if int(number) not in artifact.labels:
            raise Refusal(404, "NOT_FOUND", "reference of label %s and artifact not found" % number)
        artifact.labels.discard(int(number))
        self.answer(h, 200)

    @route("POST", ARTIFACTS + "/([^/]+)/scan")
    def scan(self, h, name, raw, reference):
        project = self.project(h, name, "scan", "create")
        _, artifact = self.artifact(h, project, raw, reference)
        if not self.state.config["scanner"]:
            raise Refusal(412, "PRECONDITION", "no available scanner for project: %s" % project.name)
        self.jobservice()
        if not artifact.is_image:
            raise Refusal(400, "BAD_REQUEST", "the configured scanner does not support scanning this artifact")
        self.state.scan(artifact)
        self.answer(h, 202)

    @route("GET", ARTIFACTS + "/([^/]+)/additions/vulnerabilities")
    def vulnerabilities(self, h, name, raw, reference):
        project = self.project(h, name, "artifact-addition", "read")
        _, artifact = self.artifact(h, project, raw, reference)
        if artifact.scan is None:
            raise Refusal(404, "NOT_FOUND", "no report")
        rows = [{"id": "CVE-2026-%04d" % i, "package": "libexample", "version": "1.0", "fix_version": "", "severity": word}
                for word, count in artifact.scan["summary"]["summary"].items() for i in range(count)]
        self.answer(h, 200, {"application/vnd.security.vulnerability.report; version=1.1":
                             {"generated_at": artifact.scan["end_time"], "severity": artifact.scan["severity"],
                              "scanner": artifact.scan["scanner"], "vulnerabilities": rows}})
