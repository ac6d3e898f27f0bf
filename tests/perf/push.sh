#!/usr/bin/env bash
# An image from a layout to a docker-registry and back, by imgforge's copy engine and by skopeo, A B A B in one run; ratios are
# what counts.
#   tests/perf/push.sh [MEGABYTES [RUNS [LAYERS]]]
# Needs docker-registry, skopeo, GNU time, and about six times MEGABYTES in ${TMPDIR:-/tmp}. BUILD is the build folder.
# Not a test: nothing here passes or fails. docs/performance.md says what was seen, when, and on what.
set -euo pipefail
cd "$(dirname "$0")/../.."

megabytes="${1:-1000}" runs="${2:-3}" layers="${3:-12}"
push="${BUILD:-build/dev}/bin/perf_push"
work="$(mktemp -d "${TMPDIR:-/tmp}/imgforge-push-XXXXXX")"
registry=
finish() { [ -z "$registry" ] || kill "$registry" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT

python3 - "$work/layout" "$megabytes" "$layers" <<'PY'
import hashlib, json, os, random, sys
folder, megabytes, layers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.makedirs(folder + "/blobs/sha256")
def blob(pieces):
    digest, size = hashlib.sha256(), 0
    with open(folder + "/blob", "wb") as file:
        for piece in pieces:
            digest.update(piece); size += len(piece); file.write(piece)
    os.rename(folder + "/blob", folder + "/blobs/sha256/" + digest.hexdigest())
    return {"digest": "sha256:" + digest.hexdigest(), "size": size}
noise = random.Random(7)
# One layer is half of the image, as in a torch image; the rest is equal parts.
shares = [0.5] + [0.5 / (layers - 1)] * (layers - 1)
found = [{**blob(noise.randbytes(1 << 20) for _ in range(max(1, int(megabytes * share)))),
          "mediaType": "application/vnd.oci.image.layer.v1.tar"} for share in shares]
config = {**blob([json.dumps({"os": "linux", "architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids":
          [layer["digest"] for layer in found]}}).encode()]), "mediaType": "application/vnd.oci.image.config.v1+json"}
kind = "application/vnd.oci.image.manifest.v1+json"
manifest = {**blob([json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": found}).encode()]),
            "mediaType": kind, "annotations": {"org.opencontainers.image.ref.name": "1"}}
json.dump({"schemaVersion": 2, "manifests": [manifest]}, open(folder + "/index.json", "w"))
open(folder + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
PY
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$work/policy.json"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"

fresh() { # an empty registry
  if [ -n "$registry" ]; then kill "$registry"; wait "$registry" 2>/dev/null || true; fi
  rm -rf "$work/registry"
  printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
    "$work/registry" "$port" >"$work/config.yml"
  docker-registry serve "$work/config.yml" >/dev/null 2>"$work/registry.log" & registry=$!
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return; sleep 0.1; done
  echo "docker-registry does not start" >&2; return 1
}
timed() { # NAME COMMAND...
  local name="$1"; shift
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out" 2>"$work/err" || { tail -n 20 "$work/err" >&2; return 1; }
  awk -v name="$name" '{printf "%-28s %7.2f s wall %7.2f s CPU %6.0f MiB\n", name, $1, $2 + $3, $4 / 1024}' "$work/time"
}
skopeo=(skopeo --policy "$work/policy.json" copy --preserve-digests)

for run in $(seq "$runs"); do
  echo "run $run: $megabytes MB in $layers layers"
  fresh
  timed "imgforge push, cold" "$push" "oci:$work/layout:1" "127.0.0.1:$port/a/b:1"
  timed "imgforge push, there" "$push" "oci:$work/layout:1" "127.0.0.1:$port/a/b:1"
  timed "imgforge push, other tag" "$push" "oci:$work/layout:1" "127.0.0.1:$port/a/b:2"
  timed "imgforge copy, mounted" "$push" "127.0.0.1:$port/a/b:1" "127.0.0.1:$port/c/d:1"
  timed "imgforge pull, cold" "$push" "127.0.0.1:$port/a/b:1" "oci:$work/pulled:1"
  rm -rf "$work/pulled"
  timed "skopeo pull, cold" "${skopeo[@]}" --src-tls-verify=false "docker://127.0.0.1:$port/a/b:1" "oci:$work/pulled:1"
  rm -rf "$work/pulled"
  fresh
  timed "skopeo push, cold" "${skopeo[@]}" --dest-tls-verify=false "oci:$work/layout:1" "docker://127.0.0.1:$port/a/b:1"
  timed "skopeo push, there" "${skopeo[@]}" --dest-tls-verify=false "oci:$work/layout:1" "docker://127.0.0.1:$port/a/b:1"
done
