#!/usr/bin/env bash
# How long podman and docker take for one layer of an image, spliced by imgforge, gzipped by buildah, and as zstd: the same files.
#   tests/perf/pulls.sh [SPEC] [LAYER] [RUNS]      default: the torch image, the layer of torch, 2
# podman pulls from OCI layouts, docker from a docker-registry on 127.0.0.1 (docker before 23 has no zstd). Rounds of gzip, buildah,
# zstd; ratios are what counts. Needs root, the built image in the store, umoci, buildah, podman, GNU time, for docker also dockerd,
# docker-registry and skopeo; about 25 GB of disk in ${TMPDIR:-/var/tmp}. Not a test.
set -euo pipefail
cd "$(dirname "$0")/../.."

spec="${1:-specs/pytorch2.6-cuda12.4-debian12.yaml}"
title="${2:-torch}"
runs="${3:-2}"
imgforge="$(realpath "${IMGFORGE:-build/release/bin/imgforge}")"
store="${IMGFORGE_STORE:-${XDG_DATA_HOME:-$HOME/.local/share}/imgforge/store}"
work="${TMPDIR:-/var/tmp}/imgforge-pulls-$$"
mkdir -m 700 "$work"
started=()
cleanup() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  umount "$work"/*/overlay "$work"/docker/*/* 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

one_layer() { # BUILD_JSON LAYOUT: an image of the one layer whose plan's title begins with $title
  python3 tests/perf/one_layer.py "$imgforge" "$1" "$store" "$title" "$2"
}

one_layer "$spec" "$work/gzip"
# The same layer as zstd, through a spec of its own.
mkdir "$work/project"
cp -r layers examples "$work/project/"
mkdir "$work/project/specs"
{ cat "$spec"; echo "compression: zstd"; } >"$work/project/specs/zstd.yaml"
(cd "$work/project" && "$imgforge" lock specs/zstd.yaml --store "$store" --progress none >/dev/null &&
  "$imgforge" build specs/zstd.yaml --store "$store" --progress none >/dev/null)
one_layer "$work/project/specs/zstd.yaml" "$work/zstd"
# The same files gzipped by buildah.
umoci unpack --image "$work/gzip:image" "$work/bundle" >/dev/null
(
  b=(buildah --root "$work/buildah/root" --runroot "$work/buildah/run" --storage-driver vfs)
  container="$("${b[@]}" from scratch)"
  "${b[@]}" add -q "$container" "$work/bundle/rootfs" / >/dev/null
  "${b[@]}" commit -q --rm --disable-compression=false --format oci "$container" "oci:$work/buildah-gzip:image" >/dev/null
)
rm -rf "$work/buildah" "$work/bundle"
for kind in gzip buildah-gzip zstd; do du -sb "$work/$kind/blobs" | awk -v k="$kind" '{printf "%-14s %.1f MB\n", k, $1 / 1e6}'; done

with_podman() {
  local p=(podman --root "$work/podman/root" --runroot "$work/podman/run" --tmpdir "$work/podman/tmp" --storage-driver overlay --events-backend none)
  sync
  /usr/bin/time -o "$work/time" -f '%e %U %S' "${p[@]}" pull -q "oci:$work/$1:image" >/dev/null
  awk -v name="podman $1" '{printf "%-24s %6.1f s wall %6.1f s CPU\n", name, $1, $2 + $3}' "$work/time"
  "${p[@]}" rmi -a -f >/dev/null
}

docker_ready=""
start_docker() {
  command -v dockerd >/dev/null && command -v docker-registry >/dev/null || { echo "SKIPPED: docker: dockerd or docker-registry is not installed"; return; }
  printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:5987"}\nlog: {level: error}\n' "$work/registry" >"$work/registry.yml"
  docker-registry serve "$work/registry.yml" >/dev/null 2>&1 &
  started+=($!)
  dockerd --data-root "$work/docker" --exec-root "$work/docker-run" --pidfile "$work/docker.pid" -H "unix://$work/docker.sock" \
    --bridge none --iptables=false --ip6tables=false --ip-masq=false --insecure-registry 127.0.0.1:5987 >"$work/dockerd.log" 2>&1 &
  started+=($!)
  docker_pid=$!
  for _ in $(seq 60); do docker -H "unix://$work/docker.sock" version >/dev/null 2>&1 && { docker_ready=1; break; }; sleep 0.5; done
  [ -n "$docker_ready" ] || { echo "SKIPPED: docker: the daemon does not start here: $(tail -n 1 "$work/dockerd.log")"; return; }
  docker -H "unix://$work/docker.sock" version --format 'docker {{.Server.Version}}'
  for kind in gzip buildah-gzip; do skopeo copy -q --dest-tls-verify=false "oci:$work/$kind:image" "docker://127.0.0.1:5987/$kind:1"; done
}
with_docker() {
  local d=(docker -H "unix://$work/docker.sock") start end before after
  seconds() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15 + $16 + $17) / hz}' "/proc/$docker_pid/stat"; }
  sync
  before="$(seconds)" start="$(date +%s.%N)"
  "${d[@]}" pull -q "127.0.0.1:5987/$1:1" >/dev/null
  end="$(date +%s.%N)" after="$(seconds)"
  printf '%-24s %6.1f s wall %6.1f s CPU of the daemon\n' "docker $1" "$(echo "$end - $start" | bc)" "$(echo "$after - $before" | bc)"
  "${d[@]}" rmi -f "127.0.0.1:5987/$1:1" >/dev/null
}

uname -sr; podman --version; buildah --version
start_docker
for _ in $(seq "$runs"); do
  for kind in gzip buildah-gzip zstd; do with_podman "$kind"; done
  [ -z "$docker_ready" ] || for kind in gzip buildah-gzip; do with_docker "$kind"; done
done
