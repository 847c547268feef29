"""Kernels that compute a rectangle or a causal square at once, and the choice among them.

Each answers the normalised output of its piece with its log-sum-exp, so that pieces can be merged. A kernel is used only
after it agreed with the plain one on this device, with these head counts and this precision: their conventions (layout of
the log-sum-exp, alignment of the causal mask, arguments) changed between versions.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Protocol, Set, Tuple

import torch

from .errors import RunError
from .masks import Piece, Ranges
from .tiles import NEGATIVE_INFINITY, TileKernel, merge

Grads = Tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class PieceKernel(Protocol):
    """q, out, dout [batch, heads, rows, dim]; k, v [batch, kv heads, keys, dim]; lse [batch, heads, rows], natural log."""

    name: str

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool) -> Tuple[torch.Tensor, torch.Tensor]:
        """The output of these keys alone, and its log-sum-exp."""

    def backward(
        self, dout: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, out: torch.Tensor, lse: torch.Tensor, causal: bool
    ) -> Grads:
        """dq, dk and dv of these keys, where out and lse are over all keys."""


def _repeat_heads(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    group = heads // tensor.shape[1]
    return tensor if group == 1 else tensor.repeat_interleave(group, dim=1)


def _sum_heads(tensor: torch.Tensor, kv_heads: int) -> torch.Tensor:
    batch, heads, keys, dim = tensor.shape
    return tensor if heads == kv_heads else tensor.view(batch, kv_heads, heads // kv_heads, keys, dim).float().sum(2)


class SdpaCpu:
    """PyTorch's flash attention for CPUs."""

    def __init__(self) -> None:
        self.name = "torch scaled_dot_product_attention, flash for CPU"
        self._forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        self._backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool) -> Tuple[torch.Tensor, torch.Tensor]:
        """See PieceKernel."""
        heads = q.shape[1]
        out, lse = self._forward(q, _repeat_heads(k, heads), _repeat_heads(v, heads), 0.0, causal)
        return out, lse

    def backward(
        self, dout: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, out: torch.Tensor, lse: torch.Tensor, causal: bool
    ) -> Grads:
        """See PieceKernel."""
        heads, kv_heads = q.shape[1], k.shape[1]
        dq, dk, dv = self._backward(dout, q, _repeat_heads(k, heads), _repeat_heads(v, heads), out, lse, 0.0, causal)
        return dq, _sum_heads(dk, kv_heads), _sum_heads(dv, kv_heads)


class SdpaCuda:
    """PyTorch's flash attention for GPUs."""

    def __init__(self) -> None:
        self.name = "torch scaled_dot_product_attention, flash"
        self._forward = torch.ops.aten._scaled_dot_product_flash_attention
        self._backward = torch.ops.aten._scaled_dot_product_flash_attention_backward
        #: State of a random generator that dropout would need: there is none, but the backward kernel takes it.
        self._random: Tuple[Any, Any] = (None, None)

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool) -> Tuple[torch.Tensor, torch.Tensor]:
        """See PieceKernel."""
        heads = q.shape[1]
        results = self._forward(q, _repeat_heads(k, heads), _repeat_heads(v, heads), 0.0, causal, False)
        self._random = (results[6], results[7])
        return results[0], results[1]

    def backward(
        self, dout: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, out: torch.Tensor, lse: torch.Tensor, causal: bool
    ) -> Grads:
        """See PieceKernel."""
        heads, kv_heads = q.shape[1], k.shape[1]
        k_all, v_all = _repeat_heads(k, heads), _repeat_heads(v, heads)
        dq, dk, dv = self._backward(
            dout, q, k_all, v_all, out, lse.contiguous(), None, None, q.shape[2], k.shape[2], 0.0, causal, *self._random
        )
        return dq, _sum_heads(dk, kv_heads), _sum_heads(dv, kv_heads)


def _parameters_of(function: Any) -> Set[str]:
    """Names of what a function takes. A custom operator, as flash-attn has since 2.7, itself shows only `*args, **kwargs`."""
    return set(inspect.signature(getattr(function, "_init_fn", function)).parameters)


class FlashAttn:
    """The package flash-attn, version 2."""

    def __init__(self) -> None:
        import flash_attn
        from flash_attn.flash_attn_interface import _flash_attn_backward, flash_attn_func

        self.name = f"flash-attn {flash_attn.__version__}"
        self._forward: Callable[..., Any] = flash_attn_func
        self._backward: Callable[..., Any] = _flash_attn_backward
        self._parameters = _parameters_of(_flash_attn_backward)

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool) -> Tuple[torch.Tensor, torch.Tensor]:
        """See PieceKernel."""
        swapped = [tensor.transpose(1, 2) for tensor in (q, k, v)]
        out, lse, _ = self._forward(*swapped, causal=causal, return_attn_probs=True)
        return out.transpose(1, 2), lse

    def backward(
        self, dout: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, out: torch.Tensor, lse: torch.Tensor, causal: bool
    ) -> Grads:
        """See PieceKernel."""
        given = [tensor.transpose(1, 2).contiguous() for tensor in (dout, q, k, v, out)]
        grads = [torch.empty_like(tensor) for tensor in given[1:4]]
        options: Dict[str, Any] = {
            "dropout_p": 0.0,
            "softmax_scale": 1 / math.sqrt(q.shape[-1]),
            "causal": causal,
            "window_size": (-1, -1),
            "window_size_left": -1,
            "window_size_right": -1,
            "softcap": 0.0,
            "alibi_slopes": None,
            "deterministic": False,
            "rng_state": None,
        }
        known = {name: value for name, value in options.items() if name in self._parameters}
        self._backward(*given, lse.contiguous(), *grads, **known)
        return grads[0].transpose(1, 2), grads[1].transpose(1, 2), grads[2].transpose(1, 2)


@dataclass(frozen=True)
class Block:
    """A block's mask in both forms; `pieces` is None where only tiles can compute it."""

    ranges: Ranges
    pieces: Optional[List[Piece]]


class BlockKernel:
    """Computes blocks: piece by piece where a piece kernel is there and the mask allows it, in tiles elsewhere."""

    def __init__(self, tiles: TileKernel, pieces: Optional[PieceKernel], rejected: Dict[str, str]) -> None:
        self._tiles = tiles
        self._pieces = pieces
        #: Kernels that were not taken, with the reason.
        self.rejected = rejected
        #: Names of the kernels that computed something.
        self.used: Dict[str, int] = {}

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, block: Block, out: torch.Tensor, lse: torch.Tensor
    ) -> None:
        """Joins the block into out and lse, both float32."""
        if self._pieces is None or block.pieces is None:
            self._count(self._tiles.name)
            self._tiles.forward(q, k, v, block.ranges, out, lse)
            return
        self._count(self._pieces.name)
        for piece in block.pieces:
            rows, keys = slice(piece.row0, piece.row1), slice(piece.key0, piece.key1)
            piece_out, piece_lse = self._pieces.forward(q[:, :, rows], k[:, :, keys], v[:, :, keys], piece.causal)
            merge(out[:, :, rows], lse[:, :, rows], piece_out.float(), piece_lse.float())

    def backward(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        block: Block,
        dout: torch.Tensor,
        out: torch.Tensor,
        lse: torch.Tensor,
        delta: torch.Tensor,
        grads: Grads,
    ) -> None:
        """Adds the block's gradients to dq, dk and dv (float32)."""
        if self._pieces is None or block.pieces is None:
            self._count(self._tiles.name)
            self._tiles.backward(q, k, v, block.ranges, dout, lse, delta, grads)
            return
        self._count(self._pieces.name)
        dq, dk, dv = grads
        for piece in block.pieces:
            rows, keys = slice(piece.row0, piece.row1), slice(piece.key0, piece.key1)
            found = self._pieces.backward(
                dout[:, :, rows], q[:, :, rows], k[:, :, keys], v[:, :, keys], out[:, :, rows], lse[:, :, rows], piece.causal
            )
            dq[:, :, rows] += found[0]
            dk[:, :, keys] += found[1]
            dv[:, :, keys] += found[2]

    def _count(self, name: str) -> None:
        self.used[name] = self.used.get(name, 0) + 1


@dataclass(frozen=True)
class KernelShape:
    """What a kernel must cope with."""

    heads: int
    kv_heads: int
    head_dim: int
    dtype: torch.dtype
    device: torch.device
    backward: bool


PIECE_KERNELS: Dict[str, Dict[str, Callable[[], PieceKernel]]] = {
    "cuda": {"flash-attn": FlashAttn, "sdpa": SdpaCuda},
    "cpu": {"sdpa": SdpaCpu},
}
_TRIAL_ROWS = 40


def choose_kernel(wanted: str, shape: KernelShape, tiles: TileKernel) -> BlockKernel:
    """`auto` takes the first kernel that works here; any other name that one or none."""
    if wanted == "tiles":
        return BlockKernel(tiles, None, {})
    candidates = PIECE_KERNELS.get(shape.device.type, {})
    if wanted != "auto":
        if wanted not in candidates:
            raise RunError(f"--kernel {wanted}: there is none for {shape.device.type}; take auto, tiles or {', '.join(candidates)}")
        candidates = {wanted: candidates[wanted]}
    rejected: Dict[str, str] = {}
    for name, make in candidates.items():
        try:
            kernel = make()
            _try(kernel, shape)
        except (ImportError, AttributeError, RuntimeError, TypeError, ValueError, IndexError) as error:
            rejected[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        return BlockKernel(tiles, kernel, rejected)
    if wanted != "auto":
        raise RunError(f"--kernel {wanted}: does not work here ({rejected[wanted]}); take auto or tiles")
    return BlockKernel(tiles, None, rejected)


def _try(kernel: PieceKernel, shape: KernelShape) -> None:
    """Compares a kernel with the plain one on a causal square and a rectangle. Raises what is wrong."""
    reference = TileKernel(_TRIAL_ROWS, _TRIAL_ROWS)
    generator = torch.Generator().manual_seed(1)

    def random(heads: int, rows: int) -> torch.Tensor:
        return torch.randn(2, heads, rows, shape.head_dim, generator=generator).to(shape.device, shape.dtype)

    limit = 2e-5 if shape.dtype == torch.float32 else 4e-2
    for causal, keys in ((True, _TRIAL_ROWS), (False, _TRIAL_ROWS + 24)):
        q, dout = random(shape.heads, _TRIAL_ROWS), random(shape.heads, _TRIAL_ROWS)
        k, v = random(shape.kv_heads, keys), random(shape.kv_heads, keys)
        rows = torch.arange(1, _TRIAL_ROWS + 1)
        ranges = Ranges(torch.zeros_like(rows), rows if causal else torch.full_like(rows, keys))
        out = torch.zeros(q.shape, device=shape.device)
        lse = torch.full(q.shape[:3], NEGATIVE_INFINITY, device=shape.device)
        reference.forward(q, k, v, ranges, out, lse)
        found_out, found_lse = kernel.forward(q, k, v, causal)
        _compare("output", found_out, out, limit)
        _compare("log-sum-exp", found_lse, lse, limit)
        if not shape.backward:
            continue
        grads = (torch.zeros_like(out), torch.zeros(k.shape, device=shape.device), torch.zeros(v.shape, device=shape.device))
        reference.backward(q, k, v, ranges, dout, lse, (dout.float() * out).sum(-1), grads)
        for name, found, expected in zip("qkv", kernel.backward(dout, q, k, v, out.to(shape.dtype), lse, causal), grads):
            _compare(f"gradient of {name}", found, expected, limit * 4)


def _compare(what: str, found: torch.Tensor, expected: torch.Tensor, limit: float) -> None:
    if found.shape != expected.shape:
        raise ValueError(f"its {what} has the shape {tuple(found.shape)}, not {tuple(expected.shape)}")
    error = float((found.float() - expected).abs().max() / expected.abs().max().clamp(min=1.0))
    if not error <= limit:
        raise ValueError(f"its {what} is off by {error:.2g} of the largest value")
