import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { traceArguments } from './traceArguments.ts'

describe('traces on the command line', () => {
  it('are what follows the app, relative to the folder, without switches', () => {
    const argv = ['/usr/bin/electron', '.', '--inspect=5', 'a.json', '', '-psn_0_1', '/b/c.json.gz']
    expect(traceArguments(argv, false, '/home/u')).toEqual([resolve('/home/u/a.json'), resolve('/b/c.json.gz')])
  })

  it('begin earlier in a packaged app, whose executable is the app', () => {
    expect(traceArguments(['/opt/ringscope', 'a.json'], true, '/home/u')).toEqual([resolve('/home/u/a.json')])
  })

  it('do not include the app\'s folder where switches come first', () => {
    const argv = ['/usr/bin/electron', '--no-sandbox', '--allow-file-access-from-files', '/home/u/ringscope', 'a.json']
    expect(traceArguments(argv, false, '/home/u')).toEqual([resolve('/home/u/a.json')])
  })

  it('may be none', () => {
    expect(traceArguments(['/opt/ringscope'], true, '/')).toEqual([])
    expect(traceArguments(['electron', 'out/main/index.js'], false, '/')).toEqual([])
  })
})
