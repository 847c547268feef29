#!/usr/bin/env python3
"""Runs the configuration of this folder on torch.distributed: one process per rank, started by torchrun.

See README.md beside this file. Exit codes: 0 done, 2 bad usage, 3 the run failed, 4 verification failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import List, Optional, Tuple

try:
    import torch
    import torch.distributed as dist
    from torch.profiler import record_function
except ImportError as missing:
    sys.exit(f"PyTorch is not installed for {sys.executable} ({missing}); install it, such as with: pip install torch")

from ringrun.config import Config, load_config
from ringrun.errors import RunError
from ringrun.kernels import KernelShape, choose_kernel
from ringrun.links import Links
from ringrun.loop import RankLoop
from ringrun.masks import positions_of
from ringrun.memory import DTYPES, Memory
from ringrun.plan import Plan, load_plan
from ringrun.results import RankReport, device_name, gather, host_name, result_of, times_of, write_result
from ringrun.spans import Iteration, Recorder, now_ns
from ringrun.tiles import TileKernel
from ringrun.traces import new_profiler, write_trace
from ringrun.verify import Tolerance, Verification, Verifier, tolerance_of

HERE = Path(__file__).resolve().parent
BAD_USAGE, RUN_FAILED, VERIFICATION_FAILED = 2, 3, 4


def parse_arguments(arguments: Optional[List[str]] = None) -> argparse.Namespace:
    """The command line of every rank."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=sorted(DTYPES), help="precision of the computation (default: the wire's)")
    parser.add_argument("--kernel", default="auto", choices=["auto", "flash-attn", "sdpa", "tiles"], help="default: auto")
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "cpu"], help="default: cuda where there is one")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for trace/ and result.json (default: this one)")
    parser.add_argument("--timeout", type=float, default=600, help="seconds without progress after which a rank gives up")
    return parser.parse_args(arguments)


def place_in_world(config: Config) -> Tuple[int, int]:
    """The rank and the local rank that torchrun gave this process."""
    try:
        rank, world, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    except (KeyError, ValueError) as error:
        raise RunError("start the ranks by torchrun: bash torchrun.sh, or sbatch slurm.sbatch") from error
    if world != config.world:
        raise RunError(
            f"config.json is for {config.world} ranks and torchrun started {world}: let NODES times GPUS_PER_NODE be "
            f"{config.world}, or write a folder for {world} ranks: ringscope cluster <config> --set world={world}"
        )
    return rank, local


def choose_device(wanted: str, local_rank: int) -> torch.device:
    """One GPU per rank, or the CPU."""
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if local_rank >= count:
        raise RunError(
            f"this node has {count} GPUs that PyTorch can use, and torchrun started {local_rank + 1} ranks or more on it: "
            "let GPUS_PER_NODE be fewer on more NODES, or use --device cpu"
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


def choose_dtype(wanted: Optional[str], config: Config) -> torch.dtype:
    """bfloat16 computation needs bfloat16 on the wire: K and V have no more precision to send."""
    name = wanted or config.wire_dtype
    if name == "bfloat16" and config.wire_dtype != "bfloat16":
        raise RunError(
            "--dtype bfloat16: config.json sends K and V as float32; write the folder anew with "
            "`ringscope cluster <config> --dtype bfloat16`"
        )
    return DTYPES[name]


def all_arrived(device: torch.device) -> None:
    """Waits for all ranks. NCCL is told the GPU, which some versions guess from the rank else."""
    dist.barrier(device_ids=[device.index] if device.type == "cuda" else None)


def prepare_output(folder: Path, rank: int, device: torch.device) -> Path:
    """Makes the folder of traces, without those of an earlier run. @returns it"""
    traces = folder / "trace"
    try:
        if rank == 0:
            traces.mkdir(parents=True, exist_ok=True)
            for old in [*traces.glob("*.pt.trace.json.gz"), folder / "result.json"]:
                old.unlink(missing_ok=True)
        all_arrived(device)
        traces.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{traces}: cannot be written to ({error}); give another folder with --out") from error
    return traces


class Rank:
    """One rank of the run."""

    def __init__(
        self, config: Config, plan: Plan, rank: int, device: torch.device, dtype: torch.dtype, kernel: str, timeout: timedelta
    ) -> None:
        self.config, self.plan, self.rank, self.device, self.dtype = config, plan, rank, device, dtype
        tiles = TileKernel(config.block_q, config.block_k)
        degree = plan.degree
        shape = KernelShape(
            config.heads // degree, max(1, config.kv_heads // degree), config.head_dim, dtype, device, config.backward
        )
        self.kernel = choose_kernel(kernel, shape, tiles)
        self.recorder = Recorder(device)
        self.memory = Memory(config, plan, rank, dtype, device)
        self.links = Links(plan, rank, self.memory, self.recorder, device, timeout)
        self.loop = RankLoop(config, plan, rank, self.memory, self.links, self.kernel, self.recorder)
        seat = plan.seat(rank)
        own = slice(seat.member * plan.shard_tokens, (seat.member + 1) * plan.shard_tokens)
        self.positions = positions_of(plan.position_runs(seat.position))[own]

    def run(self, trace: Path) -> List[Iteration]:
        """All iterations. @returns the measured ones"""
        config = self.config
        self.memory.fill(self.plan.seat(self.rank), self.positions.to(self.device))
        with new_profiler(
            self.device,
            config.warmup,
            config.iterations,
            lambda done: write_trace(done, trace, self.rank, self.device, self.recorder.iterations[config.warmup :]),
        ) as profiler:
            for _ in range(config.warmup + config.iterations):
                self._iterate()
                profiler.step()
        self.links.close()
        return self.recorder.iterations[config.warmup :]

    def verify(self) -> Tuple[Optional[Verification], Optional[float]]:
        """What the results are worth, and their checksum."""
        verifier = Verifier(self.config, self.plan, self.rank, self.memory, self.positions)
        return (verifier.run() if self.config.verify else None), verifier.checksum()

    def _iterate(self) -> None:
        self.memory.restore()
        iteration = Iteration()
        self.recorder.iterations.append(iteration)
        self._synchronize()
        all_arrived(self.device)
        self._synchronize()
        # Ringscope knows the iterations of a trace by this name: a step of the profiler also has what is done between them.
        with record_function(f"ring attention iteration #{len(self.recorder.iterations) - 1}"):
            iteration.start_ns = now_ns()
            self.loop.iterate()
            self._synchronize()
            iteration.end_ns = now_ns()

    def _synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def execute(arguments: argparse.Namespace, config: Config, plan: Plan, number: int, device: torch.device) -> int:
    """Runs this process's rank in the initialised process group. @returns the exit code, the same on all ranks"""
    dtype = choose_dtype(arguments.dtype, config)
    rank = Rank(config, plan, number, device, dtype, arguments.kernel, timedelta(seconds=arguments.timeout))
    # Results of an earlier run stay where this one cannot even begin.
    trace = prepare_output(arguments.out, number, device) / f"{plan.name}-rank-{number}.pt.trace.json.gz"
    measured = rank.run(trace)
    verification, checksum = rank.verify()
    reports = gather(
        RankReport(
            rank=number,
            host=host_name(),
            device=device_name(device),
            times=[times_of(iteration, device.type == "cuda") for iteration in measured],
            flops=rank.loop.flops,
            traffic=rank.links.traffic,
            verification=verification,
            checksum=checksum,
            kernels=rank.kernel.used,
            trace=f"trace/{trace.name}",
        )
    )
    tolerance: Tolerance = tolerance_of(dtype, config.wire_dtype)
    result = result_of(config, plan, reports, rank.kernel, dtype, tolerance)
    verified = result["verification"]
    if number == 0:
        write_result(arguments.out / "result.json", result)
        print(summary(result), flush=True)
    return VERIFICATION_FAILED if verified is not None and not verified["passed"] else 0


def summary(result: dict) -> str:
    """A few lines for people."""
    verified = result["verification"]
    lines = [
        f"{result['config']['name']}: {result['config']['world']} ranks, {result['backend']}, {result['dtype']}, {result['device']}",
        f"makespan {result['makespanMs']:.3f} ms, idle {100 * result['idleFraction']:.1f} %",
        f"kernels: {'; '.join(result['kernels']['used'])}",
        *(f"warning: {warning}" for warning in result["warnings"]),
    ]
    if verified is not None:
        word = "passed" if verified["passed"] else "FAILED"
        lines.append(f"verification {word}: largest error {verified['maxAbsError']:.2g}, of gradients {verified['maxAbsGradError']}")
    return "\n".join(lines)


def out_of_memory(config: Config, error: BaseException) -> RunError:
    """What to do about a device that is too small."""
    return RunError(
        f"the device has too little memory ({str(error).splitlines()[0]}). Use more ranks, a shorter sequence, a smaller batch, "
        f"fewer heads, --dtype bfloat16, or smaller tiles than {config.block_q} x {config.block_k} where tiles are computed"
    )


def main() -> int:
    """One rank, from its start to its end."""
    warnings.filterwarnings("ignore", message=".*Profiler.*")
    arguments = parse_arguments()
    number = int(os.environ.get("RANK", "0"))
    try:
        config = load_config(HERE / "config.json")
        plan = load_plan(HERE / "plan.json", config)
        number, local = place_in_world(config)
        choose_dtype(arguments.dtype, config)
    except RunError as error:
        if number == 0:
            print(f"ring_attention.py: {error}", file=sys.stderr)
        return BAD_USAGE
    try:
        device = choose_device(arguments.device, local)
    except RunError as error:
        # Other ranks of the node may have one, the first of all too.
        print(f"rank {number}: {error}", file=sys.stderr)
        return BAD_USAGE
    try:
        # Without device_id: that would split the groups of Links from the world's communicator, which versions do differently.
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(seconds=arguments.timeout))
        with torch.no_grad():
            code = execute(arguments, config, plan, number, device)
        dist.destroy_process_group()
        return code
    except (RunError, RuntimeError) as error:
        known = out_of_memory(config, error) if "out of memory" in str(error).lower() else error
        print(f"rank {number}: {known}", file=sys.stderr, flush=True)
        # Threads and communicators that wait for ranks which will not answer must not keep this one: torchrun ends the others.
        os._exit(RUN_FAILED)


if __name__ == "__main__":
    sys.exit(main())
