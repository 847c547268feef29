"""result.json: what the run was and what was measured, in the words of `ringscope run --json` as far as they apply."""

from __future__ import annotations

import json
import os
import platform
import socket
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch
import torch.distributed as dist

from .config import Config
from .errors import RunError
from .kernels import BlockKernel
from .links import Traffic
from .plan import Plan
from .spans import Iteration, Span
from .verify import Tolerance, Verification

Interval = Tuple[int, int]


def union(intervals: List[Interval]) -> List[Interval]:
    """Disjoint intervals, ascending, that cover the same."""
    found: List[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def length(intervals: List[Interval]) -> int:
    """Sum of the lengths of disjoint intervals."""
    return sum(end - start for start, end in intervals)


def overlap(first: List[Interval], second: List[Interval]) -> int:
    """Length of what two unions have in common."""
    return length(first) + length(second) - length(union([*first, *second]))


@dataclass(frozen=True)
class IterationTimes:
    """One iteration of one rank, in ms; transfers are None where the host does not see them."""

    window: float
    compute: float
    comm: Optional[float]
    overlap: Optional[float]


def times_of(iteration: Iteration, on_cuda: bool) -> IterationTimes:
    """Times of an iteration: comm is the union of transfers from when they were posted to when they were over."""

    def cover(spans: List[Span], of_compute: bool) -> List[Interval]:
        return union([(span.start_ns, span.end_ns) for span in spans if (span.lane == "compute") == of_compute])

    window = (iteration.end_ns - iteration.start_ns) / 1e6
    if on_cuda:
        return IterationTimes(window, iteration.compute_ms(), None, None)
    compute, comm = cover(iteration.spans, True), cover(iteration.spans, False)
    return IterationTimes(window, length(compute) / 1e6, length(comm) / 1e6, overlap(compute, comm) / 1e6)


@dataclass(frozen=True)
class RankReport:
    """What a rank tells rank 0 when it is through."""

    rank: int
    host: str
    device: str
    times: List[IterationTimes]
    flops: float
    traffic: Dict[Tuple[str, str, str], Traffic]
    verification: Optional[Verification]
    checksum: Optional[float]
    kernels: Dict[str, int]
    trace: str


def device_name(device: torch.device) -> str:
    """For people."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()} CPU, {torch.get_num_threads()} threads"


def gather(report: RankReport) -> List[RankReport]:
    """The reports of all ranks, on every rank."""
    reports: List[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(reports, report)
    return reports


def result_of(
    config: Config, plan: Plan, reports: List[RankReport], kernel: BlockKernel, dtype: torch.dtype, tolerance: Tolerance
) -> Dict[str, Any]:
    """The document. Times in ms; a rank's are totals over the measured iterations."""
    counted = config.iterations
    makespans = [max(report.times[at].window for report in reports) for at in range(counted)]
    traffic = _traffic(reports, config.warmup + config.iterations)
    transfers = [row for row in traffic if row["pass"] == "forward" and row["payload"] == ("kv" if plan.ring_size > 1 else "qkv")]
    backend = dist.get_backend()
    return {
        "config": config.raw,
        "backend": f"torch {torch.__version__}, {backend}",
        "device": ", ".join(sorted({report.device for report in reports})),
        "transport": backend,
        "modelled": False,
        "warnings": _warnings(config, kernel),
        "iterations": [
            {
                "iteration": config.warmup + at,
                "makespanMs": makespans[at],
                "overlapRatio": _overlap_ratio([report.times[at] for report in reports]),
                "idleFraction": _idle_fraction([report.times[at] for report in reports], makespans[at]),
            }
            for at in range(counted)
        ],
        "makespanMs": statistics.median(makespans),
        "overlapRatio": _overlap_ratio([times for report in reports for times in report.times]),
        "idleFraction": 1
        - sum(times.compute for report in reports for times in report.times) / (config.world * sum(makespans)),
        "theory": plan.theory,
        "hops": sum(row["hops"] for row in transfers),
        "bytesPerHop": max((row["bytesPerHop"] for row in transfers), default=0),
        "traffic": traffic,
        "ranks": [_rank(report, makespans) for report in reports],
        "verification": _verification(reports, tolerance, config.backward),
        "outputChecksum": _checksum(reports),
        "failure": None,
        "dtype": str(dtype).replace("torch.", ""),
        "kernels": {
            "used": sorted({name for report in reports for name in report.kernels}),
            "rejected": kernel.rejected,
        },
        "versions": _versions(),
        "hosts": [{"rank": report.rank, "host": report.host, "device": report.device, "trace": report.trace} for report in reports],
    }


def _rank(report: RankReport, makespans: List[float]) -> Dict[str, Any]:
    compute = sum(times.compute for times in report.times)
    comm, common = _sum([times.comm for times in report.times]), _sum([times.overlap for times in report.times])
    flops = report.flops * len(report.times)
    return {
        "rank": report.rank,
        "computeMs": compute,
        "commMs": comm,
        "overlapMs": common,
        "exposedMs": None if comm is None or common is None else comm - common,
        "waitPeerMs": None,
        "waitLinkMs": None,
        "idleMs": sum(makespans) - compute,
        "flops": flops,
        "gflops": flops / compute / 1e6 if compute > 0 else 0,
    }


def _sum(values: List[Optional[float]]) -> Optional[float]:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _overlap_ratio(times: List[IterationTimes]) -> Optional[float]:
    comm, common = _sum([each.comm for each in times]), _sum([each.overlap for each in times])
    return None if comm is None or common is None or comm == 0 else common / comm


def _idle_fraction(times: List[IterationTimes], makespan: float) -> float:
    return 1 - sum(each.compute for each in times) / (len(times) * makespan)


def _traffic(reports: List[RankReport], iterations: int) -> List[Dict[str, Any]]:
    """Per iteration, of the rank that sends most."""
    kinds = list(dict.fromkeys(kind for report in reports for kind in report.traffic))
    rows = []
    for channel, payload, phase in kinds:
        sent = [report.traffic.get((channel, payload, phase), Traffic()) for report in reports]
        most = max(sent, key=lambda row: row.hops)
        rows.append(
            {
                "channel": channel,
                "payload": payload,
                "pass": phase,
                "hops": most.hops // iterations,
                "bytesPerHop": most.bytes // most.hops,
            }
        )
    return rows


def _verification(reports: List[RankReport], tolerance: Tolerance, backward: bool) -> Optional[Dict[str, Any]]:
    found = [report.verification for report in reports if report.verification is not None]
    if not found:
        return None
    error = max(each.max_abs_error for each in found)
    grad_errors = [each.max_abs_grad_error for each in found if each.max_abs_grad_error is not None]
    grad_error = max(grad_errors, default=None)
    return {
        "checkedRows": sum(each.checked_rows for each in found),
        "checkedGradRows": sum(each.checked_grad_rows for each in found),
        "maxAbsError": error,
        "maxAbsGradError": grad_error,
        "tolerance": tolerance.output,
        "gradTolerance": tolerance.gradient if backward else None,
        "passed": error <= tolerance.output and (grad_error is None or grad_error <= tolerance.gradient),
    }


def _checksum(reports: List[RankReport]) -> Optional[float]:
    found = [report.checksum for report in reports if report.checksum is not None]
    return sum(found) if found else None


def _warnings(config: Config, kernel: BlockKernel) -> List[str]:
    warnings = [f"kernel {name} was not used: {reason}" for name, reason in kernel.rejected.items()]
    if config.raw.get("link") is not None:
        warnings.append("the configuration's emulated link does not apply: links are the cluster's own")
    if config.raw.get("backend") == "modelled":
        warnings.append("the configuration's modelled compute does not apply: blocks are computed")
    return warnings


def _versions() -> Dict[str, Any]:
    nccl = ".".join(str(part) for part in torch.cuda.nccl.version()) if torch.cuda.is_available() else None
    return {"python": platform.python_version(), "torch": torch.__version__, "cuda": torch.version.cuda, "nccl": nccl}


def write_result(path: Path, result: Dict[str, Any]) -> None:
    """Writes the document beside its name and renames it."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error}); give another folder with --out") from error


def host_name() -> str:
    """For people."""
    return socket.gethostname()
