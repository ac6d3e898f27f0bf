#!/usr/bin/env bash
# The same wheels to an OCI layout with gzip layers, by imgforge and by its peers, in one run; ratios are what counts.
#   tests/perf/peers.sh [SPEC] [RUNS]
# Peers: buildah (Debian) and BuildKit (buildkitd and buildctl on the PATH; `go install github.com/moby/buildkit/cmd/...`), each
# with RUN pip install --no-compile from a mounted folder of the same wheels, on the same base, then an OCI layout.
# Needs root, the spec's inputs and built image in the store (imgforge build SPEC), GNU time, and about 40 GB of disk in
# ${TMPDIR:-/var/tmp}. Not a test: nothing here passes or fails. docs/performance.md says what was seen, when, and on what.
set -euo pipefail
cd "$(dirname "$0")/../.."

spec="${1:-specs/pytorch2.6-cuda12.4-debian12.yaml}"
runs="${2:-1}"
imgforge="${IMGFORGE:-build/release/bin/imgforge}"
store="${IMGFORGE_STORE:-${XDG_DATA_HOME:-$HOME/.local/share}/imgforge/store}"
work="${TMPDIR:-/var/tmp}/imgforge-perf-$$"  # in small letters: it becomes part of an image name
mkdir -m 700 "$work"
buildah=(buildah --root "$work/buildah/root" --runroot "$work/buildah/run" --storage-driver overlay)
daemon=""
cleanup() {
  [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null; } || true
  umount "$work"/buildah/root/overlay 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

row() { printf '%-44s %8.1f s wall %8.1f s CPU\n' "$@"; }
timed() { # NAME COMMAND...: wall and CPU (user + system) of the whole process tree
  local name="$1"; shift
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out" 2>"$work/err" || { tail -n 20 "$work/err" >&2; return 1; }
  read -r wall user system memory <"$work/time"
  row "$name" "$wall" "$(echo "$user + $system" | bc)"
  printf '%44s   %s MiB at most\n' "" "$((memory / 1024))"
}

# The wheels under their own names, as pip wants them; pip itself as a wheel; and the image's operating system as a base.
mkdir -p "$work/context/wheels"
python3 tests/perf/peer_inputs.py "${spec%.yaml}.lock.json" "$store" "$work/context/wheels" "$work/base"
python3 -m pip download -q --no-deps -d "$work/context" pip
pip_wheel="$(cd "$work/context" && ls pip-*.whl)"
cat "$work"/context/wheels/* | wc -c | awk '{printf "%.2f GB of wheels\n", $1 / 1e9}'
install="python3 /context/$pip_wheel/pip install -q --no-index --no-deps --no-compile --no-cache-dir --break-system-packages --prefix /opt/venv /context/wheels/*.whl"

# imgforge with an empty cache but for the operating system's layers, which the peers do not make either.
cold() {
  local here="$work/cold"
  python3 tests/perf/cold_store.py "$imgforge" "$spec" "$store" "$here"
  timed "imgforge, wheel layers cold" "$imgforge" build "$spec" --store "$here" --ignore-records --progress none -o "oci:$work/layout"
  timed "imgforge, nothing changed" "$imgforge" build "$spec" --store "$here" --progress none -o "oci:$work/layout"
  rm -rf "$here" "$work/layout"
  python3 tests/perf/cold_store.py "$imgforge" "$spec" "$store" "$here"
  timed "imgforge, cold with the lock's record" "$imgforge" build "$spec" --store "$here" --progress none -o "oci:$work/layout"
  rm -rf "$here" "$work/layout"
}

with_buildah() {
  printf 'FROM oci:%s:base\nRUN %s\n' "$work/base" "$install" >"$work/Containerfile"
  timed "buildah: RUN pip install, OCI layout" sh -euc '
    work="$1"; shift
    "$@" bud -q --isolation chroot --volume "$work/context:/context:ro" --format oci -t peer -f "$work/Containerfile" "$work/empty"
    "$@" push -q --compression-format gzip peer "oci:$work/buildah-layout:peer"' sh "$work" "${buildah[@]}"
  du -sb "$work/buildah-layout/blobs" | awk '{printf "%44s   %.2f GB\n", "", $1 / 1e9}'
  rm -rf "$work/buildah-layout"
  "${buildah[@]}" rmi -a -f >/dev/null 2>&1 || true
}

# The daemon and the programs that it ran and waited for, in seconds.
daemon_seconds() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15 + $16 + $17) / hz}' "/proc/$daemon/stat"; }

with_buildkit() {
  mkdir -p "$work/frontend"
  printf 'FROM base\nRUN --mount=type=bind,target=/context %s\n' "$install" >"$work/frontend/Dockerfile"
  local before after start end
  before="$(daemon_seconds)" start="$(date +%s.%N)"
  buildctl --addr "unix://$work/buildkit.sock" build --frontend dockerfile.v0 --no-cache \
    --local "context=$work/context" --local "dockerfile=$work/frontend" \
    --oci-layout "base=$work/base" --opt "context:base=oci-layout://base@$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$work/base/index.json")" \
    --output "type=oci,tar=false,compression=gzip,dest=$work/buildkit-layout" >"$work/out" 2>"$work/err" || { tail -n 20 "$work/err" >&2; return 1; }
  end="$(date +%s.%N)" after="$(daemon_seconds)"
  row "BuildKit: RUN pip install, OCI layout" "$(echo "$end - $start" | bc)" "$(echo "$after - $before" | bc)"
  du -sb "$work/buildkit-layout/blobs" | awk '{printf "%44s   %.2f GB\n", "", $1 / 1e9}'
  rm -rf "$work/buildkit-layout"
  buildctl --addr "unix://$work/buildkit.sock" prune --all >/dev/null
}

mkdir "$work/empty"
if command -v buildkitd >/dev/null; then
  buildkitd --root "$work/buildkit" --addr "unix://$work/buildkit.sock" --oci-worker-net host --oci-worker-snapshotter overlayfs >"$work/buildkitd.log" 2>&1 &
  daemon=$!
  for _ in $(seq 50); do [ -S "$work/buildkit.sock" ] && break; sleep 0.2; done
fi
uname -sr
"$imgforge" --version
for run in $(seq "$runs"); do
  echo "run $run"
  cold
  if command -v buildah >/dev/null; then buildah --version; with_buildah; else echo "SKIPPED: buildah is not installed"; fi
  if [ -n "$daemon" ]; then buildkitd --version; with_buildkit; else echo "SKIPPED: BuildKit: buildkitd is not on the PATH"; fi
done
