"""Attention in float64, straight from the definition: what results are checked against.

It shares no code with the kernels: for each pair of positions it asks whether the mask allows it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Tuple

import torch

from .config import Config
from .inputs import input_tensor

#: Scores held at once; rows are taken in parts where there are more.
_MOST_SCORES = 1 << 24


def attends(config: Config, item: int, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Whether queries at global positions [q] attend to keys at positions [k]: bool [q, k]."""
    query, key = queries[:, None], keys[None, :]
    allowed = (query < config.seq_len) & (key < config.seq_len)
    if config.mask == "causal":
        allowed = allowed & (key <= query)
    if config.lookback is not None:
        allowed = allowed & (query - key <= config.lookback)
    if config.key_padding is not None:
        allowed = allowed & (key < config.key_padding[item])
    if config.cu_seqlens is not None:
        bounds = torch.tensor(config.cu_seqlens[1:-1], dtype=torch.int64, device=queries.device)
        allowed = allowed & (torch.bucketize(query, bounds, right=True) == torch.bucketize(key, bounds, right=True))
    return allowed


@dataclass(frozen=True)
class Head:
    """One query head of one batch item, with the whole sequence's keys and values of its key/value head."""

    config: Config
    item: int
    head: int
    k: torch.Tensor
    v: torch.Tensor

    @property
    def scale(self) -> float:
        """Of scores."""
        return 1 / math.sqrt(self.config.head_dim)

    def input(self, name: str, positions: torch.Tensor) -> torch.Tensor:
        """Rows of q or dout, float64 [rows, dim]."""
        return _input(self.config, name, self.item, self.head, positions)

    def rows_at_once(self) -> int:
        """Rows whose scores fit."""
        return max(1, _MOST_SCORES // self.config.seq_len)

    def forward(self, positions: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Outputs [rows, dim], log-sum-exps [rows] and probabilities [rows, keys] of a few queries."""
        keys = torch.arange(self.config.seq_len, device=positions.device)
        scores = self.scale * (self.input("q", positions) @ self.k.T)
        scores = scores.masked_fill(~attends(self.config, self.item, positions, keys), float("-inf"))
        lse = torch.logsumexp(scores, -1)
        safe = lse.masked_fill(lse == float("-inf"), 0.0)
        weights = torch.exp(scores - safe[:, None])
        return weights @ self.v, lse, weights


def _input(config: Config, name: str, item: int, head: int, positions: torch.Tensor) -> torch.Tensor:
    one_item, one_head = torch.tensor([item]), torch.tensor([head])
    return input_tensor(name, config.seed, one_item, one_head, positions, config.head_dim, torch.float64)[0, 0]


def head_of(config: Config, item: int, head: int, device: torch.device, keys_of: Optional[Head] = None) -> Head:
    """A query head, with the keys and values of another of its group where those are at hand."""
    if keys_of is not None:
        return Head(config, item, head, keys_of.k, keys_of.v)
    positions = torch.arange(config.seq_len, device=device)
    kv_head = head // (config.heads // config.kv_heads)
    return Head(config, item, head, _input(config, "k", item, kv_head, positions), _input(config, "v", item, kv_head, positions))


def query_gradient(head: Head, positions: torch.Tensor) -> torch.Tensor:
    """dQ [rows, dim] of a few queries."""
    out, _, weights = head.forward(positions)
    dout = head.input("dout", positions)
    slopes = weights * (dout @ head.v.T - (dout * out).sum(-1, keepdim=True))
    return head.scale * slopes @ head.k


def key_gradients(config: Config, item: int, kv_head: int, keys: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """dK and dV [keys, dim] of a few keys: the sum over all queries that attend to them, in every head of the group."""
    group = config.heads // config.kv_heads
    everything = torch.arange(config.seq_len, device=keys.device)
    queries = everything[attends(config, item, everything, keys).any(1)]
    dk = torch.zeros(keys.numel(), config.head_dim, dtype=torch.float64, device=keys.device)
    dv = torch.zeros_like(dk)
    first: Optional[Head] = None
    for number in range(kv_head * group, (kv_head + 1) * group):
        head = head_of(config, item, number, keys.device, first)
        first = first or head
        for part in queries.split(head.rows_at_once()):
            out, _, weights = head.forward(part)
            dout, to_keys = head.input("dout", part), weights[:, keys]
            dv += to_keys.T @ dout
            slopes = to_keys * (dout @ head.v[keys].T - (dout * out).sum(-1, keepdim=True))
            dk += head.scale * slopes.T @ head.input("q", part)
    return dk, dv
