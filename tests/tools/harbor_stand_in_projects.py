"""The system, projects, quotas, scanners, labels.

A part of the REST door (/api/v2.0) of harbor_stand_in.py; see harbor_stand_in_api.py.
"""
import re

from harbor_stand_in_route import PROJECT, route
from harbor_stand_in_state import MATRIX, Refusal


class Projects:
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

    # ---- labels ----

    @route("GET", "/labels")
    def labels(self, h):
        project = self.project(h, h.query.get("project_id", [""])[0], "label", "list", by_id=True)
        self.page(h, list(project.labels.values()))

    @route("POST", "/labels")
    def create_label(self, h):
        body = h.document()
        project = self.project(h, str(body.get("project_id", "")), "label", "create", by_id=True)
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
