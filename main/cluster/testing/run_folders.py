"""Runs several cluster folders one after another in one process group, since importing PyTorch takes longer than a small run.

Started by torchrun with the folders as arguments; the sources are those of the first.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import List


def main(folders: List[str]) -> None:
    """Runs every folder as `ring_attention.py` in it would, after the process group was made."""
    sys.path.insert(0, folders[0])
    import torch
    import torch.distributed as dist
    from ring_attention import choose_dtype, execute
    from ringrun.config import load_config
    from ringrun.plan import load_plan

    rank = int(os.environ["RANK"])
    dist.init_process_group("gloo")
    for folder in folders:
        path = Path(folder)
        config = load_config(path / "config.json")
        arguments = argparse.Namespace(dtype=None, kernel=(path / "kernel").read_text().strip(), out=path, timeout=60)
        choose_dtype(arguments.dtype, config)
        with torch.no_grad():
            execute(arguments, config, load_plan(path / "plan.json", config), rank, torch.device("cpu"))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1:])
