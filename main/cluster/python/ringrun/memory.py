"""One rank's tensors, and the regions of them that moves read and write.

Shapes: queries [batch, heads, rows, dim], key/value blocks [2, batch, kv heads, rows, dim] (K then V), rows of log-sum-exps
[batch, heads, rows]. Queries, keys and values have the precision of the computation, sums are float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

import torch

from .config import Config
from .errors import RunError
from .inputs import input_tensor
from .plan import Plan, Seat
from .tiles import NEGATIVE_INFINITY

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass
class Side:
    """Queries and what belongs to them. Side 0 are the rank's own; others are of ranks that it helps."""

    q: torch.Tensor
    out: torch.Tensor
    lse: torch.Tensor
    dout: torch.Tensor
    delta: torch.Tensor
    dq: torch.Tensor


@dataclass
class Home:
    """The rank's own tensors: all heads, its own rows. Without a Ulysses group they are those that it computes on."""

    q: torch.Tensor
    kv: torch.Tensor
    out: torch.Tensor
    dout: torch.Tensor
    dq: torch.Tensor
    dkv: torch.Tensor


class Memory:
    """Allots a rank's tensors."""

    def __init__(self, config: Config, plan: Plan, rank: int, dtype: torch.dtype, device: torch.device) -> None:
        kv_slots, dkv_slots, sides, own_gradient = plan.slots(rank)
        batch, tokens, dim, degree = plan.batch, plan.compute_tokens, config.head_dim, plan.degree
        heads = config.heads // degree
        self.kv_heads = max(1, config.kv_heads // degree)
        self.dtype = dtype
        self._config, self._plan = config, plan
        wire = DTYPES[config.wire_dtype]
        backward_tokens = tokens if config.backward else 0

        def zeros(*shape: int, kind: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros(shape, dtype=kind, device=device)

        self.sides = [
            Side(
                q=zeros(batch, heads, tokens, dim, kind=dtype),
                out=zeros(batch, heads, tokens, dim),
                lse=zeros(batch, heads, tokens),
                dout=zeros(batch, heads, backward_tokens, dim, kind=dtype),
                delta=zeros(batch, heads, backward_tokens),
                dq=zeros(batch, heads, backward_tokens, dim),
            )
            for _ in range(sides)
        ]
        self.kv = [zeros(2, batch, self.kv_heads, tokens, dim, kind=wire) for _ in range(kv_slots)]
        self.dkv = [zeros(2, batch, self.kv_heads, tokens, dim) for _ in range(dkv_slots)]
        own = self.sides[0]
        self.own_gradient = 0 if own_gradient is None else own_gradient
        gradient = self.dkv[self.own_gradient] if self.dkv else zeros(0)
        self._own_kv: Optional[torch.Tensor] = None
        if degree == 1:
            self.home = Home(own.q, self.kv[0], own.out, own.dout, own.dq, gradient)
            return
        rows, backward_rows = tokens // degree, backward_tokens // degree
        self.home = Home(
            q=zeros(batch, config.heads, rows, dim, kind=dtype),
            kv=zeros(2, batch, config.kv_heads, rows, dim, kind=wire),
            out=zeros(batch, config.heads, rows, dim, kind=dtype),
            dout=zeros(batch, config.heads, backward_rows, dim, kind=dtype),
            dq=zeros(batch, config.heads, backward_rows, dim),
            dkv=zeros(2, batch, config.kv_heads, backward_rows, dim),
        )

    def fill(self, seat: Seat, positions: torch.Tensor) -> None:
        """Puts the inputs in place. K and V are rounded once, here, to the precision in which they travel."""
        config, home = self._config, self.home
        first = seat.ring_set * self._plan.batch
        items = torch.arange(first, first + self._plan.batch)

        def fill(target: torch.Tensor, name: str, heads: int) -> None:
            # A head at a time: the integers that values are made from take many times their space.
            for head in range(heads):
                one = torch.tensor([head])
                values = input_tensor(name, config.seed, items, one, positions, config.head_dim, torch.float32)
                target[:, head].copy_(values[:, 0])

        fill(home.q, "q", config.heads)
        fill(home.kv[0], "k", config.kv_heads)
        fill(home.kv[1], "v", config.kv_heads)
        if config.backward:
            fill(home.dout, "dout", config.heads)

        if self._plan.degree == 1 and len(self.kv) > 1:
            self._own_kv = home.kv.clone()

    def restore(self) -> None:
        """Puts the rank's own K and V back where other ranks' blocks came to lie."""
        if self._own_kv is not None:
            self.home.kv.copy_(self._own_kv)

    def region(self, buffer: str, slot: int, backward: bool) -> List[torch.Tensor]:
        """The tensors that a move carries, one after another."""
        if buffer == "kv":
            return [self.kv[slot]]
        if buffer == "dkv":
            return [self.dkv[slot]]
        side = self.sides[slot]
        if buffer == "query":
            return [side.q, side.dout, side.lse, side.delta] if backward else [side.q]
        if buffer == "partial":
            return [side.out, side.lse]
        if buffer == "dq":
            return [side.dq]
        raise RunError(f"plan.json names a buffer that this script does not know: {buffer}")

    def begin(self, side: Side) -> None:
        """A forward pass over a side has seen no key yet."""
        side.out.zero_()
        side.lse.fill_(NEGATIVE_INFINITY)

    def exchange_sends(self, payload: str, member: int) -> List[torch.Tensor]:
        """What goes to a member of the Ulysses group in an all-to-all."""
        spreads = payload in ("qkv", "dout")
        return self._of_home(payload, member) if spreads else self._of_spread(payload, member)

    def exchange_shapes(self, payload: str, member: int) -> List[torch.Tensor]:
        """Tensors of the shapes and types in which a member's part arrives."""
        spreads = payload in ("qkv", "dout")
        return self._of_spread(payload, member) if spreads else self._of_home(payload, member)

    def exchange_take(self, payload: str, member: int, parts: List[torch.Tensor]) -> None:
        """Puts a member's part where it belongs. Members may share key/value heads: their gradients are summed."""
        if payload == "dqkv":
            if member == 0:
                self.home.dkv.zero_()
            dq, dkv = self._of_home(payload, member)
            dq.copy_(parts[0])
            dkv.add_(parts[1])
            return
        for target, part in zip(self.exchange_shapes(payload, member), parts):
            target.copy_(part)

    def _of_home(self, payload: str, member: int) -> List[torch.Tensor]:
        heads = self._config.heads // self._plan.degree
        first_kv = member * self._config.kv_heads // self._plan.degree
        own = slice(member * heads, (member + 1) * heads)
        own_kv = slice(first_kv, first_kv + self.kv_heads)
        home = self.home
        if payload == "qkv":
            return [home.q[:, own], home.kv[:, :, own_kv]]
        if payload == "dqkv":
            return [home.dq[:, own], home.dkv[:, :, own_kv]]
        return [(home.out if payload == "out" else home.dout)[:, own]]

    def _of_spread(self, payload: str, member: int) -> List[torch.Tensor]:
        rows = self._plan.shard_tokens
        own = slice(member * rows, (member + 1) * rows)
        side = self.sides[0]
        if payload == "qkv":
            return [side.q[:, :, own], self.kv[0][:, :, :, own]]
        if payload == "dqkv":
            return [side.dq[:, :, own], self.dkv[self.own_gradient][:, :, :, own]]
        return [side.out[:, :, own].to(self.dtype)] if payload == "out" else [side.dout[:, :, own]]
