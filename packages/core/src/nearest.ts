/** Finds the most similar candidate, for suggestions; undefined when more than a third of the letters differ. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const searched = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const maxSimilar = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    // There may be thousands of candidates: stop comparing as soon as one cannot be better than the best so far.
    const maxDistance = Math.min(maxSimilar, bestDistance - 1);
    if (maxDistance < 0) break;
    const distance = editDistance(searched, candidate.toLowerCase(), maxDistance);
    if (distance > maxDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/**
 * Counts the insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string alignment); Infinity
 * for more than `max`.
 */
function editDistance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return Number.POSITIVE_INFINITY;
  if (max === 0) return a === b ? 0 : Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let min = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j] as number, (beforeLast[j - 2] as number) + 1);
      min = Math.min(min, row[j] as number);
    }
    // A swap depends on the two previous rows: both must exceed the maximum.
    if (min > max && Math.min(...last) > max) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}
