"""Writes references/color.json: CIE L*a*b* (D65) of sRGB colours, in float64 from the standards' definitions.

    python3 make_color_references.py

IEC 61966-2-1 gives the transfer curve and the primaries; the matrix follows from the primaries' and the white's
chromaticities. CIE 15 gives L*a*b*. Prints the matrices that src/image/color.cpp holds: XYZ divided by the white's.

The colours: the corners of the cube, a grey ramp with both sides of both curves' knees, and noise.
Format: [{"rgb": [3], "lab": [3]}].
"""

import json
from pathlib import Path

import numpy as np

PRIMARIES = np.array([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]])  # x, y of red, green, blue
WHITE = np.array([0.3127, 0.3290])


def xyz_of_chromaticity(xy: np.ndarray) -> np.ndarray:
    """X, Y, Z at Y = 1."""
    return np.stack([xy[..., 0] / xy[..., 1], np.ones_like(xy[..., 0]), (1 - xy.sum(-1)) / xy[..., 1]], -1)


def white_xyz_of_rgb() -> np.ndarray:
    """Linear sRGB to XYZ / XYZ of the white."""
    columns = xyz_of_chromaticity(PRIMARIES).T
    white = xyz_of_chromaticity(WHITE)
    return columns * np.linalg.solve(columns, white) / white[:, None]


def lab(rgb: np.ndarray) -> np.ndarray:
    """[N,3] sRGB to [N,3] L*a*b*."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = white_xyz_of_rgb() @ linear.T
    fx, fy, fz = (np.where(t > (6 / 29) ** 3, np.cbrt(t), (841 / 108) * t + 4 / 29) for t in (x, y, z))
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], -1)


def main() -> None:
    """Write the file and print the matrices."""
    corners = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0], [0.0, 1.0], indexing="ij"), -1).reshape(-1, 3)
    grey = np.array([0.001, 0.02, 0.04, 0.041, 0.08, 0.09, 0.25, 0.5, 0.75, 0.99])[:, None].repeat(3, 1)
    noise = np.random.default_rng(0).random((24, 3)).round(4)
    colors = np.concatenate([corners, grey, noise])
    rows = [{"rgb": c.tolist(), "lab": l.round(6).tolist()} for c, l in zip(colors, lab(colors))]
    text = ",\n ".join(json.dumps(row) for row in rows)
    Path(__file__).with_name("references").joinpath("color.json").write_text(f"[{text}]\n", encoding="utf-8")
    for matrix in (white_xyz_of_rgb(), np.linalg.inv(white_xyz_of_rgb())):
        print(",\n".join("{" + ", ".join(f"{v:.15f}" for v in row) + "}" for row in matrix))


if __name__ == "__main__":
    main()
