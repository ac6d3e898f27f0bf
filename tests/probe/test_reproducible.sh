#!/bin/sh
# test_reproducible.sh PROBE CMAKE SOURCE: another source path, build path, build type, generator and
# CFLAGS, and no nvcc, give the same bytes.
set -eu
probe=$1 cmake=$2 source=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$source" "$work/another path"
CFLAGS="-O0 -g3" LDFLAGS=-Wl,-z,lazy TZ=Asia/Tokyo "$cmake" -S "$work/another path" \
    -B "$work/b" -G "Unix Makefiles" -DCMAKE_BUILD_TYPE=Debug -DIMGFORGE_NVCC=IMGFORGE_NVCC-NOTFOUND \
    -DCMAKE_C_COMPILER="$4" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$cmake" --build "$work/b" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cmp "$probe" "$work/b/imgforge-probe"
