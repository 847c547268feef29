import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { ClusterModel } from '../../preload/contract/simulation.ts'
import { CLUSTER_SIMULATION, CLUSTER_TRACES } from './clusterFolder.ts'
import type { ClusterLaunch } from './clusterOptions.ts'

/** The default of a config is what its own ranks here compute in, which is not what a GPU is for. */
const FLASH_NEEDS_BFLOAT16 = `

Flash attention on GPUs takes no float32: there this folder computes in tiles, many times slower, and its times say little of
the hardware. Write it with \`ringscope cluster <config> --dtype bfloat16\` to use flash attention.`

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

function severalNodes({ nodes }: ClusterLaunch): string {
  if (nodes === 1) return ''
  return `
On ${nodes} nodes without Slurm, on each of them (NODE_RANK counts from 0):

    MASTER_ADDR=<name of the first node> NODE_RANK=<number> bash torchrun.sh
`
}

/** What the simulation in the folder takes for granted. */
function assumptions({ label, device: { forwardGflops, backwardGflops, blockOverheadUs, rowNs }, intra, inter, ranksPerNode }: ClusterModel): string {
  const link = (model: ClusterModel['intra']): string => (model === null ? 'takes no time' : `${model.bandwidthGBps} GB/s, ${model.latencyUs} µs`)
  return `
\`${CLUSTER_SIMULATION}\` is a simulation of one iteration, which opens beside the results. Nothing of it was measured. It assumes
${oneLine(label)}: ${Math.round(forwardGflops / 1000)} TFLOP/s forward and ${Math.round(backwardGflops / 1000)} backward on large blocks, ${blockOverheadUs} µs for every block and
${rowNs.toPrecision(3)} ns for each of its rows and heads; transfers within a node: ${link(intra)}${ranksPerNode === null ? '' : `, between nodes of ${ranksPerNode}: ${link(inter)}`}.

    ringscope compare ${CLUSTER_SIMULATION} ${CLUSTER_TRACES}
`
}

/** `README.md` of a cluster folder. */
export const readme = (config: RunConfig, launch: ClusterLaunch, simulated: ClusterModel | null): string => `# ${oneLine(config.name)}

Ring attention on ${config.world} ranks (${launch.nodes} x ${launch.gpusPerNode} GPUs), computed in ${launch.dtype}, with torch.distributed.
Written by \`ringscope cluster\`; nothing else is needed but Python 3.9 and PyTorch 2.4 or newer. The package flash-attn is
used where it is installed and works, else PyTorch's own flash attention, else tiles of matrix products; \`result.json\` says
which, and why not another.${launch.dtype === 'float32' ? FLASH_NEEDS_BFLOAT16 : ''}

## Run

    bash torchrun.sh
    sbatch slurm.sbatch
${severalNodes(launch)}
Without GPUs, on one machine: \`NODES=1 GPUS_PER_NODE=${config.world} bash torchrun.sh --device cpu\` (gloo, one process per rank).
\`PYTHON\` names another interpreter. \`bash torchrun.sh --help\` lists what else there is: the kernel, the folder of results.

## Results

- \`trace/*.pt.trace.json.gz\`: one PyTorch profiler (Kineto) trace per rank, of the ${config.iterations} measured iterations.
- \`result.json\`: makespan, compute and idle time by rank, traffic, verification against float64, a checksum of the output,
  versions, kernels, devices. Keys as of \`ringscope run --json\`; null is what a cluster run does not see by itself.

With several nodes the folder must be on a file system that all share, or \`--out\` must name one (from here, if it is relative).

A rank that fails says why and ends with 2 (bad usage), 3 (the run failed) or 4 (verification failed), which torchrun lists as
\`exitcode\`; torchrun itself ends with 1 then, and with 0 where all is well.

## Open in Ringscope

    ringscope serve <this folder>
    ringscope analyze <this folder>

All ranks open as one run, on one clock. The output's checksum is that of \`ringscope run config.json\`, up to rounding: the
inputs are a function of the seed and of where an element is in the whole tensor, and so the same everywhere.
${simulated === null ? '' : assumptions(simulated)}
## What may be changed

\`iterations\`, \`warmup\`, \`seed\`, \`overlap\`, \`stragglers\`, \`blockQ\`, \`blockK\` and \`verify\` in \`config.json\`. The other keys decide the
schedule in \`plan.json\`: write the folder again for those.
`
