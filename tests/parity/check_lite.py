"""Checks the transcription of an EfficientNet-Lite with its real weights on the photos of Debian's opencv-doc.

    python3 check_lite.py efficientnet-lite0-57934424.pth /usr/share/doc/opencv-doc/examples/data

Photo: the largest centred square, then Pillow's bicubic (antialiased) on bytes to the side that the net was trained
for. Prints each photo's first class and its probability; exit 1 when a class differs. Made with torch 2.15.0,
pillow 13.0.0, numpy 2.4.6:

            orange           baboon           squirrel_cls     apple            butterfly
    lite0   950 (80.59 %)    372 (74.09 %)    335 (66.53 %)    948 (72.58 %)    323 (39.91 %)
    lite1   950 (39.66 %)    372 (65.95 %)    335 (25.65 %)    948 (25.23 %)    322 (20.85 %)
    lite2   950 (69.60 %)    372 (50.04 %)    335 (74.85 %)    948 (31.54 %)    321 (26.70 %)
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from efficientnet_lite import EfficientNetLite

SIDES = {"lite0": 224, "lite1": 240, "lite2": 260}
EXPECTED = {"orange": 950, "baboon": 372, "squirrel_cls": 335, "apple": 948}
BUTTERFLY = {"lite0": 323, "lite1": 322, "lite2": 321}  # three kinds of brushfoot


def load_photo(path: Path, size: int) -> torch.Tensor:
    """RGB bytes as float32 [1, 3, size, size] in 0 .. 255."""
    photo = Image.open(path).convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    square = photo.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(square, dtype=np.float32)).permute(2, 0, 1)[None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("photos", type=Path)
    options = parser.parse_args()

    family = options.weights.name.split("-")[1]
    model = EfficientNetLite(f"efficientnet_{family}").eval()
    model.load_state_dict(torch.load(options.weights, map_location="cpu", weights_only=True))
    wrong = 0
    for name, expected in (EXPECTED | {"butterfly": BUTTERFLY[family]}).items():
        path = options.photos / f"{name}.jpg"
        with torch.inference_mode():
            logits = model((load_photo(path, SIDES[family]) - 127) / 128)
        probability, found = torch.softmax(logits[0], 0).max(0)
        wrong += found.item() != expected
        print(f"{name}: class {found.item()} ({100 * probability.item():.2f} %), expected {expected}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
