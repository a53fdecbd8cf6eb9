"""deepdream's step in plain PyTorch, as fast as its user can make it: weights frozen, batch norm folded into them, one of
both layouts. It does what every dream does, and so does ours here: the picture, shifted, in mirrored surroundings; forward
to one layer; the gradient of its mean square; a step of fixed length.

    python_dream.py NETWORK --make FILE                                   a checkpoint that both programs read
    python_dream.py NETWORK --layer L --weights FILE --input PHOTO --size N --steps N --threads N --layout LAYOUT

Layers are named as deepdream names them.
"""
import argparse
import os
import sys

import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests/parity"))
import closed_formula  # noqa: E402
from efficientnet_lite import SCALES, EfficientNetLite  # noqa: E402

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
IMAGENET = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
SIGNED = torch.tensor(0.5), torch.tensor(0.5)
LITE = torch.tensor(127 / 255), torch.tensor(128 / 255)
STEP, MARGIN = 0.01, 32




def build(name):
    if name.startswith("efficientnet_lite"):
        return EfficientNetLite(name)
    aux = {} if name in ("resnet50", "vgg16") else {"aux_logits": False, "transform_input": False, "init_weights": False}
    return getattr(torchvision.models, name)(weights=None, **aux)


def up_to(model, layer):
    """The part of a net that makes one layer."""
    if isinstance(model, EfficientNetLite):
        last = int(layer.removeprefix("block"))
        return nn.Sequential(model._conv_stem, model._bn0, nn.ReLU6(), *model._blocks[: last + 1])
    if isinstance(model, torchvision.models.VGG):
        return model.features[:23]  # relu4_3, the layer of the benchmark
    name, _, block = layer.partition(".")
    parts = []
    for child_name, child in model.named_children():
        if child_name == name:
            return nn.Sequential(*parts, child[: int(block) + 1] if block else child)
        parts.append(child)
    raise SystemExit(f"no layer {layer}")


# The mean and deviation that each net's input is normalised by.
NORMALS = {name: LITE for name in SCALES} | {"inception_v3": SIGNED, "googlenet": SIGNED, "resnet50": IMAGENET,
                                             "vgg16": IMAGENET}


def fold(module):
    """Every batch norm into the convolution before it."""
    previous = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, previous, fuse_conv_bn_eval(getattr(module, previous), child))
            setattr(module, name, nn.Identity())
        else:
            fold(child)
        previous = name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=NORMALS)
    parser.add_argument("--make", metavar="FILE")
    parser.add_argument("--layer")
    parser.add_argument("--weights")
    parser.add_argument("--input")
    parser.add_argument("--size", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--layout", choices=LAYOUTS)
    options = parser.parse_args()
    model = build(options.network)
    if options.make:
        torch.save(closed_formula.fill(model).state_dict(), options.make)
        return
    torch.set_num_threads(options.threads)
    layout = LAYOUTS[options.layout]
    model.load_state_dict(torch.load(options.weights, weights_only=True))
    fold(model.eval().requires_grad_(False))
    net = up_to(model, options.layer).to(memory_format=layout)
    mean, deviation = NORMALS[options.network]

    photo = Image.open(options.input).convert("RGB")
    factor = options.size / max(photo.size)
    photo = photo.resize([round(side * factor) for side in photo.size], Image.BICUBIC)
    data = torch.frombuffer(bytearray(photo.tobytes()), dtype=torch.uint8)
    image = data.view(photo.height, photo.width, 3).permute(2, 0, 1)[None].float() / 255
    for step in range(options.steps):
        shift = (7 * step % 16, 11 * step % 16)
        seen = F.pad(image.roll(shift, (2, 3)), [MARGIN] * 4, mode="reflect").requires_grad_()
        feature = net(((seen - mean) / deviation).contiguous(memory_format=layout))
        (gradient,) = torch.autograd.grad(feature.square().mean(), seen)
        gradient = gradient[..., MARGIN:-MARGIN, MARGIN:-MARGIN].roll([-s for s in shift], (2, 3))
        image = (image + STEP * gradient / gradient.square().mean().sqrt()).clamp(0, 1)


if __name__ == "__main__":
    main()
