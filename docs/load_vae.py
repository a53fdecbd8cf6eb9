"""Samples of a VAE in Python: python3 load_vae.py RUN/weights_ema.safetensors samples.ppm   (vector latents, no labels)"""
import json, struct, sys

import torch
import torch.nn.functional as F

data = bytearray(open(sys.argv[1], "rb").read())
start = 8 + struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:start])
notes = header.pop("__metadata__")
w = {name: torch.frombuffer(data, dtype=torch.float32, count=(t["data_offsets"][1] - t["data_offsets"][0]) // 4,
                            offset=start + t["data_offsets"][0]).reshape(t["shape"]) for name, t in header.items()}
height, width = int(notes["height"]), int(notes["width"])
sizes = [(height, width)]
while f"decoder.stages.{len(sizes) - 1}.blocks.0.conv1.weight" in w:
    sizes.append(tuple((side + 1) // 2 for side in sizes[-1]))


def convolve(name, x):
    return F.conv2d(x, w[name + ".weight"], w[name + ".bias"], padding="same")


def decode(z):
    x = F.linear(z, w["decoder.stem.weight"], w["decoder.stem.bias"]).reshape(len(z), -1, *sizes[-1])
    for stage, (rows, columns) in enumerate(reversed(sizes[:-1])):
        for block in range(int(notes["blocks"])):
            name = f"decoder.stages.{stage}.blocks.{block}"
            x = x + convolve(f"{name}.conv2", F.silu(convolve(f"{name}.conv1", F.silu(x))))
        if stage + 2 < len(sizes):
            x = F.interpolate(convolve(f"decoder.stages.{stage}.conv", x), scale_factor=2)[..., :rows, :columns]
    x = F.pixel_shuffle(convolve("decoder.head", F.silu(x)), 2)[..., :height, :width]
    return torch.sigmoid(x) if notes["logits"] == "1" else (x / 2 + 0.5).clamp(0, 1)


if __name__ == "__main__":
    samples = decode(torch.randn(64, int(notes["latent"]), generator=torch.Generator().manual_seed(0)))
    sheet = samples[:, :3].expand(-1, 3, -1, -1).reshape(8, 8, 3, height, width).permute(0, 3, 1, 4, 2)
    with open(sys.argv[2], "wb") as file:
        file.write(b"P6 %d %d 255\n" % (8 * width, 8 * height) + (255 * sheet).round().byte().numpy().tobytes())
