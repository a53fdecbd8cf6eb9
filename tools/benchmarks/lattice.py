"""Lines and dots in a picture that always lie two, four or eight pixels apart, as enlargements in nets leave them.

    tools/bench lattice PICTURE.png...

A row for each picture. whole: amplitude, in steps of 255, of the waves of that period that go through the whole picture
in phase, across, down, and in both directions; here and there: the same within squares of 32 pixels, root mean square,
where a picture's own detail counts, too. spectrum: the largest of these four places of the spectrum as a multiple of the
median at that frequency; photos are at 1 to 5. PNGs, because a JPEG's blocks have these periods as well. Needs numpy
and Pillow.
"""
import argparse

import numpy as np
from PIL import Image

SQUARE = 32


def amplitudes(grey, down, across):
    """Of the whole, and within squares."""
    rows, columns = (side // SQUARE * SQUARE for side in grey.shape)
    wave = np.exp(2j * np.pi * (down * np.arange(rows)[:, None] + across * np.arange(columns)))
    turned = (grey[:rows, :columns] * wave).reshape(rows // SQUARE, SQUARE, columns // SQUARE, SQUARE).mean((1, 3))
    times = 1 if {down, across} <= {0.0, 0.5} else 2  # at two pixels a wave is its own mirror image
    return times * abs(turned.mean()), times * np.sqrt((abs(turned) ** 2).mean())


def peak(grey, frequency):
    height, width = grey.shape
    spectrum = np.abs(np.fft.fft2(grey * np.hanning(height)[:, None] * np.hanning(width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))

    def share(down, across):
        row, column = round(down * height) % height, round(across * width) % width
        near = [spectrum[(row + i) % height, (column + j) % width] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return max(near) / np.median(spectrum[np.abs(radius - np.hypot(down, across)) < 0.02])

    return max(share(*place) for place in ((0, frequency), (frequency, 0), (frequency, frequency), (-frequency, frequency)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+")
    options = parser.parse_args()
    print("| picture | period | whole: across, down, both | here and there | spectrum |\n|---|---|---|---|---|")
    for path in options.pictures:
        grey = np.asarray(Image.open(path).convert("RGB"), float).mean(2)
        grey -= grey.mean()
        for period in (8, 4, 2):
            found = [amplitudes(grey, down / period, across / period) for down, across in ((0, 1), (1, 0), (1, 1))]
            whole, local = (", ".join(f"{row[i]:.2f}" for row in found) for i in (0, 1))
            print(f"| {path} | {period} | {whole} | {local} | {peak(grey, 1 / period):.1f} |")


if __name__ == "__main__":
    main()
