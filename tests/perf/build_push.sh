#!/usr/bin/env bash
# `build --push` against `build`, then `push`: the torch image, wheel layers cold, to an empty docker-registry behind a link of RATE.
#   tests/perf/build_push.sh [SPEC [RATE [RUNS]]]      default: the torch spec, 1gbit, 2
# The store must hold the locked inputs and the executed layers (as after ./quickstart). The registry is in a network namespace that
# this makes and removes; the rate is tc's tbf. Needs root, ip, tc, docker-registry, GNU time, about 8 GB in ${TMPDIR:-/var/tmp}.
# Not a test: ratios within one run are what counts.
set -euo pipefail
cd "$(dirname "$0")/../.."

spec="${1:-specs/pytorch2.6-cuda12.4-debian12.yaml}" rate="${2:-1gbit}" runs="${3:-2}"
imgforge="$(realpath "${IMGFORGE:-build/release/bin/imgforge}")"
store="${IMGFORGE_STORE:-${XDG_DATA_HOME:-$HOME/.local/share}/imgforge/store}"
work="${TMPDIR:-/var/tmp}/imgforge-build-push-$$"
space="imgforge-$$" here="imf$$" there="imr$$"
registry=
mkdir -m 700 "$work"
finish() {
  [ -z "$registry" ] || { kill "$registry" && wait "$registry"; } 2>/dev/null || true
  ip link del "$here" 2>/dev/null || true
  ip netns del "$space" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

ip netns add "$space"
ip link add "$here" type veth peer name "$there"
ip link set "$there" netns "$space"
ip addr add 10.77.61.1/30 dev "$here"
ip link set "$here" up
ip netns exec "$space" ip addr add 10.77.61.2/30 dev "$there"
ip netns exec "$space" ip link set "$there" up
tc qdisc add dev "$here" root tbf rate "$rate" burst 1mb latency 50ms
host=10.77.61.2:5000

fresh_registry() {
  [ -z "$registry" ] || { kill "$registry" && wait "$registry"; } 2>/dev/null || true
  rm -rf "$work/registry"
  printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n' \
    "$work/registry" "$host" >"$work/config.yml"
  ip netns exec "$space" docker-registry serve "$work/config.yml" >/dev/null 2>"$work/registry.log" &
  registry=$!
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/${host/://}") 2>/dev/null && return; sleep 0.1; done
  echo "docker-registry does not start" >&2
  return 1
}

fresh_store() { # with inputs and executed layers alone, hard-linked
  rm -rf "$work/store"
  "$imgforge" cache du --store "$work/store" >/dev/null
  cp -al "$store/inputs/sha256/." "$work/store/inputs/sha256/"
  "$imgforge" plan "$spec" --store "$store" --json | python3 -c '
import json, os, sys
source, target = sys.argv[1:]
for layer in json.load(sys.stdin)["layers"]:
    if layer["executed"] and layer["action"] == "reuse":
        os.link(source + "/layers/" + layer["key"] + ".json", target + "/layers/" + layer["key"] + ".json")
        hexes = layer["digest"][7:]
        os.link(source + "/blobs/sha256/" + hexes, target + "/blobs/sha256/" + hexes)
' "$store" "$work/store"
  sync
}

timed() { # NAME COMMAND...
  local name="$1"
  shift
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >/dev/null
  awk -v name="$name" '{printf "%-34s %7.1f s wall %7.1f s CPU %5.0f MiB\n", name, $1, $2 + $3, $4 / 1024}' "$work/time"
}

echo "link: $rate"
for _ in $(seq "$runs"); do
  fresh_registry
  fresh_store
  timed "build --push" "$imgforge" build "$spec" --ignore-records --to "$host/ml/torch" --plain-http --store "$work/store" --progress none
  fresh_registry
  fresh_store
  timed "build, then push" sh -euc '"$1" build "$2" --ignore-records --store "$3" --progress none
    "$1" push "$(basename "$5")" "$4/ml/torch" --plain-http --store "$3" --progress none' sh \
    "$imgforge" "$spec" "$work/store" "$host" "$("$imgforge" plan "$spec" --store "$store" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["image"])')"
done
