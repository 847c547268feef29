"""Masks as ranges: every mask allows each query one interval of positions, and local positions ascend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, NamedTuple, Optional

import torch

from .config import Config
from .plan import Run


class Ranges(NamedTuple):
    """Row i attends to local key rows `start[i] <= j < end[i]`; int64 on the CPU, both 0 for none."""

    start: torch.Tensor
    end: torch.Tensor


@dataclass(frozen=True)
class Piece:
    """A rectangle of rows [row0, row1) and keys [key0, key1). Causal ones are square: row i sees keys up to its own."""

    row0: int
    row1: int
    key0: int
    key1: int
    causal: bool


#: A block of more pieces than this is computed in tiles with a mask instead.
MOST_PIECES = 64


def positions_of(runs: List[Run]) -> torch.Tensor:
    """Global position of every local row, int64, ascending."""
    parts = []
    for run in runs:
        groups = run.start + run.stride * torch.arange(run.count, dtype=torch.int64)
        parts.append((groups[:, None] + torch.arange(run.width, dtype=torch.int64)[None, :]).reshape(-1))
    return torch.cat(parts)


def _visible(config: Config, item: int, positions: torch.Tensor) -> Ranges:
    """The interval of global positions that each query attends to."""
    start = torch.zeros_like(positions)
    end = torch.full_like(positions, config.seq_len)
    if config.cu_seqlens is not None:
        bounds = torch.tensor(config.cu_seqlens, dtype=torch.int64)
        document = (torch.searchsorted(bounds, positions, right=True) - 1).clamp(max=len(bounds) - 2)
        start, end = bounds[document], bounds[document + 1]
    if config.lookback is not None:
        start = torch.maximum(start, positions - config.lookback)
    if config.mask == "causal":
        end = torch.minimum(end, positions + 1)
    if config.key_padding is not None:
        end = end.clamp(max=config.key_padding[item])
    return Ranges(start, torch.where(positions < config.seq_len, end, torch.zeros_like(end)))


def key_ranges(config: Config, item: int, query_positions: torch.Tensor, key_positions: torch.Tensor) -> Ranges:
    """The key range of every local query row of a batch item (of the whole batch)."""
    visible = _visible(config, item, query_positions)
    start = torch.searchsorted(key_positions, visible.start)
    end = torch.searchsorted(key_positions, visible.end)
    empty = (visible.start >= visible.end) | (start >= end)
    return Ranges(start.masked_fill(empty, 0), end.masked_fill(empty, 0))


def count_pairs(ranges: Ranges) -> int:
    """Number of (query, key) pairs that the ranges allow."""
    return int((ranges.end - ranges.start).clamp(min=0).sum())


def pieces_of(ranges: Ranges) -> Optional[List[Piece]]:
    """The rectangles and triangles that a block consists of; None where they are too many to be worth a kernel each.

    Rows whose keys begin alike and end alike are a rectangle; where each row's keys end one later than the row's before,
    it is a rectangle and a square with a causal mask.
    """
    start, end = ranges
    rows = start.numel()
    empty = start >= end
    growth = end.diff()
    broken = (start.diff() != 0) | (growth < 0) | (growth > 1) | (empty[1:] != empty[:-1])
    # Of two neighbouring rows: 0 the same keys, 1 one key more, 2 something else.
    kinds = torch.where(broken, torch.full_like(growth, 2), growth)
    changes = torch.nonzero(kinds[1:] != kinds[:-1]).reshape(-1).numel() + int((kinds == 2).sum())
    if changes > 2 * MOST_PIECES:
        return None
    pieces: List[Piece] = []
    row = 0
    while row < rows:
        kind = int(kinds[row]) if row < rows - 1 else 2
        stop = row + 1
        if kind != 2:
            differing = torch.nonzero(kinds[row:] != kind).reshape(-1)
            stop = rows if differing.numel() == 0 else row + int(differing[0]) + 1
        first, last = int(start[row]), int(end[row])
        if last > first:
            pieces.extend(_pieces_of_rows(row, stop, first, last, kind == 1))
        row = stop
    return pieces if len(pieces) <= MOST_PIECES else None


def _pieces_of_rows(row0: int, row1: int, first: int, last: int, growing: bool) -> List[Piece]:
    if not growing:
        return [Piece(row0, row1, first, last, False)]
    square = Piece(row0, row1, last - 1, last - 1 + row1 - row0, True)
    return [square] if last - 1 == first else [Piece(row0, row1, first, last - 1, False), square]
