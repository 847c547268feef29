"""Checks what no run on CPUs shows, in one process, since importing PyTorch takes long. Prints a JSON object of findings.

The argument is a cluster folder of four ranks, whose sources are checked.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import types
from datetime import timedelta
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from unittest import mock

import torch

FOLDER = Path(sys.argv[1])
sys.path.insert(0, str(FOLDER))

import ring_attention  # noqa: E402
from ringrun import kernels, links  # noqa: E402
from ringrun.config import load_config  # noqa: E402
from ringrun.plan import load_plan  # noqa: E402

Tensor = torch.Tensor
BACKWARD_SCHEMA = (
    "(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor out, Tensor softmax_lse, Tensor(a!)? dq, Tensor(b!)? dk, Tensor(c!)? dv, "
    "float dropout_p, float softmax_scale, bool causal, int window_size_left, int window_size_right, float softcap, "
    "Tensor? alibi_slopes, bool deterministic, Tensor? rng_state=None) -> Tensor"
)


def _swapped(*tensors: Tensor) -> List[Tensor]:
    """flash-attn's [batch, rows, heads, dim] for [batch, heads, rows, dim], and back."""
    return [tensor.transpose(1, 2) for tensor in tensors]


def flash_attn_func(q: Tensor, k: Tensor, v: Tensor, causal: bool = False, return_attn_probs: bool = False) -> Tuple[Any, ...]:
    """As of flash-attn 2."""
    assert return_attn_probs
    out, lse = kernels.SdpaCpu().forward(*_swapped(q, k, v), causal)
    return out.transpose(1, 2), lse, None


def _fill_gradients(given: List[Tensor], lse: Tensor, grads: List[Tensor], causal: bool) -> Tensor:
    dout, q, k, v, out = _swapped(*given)
    for grad, found in zip(grads, kernels.SdpaCpu().backward(dout, q, k, v, out, lse, causal)):
        grad.copy_(found.transpose(1, 2))
    return lse.clone()


def backward_until_2_6(
    dout: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, softmax_lse: Tensor, dq: Tensor, dk: Tensor, dv: Tensor, dropout_p: float,
    softmax_scale: float, causal: bool, window_size: Tuple[int, int], softcap: float, alibi_slopes: Optional[Tensor], deterministic: bool,
    rng_state: Optional[Tensor] = None,
) -> Tuple[Tensor, ...]:
    """As of flash-attn 2.6: a plain function."""
    assert (dropout_p, window_size, softcap, alibi_slopes, deterministic, rng_state) == (0, (-1, -1), 0, None, False, None)
    assert abs(softmax_scale - q.shape[-1] ** -0.5) < 1e-9
    return dq, dk, dv, _fill_gradients([dout, q, k, v, out], softmax_lse, [dq, dk, dv], causal)


def backward_from_2_7(
    dout: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, softmax_lse: Tensor, dq: Tensor, dk: Tensor, dv: Tensor, dropout_p: float,
    softmax_scale: float, causal: bool, window_size_left: int, window_size_right: int, softcap: float, alibi_slopes: Optional[Tensor],
    deterministic: bool, rng_state: Optional[Tensor] = None,
) -> Tensor:
    """As of flash-attn 2.7 and 2.8, where it is the body of a custom operator."""
    windows = (window_size_left, window_size_right)
    same = (alibi_slopes, deterministic, rng_state)
    return backward_until_2_6(dout, q, k, v, out, softmax_lse, dq, dk, dv, dropout_p, softmax_scale, causal, windows, softcap, *same)[3]


def flash_attn_with(backward: Any) -> str:
    """What is thought of a flash-attn with such a backward function: used, or why not."""
    package = types.ModuleType("flash_attn")
    package.__dict__["__version__"] = "2"
    interface = types.ModuleType("flash_attn.flash_attn_interface")
    interface.__dict__.update(_flash_attn_backward=backward, flash_attn_func=flash_attn_func)
    shape = kernels.KernelShape(4, 2, 32, torch.float32, torch.device("cpu"), backward=True)
    modules = {"flash_attn": package, "flash_attn.flash_attn_interface": interface}
    with mock.patch.dict(sys.modules, modules), mock.patch.dict(kernels.PIECE_KERNELS, {"cpu": {"flash-attn": kernels.FlashAttn}}):
        return kernels.choose_kernel("auto", shape, kernels.TileKernel(8, 8)).rejected.get("flash-attn", "used")


def sdpa_cuda() -> List[List[int]]:
    """Shapes of what PyTorch's operators for GPUs answer when they are called as here, on tensors without values."""
    q, k = (torch.empty(2, heads, rows, 64, dtype=torch.bfloat16, device="meta") for heads, rows in ((4, 40), (2, 64)))
    kernel = kernels.SdpaCuda()
    out, lse = kernel.forward(q, k, k, False)
    return [list(tensor.shape) for tensor in (out, lse, *kernel.backward(q, q, k, k, out, lse, False))]


def groups_of(folder: Path) -> Dict[str, Any]:
    """Groups that a rank makes, with their time limits in seconds, and those that all their members were in an operation of."""
    config = load_config(folder / "config.json")
    made: List[Tuple[str, float]] = []
    joined: List[str] = []

    def new_group(_ranks: List[int], group_desc: str, timeout: timedelta) -> str:
        made.append((group_desc, timeout.total_seconds()))
        return group_desc

    def all_reduce(_tensor: Tensor, group: str) -> None:
        joined.append(group)

    with mock.patch.multiple(links.dist, get_world_size=lambda: config.world, new_group=new_group, all_reduce=all_reduce):
        none: Any = None
        links.Links(load_plan(folder / "plan.json", config), 0, none, none, torch.device("cpu"), timedelta(seconds=7)).close()
    return {"made": made, "joined": joined}


def start(environment: Dict[str, str], *arguments: str) -> List[Any]:
    """Exit code and messages of the script, as if torchrun had started it with these variables."""
    said = io.StringIO()
    clean = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    arguments_of_all = mock.patch.object(sys, "argv", ["ring_attention.py", *arguments])
    with mock.patch.dict(os.environ, {**clean, **environment}, clear=True), arguments_of_all, contextlib.redirect_stderr(said):
        return [ring_attention.main(), said.getvalue()]


def start_edited(key: str, value: Any) -> List[Any]:
    """The same with another value in config.json."""
    path = FOLDER / "config.json"
    text = path.read_text()
    try:
        path.write_text(json.dumps({**json.loads(text), key: value}))
        return start({})
    finally:
        path.write_text(text)


def keeps_results(folder: Path) -> bool:
    """Whether a run whose kernel does not work leaves the folder of results as it is."""
    arguments = ring_attention.parse_arguments(["--kernel", "flash-attn"])
    config = load_config(folder / "config.json")
    plan = load_plan(folder / "plan.json", config)
    with mock.patch.object(ring_attention, "prepare_output") as prepared:
        try:
            ring_attention.execute(arguments, config, plan, 0, torch.device("cpu"))
        except ring_attention.RunError:
            return not prepared.called
    return False


if __name__ == "__main__":
    second = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}
    written = ("dq", "dk", "dv")
    custom = torch.library.custom_op("ringscope_check::backward", backward_from_2_7, mutates_args=written, schema=BACKWARD_SCHEMA)
    findings = {
        "flashAttn": {"2.6": flash_attn_with(backward_until_2_6), "2.7": flash_attn_with(custom)},
        "sdpaCuda": sdpa_cuda(),
        "groups": groups_of(FOLDER),
        "keepsResults": keeps_results(FOLDER),
        "messages": {
            "alone": start({}),
            "otherWorld": start({"RANK": "0", "WORLD_SIZE": "8", "LOCAL_RANK": "0"}),
            "edited": start_edited("layout", "striped"),
            "noGpu": start(second, "--device", "cuda"),
            "dtype": start({**second, "RANK": "0"}, "--dtype", "bfloat16"),
        },
    }
    print(json.dumps(findings))
