#!/usr/bin/env bash
# imgforge's own image (specs/imgforge-debian12.yaml), built by imgforge and run: it says its version and builds another image.
#   tests/own-image.sh [BUILD]      BUILD: a built tree; default build/release
# About 90 MB of downloads the first time. Leaves the image under out/imgforge.
set -euo pipefail
cd "$(dirname "$0")/.."

build="${1:-build/release}"
spec=specs/imgforge-debian12.yaml
rm -rf build/stage
cmake --install "$build" --prefix build/stage --strip >/dev/null
imgforge="$build/bin/imgforge"
"$imgforge" lock "$spec" --locked
"$imgforge" fetch "$spec"
rm -rf out/imgforge
tag="$("$imgforge" build "$spec" -o oci:out/imgforge --json --progress none | sed -n 's/^  "tag": "\(.*\)",*$/\1/p')"
python3 tests/tools/validate_layout.py out/imgforge
status=0
tests/tools/run_image.sh out/imgforge "$tag" sh -euc '
  imgforge --version
  uv --version
  imgforge doctor || true
  mkdir -p /tmp/project/specs /tmp/project/app
  cd /tmp/project
  echo hello > app/greeting
  printf "imgforge: 1\nimage: own\nbuild: v1\nepoch: 2025-05-20T00:00:00Z\nlayers:\n  - use: app/files\n    with: {from: app}\n" > specs/own.yaml
  imgforge lock specs/own.yaml
  imgforge build specs/own.yaml -o oci:out
  imgforge inspect own' || status=$?
case "$status" in
  0) echo "own-image: built and run" ;;
  77) echo "SKIPPED: running imgforge's own image: no container can be started here" ;;
esac
exit "$status"
