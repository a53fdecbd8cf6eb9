"""Writes the reference numbers of every tap of every frozen net: references/NET.json.

    python3 make_net_references.py [NET...]          (default: all; about a minute on two cores)
    python3 make_net_references.py --check [NET...]  runs in float32 instead and prints how far it departs
    python3 make_net_references.py --search TRIES [NET...]  looks for the image (see below)

Made with torch 2.15.0, torchvision 0.29.2, numpy 2.4.6. Weights and image come from closed_formula.py (float32 values);
everything is then computed in float64, normalisation included, so the numbers are exact to the digits written.

Variants: VGG with average pooling (not rescaled) or with replicate padding in front of the first convolution alone;
InceptionV3 as torchvision has it, as the trunk of the FID 2015 net (averages in the pooling branches leave the padding
out, Mixed_7c's branch takes the maximum) and as Keras has it (all averages leave the padding out), all three on the
same tensors under torchvision's names, batch norm weights included; GoogLeNet and ResNet-50 as torchvision has them,
with average pooling too where windows hang over the border; the EfficientNet-Lite nets from efficientnet_lite.py.

One file holds one architecture: the image size, and per variant the taps and some gradients.

    {"image": {"height", "width", "noise"},
     "variants": {VARIANT: {"taps": {TAP: numbers}, "gradients": {TAP: numbers}}}}

`numbers` of a tensor x with n elements, flat row-major order, shape without the leading batch of 1:

    shape       [C, H, W], or [classes] for logits
    mean, std   over all elements; std divides by n
    norm        sqrt(sum x^2)
    projection  sum_i x_i (2 uniform("projection", i) - 1) / sqrt(n): feels every element and its place
    at          eight flat positions: (k n / 8 + 37 k + 11) mod n, k = 0 .. 7, integer division
    value       x at these positions

Gradients jump where a ReLU's input changes sign or a maximum changes place, and rounding does that to units that are
close enough. `--search` measures the distance to the nearest such kink in float32 rounding errors; the image's noise is
the one of many that is farthest, so that an honest float32 run has the exact gradient. Arithmetic with larger errors
(Winograd) can still flip single units: compare such gradients by `norm`, or with float32 ones of the same forward run.

A tap's gradient is that of mean(tap^2) with respect to the image in [0, 1]; its shape is [3, H, W].
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import closed_formula
from efficientnet_lite import EfficientNetLite

Taps = dict[str, torch.Tensor]


# ---- VGG -------------------------------------------------------------------------------------------------------------


def build_vgg(name: str) -> nn.Module:
    model = nn.Module()
    model.features = getattr(torchvision.models, name)(weights=None, init_weights=False).features
    for layer in model.features:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return model


def run_vgg(model: nn.Module, image: torch.Tensor, pool: str = "max", first_padding: str = "zeros") -> Taps:
    mean = image.new_tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = image.new_tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x, taps = (image - mean) / std, {}
    for index, layer in enumerate(model.features):
        if index == 0 and first_padding == "replicate":
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), layer.weight, layer.bias)
        elif isinstance(layer, nn.MaxPool2d) and pool == "average":
            x = F.avg_pool2d(x, 2, 2)
        else:
            x = layer(x)
        taps[f"features.{index}"] = x
    return taps


# ---- InceptionV3 -----------------------------------------------------------------------------------------------------

INCEPTION_TAPS = [
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c"),
]
AVERAGE_POOLED = [name for name in INCEPTION_TAPS if name.startswith("Mixed") and not name.endswith(("6a", "7a"))]
KERAS_MIXED = [name for name in INCEPTION_TAPS if name.startswith("Mixed")]  # mixed0 .. mixed10


def build_inception() -> nn.Module:
    return torchvision.models.inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)


def run_inception(model: nn.Module, image: torch.Tensor, pool_branch: dict[str, str] | None = None) -> Taps:
    """`pool_branch` names the blocks whose pooling branch is not torchvision's: "uncounted" leaves the padding out of
    the average, "max" is a maximum."""
    average = F.avg_pool2d
    x, taps = 2 * image - 1, {}
    for name in INCEPTION_TAPS:
        kind = (pool_branch or {}).get(name, "torchvision")
        if kind == "uncounted":
            F.avg_pool2d = lambda *args, **kwargs: average(*args, **kwargs, count_include_pad=False)
        elif kind == "max":
            F.avg_pool2d = lambda *args, **kwargs: F.max_pool2d(*args, **kwargs)
        try:
            x = taps[name] = getattr(model, name)(x)
        finally:
            F.avg_pool2d = average
    return taps


UNCOUNTED = dict.fromkeys(AVERAGE_POOLED, "uncounted")


def run_keras(model: nn.Module, image: torch.Tensor) -> Taps:
    taps = run_inception(model, image, UNCOUNTED)
    return {f"mixed{number}": taps[name] for number, name in enumerate(KERAS_MIXED)}


# ---- GoogLeNet -------------------------------------------------------------------------------------------------------

GOOGLENET_TAPS = [
    *("conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3"),
    *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4"),
    *("inception5a", "inception5b"),
]


def build_googlenet() -> nn.Module:
    return torchvision.models.googlenet(weights=None, aux_logits=False, transform_input=False, init_weights=False)


def run_googlenet(model: nn.Module, image: torch.Tensor, pool: str = "max") -> Taps:
    """The pretrained net's transform_input makes 2 x - 1 of an image normalised as ImageNet's."""
    maximum = F.max_pool2d
    x, taps = 2 * image - 1, {}
    if pool == "average":
        F.max_pool2d = lambda x, kernel, stride, padding, dilation, **keywords: F.avg_pool2d(
            x, kernel, stride, padding, keywords["ceil_mode"]
        )
    try:
        for name in GOOGLENET_TAPS:
            if name == "inception4d":  # branches that are taps themselves
                for branch in ("branch2", "branch3"):
                    taps[f"{name}.{branch}.0"] = getattr(model.inception4d, branch)[0](x)
            x = taps[name] = getattr(model, name)(x)
    finally:
        F.max_pool2d = maximum
    taps["fc"] = model.fc(x.mean((2, 3)))
    return taps


# ---- ResNet ----------------------------------------------------------------------------------------------------------


def build_resnet50() -> nn.Module:
    return torchvision.models.resnet50(weights=None)


def run_resnet(model: nn.Module, image: torch.Tensor) -> Taps:
    mean = image.new_tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = image.new_tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    taps = {}
    x = taps["conv1"] = F.relu(model.bn1(model.conv1((image - mean) / std)))
    x = taps["maxpool"] = model.maxpool(x)
    for layer in ("layer1", "layer2", "layer3", "layer4"):
        for number, block in enumerate(getattr(model, layer)):
            y = taps[f"{layer}.{number}.conv1"] = F.relu(block.bn1(block.conv1(x)))
            taps[f"{layer}.{number}.conv2"] = F.relu(block.bn2(block.conv2(y)))
            x = taps[f"{layer}.{number}"] = block(x)
    taps["fc"] = model.fc(x.mean((2, 3)))
    return taps


# ---- EfficientNet-Lite ------------------------------------------------------------------------------------------------


def run_lite(model: EfficientNetLite, image: torch.Tensor) -> Taps:
    return model.taps((255 * image - 127) / 128)


# ---- numbers ---------------------------------------------------------------------------------------------------------


def numbers(tensor: torch.Tensor) -> dict:
    x = tensor.detach()[0].double()
    flat = x.reshape(-1)
    n = flat.numel()
    at = [(k * n // 8 + 37 * k + 11) % n for k in range(8)]
    signs = torch.from_numpy(2 * closed_formula.uniform("projection", n) - 1)
    result = {
        "shape": list(x.shape),
        "mean": flat.mean(),
        "std": flat.std(correction=0),
        "norm": flat.norm(),
        "projection": flat.dot(signs) / n**0.5,
    }
    result = {key: value if key == "shape" else ten_digits(value) for key, value in result.items()}
    return result | {"at": at, "value": [ten_digits(flat[i]) for i in at]}


def ten_digits(value: torch.Tensor) -> float:
    return float(f"{value.item():.10g}")


@dataclass
class Variant:
    run: Callable[[nn.Module, torch.Tensor], Taps]  # image in [0, 1] -> taps in order
    differentiated: list[str]
    kept: list[str] | None = None  # taps written; None: all


@dataclass
class Net:
    size: tuple[int, int]  # height, width
    noise: str  # the image's noise, chosen by --search
    build: Callable[[], nn.Module]
    variants: dict[str, Variant]

    def model(self, dtype: torch.dtype) -> nn.Module:
        return closed_formula.fill(self.build()).eval().to(dtype)

    def references(self, dtype: torch.dtype) -> dict:
        model, image = self.model(dtype), closed_formula.image(*self.size, self.noise).to(dtype)
        variants = {name: measure(variant, model, image) for name, variant in self.variants.items()}
        return {"image": {"height": self.size[0], "width": self.size[1], "noise": self.noise}, "variants": variants}


def measure(variant: Variant, model: nn.Module, image: torch.Tensor) -> dict:
    image = image.clone().requires_grad_()
    taps = variant.run(model, image)
    gradients = {}
    for name in variant.differentiated:
        (gradient,) = torch.autograd.grad(taps[name].square().mean(), image, retain_graph=True)
        gradients[name] = numbers(gradient)
    return {"taps": {name: numbers(taps[name]) for name in variant.kept or taps}, "gradients": gradients}


def vgg(name: str, noise: str, kept: list[str], differentiated: list[str]) -> Net:
    variants = {
        "torchvision": Variant(run_vgg, differentiated),
        "average_pooling": Variant(partial(run_vgg, pool="average"), differentiated[1:], kept),
        "replicate_first_padding": Variant(
            partial(run_vgg, first_padding="replicate"), differentiated[:3], ["features.0", *kept]
        ),
    }
    return Net((59, 71), noise, partial(build_vgg, name), variants)


def efficientnet_lite(name: str, size: tuple[int, int], noise: str, differentiated: list[str]) -> Net:
    variants = {"default": Variant(run_lite, [*differentiated, "_conv_head", "_fc"])}
    return Net(size, noise, partial(EfficientNetLite, name), variants)


NETS = {
    "vgg16": vgg(
        "vgg16",
        "image6",
        ["features.1", "features.4", "features.9", "features.22", "features.30"],
        ["features.0", "features.3", "features.9", "features.15", "features.22", "features.30"],
    ),
    "vgg19": vgg(
        "vgg19",
        "image6",
        ["features.1", "features.4", "features.9", "features.22", "features.36"],
        ["features.0", "features.3", "features.9", "features.20", "features.29", "features.36"],
    ),
    "inception_v3": Net(
        (139, 151),
        "image9",
        build_inception,
        {
            "torchvision": Variant(
                run_inception,
                ["Conv2d_2b_3x3", "maxpool2", "Mixed_5b", "Mixed_5d", "Mixed_6c", "Mixed_7a", "Mixed_7c"],
            ),
            "fid_2015": Variant(
                partial(run_inception, pool_branch=UNCOUNTED | {"Mixed_7c": "max"}),
                ["Mixed_5b", "Mixed_5d", "Mixed_6c", "Mixed_7a", "Mixed_7c"],
            ),
            "keras": Variant(run_keras, ["mixed0", "mixed2", "mixed5", "mixed8", "mixed10"]),
        },
    ),
    "googlenet": Net(
        (43, 53),
        "image0",
        build_googlenet,
        {
            "torchvision": Variant(
                run_googlenet, ["conv1", "maxpool1", "maxpool2", "inception3b", "inception4d", "maxpool4", "fc"]
            ),
            "average_pooling": Variant(
                partial(run_googlenet, pool="average"),
                ["maxpool1", "maxpool2", "inception3b", "maxpool4", "fc"],
                ["maxpool1", "maxpool2", "maxpool3", "maxpool4", "inception5b", "fc"],
            ),
        },
    ),
    "resnet50": Net(
        (45, 39),
        "image1",
        build_resnet50,
        {
            "torchvision": Variant(
                run_resnet, ["conv1", "maxpool", "layer1.0", "layer2.0", "layer2.3", "layer3.2", "layer4.2", "fc"]
            )
        },
    ),
    "efficientnet_lite0": efficientnet_lite(
        "efficientnet_lite0",
        (83, 101),
        "image21",
        ["_conv_stem", "_blocks.0", "_blocks.2", "_blocks.5", "_blocks.9", "_blocks.15"],
    ),
    "efficientnet_lite1": efficientnet_lite(
        "efficientnet_lite1", (43, 37), "image56", ["_conv_stem", "_blocks.3", "_blocks.10", "_blocks.20"]
    ),
    "efficientnet_lite2": efficientnet_lite(
        "efficientnet_lite2", (43, 37), "image24", ["_conv_stem", "_blocks.3", "_blocks.10", "_blocks.20"]
    ),
}


# ---- the choice of the image -----------------------------------------------------------------------------------------


class KinkRecorder(TorchDispatchMode):
    """Keeps the inputs of every operation whose gradient jumps: ReLU, ReLU6, max pooling."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        name = function.name().removeprefix("aten::").removesuffix("_")
        if name in ("relu", "hardtanh", "max_pool2d_with_indices"):
            self.seen.append((name, arguments[0].detach().clone(), arguments[1:]))
        return function(*arguments, **(keywords or {}))


def margin(name: str, x: torch.Tensor, arguments: tuple) -> torch.Tensor:
    """The smallest change of the input that moves one unit over a kink of the operation."""
    if name == "relu":
        return x.abs().min()
    if name == "hardtanh":
        return torch.minimum(x.abs().min(), (x - 6).abs().min())
    kernel, stride, padding, _, overhang = (*arguments, *([0, 0], [1, 1], False)[len(arguments) - 2 :])
    beyond = [p + overhang * (s - 1) for p, s in zip(padding, stride)]
    padded = F.pad(x, (padding[1], beyond[1], padding[0], beyond[0]), value=-torch.inf)
    windows = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).flatten(-2)
    first, second = windows.topk(2, -1).values.unbind(-1)
    # Windows of dead units carry no gradient; two equal ones are one cell that two windows of the pool before chose.
    return ((first - second)[(first > 0) & (first > second)]).min() / 2


def safety(net: Net, noise: str, models: dict[torch.dtype, nn.Module]) -> float:
    """How many times float32's rounding error fits into the distance to the nearest kink; above 1 no unit flips."""
    worst = float("inf")
    for variant in net.variants.values():
        seen = {}
        for dtype, model in models.items():
            with torch.no_grad(), KinkRecorder() as recorder:
                variant.run(model, closed_formula.image(*net.size, noise).to(dtype))
            seen[dtype] = recorder.seen
        for (name, exact, arguments), (_, single, _) in zip(seen[torch.float64], seen[torch.float32], strict=True):
            error = (exact - single).abs().max()
            worst = min(worst, (margin(name, exact, arguments) / error).item())
    return worst


def search(name: str, tries: int) -> None:
    net = NETS[name]
    models = {dtype: net.model(dtype) for dtype in (torch.float64, torch.float32)}
    found = sorted(((safety(net, f"image{k}", models), f"image{k}") for k in range(tries)), reverse=True)
    print(name, *(f"{noise} {value:.2g}" for value, noise in found[:6]), f"(used: {net.noise})")


# ---- files -----------------------------------------------------------------------------------------------------------


def write(path: Path, reference: dict) -> None:
    """JSON with one line per tensor."""
    compact = lambda value: json.dumps(value, separators=(",", ":"))  # noqa: E731
    lines = [f'{{"image":{compact(reference["image"])},"variants":{{']
    variants = list(reference["variants"].items())
    for variant, groups in variants:
        lines.append(f'"{variant}":{{')
        for group, tensors in groups.items():
            lines.append(f' "{group}":{{')
            lines.append(",\n".join(f'  "{name}":{compact(value)}' for name, value in tensors.items()))
            lines.append(" }," if group != list(groups)[-1] else " }")
        lines.append("}," if variant != variants[-1][0] else "}")
    lines.append("}}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == reference


def check(name: str, reference: dict, single: dict) -> None:
    """Prints how far the same net in float32 departs: what a test's tolerance has to allow at least."""
    for variant, groups in reference["variants"].items():
        for group, tensors in groups.items():
            worst = 0.0
            for tap, exact in tensors.items():
                found = single["variants"][variant][group][tap]
                size = exact["norm"] / torch.tensor(exact["shape"]).prod().item() ** 0.5
                errors = {key: abs(found[key] - exact[key]) / size for key in ("mean", "std", "projection")}
                errors["norm"] = abs(found["norm"] - exact["norm"]) / exact["norm"]
                errors["value"] = max(abs(a - b) for a, b in zip(found["value"], exact["value"])) / size
                zeros = sum(value == 0 for value in exact["value"])
                head = f"  {group:9} {tap:16} std {exact['std']:<11.5g} mean {exact['mean']:<11.4g} zero probes {zeros}"
                print(head, *(f"{key} {error:.1e}" for key, error in errors.items()))
                worst = max(worst, *errors.values())
            print(f"{name} {variant} {group}: largest departure of float32 {worst:.2e} of the root mean square")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", metavar="NET", help=", ".join(NETS))
    parser.add_argument("--check", action="store_true", help="compare the written files with a float32 run")
    parser.add_argument("--search", type=int, metavar="TRIES", help="look for an image far from every kink")
    options = parser.parse_args()
    folder = Path(__file__).parent / "references"
    folder.mkdir(exist_ok=True)
    for name in options.nets or NETS:
        path = folder / f"{name}.json"
        if options.search:
            search(name, options.search)
        elif options.check:
            check(name, json.loads(path.read_text(encoding="utf-8")), NETS[name].references(torch.float32))
        else:
            write(path, NETS[name].references(torch.float64))
            print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
