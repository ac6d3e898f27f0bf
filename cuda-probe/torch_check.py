# Runs in the image's Python, started by torch.c: imports torch, lets it compute on the CPU and on
# every GPU, and says what came of it, one line each, on the descriptor that is its first argument.
# All numbers are small integers, so every result is known exactly, whatever the order of the sums.
#
#   step TEXT | fact NAME VALUE | gpu INDEX CAPABILITY NAME | check NAME STATE GPU DETAIL | end
#
# with tabs between the words. STATE is passed, wrong or error; GPU is -1 for none.
import os
import sys
import warnings

channel = os.fdopen(int(sys.argv[1]), "wb", 0)
determinism = sys.argv[2]
sys.path[:] = [path for path in sys.path if path not in ("", os.getcwd())]


def say(*words):
    clean = ["".join(c if c.isprintable() else " " for c in str(word)) for word in words]
    channel.write(("\t".join(clean) + "\n").encode("utf-8", "replace")[:3000])


def reason(error):
    lines = [line for line in str(error).splitlines() if line.strip()]
    return "%s: %s" % (type(error).__name__, lines[0][:220] if lines else "no reason given")


def finish():
    say("end")
    os._exit(0)  # no destructors: the driver's may hang


def fact(name, read):
    try:
        value = read()
        if value is not None and value != "":
            say("fact", name, value)
    except Exception:
        pass  # what torch cannot tell is not known


def check(name, gpu, work):
    """`work` returns what is wrong, or an empty text. False if torch failed, and maybe the GPU with it."""
    say("step", "%s with torch%s" % (name, "" if gpu < 0 else " on GPU %d" % gpu))
    try:
        wrong = work()
    except Exception as error:
        say("check", name, "error", gpu, reason(error))
        return False
    say("check", name, "wrong" if wrong else "passed", gpu, wrong)
    return True


fact("python", lambda: sys.version.split()[0])
if determinism:
    def import_determinism():
        __import__(determinism)
        return ""

    check("determinism", -1, import_determinism)

say("step", "importing torch")
try:
    import torch
except Exception as error:
    say("check", "import", "error", -1, reason(error))
    finish()
say("check", "import", "passed", -1, "")

fact("version", lambda: torch.__version__)
fact("cuda", lambda: torch.version.cuda)
fact("file", lambda: torch.__file__)
say("step", "asking torch for its libraries")
fact("cudnn", lambda: torch.backends.cudnn.version())
fact("nccl", lambda: ".".join(str(part) for part in torch.cuda.nccl.version()))
fact("architectures",
     lambda: " ".join(torch.cuda.get_arch_list()) or torch._C._cuda_getArchFlags())


def differing(got, want):
    count = int((got.cpu() != want).sum())
    return "%d of %d elements are wrong" % (count, want.numel()) if count else ""


def integers(*shape):
    count = 1
    for length in shape:
        count *= length
    return (torch.arange(count) * 7 % 11 - 5).view(*shape)


def matmul(device):
    """1000 x 1000; element (i, j) depends on i and j modulo 8 alone, and is below 2^24."""
    n = torch.arange(1000)
    a = ((n.view(-1, 1) + n.view(1, -1)) % 8).to(torch.float32).to(device)
    table = [[125 * sum((i + k) % 8 * ((k + j) % 8) for k in range(8)) for j in range(8)]
             for i in range(8)]
    return differing(a @ a, torch.tensor(table, dtype=torch.float32).repeat(125, 125))


def linear(device):
    """A layer forward and backward, against sums in integers on the CPU."""
    x, weight, bias = integers(128, 64), integers(32, 64), integers(32)
    layer = torch.nn.Linear(64, 32)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    layer = layer.to(device)
    result = layer(x.float().to(device))
    result.sum().backward()
    return (differing(result.detach(), (x @ weight.t() + bias).float()) or
            differing(layer.weight.grad, x.sum(0).float().expand(32, 64)))


def convolution(device):
    """cuDNN may choose an algorithm that rounds, so the result is rounded to integers first."""
    if not torch.backends.cudnn.is_available():
        raise RuntimeError("cuDNN is not available to torch")
    x, weight = integers(2, 8, 32, 32).float(), integers(16, 8, 3, 3).float()
    result = torch.nn.functional.conv2d(x.to(device), weight.to(device), padding=1)
    columns = torch.nn.functional.unfold(x.double(), 3, padding=1)
    want = (weight.double().view(16, -1) @ columns).view(2, 16, 32, 32)
    return differing(result.cpu().double().round(), want)


def all_reduce(count):
    tensors = [torch.full((1 << 20,), float(i + 1), device="cuda:%d" % i) for i in range(count)]
    torch.cuda.nccl.all_reduce(tensors)
    want = torch.full((1 << 20,), count * (count + 1) / 2.0)
    for i, tensor in enumerate(tensors):
        torch.cuda.synchronize(i)
        wrong = differing(tensor, want)
        if wrong:
            return "on GPU %d %s" % (i, wrong)
    return ""


check("matmul-cpu", -1, lambda: matmul("cpu"))
check("linear-cpu", -1, lambda: linear("cpu"))

say("step", "torch.cuda.is_available()")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    try:
        available = bool(torch.cuda.is_available())
        why = reason(said[-1].message).partition(": ")[2] if said else ""
    except Exception as error:
        available, why = False, reason(error)
say("fact", "available", "yes" if available else "no")
if not available:
    say("fact", "unavailable_because", why)
    finish()

count = 0
try:
    say("step", "torch.cuda.device_count()")
    count = torch.cuda.device_count()
    for i in range(count):
        major, minor = torch.cuda.get_device_capability(i)
        say("gpu", i, "%d.%d" % (major, minor), torch.cuda.get_device_name(i))
except Exception as error:
    say("check", "devices", "error", -1, reason(error))
    finish()
say("check", "devices", "passed", -1, "")

healthy = count > 0
for i in range(count):
    device = "cuda:%d" % i
    good = all(check(name, i, lambda: work(device)) for name, work in
               (("matmul", matmul), ("linear", linear), ("convolution", convolution)))
    healthy = healthy and good
if count > 1 and healthy:
    check("all-reduce", -1, lambda: all_reduce(count))
finish()
