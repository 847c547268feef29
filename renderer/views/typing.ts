/** Whether a key press belongs to an input, a list or a dialog rather than to the view's shortcuts. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target
  if (!(target instanceof HTMLElement)) return false
  return target.matches('input, select, textarea, [contenteditable]') || target.closest('[role="dialog"]') !== null
}
