"""Robot accounts.

A part of the REST door (/api/v2.0) of harbor_stand_in.py; see harbor_stand_in_api.py.
"""
import re

from harbor_stand_in_route import route
from harbor_stand_in_state import MATRIX, Refusal


class Robots:
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
            project = self.project(h, query["ProjectID"], "robot", "list", by_id=True)
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
