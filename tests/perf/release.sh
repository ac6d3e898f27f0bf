#!/usr/bin/env bash
# Publishing an image that was built: pushed by imgforge and by skopeo to an empty docker-registry, A B A B in one run; pushed when
# all of it is there; promoted within its repository. The program itself, from start to exit.
#   tests/perf/release.sh LAYOUT TAG [RUNS]      for example: tests/perf/release.sh out/pytorch2.6-cuda12.4-debian12 TAG 3
# Needs docker-registry, skopeo, GNU time, and twice the image's size in ${TMPDIR:-/var/tmp}. IMGFORGE is the program.
# Not a test: nothing here passes or fails. docs/performance.md says what was seen, when, and on what.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
layout="$(realpath "$1")" tag="$2" runs="${3:-3}"
cd "$(dirname "$0")/../.."
imgforge="$(realpath "${IMGFORGE:-build/release/bin/imgforge}")"
work="$(mktemp -d "${TMPDIR:-/var/tmp}/imgforge-release-XXXXXX")"
registry=
finish() { [ -z "$registry" ] || kill "$registry" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
export HOME="$work" IMGFORGE_STORE="$work/store" IMGFORGE_KEY_PASSPHRASE="of this measurement alone"

echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$work/policy.json"
printf 'trust: 1\nkeys: {team: team.pub, plain: plain.pub}\nrepositories:\n  - match: ["**"]\n    signatures:\n      - by: [team, plain]\n' >"$work/trust.yaml"
printf 'imgforge: 1\ntrust: team\nchannels:\n  one: {kind: nightly, gates: {signed: true}}\n  two: {kind: lts, from: one, gates: {signed: true}}\n  three: {kind: gpu, from: one, gates: {signed: true}}\n' \
  >"$work/channels.yaml"
mkdir -p "$work/.config/imgforge"
printf 'channel_policy: %s/channels.yaml\ntrust_policy: %s/trust.yaml\nsigning_key: %s/team.key\n' "$work" "$work" "$work" \
  >"$work/.config/imgforge/config.yaml"
(cd "$work" && "$imgforge" keygen -o team >/dev/null)
# The key of a token or of a protected variable: nothing to derive from a passphrase.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/plain.pem"
openssl pkey -in "$work/plain.pem" -pubout -out "$work/plain.pub"

port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
fresh() { # an empty registry that writes down what it is asked
  if [ -n "$registry" ]; then kill "$registry"; wait "$registry" 2>/dev/null || true; fi
  rm -rf "$work/registry"
  printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
    "$work/registry" "$port" >"$work/config.yml"
  sync
  docker-registry serve "$work/config.yml" >"$work/access" 2>"$work/registry.log" & registry=$!
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return; sleep 0.1; done
  echo "docker-registry does not start" >&2; return 1
}
timed() { # NAME COMMAND...: its time, its memory, and which blobs it asked for
  local name="$1"; shift
  : >"$work/access"
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out" 2>"$work/err" || { tail -n 20 "$work/err" "$work/out" >&2; return 1; }
  local gets puts
  gets="$(grep -c '"GET /v2/[^ ]*/blobs/' "$work/access" || true)"
  puts="$(grep -cE '"(POST|PUT|PATCH) /v2/[^ ]*/blobs/' "$work/access" || true)"
  awk -v name="$name" -v gets="$gets" -v puts="$puts" \
    '{printf "%-34s %7.2f s wall %7.2f s CPU %6.0f MiB   blobs read %d, requests of uploads %d\n", name, $1, $2 + $3, $4 / 1024, gets, puts}' "$work/time"
}
there="127.0.0.1:$port/ml/image"
for run in $(seq "$runs"); do
  echo "run $run"
  fresh
  timed "skopeo copy, cold" skopeo --policy "$work/policy.json" copy --preserve-digests --dest-tls-verify=false "oci:$layout:$tag" "docker://$there:$tag"
  fresh
  timed "imgforge push, cold" "$imgforge" push "oci:$layout:$tag" "$there:$tag"
  timed "imgforge push, all there" "$imgforge" push "oci:$layout:$tag" "$there:$tag"
  timed "imgforge push, another tag" "$imgforge" push "oci:$layout:$tag" "$there:another"
  timed "imgforge sign" "$imgforge" sign "$there:$tag"
  timed "imgforge promote" "$imgforge" promote "$there:$tag" one
  timed "imgforge promote, next channel" "$imgforge" promote "$there:$tag" two
  timed "imgforge promote, nothing to do" "$imgforge" promote "$there:$tag" two
  timed "imgforge promote, PEM key" "$imgforge" promote "$there:$tag" three --key "$work/plain.pem"
done
