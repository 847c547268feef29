"""The run's configuration: config.json as Ringscope wrote it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from .errors import RunError


@dataclass(frozen=True)
class Config:
    """What of config.json a cluster run goes by. `raw` is the whole file."""

    world: int
    mask: str
    lookback: Optional[int]
    key_padding: Optional[List[int]]
    cu_seqlens: Optional[List[int]]
    seq_len: int
    heads: int
    kv_heads: int
    head_dim: int
    backward: bool
    wire_dtype: str
    overlap: bool
    block_q: int
    block_k: int
    stragglers: Dict[int, float]
    iterations: int
    warmup: int
    seed: int
    verify: bool
    raw: Dict[str, Any]


def read_json(path: Path) -> Dict[str, Any]:
    """Reads a JSON object that belongs to this folder."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error}); write the folder again with `ringscope cluster`") from error
    except ValueError as error:
        raise RunError(f"{path}: not JSON ({error}); write the folder again with `ringscope cluster`") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: expected a JSON object")
    return value


def load_config(path: Path) -> Config:
    """Reads config.json. Ringscope checked it when it wrote it; here only what is missing is reported."""
    raw = read_json(path)
    try:
        return Config(
            world=raw["world"],
            mask=raw["mask"],
            lookback=raw["lookback"],
            key_padding=raw["keyPadding"],
            cu_seqlens=raw["cuSeqlens"],
            seq_len=raw["seqLen"],
            heads=raw["heads"],
            kv_heads=raw["kvHeads"],
            head_dim=raw["headDim"],
            backward=raw["pass"] == "forward-backward",
            wire_dtype=raw["wireDtype"],
            overlap=raw["overlap"],
            block_q=raw["blockQ"],
            block_k=raw["blockK"],
            stragglers={int(rank): float(factor) for rank, factor in raw["stragglers"].items()},
            iterations=raw["iterations"],
            warmup=raw["warmup"],
            seed=raw["seed"],
            verify=raw["verify"],
            raw=raw,
        )
    except KeyError as error:
        raise RunError(f"{path}: the key {error} is missing; write the folder again with `ringscope cluster`") from error
