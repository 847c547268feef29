"""What a rank did and when, as it happened on the host.

On CPUs the host computes and moves bytes itself, so these are its measurements. On GPUs the profiler records the kernels,
and events on the stream measure the blocks.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Tuple

import torch
from torch.profiler import record_function

#: Adds to the clock that durations are measured with to give Unix time.
_ANCHOR_NS = time.time_ns() - time.perf_counter_ns()


def now_ns() -> int:
    """Unix time in ns, from a clock that runs evenly."""
    return time.perf_counter_ns() + _ANCHOR_NS


@dataclass(frozen=True)
class Span:
    """`lane` is compute or a channel."""

    lane: str
    name: str
    start_ns: int
    end_ns: int
    args: Dict[str, Any]


@dataclass
class Iteration:
    """What is known of one iteration of one rank."""

    start_ns: int = 0
    end_ns: int = 0
    spans: List[Span] = field(default_factory=list)
    events: List[Tuple[Any, Any]] = field(default_factory=list)

    def compute_ms(self) -> float:
        """Time of the blocks. On GPUs the device must be through with them."""
        if self.events:
            return sum(start.elapsed_time(end) for start, end in self.events)
        return sum(span.end_ns - span.start_ns for span in self.spans if span.lane == "compute") / 1e6


class Recorder:
    """Takes the spans of the iteration in progress."""

    def __init__(self, device: torch.device) -> None:
        self._on_cuda = device.type == "cuda"
        self.iterations: List[Iteration] = []

    @property
    def current(self) -> Iteration:
        """The iteration in progress."""
        return self.iterations[-1]

    @contextmanager
    def computing(self, name: str, what: str, args: Dict[str, Any]) -> Iterator[None]:
        """A block or a sum that the device computes. `name` says what it is to tools, `what` to people."""
        with record_function(what):
            if self._on_cuda:
                start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                start.record()
                yield
                end.record()
                self.current.events.append((start, end))
                return
            start_ns = now_ns()
            yield
            self.current.spans.append(Span("compute", name, start_ns, now_ns(), args))

    def moved(self, channel: str, name: str, start_ns: int, end_ns: int, args: Dict[str, Any]) -> None:
        """A transfer, from when it was posted to when it was over."""
        if not self._on_cuda:
            self.current.spans.append(Span(channel, name, start_ns, end_ns, args))
