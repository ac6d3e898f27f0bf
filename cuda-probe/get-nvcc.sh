#!/bin/sh
# get-nvcc.sh [--from debian|python] DIR
#
# Puts a CUDA compiler (nvcc, cicc, ptxas: what the probe's .cu files need, not a whole toolkit) under DIR, as
# DIR/bin/nvcc. The machine's configuration is not touched and nothing is installed.
#
#   debian   (default) the package nvidia-cuda-toolkit alone, 84 MB, from the non-free component of
#            the Debian archive that this machine already uses; nvcc 11.8 on Debian 12
#   python   the wheels nvidia-cuda-nvcc, nvidia-nvvm and nvidia-cuda-crt from the configured Python
#            index; the newest CUDA 13 (or the version given as CUDA_WHEEL_VERSION)
#
# The Debian package is used without the CUDA headers (774 MB more): the .cu files include none, and
# the cuda_runtime.h that nvcc force-includes is replaced by one that defines the attributes.
set -eu
umask 022

die() { echo "get-nvcc: $*" >&2; exit 1; }
say() { echo "get-nvcc: $*" >&2; }

from=debian
dir=
while [ $# -gt 0 ]; do
    case $1 in
        --from) [ $# -ge 2 ] || die "--from needs debian or python"; from=$2; shift 2 ;;
        --from=*) from=${1#--from=}; shift ;;
        -h|--help) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) die "unknown option $1; see --help" ;;
        *) [ -z "$dir" ] || die "one DIR only"; dir=$1; shift ;;
    esac
done
[ -n "$dir" ] || die "usage: get-nvcc.sh [--from debian|python] DIR"
case $from in debian|python) ;; *) die "--from takes debian or python, not '$from'" ;; esac

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d "$dir/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# The whole way from a kernel to a GPU's code: what an interrupted run has left behind fails here.
compiles() {
    printf '__global__ void k(int* p) { *p = 1; }\n' >"$work/try.cu"
    "$dir/bin/nvcc" -cubin -arch=sm_75 -ccbin "${CXX:-c++}" -allow-unsupported-compiler \
        -o "$work/try.cubin" "$work/try.cu"
}

if [ -x "$dir/bin/nvcc" ] && compiles >/dev/null 2>&1; then
    say "already there: $("$dir/bin/nvcc" --version | grep release)"
    exit 0
fi
rm -f "$dir/bin/nvcc"  # while it is there, it works

# The runtime header that nvcc includes before every .cu file, reduced to what code without CUDA
# headers needs. A real toolkit's header is used where there is one.
write_stub_header() {
    mkdir -p "$dir/include"
    cat >"$dir/include/cuda_runtime.h" <<'HEADER'
#pragma once
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
HEADER
}

. "$(dirname "$0")/debian-nonfree.sh"

from_debian() {
    nonfree_open "$work/apt"
    say "downloading nvidia-cuda-toolkit (84 MB)"
    (cd "$work" && nonfree_download "$work/apt" nvidia-cuda-toolkit) ||
        die "nvidia-cuda-toolkit cannot be downloaded"
    say "unpacking"
    dpkg-deb -x "$work"/nvidia-cuda-toolkit_*.deb "$work/deb"

    # Debian spreads the toolkit over /usr; nvcc finds its parts through nvcc.profile beside it.
    tools=$work/deb/usr/lib/nvidia-cuda-toolkit
    [ -x "$tools/bin/nvcc" ] || die "the package is laid out otherwise than expected"
    mkdir -p "$dir/bin"
    cp -a "$tools/bin/." "$dir/bin/"
    cp -a "$tools/libdevice" "$dir/libdevice"
    for tool in ptxas fatbinary nvlink bin2c cudafe++; do
        [ -e "$dir/bin/$tool" ] || cp "$work/deb/usr/bin/$tool" "$dir/bin/$tool"
    done
    rm -f "$dir/bin/gcc" "$dir/bin/g++" "$dir/bin/nvcc.profile"
    cat >"$dir/bin/nvcc.profile" <<'PROFILE'
NVVMIR_LIBRARY_DIR = $(_HERE_)/../libdevice
PATH += $(_HERE_):
INCLUDES += "-I$(_HERE_)/../include" $(_SPACE_)
PROFILE
    write_stub_header
}

from_python() {
    python=${PYTHON:-python3}
    "$python" -m pip --version >/dev/null 2>&1 || die "--from python needs $python with pip"
    pin=${CUDA_WHEEL_VERSION:+==$CUDA_WHEEL_VERSION}
    say "downloading the compiler's wheels"
    "$python" -m pip download -q --no-deps --only-binary=:all: -d "$work" \
        "nvidia-cuda-nvcc$pin" "nvidia-nvvm$pin" "nvidia-cuda-crt$pin" ||
        die "the wheels cannot be downloaded"
    for wheel in "$work"/*.whl; do
        "$python" -m zipfile -e "$wheel" "$work/wheels"
    done
    top=$(find "$work/wheels" -type f -name nvcc -path '*/bin/*' | head -n 1)
    [ -n "$top" ] || die "the wheels hold no nvcc"
    cp -a "${top%/bin/nvcc}/." "$dir/"
    find "$dir/bin" "$dir/nvvm/bin" -type f ! -name '*.profile' -exec chmod 755 {} +
    write_stub_header
}

from_"$from"
"$dir/bin/nvcc" --version >/dev/null || die "$dir/bin/nvcc does not start"
if ! compiles; then
    rm -f "$dir/bin/nvcc"
    die "the nvcc that was fetched does not compile"
fi
say "ready: $dir/bin/nvcc, $("$dir/bin/nvcc" --version | sed -n 's/.*\(release [0-9.]*\).*/\1/p')"
