import type { ClusterLaunch } from './clusterOptions.ts'

/** `torchrun.sh`: starts the ranks of one node; all of them where there is one node. */
export const torchrunScript = ({ nodes, gpusPerNode, dtype }: ClusterLaunch): string => `#!/usr/bin/env bash
# Starts the ranks of this node: all of them with one node. With several, run it on each with its NODE_RANK, the same
# MASTER_ADDR on all. Arguments go to ring_attention.py: see "bash torchrun.sh --help".
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"

NODES="\${NODES:-${nodes}}"
GPUS_PER_NODE="\${GPUS_PER_NODE:-${gpusPerNode}}"
PYTHON="\${PYTHON:-python3}"

if [ "$NODES" -eq 1 ]; then
  where=(--standalone)
else
  : "\${MASTER_ADDR:?with several nodes, set MASTER_ADDR to the name of the first}"
  : "\${NODE_RANK:?with several nodes, set NODE_RANK to 0 on the first, 1 on the next and so on}"
  where=(--nnodes "$NODES" --node-rank "$NODE_RANK" --master-addr "$MASTER_ADDR" --master-port "\${MASTER_PORT:-29500}")
fi

exec "$PYTHON" -m torch.distributed.run "\${where[@]}" --nproc-per-node "$GPUS_PER_NODE" \\
  ring_attention.py --dtype ${dtype} "$@"
`

/** A task of Slurm gets one core by default, which all ranks of a node would share. */
const CPUS_PER_GPU = 8

/** `slurm.sbatch`: one launcher per node. @param name of the job, a slug. */
export const slurmScript = (name: string, { nodes, gpusPerNode }: ClusterLaunch): string => `#!/usr/bin/env bash
# Submit from this folder: sbatch slurm.sbatch. Add what your cluster asks for (partition, account), and what makes
# PyTorch available (modules, an environment: set PYTHON to its interpreter). Lower --cpus-per-task where nodes have fewer.
#SBATCH --job-name=${name}
#SBATCH --nodes=${nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=${gpusPerNode}
#SBATCH --cpus-per-task=${CPUS_PER_GPU * gpusPerNode}
#SBATCH --time=00:30:00
#SBATCH --output=slurm-%j.log
set -euo pipefail
cd "\${SLURM_SUBMIT_DIR:-.}"

MASTER_ADDR="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"
export MASTER_ADDR
export MASTER_PORT="$((20000 + SLURM_JOB_ID % 20000))"
export NODES="$SLURM_JOB_NUM_NODES"
export GPUS_PER_NODE=${gpusPerNode}

# srun does not take --cpus-per-task from the job by itself.
srun --kill-on-bad-exit=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" bash -c 'NODE_RANK="$SLURM_NODEID" exec bash torchrun.sh "$@"' torchrun.sh "$@"
`
