import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CancelledError, ForwardedError, RequestError } from './errors.ts'
import { simulated } from './testing/runs.ts'
import type { OpeningProgress } from './traceMessages.ts'
import { TraceThread } from './traceThread.ts'

const entry = join(import.meta.dirname, 'testing/scriptedTraceEntry.ts')
const log = vi.fn()
const threads: TraceThread[] = []

/** @param script what the thread is to do. @param heard gets its progress. */
function threadThat(script: readonly string[], heard: (progress: OpeningProgress) => void = vi.fn()): TraceThread {
  const thread = new TraceThread({
    entry, log, onProgress: heard, heapMiB: 64, request: { paths: script, rulesDir: '/nowhere', hiddenFolder: null },
  })
  threads.push(thread)
  return thread
}

const closing = new CancelledError('the test is over')
beforeEach(() => { log.mockReset() })
afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.stop(closing)))
})

describe('a trace thread', () => {
  it('hands over timelines whole, and which files it could not read', async () => {
    const { timelines, refused } = await threadThat(['open', 'b.json']).opened
    expect(timelines.map(({ timeline }) => timeline)).toEqual([simulated(), simulated()])
    expect(timelines[0].summary).toMatchObject({ spanCount: simulated().spans.count, ranks: [0, 1] })
    expect(refused).toEqual([{ path: 'b.json', message: 'it is no trace' }])
  })

  it('divides waiting from transfer, and says nothing of it where that failed, but to the log', async () => {
    const { timelines: [first, second] } = await threadThat(['open']).opened
    expect(await first.owner.wait(1)).toEqual({ waitNs: 10, transferNs: 1, estimated: false, waitedFor: 3 })
    expect(await first.owner.wait(4)).toEqual({ waitNs: 20, transferNs: 2, estimated: true, waitedFor: null })
    expect([await first.owner.wait(0), await first.owner.wait(2), await first.owner.wait(9)]).toEqual([null, null, null])
    expect(await second.owner.wait(1)).toBeNull()
    expect(log.mock.calls).toEqual([[expect.stringContaining('waiting and transfer'), 'a bug at line 1']])
  })

  it('refuses with the error that the page is to get', async () => {
    const { timelines: [first, second] } = await threadThat(['open']).opened
    await second.owner.wait(0)
    log.mockReset()
    const refused = first.owner.search({ text: 'such thing', limit: 1 })
    await expect(refused).rejects.toThrow(ForwardedError)
    await expect(refused).rejects.toMatchObject({ error: { code: 'invalid-input', message: 'no such thing' } })
    expect(log).not.toHaveBeenCalled()
  })

  it('is ended in the middle of its work, and tells no progress after', async () => {
    const started = Promise.withResolvers<OpeningProgress>()
    const thread = threadThat(['spin'], started.resolve)
    expect(await started.promise).toEqual({ doing: 'reading rank-0.json', bytesRead: 1, totalBytes: 2, events: 3 })
    const stopped = thread.stop(new CancelledError('the opening was cancelled'))
    await expect(thread.opened).rejects.toMatchObject({ code: 'cancelled', message: 'the opening was cancelled' })
    await stopped
    await thread.ended
  })

  it.each([['crash', /crashed \(a bug\).*open the trace again/], ['leave', /ended with code 3.*open the trace again/]])(
    'that goes wrong (%s) while it opens is an error, not the end of the app', async (script, message) => {
      const thread = threadThat([script])
      await expect(thread.opened).rejects.toThrow(RequestError)
      await expect(thread.opened).rejects.toThrow(message)
      await thread.ended
    })

  it('that has hardly any memory left is ended before the whole process is, and says so, and of what', async () => {
    const thread = threadThat(['memory'])
    await expect(thread.opened).rejects.toThrow(/^reading large\.json took more memory than .* open fewer files at once$/)
    await thread.ended
    expect(log).not.toHaveBeenCalled()
  })

  it('that crashes later refuses what was asked and what is asked after, and logs why', async () => {
    const thread = threadThat(['open'])
    const { timelines: [first, second] } = await thread.opened
    const waiting = second.owner.search({ text: 'hang', limit: 1 })
    await expect(first.owner.search({ text: 'crash', limit: 1 })).rejects.toThrow(/crashed \(a bug\)/)
    await expect(waiting).rejects.toThrow(/crashed \(a bug\)/)
    await expect(first.owner.analyze()).rejects.toThrow(/crashed \(a bug\)/)
    await thread.ended
    expect(log).toHaveBeenCalledWith(expect.stringContaining('thread'), expect.objectContaining({ message: 'a bug' }))
  })

  it('lives as long as one of its timelines, however often one of them is released', async () => {
    const thread = threadThat(['open'])
    const { timelines: [first, second] } = await thread.opened
    let ended = false
    void thread.ended.then(() => { ended = true })
    first.owner.release()
    first.owner.release()
    await expect(second.owner.search({ text: 'such thing', limit: 1 })).rejects.toThrow('no such thing')
    expect(ended).toBe(false)
    const analysing = second.owner.analyze()
    second.owner.release()
    await expect(analysing).rejects.toMatchObject({ code: 'cancelled' })
    await thread.ended
  })

  it('finishes the file that is being saved when it is stopped', async () => {
    const thread = threadThat(['open'])
    const { timelines: [first] } = await thread.opened
    const saved = first.owner.write('/a.json')
    const stopped = thread.stop(closing)
    await expect(saved).resolves.toBeUndefined()
    await stopped
    await expect(first.owner.write('/b.json')).rejects.toMatchObject({ code: 'cancelled' })
  })
})
