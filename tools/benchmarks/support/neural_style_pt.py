"""neural-style-pt's own program as published, with a clock around its optimiser; tools/bench style starts this.

The only argument is JSON: the program's folder, weights, content, style, size, count of iterations, threads. Prints
JSON: the seconds that the optimiser took. Its net is built with a classifier and given weights of convolutions only.
"""
import contextlib
import io
import json
import os
import runpy
import sys
import tempfile
import time

import torch


def clocked(step, took):
    def timed(self, closure):
        begin = time.monotonic()
        result = step(self, closure)
        took.append(time.monotonic() - begin)
        return result
    return timed


def main():
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    took = []
    torch.optim.LBFGS.step = clocked(torch.optim.LBFGS.step, took)
    sys.path.insert(0, job["folder"])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.symlink(job["weights"], "vgg19.pth")  # it tells the net by the file's name
        sys.argv = ["neural_style.py", "-gpu", "c", "-disable_check", "-model_file", "vgg19.pth", "-seed", "0",
                    "-content_image", job["content"], "-style_image", job["style"], "-image_size", str(job["size"]),
                    "-num_iterations", str(job["count"]), "-print_iter", "0", "-save_iter", "0"]
        with contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(os.path.join(job["folder"], "neural_style.py"), run_name="__main__")
        os.chdir("/")
    print(json.dumps({"seconds": sum(took)}))


if __name__ == "__main__":
    main()
