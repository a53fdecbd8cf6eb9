"""Writes references/optimizers.json: parameters after some steps of torch.optim's optimisers.

    python3 make_optimizer_references.py

Parameters a [3,5], b [7], c [2,1,3], d [8,3,1,2] and e [9,4,2,2] begin at 2u-1 with u from the streams "optimizer/a" ..., see
closed_formula.py. The gradient of step k (from 0) is 0.3 (parameter) + (2u-1) with u from "optimizer/a/k" ..., so that
an error in one step shows in all later ones; b gets none in step 2. The learning rate of step k is that of the options
times rates[k]. "muon" moves d and e as matrices by torch.optim.Muon, in float32 instead of the bfloat16 that PyTorch rounds
to, and all else by AdamW. Format: {"rates", "cases": [{options..., "values": {"a": row-major, ...}}]}.
"""

import json
from pathlib import Path

import torch

import closed_formula

SHAPES = {"a": (3, 5), "b": (7,), "c": (2, 1, 3), "d": (8, 3, 1, 2), "e": (9, 4, 2, 2)}
RATES = [1.0, 0.5, 2.0, 1.0, 0.25, 1.0]
WITHOUT_GRADIENT = ("b", 2)
CASES = [
    {"kind": "adam", "learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0, "clip_value": 0.0},
    {"kind": "adam", "learning_rate": 0.02, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3, "weight_decay": 0.1, "clip_value": 0.0},
    {"kind": "adam", "learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0, "clip_value": 0.25},
    {"kind": "adamw", "learning_rate": 0.02, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1, "clip_value": 0.0},
    {"kind": "rmsprop", "learning_rate": 0.01, "beta1": 0.0, "beta2": 0.9, "epsilon": 1e-6, "weight_decay": 0.0, "clip_value": 0.0},
    {"kind": "rmsprop", "learning_rate": 0.01, "beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.1, "clip_value": 0.0},
    {"kind": "muon", "learning_rate": 0.02, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1, "clip_value": 0.0},
]


def numbers(name: str, shape: tuple) -> torch.Tensor:
    """Between -1 and 1."""
    count = torch.Size(shape).numel()
    return torch.from_numpy(2 * closed_formula.uniform("optimizer/" + name, count) - 1).float().reshape(shape)


def optimizers_of(case: dict, parameters: list) -> list:
    """As PyTorch's documentation names the options."""
    rate, decay, epsilon = case["learning_rate"], case["weight_decay"], case["epsilon"]
    if case["kind"] == "rmsprop":
        return [torch.optim.RMSprop(parameters, rate, alpha=case["beta2"], eps=epsilon, weight_decay=decay)]
    more = []
    if case["kind"] == "muon":
        matrices = [parameter for name, parameter in zip(SHAPES, parameters) if len(SHAPES[name]) == 4]
        parameters = [parameter for name, parameter in zip(SHAPES, parameters) if len(SHAPES[name]) != 4]
        more = [torch.optim.Muon(matrices, rate, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")]
    kind = torch.optim.Adam if case["kind"] == "adam" else torch.optim.AdamW
    return [kind(parameters, rate, betas=(case["beta1"], case["beta2"]), eps=epsilon, weight_decay=decay), *more]


def run(case: dict) -> dict:
    """The parameters after all steps."""
    shapes = {name: (shape[0], -1) if len(shape) == 4 else shape for name, shape in SHAPES.items()}  # Muon takes matrices
    parameters = {name: torch.nn.Parameter(numbers(name, SHAPES[name]).reshape(shape)) for name, shape in shapes.items()}
    optimizers = optimizers_of(case, list(parameters.values()))
    for step, rate in enumerate(RATES):
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = case["learning_rate"] * rate
        for name, parameter in parameters.items():
            gradient = 0.3 * parameter.detach() + numbers(f"{name}/{step}", SHAPES[name]).reshape(shapes[name])
            if case["clip_value"] > 0:
                gradient = gradient.clamp(-case["clip_value"], case["clip_value"])
            parameter.grad = None if (name, step) == WITHOUT_GRADIENT else gradient
        for optimizer in optimizers:
            optimizer.step()
    return {name: [float(f"{v:.9g}") for v in p.detach().flatten().tolist()] for name, p in parameters.items()}


def main() -> None:
    """Write the file."""
    torch.bfloat16 = torch.float32  # see above
    cases = [{**case, "values": run(case)} for case in CASES]
    path = Path(__file__).parent / "references" / "optimizers.json"
    path.write_text(json.dumps({"rates": RATES, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
