/** The original system's workload: inverts a random size x size matrix (100, or `size` in the JSON body). */
export function handler(event) {
  const size = event.body?.size ?? 100;
  if (!Number.isInteger(size) || size < 1 || size > 1000) {
    return {
      status: 400,
      body: { error: `Expected "size" to be a whole number from 1 to 1000, got ${JSON.stringify(size)}` },
    };
  }
  const started = performance.now();
  const inverse = invert(randomMatrix(size));
  const checksum = inverse.reduce((sum, row) => sum + row.reduce((part, value) => part + value, 0), 0);
  return { size, checksum, ms: performance.now() - started };
}

const randomMatrix = (size) => Array.from({ length: size }, () => Float64Array.from({ length: size }, Math.random));

/** Inverts a matrix by Gauss-Jordan elimination in place on [matrix | identity], with partial pivoting. */
function invert(matrix) {
  const size = matrix.length;
  const inverse = matrix.map((_, row) => Float64Array.from({ length: size }, (_, column) => (row === column ? 1 : 0)));
  for (let step = 0; step < size; step++) {
    const pivot = largestBelow(matrix, step);
    [matrix[step], matrix[pivot]] = [matrix[pivot], matrix[step]];
    [inverse[step], inverse[pivot]] = [inverse[pivot], inverse[step]];
    const factor = 1 / matrix[step][step];
    scale(matrix[step], factor);
    scale(inverse[step], factor);
    for (let row = 0; row < size; row++) {
      if (row === step) continue;
      const share = matrix[row][step];
      subtract(matrix[row], matrix[step], share);
      subtract(inverse[row], inverse[step], share);
    }
  }
  return inverse;
}

function largestBelow(matrix, column) {
  let best = column;
  for (let row = column + 1; row < matrix.length; row++) {
    if (Math.abs(matrix[row][column]) > Math.abs(matrix[best][column])) best = row;
  }
  return best;
}

function scale(row, factor) {
  for (let i = 0; i < row.length; i++) row[i] *= factor;
}

function subtract(row, other, share) {
  for (let i = 0; i < row.length; i++) row[i] -= share * other[i];
}
