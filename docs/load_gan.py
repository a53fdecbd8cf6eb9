"""Samples of a GAN in Python: python3 load_gan.py RUN/weights_ema.safetensors samples.ppm   (either generator; no labels)"""
import json, struct, sys

import torch
import torch.nn.functional as F

TYPES = {"F32": torch.float32, "I64": torch.int64}
data = bytearray(open(sys.argv[1], "rb").read())
start = 8 + struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:start])
notes = header.pop("__metadata__")
w = {}
for name, t in header.items():
    first, last = t["data_offsets"]
    kind = TYPES[t["dtype"]]
    w[name] = torch.frombuffer(data, dtype=kind, count=(last - first) // kind.itemsize, offset=start + first).reshape(t["shape"])
height, width = int(notes["height"]), int(notes["width"])
sizes = [(height, width)]
while min(side + 1 for side in sizes[-1]) // 2 >= 4:
    sizes.append(tuple((side + 1) // 2 for side in sizes[-1]))


def normed(name, x):
    name = "generator." + name
    return F.batch_norm(x, *(w[name + part] for part in (".running_mean", ".running_var", ".weight", ".bias")))


def spectral(name):
    weight, u, v = (w[f"generator.{name}.{part}"] for part in "weight u v".split())
    return weight * (u.norm() * v.norm() / (u @ weight.flatten(1) @ v))


def dcgan(z):
    def double(name, x, bias=None):
        return F.conv_transpose2d(x, w[f"generator.{name}.weight"], bias, stride=2, padding=1)

    x = F.relu(normed("norm", (z @ w["generator.stem.weight"].T).reshape(len(z), -1, *sizes[-1])))
    for stage, (rows, columns) in enumerate(sizes[-2:0:-1]):
        x = F.relu(normed(f"stages.{stage}.norm", double(f"stages.{stage}.conv", x)[..., :rows, :columns]))
    return torch.tanh(double("head", x, w["generator.head.bias"])[..., :height, :width])


def fastgan(z):
    x = (z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()) @ spectral("stem").T
    maps = [F.glu(normed("norm", x.reshape(len(z), -1, *sizes[-1])), 1)]
    for stage, (rows, columns) in enumerate(sizes[-2::-1]):
        x = F.conv2d(F.interpolate(maps[-1], scale_factor=2), spectral(f"stages.{stage}"), padding=1)
        x = F.glu(normed(f"stages.{stage}.norm", x[..., :rows, :columns]), 1)
        gate = f"excitations.{stage - 3}"
        if f"generator.{gate}.squeeze.weight" in w:
            seen = F.silu(F.conv2d(F.adaptive_avg_pool2d(maps[stage - 3], 4), spectral(gate + ".squeeze")))
            x = x * torch.sigmoid(F.conv2d(seen, spectral(gate + ".excite")))
        maps.append(x)
    return torch.tanh(F.conv2d(maps[-1], spectral("head"), w["generator.head.bias"], padding=1))


def generate(z):
    return ((fastgan if notes["generator"] == "fastgan" else dcgan)(z) / 2 + 0.5).clamp(0, 1)


if __name__ == "__main__":
    samples = generate(torch.randn(64, int(notes["latent"]), generator=torch.Generator().manual_seed(0)))
    sheet = samples[:, :3].expand(-1, 3, -1, -1).reshape(8, 8, 3, height, width).permute(0, 3, 1, 4, 2)
    with open(sys.argv[2], "wb") as file:
        file.write(b"P6 %d %d 255\n" % (8 * width, 8 * height) + (255 * sheet).round().byte().numpy().tobytes())
