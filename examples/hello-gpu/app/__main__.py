"""Says which torch this is and multiplies two matrices on the best device there is."""

import torch


def main() -> None:
    print(f"torch {torch.__version__}, CUDA {torch.version.cuda}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name(0) if device == "cuda" else "no GPU visible"
    left = torch.arange(16, dtype=torch.float32, device=device).reshape(4, 4)
    product = left @ torch.eye(4, device=device)
    assert torch.equal(product, left)
    print(f"4x4 matrix product on {device} ({name}): right")


if __name__ == "__main__":
    main()
