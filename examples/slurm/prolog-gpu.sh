#!/bin/sh
# Slurm prolog: looks at the node's GPUs before a job that asked for some. A prolog that fails drains
# the node and puts the job back into the queue (slurm.conf: Prolog=), so it fails for what this node
# is to blame for, and for nothing else. The program is the imgforge-probe of an imgforge installation.
set -u
probe=${IMGFORGE_PROBE:-/usr/local/bin/imgforge-probe}
tell=${PROLOG_LOG:-"logger -t gpu-prolog"}

[ -n "${SLURM_JOB_GPUS:-}${GPU_DEVICE_ORDINAL:-}" ] || exit 0   # no GPU was asked for
[ -x "$probe" ] || { $tell "no $probe: the GPUs are not checked"; exit 0; }

code=0
said=$(timeout 60 "$probe" probe --only survey,nvml --timeout 20 2>&1) || code=$?
case $code in
    0) exit 0 ;;
    3|4|6|7|124)
        # This node's driver, GPU or silence.
        $tell "exit $code, the node is drained: $(printf '%s\n' "$said" | sed -n 's/^FAILED *//p')"
        exit 1 ;;
    *)
        $tell "exit $code, not the node's fault: $(printf '%s\n' "$said" | tail -n 1)"
        exit 0 ;;
esac
