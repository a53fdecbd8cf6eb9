"""gan measured against a Python transcription of pytorch/examples' DCGAN on the same images, and against itself.

  step       seconds a step of the same net and loss: gan train --preset pytorch and the transcription, in turn
  quality    Frechet distance of samples after the same time: the default recipe and the transcription
  stability  the last state's Frechet distance against the best one's over a long run of the default recipe
  coverage   how many classes of a labelled set the samples show, told by a classifier trained here
  small      kernel distance with few images: the default recipe with and without augmentation

Images: --data names what gan train takes (quality, stability, coverage, small); the transcription reads the same
through --array, an uint8 .npy of [N,H,W] or [N,H,W,3]. Without --data shapes are drawn: eight classes of 32x32.
Times are of one thread each (--threads) so that two can run side by side; at 32 px the transcription lacks the
published net's 512-channel stage, for the published net only knows 64 px. Needs Python with torch and Pillow
(PYTHON=... picks one).
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from PIL import Image, ImageDraw
    from torch import nn
except ImportError as error:
    sys.exit(f"tools/bench gan needs torch, numpy and Pillow ({error}); set PYTHON to an interpreter that has them")

from support.dcgan import Transcription
from support.pictures import write_tar

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHAPES = ["disc", "ring", "square", "diamond", "triangle", "cross", "bar", "frame"]


def draw_shape(name, side, rng):
    """One shape in one bright colour on a dark ground, four times supersampled."""
    big = side * 4
    ground = tuple(rng.randint(0, 60) for _ in range(3))
    colour = [rng.randint(60, 160) for _ in range(3)]
    colour[rng.randrange(3)] = 255
    image = Image.new("RGB", (big, big), ground)
    draw = ImageDraw.Draw(image)
    r = rng.uniform(0.26, 0.38) * big
    x, y = (big / 2 + rng.uniform(-0.1, 0.1) * big for _ in range(2))
    box, thin, fill = [x - r, y - r, x + r, y + r], int(r * 0.35), tuple(colour)
    if name == "disc":
        draw.ellipse(box, fill=fill)
    elif name == "ring":
        draw.ellipse(box, outline=fill, width=thin)
    elif name == "square":
        draw.rectangle(box, fill=fill)
    elif name == "frame":
        draw.rectangle(box, outline=fill, width=thin)
    elif name == "diamond":
        draw.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill=fill)
    elif name == "triangle":
        draw.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=fill)
    elif name == "cross":
        draw.rectangle([x - r, y - thin / 2, x + r, y + thin / 2], fill=fill)
        draw.rectangle([x - thin / 2, y - r, x + thin / 2, y + r], fill=fill)
    elif name == "bar":
        draw.rectangle([x - r, y - thin / 2, x + r, y + thin / 2], fill=fill)
    return image.resize((side, side), Image.BOX)


def draw_shapes(folder, each, seed=0, side=32):
    rng = random.Random(seed)
    for name in SHAPES:
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for i in range(each):
            draw_shape(name, side, rng).save(os.path.join(folder, name, f"{i:05}.png"))
    return folder


def read_array(path):
    images = np.load(path)
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(images))


def train_transcription(images, seed, seconds=math.inf, steps=math.inf):
    """By processor time, so that what else the machine does takes nothing from it."""
    model, done, begin = Transcription(images.shape[-1], images.shape[1], seed), 0, time.process_time()
    while True:
        order = torch.randperm(len(images))
        for first in range(0, len(images), 64):
            model.step(images[order[first:first + 64]].float() / 127.5 - 1)
            done += 1
            used = time.process_time() - begin
            if used >= seconds or done >= steps:
                return model, done, used


def gan(options, *words):
    command = [os.path.join(options.bin, "gan"), *map(str, words), "--quiet"]
    before = os.times()
    result = subprocess.run(command, capture_output=True, text=True)
    after = os.times()
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed: {result.stderr.strip()}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return result.stdout, used


def train(options, run, *words):
    common = ["--threads", options.threads, "--preview-every", 0, "--features", "none"]
    if "--features" in words:
        common = common[:-2]
    return gan(options, "train", options.data, "-o", run, *common, *words)


def measured(options, source, images=None):
    """What gan evaluate says of a run or of pictures, against the training images."""
    out, _ = gan(options, "evaluate", source, images or options.data, "--samples", options.samples, "--json")
    return json.loads(out)


def steps_of(run):
    with open(os.path.join(run, "timing.jsonl")) as lines:
        return json.loads(list(lines)[-1])["step"]


def bench_step(options, folder):
    source = os.path.join(folder, "noise.npy")
    for size, channels in [(32, 1), (64, 3)]:
        images = np.random.default_rng(0).integers(0, 256, (256, size, size, channels), dtype=np.uint8)
        write_tar(os.path.join(folder, f"noise{size}.tar"), images)
        options.data = os.path.join(folder, f"noise{size}.tar")
        np.save(source, images[..., 0] if channels == 1 else images)
        tensors, ratios = read_array(source), []
        torch.set_num_threads(int(options.threads))
        count = 20 if size == 32 else 6
        for round_number in range(int(options.rounds)):
            _, _, used = train_transcription(tensors, 0, steps=count + 1)
            _, _, first = train_transcription(tensors, 0, steps=1)
            theirs = (used - first) / count
            times = []
            for steps in (1, count + 1):
                run = os.path.join(folder, f"step{size}-{round_number}-{steps}")
                _, used = train(options, run, "--preset", "pytorch", "--steps", steps, "--log-every", 1000)
                times.append(used)
            ours = (times[1] - times[0]) / count
            ratios.append(ours / theirs)
            print(f"{size} px: ours {ours:.4f} s, transcription {theirs:.4f} s a step, {ours / theirs:.3f}", flush=True)
        print(f"{size} px: ratio {np.median(ratios):.3f} (median of {len(ratios)}; {min(ratios):.3f} to {max(ratios):.3f})")


def bench_quality(options, folder):
    images = read_array(options.array)
    torch.set_num_threads(int(options.threads))
    for seed in range(1, int(options.seeds) + 1):
        model, steps, used = train_transcription(images, seed, seconds=60 * float(options.minutes))
        tar = os.path.join(folder, f"peer{seed}.tar")
        write_tar(tar, model.samples(int(options.samples)))
        theirs = measured(options, tar)["frechet"]
        run = os.path.join(folder, f"ours{seed}")
        train(options, run, "--time", f"{options.minutes}m", "--validate-every", 0, "--seed", seed)
        ours = measured(options, run)["frechet"]
        print(f"seed {seed}: ours {ours:.3f} after {steps_of(run)} steps, transcription {theirs:.3f} after {steps} steps "
              f"({used:.0f} s of processor time), {ours / theirs:.3f}", flush=True)


def bench_stability(options, folder):
    for seed in range(1, int(options.seeds) + 1):
        run = os.path.join(folder, f"long{seed}")
        train(options, run, "--steps", options.steps, "--validate-every", int(options.steps) // 20, "--seed", seed,
              "--features", "auto", "--fid-samples", options.samples)
        with open(os.path.join(run, "metrics.jsonl")) as lines:
            found = [json.loads(line) for line in lines]
        course = [(line["step"], line["validation/frechet"]) for line in found if "validation/frechet" in line]
        best, last = min(course, key=lambda one: one[1]), course[-1]
        print(f"seed {seed}: best {best[1]:.3f} at step {best[0]}, last {last[1]:.3f} at step {last[0]}, "
              f"{last[1] / best[1]:.3f}")
        print("  " + " ".join(f"{step}:{value:.2f}" for step, value in course), flush=True)


class Classifier(nn.Sequential):
    def __init__(self, size, channels, classes):
        layers, before = [], channels
        for width in (32, 64, 128):
            layers += [nn.Conv2d(before, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        side = math.ceil(size / 8)
        super().__init__(*layers, nn.Flatten(), nn.Linear(128 * side * side, classes))


def train_classifier(images, labels, classes):
    """Some epochs; returns the net and its accuracy on a tenth held out."""
    torch.manual_seed(0)
    net = Classifier(images.shape[-1], images.shape[1], classes)
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    order = torch.randperm(len(images))
    held, rest = order[:len(order) // 10], order[len(order) // 10:]
    for _ in range(max(1, 60_000 // len(images))):
        rest = rest[torch.randperm(len(rest))]
        for part in rest.split(128):
            adam.zero_grad()
            F.cross_entropy(net(images[part].float() / 127.5 - 1), labels[part]).backward()
            adam.step()
    net.eval()
    with torch.no_grad():
        found = torch.cat([net(images[part].float() / 127.5 - 1).argmax(1) for part in held.split(500)])
    return net, (found == labels[held]).double().mean().item()


def labelled_images(folder):
    names = sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)))
    images, labels = [], []
    for label, name in enumerate(names):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            image = np.asarray(Image.open(os.path.join(folder, name, file)))
            images.append(image[None] if image.ndim == 2 else image.transpose(2, 0, 1))
            labels.append(label)
    return torch.from_numpy(np.stack(images)), torch.tensor(labels), names


def bench_coverage(options, folder):
    if options.array:
        images, labels = read_array(options.array), torch.from_numpy(np.load(options.labels)).long()
        names = [str(label) for label in range(int(labels.max()) + 1)]
    else:
        images, labels, names = labelled_images(options.data)
    torch.set_num_threads(int(options.threads))
    net, accuracy = train_classifier(images, labels, len(names))
    print(f"classifier: {100 * accuracy:.1f} % of held-out images right", flush=True)
    for seed in range(1, int(options.seeds) + 1):
        run = options.run or os.path.join(folder, f"cover{seed}")
        if not options.run:
            train(options, run, "--steps", options.steps, "--validate-every", 0, "--seed", seed)
        sheet = os.path.join(folder, f"samples{seed}")
        gan(options, "sample", run, "-o", sheet + "/", "--seeds", "1-1000", "--threads", options.threads)
        files = sorted(os.path.join(sheet, name) for name in os.listdir(sheet))
        fakes = np.stack([np.asarray(Image.open(file).convert("L" if images.shape[1] == 1 else "RGB")) for file in files])
        fakes = fakes[:, None] if fakes.ndim == 3 else fakes.transpose(0, 3, 1, 2)
        with torch.no_grad():
            sure, found = net(torch.from_numpy(fakes).float() / 127.5 - 1).softmax(1).max(1)
        counts = [int(((found == label) & (sure > 0.9)).sum()) for label in range(len(names))]
        print(f"seed {seed}: {sum(count >= 10 for count in counts)} of {len(names)} classes with at least 10 of "
              f"1000 samples told with 90 % certainty: "
              + " ".join(f"{name} {count}" for name, count in zip(names, counts)), flush=True)


def bench_small(options, folder):
    for augment in ("none", "auto"):
        run = os.path.join(folder, f"small-{augment}")
        train(options, run, "--steps", options.steps, "--validate-every", 0, "--augment", augment)
        found = measured(options, run)
        print(f"--augment {augment}: kernel distance {found['kernel']:.5f}, Frechet {found['frechet']:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench gan", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["step", "quality", "stability", "coverage", "small"])
    parser.add_argument("--data", help="what gan train reads (default: drawn shapes)")
    parser.add_argument("--array", help="the same images for the transcription and the classifier, .npy")
    parser.add_argument("--labels", help="labels of --array, .npy")
    parser.add_argument("--run", help="coverage: a run that trained already")
    parser.add_argument("--minutes", default="15", help="quality: of each")
    parser.add_argument("--steps", default="20000", help="stability, coverage, small")
    parser.add_argument("--samples", default="2000", help="measured images")
    parser.add_argument("--seeds", default="3")
    parser.add_argument("--rounds", default="3", help="step: how often")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--keep", help="folder for runs and sets (default: a temporary one)")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        if options.data is None and options.what != "step":
            options.data = draw_shapes(os.path.join(folder, "shapes"), 1000)
        {"step": bench_step, "quality": bench_quality, "stability": bench_stability, "coverage": bench_coverage,
         "small": bench_small}[options.what](options, folder)


if __name__ == "__main__":
    main()
