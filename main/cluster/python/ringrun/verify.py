"""Checks a rank's results against the definition, and sums them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, List, Optional, Tuple

import torch

from .config import Config
from .inputs import checksum_weights
from .memory import Memory
from .plan import Plan
from .reference import attends, head_of, key_gradients, query_gradient

#: A figure for what is not finite that survives JSON.
_NOT_FINITE = 1.7976931348623157e308
_ROWS_OF_HEAD = 16
_MOST_HEADS = 4
_KEYS_CHECKED = 8
#: Multiply-adds that checking the gradients of a few keys may cost; beyond that there are none checked.
_KEY_WORK_LIMIT = 2e10


@dataclass(frozen=True)
class Tolerance:
    """Largest errors with which a run counts as right."""

    output: float
    gradient: float


def tolerance_of(dtype: torch.dtype, wire_dtype: str) -> Tolerance:
    """Those of Ringscope's own runs; bfloat16 arithmetic rounds queries, probabilities and outputs as well."""
    if dtype == torch.bfloat16:
        return Tolerance(3e-2, 1e-1)
    return Tolerance(2e-2, 2e-2) if wire_dtype == "bfloat16" else Tolerance(1e-5, 1e-4)


@dataclass(frozen=True)
class Verification:
    """What one rank found. Errors are the largest absolute differences."""

    checked_rows: int
    checked_grad_rows: int
    max_abs_error: float
    max_abs_grad_error: Optional[float]


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    if found.numel() == 0:
        return 0.0
    same = found.double() == expected
    error = torch.where(same, torch.zeros_like(expected), (found.double() - expected).abs())
    return float(torch.nan_to_num(error, nan=_NOT_FINITE, posinf=_NOT_FINITE).max())


class Verifier:
    """One rank's results: all its heads, its own rows."""

    def __init__(self, config: Config, plan: Plan, rank: int, memory: Memory, positions: torch.Tensor) -> None:
        self._config, self._plan, self._memory = config, plan, memory
        seat = plan.seat(rank)
        self._rank = rank
        self._first_item = seat.ring_set * plan.batch
        device = memory.home.q.device
        self._positions = positions.to(device)
        self._real = int((positions < config.seq_len).sum())

    def run(self) -> Verification:
        """Some rows against float64, every element for being finite, or exactly 0 where nothing attends."""
        config, home = self._config, self._memory.home
        error = self._check_whole(home.out, self._queries_without_keys)
        grad_error: Optional[float] = None
        checked = grad_checked = 0
        if config.backward:
            grad_error = max(
                self._check_whole(home.dq, self._queries_without_keys),
                self._check_whole(home.dkv[0], self._keys_without_queries),
                self._check_whole(home.dkv[1], self._keys_without_queries),
            )
        rows = self._rows_to_check()
        for item, head in self._heads_to_check():
            reference = head_of(config, self._first_item + item, head, rows.device)
            for part in rows.split(reference.rows_at_once()):
                positions = self._positions[part]
                out, lse, _ = reference.forward(positions)
                error = max(error, _difference(home.out[item, head, part], out))
                if self._plan.degree == 1:
                    error = max(error, _difference(self._memory.sides[0].lse[item, head, part], lse))
                if grad_error is not None:
                    grad_error = max(grad_error, _difference(home.dq[item, head, part], query_gradient(reference, positions)))
            checked += rows.numel()
        if grad_error is not None:
            key_error, keys = self._check_keys(rows)
            grad_error = max(grad_error, key_error)
            grad_checked = checked + 2 * keys
        return Verification(checked, grad_checked, error, grad_error)

    def checksum(self) -> float:
        """Sum of all outputs, each with its weight: over all ranks the same for every algorithm, layout and world."""
        config, home = self._config, self._memory.home
        positions = self._positions[: self._real]
        total = 0.0
        for item in range(self._plan.batch):
            for head in range(config.heads):
                kv_head = head // (config.heads // config.kv_heads)
                weights = checksum_weights(config.seed, self._first_item + item, head, kv_head, positions, config.head_dim)
                summed = (home.out[item, head, : self._real].double() * weights).sum()
                # What is not finite is reported as an error; the checksum must survive JSON.
                total += float(torch.nan_to_num(summed, nan=0.0, posinf=0.0, neginf=0.0))
        return total

    def _heads_to_check(self) -> Iterator[Tuple[int, int]]:
        slices = self._plan.batch * self._config.heads
        step = max(1, slices // _MOST_HEADS)
        chosen = {(number * step + self._rank) % slices for number in range(min(_MOST_HEADS, slices))}
        for number in sorted(chosen):
            yield number // self._config.heads, number % self._config.heads

    def _rows_to_check(self) -> torch.Tensor:
        """The edges of the shard and of its halves, and others spread over it; int64, ascending."""
        half = self._positions.numel() // 2
        edges = [0, 1, half - 1, half, half + 1, self._real - 1]
        spread = [int((index * 0.618033988749895 % 1) * self._real) for index in range(_ROWS_OF_HEAD)]
        chosen = sorted({row for row in [*edges, *spread] if 0 <= row < self._real})
        return torch.tensor(chosen, dtype=torch.int64, device=self._positions.device)

    def _check_keys(self, rows: torch.Tensor) -> Tuple[float, int]:
        """dK and dV of a few keys of one head. @returns the error and how many keys: none where it would take too long."""
        config = self._config
        group = config.heads // config.kv_heads
        if rows.numel() == 0 or 2.0 * config.seq_len**2 * config.head_dim * group > _KEY_WORK_LIMIT:
            return 0.0, 0
        some = rows[:: max(1, rows.numel() // _KEYS_CHECKED)]
        item, kv_head = self._rank % self._plan.batch, self._rank % config.kv_heads
        dk, dv = key_gradients(config, self._first_item + item, kv_head, self._positions[some])
        found = self._memory.home.dkv[:, item, kv_head, some]
        return max(_difference(found[0], dk), _difference(found[1], dv)), some.numel()

    def _check_whole(self, tensor: torch.Tensor, idle_rows: Callable[[int], torch.Tensor]) -> float:
        """`tensor` [items, heads, rows, dim]."""
        error = 0.0 if bool(torch.isfinite(tensor).all()) else _NOT_FINITE
        for item in range(tensor.shape[0]):
            idle = tensor[item, :, idle_rows(self._first_item + item)]
            error = max(error, _difference(idle, torch.zeros(idle.shape, dtype=torch.float64, device=idle.device)))
        return error

    def _queries_without_keys(self, item: int) -> torch.Tensor:
        """Local rows that attend to nothing. The earliest key of a query's window and document is the last to be padding."""
        config, positions = self._config, self._positions
        start = torch.zeros_like(positions)
        if config.cu_seqlens is not None:
            bounds = torch.tensor(config.cu_seqlens, device=positions.device)
            start = bounds[torch.bucketize(positions, bounds[1:-1], right=True)]
        if config.lookback is not None:
            start = torch.maximum(start, positions - config.lookback)
        return torch.nonzero(~_attends_pairwise(config, item, positions, start)).reshape(-1)

    def _keys_without_queries(self, item: int) -> torch.Tensor:
        """Local rows that nothing attends to: every key that is real is attended to from its own position."""
        return torch.nonzero(~_attends_pairwise(self._config, item, self._positions, self._positions)).reshape(-1)


def _attends_pairwise(config: Config, item: int, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Whether each query attends to the key in the same place: bool [rows]."""
    parts: List[torch.Tensor] = []
    for query, key in zip(queries.split(1024), keys.split(1024)):
        parts.append(attends(config, item, query, key).diagonal())
    return torch.cat(parts)
