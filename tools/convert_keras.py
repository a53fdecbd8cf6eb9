#!/usr/bin/env python3
"""Converts Keras weights (.h5) of VGG16, VGG19 and InceptionV3 to safetensors under torchvision's names.

Reads the files of keras.applications (with or without the classifier, weights alone or whole models), Keras 3's
.weights.h5, and the edge detector HED, whose trunk is VGG16. The network is told by its convolutions alone, so any
width will do. Needs h5py and numpy. Run with --help for usage; exit 2 is a usage error, 3 a bad input, 6 an output
that cannot be written.
"""

import argparse
import collections
import hashlib
import json
import math
import os
import re
import struct
import sys
import tempfile

EXIT_USAGE, EXIT_INPUT, EXIT_OUTPUT = 2, 3, 6
MAX_ELEMENTS = 1 << 28  # of one array; VGG's largest, fc1, has 0.4 of this

# A layer's name, and its arrays as (role, dataset) in the order of the file.
Layer = collections.namedtuple("Layer", "name arrays")
# One tensor to write: name, shape, and a function that loads it.
Tensor = collections.namedtuple("Tensor", "name shape load")


class Failure(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def bad_input(message):
    return Failure(EXIT_INPUT, message)


# ------------------------------------------------------------------------------------------------ the networks

# Convolutions per block; in torchvision's `features` every convolution is followed by a ReLU, every block by a pooling.
VGG_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
VGG_HEAD = ("classifier.0", "classifier.3", "classifier.6")


def vgg_names(blocks):
    names, index = [], 0
    for count in blocks:
        for _ in range(count):
            names.append("features.%d" % index)
            index += 2
        index += 1
    return names


class Graph:
    """InceptionV3 as keras.applications builds it: nodes in the order of creation, named as in torchvision."""

    def __init__(self):
        self.inputs = {"image": []}  # node -> its inputs
        self.kernels = collections.OrderedDict()  # convolution -> (height, width), in the order of creation
        self._build()

    def _conv(self, source, name, height, width):
        self.inputs[name] = [source]
        self.kernels[name] = (height, width)
        return name

    def _join(self, name, *sources):
        self.inputs[name] = list(sources)
        return name

    def _build(self):
        x = self._conv("image", "Conv2d_1a_3x3", 3, 3)
        x = self._conv(x, "Conv2d_2a_3x3", 3, 3)
        x = self._conv(x, "Conv2d_2b_3x3", 3, 3)
        x = self._join("pool1", x)
        x = self._conv(x, "Conv2d_3b_1x1", 1, 1)
        x = self._conv(x, "Conv2d_4a_3x3", 3, 3)
        x = self._join("pool2", x)
        for block in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            one = self._chain(x, block, ("branch1x1", 1, 1))
            five = self._chain(x, block, ("branch5x5_1", 1, 1), ("branch5x5_2", 5, 5))
            three = self._chain(x, block, ("branch3x3dbl_1", 1, 1), ("branch3x3dbl_2", 3, 3), ("branch3x3dbl_3", 3, 3))
            x = self._join(block, one, five, three, self._pooled(x, block))
        block = "Mixed_6a"
        three = self._chain(x, block, ("branch3x3", 3, 3))
        double = self._chain(x, block, ("branch3x3dbl_1", 1, 1), ("branch3x3dbl_2", 3, 3), ("branch3x3dbl_3", 3, 3))
        x = self._join(block, three, double, self._join(block + ".pool", x))
        for block in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            one = self._chain(x, block, ("branch1x1", 1, 1))
            seven = self._chain(x, block, ("branch7x7_1", 1, 1), ("branch7x7_2", 1, 7), ("branch7x7_3", 7, 1))
            double = self._chain(x, block, ("branch7x7dbl_1", 1, 1), ("branch7x7dbl_2", 7, 1), ("branch7x7dbl_3", 1, 7),
                                 ("branch7x7dbl_4", 7, 1), ("branch7x7dbl_5", 1, 7))
            x = self._join(block, one, seven, double, self._pooled(x, block))
        block = "Mixed_7a"
        three = self._chain(x, block, ("branch3x3_1", 1, 1), ("branch3x3_2", 3, 3))
        seven = self._chain(x, block, ("branch7x7x3_1", 1, 1), ("branch7x7x3_2", 1, 7), ("branch7x7x3_3", 7, 1),
                            ("branch7x7x3_4", 3, 3))
        x = self._join(block, three, seven, self._join(block + ".pool", x))
        for block in ("Mixed_7b", "Mixed_7c"):
            one = self._chain(x, block, ("branch1x1", 1, 1))
            three = self._chain(x, block, ("branch3x3_1", 1, 1))
            three = self._join(block + ".three", self._chain(three, block, ("branch3x3_2a", 1, 3)),
                               self._chain(three, block, ("branch3x3_2b", 3, 1)))
            double = self._chain(x, block, ("branch3x3dbl_1", 1, 1), ("branch3x3dbl_2", 3, 3))
            double = self._join(block + ".double", self._chain(double, block, ("branch3x3dbl_3a", 1, 3)),
                                self._chain(double, block, ("branch3x3dbl_3b", 3, 1)))
            x = self._join(block, one, three, double, self._pooled(x, block))
        self.output = x

    def _chain(self, x, block, *convolutions):
        for name, height, width in convolutions:
            x = self._conv(x, "%s.%s" % (block, name), height, width)
        return x

    def _pooled(self, x, block):
        return self._chain(self._join(block + ".pool", x), block, ("branch_pool", 1, 1))

    def creation_order(self):
        return list(self.kernels)

    def depth_order(self):
        """The order of Keras's model.layers: the deepest below the output first, then as a walk from the output."""
        first_seen, finished = {}, []

        def walk(node):
            if node not in first_seen:
                first_seen[node] = len(first_seen)
                for source in self.inputs[node]:
                    walk(source)
                finished.append(node)

        walk(self.output)
        depth = {self.output: 0}
        for node in reversed(finished):  # consumers come before what they consume
            steps = 3 if node in self.kernels else 1  # convolution, batch normalisation, activation
            for source in self.inputs[node]:
                depth[source] = max(depth.get(source, 0), depth[node] + steps)
        return sorted(self.kernels, key=lambda name: (-depth[name], first_seen[name]))

    def width(self, node, outputs):
        """Channels of a node's output, given those of the convolutions."""
        if node == "image":
            return 3
        if node in self.kernels:
            return outputs[node]
        return sum(self.width(source, outputs) for source in self.inputs[node])


# ------------------------------------------------------------------------------------------------ reading Keras files


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def name_list(attributes, key):
    """Keras cuts a long list of names into attributes key0, key1 ..."""
    if key in attributes:
        return [text(value) for value in attributes[key]]
    values = []
    while "%s%d" % (key, len(values)) in attributes:
        values.append(attributes["%s%d" % (key, len(values))])
    return [text(value) for part in values for value in part]


ROLES = (("kernel", r"kernel|(^|_)W(_|$)"), ("gamma", "gamma"), ("beta", "beta"), ("mean", "mean"),
         ("variance", r"variance|running_std"), ("bias", r"bias|(^|_)b(_|$)"))


def role_of(variable):
    last = variable.split("/")[-1].split(":")[0]
    return next((role for role, pattern in ROLES if re.search(pattern, last)), "")


def read_legacy(root):
    """Keras 1 and 2, and whole models of Keras 3: a group per layer with the attribute weight_names."""
    layers = []
    for group_name in name_list(root.attrs, "layer_names"):
        group = root[group_name]
        by_owner = collections.OrderedDict()  # a model nested as a layer lists the variables of all its layers
        for variable in name_list(group.attrs, "weight_names"):
            owner = variable.split("/")[-2] if "/" in variable else group_name
            by_owner.setdefault(owner, []).append((role_of(variable), group[variable]))
        for owner, arrays in by_owner.items():
            layers.append(Layer(group_name if len(by_owner) == 1 else owner, arrays))
    return layers


def read_keras3(file, dataset_type):
    """Keras 3: .../<layer>/vars/0, 1 ...; the group `vars` may know the layer's own name."""
    found = collections.OrderedDict()

    def visit(path, item):
        parts = path.replace("\\", "/").split("/")  # files written on Windows
        if isinstance(item, dataset_type) and len(parts) >= 3 and parts[-2] == "vars" and parts[-1].isdigit():
            found.setdefault(tuple(parts[:-2]), []).append((int(parts[-1]), item))

    file.visititems(visit)
    found = {owner: variables for owner, variables in found.items() if owner[0] != "optimizer"}
    if ("block1", "layers", "conv2d") in found:  # HED: only the trunk
        found = {owner: variables for owner, variables in found.items() if re.match(r"block\d$", owner[0])}
        names = {owner: "%s_%s" % (owner[0], owner[-1]) for owner in found}
    else:
        names = {owner: text(variables[0][1].parent.attrs.get("name", "")) for owner, variables in found.items()}
        if not all(names.values()) or len(set(names.values())) < len(names):
            names = {owner: owner[-1] for owner in found}
    return [Layer(names[owner], [("", item) for _, item in sorted(variables, key=lambda pair: pair[0])])
            for owner, variables in found.items()]


def natural(layer):
    """Sorts conv2d, conv2d_1, conv2d_2 ... conv2d_10 and block1_conv1, block1_conv2 ... as people do."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", layer.name + "_0")]


def read_layers(path):
    """Convolutions, dense layers and batch normalisations, each in the order of their numbers."""
    import h5py

    file = h5py.File(path, "r")
    root = file["model_weights"] if "model_weights" in file else file
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        layers = read_legacy(root)
    else:
        layers = read_keras3(file, h5py.Dataset)
    convolutions, dense, norms = [], [], []
    for layer in layers:
        kinds = [len(item.shape) for _, item in layer.arrays]
        for role, item in layer.arrays:
            if item.dtype.kind != "f" or item.size > MAX_ELEMENTS:
                raise bad_input("%s: the array %s is not one of a network's weights (%s, %s)"
                                % (path, item.name, item.dtype, "x".join(map(str, item.shape))))
        if kinds[:1] == [4]:
            convolutions.append(layer)
        elif kinds[:1] == [2]:
            dense.append(layer)
        elif kinds in ([1] * 3, [1] * 4):
            norms.append(layer)
    for group in (convolutions, dense, norms):
        group.sort(key=natural)
    return convolutions, dense, norms


# ------------------------------------------------------------------------------------------------ Keras -> torchvision


def shape_text(shape):
    return "x".join(map(str, shape)) or "scalar"


def load(item, path):
    import numpy

    values = numpy.asarray(item[()], dtype="<f4")
    if not numpy.isfinite(values).all():
        raise bad_input("%s: the array %s holds values that are not finite" % (path, item.name))
    return values


def kernel(name, item, path):
    height, width, inputs, outputs = item.shape
    return Tensor(name, (outputs, inputs, height, width), lambda: load(item, path).transpose(3, 2, 0, 1))


def vector(name, item, path):
    return Tensor(name, item.shape, lambda: load(item, path))


def constant(name, size, value):
    import numpy

    return Tensor(name, (size,), lambda: numpy.full(size, value, "<f4"))


def matrix(name, item, path):
    inputs, outputs = item.shape
    return Tensor(name, (outputs, inputs), lambda: load(item, path).transpose())


def flattened_matrix(name, item, channels, path):
    """The dense layer behind a flattened feature map: Keras flattens [H,W,C], torchvision [C,H,W]."""
    inputs, outputs = item.shape
    side = math.isqrt(inputs // channels)
    return Tensor(name, (outputs, inputs), lambda: load(item, path).reshape(side, side, channels, outputs)
                  .transpose(3, 2, 0, 1).reshape(outputs, inputs))


def with_bias(layer, path):
    shapes = [item.shape for _, item in layer.arrays]
    if len(shapes) != 2 or shapes[1] != shapes[0][-1:]:
        raise bad_input("%s: layer %s should hold a kernel and one bias per output, and holds %s"
                        % (path, layer.name, ", ".join(map(shape_text, shapes))))
    return layer.arrays[0][1], layer.arrays[1][1]


def convert_vgg(architecture, convolutions, dense, path):
    tensors, channels = [], 3
    for name, layer in zip(vgg_names(VGG_BLOCKS[architecture]), convolutions):
        weight, bias = with_bias(layer, path)
        if weight.shape[:3] != (3, 3, channels):
            raise bad_input("%s: layer %s should have kernels 3x3x%d for %s's %s, and has %s"
                            % (path, layer.name, channels, architecture, name, shape_text(weight.shape[:3])))
        tensors += [kernel(name + ".weight", weight, path), vector(name + ".bias", bias, path)]
        channels = weight.shape[3]

    names = [layer.name for layer in dense]
    if sorted(names) == ["fc1", "fc2", "predictions"] or all(re.match(r"dense(_\d+)?$", name) for name in names):
        pairs = [with_bias(layer, path) for layer in dense]
        inputs = pairs[0][0].shape[0] if pairs else 0
        chained = all(before[0].shape[1] == after[0].shape[0] for before, after in zip(pairs, pairs[1:]))
        square = math.isqrt(inputs // channels) ** 2 * channels == inputs
        if len(pairs) == 3 and chained and square:
            for index, (name, (weight, bias)) in enumerate(zip(VGG_HEAD, pairs)):
                tensors.append(matrix(name + ".weight", weight, path) if index else
                               flattened_matrix(name + ".weight", weight, channels, path))
                tensors.append(vector(name + ".bias", bias, path))
            dense = []
    return tensors, dense


def norm_tensors(name, layer, size, path):
    arrays = {role: item for role, item in layer.arrays}
    if set(arrays) - {"gamma", "beta", "mean", "variance"} or len(arrays) != len(layer.arrays):
        order = ("gamma", "beta", "mean", "variance")[-len(layer.arrays):]
        arrays = dict(zip(order, (item for _, item in layer.arrays)))
    for role in ("beta", "mean", "variance"):
        if role not in arrays:
            raise bad_input("%s: layer %s has no %s" % (path, layer.name, role))
    for role, item in arrays.items():
        if item.shape != (size,):
            raise bad_input("%s: %s of layer %s should have %d values for %s, and has %s"
                            % (path, role, layer.name, size, name, shape_text(item.shape)))
    weight = name + ".weight"
    return [vector(weight, arrays["gamma"], path) if "gamma" in arrays else constant(weight, size, 1),
            vector(name + ".bias", arrays["beta"], path), vector(name + ".running_mean", arrays["mean"], path),
            vector(name + ".running_var", arrays["variance"], path)]


def first_misfit(graph, order, convolutions):
    """None when the convolutions fit InceptionV3 in this order, else what the first wrong one should be."""
    layers = dict(zip(order, convolutions))
    outputs = {name: layer.arrays[0][1].shape[3] for name, layer in layers.items()}
    for name in graph.kernels:
        wanted = graph.kernels[name] + (graph.width(graph.inputs[name][0], outputs),)
        found = layers[name].arrays[0][1].shape[:3]
        if found != wanted:
            return "layer %s should have kernels %s for %s, and has %s" % (
                layers[name].name, shape_text(wanted), name, shape_text(found))
    return None


def convert_inception(convolutions, dense, norms, path):
    graph = Graph()
    # Names that Keras gave at creation count in the order of creation, those it gave at saving in that of model.layers.
    # No file fits both.
    misfits = []
    for order in (graph.creation_order(), graph.depth_order()):
        misfit = first_misfit(graph, order, convolutions)
        if misfit is None:
            break
        misfits.append(misfit)
    else:
        raise bad_input("%s: %s, so this is not keras.applications' InceptionV3" % (path, misfits[0]))
    if len(norms) != len(convolutions):
        raise bad_input("%s: InceptionV3 has %d batch normalisations and this file %d"
                        % (path, len(convolutions), len(norms)))
    by_name = {name: (convolution, norm) for name, convolution, norm in zip(order, convolutions, norms)}
    tensors = []
    for name in graph.kernels:
        convolution, norm = by_name[name]
        if len(convolution.arrays) != 1:
            raise bad_input("%s: layer %s has a bias, and InceptionV3's convolutions have none"
                            % (path, convolution.name))
        weight = convolution.arrays[0][1]
        tensors.append(kernel(name + ".conv.weight", weight, path))
        tensors += norm_tensors(name + ".bn", norm, weight.shape[3], path)
    outputs = {name: pair[0].arrays[0][1].shape[3] for name, pair in by_name.items()}
    if len(dense) == 1 and dense[0].arrays[0][1].shape[0] == graph.width(graph.output, outputs):
        weight, bias = with_bias(dense[0], path)
        tensors += [matrix("fc.weight", weight, path), vector("fc.bias", bias, path)]
        dense = []
    return tensors, dense


def convert(path):
    """Architecture, preprocessing, tensors, and the dense layers that were left out."""
    convolutions, dense, norms = read_layers(path)
    counts = {sum(blocks): architecture for architecture, blocks in VGG_BLOCKS.items()}
    inception = len(Graph().kernels)
    if len(convolutions) in counts:
        architecture = counts[len(convolutions)]
        return (architecture, "caffe") + convert_vgg(architecture, convolutions, dense, path)
    if len(convolutions) == inception:
        return ("inception_v3", "keras") + convert_inception(convolutions, dense, norms, path)
    raise bad_input("%s: found %d convolutions, and VGG16 has 13, VGG19 16, InceptionV3 %d: only these can be converted"
                    % (path, len(convolutions), inception))


# ------------------------------------------------------------------------------------------------ writing safetensors


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for tensor in tensors:
        size = 4 * math.prod(tensor.shape)
        header[tensor.name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(path) or ".", prefix=".convert-", delete=False) as out:
            temporary = out.name
            out.write(struct.pack("<Q", len(encoded)) + encoded)
            for tensor in tensors:
                out.write(tensor.load().tobytes())  # in C order, whatever the strides
            os.fchmod(out.fileno(), 0o666 & ~current_umask())
        os.replace(temporary, path)
        temporary = None
    finally:
        if temporary:
            os.unlink(temporary)


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


# ------------------------------------------------------------------------------------------------ the command


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(EXIT_USAGE, "%s; --help lists the flags" % message)


def run(arguments):
    parser = Parser(prog="convert_keras.py", description="Converts Keras weights (.h5) of VGG16, VGG19, InceptionV3 "
                    "or HED to safetensors under torchvision's names.")
    parser.add_argument("input", metavar="INPUT.h5")
    parser.add_argument("-o", "--output", metavar="OUTPUT.safetensors", help="default: the input's name, other ending")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    parser.add_argument("--quiet", action="store_true", help="no remarks on stderr")
    options = parser.parse_args(arguments)
    source = options.input
    output = options.output or re.sub(r"(\.weights)?\.(h5|hdf5|keras)$", "", source) + ".safetensors"
    if os.path.exists(output) and not options.overwrite:
        raise Failure(EXIT_OUTPUT, "%s exists already: give another --output or --overwrite" % output)
    if os.path.exists(output) and os.path.exists(source) and os.path.samefile(output, source):
        raise Failure(EXIT_USAGE, "%s cannot be both input and output" % source)

    try:
        digest = sha256(source)
    except OSError as error:
        raise bad_input("%s: cannot be read (%s)" % (source, error.strerror)) from None
    try:
        architecture, preprocessing, tensors, left_out = convert(source)
    except (Failure, ImportError):
        raise
    except MemoryError:
        raise Failure(1, "%s: not enough memory to convert it" % source) from None
    except Exception as error:  # h5py raises many kinds for a damaged file
        raise damaged(source, error) from None
    metadata = {"format": "pt", "architecture": architecture, "preprocessing": preprocessing, "source_sha256": digest}
    if os.path.dirname(output) and not os.path.isdir(os.path.dirname(output)):
        try:
            os.makedirs(os.path.dirname(output), exist_ok=True)
        except OSError as error:
            raise Failure(EXIT_OUTPUT, "%s: its folder cannot be made (%s)" % (output, error.strerror)) from None
    try:
        write_safetensors(output, [guarded(tensor, source) for tensor in tensors], metadata)
    except OSError as error:
        raise Failure(EXIT_OUTPUT, "%s: cannot be written (%s)" % (output, error.strerror or error)) from None
    if left_out and not options.quiet:
        print("note: the dense layers %s are not ImageNet's classifier and were left out"
              % ", ".join(layer.name for layer in left_out), file=sys.stderr)
    print(output)


def damaged(path, error):
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return bad_input("%s: not a whole Keras HDF5 file (%s)" % (path, reason[0]))


def guarded(tensor, path):
    """Reading an array may fail as well, and that is the input's fault, not the output's."""
    def read():
        try:
            return tensor.load()
        except (Failure, MemoryError):
            raise
        except Exception as error:
            raise damaged(path, error) from None

    return tensor._replace(load=read)


def main():
    try:
        run(sys.argv[1:])
    except Failure as failure:
        print("convert_keras.py: %s" % failure, file=sys.stderr)
        return failure.code
    except ImportError as error:
        print("convert_keras.py: needs h5py and numpy (%s): apt-get install python3-h5py" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
