import { closeSync, openSync, writeSync } from 'node:fs'
import { constants, gzipSync } from 'node:zlib'

/**
 * Traces as the PyTorch profiler writes them: its keys, its layout, its order (host events by thread, then the device's,
 * unsorted, each launch with its flow), from a ring of ranks that trains. Of the same seed the same bytes.
 */
export interface KinetoFileOptions {
  readonly path: string
  /** The text's size, at least. */
  readonly bytes: number
  readonly gzip: boolean
  readonly seed: number
}

export interface KinetoFile {
  readonly path: string
  /** Of the text, whatever the file takes. */
  readonly textBytes: number
  readonly events: number
}

const PIECE_BYTES = 4 << 20
const HOST_PID = 2910249
const FORWARD_THREAD = 2919752
const BACKWARD_THREAD = 2931011
const COMPUTE_STREAM = 7
const RING_STREAM = 40
const WORLD = 8
const RANK = 3
const LAYERS = 24
const MOST_CALLS = 6

const OPS = [
  'aten::linear', 'aten::addmm', 'aten::matmul', 'aten::mm', 'aten::view', 'aten::transpose', 'aten::as_strided', 'aten::empty', 'aten::copy_',
  'aten::to', 'aten::_to_copy', 'aten::add', 'aten::mul', 'aten::native_layer_norm', 'aten::gelu', 'aten::softmax', 'aten::contiguous', 'aten::slice',
  'FlashAttnVarlenFunc', 'autograd::engine::evaluate_function: MmBackward0', 'MmBackward0', 'autograd::engine::evaluate_function: AddmmBackward0', 'AccumulateGrad',
] as const
const KERNELS = [
  'void at::native::vectorized_elementwise_kernel<4, at::native::AddFunctor<float>, at::detail::Array<char*, 3> >(int, at::native::AddFunctor<float>, at::detail::Array<char*, 3>)',
  'ampere_bf16_s16816gemm_bf16_128x256_ldg8_f2f_stages_64x3_tn', 'void cutlass::Kernel2<cutlass_80_wmma_tensorop_bf16_s161616gemm_bf16_16x16_128x2_tn_align8>',
  'void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float, float>(int, float, float const*, float const*, float const*, float*, float*, float*)',
  'void flash_fwd_kernel<Flash_fwd_kernel_traits<128, 128, 64, 4, false, false, cutlass::bfloat16_t>>(Flash_fwd_params)',
  'void flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel<Flash_bwd_kernel_traits<128, 64, 128, 8>>(Flash_bwd_params)',
] as const
const MODULES = ['nn.Module: TransformerBlock', 'nn.Module: RingAttention', 'nn.Module: Linear', 'torch/nn/modules/module.py(1553): _call_impl', 'torch/autograd/function.py(574): apply', 'ring_flash_attn/ring_flash_attn.py(12): ring_flash_attn_forward'] as const

/** A linear congruential generator's upper bits, Numerical Recipes' constants. */
class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * limit)
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]
  }
}

/** Integer ns as µs with three places. */
const micros = (nanos: number): string => `${Math.floor(nanos / 1000)}.${String(nanos % 1000).padStart(3, '0')}`

/** Makes events of one training step after the other. */
class KinetoWriter {
  readonly #random: Random
  readonly #emit: (text: string) => void
  /** ns after the file's base; about two weeks in. */
  #now = 1_209_600_000_000_000
  #externalId = 2048
  #correlation = 60000
  #pythonId = 1
  /** For each operation, the inputs it is called with. */
  readonly #calls: readonly (readonly string[])[]
  events = 0

  constructor(seed: number, emit: (text: string) => void) {
    this.#random = new Random(seed)
    this.#emit = emit
    this.#calls = OPS.map((_, op) => Array.from({ length: MOST_CALLS }, () => (op % 3 === 0 ? '' : this.#inputs())))
  }

  #event(text: string): void {
    this.#emit(`  {\n    ${text}\n  },\n`)
    this.events++
  }

  head(): void {
    const device = (id: number): string => `    {
      "id": ${id}, "name": "NVIDIA A100-SXM4-80GB", "totalGlobalMem": 85049540608,
      "computeMajor": 8, "computeMinor": 0,
      "maxThreadsPerBlock": 1024, "maxThreadsPerMultiprocessor": 2048,
      "regsPerBlock": 65536, "warpSize": 32,
      "sharedMemPerBlock": 49152, "numSms": 108
    }`
    this.#emit(`{
  "schemaVersion": 1,
  "deviceProperties": [
${Array.from({ length: WORLD }, (_, id) => device(id)).join(',\n')}
  ],
  "distributedInfo": {"backend": "nccl", "rank": ${RANK}, "world_size": ${WORLD}, "pg_count": 1, "pg_config": [{"pg_name": "0", "pg_desc": "default_pg", "backend_config": "cuda:nccl", "pg_size": ${WORLD}, "ranks": [0, 1, 2, 3, 4, 5, 6, 7]}], "nccl_version": "2.21.5"},
  "record_shapes": 1, "with_stack": 1,
  "displayTimeUnit": "ms",
  "baseTimeNanoseconds": 1711964646000000000,
  "traceEvents": [
`)
  }

  foot(): void {
    this.#emit(`  {
    "name": "process_name", "ph": "M", "ts": ${micros(this.#now)}, "pid": ${HOST_PID}, "tid": 0,
    "args": {
      "name": "python"
    }
  },
  {
    "name": "process_labels", "ph": "M", "ts": ${micros(this.#now)}, "pid": 0, "tid": 0,
    "args": {
      "labels": "GPU 0"
    }
  },
  {
    "name": "Record Window End", "ph": "i", "s": "g",
    "pid": "", "tid": "", "ts": ${micros(this.#now)}
  }
  ],
  "traceName": "/tmp/trace-rank-${RANK}.json"
}
`)
    this.events += 3
  }

  /** Shapes and types of an operation's inputs. */
  #inputs(): string {
    const random = this.#random
    const dims: string[] = []
    const types: string[] = []
    const count = 1 + Math.min(random.below(4), random.below(4))
    for (let input = 0; input < count; input++) {
      const rank = Math.min(random.below(4), random.below(5))
      dims.push(`[${[1 + random.below(4), 4096, 1024, 128].slice(0, rank).join(', ')}]`)
      types.push(rank === 0 ? random.of(['"Scalar"', '""']) : random.below(8) === 0 ? '"long int"' : '"c10::BFloat16"')
    }
    return `, "Input Dims": [${dims.join(', ')}], "Input type": [${types.join(', ')}]`
  }

  #hostOps(thread: number, fromNs: number, count: number): void {
    const random = this.#random
    let at = fromNs
    for (let op = 0; op < count; op++) {
      const lengthNs = 4000 + random.below(90_000)
      const inner = 1 + random.below(3)
      for (let depth = 0; depth < inner; depth++) {
        const id = this.#externalId++
        // One of an operation's ways to be called is far more common than the others.
        const name = random.below(OPS.length)
        const dims = this.#calls[name][Math.max(0, random.below(2 * MOST_CALLS) - MOST_CALLS)]
        this.#event(`"ph": "X", "cat": "cpu_op", "name": "${OPS[name]}", "pid": ${HOST_PID}, "tid": ${thread},
    "ts": ${micros(at + depth * 1500)}, "dur": ${micros(Math.max(1, lengthNs - depth * 3000))},
    "args": {
      "External id": ${id},"Record function id": ${id - 140}, "Ev Idx": ${id - 2049}${dims}
    }`)
      }
      if (random.below(2) === 0) {
        const parent = Math.max(1, this.#pythonId - 1 - random.below(5))
        this.#event(`"ph": "X", "cat": "python_function", "name": "${random.of(MODULES)}${random.below(4) === 0 ? `_${random.below(LAYERS)}` : ''}", "pid": ${HOST_PID}, "tid": ${thread},
    "ts": ${micros(at - 2000)}, "dur": ${micros(lengthNs + 4000)},
    "args": {
      "Python parent id": ${parent}, "Python id": ${this.#pythonId}, "Python module id": ${random.below(300)}, "Ev Idx": ${this.#externalId - 2049}
    }`)
        this.#pythonId++
      }
      at += lengthNs + 1000 + random.below(6000)
    }
  }

  #launch(startNs: number, hostNs: number, kind: 'kernel' | 'ring' | 'copy'): number {
    const random = this.#random
    const correlation = this.#correlation++
    const external = this.#externalId - random.below(60)
    let lengthNs = 3000 + random.below(220_000)
    const stream = kind === 'ring' ? RING_STREAM : COMPUTE_STREAM
    const common = `"External id": ${external},      "queued": 0, "device": 0, "context": 1,      "stream": ${stream}, "correlation": ${correlation}`
    if (kind === 'copy') {
      this.#event(`"ph": "X", "cat": "gpu_memcpy", "name": "Memcpy DtoD (Device -> Device)", "pid": 0, "tid": ${stream},
    "ts": ${micros(startNs)}, "dur": ${micros(lengthNs)},
    "args": {
      "External id": ${external},      "device": 0, "context": 1,      "stream": ${stream}, "correlation": ${correlation},      "bytes": ${16384 * (1 + random.below(64))}, "memory bandwidth (GB/s)": ${400 + random.below(800)}.${random.below(999999)}
    }`)
    } else {
      lengthNs *= kind === 'ring' ? 6 : 1
      const shape = `"registers per thread": ${random.of([32, 96, 128, 255])},      "shared memory": ${random.of([0, 49152, 87568])},      "blocks per SM": ${random.below(40)}.${random.below(999999)},      "warps per SM": ${random.below(99)}.${random.below(999999)},      "grid": [${1 + random.below(4096)}, ${1 + random.below(8)}, 1],      "block": [${random.of([128, 256, 544])}, 1, 1],      "est. achieved occupancy %": ${random.below(100)}`
      const peers = kind === 'ring' ? `, "Collective name": "${random.of(['send', 'recv'])}", "In msg nelems": 4194304, "Out msg nelems": 4194304, "Group size": ${WORLD}, "dtype": "BFloat16", "In split size": "[]", "Out split size": "[]", "Process Group Name": "0", "Process Group Description": "default_pg", "Process Group Ranks": "[0, 1, 2, 3, 4, 5, 6, 7]", "Src Rank": ${(RANK + WORLD - 1) % WORLD}, "Dst Rank": ${(RANK + 1) % WORLD}` : ''
      this.#event(`"ph": "X", "cat": "kernel", "name": "${kind === 'ring' ? 'ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)' : random.of(KERNELS)}", "pid": 0, "tid": ${stream},
    "ts": ${micros(startNs)}, "dur": ${micros(lengthNs)},
    "args": {
      ${common},      ${shape}${peers}
    }`)
    }
    this.#event(`"ph": "f", "id": ${correlation}, "pid": 0, "tid": ${stream}, "ts": ${micros(startNs)},
    "cat": "ac2g", "name": "ac2g", "bp": "e"`)
    this.#event(`"ph": "X", "cat": "cuda_runtime", "name": "${kind === 'copy' ? 'cudaMemcpyAsync' : 'cudaLaunchKernel'}", "pid": ${HOST_PID}, "tid": ${random.below(2) === 0 ? FORWARD_THREAD : BACKWARD_THREAD},
    "ts": ${micros(hostNs)}, "dur": ${micros(2000 + random.below(9000))},
    "args": {
      "External id": ${external},      "cbid": ${kind === 'copy' ? 41 : 211}, "correlation": ${correlation}
    }`)
    this.#event(`"ph": "s", "id": ${correlation}, "pid": ${HOST_PID}, "tid": ${FORWARD_THREAD}, "ts": ${micros(hostNs)},
    "cat": "ac2g", "name": "ac2g"`)
    return lengthNs
  }

  /** One layer's worth: host events of both threads, then what they launched, the streams mixed. */
  layer(): void {
    const random = this.#random
    const fromNs = this.#now
    this.#hostOps(FORWARD_THREAD, fromNs, 30)
    this.#hostOps(BACKWARD_THREAD, fromNs + 900_000, 20)
    let computeNs = fromNs + 30_000
    let ringNs = fromNs + 45_000
    for (let launch = 0; launch < 24; launch++) {
      const kind = launch % 8 === 3 ? 'ring' : random.below(10) === 0 ? 'copy' : 'kernel'
      const startNs = kind === 'ring' ? ringNs : computeNs
      const lengthNs = this.#launch(startNs, startNs - 20_000 - random.below(9000), kind)
      if (kind === 'ring') ringNs += lengthNs + 2000
      else computeNs += lengthNs + 1000 + random.below(4000)
    }
    this.#now = Math.max(computeNs, ringNs, fromNs + 3_000_000)
  }

  step(index: number): void {
    const fromNs = this.#now
    for (let layer = 0; layer < LAYERS; layer++) this.layer()
    this.#event(`"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#${index}", "pid": ${HOST_PID}, "tid": ${FORWARD_THREAD},
    "ts": ${micros(fromNs)}, "dur": ${micros(this.#now - fromNs)},
    "args": {
      "External id": ${this.#externalId++},"Record function id": 0, "Ev Idx": ${this.#externalId}
    }`)
  }
}

/** Writes a trace file. Compressed as Python's gzip does at its fastest, in members of a few megabytes. */
export function writeKinetoFile({ path, bytes, gzip, seed }: KinetoFileOptions): KinetoFile {
  const file = openSync(path, 'w')
  let pending: string[] = []
  let pendingBytes = 0
  let textBytes = 0
  const flush = (): void => {
    const text = Buffer.from(pending.join(''), 'latin1')
    const stored = gzip ? gzipSync(text, { level: constants.Z_BEST_SPEED }) : text
    for (let at = 0; at < stored.length;) at += writeSync(file, stored, at)
    pending = []
    pendingBytes = 0
  }
  const writer = new KinetoWriter(seed, (text) => {
    pending.push(text)
    pendingBytes += text.length
    textBytes += text.length
    if (pendingBytes >= PIECE_BYTES) flush()
  })
  try {
    writer.head()
    for (let step = 1; textBytes < bytes; step++) writer.step(step)
    writer.foot()
    flush()
  } finally {
    closeSync(file)
  }
  return { path, textBytes, events: writer.events }
}
