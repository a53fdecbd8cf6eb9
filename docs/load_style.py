"""A photo painted by a style net: python3 load_style.py RUN/weights_ema.safetensors photo.jpg painted.png [STYLE]"""
import json, struct, sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

data = bytearray(open(sys.argv[1], "rb").read())
start = 8 + struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:start])
notes = header.pop("__metadata__")
w = {name: torch.frombuffer(data, dtype=torch.float32, count=(t["data_offsets"][1] - t["data_offsets"][0]) // 4,
                            offset=start + t["data_offsets"][0]).reshape(t["shape"]) for name, t in header.items()}
styles = json.loads(notes["styles"])
style = styles.index(sys.argv[4]) if len(sys.argv) > 4 else 0


def convolve(name, x, stride=1, bias=None):
    reach = w[name + ".weight"].shape[-1] // 2
    return F.conv2d(F.pad(x, [reach] * 4, mode="reflect"), w[name + ".weight"], bias, stride)


def layer(name, x, stride=1):  # a convolution, and the instance norm with the style's own scale and shift
    x = convolve(name, x, stride)
    return F.instance_norm(x, weight=w[name + ".scale"][style], bias=w[name + ".shift"][style], eps=1e-5)


def paint(photo):  # [1,3,H,W] in [0,1] -> the same
    x = F.relu(layer("down.0", photo))
    x = F.relu(layer("down.1", x, 2))
    x = F.relu(layer("down.2", x, 2))
    for i in range(int(notes["blocks"])):
        x = x + layer(f"blocks.{i}.conv2", F.relu(layer(f"blocks.{i}.conv1", x)))
    for name in ("up.0", "up.1"):
        x = F.relu(layer(name, F.interpolate(x, scale_factor=2)))
    y = convolve("out", x, bias=w["out.bias"])[..., : photo.shape[2], : photo.shape[3]]
    return (photo + y if notes["adds_input"] == "1" else y).clamp(0, 1)


if __name__ == "__main__":
    pixels = np.asarray(Image.open(sys.argv[2]).convert("RGB"), np.float32) / 255
    with torch.inference_mode():
        painted = paint(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    Image.fromarray((255 * painted).round().byte().numpy()).save(sys.argv[3])
