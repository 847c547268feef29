import { PassThrough, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { OutputError } from './errors.ts'
import { processTerminal } from './terminal.ts'

function streams(isTTY: boolean): { out: PassThrough; err: PassThrough; written: () => string; terminal: ReturnType<typeof processTerminal> } {
  const out = new PassThrough()
  const err = Object.assign(new PassThrough(), { isTTY, columns: 20 })
  let text = ''
  err.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  return { out, err, written: () => text, terminal: processTerminal({ stdout: out, stderr: err }) }
}

describe('terminal', () => {
  test('progress is one line that is replaced, cut to the width, and gone before anything else is written', async () => {
    const { terminal, written } = streams(true)
    terminal.progress('a line that is much too long')
    terminal.progress('second')
    terminal.progress('second')
    terminal.note('note')
    terminal.progress('')
    await new Promise(setImmediate)
    expect(written()).toBe('a line that is much\r\u001b[Ksecond\r\u001b[Knote\n')
  })

  test('no progress where stderr is no terminal', async () => {
    const { terminal, written } = streams(false)
    terminal.progress('half')
    terminal.note('note')
    await new Promise(setImmediate)
    expect(written()).toBe('note\n')
  })

  test('a result goes to stdout only', async () => {
    const { terminal, out, written } = streams(true)
    await terminal.out('{}\n')
    expect(String(out.read())).toBe('{}\n')
    expect(written()).toBe('')
  })

  test('a reader that went away is no error; a result that the system does not take is', async () => {
    const failing = (code: string): Writable =>
      new Writable({ write: (_chunk, _encoding, done) => { done(Object.assign(new Error(`said ${code}`), { code })) } })
    const err = new PassThrough()
    await expect(processTerminal({ stdout: failing('EPIPE'), stderr: err }).out('{}\n')).resolves.toBeUndefined()
    await expect(processTerminal({ stdout: failing('ENOSPC'), stderr: err }).out('{}\n')).rejects.toThrow(OutputError)
  })

  test('messages that nobody can read end nothing', async () => {
    const { err, terminal } = streams(false)
    err.destroy(Object.assign(new Error('closed'), { code: 'EPIPE' }))
    await new Promise(setImmediate)
    terminal.note('note')
    await expect(terminal.out('{}\n')).resolves.toBeUndefined()
  })
})
