#!/bin/sh
# get-libcuda.sh DIR: NVIDIA's own libcuda.so.1 and libnvidia-ml.so.1 under DIR, from Debian's non-free
# packages, unpacked and not installed (about 40 MB to fetch, once). For tests of what the real libraries say on a
# machine without a GPU. Exit 77: they are not to be had here.
set -eu
umask 022
die() { echo "get-libcuda: $*" >&2; exit 77; }
say() { echo "get-libcuda: $*" >&2; }
[ $# = 1 ] || { echo "usage: get-libcuda.sh DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
if [ -e "$dir/libcuda.so.1" ] && [ -e "$dir/libnvidia-ml.so.1" ]; then exit 0; fi
. "$(dirname "$0")/../../cuda-probe/debian-nonfree.sh"
work=$(mktemp -d "$dir/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
nonfree_open "$work/apt"
say "downloading libcuda1 and libnvidia-ml1"
(cd "$work" && nonfree_download "$work/apt" libcuda1 libnvidia-ml1) || die "they cannot be downloaded"
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
find "$work/root" -type f \( -name "libcuda.so.*" -o -name "libnvidia-ml.so.*" \) | while read -r file; do
    cp -P "$file" "$dir/"
done
# Debian keeps the links in folders of alternatives: the names that programs ask for are made here.
for name in libcuda libnvidia-ml; do
    real=$(cd "$dir" && find . -maxdepth 1 -name "$name.so.[0-9]*.*" -type f | head -n 1)
    [ -n "$real" ] || die "the packages have no $name"
    ln -sf "${real#./}" "$dir/$name.so.1"
done
