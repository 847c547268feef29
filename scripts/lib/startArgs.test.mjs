import { describe, expect, it } from 'vitest'
import { root } from './project.mjs'
import { parseStartArgs } from './startArgs.mjs'

describe('npm start -- ...', () => {
  it('takes the host from --electron or --web and passes the rest on', () => {
    expect(parseStartArgs([])).toEqual({ host: null, rest: [] })
    expect(parseStartArgs(['--web', '--port', '8080'])).toEqual({ host: 'web', rest: ['--port', '8080'] })
    expect(parseStartArgs(['--electron'])).toEqual({ host: 'electron', rest: [] })
  })

  it('makes files absolute from the folder the user is in, and leaves other words alone', () => {
    expect(parseStartArgs(['package.json', 'gone.json'], root).rest).toEqual([`${root}/package.json`, 'gone.json'])
  })

  it('refuses both hosts at once', () => {
    expect(() => parseStartArgs(['--electron', '--web'])).toThrow('give one of --electron and --web, not both')
  })
})
