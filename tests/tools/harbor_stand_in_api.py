"""The REST door (/api/v2.0) of harbor_stand_in.py: what every request goes through. The calls are in its parts."""
import urllib.parse

from harbor_stand_in_artifacts import Artifacts
from harbor_stand_in_projects import Projects
from harbor_stand_in_robots import Robots
from harbor_stand_in_route import ROUTES
from harbor_stand_in_rules import Rules
from harbor_stand_in_state import Refusal

BASE = "/api/v2.0"


class Api(Projects, Rules, Robots, Artifacts):
    def __init__(self, state, registry):
        self.state, self.registry = state, registry

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

    def project(self, h, name, resource, action, by_id=False):
        """facts 3.1: no right, or no such project: 401 anonymous, 403 known; an administrator sees 404."""
        project = None if by_id else self.state.projects.get(name)
        # facts 3.1: in a path, a number is an id unless the header says that it is a name.
        if name.isdigit() and (by_id or h.headers.get("X-Is-Resource-Name") != "true"):
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
