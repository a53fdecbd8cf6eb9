"""Writes the reference numbers of the Frechet distance: references/frechet_distance.json.

    python3 make_distance_references.py

The published formula in float64: means, covariances that divide by N - 1, and the trace of the principal square root of
S1 S2 from the eigenvalues of that product by the general (not symmetric) solver, as scipy.linalg.sqrtm has it. Nothing
here follows the C++ code, which never forms a root of an unsymmetric matrix.
"""

import json
from pathlib import Path

import numpy as np

import closed_formula

# rows of either side, dimensions: more rows than dimensions, fewer on both sides, fewer on one, 16 of many
CASES = [(300, 257, 24), (16, 16, 24), (19, 301, 40), (301, 19, 40), (16, 17, 530), (700, 650, 530)]


def rows(count: int, dimensions: int, name: str) -> np.ndarray:
    """Features like pooled activations, correlated, float32 values: max(0, u_i + u_(i-1) - 0.8) along the flat index."""
    u = closed_formula.uniform(name, count * dimensions + 1).astype(np.float32)
    return np.maximum(0, (u[1:] + u[:-1]) - np.float32(0.8)).astype(np.float64).reshape(count, dimensions)


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    covariance_a, covariance_b = (np.cov(x, rowvar=False) for x in (a, b))
    values = np.linalg.eigvals(covariance_a @ covariance_b)
    root = np.sqrt(np.maximum(values.real, 0)).sum()
    shift = a.mean(0) - b.mean(0)
    return float(shift @ shift + np.trace(covariance_a) + np.trace(covariance_b) - 2 * root)


def main() -> None:
    cases = []
    for n, m, dimensions in CASES:
        value = frechet(rows(n, dimensions, "reals"), 1.25 * rows(m, dimensions, "fakes"))
        cases.append({"n": n, "m": m, "dimensions": dimensions, "value": float(f"{value:.10g}")})
    lines = ",\n".join(json.dumps(case) for case in cases)
    path = Path(__file__).parent / "references" / "frechet_distance.json"
    path.write_text('{"cases": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
