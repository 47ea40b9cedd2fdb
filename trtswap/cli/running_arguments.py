"""The group of options about a run itself: batches, queues, memory, a time line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import get_args, get_type_hints

from trtswap.cli.optional_arguments import default_text
from trtswap.cli.values import field_of, memory_size
from trtswap.options import GPU_BATCH, HOST_BATCH, SwapOptions

_DEFAULTS = SwapOptions()


def add_running(parser: ArgumentParser) -> None:
    """Adds the group."""
    group = parser.add_argument_group("running")
    group.add_argument(
        "--batch",
        metavar="1..64",
        type=field_of(SwapOptions, "batch", int),
        default=_DEFAULTS.batch,
        help="frames worked on together; more is faster on a GPU and takes more memory "
        + default_text(f"{GPU_BATCH} where frames stay on the GPU, else {HOST_BATCH}"),
    )
    group.add_argument(
        "--frames",
        choices=get_args(get_type_hints(SwapOptions)["frames"]),
        default=_DEFAULTS.frames,
        help="where frames lie between decoding and encoding: on the host, or in the memory of the GPU, which needs "
        "pycuda and a build with CUDA kernels; auto is the GPU where TensorRT runs the networks, else the host "
        + default_text(_DEFAULTS.frames),
    )
    group.add_argument(
        "--decoder",
        choices=get_args(get_type_hints(SwapOptions)["decoder"]),
        default=_DEFAULTS.decoder,
        help="auto decodes on the GPU where frames stay there and PyNvVideoCodec gives the very same first frame, "
        "software never does " + default_text(_DEFAULTS.decoder),
    )
    group.add_argument(
        "--batch-wait",
        metavar="SECONDS",
        type=field_of(SwapOptions, "batch_wait_s", float),
        default=_DEFAULTS.batch_wait_s,
        help="close a batch, full or not, when its first frame has waited so long for others, 0 for as long as it "
        "takes: for a target that comes slower than it is worked on, such as a pipe "
        + default_text(_DEFAULTS.batch_wait_s),
    )
    group.add_argument(
        "--queue",
        metavar="1..16",
        type=field_of(SwapOptions, "queue", int),
        default=_DEFAULTS.queue,
        help="batches waiting between two stages; more evens out a bumpy run and takes more memory "
        + default_text(_DEFAULTS.queue),
    )
    group.add_argument(
        "--memory",
        choices=get_args(get_type_hints(SwapOptions)["memory"]),
        default=_DEFAULTS.memory,
        help="how much may be taken, of the GPU's memory and of the machine's: strict 2, moderate 3, normal 4 GB and "
        "no more than half, 70 %%, 90 %% of what is free; queues and batches become smaller to fit, and between "
        "several targets strict gives networks back, moderate memory that waits "
        + default_text(_DEFAULTS.memory),
    )
    group.add_argument(
        "--memory-limit",
        metavar="SIZE",
        type=memory_size,
        default=_DEFAULTS.memory_limit,
        help="in place of these 2, 3 or 4 GB, such as 6GB or 800MB",
    )
    group.add_argument(
        "--trace",
        metavar="FILE",
        help="write a time line of the run for chrome://tracing or ui.perfetto.dev: stages, networks, queues, memory",
    )
