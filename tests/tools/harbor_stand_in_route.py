"""How the parts of the REST door name their paths, below /api/v2.0; see harbor_stand_in_api.py."""
import re

ROUTES = []
PROJECT = r"/projects/([^/]+)"
ARTIFACTS = PROJECT + r"/repositories/([^/]+)/artifacts"


def route(method, pattern):
    def register(function):
        ROUTES.append((method, re.compile(pattern), function))
        return function
    return register
