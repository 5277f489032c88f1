/** The known name with the fewest edits from a misspelt one, if it is near enough to be what was meant. */
export function nearestName(misspelt: string, known: Iterable<string>): string | undefined {
  const wanted = misspelt.toLowerCase().slice(0, 200)
  // A third of the letters: further away is another word.
  let best = Math.max(2, Math.floor(wanted.length / 3)) + 1
  let nearest: string | undefined
  for (const name of known) {
    if (Math.abs(name.length - wanted.length) >= best) continue
    const distance = editDistance(wanted, name.toLowerCase())
    if (distance < best) {
      best = distance
      nearest = name
    }
  }
  return nearest
}

function editDistance(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = before[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, before[column]! + 1, current[column - 1]! + 1))
    }
    before = current
  }
  return before[b.length]!
}
