#!/usr/bin/env bash
# The same wheels to an OCI layout, by imgforge and by a peer, in one run; ratios are what counts.
#   tests/perf/peers.sh [SPEC] [RUNS]
# Needs the spec's inputs in the store (imgforge fetch SPEC), buildah, GNU time, and about 25 GB of disk in ${TMPDIR:-/tmp}.
# Not a test: nothing here passes or fails. docs/performance.md says what was seen, when, and on what.
set -euo pipefail
cd "$(dirname "$0")/../.."

spec="${1:-specs/pytorch2.6-cuda12.4-debian12.yaml}"
runs="${2:-1}"
imgforge="${IMGFORGE:-build/release/bin/imgforge}"
store="${IMGFORGE_STORE:-${XDG_DATA_HOME:-$HOME/.local/share}/imgforge/store}"
work="$(mktemp -d "${TMPDIR:-/tmp}/imgforge-perf-XXXXXX")"
trap 'buildah --root "$work/b/root" --runroot "$work/b/run" rm -a >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

timed() { # NAME COMMAND...: wall, CPU (user + system), peak memory of the largest process
  local name="$1"; shift
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out" 2>"$work/err" || { tail -n 20 "$work/err" >&2; return 1; }
  awk -v name="$name" '{printf "%-34s %8.1f s wall %8.1f s CPU %7.0f MiB\n", name, $1, $2 + $3, $4 / 1024}' "$work/time"
}

# The wheels under their own names, as pip wants them.
mkdir "$work/wheels"
python3 - "${spec%.yaml}.lock.json" "$store" "$work/wheels" <<'PY'
import json, os, sys
lock, store, target = sys.argv[1:]
def walk(value):
    if isinstance(value, dict):
        if value.get("origin", {}).get("kind") == "index":
            yield value
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
for wheel in walk(json.load(open(lock))):
    os.symlink(os.path.join(store, "inputs/sha256", wheel["sha256"]), os.path.join(target, wheel["name"]))
PY
cat "$work"/wheels/* | wc -c | awk '{printf "%.2f GB of wheels\n", $1 / 1e9}'

# imgforge without its cache, and without the operating system layer, which the peer does not make either.
cold() {
  local here="$work/cold-$1"
  mkdir -p "$here/inputs" && cp -al "$store/inputs/sha256" "$here/inputs/" 2>/dev/null || cp -r "$store/inputs/sha256" "$here/inputs/"
  mkdir -p "$here/blobs/sha256" "$here/layers"
  "$imgforge" cache du --store "$here" >/dev/null
  cp "$store"/layers/*.json "$here/layers/" 2>/dev/null || true
  for blob in $("$imgforge" plan "$spec" --store "$store" --json | python3 -c '
import json, sys
for layer in json.load(sys.stdin)["layers"]:
    if layer["kind"] != "wheels": print(layer.get("digest", "")[7:])'); do
    [ -n "$blob" ] && ln "$store/blobs/sha256/$blob" "$here/blobs/sha256/" 2>/dev/null || true
  done
  timed "imgforge, wheel layers cold" "$imgforge" build "$spec" --store "$here" --progress none -o "oci:$work/layout-$1"
  timed "imgforge, nothing changed" "$imgforge" build "$spec" --store "$here" --progress none -o "oci:$work/layout-$1"
  rm -rf "$here" "$work/layout-$1"
}

peer() {
  python3 -m venv "$work/venv-$1"
  timed "pip install --no-compile" "$work/venv-$1/bin/pip" install -q --no-index --no-deps --no-compile --no-cache-dir \
    --prefix "$work/tree-$1/opt/venv" "$work"/wheels/*.whl
  local b=(buildah --root "$work/b/root" --runroot "$work/b/run" --storage-driver vfs)
  # shellcheck disable=SC2016  # expanded by the inner shell
  timed "buildah add tree, commit gzip" sh -c '
    set -e; tree="$1"; target="$2"; shift 2
    container=$("$@" from scratch); "$@" add -q "$container" "$tree" /; "$@" commit -q --rm --format oci "$container" "oci:$target"' \
    sh "$work/tree-$1" "$work/peer-$1" "${b[@]}"
  rm -rf "$work/tree-$1" "$work/peer-$1" "$work/venv-$1"
  buildah --root "$work/b/root" --runroot "$work/b/run" --storage-driver vfs rmi -a -f >/dev/null 2>&1 || true
}

for run in $(seq "$runs"); do
  cold "$run"
  if command -v buildah >/dev/null; then peer "$run"; else echo "SKIPPED: the peer: buildah is not installed"; fi
done
