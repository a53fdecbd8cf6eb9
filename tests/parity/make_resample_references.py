"""Writes references/resample.json: what Pillow (and exact area averaging) make of one small float image.

    python3 make_resample_references.py

Made with pillow 13.0.0, numpy 2.4.6. The input is 37 wide and 23 high; its value number i (row-major) is
255 uniform("resample", i) rounded to float32, see closed_formula.py: noise, so that every weight of a kernel shows.

Pillow resamples in mode "F": float64 sums, float32 between its two passes (horizontal first), no rounding to bytes, no
clamping. Its filters are antialiased: when shrinking, the kernel is stretched by the ratio and its weights are divided
by their sum; at the border the kernel is cut off and renormalised.

    bicubic   support 2, a = -0.5
    lanczos   support 3
    box       support 0.5, by the samples' centres: a sample is in or out, never a part of it
    area      not Pillow: the exact mean of the input over the output pixel's footprint, border samples by their share

Format: {"input": {"width", "height", "stream", "scale"}, "outputs": [{"filter", "width", "height", "values"}]},
values row-major with four decimals.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

import closed_formula

WIDTH, HEIGHT = 37, 23
# width, height: both smaller; both larger; mixed; one side kept; large reductions; a single row and column
SIZES = [(16, 11), (50, 64), (12, 23), (37, 9), (61, 7), (5, 3), (1, 1)]
PILLOW = {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS, "box": Image.Resampling.BOX}


def area_weights(source: int, target: int) -> np.ndarray:
    """[target, source]: the share of each input sample in each output pixel's footprint."""
    edges = np.arange(target + 1) * source / target
    low, high = edges[:-1, None], edges[1:, None]
    sample = np.arange(source)[None]
    covered = np.clip(np.minimum(high, sample + 1) - np.maximum(low, sample), 0, None)
    return covered / covered.sum(1, keepdims=True)


def main() -> None:
    values = (255 * closed_formula.uniform("resample", WIDTH * HEIGHT)).astype(np.float32).reshape(HEIGHT, WIDTH)
    picture = Image.fromarray(values)
    assert picture.mode == "F" and picture.size == (WIDTH, HEIGHT)
    outputs = []
    for width, height in SIZES:
        results = {name: np.asarray(picture.resize((width, height), how)) for name, how in PILLOW.items()}
        results["area"] = area_weights(HEIGHT, height) @ values.astype(np.float64) @ area_weights(WIDTH, width).T
        for name, result in results.items():
            assert result.shape == (height, width)
            rounded = [round(float(value), 4) for value in result.reshape(-1)]
            outputs.append({"filter": name, "width": width, "height": height, "values": rounded})
    head = {"width": WIDTH, "height": HEIGHT, "stream": "resample", "scale": 255}
    compact = {"separators": (",", ":")}
    lines = ",\n".join(json.dumps(output, **compact) for output in outputs)
    path = Path(__file__).parent / "references" / "resample.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{{"input":{json.dumps(head, **compact)},"outputs":[\n{lines}\n]}}\n', encoding="utf-8")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
