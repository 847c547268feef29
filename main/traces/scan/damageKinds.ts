/** What the scanner says it mended. */
export const REPAIRS = {
  mark: 'byte order mark', noArray: 'events without an array around them', extraComma: 'extra comma', trailingComma: 'trailing comma', missingComma: 'comma missing between events',
  stray: 'stray character between events', empty: 'empty event', argsNoObject: 'args that are no object left out',
  arrayOpen: 'array not closed', objectOpen: 'object not closed', skipped: 'damaged value of a key that was passed over',
  nextTrace: 'another trace after the end', moreEvents: 'events after the end of the trace', nested: 'trace inside the events of another',
} as const

/** What it says it left out. */
export const DROPPED = {
  cut: 'event cut off by the end of the file', malformed: 'event is not valid JSON', noPhase: 'event without a phase',
  oddPhase: 'event with a phase that is no letter', notEvent: 'not an event object', tooLong: 'value longer than 64 MiB',
  text: 'text after the end of the trace', betweenKeys: 'damaged text between top-level keys',
} as const
