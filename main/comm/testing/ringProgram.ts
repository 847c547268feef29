import { positionShards } from '../../../kernels/plan/layout.ts'
import { pairCounter } from '../../../kernels/plan/pairs.ts'
import type { RingTraceOptions } from './ringOptions.ts'

export const COMPUTE_STREAM = 7
export const RING_STREAM = 20
export const GRADIENT_STREAM = 24

/** Which ring pass and step an operation belongs to. */
export interface RingPlace {
  readonly passIndex: number
  readonly pass: 'forward' | 'backward'
  readonly step: number
}

/** One launch that every rank makes, in the order of its program. */
export interface Operation {
  readonly kind: 'kernel' | 'copy' | 'send-recv' | 'all-reduce'
  readonly name: string
  readonly op: string
  readonly stream: number
  /** By position in the ring; 0 leaves the operation out. Of communication, its time on the link. */
  readonly durationNs: readonly number[]
  /** Positions in the program of operations that must be over. */
  readonly after: readonly number[]
  readonly iteration: number
  /** The operation is the first of its iteration, which begins when the device is idle. */
  readonly begins: boolean
  readonly place: RingPlace | null
  /** Attention itself, whose time a step's compute is. */
  readonly attention: boolean
  readonly elements: number
  readonly dtype: 'BFloat16' | 'Float'
  readonly role: 'kv' | 'dkv' | 'gradients' | null
}

const FLASH_FORWARD = 'void flash::flash_fwd_kernel<Flash_fwd_kernel_traits<128, 128, 64, 4, false, false, cutlass::bfloat16_t>, false, true>(flash::Flash_fwd_params)'
const FLASH_BACKWARD = 'void flash::flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel<Flash_bwd_kernel_traits<128, 64, 128, 8, 2, 4, 2, false, cutlass::bfloat16_t>>(flash::Flash_bwd_params)'
const GEMM = 'ampere_bf16_s16816gemm_bf16_128x256_ldg8_f2f_stages_64x3_tn'
const LAYER_NORM = 'void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<c10::BFloat16, float>(int, float, c10::BFloat16 const*)'
const ADD = 'void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float> >(int, at::native::CUDAFunctor_add<float>)'
const COPY = 'Memcpy HtoD (Pinned -> Device)'
export const SEND_RECV = 'ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)'
export const ALL_REDUCE = 'ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)'

const WARMUP_FACTOR = 1.7
const BACKWARD_FACTOR = 2.5
const KV_ELEMENTS_PER_TOKEN = 2 * 8 * 128

/** Gathers the program. `#last` are the operations that the compute stream has reached or waits for. */
class Program {
  readonly operations: Operation[] = []
  readonly #options: RingTraceOptions
  readonly #pairs: (query: number, key: number) => number
  #iteration = 0
  #begins = true
  #passes = 0
  #last: number[] = []

  constructor(options: RingTraceOptions) {
    this.#options = options
    const { world, layout, seqLen, mask } = options
    const shards = positionShards({
      world, layout, seqLen, cyclicWidth: 64, algorithm: 'ring', ringSets: 1, ulyssesDegree: 1, batch: 1,
    })
    this.#pairs = pairCounter({ mask, seqLen, lookback: null, cuSeqlens: null, keyPadding: null }, shards, [0])
  }

  build(): readonly Operation[] {
    const { iterations, layers, pass, otherKernels, collectives } = this.#options
    for (this.#iteration = 0; this.#iteration < iterations; this.#iteration++) {
      this.#begins = true
      this.#last = []
      if (otherKernels) this.#add('copy', COPY, 'aten::copy_', 30_000)
      for (let layer = 0; layer < layers; layer++) if (pass !== 'backward') this.#forward()
      for (let layer = 0; layer < layers; layer++) if (pass !== 'forward') this.#backward()
      if (collectives) this.#compute([this.#allReduce()])
    }
    return this.operations
  }

  #same(durationNs: number): number[] {
    return Array.from({ length: this.#options.world }, () => Math.round(durationNs))
  }

  #push(operation: Pick<Operation, 'kind' | 'name' | 'op' | 'stream' | 'durationNs' | 'after'> & Partial<Operation>): number {
    this.operations.push({
      place: null, attention: false, elements: 0, dtype: 'BFloat16', role: null,
      iteration: this.#iteration, begins: this.#begins, ...operation,
    })
    this.#begins = false
    return this.operations.length - 1
  }

  /** Something on the compute stream that all ranks do alike. */
  #add(kind: 'kernel' | 'copy', name: string, op: string, durationNs: number, place: RingPlace | null = null): void {
    this.#compute([this.#push({ kind, name, op, stream: COMPUTE_STREAM, durationNs: this.#same(durationNs), after: this.#last, place })])
  }

  /** From here on the compute stream waits for these, too. */
  #compute(operations: readonly number[]): void {
    this.#last = [...this.#last, ...operations].slice(-4)
  }

  #attention(place: RingPlace): void {
    const { world, nsPerPair, stragglers, warmup } = this.#options
    const factor = nsPerPair * (place.pass === 'backward' ? BACKWARD_FACTOR : 1) * (this.#iteration < warmup ? WARMUP_FACTOR : 1)
    const forward = place.pass === 'forward'
    this.#compute([this.#push({
      kind: 'kernel', name: forward ? FLASH_FORWARD : FLASH_BACKWARD, stream: COMPUTE_STREAM,
      op: forward ? 'flash_attn::_flash_attn_forward' : 'flash_attn::_flash_attn_backward',
      durationNs: Array.from({ length: world }, (_, position) => {
        const owner = (position - place.step + world) % world
        return Math.round(this.#pairs(position, owner) * factor * (stragglers[position] ?? 1))
      }),
      after: this.#last, place, attention: true,
    })])
  }

  #hop(role: 'kv' | 'dkv', place: RingPlace): number {
    const { world, transferNs, seqLen } = this.#options
    const gradients = role === 'dkv'
    return this.#push({
      kind: 'send-recv', name: SEND_RECV, op: 'nccl:coalesced', stream: RING_STREAM, after: this.#last,
      durationNs: this.#same(transferNs * (gradients ? 2 : 1)), place, role,
      elements: Math.ceil(seqLen / world) * KV_ELEMENTS_PER_TOKEN, dtype: gradients ? 'Float' : 'BFloat16',
    })
  }

  #projections(): void {
    if (!this.#options.otherKernels) return
    this.#add('kernel', LAYER_NORM, 'aten::native_layer_norm', 15_000)
    this.#add('kernel', GEMM, 'aten::mm', 180_000)
  }

  /** K/V travels one hop per step, beside the step's compute; the last step sends nothing. */
  #forward(): void {
    const { world, overlap, otherKernels } = this.#options
    const passIndex = this.#passes++
    this.#projections()
    for (let step = 0; step < world; step++) {
      const place: RingPlace = { passIndex, pass: 'forward', step }
      const sends = step < world - 1
      if (overlap) {
        const hop = sends ? [this.#hop('kv', place)] : []
        this.#attention(place)
        if (otherKernels && step > 0) this.#add('kernel', ADD, 'aten::add_', 6000, place)
        this.#compute(hop)
      } else {
        this.#attention(place)
        if (otherKernels && step > 0) this.#add('kernel', ADD, 'aten::add_', 6000, place)
        if (sends) this.#compute([this.#hop('kv', place)])
      }
    }
  }

  /** As ring-flash-attention does it: K/V as before, and dK/dV one hop behind on the same stream, home with the last hop. */
  #backward(): void {
    const { world, overlap } = this.#options
    const passIndex = this.#passes++
    this.#projections()
    let gradients: number | null = null
    for (let step = 0; step < world; step++) {
      const place: RingPlace = { passIndex, pass: 'backward', step }
      const sends = step < world - 1
      const early = overlap && sends ? this.#hop('kv', place) : null
      this.#attention(place)
      if (gradients !== null) {
        this.#compute([gradients])
        this.#add('kernel', ADD, 'aten::add_', 9000, place)
      }
      if (early !== null) this.#compute([early])
      else if (sends) this.#compute([this.#hop('kv', place)])
      gradients = this.#hop('dkv', place)
      if (!overlap) this.#compute([gradients])
    }
    if (gradients !== null) this.#compute([gradients])
  }

  #allReduce(): number {
    return this.#push({
      kind: 'all-reduce', name: ALL_REDUCE, op: 'nccl:all_reduce', stream: GRADIENT_STREAM, after: this.#last,
      durationNs: this.#same(this.#options.collectiveNs), elements: 1 << 22, dtype: 'Float', role: 'gradients',
    })
  }
}

/** What every rank launches, in order. */
export const ringProgram = (options: RingTraceOptions): readonly Operation[] => new Program(options).build()
