"""The inputs of a run: a pure function of (seed, tensor, batch item, head, global position, dim).

The same integers as Ringscope's own ranks make, so that outputs of both can be compared. 32-bit arithmetic is done in
int64, whose products wrap around: their lower 32 bits are right.
"""

from __future__ import annotations

import torch

_CODES = {"q": 1, "k": 2, "v": 3, "checksum": 4, "dout": 5}
_GOLDEN = 0x9E3779B9
_LOW = 0xFFFFFFFF


def _mix(value: torch.Tensor) -> torch.Tensor:
    """A bijection of 32-bit integers (Wellons, "lowbias32")."""
    value = ((value ^ (value >> 16)) * 0x21F0AAAD) & _LOW
    value = ((value ^ (value >> 15)) * 0x735A2D97) & _LOW
    return value ^ (value >> 15)


def _chain(value: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    return _mix(value ^ (((field + 1) * _GOLDEN) & _LOW))


def _row_hashes(seed: int, code: int, items: torch.Tensor, heads: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Hashes [items, heads, positions]."""
    device = positions.device
    start = _mix(torch.tensor(seed & _LOW, dtype=torch.int64, device=device))
    of_tensor = _chain(start, torch.tensor(code, dtype=torch.int64, device=device))
    of_item = _chain(of_tensor, items.to(device))[:, None]
    of_head = _chain(of_item, heads.to(device)[None, :])[:, :, None]
    return _chain(of_head, positions[None, None, :])


def _element_hashes(rows: torch.Tensor, head_dim: int) -> torch.Tensor:
    dims = torch.arange(1, head_dim + 1, dtype=torch.int64, device=rows.device)
    return _mix((rows[..., None] + ((dims * _GOLDEN) & _LOW)) & _LOW)


def _values(hashes: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Triangular on (-2.5, 2.5); exact in float32."""
    return ((hashes >> 16) + (hashes & 0xFFFF) - 0xFFFF).to(dtype) * (5 * 2.0**-17)


def input_tensor(
    name: str, seed: int, items: torch.Tensor, heads: torch.Tensor, positions: torch.Tensor, head_dim: int, dtype: torch.dtype
) -> torch.Tensor:
    """One input, [items, heads, positions, head_dim]. All index tensors are int64; made on the device of `positions`."""
    rows = _row_hashes(seed, _CODES[name], items, heads, positions)
    return _values(_element_hashes(rows, head_dim), dtype)


def checksum_weights(seed: int, item: int, head: int, kv_head: int, positions: torch.Tensor, head_dim: int) -> torch.Tensor:
    """Weights [positions, head_dim] of one head's output rows in a run's checksum, float64, in +-[0.5, 1.5).

    The sign is that of V at the same place, so that the terms of the sum do not cancel.
    """
    one_item = torch.tensor([item])
    weights = _row_hashes(0, _CODES["checksum"], one_item, torch.tensor([head]), positions)
    magnitude = 0.5 + _element_hashes(weights, head_dim).to(torch.float64) * 2.0**-32
    values = input_tensor("v", seed, one_item, torch.tensor([kv_head]), positions, head_dim, torch.float64)
    return torch.where(values < 0, -magnitude, magnitude)[0, 0]
