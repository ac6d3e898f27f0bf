#!/usr/bin/env bash
# Runs the smoke command of an image in an OCI layout, as a container where this machine can, else in
# its unpacked root, and says which way it was.
#   run_image.sh LAYOUT_DIR TAG [COMMAND...]
# The command, unless given: python with torch when the image's labels name torch, python when there
# is one on its PATH, else the probe. Ways, in this order:
#   podman   root: overlay storage, then vfs; a user: the same, rootless. No network.
#   unpacked umoci, then bubblewrap or chroot: checks files and libraries, not the container's start.
# Exit status: the command's; 77 when no way works here, or the image has nothing to run; 2 usage.
# Scratch lies beside the layout (an unpacked torch image has about 6 GB) and is removed at the end.
# IMGFORGE_RUN_WITH=podman|bwrap|chroot tries this way alone.
set -euo pipefail

say() { printf 'run_image: %s\n' "$*" >&2; }
usage() { printf 'usage: run_image.sh LAYOUT_DIR TAG [COMMAND...]\n' >&2; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }

[ $# -ge 2 ] || usage
layout="$1" tag="$2"
shift 2
[ -f "$layout/index.json" ] || { say "$layout is not an OCI layout"; exit 2; }
layout="$(cd "$layout" && pwd)"
only="${IMGFORGE_RUN_WITH:-}"
export LC_ALL=C

work="$(mktemp -d "$(dirname "$layout")/.run-image-XXXXXX")"
cleanup() {
  local status=$?
  trap - EXIT INT TERM
  if [ -d "$work/podman" ]; then
    # Files of a rootless container belong to subordinate ids: podman's own reset removes them.
    podman_with "${driver:-vfs}" unmount --all >/dev/null 2>&1 || true
    umount "$work/podman/storage/overlay" >/dev/null 2>&1 || true
    if [ "$(id -u)" != 0 ]; then podman unshare rm -rf "$work" >/dev/null 2>&1 || true; fi
  fi
  # What an unpacked image marked as read-only is still ours.
  chmod -R u+rwX "$work" >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work" || say "could not remove $work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what the image is ----

# Prints shell words: the labels' torch version, the environment, the folder to start in, the user.
describe() {
  python3 - "$layout" "$tag" <<'PYTHON'
import json, os, shlex, sys

layout, tag = sys.argv[1:]

def blob(digest):
    with open(os.path.join(layout, "blobs/sha256", digest.split(":", 1)[1]), "rb") as file:
        return json.load(file)

with open(os.path.join(layout, "index.json"), "rb") as file:
    index = json.load(file)
names = {d.get("annotations", {}).get("org.opencontainers.image.ref.name"): d for d in index["manifests"]}
if tag not in names:
    sys.exit(f"run_image: there is no image {tag}; there are {', '.join(str(name) for name in names)}")
manifest = blob(names[tag]["digest"])
if "config" not in manifest:
    sys.exit(f"run_image: {tag} is an index; name an image")
config = blob(manifest["config"]["digest"]).get("config") or {}
labels = config.get("Labels") or {}
environment = config.get("Env") or []
path = next((e[5:] for e in environment if e.startswith("PATH=")), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")

def python_components():
    return any(label in labels for label in ("io.imgforge.component.python", "io.imgforge.component.torch"))

print("libc=" + ("1" if "io.imgforge.component.glibc" in labels else "0"))
print("torch=" + shlex.quote(labels.get("io.imgforge.component.torch", "")))
print("named_python=" + ("1" if python_components() else "0"))
print("path=" + shlex.quote(path))
print("environment=(" + " ".join(shlex.quote(e) for e in environment) + ")")
print("directory=" + shlex.quote(config.get("WorkingDir") or "/"))
PYTHON
}
libc=0 torch="" named_python=0 path="" directory=/ environment=()
eval "$(describe)" || exit 2
[ -n "$path" ] || exit 2
if [ "$libc" = 0 ] && [ $# = 0 ]; then
  say "the image has no operating system (no C library among its components): nothing in it to run"
  exit 77
fi

# The command is chosen inside: only there it is certain whether a python is on the PATH. An image
# may lack a shell; then the choice is made from the labels.
if [ $# -gt 0 ]; then
  command=("$@")
elif [ -n "$torch" ]; then
  command=(python -c "import torch; print(torch.__version__, torch.version.cuda)")
elif [ "$named_python" = 1 ]; then
  command=(python -c "import sys; print(sys.version)")
else
  command=()
fi
probe=(/opt/imgforge/bin/imgforge probe --allow-no-gpu)

# Runs "$@ COMMAND" for the chosen command; without one, python where it starts, else the probe.
run_command() {
  local status=0
  if [ ${#command[@]} -gt 0 ]; then
    say "running: ${command[*]}"
    "$@" "${command[@]}" || status=$?
    return "$status"
  fi
  if "$@" python -c "import sys" >/dev/null 2>&1; then
    say "running: python -c \"import sys; print(sys.version)\""
    "$@" python -c "import sys; print(sys.version)" || status=$?
  else
    say "the image has no python on its PATH; running: ${probe[*]}"
    "$@" "${probe[@]}" || status=$?
  fi
  return "$status"
}

# ---- podman ----

podman_with() {
  local storage="$1"
  shift
  podman --root "$work/podman/storage" --runroot "$work/podman/run" --tmpdir "$work/podman/tmp" \
    --storage-driver "$storage" --events-backend none --cgroup-manager cgroupfs \
    ${runtime:+--runtime "$runtime"} "$@"
}

runtime=""
with_podman() {
  have podman || { say "podman is not installed"; return 77; }
  if have runc; then runtime=runc; elif have crun; then runtime=crun; fi
  local log="$work/podman.log" started=0
  for driver in overlay vfs; do
    mkdir -p "$work/podman"
    # The image's own parent folder has no policy of signatures to ask for.
    if podman_with "$driver" pull --quiet "oci:$layout:$tag" >"$work/id" 2>"$log"; then
      local image container=(podman_with "$driver" run --rm --network none --pull never)
      image="$(tail -n 1 "$work/id")"
      # podman wants to raise the limits of files and processes, which a machine that is itself a
      # container without CAP_SYS_RESOURCE forbids ("error setting rlimits"): then small ones.
      for limits in "" "4096:4096"; do
        local extra=()
        [ -z "$limits" ] || extra=(--ulimit "nofile=$limits" --ulimit "nproc=$limits")
        # Whether a container can start here is asked apart from whether the command succeeds:
        # podman answers 125 to 127 for its own failures.
        local status=0
        "${container[@]}" ${extra[@]+"${extra[@]}"} --entrypoint /opt/imgforge/bin/imgforge "$image" \
          probe --help >/dev/null 2>"$log" || status=$?
        if [ "$status" != 125 ] && [ "$status" != 126 ]; then
          started=1
          say "way: podman ($driver storage, runtime ${runtime:-default}${limits:+, low limits})"
          run_command "${container[@]}" ${extra[@]+"${extra[@]}"} --entrypoint "" "$image"
          return
        fi
        say "podman cannot start a container here ($driver${limits:+, low limits}): $(tail -n 1 "$log")"
      done
    else
      say "podman cannot take the image here ($driver): $(tail -n 1 "$log")"
    fi
    podman_with "$driver" rmi --all --force >/dev/null 2>&1 || true
    umount "$work/podman/storage/overlay" >/dev/null 2>&1 || true
    if [ "$(id -u)" = 0 ]; then rm -rf "$work/podman"; else podman unshare rm -rf "$work/podman" || true; fi
  done
  [ "$started" = 1 ] || return 77
}

# ---- the unpacked root ----

unpacked=""
unpack() {
  [ -z "$unpacked" ] || return 0
  have umoci || { say "umoci is not installed"; return 77; }
  local flags=()
  [ "$(id -u)" = 0 ] || flags=(--rootless)
  umoci unpack "${flags[@]}" --image "$layout:$tag" "$work/bundle" >"$work/umoci.log" 2>&1 || {
    say "umoci cannot unpack the image: $(tail -n 1 "$work/umoci.log")"
    return 77
  }
  unpacked="$work/bundle/rootfs"
}

with_bwrap() {
  have bwrap || { say "bubblewrap is not installed"; return 77; }
  unpack || return
  local box=(env -i "${environment[@]}" "PATH=$path" "$(command -v bwrap)"
    --unshare-all --die-with-parent --bind "$unpacked" / --proc /proc --dev /dev --chdir "$directory")
  if ! env -i "$(command -v bwrap)" --unshare-all --ro-bind / / --proc /proc --dev /dev /bin/true 2>"$work/bwrap.log"; then
    say "bubblewrap cannot run here: $(tail -n 1 "$work/bwrap.log")"
    return 77
  fi
  say "way: the root unpacked by umoci, in bubblewrap (no container engine took part)"
  run_command "${box[@]}"
}

with_chroot() {
  [ "$(id -u)" = 0 ] || { say "chroot needs root"; return 77; }
  unpack || return
  say "way: the root unpacked by umoci, in a chroot (no container engine took part; the network is not cut off)"
  run_command env -i "${environment[@]}" "PATH=$path" "$(command -v chroot)" "$unpacked"
}

for way in podman bwrap chroot; do
  [ -z "$only" ] || [ "$only" = "$way" ] || continue
  status=0
  "with_$way" || status=$?
  if [ "$status" != 77 ]; then exit "$status"; fi
done
say "the image could not be run on this machine; install podman, or umoci and bubblewrap"
exit 77
