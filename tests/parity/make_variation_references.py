"""Writes references/variation.json: total variations and their gradients by PyTorch's autograd, in float64.

    python3 make_variation_references.py

The formulas are written here as the three programs' authors publish them (crowsonkb: squared differences with a nine
point stencil on a replicated border; neural-style-pt: absolute differences; Chollet: powers), on pixels from 0 to
`range`; "split" is crowsonkb's on the Rec. 709 lightness (as three channels) and on what is left, 3 times and 0.5 times.
Pixel number i of an image [3,H,W] is uniform("variation", i), see closed_formula.py; the gradient is that with respect
to these. Format: [{"kind", "range", "height", "width", "value", "gradient": row-major}].
"""

import json
from pathlib import Path

import torch
from torch.nn import functional

import closed_formula


def squared(x: torch.Tensor) -> torch.Tensor:
    """Mean squares to the four neighbours behind, weighing 2/3 along the axes and 1/6 along the diagonals."""
    p = functional.pad(x[None], (1, 1, 1, 1), "replicate")[0]
    inner = p[:, 1:-1, 1:-1]
    along_axes = (p[:, 1:-1, 2:] - inner).square().mean() + (p[:, 2:, 1:-1] - inner).square().mean()
    diagonals = (p[:, 1:, 1:] - p[:, :-1, :-1]).square().mean() + (p[:, 1:, :-1] - p[:, :-1, 1:]).square().mean()
    return along_axes * 2 / 3 + diagonals / 6


def absolute(x: torch.Tensor) -> torch.Tensor:
    """The sum of absolute differences to the right and below."""
    return (x[:, 1:] - x[:, :-1]).abs().sum() + (x[:, :, 1:] - x[:, :, :-1]).abs().sum()


def power(x: torch.Tensor) -> torch.Tensor:
    """The sum of squared gradients to the power of 1.25."""
    corner = x[:, :-1, :-1]
    return ((x[:, 1:, :-1] - corner).square() + (x[:, :-1, 1:] - corner).square()).pow(1.25).sum()


def split(x: torch.Tensor) -> torch.Tensor:
    """Lightness and colour weighed apart."""
    weights = torch.tensor([0.2126, 0.7152, 0.0722], dtype=x.dtype)
    luma = (weights[:, None, None] * x).sum(0, keepdim=True)
    return 3 * squared(luma.expand_as(x)) + 0.5 * squared(x - luma)


KINDS = {"squared": squared, "absolute": absolute, "power": power, "split": split}


def main() -> None:
    """Write the file."""
    rows = []
    for kind, pixel_range in [("squared", 1), ("squared", 255), ("absolute", 255), ("power", 255), ("split", 1)]:
        for height, width in [(7, 5), (2, 3), (1, 4), (5, 1), (1, 1)]:
            u = closed_formula.uniform("variation", 3 * height * width).reshape(3, height, width)
            x = torch.from_numpy(u).requires_grad_()
            value = KINDS[kind](x * pixel_range)
            value.backward()
            gradient = [float(f"{g:.15g}") for g in x.grad.flatten().tolist()]
            rows.append(
                {"kind": kind, "range": pixel_range, "height": height, "width": width, "value": value.item()}
                | {"gradient": gradient}
            )
    text = ",\n ".join(json.dumps(row) for row in rows)
    Path(__file__).with_name("references").joinpath("variation.json").write_text(f"[{text}]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
