"""Transfers between ranks, by torch.distributed.

Every channel of the plan has a process group of its own: transfers of one group follow each other, and those between the
windows of a double ring must not hold up those within them. Received blocks land where the kernel reads them; what is in
several tensors travels as one message of bytes.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
import torch.distributed as dist
from torch.profiler import record_function

from .memory import Memory
from .plan import CHANNELS, Move, Plan, Step
from .spans import Recorder, now_ns

_DTYPE_NAMES = {torch.float32: "Float", torch.bfloat16: "BFloat16", torch.uint8: "Byte"}


@dataclass
class Traffic:
    """Transfers of one kind that this rank sent."""

    hops: int = 0
    bytes: int = 0


@dataclass
class _Batch:
    """Moves of one channel that were posted together."""

    channel: str
    settle_step: int
    start_ns: int
    works: List[Any]
    #: Messages that are to be taken apart when they are there.
    unpack: List[Tuple[torch.Tensor, List[torch.Tensor]]]
    args: Dict[str, Any]
    #: When the last of them was over; where the host does not wait for that itself.
    over: Optional[Future[int]]
    #: What is on its way: its memory must not be used again before that is over.
    messages: List[torch.Tensor]


def _as_bytes(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.reshape(-1).view(torch.uint8) for part in parts])


def _take_apart(message: torch.Tensor, like: Sequence[torch.Tensor]) -> List[torch.Tensor]:
    parts = []
    at = 0
    for tensor in like:
        size = tensor.numel() * tensor.element_size()
        # A view needs an offset that its type divides; a copy always has one.
        parts.append(message[at : at + size].clone().view(tensor.dtype).view(tensor.shape))
        at += size
    return parts


def _size(parts: Sequence[torch.Tensor]) -> int:
    return sum(part.numel() * part.element_size() for part in parts)


def _wait_all(works: Sequence[Any]) -> int:
    for work in works:
        work.wait()
    return now_ns()


class Links:
    """A rank's ways to the others."""

    def __init__(
        self, plan: Plan, rank: int, memory: Memory, recorder: Recorder, device: torch.device, timeout: timedelta
    ) -> None:
        self._plan, self._rank, self._memory, self._recorder = plan, rank, memory, recorder
        world = list(range(dist.get_world_size()))
        self._members = dict.fromkeys(plan.channels(), world)
        self._groups: Dict[str, Any] = {
            channel: dist.new_group(world, group_desc=channel, timeout=timeout) for channel in plan.channels()
        }
        if plan.degree > 1:
            own = plan.group_of(plan.seat(rank))
            # Every rank must take part in making every group.
            for first in range(0, len(world), plan.degree):
                members = world[first : first + plan.degree]
                group = dist.new_group(members, group_desc="all-to-all", timeout=timeout)
                if rank in members:
                    self._groups["all-to-all"], self._members["all-to-all"] = group, own
        # NCCL wants all ranks of a group in its first operation, and in a step of a plan some may have nothing to move.
        for group in self._groups.values():
            dist.all_reduce(torch.zeros(1, device=device), group=group)
        # On CPUs only who waits for a transfer learns when it was over: a thread a channel, so that the rank can compute.
        on_host = device.type == "cpu"
        self._watchers = {channel: ThreadPoolExecutor(1, f"watch-{channel}") for channel in self._groups} if on_host else {}
        self._pending: List[_Batch] = []
        self.traffic: Dict[Tuple[str, str, str], Traffic] = {}

    def post(self, step: Step) -> None:
        """Begins a step's moves."""
        for channel in CHANNELS:
            sends = [move for move in step.sends if move.channel == channel]
            recvs = [move for move in step.recvs if move.channel == channel]
            if sends or recvs:
                self._pending.append(self._post(channel, step, sends, recvs))

    def settle(self, up_to_step: Optional[int]) -> None:
        """Waits for the moves due by the end of a step; None for all. On GPUs the stream waits, not the host."""
        due = [batch for batch in self._pending if up_to_step is None or batch.settle_step <= up_to_step]
        self._pending = [batch for batch in self._pending if batch not in due]
        for batch in due:
            with record_function(f"wait for {batch.args['what']}"):
                end_ns = _wait_all(batch.works) if batch.over is None else batch.over.result()
            for message, targets in batch.unpack:
                for target, part in zip(targets, _take_apart(message, targets)):
                    target.copy_(part)
            self._recorder.moved(batch.channel, "gloo:send_recv", batch.start_ns, end_ns, batch.args)

    def exchange(self, payload: str, backward: bool) -> None:
        """The all-to-all of the Ulysses group, waited for at once: nothing could be computed meanwhile."""
        memory, degree = self._memory, self._plan.degree
        what = f"all-to-all of {payload}"
        with record_function(what):
            sent = torch.stack([_as_bytes(memory.exchange_sends(payload, member)) for member in range(degree)])
            received = torch.empty_like(sent)
            start_ns = now_ns()
            dist.all_to_all_single(received.view(-1), sent.view(-1), group=self._groups["all-to-all"])
            end_ns = now_ns()
            for member in range(degree):
                parts = _take_apart(received[member], memory.exchange_shapes(payload, member))
                memory.exchange_take(payload, member, parts)
        self._count("all-to-all", payload, backward, degree - 1, (degree - 1) * sent[0].numel())
        args = self._args("all-to-all", "all_to_all", sent.numel(), torch.uint8, what)
        self._recorder.moved("all-to-all", "gloo:all_to_all", start_ns, end_ns, args)

    def close(self) -> None:
        """Ends the threads that watch transfers."""
        for watcher in self._watchers.values():
            watcher.shutdown(wait=False)

    def _post(self, channel: str, step: Step, sends: Sequence[Move], recvs: Sequence[Move]) -> _Batch:
        group = self._groups[channel]
        # The same number at both ends, and another for every move of a channel between two ranks.
        tag = step.index * len(CHANNELS) + CHANNELS.index(channel)
        operations: List[dist.P2POp] = []
        unpack: List[Tuple[torch.Tensor, List[torch.Tensor]]] = []
        message = None
        for move in sends:
            parts = self._memory.region(move.buffer, move.slot, step.backward)
            message = parts[0] if len(parts) == 1 else _as_bytes(parts)
            operations.append(dist.P2POp(dist.isend, message, move.peer, group=group, tag=tag))
            self._count(channel, move.payload, step.backward, 1, _size(parts))
        for move in recvs:
            parts = self._memory.region(move.buffer, move.slot, step.backward)
            message = parts[0] if len(parts) == 1 else torch.empty(_size(parts), dtype=torch.uint8, device=parts[0].device)
            if len(parts) > 1:
                unpack.append((message, parts))
            operations.append(dist.P2POp(dist.irecv, message, move.peer, group=group, tag=tag))
        assert message is not None
        moves = [*sends, *recvs]
        what = " and ".join(
            [f"{move.payload} of rank {move.owner} to rank {move.peer}" for move in sends]
            + [f"{move.payload} of rank {move.owner} from rank {move.peer}" for move in recvs]
        )
        args = self._args(channel, "coalesced", message.numel(), message.dtype, what)
        args["Src Rank"] = recvs[0].peer if recvs else None
        args["Dst Rank"] = sends[0].peer if sends else None
        args["step"] = step.index
        start_ns = now_ns()
        with record_function(what):
            works = dist.batch_isend_irecv(operations)
        watcher = self._watchers.get(channel)
        over = None if watcher is None else watcher.submit(_wait_all, works)
        messages = [operation.tensor for operation in operations]
        return _Batch(channel, min(move.settle_step for move in moves), start_ns, works, unpack, args, over, messages)

    def _count(self, channel: str, payload: str, backward: bool, hops: int, size: int) -> None:
        row = self.traffic.setdefault((channel, payload, "backward" if backward else "forward"), Traffic())
        row.hops += hops
        row.bytes += size

    def _args(self, channel: str, operation: str, elements: int, dtype: torch.dtype, what: str) -> Dict[str, Any]:
        """The names that the profiler gives these facts of a NCCL kernel."""
        members = self._members[channel]
        return {
            "what": what,
            "Collective name": operation,
            "In msg nelems": elements,
            "Out msg nelems": elements,
            "dtype": _DTYPE_NAMES[dtype],
            "Group size": len(members),
            "Process Group Name": channel,
            "Process Group Ranks": str(members),
        }
