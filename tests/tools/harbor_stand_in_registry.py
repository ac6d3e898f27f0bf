"""The /v2/ door and the token service of harbor_stand_in.py: Harbor's rules before a real docker-registry."""
import hashlib
import http.client
import json
import re
import urllib.parse

from harbor_stand_in_state import SEVERITIES, Artifact, Refusal

MANIFEST_LIMIT = 4 << 20
DIGEST = re.compile(r"sha256:[0-9a-f]{64}$")
INDEX_TYPES = ("application/vnd.oci.image.index.v1+json",
               "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST_TYPES = INDEX_TYPES + ("application/vnd.oci.image.manifest.v1+json",
                                "application/vnd.docker.distribution.manifest.v2+json")
HOP = ("connection", "transfer-encoding", "content-length", "authorization", "expect", "keep-alive", "cookie")


class Registry:
    def __init__(self, state, backend_port):
        self.state, self.backend_port = state, backend_port
        self.uploads = {}  # upload id -> bytes so far

    # ---- the token service ----

    def token(self, h):
        if h.command != "GET":  # facts 3.3, pitfall 4
            raise Refusal(405, "METHOD_NOT_ALLOWED", "method not allowed")
        if h.query.get("service") != ["harbor-registry"]:
            raise Refusal(400, "BAD_REQUEST", "unsupported service")
        scopes = [one for value in h.query.get("scope", []) for one in value.split()]
        if h.who.bad and not scopes:  # facts 3.3: only without a scope is a wrong password refused
            raise Refusal(401, "UNAUTHORIZED", "unauthorized")
        who = h.who if not h.who.bad else type(h.who)()
        token = self.state.issue_token(who, scopes)
        h.reply(200, {"token": token, "access_token": "", "expires_in": self.state.config["token_seconds"],
                      "issued_at": self.state.date(self.state.now())})

    # ---- who may ----

    def challenge(self, h, scope=""):
        """facts 3.3: the realm's host is the request's Host."""
        text = 'Bearer realm="http://%s/service/token",service="harbor-registry"' % h.headers.get("Host", "")
        return text + (',scope="%s"' % scope if scope else "")

    def unauthorized(self, h, name, action):
        message = "unauthorized to access repository: %s, action: %s" % (name, action)
        if h.who.door == "none" and not h.who.bad:
            raise Refusal(401, "UNAUTHORIZED", message,
                          [("Www-Authenticate", self.challenge(h, "repository:%s:%s" % (name, action)))])
        # facts 3.3, pitfall 2: whoever shows something and lacks the right gets Basic, not 403.
        raise Refusal(401, "UNAUTHORIZED", message, [("Www-Authenticate", 'Basic realm="harbor"')])

    def allow(self, h, name, action):
        project = self.state.projects.get(name.split("/")[0])
        if h.who.door == "none":  # facts 3.3: even for public projects a token comes first
            self.unauthorized(h, name, "pull,push" if action != "pull" else "pull")
        if project is None:
            raise Refusal(401, "UNAUTHORIZED", "project %s not found" % name.split("/")[0], [("Www-Authenticate", "")])
        if self.has(h, name, action):
            return project
        return self.unauthorized(h, name, action)

    def has(self, h, name, action):
        project = self.state.projects.get(name.split("/")[0])
        if project is None:
            return False
        if h.who.door == "bearer":
            # facts 3.3: from 2.15 on, a token from before the project was made is refused.
            if self.state.at_least(2, 15) and h.who.issued < project.created:
                return False
            return not h.who.bad and action in h.who.grants.get(name, ())
        right = {"pull": ("repository", "pull"), "push": ("repository", "push"), "delete": ("artifact", "delete")}[action]
        return self.state.may(h.who, project, *right)

    # ---- routes ----

    def handle(self, h):
        path = h.url.path
        if path in ("/v2/", "/v2"):
            if not h.who.known:
                header = self.challenge(h) if h.who.door == "none" else 'Basic realm="harbor"'
                raise Refusal(401, "UNAUTHORIZED", "unauthorized", [("Www-Authenticate", header)])
            return h.reply(200, b"{}", [("Docker-Distribution-Api-Version", "registry/2.0")])
        for pattern, handler in ((r"/v2/(.+)/blobs/uploads/(.*)", self.uploads_route), (r"/v2/(.+)/blobs/([^/]+)", self.blobs),
                                 (r"/v2/(.+)/manifests/([^/]+)", self.manifests), (r"/v2/(.+)/tags/list", self.tags),
                                 (r"/v2/(.+)/referrers/([^/]+)", self.referrers)):
            found = re.fullmatch(pattern, path)
            if found:
                if "/" not in found.group(1):  # facts 3.3: two components at least
                    raise Refusal(404, "NAME_UNKNOWN", "repository name must be canonical: project/repository")
                return handler(h, *found.groups())
        return h.reply(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")

    def forward(self, h, path=None, body=None, keep=(), then=None):
        """Passes the request on and the answer back; returns (status, headers) when it has been sent.
        then(status) is called before the answer goes: what the client's next request depends on."""
        headers = {n: ", ".join(h.headers.get_all(n)) for n in h.headers if n.lower() not in HOP}  # Accept comes in several
        size = h.headers.get("Content-Length")
        backend = http.client.HTTPConnection("127.0.0.1", self.backend_port, timeout=300)
        if body is None and (size is None or int(size) == 0) and not h.headers.get("Transfer-Encoding"):
            backend.request(h.command, path or h.path, b"" if h.command in ("PUT", "POST", "PATCH") else None, headers)
        elif body is not None:
            backend.request(h.command, path or h.path, body, headers)
        elif size is not None:
            backend.request(h.command, path or h.path, h.pieces(), {**headers, "Content-Length": size})
        else:
            backend.request(h.command, path or h.path, h.pieces(), headers, encode_chunked=True)
        answer = backend.getresponse()
        if then is not None:
            then(answer.status)
        if h.command == "HEAD" or answer.status in (204, 304):
            h.drain()
            h.send_response(answer.status)
            self.copy_headers(h, answer, dict(keep), with_length=True)
            backend.close()
            return answer.status, answer
        length = answer.getheader("Content-Length")
        h.drain()
        h.send_response(answer.status)
        self.copy_headers(h, answer, dict(keep), with_length=length is not None)
        while data := answer.read(1 << 18):
            h.wfile.write(data)
        backend.close()
        return answer.status, answer

    @staticmethod
    def copy_headers(h, answer, more, with_length):
        for name, value in answer.getheaders():
            low = name.lower()
            if low in ("connection", "transfer-encoding", "date", "server") or (low == "content-length" and not with_length):
                continue
            h.send_header(name, value)
        for name, value in more.items():
            h.send_header(name, value)
        if not with_length:
            h.send_header("Connection", "close")
            h.close_connection = True
        h.end_headers()

    def ask(self, method, path, body=None, headers=None):
        backend = http.client.HTTPConnection("127.0.0.1", self.backend_port, timeout=300)
        backend.request(method, path, body, headers or {})
        answer = backend.getresponse()
        data = answer.read()
        backend.close()
        return answer.status, answer, data

    def blob_size(self, name, digest):
        status, answer, _ = self.ask("HEAD", "/v2/%s/blobs/%s" % (name, digest))
        return int(answer.getheader("Content-Length") or 0) if status == 200 else None

    # ---- blobs ----

    def uploads_route(self, h, name, upload):
        project = self.allow(h, name, "push" if h.command != "GET" else "pull")
        if h.command in ("POST", "PATCH", "PUT"):
            self.state.check_writable(project)
        digest = h.query.get("digest", [""])[0]
        source, mounted = h.query.get("from", [""])[0], h.query.get("mount", [""])[0]
        sent = int(h.headers.get("Content-Length") or 0)
        if h.command == "POST" and mounted and source:
            if not self.has(h, source, "pull"):  # pitfall 1: 401, not 202
                self.unauthorized(h, source, "pull")
            size = self.blob_size(source, mounted)
            if size is not None:
                with self.state.lock:
                    new = self.state.charge(project, {mounted: size})  # the first of the three places
                self.forward(h, then=lambda status: status == 201 and project.blobs.update(new))
                return
        if h.command == "PUT" and digest:
            with self.state.lock:  # the second place
                new = self.state.charge(project, {digest: self.uploads.get(upload, 0) + sent})
            def stored(status):
                if status == 201:
                    project.blobs.update(new)
                    self.uploads.pop(upload, None)
            self.forward(h, then=stored)
            return
        counted = [0]
        if h.command == "PATCH":
            pieces = h.pieces

            def counting():
                for piece in pieces():
                    counted[0] += len(piece)
                    yield piece
            h.pieces = counting

        def taken(status):
            if h.command == "PATCH" and status == 202:
                self.uploads[upload] = self.uploads.get(upload, 0) + counted[0]
        self.forward(h, then=taken)

    def blobs(self, h, name, digest):
        if h.command == "DELETE":
            raise Refusal(405, "UNSUPPORTED", "the operation is unsupported")
        self.allow(h, name, "pull")
        if h.command == "HEAD":
            with self.state.lock:
                if self.state.collecting > 0:  # facts 3.10: during garbage collection
                    self.state.collecting -= 1
                    raise Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")
        self.forward(h)

    # ---- manifests ----

    def manifests(self, h, name, reference):
        if h.command == "PUT":
            return self.put_manifest(h, name, reference)
        project = self.allow(h, name, "delete" if h.command == "DELETE" else "pull")
        _, repository = self.state.find(name)
        by_digest = DIGEST.match(reference)
        if h.command == "DELETE":
            if not by_digest:  # facts 3.5
                raise Refusal(400, "UNSUPPORTED", "the operation is unsupported")
            with self.state.lock:
                self.state.check_writable()
                artifact = repository and repository.artifacts.get(reference)
                if not artifact:
                    raise Refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
                self.state.remove_artifact(project, repository, artifact)
            self.ask("DELETE", "/v2/%s/manifests/%s" % (name, reference))
            return h.reply(202)
        with self.state.lock:
            digest = reference
            if not by_digest:
                entry = repository.tags.get(reference) if repository else None
                if entry is None:
                    raise Refusal(404, "MANIFEST_UNKNOWN", "artifact %s:%s not found" % (name, reference))
                digest = entry["digest"]
            artifact = repository.artifacts.get(digest) if repository else None
            if artifact is None:
                raise Refusal(404, "MANIFEST_UNKNOWN", "artifact %s@%s not found" % (name, digest))
            self.check_pull(h, name, project, repository, artifact)
        return self.forward(h, "/v2/%s/manifests/%s" % (name, digest))

    def check_pull(self, h, name, project, repository, artifact):
        """facts 3.11: content trust and the ceiling, and who passes by them."""
        if artifact.accessory_type is not None:
            return
        agent = h.headers.get("User-Agent", "")
        if h.who.door == "bearer" and self.has(h, name, "push") and ("cosign" in agent or "notation" in agent):
            return
        kinds = {a.accessory_type for a in self.state.accessories(repository, artifact.digest)}
        for key, kind, tool in (("enable_content_trust_cosign", "signature.cosign", "cosign"),
                                ("enable_content_trust", "signature.notation", "notation")):
            if project.metadata.get(key) == "true" and kind not in kinds:  # the accessory's validity is not checked
                raise Refusal(412, "PROJECTPOLICYVIOLATION", "The image is not signed by %s." % tool)
        if project.metadata.get("prevent_vul") != "true" or not artifact.is_image:
            return  # an index is skipped; its children are checked when they are pulled
        ceiling = project.metadata.get("severity", "low").capitalize()
        policy = "'Prevent images with vulnerability severity of \"%s\" or higher from running.'" % ceiling
        if artifact.scan is None:
            raise Refusal(412, "PROJECTPOLICYVIOLATION", "current image without vulnerability scanning cannot be pulled "
                          "due to configured policy in " + policy)
        if SEVERITIES.index(artifact.scan["severity"]) >= SEVERITIES.index(ceiling):
            raise Refusal(412, "PROJECTPOLICYVIOLATION", "current image with %d vulnerabilities cannot be pulled due to "
                          "configured policy in %s" % (artifact.scan["summary"]["total"], policy))

    def put_manifest(self, h, name, reference):
        project = self.allow(h, name, "push")
        self.state.check_writable(project)
        data = h.body(MANIFEST_LIMIT)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        tag = None if DIGEST.match(reference) else reference
        short = name.partition("/")[2]
        with self.state.lock:
            _, repository = self.state.find(name)
            # facts 3.4: 412 for an existing tag even when the digest is the same; by digest it is not checked.
            if tag and repository and tag in repository.tags and self.state.immutable(project, short, tag):
                raise Refusal(412, "PRECONDITION", "Failed to process request due to '%s:%s' configured as immutable."
                              % (short, tag))
            artifact = self.parse(name, digest, data, tag)
            self.state.charge(project, artifact.blobs)  # the third place
            # facts 3.5: the backend sees digests only; tags are Harbor's own.
            status, answer, body = self.ask("PUT", "/v2/%s/manifests/%s" % (name, digest), data,
                                            {"Content-Type": h.headers.get("Content-Type", "")})
            if status == 201:
                self.store(project, name, artifact, tag)
        headers = [("Location", "/v2/%s/manifests/%s" % (name, digest)), ("Docker-Content-Digest", digest)]
        # facts 3.7: the header since 2.9.
        if status == 201 and artifact.declared_subject and self.state.at_least(2, 9):
            headers.append(("OCI-Subject", artifact.declared_subject))
        if status != 201:
            return h.reply(status, body, [("Content-Type", answer.getheader("Content-Type") or "application/json")])
        return h.reply(201, b"", headers)

    def parse(self, name, digest, data, tag):
        try:
            manifest = json.loads(data)
        except ValueError:
            raise Refusal(400, "MANIFEST_INVALID", "manifest invalid") from None
        artifact = Artifact(0, digest, manifest_size=len(data), media_type=manifest.get("mediaType", ""),
                            annotations=manifest.get("annotations") or {}, push_time=self.state.now())
        artifact.children = [one["digest"] for one in manifest.get("manifests", [])]
        artifact.blobs = {one["digest"]: one["size"] for one in [manifest.get("config"), *manifest.get("layers", [])] if one}
        artifact.blobs[digest] = len(data)
        artifact.size = sum(artifact.blobs.values())
        artifact.config_type = (manifest.get("config") or {}).get("mediaType", "")
        artifact.artifact_type = manifest.get("artifactType") or artifact.config_type
        _, repository = self.state.find(name)
        for child in artifact.children:
            if repository is None or child not in repository.artifacts:
                raise Refusal(404, "MANIFEST_UNKNOWN", "artifact %s@%s not found" % (name, child))
        artifact.declared_subject = (manifest.get("subject") or {}).get("digest")
        self.recognise(artifact, manifest, tag, repository)
        return artifact

    def recognise(self, artifact, manifest, tag, repository):
        """facts 3.7: which accessory it is, by version."""
        legacy = re.fullmatch(r"sha256-([0-9a-f]{64})\.sig", tag or "")
        layers = {layer.get("mediaType") for layer in manifest.get("layers", [])}
        if legacy and "application/vnd.dev.cosign.simplesigning.v1+json" in layers:
            subject = "sha256:" + legacy.group(1)
            if repository is not None and subject in repository.artifacts:  # the subject comes first
                artifact.subject, artifact.accessory_type = subject, "signature.cosign"
            return
        if not artifact.declared_subject or not self.state.at_least(2, 8):
            return
        kind, at_least = artifact.artifact_type, self.state.at_least
        artifact.subject, artifact.accessory_type = artifact.declared_subject, "subject.accessory"
        if kind == "application/vnd.cncf.notary.signature":
            artifact.accessory_type = "signature.notation"
        elif kind == "application/vnd.dev.cosign.artifact.sig.v1+json" and at_least(2, 11):
            artifact.accessory_type = "signature.cosign"
        elif kind == "application/vnd.goharbor.harbor.sbom.v1" and at_least(2, 11):
            artifact.accessory_type = "sbom.harbor"
        elif kind.startswith("application/vnd.dev.sigstore.bundle.v0.3") and at_least(2, 15):
            artifact.accessory_type = "signature.cosign"  # pitfall 23: unrecognised before

    def store(self, project, name, artifact, tag):
        _, repository = self.state.find(name, create=True)
        known = repository.artifacts.get(artifact.digest)
        if known is None:  # facts 3.5: the same digest under another tag is no new artifact
            artifact.id = self.state.number()
            repository.artifacts[artifact.digest] = known = artifact
            for child in artifact.children:
                known.size += repository.artifacts[child].size
            if project.metadata.get("auto_scan") == "true" and artifact.is_image and self.state.config["scanner"]:
                self.state.scan(artifact)
        elif known.accessory_type is None and artifact.accessory_type is not None:
            known.subject, known.accessory_type = artifact.subject, artifact.accessory_type
        project.blobs.update(artifact.blobs)
        if tag:
            repository.tags[tag] = {"digest": artifact.digest, "push_time": self.state.now(), "id": self.state.number()}

    # ---- lists ----

    def tags(self, h, name):
        """facts 1.6: Harbor sorts and pages with a relative Link; n=0 gives nothing."""
        self.allow(h, name, "pull")
        with self.state.lock:
            _, repository = self.state.find(name)
            if repository is None:
                raise Refusal(404, "NAME_UNKNOWN", "repository %s not found" % name)
            names = sorted(repository.tags)
        last = h.query.get("last", [""])[0]
        rest = [tag for tag in names if tag > last]
        headers = []
        if "n" in h.query:
            n = int(h.query["n"][0])
            if 0 < n < len(rest):
                link = "/v2/%s/tags/list?%s" % (name, urllib.parse.urlencode({"last": rest[n - 1], "n": n}))
                headers.append(("Link", '<%s>; rel="next"' % link))
            rest = rest[:n]
        h.reply(200, {"name": name, "tags": rest}, headers)

    def referrers(self, h, name, digest):
        if not self.state.at_least(2, 8):  # facts 3.7
            return h.reply(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")
        self.allow(h, name, "pull")
        if not DIGEST.match(digest):
            raise Refusal(400, "BAD_REQUEST", "invalid digest")
        with self.state.lock:
            _, repository = self.state.find(name)
            found = self.state.accessories(repository, digest) if repository else []
        wanted = h.query.get("artifactType", [None])[0]
        right = self.state.at_least(2, 11)  # before: the config's type, and no filter (pitfall 22)
        manifests = []
        for one in found:
            kind = one.artifact_type if right else one.config_type
            if wanted and right and kind != wanted:
                continue
            manifests.append({"mediaType": one.media_type, "digest": one.digest, "size": one.manifest_size,
                              "artifactType": kind, "annotations": one.annotations})
        headers = [("Content-Type", "application/vnd.oci.image.index.v1+json")]
        if wanted and right:
            headers.append(("OCI-Filters-Applied", "artifactType"))
        return h.reply(200, {"schemaVersion": 2, "mediaType": headers[0][1], "manifests": manifests}, headers)

    # ---- copies inside the server ----

    def copy(self, source, target, digest):
        """Blobs by mount, then the manifest: children first. `source` and `target` are whole names."""
        _, repository = self.state.find(source)
        artifact = repository.artifacts[digest]
        for child in artifact.children:
            self.copy(source, target, child)
        for blob in artifact.blobs:
            if blob != digest:
                self.ask("POST", "/v2/%s/blobs/uploads/?mount=%s&from=%s" % (target, blob, urllib.parse.quote(source)), b"")
        _, _, data = self.ask("GET", "/v2/%s/manifests/%s" % (source, digest), None, {"Accept": ", ".join(MANIFEST_TYPES)})
        status, _, said = self.ask("PUT", "/v2/%s/manifests/%s" % (target, digest), data,
                                   {"Content-Type": artifact.media_type})
        if status != 201:
            raise Refusal(500, "UNKNOWN", "internal server error: " + said.decode(errors="replace"))
        copied = Artifact(0, digest, **{key: value for key, value in artifact.__dict__.items()
                                        if key not in ("id", "digest", "labels", "scan")})
        copied.labels, copied.scan, copied.push_time = set(), None, self.state.now()
        project = self.state.projects[target.split("/")[0]]
        self.store(project, target, copied, None)
