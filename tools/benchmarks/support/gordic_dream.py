"""Runs gordicaleksa/pytorch-deepdream's own code, as it is and with its own defaults, on weights of our making.

    gordic_dream.py DIR --weights FILE --input PHOTO --width N --threads N

Its weights come from torchvision's downloads, which are answered with FILE here; nothing else of it is touched.
"""
import argparse
import os
import runpy
import sys
import tempfile
import warnings

import torch
import torchvision


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--width", required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")

    make = torchvision.models.vgg16

    def vgg16(pretrained=False, progress=False):
        model = make(weights=None, init_weights=False)
        model.features.load_state_dict({name.removeprefix("features."): value for name, value in
                                        torch.load(options.weights).items() if name.startswith("features.")})
        return model

    torchvision.models.vgg16 = vgg16
    folder = os.path.abspath(options.folder)
    sys.path.insert(0, folder)
    sys.argv = ["deepdream.py", "--input", os.path.abspath(options.input), "--img_width", options.width]
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        with open(os.devnull, "w") as sys.stdout:
            runpy.run_path(os.path.join(folder, "deepdream.py"), run_name="__main__")


if __name__ == "__main__":
    main()
