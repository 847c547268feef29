import { describe, expect, it, vi } from 'vitest'
import { AppEvents } from './events.ts'

describe('events of the app', () => {
  it('reach who listens to them, and who listens to all', () => {
    const events = new AppEvents(vi.fn())
    const closed = vi.fn()
    const command = vi.fn()
    const any = vi.fn()
    events.on('timeline.closed', closed)
    events.on('menu.command', command)
    events.onAny(any)
    events.emit('timeline.closed', { timelineId: 't' })
    expect(closed).toHaveBeenCalledExactlyOnceWith({ timelineId: 't' })
    expect(any).toHaveBeenCalledExactlyOnceWith({ event: 'timeline.closed', payload: { timelineId: 't' } })
    expect(command).not.toHaveBeenCalled()
  })

  it('stop when the subscription ends, even during an event', () => {
    const events = new AppEvents(vi.fn())
    const heard: string[] = []
    const stop = events.on('timeline.closed', () => {
      heard.push('first')
      stop()
    })
    events.on('timeline.closed', () => heard.push('second'))
    events.emit('timeline.closed', { timelineId: 't' })
    events.emit('timeline.closed', { timelineId: 't' })
    expect(heard).toEqual(['first', 'second', 'second'])
  })

  it('reach the others when one listener fails, which is logged', () => {
    const log = vi.fn()
    const events = new AppEvents(log)
    const fault = new Error('a closed socket')
    const other = vi.fn()
    events.onAny(() => { throw fault })
    events.onAny(other)
    events.emit('timeline.closed', { timelineId: 't' })
    expect(other).toHaveBeenCalledOnce()
    expect(log).toHaveBeenCalledExactlyOnceWith('delivering timeline.closed', fault)
  })
})
