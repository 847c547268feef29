import { describe, expect, it } from 'vitest'
import { bearerToken, Gate, socketToken } from './gate.ts'

const gate = new Gate(8080)
const own = { host: '127.0.0.1:8080', origin: 'http://127.0.0.1:8080' }

describe('the gate of the web host', () => {
  it('makes a token of 256 bits, another one each time', () => {
    expect(Buffer.from(gate.token, 'base64url')).toHaveLength(32)
    expect(new Gate(8080).token).not.toBe(gate.token)
  })

  it.each(['127.0.0.1:8080', 'localhost:8080'])('answers to %s', (host) => {
    expect(gate.refuseHost({ host })).toBeNull()
    expect(gate.refuseData({ host, origin: `http://${host}` }, gate.token, true)).toBeNull()
  })

  it.each([undefined, '', '127.0.0.1', 'localhost', '127.0.0.1:80801', 'evil.example:8080', '127.0.0.1.evil.example:8080', '0.0.0.0:8080'])(
    'refuses Host %j', (host) => {
      expect(gate.refuseHost({ host })).toMatchObject({ status: 403 })
      expect(gate.refuseData({ host, origin: `http://${host}` }, gate.token, true)).toMatchObject({ status: 403 })
    })

  it.each(['null', 'https://127.0.0.1:8080', 'http://127.0.0.1:8081', 'http://localhost:8080', 'http://evil.example', 'file://'])(
    'refuses Origin %j', (origin) => {
      expect(gate.refuseData({ ...own, origin }, gate.token, true)).toMatchObject({ status: 403 })
      expect(gate.refuseData({ ...own, origin }, gate.token, false)).toMatchObject({ status: 403 })
    })

  it('answers on the port of plain http, which browsers leave out', () => {
    const plain = new Gate(80)
    expect(plain.refuseData({ host: 'localhost', origin: 'http://localhost' }, plain.token, true)).toBeNull()
    expect(plain.refuseHost({ host: 'localhost:8080' })).toMatchObject({ status: 403 })
  })

  it('does without Origin only where browsers send none', () => {
    expect(gate.refuseData({ host: own.host }, gate.token, false)).toBeNull()
    expect(gate.refuseData({ host: own.host }, gate.token, true)).toMatchObject({ status: 403 })
  })

  it.each([undefined, '', 'x', gate.token.slice(1), `${gate.token}a`, gate.token.toUpperCase()])('refuses the token %j', (token) => {
    expect(gate.refuseData(own, token, true)).toMatchObject({ status: 401 })
  })

  it('reads the token of a header and of a socket\'s protocols', () => {
    expect(bearerToken({ authorization: 'Bearer a-b_1' })).toBe('a-b_1')
    expect(bearerToken({ authorization: 'Basic a-b_1' })).toBeUndefined()
    expect(bearerToken({})).toBeUndefined()
    expect(socketToken({ 'sec-websocket-protocol': 'ringscope.v1, token.a-b_1' })).toBe('a-b_1')
    expect(socketToken({ 'sec-websocket-protocol': 'token.a-b_1' })).toBeUndefined()
    expect(socketToken({ 'sec-websocket-protocol': 'ringscope.v1' })).toBeUndefined()
    expect(socketToken({})).toBeUndefined()
  })
})
