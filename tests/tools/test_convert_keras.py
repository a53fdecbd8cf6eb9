#!/usr/bin/env python3
"""Tests of tools/convert_keras.py on thin networks, written with h5py in every layout that Keras has used.

What Keras really writes was compared once: Keras 3.15 files of VGG16, VGG19 and InceptionV3, converted, gave
torchvision's networks the outputs of Keras's own (relative difference below 2e-6).
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

try:
    import h5py
    import numpy
except ImportError as error:
    # 77 is the exit code that the build takes for "skipped".
    print("skipped: needs python3-h5py (%s)" % error)
    sys.exit(77)

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "convert_keras.py")


def load_tool():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("convert_keras", TOOL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("convert_keras", loader))
    loader.exec_module(module)
    return module


tool = load_tool()

# ------------------------------------------------------------------------------------------------ thin networks


def values(seed, *shape):
    """Closed formula, different for every array and never symmetric."""
    index = numpy.arange(int(numpy.prod(shape)), dtype=numpy.int64)
    return (((index * 37 + seed * 101 + 11) % 1009) / 1009.0 - 0.5).astype("<f4").reshape(shape)


def vgg(blocks, with_top=False, classes=7):
    """Layers (name, [(role, array)]) as Keras orders them, and the tensors torchvision expects."""
    layers, expected, seed, channels, index = [], {}, 0, 3, 0
    for block, count in enumerate(blocks, 1):
        width = block + 1
        for conv in range(1, count + 1):
            weight, bias = values(seed, 3, 3, channels, width), values(seed + 1, width)
            layers.append(("block%d_conv%d" % (block, conv), [("kernel", weight), ("bias", bias)]))
            expected["features.%d.weight" % index] = numpy.transpose(weight, (3, 2, 0, 1))
            expected["features.%d.bias" % index] = bias
            channels, seed, index = width, seed + 2, index + 2
        index += 1
    if with_top:
        side, hidden = 2, 5
        sizes = [side * side * channels, hidden, hidden, classes]
        for number, name in enumerate(("fc1", "fc2", "predictions")):
            weight, bias = values(seed, sizes[number], sizes[number + 1]), values(seed + 1, sizes[number + 1])
            layers.append((name, [("kernel", weight), ("bias", bias)]))
            seed += 2
            if name == "fc1":
                wanted = numpy.zeros((hidden, sizes[0]), "<f4")
                for c in range(channels):
                    for y in range(side):
                        for x in range(side):
                            wanted[:, (c * side + y) * side + x] = weight[(y * side + x) * channels + c, :]
            else:
                wanted = weight.T
            expected["classifier.%d.weight" % (3 * number)] = wanted
            expected["classifier.%d.bias" % (3 * number)] = bias
    return layers, expected


VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)


def keras_inception():
    """(inputs, outputs, rows, columns) of the 94 convolutions in keras.applications' creation order, 1/16 as wide."""
    made = []

    def conv(inputs, filters, rows, columns):
        made.append((inputs, filters // 16, rows, columns))
        return filters // 16

    x = conv(3, 32, 3, 3)
    x = conv(x, 32, 3, 3)
    x = conv(x, 64, 3, 3)
    x = conv(x, 80, 1, 1)
    x = conv(x, 192, 3, 3)
    for pool in (32, 64, 64):  # mixed 0, 1, 2
        one = conv(x, 64, 1, 1)
        five = conv(conv(x, 48, 1, 1), 64, 5, 5)
        double = conv(conv(conv(x, 64, 1, 1), 96, 3, 3), 96, 3, 3)
        x = one + five + double + conv(x, pool, 1, 1)
    three = conv(x, 384, 3, 3)  # mixed 3
    double = conv(conv(conv(x, 64, 1, 1), 96, 3, 3), 96, 3, 3)
    x = three + double + x
    for width in (128, 160, 160, 192):  # mixed 4 to 7
        one = conv(x, 192, 1, 1)
        seven = conv(conv(conv(x, width, 1, 1), width, 1, 7), 192, 7, 1)
        double = conv(conv(conv(conv(conv(x, width, 1, 1), width, 7, 1), width, 1, 7), width, 7, 1), 192, 1, 7)
        x = one + seven + double + conv(x, 192, 1, 1)
    three = conv(conv(x, 192, 1, 1), 320, 3, 3)  # mixed 8
    seven = conv(conv(conv(conv(x, 192, 1, 1), 192, 1, 7), 192, 7, 1), 192, 3, 3)
    x = three + seven + x
    for _ in range(2):  # mixed 9, 10
        one = conv(x, 320, 1, 1)
        three = conv(x, 384, 1, 1)
        three = conv(three, 384, 1, 3) + conv(three, 384, 3, 1)
        double = conv(conv(x, 448, 1, 1), 384, 3, 3)
        double = conv(double, 384, 1, 3) + conv(double, 384, 3, 1)
        x = one + three + double + conv(x, 192, 1, 1)
    return made


def torchvision_inception():
    """The names of torchvision's convolutions, in the order of its state dict."""
    a = "branch1x1 branch5x5_1 branch5x5_2 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3 branch_pool"
    b = "branch3x3 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3"
    c = ("branch1x1 branch7x7_1 branch7x7_2 branch7x7_3 branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 "
         "branch7x7dbl_5 branch_pool")
    d = "branch3x3_1 branch3x3_2 branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4"
    e = ("branch1x1 branch3x3_1 branch3x3_2a branch3x3_2b branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a "
         "branch3x3dbl_3b branch_pool")
    names = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
    for blocks, branches in (("5b 5c 5d", a), ("6a", b), ("6b 6c 6d 6e", c), ("7a", d), ("7b 7c", e)):
        names += ["Mixed_%s.%s" % (block, branch) for block in blocks.split() for branch in branches.split()]
    return names


# Which convolution of the order of creation stands where in model.layers: read from a file of Keras 3.15.
DEPTH_ORDER = (
    0, 1, 2, 3, 4, 8, 6, 9, 5, 7, 10, 11, 15, 13, 16, 12, 14, 17, 18, 22, 20, 23, 19, 21, 24, 25, 27, 28, 26, 29,
    34, 35, 31, 36, 32, 37, 30, 33, 38, 39, 44, 45, 41, 46, 42, 47, 40, 43, 48, 49, 54, 55, 51, 56, 52, 57, 50, 53,
    58, 59, 64, 65, 61, 66, 62, 67, 60, 63, 68, 69, 72, 73, 70, 74, 71, 75, 80, 77, 81, 78, 79, 82, 83, 76, 84, 89,
    86, 90, 87, 88, 91, 92, 85, 93)


def numbered(stem, number):
    return stem if number == 0 else "%s_%d" % (stem, number)


def inception(first=0, gamma=False, with_top=False):
    layers, expected = [], {}
    for number, (name, (inputs, outputs, rows, columns)) in enumerate(zip(torchvision_inception(), keras_inception())):
        weight = values(5 * number, rows, columns, inputs, outputs)
        arrays = [("beta", values(5 * number + 1, outputs)), ("moving_mean", values(5 * number + 2, outputs)),
                  ("moving_variance", values(5 * number + 3, outputs) + 1)]
        if gamma:
            arrays.insert(0, ("gamma", values(5 * number + 4, outputs)))
        layers.append((numbered("conv2d", number + first), [("kernel", weight)]))
        layers.append((numbered("batch_normalization", number + first), arrays))
        expected[name + ".conv.weight"] = numpy.transpose(weight, (3, 2, 0, 1))
        expected[name + ".bn.weight"] = dict(arrays).get("gamma", numpy.ones(outputs, "<f4"))
        expected[name + ".bn.bias"] = dict(arrays)["beta"]
        expected[name + ".bn.running_mean"] = dict(arrays)["moving_mean"]
        expected[name + ".bn.running_var"] = dict(arrays)["moving_variance"]
    if with_top:
        weight, bias = values(900, 2048 // 16, 6), values(901, 6)
        layers.append(("predictions", [("kernel", weight), ("bias", bias)]))
        expected["fc.weight"], expected["fc.bias"] = weight.T, bias
    return layers, expected


# ------------------------------------------------------------------------------------------------ layouts


def keras2_name(layer, role):
    return "%s/%s:0" % (layer, role)


def keras1_name(layer, role):
    return "%s_%s_1:0" % (layer, {"kernel": "W", "bias": "b", "moving_mean": "running_mean",
                                  "moving_variance": "running_std"}.get(role, role))


def keras3_name(layer, role):
    return "%s/%s" % (layer, role)


def write_legacy(path, layers, root=None, naming=keras2_name, cut_lists=False, nest=None):
    def names(group, key, entries):
        encoded = [entry.encode() for entry in entries]
        if cut_lists and len(encoded) > 1:
            for index in range(0, len(encoded), 5):
                group.attrs["%s%d" % (key, index // 5)] = encoded[index:index + 5]
        else:
            group.attrs[key] = encoded

    with h5py.File(path, "w") as file:
        top = file.create_group(root) if root else file
        top.attrs["backend"] = b"tensorflow"
        plain = [("input_1", [])] + layers + [("flatten", [])]
        groups = [(nest, layers)] if nest else [(name, [(name, arrays)]) for name, arrays in plain]
        names(top, "layer_names", [name for name, _ in groups])
        for name, members in groups:
            group, variables = top.create_group(name), []
            for layer, arrays in members:
                for role, array in arrays:
                    variables.append(naming(layer, role))
                    group[variables[-1]] = array
            names(group, "weight_names", variables)


def write_keras3(path, layers, container="layers", own_names=True, separator="/", order=None):
    """Layers are kept under the name of their class and a number; own_names: `vars` knows the layer's own."""
    with h5py.File(path, "w") as file:
        count = {}
        for name, arrays in layers:
            kind = "dense" if arrays[0][1].ndim == 2 else "conv2d" if arrays[0][1].ndim == 4 else "batch_normalization"
            number = count[kind] = count.get(kind, -1) + 1
            group = file.create_group(separator.join([container, numbered(kind, number), "vars"]))
            if own_names:
                group.attrs["name"] = name
            for index, (_, array) in enumerate(arrays):
                group[str(index)] = array
        file.create_group("optimizer/vars")["0"] = numpy.zeros((3, 3, 1, 1), "<f4")
        file.create_group(container + "/max_pooling2d/vars")


def write_hed(path, layers):
    with h5py.File(path, "w") as file:
        for name, arrays in layers:
            block, conv = name.split("_conv")
            group = file.create_group("%s/layers/%s/vars" % (block, numbered("conv2d", int(conv) - 1)))
            group.attrs["name"] = name
            for index, (_, array) in enumerate(arrays):
                group[str(index)] = array
        for side in range(1, 6):
            file["dsn%d/vars/0" % side] = values(side, 1, 1, side + 1, 1)
            file["dsn%d/vars/1" % side] = values(side, 1)
        file["fuse/vars/0"] = values(9, 1, 1, 5, 1)


def by_depth(layers):
    """The convolutions and normalisations of a list in creation order, in the order of model.layers."""
    convolutions = [layer for layer in layers if layer[1][0][1].ndim == 4]
    norms = [layer for layer in layers if layer[1][0][1].ndim == 1]
    rest = [layer for layer in layers if layer[1][0][1].ndim == 2]
    return [convolutions[i] for i in DEPTH_ORDER] + [norms[i] for i in DEPTH_ORDER] + rest


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    metadata, tensors, end = header.pop("__metadata__"), {}, 0
    assert size % 8 == 0
    for name, entry in header.items():
        assert entry["dtype"] == "F32" and entry["data_offsets"][0] == end
        end = entry["data_offsets"][1]
        tensors[name] = numpy.frombuffer(body[entry["data_offsets"][0]:end], "<f4").reshape(entry["shape"])
    assert end == len(body)
    return metadata, tensors


# ------------------------------------------------------------------------------------------------ tests


class ConvertTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = os.path.join(self.folder, "in put.h5")
        self.output = os.path.join(self.folder, "out.safetensors")

    def run_tool(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        arguments = arguments or (self.source, "--output", self.output)
        with mock.patch.object(sys, "argv", [TOOL, *arguments]), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(err):
            try:
                code = tool.main()
            except SystemExit as stop:  # --help
                code = stop.code
        return code, out.getvalue(), err.getvalue()

    def expect(self, expected, architecture, preprocessing):
        code, out, err = self.run_tool(self.source, "--output", self.output, "--overwrite")
        self.assertEqual((code, out, err), (0, self.output + "\n", ""))
        metadata, tensors = read_safetensors(self.output)
        self.assertEqual(metadata["format"], "pt")
        self.assertEqual((metadata["architecture"], metadata["preprocessing"]), (architecture, preprocessing))
        self.assertEqual(metadata["source_sha256"], tool.sha256(self.source))
        self.assertEqual(sorted(tensors), sorted(expected))
        for name, wanted in expected.items():
            self.assertEqual(tensors[name].shape, wanted.shape, name)
            numpy.testing.assert_array_equal(tensors[name], wanted, name)

    def expect_failure(self, code, *words, arguments=()):
        got, out, err = self.run_tool(*arguments)
        self.assertEqual((got, out), (code, ""), err)
        self.assertEqual(err.count("\n"), 1, err)
        for word in words:
            self.assertIn(word, err)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(".convert-")], [])
        return err


class Layouts(ConvertTest):
    def test_vgg_in_every_legacy_layout(self):
        for blocks, architecture in ((VGG16, "vgg16"), (VGG19, "vgg19")):
            for with_top in (False, True):
                for options in ({}, {"root": "model_weights"}, {"naming": keras1_name}, {"cut_lists": True},
                                {"root": "model_weights", "naming": keras3_name}, {"nest": architecture}):
                    with self.subTest(architecture, with_top=with_top, **options):
                        layers, expected = vgg(blocks, with_top)
                        write_legacy(self.source, layers, **options)
                        self.expect(expected, architecture, "caffe")

    def test_vgg_in_every_keras_3_layout(self):
        for blocks, architecture in ((VGG16, "vgg16"), (VGG19, "vgg19")):
            for with_top in (False, True):
                for options in ({}, {"own_names": False}, {"container": "_layer_checkpoint_dependencies"},
                                {"container": "layers/functional/layers"}, {"separator": "\\", "own_names": False}):
                    with self.subTest(architecture, with_top=with_top, **options):
                        layers, expected = vgg(blocks, with_top)
                        write_keras3(self.source, layers, **options)
                        self.expect(expected, architecture, "caffe")

    def test_hed_gives_the_trunk_alone(self):
        layers, expected = vgg(VGG16)
        write_hed(self.source, layers)
        self.expect(expected, "vgg16", "caffe")

    def test_inception_has_94_convolutions(self):
        self.assertEqual(len(keras_inception()), 94)
        self.assertEqual(len(torchvision_inception()), 94)
        self.assertEqual(sorted(DEPTH_ORDER), list(range(94)))

    def test_inception_in_every_legacy_layout(self):
        for options in ({}, {"root": "model_weights"}, {"naming": keras1_name}, {"cut_lists": True},
                        {"naming": keras3_name}, {"nest": "inception_v3"}):
            for network in ({}, {"first": 1}, {"first": 95, "with_top": True}, {"gamma": True}):
                with self.subTest(**options, **network):
                    layers, expected = inception(**network)
                    write_legacy(self.source, layers, **options)
                    self.expect(expected, "inception_v3", "keras")

    def test_legacy_layers_are_sorted_by_number_not_by_their_place(self):
        layers, expected = inception(first=1)
        write_legacy(self.source, by_depth(layers))
        self.expect(expected, "inception_v3", "keras")

    def test_inception_in_every_keras_3_layout(self):
        for network in ({}, {"first": 7, "with_top": True}, {"gamma": True}):
            for own_names in (True, False):
                with self.subTest(own_names=own_names, **network):
                    layers, expected = inception(**network)
                    write_keras3(self.source, by_depth(layers), own_names=own_names)
                    self.expect(expected, "inception_v3", "keras")

    def test_other_float_types_become_float32(self):
        layers, expected = vgg(VGG16)
        half = [(name, [(role, array.astype("<f2")) for role, array in arrays]) for name, arrays in layers]
        write_legacy(self.source, half)
        self.expect({name: array.astype("<f2").astype("<f4") for name, array in expected.items()}, "vgg16", "caffe")
        double = [(name, [(role, array.astype(">f8")) for role, array in arrays]) for name, arrays in layers]
        write_legacy(self.source, double)
        self.expect(expected, "vgg16", "caffe")


class Behaviour(ConvertTest):
    def test_same_input_same_bytes(self):
        write_legacy(self.source, vgg(VGG16, True)[0])
        contents = []
        for name in ("a", "b"):
            path = os.path.join(self.folder, name)
            self.assertEqual(self.run_tool(self.source, "-o", path)[0], 0)
            with open(path, "rb") as file:
                contents.append(file.read())
        self.assertEqual(*contents)

    def test_output_is_named_after_the_input(self):
        for ending in (".h5", ".weights.h5", ".hdf5"):
            source = os.path.join(self.folder, "net" + ending)
            write_legacy(source, vgg(VGG16)[0])
            code, out, _ = self.run_tool(source, "--overwrite")
            self.assertEqual((code, out), (0, os.path.join(self.folder, "net.safetensors") + "\n"))

    def test_a_foreign_classifier_is_left_out_with_a_note(self):
        layers, expected = vgg(VGG16)
        write_legacy(self.source, layers + [("dense", [("kernel", values(1, 6, 4)), ("bias", values(2, 4))])])
        code, _, err = self.run_tool()
        self.assertEqual(code, 0)
        self.assertIn("dense", err)
        self.assertEqual(sorted(read_safetensors(self.output)[1]), sorted(expected))

    def test_existing_output_is_kept_without_overwrite(self):
        write_legacy(self.source, vgg(VGG16)[0])
        with open(self.output, "w") as file:
            file.write("mine")
        self.expect_failure(6, "exists", "--overwrite")
        with open(self.output) as file:
            self.assertEqual(file.read(), "mine")

    def test_usage_errors(self):
        for arguments in (("--nonsense",), ("--output", "x"), (self.source, "another")):
            self.expect_failure(2, "--help", arguments=arguments)
        self.assertEqual(self.run_tool("--help")[0], 0)

    def test_output_that_cannot_be_written(self):
        write_legacy(self.source, vgg(VGG16)[0])
        self.expect_failure(6, "Not a directory", arguments=(self.source, "-o", self.source + "/sub/out"))
        os.mkdir(self.output)
        self.expect_failure(6, "cannot be written", arguments=(self.source, "-o", self.output, "--overwrite"))

    def test_as_a_program(self):
        write_legacy(self.source, vgg(VGG16)[0])
        done = subprocess.run([sys.executable, TOOL, self.source, "-o", self.output], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, self.output + "\n", ""))
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual(stat.S_IMODE(os.stat(self.output).st_mode), 0o666 & ~mask)
        done = subprocess.run([sys.executable, TOOL, self.folder], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (3, "", 1), done.stderr)


class BadInput(ConvertTest):
    def expect_bad(self, *words):
        self.expect_failure(3, self.source, *words)
        self.assertFalse(os.path.exists(self.output))

    def test_missing_empty_and_foreign_files(self):
        self.expect_bad("No such file")
        for content in (b"", b"\x89PNG\r\n\x1a\n" + bytes(500), b"PK\x03\x04" + bytes(500), b"not weights\n"):
            with open(self.source, "wb") as file:
                file.write(content)
            self.expect_bad("HDF5")

    def test_truncated_anywhere(self):
        write_keras3(self.source, vgg(VGG16)[0])
        with open(self.source, "rb") as file:
            content = file.read()
        for part in range(1, 40):
            with open(self.source, "wb") as file:
                file.write(content[:len(content) * part // 40])
            self.expect_bad("HDF5")

    def test_another_network(self):
        with h5py.File(self.source, "w") as file:
            file["data"] = numpy.zeros(3)
        self.expect_bad("found 0 convolutions")
        layers, _ = vgg(VGG16)
        write_legacy(self.source, layers[:-1])
        self.expect_bad("found 12 convolutions", "VGG16 has 13")

    def test_kernels_that_do_not_chain(self):
        layers, _ = vgg(VGG16)
        layers[3] = (layers[3][0], [("kernel", values(1, 3, 3, 9, 3)), layers[3][1][1]])
        write_legacy(self.source, layers)
        self.expect_bad("block2_conv2", "3x3x3", "3x3x9")

    def test_missing_bias(self):
        layers, _ = vgg(VGG16)
        layers[3] = (layers[3][0], layers[3][1][:1])
        write_legacy(self.source, layers)
        self.expect_bad("block2_conv2", "bias")

    def test_inception_in_neither_order(self):
        layers, _ = inception()
        layers[20], layers[60] = (layers[20][0], layers[60][1]), (layers[60][0], layers[20][1])
        write_legacy(self.source, layers)
        self.expect_bad("conv2d_10", "InceptionV3")

    def test_inception_with_a_wrong_normalisation(self):
        layers, _ = inception()
        write_legacy(self.source, layers[:-1])
        self.expect_bad("94 batch normalisations", "93")
        layers[5] = (layers[5][0], [(role, values(1, 99)) for role, _ in layers[5][1]])
        write_legacy(self.source, layers)
        self.expect_bad("batch_normalization_2", "99")

    def test_a_listed_variable_that_is_not_there(self):
        write_legacy(self.source, vgg(VGG16)[0])
        with h5py.File(self.source, "r+") as file:
            del file["block3_conv1/block3_conv1/bias:0"]
        self.expect_bad("HDF5")

    def test_values_that_are_not_finite_or_not_floats(self):
        layers, _ = vgg(VGG16)
        weight = layers[4][1][0][1].copy()
        weight[0, 0, 0, 0] = numpy.nan
        broken = list(layers)
        broken[4] = (layers[4][0], [("kernel", weight), layers[4][1][1]])
        write_legacy(self.source, broken)
        self.expect_bad("not finite", "block3_conv1")
        broken[4] = (layers[4][0], [("kernel", weight.astype("<c8")), layers[4][1][1]])
        write_legacy(self.source, broken)
        self.expect_bad("not one of a network's weights")

    def test_an_array_that_claims_a_size_beyond_reason_is_not_loaded(self):
        layers, _ = vgg(VGG16)
        write_legacy(self.source, layers)
        with h5py.File(self.source, "r+") as file:
            del file["block1_conv1/block1_conv1/kernel:0"]
            file["block1_conv1"].create_dataset("block1_conv1/kernel:0", (3, 3, 1 << 20, 1 << 20), "<f4", chunks=True)
        self.expect_bad("1048576")


if __name__ == "__main__":
    unittest.main()
