"""Writes the reference numbers of what GANs minimise and of three steps of training: references/gan_losses.json and
references/gan_steps.json.

    python3 make_gan_loss_references.py      (seconds)

Made with torch 2.15.0 and numpy 2.4.6, in float64 throughout. Nothing here follows the C++ code: losses are written
down from their publications, penalties with autograd, nets with torch.nn.functional, spectral norms as a division by
u^T W v with u and v from power iterations, steps are torch.optim.Adam's. Weights and images come from closed formulas
(closed_formula.py), latents, labels and mixing shares from Python's own version of our counter-based noise.

gan_steps.json: each case has its settings and, after each of three steps on batches of 5, the losses as the optimisers
see them (penalties and all) and the mean scores of reals and fakes; at the end probes of every tensor. Every weight and
buffer starts as the formula of its name: "generator." or "discriminator.", then its place in the net.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import closed_formula
from make_vae_references import digits, images, normal_noise, probes, random_bits

torch.set_default_dtype(torch.float64)
FOLDER = Path(__file__).parent / "references"

# ---- losses ----------------------------------------------------------------------------------------------------------


def cross_entropy(logits, labels):
    return -(labels * torch.log(torch.sigmoid(logits)) + (1 - labels) * torch.log(torch.sigmoid(-logits))).mean()


def squares(logits, labels):
    return ((logits - labels) ** 2).mean()


LOSSES = {  # of reals, of fakes, of the generator
    "non-saturating": (cross_entropy, cross_entropy, cross_entropy),
    "hinge": (
        lambda x, _: torch.clamp(1 - x, min=0).mean(),
        lambda x, _: torch.clamp(1 + x, min=0).mean(),
        lambda x, _: -x.mean(),
    ),
    "least-squares": (squares, squares, squares),
    "wasserstein": (lambda x, _: -x.mean(), lambda x, _: x.mean(), lambda x, _: -x.mean()),
}


def uniform(name: str, low: float, high: float, *shape: int) -> torch.Tensor:
    return torch.from_numpy(low + (high - low) * closed_formula.uniform(name, int(np.prod(shape)))).reshape(shape)


def numbers(tensor: torch.Tensor) -> list:
    return [digits(x) for x in tensor.detach().reshape(-1)]


def losses() -> dict:
    real_labels, fake_labels = uniform("real labels", 0.8, 1.1, 7), uniform("fake labels", -0.05, 0.3, 7)
    result = {}
    for name, (real, fake, generator) in LOSSES.items():
        parts = {
            "real": lambda x: real(x, real_labels),
            "fake": lambda x: fake(x, fake_labels),
            "generator": lambda x: generator(x, torch.ones(7)),
            "generator 0.9": lambda x: generator(x, torch.full((7,), 0.9)),
        }
        result[name] = {}
        for part, loss in parts.items():
            logits = uniform("logits", -3, 3, 7).requires_grad_()
            value = loss(logits)
            (gradient,) = torch.autograd.grad(value, logits)
            result[name][part] = {"value": digits(value), "gradient": numbers(gradient)}
    return result


# ---- penalties -------------------------------------------------------------------------------------------------------


def input_gradients(critic, points):
    """Image by image, each logit by itself."""
    rows = []
    for i in range(points.shape[0]):
        point = points[i : i + 1].detach().requires_grad_()
        (row,) = torch.autograd.grad(critic(point).squeeze(), point, create_graph=True)
        rows.append(row.flatten())
    return torch.stack(rows)


def r1(critic, reals):
    return 0.5 * (input_gradients(critic, reals) ** 2).sum(1).mean()


def gradient_penalty(critic, reals, fakes, mix):
    mix = mix.reshape(-1, 1, 1, 1)
    return ((input_gradients(critic, mix * reals + (1 - mix) * fakes) ** 2).sum(1).sqrt() - 1).square().mean()


def penalties() -> dict:
    kernel = uniform("critic kernel", -0.4, 0.4, 3, 2, 4, 4).requires_grad_()
    bias = uniform("critic bias", -0.2, 0.2, 3).requires_grad_()
    weight = uniform("critic weight", -0.6, 0.6, 1, 36).requires_grad_()

    def critic(x):
        return F.linear(F.silu(F.conv2d(x, kernel, bias, 2, 1)).flatten(1), weight).squeeze(1)

    reals, fakes = (uniform(name, -1, 1, 5, 2, 9, 7) for name in ("reals", "fakes"))
    values = {
        "r1": r1(critic, reals),
        "gradient penalty": gradient_penalty(critic, reals, fakes, uniform("mix", 0, 1, 5)),
    }
    result = {}
    for name, value in values.items():
        gradients = torch.autograd.grad(value, (kernel, bias, weight))
        result[name] = {"value": digits(value)} | dict(zip(("kernel", "bias", "weight"), map(numbers, gradients)))
    return result


# ---- three steps -----------------------------------------------------------------------------------------------------

NET = {"height": 17, "width": 20, "channels": 1, "latent": 8, "generator_width": 4, "discriminator_width": 3}
BATCH, STEPS, SEED = 5, 3, 7
LATENTS, REAL_LABELS, FAKE_LABELS, MIX = 0x6C617465, 0x7265616C, 0x66616B65, 0x6D697878
# An epsilon that gradients are not small against keeps rounding errors of a gradient that ought to be 0 from becoming
# whole steps, so that float32 can be held to it.
GENERATOR_ADAM = {"learning_rate": 2e-3, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3}
DISCRIMINATOR_ADAM = {"learning_rate": 4e-3, "beta1": 0.4, "beta2": 0.9, "epsilon": 1e-3}


def adam(parameters, settings):
    return torch.optim.Adam(
        parameters, settings["learning_rate"], (settings["beta1"], settings["beta2"]), settings["epsilon"]
    )


def sizes() -> list:
    """Halves, rounded up, of at least 4."""
    found = [(NET["height"], NET["width"])]
    while min(-(-side // 2) for side in found[-1]) >= 4:
        found.append(tuple(-(-side // 2) for side in found[-1]))
    return found


class Net:
    def __init__(self, prefix: str):
        self.prefix, self.parameters, self.buffers = prefix, {}, {}

    def formula(self, name: str, shape) -> torch.Tensor:
        u = closed_formula.uniform(f"{self.prefix}.{name}", int(np.prod(shape)))
        if len(shape) > 1:
            values = (2 * u - 1) * np.sqrt(6.0 / np.prod(shape[1:]))
        elif name.endswith("running_var"):
            values = 0.5 + u
        elif "norm." in name:
            values = 0.75 + 0.5 * u if name.endswith("weight") else (2 * u - 1) * 0.2
        else:
            values = (2 * u - 1) * 0.1
        return torch.from_numpy(values.astype(np.float32)).double().reshape(shape)

    def parameter(self, name: str, *shape: int) -> torch.Tensor:
        self.parameters[name] = self.formula(name, shape).requires_grad_()
        return self.parameters[name]

    def buffer(self, name: str, *shape: int) -> torch.Tensor:
        self.buffers[name] = self.formula(name, shape)
        return self.buffers[name]

    def tensors(self) -> dict:
        every = self.parameters | self.buffers
        return {f"{self.prefix}.{name}": probes(tensor) for name, tensor in sorted(every.items())}


class Generator(Net):
    def __init__(self):
        super().__init__("generator")
        self.sizes = sizes()
        self.widths = [NET["generator_width"] * 2**i for i in range(len(self.sizes) - 1)]
        self.parameter("stem.weight", self.widths[-1] * self.sizes[-1][0] * self.sizes[-1][1], NET["latent"])
        self.norm("norm", self.widths[-1])
        for i, width in enumerate(self.widths[-2::-1]):
            self.parameter(f"stages.{i}.conv.weight", 2 * width, width, 4, 4)
            self.norm(f"stages.{i}.norm", width)
        self.parameter("head.weight", self.widths[0], NET["channels"], 4, 4)
        self.parameter("head.bias", NET["channels"])

    def norm(self, name, width):
        for leaf in ("weight", "bias"):
            self.parameter(f"{name}.{leaf}", width)
        for leaf in ("running_mean", "running_var"):
            self.buffer(f"{name}.{leaf}", width)

    def normed(self, name, x):
        p, b = self.parameters, self.buffers
        running = (b[f"{name}.running_mean"], b[f"{name}.running_var"])
        return F.relu(F.batch_norm(x, *running, p[f"{name}.weight"], p[f"{name}.bias"], True, 0.1, 1e-5))

    def __call__(self, z):
        p = self.parameters
        x = self.normed("norm", F.linear(z, p["stem.weight"]).reshape(-1, self.widths[-1], *self.sizes[-1]))
        for i, (height, width) in enumerate(self.sizes[-2:0:-1]):
            x = F.conv_transpose2d(x, p[f"stages.{i}.conv.weight"], None, 2, 1)[:, :, :height, :width]
            x = self.normed(f"stages.{i}.norm", x)
        x = F.conv_transpose2d(x, p["head.weight"], p["head.bias"], 2, 1)
        return torch.tanh(x[:, :, : NET["height"], : NET["width"]])


class Discriminator(Net):
    def __init__(self, spectral_norm: bool):
        super().__init__("discriminator")
        self.spectral_norm = spectral_norm
        (height, width), channels, self.layers = sizes()[-1], NET["channels"], []
        for i in range(len(sizes()) - 1):
            out = NET["discriminator_width"] * 2**i
            self.layer(f"stages.{i}", out, channels, 4, 4)
            channels = out
        self.layer("head", 1, channels * height * width)

    def layer(self, name, *shape):
        self.layers.append(name)
        self.parameter(f"{name}.weight", *shape)
        self.parameter(f"{name}.bias", shape[0])
        if self.spectral_norm:
            self.buffer(f"{name}.u", shape[0])
            self.buffer(f"{name}.v", int(np.prod(shape[1:])))

    def advance(self):
        for name in self.layers if self.spectral_norm else []:
            matrix = self.parameters[f"{name}.weight"].detach().flatten(1)
            self.buffers[f"{name}.v"] = F.normalize(matrix.T @ self.buffers[f"{name}.u"], dim=0)
            self.buffers[f"{name}.u"] = F.normalize(matrix @ self.buffers[f"{name}.v"], dim=0)

    def weight(self, name):
        weight = self.parameters[f"{name}.weight"]
        if not self.spectral_norm:
            return weight
        return weight / (self.buffers[f"{name}.u"] @ weight.flatten(1) @ self.buffers[f"{name}.v"])

    def __call__(self, x):
        for name in self.layers[:-1]:
            x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
            x = F.leaky_relu(F.conv2d(x, self.weight(name), self.parameters[f"{name}.bias"], 2, 1), 0.2)
        return F.linear(x.flatten(1), self.weight("head"), self.parameters["head.bias"]).squeeze(1)


CASES = {
    "smoothed labels": {"loss": "non-saturating", "real_labels": [0.85, 1.05], "fake_labels": [-0.02, 0.15]},
    "hinge with spectral norms": {"loss": "hinge", "spectral_norm": True},
    "least squares": {"loss": "least-squares"},
    "gradient penalty": {"loss": "wasserstein", "gradient_penalty": 10.0},
    "R1": {"loss": "non-saturating", "r1": 0.5, "r1_every": 2},
}
UNCHANGED = {
    "real_labels": [1.0, 1.0],
    "fake_labels": [0.0, 0.0],
    "spectral_norm": False,
    "gradient_penalty": 0.0,
    "r1": 0.0,
    "r1_every": 1,
}


def uniform_noise(stream: int, first: int) -> torch.Tensor:
    """A number in [0,1) for each image of the batch."""
    bits = [random_bits(random_bits(SEED, stream, row), 2, 0) for row in range(first, first + BATCH)]
    return torch.tensor([(b >> 40) / 2**24 for b in bits])


def drawn_labels(limits, stream, first):
    return limits[0] + (limits[1] - limits[0]) * uniform_noise(stream, first)


def training(case: dict) -> dict:
    settings = UNCHANGED | case
    real_loss, fake_loss, generator_loss = LOSSES[settings["loss"]]
    generator, discriminator = Generator(), Discriminator(settings["spectral_norm"])
    generator_step = adam(generator.parameters.values(), GENERATOR_ADAM)
    discriminator_step = adam(discriminator.parameters.values(), DISCRIMINATOR_ADAM)
    every_real = 2 * images(STEPS * BATCH, NET["channels"], NET["height"], NET["width"]) - 1
    steps = []
    for step in range(STEPS):
        first = step * BATCH
        reals = every_real[first : first + BATCH]
        fakes = generator(normal_noise(SEED, LATENTS, first, BATCH, NET["latent"]))
        discriminator.advance()

        of_reals, of_fakes = discriminator(reals), discriminator(fakes.detach())
        loss = real_loss(of_reals, drawn_labels(settings["real_labels"], REAL_LABELS, first))
        loss = loss + fake_loss(of_fakes, drawn_labels(settings["fake_labels"], FAKE_LABELS, first))
        if settings["r1"] and step % settings["r1_every"] == 0:
            loss = loss + settings["r1"] * settings["r1_every"] * r1(discriminator, reals)
        if settings["gradient_penalty"]:
            mix = uniform_noise(MIX, first)
            loss = loss + settings["gradient_penalty"] * gradient_penalty(discriminator, reals, fakes.detach(), mix)
        discriminator_step.zero_grad()
        loss.backward()
        discriminator_step.step()

        wanted = generator_loss(discriminator(fakes), torch.ones(BATCH))
        generator_step.zero_grad()
        wanted.backward()
        generator_step.step()

        score = torch.sigmoid if settings["loss"] == "non-saturating" else lambda x: x
        steps.append(
            {
                "discriminator": digits(loss),
                "generator": digits(wanted),
                "real_score": digits(score(of_reals).mean()),
                "fake_score": digits(score(of_fakes).mean()),
            }
        )
    return {"settings": settings, "steps": steps, "tensors": generator.tensors() | discriminator.tensors()}


# ---- files -----------------------------------------------------------------------------------------------------------


def write(name: str, groups: dict) -> None:
    """An entry a line."""
    parts = []
    for group, entries in groups.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(entry, allow_nan=False)}" for key, entry in entries.items()]
        inner = ",\n".join(lines)
        parts.append(f'"{group}": {{\n{inner}\n}}')
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    json.loads(text)
    (FOLDER / name).write_text(text, encoding="utf-8")


def main() -> None:
    write("gan_losses.json", {"losses": losses(), "penalties": penalties()})
    setting = {
        "net": NET,
        "stream": {"batch": BATCH, "seed": SEED},
        "generator": GENERATOR_ADAM,
        "discriminator": DISCRIMINATOR_ADAM,
    }
    write("gan_steps.json", {"setting": setting, "cases": {name: training(case) for name, case in CASES.items()}})


if __name__ == "__main__":
    main()
