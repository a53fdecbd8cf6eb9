"""style-transfer-pytorch's own code as published, with a clock around it; tools/bench style starts this.

The only argument is JSON: the program's folder, weights, content, style, size, smallest size, iterations of the first
scale (first) and of the others (each), threads, minutes after which to stop (0: at its end), output to write or null.
Prints JSON: seconds, iterations done, whether it came to its end. Its net is given the weights of a file instead of
those it would download, and no classifier, which it drops anyway.
"""
import contextlib
import importlib
import io
import json
import sys
import time
import types

import torch
from PIL import Image
from torchvision import models


class TimeIsUp(Exception):
    pass


def vgg19_of(path):
    features = models.vgg.make_layers(models.vgg.cfgs["E"])
    prefix, state = "features.", torch.load(path, weights_only=True)
    features.load_state_dict({name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)})
    return types.SimpleNamespace(features=features)


def main():
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    try:
        importlib.import_module("aiohttp")
    except ImportError:  # only its web page needs it
        sys.modules["aiohttp"] = types.ModuleType("aiohttp")
        sys.modules["aiohttp"].web = None
    sys.path.insert(0, job["folder"])
    models.vgg19 = lambda **_: vgg19_of(job["weights"])
    done, complete = 0, True

    def after_each(_):
        nonlocal done
        done += 1
        if job["minutes"] and time.monotonic() - begin > 60 * job["minutes"]:
            raise TimeIsUp

    with contextlib.redirect_stdout(io.StringIO()):
        peer = importlib.import_module("style_transfer").StyleTransfer(devices=["cpu"])
        content, style = (Image.open(job[name]).convert("RGB") for name in ("content", "style"))
        begin = time.monotonic()
        try:
            peer.stylize(content, [style], min_scale=job["min_size"], end_scale=job["size"],
                         initial_iterations=job["first"], iterations=job["each"], callback=after_each)
        except TimeIsUp:
            complete = False
        seconds = time.monotonic() - begin
        if job["output"]:
            peer.get_image().save(job["output"])
    print(json.dumps({"seconds": seconds, "iterations": done, "complete": complete}))


if __name__ == "__main__":
    main()
