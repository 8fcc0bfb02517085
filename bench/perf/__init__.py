"""How fast this harness is beside a plain PyTorch loop and Lightning on the same network, frames and machine."""
