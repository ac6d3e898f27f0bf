// The text of imgforge_determinism.py, as it stands in images. A change of it is a change of the
// layer's key. Python 3.6 and later; numpy and torch are used if they are there.
#include "layer/determinism.h"

namespace imgforge::layer {

namespace {

constexpr const char* kModule =
    R"PY("""Makes a run repeatable on the same image, the same kind of GPU and the same number of processes.

    import imgforge_determinism
    imgforge_determinism.activate()              # the image's seed; activate(7) for another one

    DataLoader(..., worker_init_fn=imgforge_determinism.worker_init,
               generator=imgforge_determinism.generator())

It seeds random, numpy and torch, and lets torch choose deterministic algorithms: an operation that
has none raises an error, or with activate(warn_only=True) warns. The environment (PYTHONHASHSEED,
CUBLAS_WORKSPACE_CONFIG) is set by the image, because both are read when a process or cuBLAS starts.
"""
import importlib.util
import os
import random

__all__ = ["activate", "generator", "image_seed", "state", "worker_init"]

_WORKSPACES = (":4096:8", ":16:8")  # cuBLAS documentation, "Results Reproducibility"
_seed = None


def image_seed():
    """The seed of the image: what its configuration gives Python for hashes."""
    value = os.environ.get("PYTHONHASHSEED", "")
    if not value.isdigit():
        raise RuntimeError("PYTHONHASHSEED is %r, not a seed: something changed the image's environment"
                           % value)
    return int(value)


def _there(module):
    return importlib.util.find_spec(module) is not None


def activate(seed=None, warn_only=False):
    """Seeds everything, once per process and before the first work on a GPU; returns the seed."""
    global _seed
    seed = image_seed() if seed is None else int(seed)
    if not 0 <= seed < 1 << 32:
        raise ValueError("a seed lies between 0 and 4294967295, not %d" % seed)
    random.seed(seed)
    if _there("numpy"):
        import numpy
        numpy.random.seed(seed)
    if _there("torch"):
        import torch
        if torch.version.cuda and os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in _WORKSPACES:
            raise RuntimeError("CUBLAS_WORKSPACE_CONFIG is %r; cuBLAS is deterministic only with %s"
                               % (os.environ.get("CUBLAS_WORKSPACE_CONFIG"), " or ".join(_WORKSPACES)))
        torch.manual_seed(seed)  # the CPU's generator and those of all GPUs
        torch.backends.cudnn.benchmark = False  # it would choose by time
        torch.backends.cudnn.deterministic = True
        if warn_only:
            torch.use_deterministic_algorithms(True, warn_only=True)
        else:
            torch.use_deterministic_algorithms(True)
    _seed = seed
    return seed


def generator(seed=None):
    """A torch generator of its own, for a DataLoader's order."""
    import torch
    made = torch.Generator()
    made.manual_seed(seed if seed is not None else _seed if _seed is not None else image_seed())
    return made


def worker_init(worker):
    """For DataLoader(worker_init_fn=...): torch seeds itself in every worker, the others follow it."""
    import torch
    seed = torch.initial_seed() % (1 << 32)
    random.seed(seed)
    if _there("numpy"):
        import numpy
        numpy.random.seed(seed)


def state():
    """What is active now, for logs."""
    found = {"seed": _seed, "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED"),
             "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG")}
    if _there("torch"):
        import torch
        found["deterministic_algorithms"] = torch.are_deterministic_algorithms_enabled()
        found["cudnn_benchmark"] = torch.backends.cudnn.benchmark
    return found
)PY";

}  // namespace

std::string determinism_module() { return kModule; }

}  // namespace imgforge::layer
