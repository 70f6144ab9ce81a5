/** The candidate that was probably meant: at most a third of its letters differ. undefined when none is that near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const near = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    const most = Math.min(near, bestDistance - 1);
    // There may be thousands: one that cannot be nearer than the best so far is not looked at to its end.
    if (most < 0) break;
    const distance = editDistance(wanted, candidate.toLowerCase(), most);
    if (distance > most) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/**
 * Letters to insert, delete, replace or swap with their neighbour (optimal string alignment) to make one of the other; Infinity when
 * they are more than `most`.
 */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return Number.POSITIVE_INFINITY;
  if (most === 0) return a === b ? 0 : Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j] as number, (beforeLast[j - 2] as number) + 1);
      least = Math.min(least, row[j] as number);
    }
    // A swap reaches back two rows: both are past it.
    if (least > most && Math.min(...last) > most) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}
