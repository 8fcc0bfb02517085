"""Peak memory against a count by hand, and against torch's own tracker."""

import torch
from torch import nn
from torch.distributed._tools.mem_tracker import MemTracker
from torch.nn import functional as F

from hourglass_bench.architectures.registry import build, configure
from hourglass_bench.bench.machine.memory import (
    SavedActivations,
    TensorTracker,
    measure_step,
    process_peak_bytes,
    reset_process_peak,
)

CPU = torch.device("cpu")


def test_tensor_peak_equals_the_count_by_hand() -> None:
    """Batch 8 of 128x128, one plane = 524,288 B. Live at the peak, in the backward of the second ReLU:

    image 3 + target 1 + first ReLU 8 + second ReLU 8 + gradients 8 + 8 planes, parameters 3,268 B, the head's gradients
    36 B, the loss 4 B and its seed 4 B.
    """
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1)
    )
    images, targets = torch.rand(8, 3, 128, 128), torch.rand(8, 1, 128, 128)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

    def step() -> None:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(network(images), targets).backward()
        optimizer.step()

    memory = measure_step(step, lambda: [images, targets, *network.parameters()], CPU)
    assert memory.tensor_peak == 36 * 524_288 + 3_268 + 36 + 4 + 4
    assert memory.reserved_peak is None
    assert memory.allocator_peak > memory.tensor_peak - 524_288


def test_tensor_peak_equals_torchs_tracker_on_a_unet() -> None:
    network = build(configure("unet", (8, 16)), seed=0)
    images = torch.rand(4, 3, 32, 32)

    def step() -> None:
        network.zero_grad()
        network(images).square().mean().backward()

    step()
    network.zero_grad()
    with TensorTracker([images, *network.parameters()]) as own:
        step()
    network.zero_grad()
    reference = MemTracker()
    reference.track_external(network, images)
    with reference:
        step()
    assert own.peak == reference.get_tracker_snapshot("peak")[CPU]["Total"]


def test_views_share_their_storage_and_freed_tensors_count_no_more() -> None:
    with TensorTracker([]) as tracker:
        first = torch.zeros(1000)
        views = first.view(10, 100)[2:4]
        del first, views
        second = torch.zeros(500)
    assert tracker.peak == 4000
    assert second.shape == (500,)


def test_saved_activations_are_what_the_backward_pass_needs() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 1))
    images = torch.rand(2, 3, 8, 8)

    def saved_beside(*resident: torch.Tensor) -> int:
        saved = SavedActivations([*network.parameters(), *resident])
        with saved:
            network(images).sum().backward()
        return saved.bytes

    # Both convolutions keep their input; the ReLU keeps its output, which is the second one's input.
    assert saved_beside() == 4 * 2 * (3 + 4) * 8 * 8
    assert saved_beside(images) == 4 * 2 * 4 * 8 * 8


def test_process_peak_starts_without_what_was_freed_before() -> None:
    blocks = [torch.ones(2**14) for _ in range(2000)]  # small enough for the heap, 125 MiB in all
    held = process_peak_bytes()
    keep = blocks[-1]
    del blocks
    reset_process_peak()
    assert held - process_peak_bytes() > 64 * 2**20
    assert keep.sum() > 0


def test_process_peak_follows_an_allocation() -> None:
    reset_process_peak()
    before = process_peak_bytes()
    block = torch.ones(16 * 2**20)
    assert process_peak_bytes() - before > 32 * 2**20
    assert block.sum() > 0
