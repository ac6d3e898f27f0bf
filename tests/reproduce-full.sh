#!/usr/bin/env bash
# The promise at full size: one lock, built twice as differently as this machine allows, gives one manifest digest.
#   tests/reproduce-full.sh [SPEC]     default: the torch image
# Second build: another path of the project, another store, another user (when root), umask, timezone, locale, clock, and number of
# workers, and without network. About 15 GB of disk in ${TMPDIR:-/tmp}, removed afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

spec="${1:-specs/pytorch2.6-cuda12.4-debian12.yaml}"
say() { printf '\n== %s\n' "$*"; }
field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

say "building imgforge"
cmake --preset release -DIMGFORGE_TESTS=OFF >/dev/null
cmake --build build/release --target imgforge imgforge_probe >/dev/null

work="$(mktemp -d "${TMPDIR:-/tmp}/imgforge-full-XXXXXX")"
user=""
cleanup() {
  status=$?
  if [ -n "$user" ]; then
    pkill -u "$user" 2>/dev/null || true
    userdel "$user" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
chmod 755 "$work"

# A copy of the project at another path, with the program and the probe it was locked with.
mkdir -p "$work/first" "$work/second/deeper/project"
git ls-files -z | xargs -0 tar cf - | tar xf - -C "$work/second/deeper/project"
install -D build/release/bin/imgforge "$work/bin/imgforge"
install -D build/release/bin/imgforge-probe "$work/libexec/imgforge/imgforge-probe"
tools="${XDG_DATA_HOME:-$HOME/.local/share}/imgforge/tools/bin"
imgforge="$work/bin/imgforge"

say "first build: from the locked inputs"
export IMGFORGE_STORE="$work/first/store" IMGFORGE_TOOLS="$tools"
if ! "$imgforge" lock "$spec" --locked || ! "$imgforge" fetch "$spec"; then
  say "the committed lock does not serve any more (see above): resolving anew, in a copy"
  mkdir "$work/first/project"
  git ls-files -z | xargs -0 tar cf - | tar xf - -C "$work/first/project"
  cd "$work/first/project"
  "$imgforge" lock "$spec"
  "$imgforge" fetch "$spec"
  cp "${spec%.yaml}.lock.json" "$work/second/deeper/project/specs/"
fi
/usr/bin/time -f '%e s, %M KiB at most, %U s user, %S s system' "$imgforge" build "$spec" --json --progress plain >"$work/first.json"

say "second build: elsewhere, offline"
mkdir -p "$work/second/home"
cat >"$work/second/config.yaml" <<CONFIG
vendor: [$work/first/store/inputs]
store: $work/second/store
CONFIG
run=(env -i "PATH=/usr/sbin:/usr/bin:/sbin:/bin" "HOME=$work/second/home" TZ=Pacific/Auckland LC_ALL=C.UTF-8 LANG=de_DE.UTF-8)
if [ "$(id -u)" -eq 0 ]; then
  user="imgforge-full-$$"
  useradd --no-create-home --home-dir "$work/second/home" "$user"
  # useradd gives subordinate ids where the machine is set up so; else they are written here.
  grep -q "^$user:" /etc/subuid || echo "$user:$((RANDOM * 65536 + 300000)):65536" >>/etc/subuid
  grep -q "^$user:" /etc/subgid || echo "$user:$(sed -n "s/^$user:\([0-9]*\):.*/\1/p" /etc/subuid):65536" >>/etc/subgid
  chown -R "$user" "$work/second"
  chmod -R go+rX "$work/first" "$work/bin" "$work/libexec"
  run=(unshare --net runuser -u "$user" -- "${run[@]}")
  echo "as the user $user, without network"
else
  echo "SKIPPED: full reproduction as another user: not root"
fi
if command -v faketime >/dev/null; then
  # Without NO_FAKE_STAT libfaketime would also move the time stamps that files report.
  run+=(env NO_FAKE_STAT=1 faketime -f '+400d')
else
  echo "SKIPPED: full reproduction with the clock moved: faketime is not installed"
fi
(
  cd "$work/second/deeper/project"
  umask 077
  "${run[@]}" "$imgforge" build "$spec" --config "$work/second/config.yaml" --store "$work/second/store" -j 8 --json \
    --progress plain >"$work/second.json"
)

first="$(field digest <"$work/first.json")"
second="$(field digest <"$work/second.json")"
say "first  $first"
echo "   second $second"
if [ "$first" != "$second" ]; then
  python3 - "$work/first.json" "$work/second.json" <<'PY'
import json, sys
a, b = (json.load(open(p)) for p in sys.argv[1:])
for x, y in zip(a["layers"], b["layers"]):
    print("same " if x["digest"] == y["digest"] else "OTHER", x["id"], x["digest"], y["digest"])
PY
  echo "the builds differ" >&2
  exit 1
fi
say "identical: $(field tag <"$work/first.json")"
