"""A torch that computes nothing: it stands for the faults that a real one can have.

A tensor only knows its device and whether it is right. FAKE_TORCH holds words, by commas:
  no-library no-driver symbol no-module   the import fails for this reason
  unavailable old-driver cpu              CUDA cannot be used: without a reason, for this one, at all
  wrong:WORK error:WORK                   matmul, linear, convolution, all-reduce on a GPU; matmul-cpu
  memory:WORK kernel:WORK ecc:WORK        the errors of that name
  crash:WORK hang:WORK kill:WORK exit:WORK, also WORK = import
FAKE_TORCH_VERSION, FAKE_TORCH_CUDA, FAKE_TORCH_ARCHITECTURES, FAKE_GPUS, FAKE_CAPABILITY.
"""
import os
import signal
import sys
import time
import types
import warnings

FAULTS = os.environ.get("FAKE_TORCH", "").split(",")
MESSAGES = {"error": "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
            "memory": "CUDA out of memory. Tried to allocate 2.00 MiB",
            "kernel": "CUDA error: no kernel image is available for execution on the device\nmore",
            "ecc": "CUDA error: uncorrectable ECC error encountered"}


def happens(work):
    """Does what was asked for at this work; true if its result is to be wrong."""
    for fault, message in MESSAGES.items():
        if f"{fault}:{work}" in FAULTS:
            raise RuntimeError(message)
    if f"crash:{work}" in FAULTS:
        os.kill(os.getpid(), signal.SIGSEGV)
    if f"kill:{work}" in FAULTS:
        os.kill(os.getpid(), signal.SIGKILL)
    if f"exit:{work}" in FAULTS:
        print("Fatal Python error: the interpreter gave up", file=sys.stderr)
        sys.stderr.flush()
        os._exit(3)
    if f"hang:{work}" in FAULTS:
        time.sleep(600)
    return f"wrong:{work}" in FAULTS


happens("import")
if "no-library" in FAULTS:
    raise OSError("libcudnn.so.9: cannot open shared object file: No such file or directory")
if "no-driver" in FAULTS:
    raise ImportError("libcuda.so.1: cannot open shared object file: No such file or directory")
if "symbol" in FAULTS:
    raise ImportError("libcusparse.so.12: undefined symbol: __nvJitLinkComplete_12_4, version libnvJitLink.so.12")
if "no-module" in FAULTS:
    raise ModuleNotFoundError("No module named 'typing_extensions'")


class Tensor:
    def __init__(self, device="cpu", wrong=False):
        self.device, self.wrong = device, wrong

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self if name == "grad" else lambda *_, **__: self

    def _with(self, other):
        return Tensor(self.device, self.wrong or (isinstance(other, Tensor) and other.wrong))

    __add__ = __sub__ = __mul__ = __mod__ = __ne__ = __rmul__ = _with

    def __hash__(self):
        return id(self)

    def __matmul__(self, other):
        work = "matmul" if self.device != "cpu" else "matmul-cpu"
        return Tensor(self.device, happens(work))

    def to(self, device):
        return Tensor(device, self.wrong) if isinstance(device, str) else self

    def cpu(self):
        return self

    def numel(self):
        return 1000000

    def __int__(self):
        return 7 if self.wrong else 0


float32 = object()


def arange(*_):
    return Tensor()


def tensor(*_, **__):
    return Tensor()


def full(*_, **options):
    return Tensor(options.get("device", "cpu"))


class no_grad:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


class Linear:
    def __init__(self, *_):
        self.weight, self.bias, self.device = Tensor(), Tensor(), "cpu"

    def to(self, device):
        self.device = device
        return self

    def __call__(self, x):
        return Tensor(x.device, happens("linear" if self.device != "cpu" else "linear-cpu"))


def conv2d(x, *_, **__):
    return Tensor(x.device, happens("convolution"))


def all_reduce(tensors):
    wrong = happens("all-reduce")
    for one in tensors:
        one.wrong = wrong


def is_available():
    if "old-driver" in FAULTS:
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old (found version 11040).")
    return not {"unavailable", "old-driver", "cpu"} & set(FAULTS)


def device_count():
    return int(os.environ.get("FAKE_GPUS", "1"))


def capability(_):
    number = int(os.environ.get("FAKE_CAPABILITY", "86"))
    return number // 10, number % 10


architectures = os.environ.get("FAKE_TORCH_ARCHITECTURES", "sm_50 sm_80 sm_86 sm_90 compute_90")
__version__ = os.environ.get("FAKE_TORCH_VERSION", "2.6.0+cu124")
version = types.SimpleNamespace(
    cuda=None if "cpu" in FAULTS else os.environ.get("FAKE_TORCH_CUDA", "12.4"))
nn = types.SimpleNamespace(
    Linear=Linear, functional=types.SimpleNamespace(conv2d=conv2d, unfold=lambda *_, **__: Tensor()))
cuda = types.SimpleNamespace(
    is_available=is_available, device_count=device_count, get_device_capability=capability,
    get_device_name=lambda i: f"Fake GPU {i}", get_arch_list=architectures.split,
    synchronize=lambda *_: None,
    nccl=types.SimpleNamespace(version=lambda: (2, 21, 5), all_reduce=all_reduce))
backends = types.SimpleNamespace(
    cudnn=types.SimpleNamespace(version=lambda: 90100, is_available=lambda: True))
