"""Immutability rules and retention.

A part of the REST door (/api/v2.0) of harbor_stand_in.py; see harbor_stand_in_api.py.
"""
from harbor_stand_in_route import PROJECT, route
from harbor_stand_in_state import Refusal, match


class Rules:
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
