"""A rank's iterations: the steps of its plan, with transfers beside compute or after it."""

from __future__ import annotations

import time
from typing import Dict, List, Optional, Tuple

import torch
from torch.profiler import record_function

from .config import Config
from .kernels import Block, BlockKernel
from .links import Links
from .masks import Ranges, count_pairs, key_ranges, pieces_of, positions_of
from .memory import Memory, Side
from .plan import Plan, Step
from .spans import Recorder
from .tiles import merge

#: Of a (query, key) pair, a head and a dimension: two matrix products forward, five backward.
FORWARD_FLOPS, BACKWARD_FLOPS = 4, 10

#: A block's masks: one for all batch items, or one for each.
ItemBlocks = List[Tuple[slice, Block]]


class Blocks:
    """The masks between ring positions, each worked out once."""

    def __init__(self, config: Config, plan: Plan, rank: int) -> None:
        self._config, self._plan, self._rank = config, plan, rank
        self._known: Dict[Tuple[int, int], ItemBlocks] = {}

    def of(self, query_owner: int, kv_owner: int) -> ItemBlocks:
        """The blocks with pairs; none where the mask leaves nothing."""
        key = (self._plan.seat(query_owner).position, self._plan.seat(kv_owner).position)
        if key not in self._known:
            self._known[key] = self._make(*key)
        return self._known[key]

    def pairs(self, query_owner: int, kv_owner: int) -> int:
        """(query, key) pairs of a block, of all batch items of the rank's set."""
        return sum(
            count_pairs(block.ranges) * (items.stop - items.start) for items, block in self.of(query_owner, kv_owner)
        )

    def _make(self, query_position: int, key_position: int) -> ItemBlocks:
        plan, first = self._plan, self._plan.seat(self._rank).ring_set * self._plan.batch
        queries, keys = (positions_of(plan.position_runs(position)) for position in (query_position, key_position))

        def block_of(item: int) -> Block:
            ranges: Ranges = key_ranges(self._config, first + item, queries, keys)
            return Block(ranges, pieces_of(ranges))

        if self._config.key_padding is None:
            blocks = [(slice(0, plan.batch), block_of(0))]
        else:
            blocks = [(slice(item, item + 1), block_of(item)) for item in range(plan.batch)]
        return [(items, block) for items, block in blocks if count_pairs(block.ranges) > 0]


class RankLoop:
    """Runs the iterations of one rank."""

    def __init__(
        self, config: Config, plan: Plan, rank: int, memory: Memory, links: Links, kernel: BlockKernel, recorder: Recorder
    ) -> None:
        self._config, self._memory, self._links, self._kernel, self._recorder = config, memory, links, kernel, recorder
        self._steps = plan.steps(rank)
        self._blocks = Blocks(config, plan, rank)
        self._dtype = memory.dtype
        self._slowdown = config.stragglers.get(rank, 1.0) - 1.0
        attending = [(step.backward, step.index) for step in self._steps if step.exchange is None]
        self._first_of = {backward: min(index for b, index in attending if b == backward) for backward in {b for b, _ in attending}}
        #: Floating point operations of an iteration.
        self.flops = sum(self._flops(plan, step) for step in self._steps)

    def iterate(self) -> None:
        """All passes. Inputs are in place; on GPUs what was launched may still be running."""
        for step in self._steps:
            self._run_step(step)

    def _run_step(self, step: Step) -> None:
        phase = "backward" if step.backward else "forward"
        with record_function(f"ring step {step.index} ({phase})"):
            if step.exchange is not None:
                self._links.exchange(step.exchange, step.backward)
                return
            if step.index == self._first_of[step.backward]:
                self._begin(step.backward)
            if self._config.overlap:
                self._links.post(step)
            self._compute(step)
            if not self._config.overlap:
                self._links.post(step)
            self._links.settle(step.index if self._config.overlap else None)
            if step.folds:
                with self._recorder.computing("attn_merge", "merge", {"step": step.index}):
                    self._fold(step)

    def _begin(self, backward: bool) -> None:
        own = self._memory.sides[0]
        if not backward:
            self._memory.begin(own)
            return
        own.dq.zero_()
        own.delta.copy_((own.dout.float() * own.out).sum(-1))

    def _compute(self, step: Step) -> None:
        work = step.work
        if work is None or step.query_owner is None or step.kv_owner is None:
            return
        blocks = self._blocks.of(step.query_owner, step.kv_owner)
        if step.backward and work.gradient is not None and work.fresh:
            # Also without pairs: what the block's owner is owed passes through the slot.
            self._memory.dkv[work.gradient].zero_()
        if not blocks:
            return
        side = self._memory.sides[work.side]
        if work.side != 0:
            self._begin_for(side, step.backward)
        name = "ring_attention_bwd" if step.backward else "ring_attention_fwd"
        what = f"{name}: queries of rank {step.query_owner}, kv of rank {step.kv_owner}"
        args = {"step": step.index, "query owner": step.query_owner, "kv owner": step.kv_owner}
        with self._recorder.computing(name, what, args):
            start = time.perf_counter()
            self._attend(side, work.kv_slot, work.gradient, blocks)
            self._straggle(start)

    def _begin_for(self, side: Side, backward: bool) -> None:
        if not backward:
            self._memory.begin(side)
            return
        side.dq.zero_()
        # Kernels work out delta = rowsum(dout o out) themselves, which is all they need out for, and a helper has only delta:
        # so it is given an output with that delta.
        norm = side.dout.float().square().sum(-1)
        scale = torch.where(norm > 0, side.delta / norm, torch.zeros_like(norm))
        side.out.copy_(side.dout.float() * scale[..., None])

    def _attend(self, side: Side, kv_slot: int, gradient: Optional[int], blocks: ItemBlocks) -> None:
        keys, values = self._memory.kv[kv_slot].to(self._dtype)
        for items, block in blocks:
            if gradient is None:
                self._kernel.forward(side.q[items], keys[items], values[items], block, side.out[items], side.lse[items])
                continue
            dk, dv = self._memory.dkv[gradient]
            self._kernel.backward(
                side.q[items],
                keys[items],
                values[items],
                block,
                side.dout[items],
                side.out[items].to(self._dtype),
                side.lse[items],
                side.delta[items],
                (side.dq[items], dk[items], dv[items]),
            )

    def _fold(self, step: Step) -> None:
        memory = self._memory
        own = memory.sides[0]
        for fold in step.folds:
            if fold.what == "gradient":
                memory.dkv[fold.into].add_(memory.dkv[fold.source])
            elif fold.what == "partial":
                partial = memory.sides[fold.source]
                merge(own.out, own.lse, partial.out, partial.lse)
            else:
                own.dq.add_(memory.sides[fold.source].dq)

    def _straggle(self, start: float) -> None:
        """Makes this rank's blocks take as much longer as the configuration says. On a GPU it idles for that long."""
        if self._slowdown <= 0:
            return
        if self._memory.kv[0].is_cuda:
            torch.cuda.current_stream().synchronize()
        time.sleep(self._slowdown * (time.perf_counter() - start))

    def _flops(self, plan: Plan, step: Step) -> float:
        if step.work is None or step.query_owner is None or step.kv_owner is None:
            return 0.0
        per_pair = BACKWARD_FLOPS if step.backward else FORWARD_FLOPS
        heads = self._config.heads // plan.degree
        return float(per_pair * heads * self._config.head_dim * self._blocks.pairs(step.query_owner, step.kv_owner))
