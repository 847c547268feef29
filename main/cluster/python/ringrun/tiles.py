"""The plain kernel: attention in tiles of matrix products, for any mask, with float32 arithmetic.

Shapes: q, out, dout [batch, heads, rows, dim]; k, v [batch, kv heads, keys, dim]; lse, delta [batch, heads, rows].
Query heads that share a key/value head are folded into its rows, so that K and V are never repeated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

import torch

from .masks import Ranges

NEGATIVE_INFINITY = float("-inf")


def merge(out: torch.Tensor, lse: torch.Tensor, block_out: torch.Tensor, block_lse: torch.Tensor) -> None:
    """Joins a partial result over other keys into `out` and `lse`, in place.

    The identity is (0, -inf), a row that has seen no key. No exponent is positive, and -inf is never subtracted from itself.
    """
    most = torch.maximum(lse, block_lse)
    safe = most.masked_fill(most == NEGATIVE_INFINITY, 0.0)
    weight, block_weight = torch.exp(lse - safe), torch.exp(block_lse - safe)
    total = weight + block_weight
    share = torch.where(total > 0, block_weight / total, torch.zeros_like(total))
    kept = torch.where(total > 0, weight / total, torch.zeros_like(total))
    out.mul_(kept[..., None]).add_(block_out * share[..., None])
    lse.copy_(torch.where(total > 0, safe + torch.log(total), most))


@dataclass(frozen=True)
class Tile:
    """Rows and keys of a tile; `allowed` [rows, keys] is None where the tile is whole."""

    row0: int
    row1: int
    key0: int
    key1: int
    allowed: Optional[torch.Tensor]


def tiles_of(ranges: Ranges, block_q: int, block_k: int, device: torch.device) -> Iterator[Tile]:
    """The tiles that hold an allowed pair."""
    rows = ranges.start.numel()
    for row0 in range(0, rows, block_q):
        row1 = min(rows, row0 + block_q)
        start, end = ranges.start[row0:row1], ranges.end[row0:row1]
        some = end > start
        if not bool(some.any()):
            continue
        first, last = int(start[some].min()), int(end.max())
        common_first, common_last = int(start.max()), int(end.min())
        for key0 in range(first - first % block_k, last, block_k):
            low, high = max(key0, first), min(key0 + block_k, last)
            if common_first <= low and high <= common_last:
                yield Tile(row0, row1, low, high, None)
                continue
            keys = torch.arange(low, high)
            allowed = (keys[None, :] >= start[:, None]) & (keys[None, :] < end[:, None])
            if bool(allowed.any()):
                yield Tile(row0, row1, low, high, allowed.to(device))


def _fold(tensor: torch.Tensor, kv_heads: int) -> torch.Tensor:
    """[batch, heads, rows, ...] as [batch, kv heads, group * rows, ...], in float32."""
    batch, heads, rows = tensor.shape[:3]
    return tensor.reshape(batch, kv_heads, heads // kv_heads * rows, *tensor.shape[3:]).float()


def _scores(q: torch.Tensor, k: torch.Tensor, tile: Tile) -> torch.Tensor:
    """Scaled scores of folded queries, -inf where the mask forbids."""
    scores = (q @ k.transpose(-1, -2)) * (1 / math.sqrt(q.shape[-1]))
    if tile.allowed is not None:
        batch, kv_heads, folded, keys = scores.shape
        rows = tile.row1 - tile.row0
        by_row = scores.view(batch, kv_heads, folded // rows, rows, keys)
        by_row.masked_fill_(~tile.allowed, NEGATIVE_INFINITY)
    return scores


class TileKernel:
    """Computes a whole block under any mask."""

    def __init__(self, block_q: int, block_k: int) -> None:
        self.name = f"tiles of {block_q} x {block_k}, float32 matrix products"
        self._blocks = (block_q, block_k)

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, ranges: Ranges, out: torch.Tensor, lse: torch.Tensor
    ) -> None:
        """Joins the block into out and lse, both float32."""
        kv_heads = k.shape[1]
        for tile in tiles_of(ranges, *self._blocks, q.device):
            rows, keys = slice(tile.row0, tile.row1), slice(tile.key0, tile.key1)
            scores = _scores(_fold(q[:, :, rows], kv_heads), k[:, :, keys].float(), tile)
            most = scores.amax(-1, keepdim=True)
            safe = most.masked_fill(most == NEGATIVE_INFINITY, 0.0)
            weights = torch.exp(scores - safe)
            total = weights.sum(-1, keepdim=True)
            block_out = (weights @ v[:, :, keys].float()) / total.clamp(min=torch.finfo(torch.float32).tiny)
            block_lse = (safe + torch.log(total)).squeeze(-1)
            shape = (*q.shape[:2], tile.row1 - tile.row0)
            merge(out[:, :, rows], lse[:, :, rows], block_out.reshape(*shape, -1), block_lse.reshape(shape))

    def backward(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        ranges: Ranges,
        dout: torch.Tensor,
        lse: torch.Tensor,
        delta: torch.Tensor,
        grads: Tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    ) -> None:
        """Adds the block's gradients to dq, dk and dv (float32), by the log-sum-exp over all keys."""
        dq, dk, dv = grads
        kv_heads, scale = k.shape[1], 1 / math.sqrt(q.shape[-1])
        for tile in tiles_of(ranges, *self._blocks, q.device):
            rows, keys = slice(tile.row0, tile.row1), slice(tile.key0, tile.key1)
            q_tile, k_tile = _fold(q[:, :, rows], kv_heads), k[:, :, keys].float()
            dout_tile = _fold(dout[:, :, rows], kv_heads)
            row_lse = _fold(lse[:, :, rows], kv_heads)[..., None]
            # A row without keys has a log-sum-exp of -inf, and probabilities of 0.
            row_lse = row_lse.masked_fill(row_lse == NEGATIVE_INFINITY, float("inf"))
            weights = torch.exp(_scores(q_tile, k_tile, tile) - row_lse)
            dv[:, :, keys] += weights.transpose(-1, -2) @ dout_tile
            slopes = dout_tile @ v[:, :, keys].float().transpose(-1, -2) - _fold(delta[:, :, rows], kv_heads)[..., None]
            slopes.mul_(weights).mul_(scale)
            dq[:, :, rows] += (slopes @ k_tile).reshape(*q.shape[:2], tile.row1 - tile.row0, -1)
            dk[:, :, keys] += slopes.transpose(-1, -2) @ q_tile
