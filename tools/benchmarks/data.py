"""The image loader measured: first pass, batches from the cache, and memory, beside torchvision's.

Draws --files JPEGs of 178x218 (CelebA's size) unless --source names a set. The first pass is CPU time per image, for
torchvision PIL Resize, CenterCrop and ToTensor; batches are 64 images, mirrored at random. Memory is the growth of the
peak with a cache of 1 MB, which sends everything to a file. Needs Python with torchvision and Pillow (PYTHON=... picks
one).
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

try:
    import torch
    from PIL import Image
    from torchvision import transforms
except ImportError as error:
    sys.exit(f"tools/bench data needs torchvision and Pillow ({error}); set PYTHON to an interpreter that has them")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def draw(folder, count):
    """Smooth shapes with some noise, so that the files are about as long as photographs of that size."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(218.0), torch.arange(178.0), indexing="ij")
    for i in range(count):
        waves = [torch.sin(x / (7 + i % 13 + c) + i) * torch.cos(y / (11 + i % 7) - c * math.pi / 3) for c in range(3)]
        noise = torch.randn(3, 218, 178, generator=generator)
        pixels = (127 + 80 * torch.stack(waves) + 6 * noise).clamp(0, 255).byte().permute(1, 2, 0)
        Image.fromarray(pixels.numpy()).save(os.path.join(folder, f"{i:06}.jpg"), quality=90)


def torchvision_pass(folder, side):
    torch.set_num_threads(1)
    prepare = transforms.Compose([transforms.Resize(side), transforms.CenterCrop(side), transforms.ToTensor()])
    files = sorted(os.listdir(folder))
    start = time.process_time()
    for name in files:
        prepare(Image.open(os.path.join(folder, name)).convert("RGB"))
    return 1000 * (time.process_time() - start) / len(files)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench data", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--source", help="a folder of JPEGs to use instead of drawn ones")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tests/bench_data"))
    options = parser.parse_args()

    def ours(source, side, *more):
        words = [options.program, source, str(side), "64", str(options.threads), *more]
        return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    with tempfile.TemporaryDirectory() as folder:
        source = options.source
        if source is None:
            source = os.path.join(folder, "drawn")
            os.mkdir(source)
            draw(source, options.files)
        for side in 64, 256:
            peer = torchvision_pass(source, side)
            held = ours(source, side)
            spilled = ours(source, side, "1000000", os.path.join(folder, "cache"))
            print(f"{side} px: first pass {held['first_pass_cpu_ms']:.3f} CPU-ms per image, torchvision {peer:.3f} "
                  f"({peer / held['first_pass_cpu_ms']:.2f}x)")
            print(f"{side} px: {held['images_per_second']:.0f} images/s from memory, "
                  f"{spilled['images_per_second']:.0f} from a file")
            print(f"{side} px: memory grows by {spilled['peak_mb'] - spilled['start_mb']:.1f} MB with "
                  f"{spilled['images']} files and a cache of 1 MB")


if __name__ == "__main__":
    main()
