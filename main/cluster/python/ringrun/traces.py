"""The rank's trace: what torch.profiler recorded, one Kineto file."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from .errors import RunError
from .spans import Iteration, Span

#: What the measurements of a CPU rank are drawn as: a device of its own beside the threads.
_DEVICE_PID = "measured"
_EVENTS = '"traceEvents": ['


def new_profiler(device: torch.device, warmup: int, iterations: int, on_ready: Callable[[profile], None]) -> profile:
    """Records the iterations after the warm-up, a ProfilerStep each, with the arguments of communication kernels."""
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    recorded = schedule(wait=0, warmup=warmup, active=iterations, repeat=1)
    return profile(activities=activities, record_shapes=True, schedule=recorded, on_trace_ready=on_ready)


def write_trace(profiler: profile, path: Path, rank: int, device: torch.device, iterations: Iterable[Iteration]) -> None:
    """Writes the trace, compressed. On CPUs the rank's own measurements are added, in the form of device work."""
    plain = path.with_name(f"{path.name}.partial.json")
    packed = path.with_name(f"{path.name}.partial")
    try:
        profiler.export_chrome_trace(str(plain))
        text = plain.read_text(encoding="utf-8")
        if device.type == "cpu":
            text = _with_measurements(text, rank, [span for iteration in iterations for span in iteration.spans])
        with gzip.open(packed, "wt", encoding="utf-8", compresslevel=6) as file:
            file.write(text)
        os.replace(packed, path)
    except OSError as error:
        raise RunError(f"{path}: the trace cannot be written ({error}); give another folder with --out") from error
    finally:
        plain.unlink(missing_ok=True)
        packed.unlink(missing_ok=True)


def _with_measurements(text: str, rank: int, spans: List[Span]) -> str:
    """Adds spans to the text of a trace. Its times count in microseconds from a base that the file names."""
    base = re.search(r'"baseTimeNanoseconds":\s*(\d+)', text)
    base_ns = 0 if base is None else int(base.group(1))
    if _EVENTS not in text:
        raise RunError(f"the trace of rank {rank} has no list of events: this version of PyTorch writes it in another form")
    lanes = sorted({span.lane for span in spans}, key=lambda lane: (lane != "compute", lane))
    events: List[Dict[str, Any]] = [
        _name("process_name", 0, f"rank {rank}"),
        {**_name("process_labels", 0, ""), "args": {"labels": "CPU, as measured"}},
        *(_name("thread_name", tid, lane) for tid, lane in enumerate(lanes)),
    ]
    texts = [json.dumps(event) for event in events]
    texts += [_event_text(span, lanes.index(span.lane), base_ns) for span in spans]
    return text.replace(_EVENTS, _EVENTS + ",\n".join(texts) + ",", 1)


def _name(kind: str, tid: int, name: str) -> Dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": _DEVICE_PID, "tid": tid, "args": {"name": name}}


def _event_text(span: Span, tid: int, base_ns: int) -> str:
    """One complete event. Times are printed from integers: a double has no room for them."""
    start, length = span.start_ns - base_ns, span.end_ns - span.start_ns
    fields = json.dumps({"ph": "X", "cat": "kernel", "name": span.name, "pid": _DEVICE_PID, "tid": tid})[:-1]
    times = f'"ts": {start // 1000}.{start % 1000:03d}, "dur": {length // 1000}.{length % 1000:03d}'
    args = json.dumps({key: value for key, value in span.args.items() if value is not None})
    return f'{fields}, {times}, "args": {args}}}'
