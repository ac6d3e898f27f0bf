"""Repositories, artifacts, tags, scans, copies.

A part of the REST door (/api/v2.0) of harbor_stand_in.py; see harbor_stand_in_api.py.
"""
import re
import urllib.parse

from harbor_stand_in_route import ARTIFACTS, PROJECT, route
from harbor_stand_in_state import Refusal


class Artifacts:
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
