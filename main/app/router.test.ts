import { describe, expect, it, vi } from 'vitest'
import { ArenaTooLargeError } from '../../kernels/backends/arena.ts'
import { BackendUnavailableError } from '../../kernels/backends/backend.ts'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { type RouteName, ROUTES } from '../../preload/contract/routes.ts'
import { TraceFormatError } from '../traces/traceFormatError.ts'
import { BusyError, CancelledError, ForbiddenError, ForwardedError, NotFoundError } from './errors.ts'
import { createRouter, type Handlers } from './router.ts'

const PAGE = { trusted: false }

/** Handlers that all refuse, but for the given ones. */
function routerWith(handlers: Partial<Handlers>, log = vi.fn()) {
  const refusing = Object.fromEntries((Object.keys(ROUTES) as RouteName[]).map((route) =>
    [route, () => { throw new Error(`${route} was not expected`) }])) as unknown as Handlers
  return createRouter({ ...refusing, ...handlers }, log)
}

describe('router', () => {
  it('hands the parsed input and the caller to the handler of the route', async () => {
    const cancel = vi.fn(() => ({}))
    const router = routerWith({ 'run.cancel': cancel })
    expect(await router.handle('run.cancel', { runId: 'run-1' }, { trusted: true })).toEqual({ ok: true, data: {} })
    expect(cancel).toHaveBeenCalledExactlyOnceWith({ runId: 'run-1' }, { trusted: true })
  })

  it('waits for a handler that takes time', async () => {
    const router = routerWith({ 'timeline.list': async () => { await Promise.resolve(); return [] } })
    expect(await router.handle('timeline.list', {}, PAGE)).toEqual({ ok: true, data: [] })
  })

  it.each(['', 'timeline', 'toString', '__proto__', 'constructor', 'timeline.list '])('knows no route %j', async (route) => {
    expect(await routerWith({}).handle(route, {}, PAGE)).toMatchObject({ ok: false, error: { code: 'unknown-route' } })
  })

  it('says everything that is wrong with an input, each with its path', async () => {
    const input = { timelineId: '', startNs: 'x', endNs: 1, pixels: 0.5, extra: { deep: 1 } }
    const answer = await routerWith({}).handle('timeline.viewport', input, PAGE)
    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
    const problems = answer.ok ? [] : answer.error.problems ?? []
    expect(Object.fromEntries(problems.map(({ path, given }) => [path, given])))
      .toEqual({ timelineId: '""', startNs: '"x"', pixels: '0.5', extra: '{"deep":1}' })
    expect(problems.every(({ expected }) => expected.length > 0)).toBe(true)
  })

  it.each([undefined, null, 5, 'text', []])('refuses %j as an input', async (input) => {
    const answer = await routerWith({}).handle('timeline.list', input, PAGE)
    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid-input', problems: [{ path: '' }] } })
  })

  it('describes bytes by their number, not by their content', async () => {
    const answer = await routerWith({}).handle('run.cancel', { runId: new Float64Array(1000) }, PAGE)
    expect(answer).toMatchObject({ error: { problems: [{ path: 'runId', given: '8000 bytes' }] } })
  })

  const noSuchFile = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', path: '/a/b.json' })
  it.each([
    [new InvalidInputError('config', [{ path: 'world', expected: 'an integer', given: '0' }]),
      { code: 'invalid-input', problems: [{ path: 'world', expected: 'an integer', given: '0' }] }],
    [new NotFoundError('open timeline', 't-9', 'open it again'), { code: 'not-found', message: 'no open timeline "t-9": open it again' }],
    [new BusyError('a run is going on'), { code: 'busy', message: 'a run is going on' }],
    [new CancelledError('the opening was cancelled'), { code: 'cancelled', message: 'the opening was cancelled' }],
    [new ForwardedError({ code: 'invalid-input', message: 'it was refused', problems: [{ path: 'a', expected: 'b', given: 'c' }] }),
      { code: 'invalid-input', message: 'it was refused', problems: [{ path: 'a', expected: 'b', given: 'c' }] }],
    [new ForbiddenError('no'), { code: 'forbidden', message: 'no' }],
    [new TraceFormatError('a.json', { what: 'it ends early', expected: 'JSON', remedy: 'Save it again', offset: 7 }),
      { code: 'invalid-input', message: 'a.json: it ends early at byte 7. Expected JSON. Save it again.' }],
    [new BackendUnavailableError('tensorflow', 'no addon'), { code: 'invalid-input', problems: [{ path: 'backend', given: '"tensorflow"' }] }],
    [new ArenaTooLargeError(2 ** 33), { code: 'invalid-input' }],
    [noSuchFile, { code: 'not-found', message: '/a/b.json: there is no such file' }],
  ])('turns %o into its envelope without logging it', async (thrown, error) => {
    const log = vi.fn()
    const router = routerWith({ 'app.info': () => { throw thrown } }, log)
    expect(await router.handle('app.info', {}, PAGE)).toMatchObject({ ok: false, error })
    expect(log).not.toHaveBeenCalled()
  })

  it.each([new Error('a bug'), new TypeError('x is undefined'), 'a thrown text', undefined])(
    'logs %o and answers "internal"', async (thrown) => {
      const log = vi.fn()
      const router = routerWith({ 'app.info': () => Promise.reject(thrown as Error) }, log)
      const answer = await router.handle('app.info', {}, PAGE)
      const detail = thrown instanceof Error ? thrown.message : String(thrown)
      expect(answer).toEqual({ ok: false, error: { code: 'internal', message: `app.info: ${detail}` } })
      expect(log).toHaveBeenCalledExactlyOnceWith('app.info', thrown)
    })
})
