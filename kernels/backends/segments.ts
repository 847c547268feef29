import type { Place } from '../plan/plan.ts'
import type { Payload } from '../timeline/categories.ts'
import type { StepPass } from '../plan/plan.ts'
import type { RankArena } from './arena.ts'

/** A contiguous part of a block in a rank's memory. A block travels as its segments one after another. */
export interface Segment {
  readonly byteOffset: number
  readonly bytes: number
  /** Where the segment is bfloat16: the float32 elements that it stands for, written when it arrives. Else null. */
  readonly floatsByteOffset: number | null
}

type View = Float32Array | Uint16Array

/** Elements [from, from + count) of a view. */
const part = (view: View, from: number, count: number, floats?: Float32Array): Segment => ({
  byteOffset: view.byteOffset + from * view.BYTES_PER_ELEMENT,
  bytes: count * view.BYTES_PER_ELEMENT,
  floatsByteOffset: floats === undefined ? null : floats.byteOffset + from * 4,
})

const whole = (view: View): Segment => part(view, 0, view.length)

/** The halves of a bfloat16 K/V block, with the floats that each stands for. */
function wireTensors(wire: Uint16Array, k: Float32Array, v: Float32Array): readonly (readonly [Uint16Array, Float32Array])[] {
  return [[wire.subarray(0, k.length), k], [wire.subarray(k.length), v]]
}

/** A tensor [batch, heads, rows, headDim] of which some heads and rows are meant. */
interface Cut {
  readonly view: View
  readonly floats?: Float32Array
  readonly heads: number
  readonly rows: number
  readonly firstHead: number
  readonly headCount: number
  readonly firstRow: number
  readonly rowCount: number
}

function cutSegments({ view, floats, heads, rows, firstHead, headCount, firstRow, rowCount }: Cut, batch: number, headDim: number): Segment[] {
  const segments: Segment[] = []
  const headFloats = rows * headDim
  for (let item = 0; item < batch; item++) {
    const itemStart = item * heads * headFloats
    if (rowCount === rows) {
      segments.push(part(view, itemStart + firstHead * headFloats, headCount * headFloats, floats))
      continue
    }
    for (let head = firstHead; head < firstHead + headCount; head++) {
      segments.push(part(view, itemStart + head * headFloats + firstRow * headDim, rowCount * headDim, floats))
    }
  }
  return segments
}

/** The key/value heads that a member of a Ulysses group computes; a head is shared where there are more members than heads. */
export function kvHeadsOf(member: number, degree: number, modelKvHeads: number): { readonly first: number; readonly count: number } {
  if (modelKvHeads >= degree) return { first: (member * modelKvHeads) / degree, count: modelKvHeads / degree }
  return { first: Math.floor((member * modelKvHeads) / degree), count: 1 }
}

/** A tensor of an all-to-all: in its home (all heads, own rows) or spread (own heads, all rows of the group). */
interface ExchangedTensor {
  readonly kind: 'query' | 'key'
  readonly home: View
  readonly homeFloats?: Float32Array
  readonly spread: View
  readonly spreadFloats?: Float32Array
}

function exchangedTensors(arena: RankArena, payload: Payload): ExchangedTensor[] {
  const { home, sides: [own], kv: [slot], dkv, spec } = arena
  switch (payload) {
    case 'qkv': {
      const query: ExchangedTensor = { kind: 'query', home: home.q, spread: own.q }
      if (home.wire === null || slot.wire === null) {
        return [query, { kind: 'key', home: home.k, spread: slot.k }, { kind: 'key', home: home.v, spread: slot.v }]
      }
      const atHome = wireTensors(home.wire, home.k, home.v)
      return [query, ...wireTensors(slot.wire, slot.k, slot.v).map(([spread, spreadFloats], index): ExchangedTensor =>
        ({ kind: 'key', home: atHome[index][0], homeFloats: atHome[index][1], spread, spreadFloats }))]
    }
    case 'out': return [{ kind: 'query', home: home.out, spread: own.out }]
    case 'dout': return [{ kind: 'query', home: home.dOut, spread: own.dOut }]
    case 'dqkv': {
      const gradient = dkv[spec.ownGradientSlot ?? 0]
      return [
        { kind: 'query', home: home.dq, spread: own.dq },
        { kind: 'key', home: home.dk, spread: gradient.dk }, { kind: 'key', home: home.dv, spread: gradient.dv },
      ]
    }
    default: throw new RangeError(`"${payload}" does not travel in an all-to-all`)
  }
}

function exchangeSegments(arena: RankArena, payload: Payload, buffer: 'home' | 'spread', member: number): Segment[] {
  const { spec: { shape, degree, modelHeads, modelKvHeads }, home } = arena
  const { batch, headDim, tokens } = shape
  const rows = tokens / degree
  const tensors = exchangedTensors(arena, payload)
  if (buffer === 'spread') {
    return tensors.flatMap(({ kind, spread, spreadFloats }) => cutSegments({
      view: spread, floats: spreadFloats, heads: kind === 'query' ? shape.heads : shape.kvHeads, rows: tokens,
      firstHead: 0, headCount: kind === 'query' ? shape.heads : shape.kvHeads, firstRow: member * rows, rowCount: rows,
    }, batch, headDim))
  }
  const shared = payload === 'dqkv' ? home.parts.at(member) : undefined
  const keyHeads = kvHeadsOf(member, degree, modelKvHeads)
  return tensors.flatMap(({ kind, home: view, homeFloats }, index) => {
    if (kind === 'key' && shared !== undefined) return [whole(index === 1 ? shared.dk : shared.dv)]
    const heads = kind === 'query' ? { first: member * shape.heads, count: shape.heads } : keyHeads
    return cutSegments({
      view, floats: homeFloats, heads: kind === 'query' ? modelHeads : modelKvHeads, rows,
      firstHead: heads.first, headCount: heads.count, firstRow: 0, rowCount: rows,
    }, batch, headDim)
  })
}

/** Where a block lies that a move sends from or receives into, in the order in which its bytes travel. */
export function segmentsOf(arena: RankArena, place: Place, payload: Payload, pass: StepPass): Segment[] {
  switch (place.buffer) {
    case 'kv': {
      const { k, v, wire } = arena.kv[place.slot]
      return wire === null ? [whole(k), whole(v)] : wireTensors(wire, k, v).map(([half, floats]) => part(half, 0, half.length, floats))
    }
    case 'dkv': return [whole(arena.dkv[place.slot].dk), whole(arena.dkv[place.slot].dv)]
    case 'query': {
      const { q, dOut, lse, delta } = arena.sides[place.side]
      return (pass === 'forward' ? [q] : [q, dOut, lse, delta]).map(whole)
    }
    case 'partial': return [whole(arena.sides[place.side].out), whole(arena.sides[place.side].lse)]
    case 'dq': return [whole(arena.sides[place.side].dq)]
    case 'home':
    case 'spread': return exchangeSegments(arena, payload, place.buffer, place.member)
  }
}

/**
 * A member's own part of an all-to-all, which does not travel: copied between home and spread tensors.
 * Where the wire is bfloat16, the floats are copied beside it.
 */
export function copyOwnPart(arena: RankArena, payload: 'qkv' | 'out' | 'dout' | 'dqkv', member: number): void {
  const home = exchangeSegments(arena, payload, 'home', member)
  const spread = exchangeSegments(arena, payload, 'spread', member)
  const [from, to] = payload === 'qkv' || payload === 'dout' ? [home, spread] : [spread, home]
  const bytes = new Uint8Array(arena.memory.buffer)
  const copies = pairUp(from, to)
  for (const { source, target, length } of copies) bytes.copyWithin(target, source, source + length)
}

/** Walks two lists of segments of the same bytes, cut in different places. */
function* pairUp(from: readonly Segment[], to: readonly Segment[]): Generator<{ source: number; target: number; length: number }> {
  let toIndex = 0
  let toDone = 0
  for (const source of from) {
    for (let done = 0; done < source.bytes;) {
      const target = to[toIndex]
      const length = Math.min(source.bytes - done, target.bytes - toDone)
      yield { source: source.byteOffset + done, target: target.byteOffset + toDone, length }
      if (source.floatsByteOffset !== null && target.floatsByteOffset !== null) {
        yield { source: source.floatsByteOffset + 2 * done, target: target.floatsByteOffset + 2 * toDone, length: 2 * length }
      }
      done += length
      toDone += length
      if (toDone === target.bytes) {
        toIndex++
        toDone = 0
      }
    }
  }
}
