"""Writes containers/: tiny weights files for the readers, and hostile ones that they must refuse.

    python3 make_container_samples.py

Made with torch 2.15.0, safetensors 0.8.0, numpy 2.4.6, by the real `torch.save` (zip container `*.zip.pth`, legacy
container `*.legacy.pth`) and `safetensors.torch.save_file`. Legacy files name their storages by address, so a second
run gives other bytes with the same meaning.

containers/expected.json:

    {"valid": {FILE: {"entries": {NAME: tensor}, "note"}}, "hostile": {FILE: why}, "odd": {FILE: why}}

A hostile file must be refused, nothing of it executed. An odd one may be refused or read (PyTorch reads most of them),
but within ordinary time and memory. A tensor is {"dtype", "shape", "values"}: row-major, every float as the shortest
decimal of its float64 value, "nan", "inf" and "-inf" as strings. NAME joins nested keys with "." (encoder.conv.weight);
for files with a wrapper the entries are those of the wrapped state dict, and `note` says where it sits. What is not a
tensor has no entry.

Every valid file is read back by torch (restricted, but for protocol 4) or safetensors while it is made; the hostile
and the odd ones are never read.
"""

import contextlib
import copyreg
import io
import json
import math
import pickle
import shutil
import struct
import types
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

FOLDER = Path(__file__).parent / "containers"
valid: dict[str, dict] = {}
hostile: dict[str, str] = {}
odd: dict[str, str] = {}


# ---- what the files hold ---------------------------------------------------------------------------------------------


def ramp(*shape: int, dtype: torch.dtype = torch.float32, start: float = -1.0, step: float = 0.37) -> torch.Tensor:
    return (start + step * torch.arange(math.prod(shape), dtype=torch.float64)).to(dtype).reshape(shape)


def dtypes() -> dict:
    """Every dtype that weights come in, with the values that a conversion gets wrong first."""
    special = [0.0, -0.0, 1.0, -2.5, 1 / 3, 6.1e-5, 6e-8, 65504.0, math.inf, -math.inf, math.nan]
    return {
        "float32": ramp(2, 3),
        "float64": ramp(2, 3, dtype=torch.float64, start=1 / 3),
        "float16": torch.tensor(special, dtype=torch.float16),
        "bfloat16": torch.tensor([*special, 1e-40, 3e38], dtype=torch.bfloat16),
        "float32_special": torch.tensor([*special, 1e-40, 3.4e38], dtype=torch.float32),
        "int64": torch.tensor([0, -1, 2**53 + 1, -(2**63)]),
        "bn.num_batches_tracked": torch.tensor(12345),
        "zero_dim": torch.tensor(0.5),
        "empty": torch.empty(0, 3),
        "ünïcode.权重": ramp(2),
    }


def other_dtypes() -> dict:
    return {
        "uint8": torch.tensor([0, 1, 255], dtype=torch.uint8),
        "int8": torch.tensor([-128, 127], dtype=torch.int8),
        "int16": torch.tensor([-32768, 32767], dtype=torch.int16),
        "int32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        "bool": torch.tensor([True, False]),
    }


def strides() -> dict:
    """Views whose elements do not lie in order, and tensors that share a storage."""
    shared = ramp(12)
    return {
        "transposed": ramp(3, 4).t(),
        "channels_last": ramp(2, 3, 2, 2).to(memory_format=torch.channels_last),
        "every_second": ramp(10)[1::2],
        "expanded": ramp(3, 1).expand(3, 4),
        "shared.head": shared[:4],
        "shared.tail": shared[4:].view(2, 4),
        "shared.column": shared.view(3, 4)[:, 2],
        "shared.all": shared,
    }


def module() -> OrderedDict:
    """A real module's state dict: an OrderedDict that carries `_metadata`."""
    net = nn.Sequential(OrderedDict(conv=nn.Conv2d(2, 3, (1, 2)), bn=nn.BatchNorm2d(3)))
    with torch.no_grad():
        for number, tensor in enumerate(net.state_dict().values()):
            tensor.copy_(ramp(*tensor.shape, start=number, step=0.125))
    return net.state_dict()


def parameters() -> OrderedDict:
    with_state = nn.Parameter(ramp(2), requires_grad=False)
    with_state.note = "a Python attribute"
    frozen = nn.Parameter(ramp(3), requires_grad=False)
    return OrderedDict(weight=nn.Parameter(ramp(2, 3)), frozen=frozen, tagged=with_state)


def nested() -> dict:
    return OrderedDict(encoder=OrderedDict(conv={"weight": ramp(2, 2), "bias": ramp(2)}), scale=torch.tensor(2.0))


def wrapped() -> dict:
    return {
        "epoch": 3,
        "arch": "vgg19",
        "best": 0.75,
        "seed": 2**70,
        "done": True,
        "nothing": None,
        "sizes": [(3, 224, 224), {"mean": [0.485, 0.456, 0.406]}, set()],
        "state_dict": module(),
        "optimizer": {"state": {0: {"step": 7, "momentum": ramp(2)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]},
    }


# ---- writers ---------------------------------------------------------------------------------------------------------


def flatten(tree: dict, prefix: str = "") -> dict[str, torch.Tensor]:
    entries = {}
    for key, value in tree.items():
        if isinstance(value, torch.Tensor):
            entries[f"{prefix}{key}"] = value.detach()
        elif isinstance(value, dict):
            entries |= flatten(value, f"{prefix}{key}.")
    return entries


def describe(tensor: torch.Tensor) -> dict:
    if tensor.dtype.is_floating_point:
        flat = tensor.to(torch.float64).reshape(-1).tolist()
        values = [value if math.isfinite(value) else str(value) for value in flat]
    else:
        values = tensor.reshape(-1).tolist()
    return {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "values": values}


def expect(file: str, state: dict, note: str | None) -> None:
    entries = {name: describe(tensor) for name, tensor in flatten(state).items()}
    valid[file] = {"entries": entries} | ({"note": note} if note else {})


def save_torch(
    name: str, tree, state: dict | None = None, note: str | None = None, kinds=("zip", "legacy"), **how
) -> None:
    for kind in kinds:
        file = f"{name}.{kind}.pth"
        torch.save(tree, FOLDER / file, _use_new_zipfile_serialization=kind == "zip", **how)
        back = torch.load(FOLDER / file, map_location="cpu", weights_only="pickle_protocol" not in how)
        expected = flatten(tree if isinstance(tree, dict) else {"": tree})
        found = flatten(back if isinstance(back, dict) else {"": back})
        assert list(found) == list(expected)
        for key, tensor in expected.items():
            torch.testing.assert_close(found[key], tensor, rtol=0, atol=0, equal_nan=True)
        expect(file, state or tree, note)


def save_safetensors(name: str, state: dict, **how) -> None:
    file = f"{name}.safetensors"
    contiguous = {key: tensor.detach().clone().contiguous() for key, tensor in flatten(state).items()}
    safetensors.torch.save_file(contiguous, FOLDER / file, **how)
    for key, tensor in safetensors.torch.load_file(FOLDER / file).items():
        torch.testing.assert_close(tensor, contiguous[key], rtol=0, atol=0, equal_nan=True)
    expect(file, contiguous, None)


class OldPickler(pickle._Pickler):
    """Writes the older forms that PyTorch's restricted reader still takes: `_rebuild_tensor` without hooks, a parameter
    by NEWOBJ and BUILD."""

    def reducer_override(self, value):
        if isinstance(value, nn.Parameter):
            return copyreg.__newobj__, (nn.Parameter, value.data), (True, False, OrderedDict())
        if isinstance(value, torch.Tensor):
            arguments = (value._typed_storage(), value.storage_offset(), tuple(value.shape), value.stride())
            return torch._utils._rebuild_tensor, arguments
        return NotImplemented


OLD_PICKLE = types.ModuleType("old_pickle")
OLD_PICKLE.Pickler, OLD_PICKLE.dump, OLD_PICKLE.dumps = OldPickler, pickle.dump, pickle.dumps


@contextlib.contextmanager
def stored_on(location: str):
    """Makes torch.save believe that storages live on `location`."""
    registry = torch.serialization._package_registry
    before = list(registry)
    torch.serialization.register_package(0, lambda storage: location, lambda storage, where: None)
    try:
        yield
    finally:
        registry[:] = before


def write_valid() -> None:
    save_torch("dtypes", dtypes())
    save_torch("other_dtypes", other_dtypes(), kinds=("zip",), note="dtypes that no net here has")
    save_torch("strides", strides())
    save_torch("module", module())
    save_torch("parameters", parameters())
    save_torch("nested", nested())
    save_torch("wrapped", wrapped(), wrapped()["state_dict"], note="under the key state_dict")
    save_torch("empty", OrderedDict(), note="a state dict without tensors")
    save_torch("protocol4", module(), pickle_protocol=4, note="pickle protocol 4: torch's restricted reader refuses it")
    save_torch("old_parameters", parameters(), kinds=("legacy",), pickle_module=OLD_PICKLE, note="older pickle forms")
    save_torch("bare_tensor", ramp(2, 2), {"": ramp(2, 2)}, kinds=("zip",), note="a tensor instead of a state dict")
    with stored_on("cuda:0"):
        save_torch("cuda", module(), note="storages that lived on cuda:0")
    save_safetensors("dtypes", dtypes())
    save_safetensors("other_dtypes", other_dtypes())
    save_safetensors("module", module(), metadata={"format": "pt", "origin": "reverie"})
    save_safetensors("empty", {})
    with zipfile.ZipFile(FOLDER / "module.zip.pth") as source:
        archive = {entry.filename: source.read(entry) for entry in source.infolist()}
    with zipfile.ZipFile(FOLDER / "odd_deflated.zip.pth", "w", zipfile.ZIP_DEFLATED) as target:
        for entry, data in archive.items():
            target.writestr(zipfile.ZipInfo(entry), data, zipfile.ZIP_DEFLATED)
    odd["odd_deflated.zip.pth"] = "module.zip.pth with compressed members, which torch.save never writes"


# ---- hostile pickles -------------------------------------------------------------------------------------------------

PROTOCOL = b"\x80\x02"


def name(module_name: str, attribute: str) -> bytes:
    return f"c{module_name}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    data = pickle.encode_long(value)
    return b"\x8a" + bytes([len(data)]) + data


def integers(*values: int) -> bytes:
    return b"(" + b"".join(map(integer, values)) + b"t"


def one_tensor(
    size, stride, offset=0, count=4, key="0", storage=("torch", "FloatStorage"), kind="storage", legacy=False
) -> bytes:
    """{"weight": a tensor over storage `key` of `count` elements}; the legacy container's ids end in a None."""
    end = b"Nt" if legacy else b"t"
    identity = b"(" + text(kind) + name(*storage) + text(key) + text("cpu") + integer(count) + end
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    arguments = b"(" + identity + b"Q" + integer(offset) + integers(*size) + integers(*stride) + b"\x89"
    arguments += name("collections", "OrderedDict") + b")Rt"
    return PROTOCOL + b"}" + text("weight") + rebuild + arguments + b"Rs."


def write_archive(file: str, data_pickle: bytes, byteorder: bytes = b"little") -> None:
    """A zip container as torch.save lays it out, with one storage `0` of 16 bytes."""
    members = {"data.pkl": data_pickle, "byteorder": byteorder, "data/0": bytes(16), "version": b"3\n"}
    with zipfile.ZipFile(FOLDER / file, "w", zipfile.ZIP_STORED) as target:
        for member, data in members.items():
            target.writestr(zipfile.ZipInfo(f"archive/{member}"), data)


def write_stream(file: str, data_pickle: bytes) -> None:
    """A legacy container: magic number, protocol, system, the object itself, one storage `0` of four floats."""
    head = io.BytesIO()
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    for part in (torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, system):
        pickle.dump(part, head, protocol=2)
    storages = pickle.dumps(["0"], protocol=2) + struct.pack("<q", 4) + bytes(16)
    (FOLDER / file).write_bytes(head.getvalue() + data_pickle + storages)


def hostile_pickles(legacy: bool = False) -> dict[str, tuple[str, bytes]]:
    command = text("touch reverie_was_here")
    return {
        "os_system": ("REDUCE of os.system", PROTOCOL + name("os", "system") + b"(" + command + b"tR."),
        "posix_system": ("REDUCE of posix.system", PROTOCOL + name("posix", "system") + command + b"\x85R."),
        "builtins_eval": (
            "REDUCE of builtins.eval",
            PROTOCOL + name("builtins", "eval") + text("__import__('os').system('touch reverie_was_here')") + b"\x85R.",
        ),
        "stack_global": (
            "os.system by STACK_GLOBAL",
            b"\x80\x04" + text("os") + text("system") + b"\x93" + command + b"\x85R.",
        ),
        "inst": ("os.system by INST", b"(" + command + b"ios\nsystem\n."),
        "obj": ("os.system by OBJ", PROTOCOL + b"(" + name("os", "system") + command + b"o."),
        "newobj": ("NEWOBJ of subprocess.Popen", PROTOCOL + name("subprocess", "Popen") + command + b"\x85\x81."),
        "extension": ("a name from the extension registry", PROTOCOL + b"\x82\x01)R."),
        "getattr": (
            "builtins.getattr on an allowed class",
            PROTOCOL
            + name("builtins", "getattr")
            + (b"(" + name("collections", "OrderedDict") + text("__subclasses__") + b"tR."),
        ),
        "build": (
            "BUILD that overwrites a class attribute",
            PROTOCOL + name("torch", "FloatStorage") + b"}" + text("__reduce__") + text("x") + b"sb.",
        ),
        "hidden": (
            "os.system beside good tensors, in a key that nobody asks for",
            one_tensor([4], [1], legacy=legacy)[:-1] + text("extra") + name("os", "system") + command + b"\x85Rs.",
        ),
        "call_string": ("REDUCE of a string", PROTOCOL + text("os.system") + command + b"\x85R."),
        "memo_missing": ("BINGET of a slot that was never put", PROTOCOL + b"h\x07."),
        "many_marks": ("20,000 marks and no end", PROTOCOL + b"(" * 20000 + b"."),
        "binunicode": ("a string of 2^32 - 1 bytes", PROTOCOL + b"X\xff\xff\xff\xffabc."),
        "binunicode8": ("a string of 2^63 - 1 bytes", b"\x80\x04\x8d" + struct.pack("<Q", 2**63 - 1) + b"abc."),
        "binunicode8_wrap": ("a string of 2^64 - 1 bytes", b"\x80\x04\x8d" + struct.pack("<Q", 2**64 - 1) + b"abc."),
        "binbytes8": ("bytes of length 2^62", b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc."),
        "bytearray8": ("a byte array of length 2^62", b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"abc."),
        "binstring": ("a byte string of length -1", PROTOCOL + b"T\xff\xff\xff\xffabc."),
        "long4": ("an integer of 2^31 - 1 bytes", PROTOCOL + b"\x8b\xff\xff\xff\x7fabc."),
        "long4_negative": ("an integer of -1 bytes", PROTOCOL + b"\x8b\xff\xff\xff\xffabc."),
        "frame": ("a frame of 2^63 bytes", b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"}."),
        "underflow": ("REDUCE on an empty stack", PROTOCOL + b"R."),
        "no_mark": ("TUPLE without a mark", PROTOCOL + b"K\x01t."),
        "no_stop": ("ends without STOP", PROTOCOL + b"}"),
        "nothing": ("STOP with nothing on the stack", PROTOCOL + b"."),
        "opcode": ("an opcode that does not exist", PROTOCOL + b"\xff."),
        "bad_utf8": ("a key that is not UTF-8", PROTOCOL + b"}X\x02\x00\x00\x00\xff\xfeK\x01s."),
        "line_without_end": ("a name without its end of line", PROTOCOL + b"ccollections"),
    }


def hostile_tensors() -> dict[str, tuple[str, bytes]]:
    return {
        "beyond_storage": ("a tensor of 8 elements over a storage of 4", one_tensor([8], [1])),
        "stride_beyond": ("a stride that leaves the storage", one_tensor([2, 2], [1000, 1])),
        "offset_beyond": ("an offset behind the storage", one_tensor([4], [1], offset=1)),
        "offset_negative": ("a negative offset", one_tensor([1], [1], offset=-1)),
        "stride_negative": ("a negative stride", one_tensor([2], [-1], offset=3)),
        "size_negative": ("a negative size", one_tensor([-1, 4], [4, 1])),
        "size_product_wraps": ("2^32 x 2^32 elements: the product wraps to 0", one_tensor([2**32, 2**32], [2**32, 1])),
        "extent_wraps": ("(size - 1) * stride wraps around", one_tensor([5], [2**62])),
        "rank_mismatch": ("two sizes, one stride", one_tensor([2, 2], [1])),
        "storage_short": ("a storage declared longer than its record", one_tensor([8], [1], count=8)),
        "storage_huge": ("a storage of 2^61 elements: the byte count wraps", one_tensor([4], [1], count=2**61)),
        "storage_negative": ("a storage of -4 elements", one_tensor([4], [1], count=-4)),
        "storage_missing": ("a storage without a record", one_tensor([4], [1], key="9")),
        "storage_path": ("a storage key that climbs out", one_tensor([4], [1], key="../../../../etc/passwd")),
        "storage_class": ("a storage of an unknown class", one_tensor([4], [1], storage=("torch", "QInt8Storage"))),
        "storage_foreign": ("os.system as the storage class", one_tensor([4], [1], storage=("os", "system"))),
        "persistent_kind": ("a persistent id that is no storage", one_tensor([4], [1], kind="module")),
        "persistent_none": ("a persistent id that is no tuple", PROTOCOL + b"K\x01Q."),
        "persistent_text": ("a persistent id in text form", PROTOCOL + b"Pabc\n."),
    }


def odd_pickles() -> dict[str, tuple[str, bytes]]:
    laughs = b"](](K\x01eq\x00"
    for k in range(30):  # memo k + 1 = ten times memo k
        laughs += b"](" + 10 * (b"h" + bytes([k])) + b"eq" + bytes([k + 1])
    return {
        "memo_bomb": ("30 lists, each ten times the one before", PROTOCOL + b"}" + text("a") + laughs + b"es."),
        "memo_index": ("LONG_BINPUT into memo slot 2^32 - 1", PROTOCOL + b"}r\xff\xff\xff\xff."),
        "memo_cycle": ("a dict that holds itself", PROTOCOL + b"}q\x00" + text("self") + b"h\x00s."),
        "deep_tuples": ("20,000 nested tuples", PROTOCOL + b")" + b"\x85" * 20000 + b"."),
        "deep_dicts": ("4,000 nested dicts", PROTOCOL + (b"}" + b"U\x01k") * 4000 + b"}" + b"s" * 4000 + b"."),
        "protocol_255": ("protocol 255", b"\x80\xff}."),
        "expanded_bomb": ("2^40 elements by stride 0 over one", one_tensor([2**40], [0])),
        "many_dimensions": ("300 dimensions", one_tensor([1] * 300, [1] * 300)),
    }


def write_hostile_archives() -> None:
    """Damage in the zip container itself."""
    write_archive("odd_big_endian.zip.pth", one_tensor([4], [1]), byteorder=b"big")
    odd["odd_big_endian.zip.pth"] = "big-endian storages: refuse them or swap their bytes"
    write_archive("good.zip.pth", one_tensor([4], [1]))
    good = (FOLDER / "good.zip.pth").read_bytes()
    (FOLDER / "good.zip.pth").unlink()

    def damaged(file: str, why: str, at: int, patch: bytes) -> None:
        (FOLDER / file).write_bytes(good[:at] + patch + good[at + len(patch) :])
        hostile[file] = why

    end, central = good.rindex(b"PK\x05\x06"), good.index(b"PK\x01\x02")
    data = central + good[central:].index(b"archive/data/0") - 46
    damaged("hostile_zip_directory_offset.pth", "the directory lies behind the file", end + 16, b"\xf0\xff\xff\x7f")
    damaged("hostile_zip_directory_count.pth", "65,534 entries announced, four there", end + 8, b"\xfe\xff\xfe\xff")
    damaged("hostile_zip_member_offset.pth", "a member lies behind the file", data + 42, b"\xf0\xff\xff\x7f")
    damaged("hostile_zip_member_size.pth", "a member of 2 GiB in a small file", data + 20, b"\xff\xff\xff\x7f" * 2)
    damaged("hostile_zip_name_length.pth", "a member's name runs over the end", data + 28, b"\xff\xff")
    damaged("hostile_zip_method.pth", "an unknown compression method", data + 10, b"\x63\x00")
    with zipfile.ZipFile(FOLDER / "hostile_zip_bomb.pth", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        target.writestr(zipfile.ZipInfo("archive/data.pkl"), bytes(8 << 20), zipfile.ZIP_DEFLATED)
    hostile["hostile_zip_bomb.pth"] = "a deflated data.pkl of 8 MiB zeros in 8 kB"
    with zipfile.ZipFile(FOLDER / "hostile_zip_no_pickle.pth", "w") as target:
        target.writestr(zipfile.ZipInfo("archive/readme"), b"no data.pkl")
    hostile["hostile_zip_no_pickle.pth"] = "a zip archive that is no checkpoint"


def write_hostile_safetensors() -> None:
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}

    def write(what: str, why: str, header, data=bytes(16), length=None, kind="hostile", index=hostile) -> None:
        header = header if isinstance(header, bytes) else json.dumps(header).encode()
        file = f"{kind}_{what}.safetensors"
        (FOLDER / file).write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)
        index[file] = why

    write("header_length", "a header of 2^63 bytes", {"w": entry}, length=2**63)
    write("header_length_wraps", "8 + header length wraps around", {"w": entry}, length=2**64 - 4)
    write("header_beyond", "a header longer than the file", {"w": entry}, length=4096)
    write("not_json", "a header that is no JSON", b'{"w": ')
    write("not_object", "a header that is a list", b"[1, 2]")
    write("deep_json", "4,000 nested lists", b'{"w":' + b"[" * 4000 + b"]" * 4000 + b"}")
    write("no_dtype", "an entry without dtype", {"w": {"shape": [4], "data_offsets": [0, 16]}})
    write("unknown_dtype", "an unknown dtype", {"w": entry | {"dtype": "F12"}})
    write("offset_beyond", "offsets behind the end", {"w": entry | {"shape": [8], "data_offsets": [0, 32]}})
    write("offset_reversed", "offsets that run backwards", {"w": entry | {"data_offsets": [16, 0]}})
    write("offset_negative", "a negative offset", {"w": entry | {"data_offsets": [-16, 0]}})
    write("offset_fraction", "a fractional offset", {"w": entry | {"data_offsets": [0.5, 16]}})
    write("size_mismatch", "a shape that does not fill its bytes", {"w": entry | {"shape": [3]}})
    wraps = {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]}
    write("size_wraps", "2^32 x 2^32 elements: the product wraps to 0", {"w": wraps}, b"")
    write("size_negative", "a negative size", {"w": entry | {"shape": [-4]}})
    write("overlap", "two tensors over the same bytes", {"v": entry, "w": entry})
    twice = b'{"w":%b,"w":%b}' % (2 * (json.dumps(entry).encode(),))
    write("duplicate", "one name twice", twice, kind="odd", index=odd)


def write_hostile() -> None:
    for what, (why, data) in (hostile_pickles() | hostile_tensors()).items():
        write_archive(f"hostile_{what}.zip.pth", data)
        hostile[f"hostile_{what}.zip.pth"] = why
    for what in ("os_system", "builtins_eval", "hidden", "binunicode8", "no_stop"):
        why, data = hostile_pickles(legacy=True)[what]
        write_stream(f"hostile_{what}.legacy.pth", data)
        hostile[f"hostile_{what}.legacy.pth"] = why
    for what, (why, data) in odd_pickles().items():
        write_archive(f"odd_{what}.zip.pth", data)
        odd[f"odd_{what}.zip.pth"] = why
    write_hostile_archives()
    write_hostile_safetensors()


# ---- the folder ------------------------------------------------------------------------------------------------------


def block(entries: dict) -> str:
    """One line per file."""
    compact = {"separators": (",", ":")}
    return ",\n".join(f" {json.dumps(key)}:{json.dumps(value, **compact)}" for key, value in entries.items())


def main() -> None:
    warnings.filterwarnings("ignore", message=".*TypedStorage is deprecated.*")
    warnings.filterwarnings("ignore", message="Detected pickle protocol 4.*")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    write_valid()
    write_hostile()
    for file in FOLDER.iterdir():
        file.chmod(0o644)
    index = f'{{"valid":{{\n{block(valid)}\n}},"hostile":{{\n{block(hostile)}\n}},"odd":{{\n{block(odd)}\n}}}}\n'
    assert json.loads(index) == {"valid": valid, "hostile": hostile, "odd": odd}
    (FOLDER / "expected.json").write_text(index, encoding="utf-8")
    sizes = [file.stat().st_size for file in FOLDER.iterdir()]
    print(f"{len(valid)} valid, {len(hostile)} hostile, {len(odd)} odd files, {sum(sizes)} bytes with expected.json")


if __name__ == "__main__":
    main()
