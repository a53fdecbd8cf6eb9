"""Sets of pictures that the programs read."""
import io
import tarfile

from PIL import Image


def write_tar(path, images):
    with tarfile.open(path, "w") as tar:
        for i, image in enumerate(images):
            data = io.BytesIO()
            Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(data, "PNG", compress_level=1)
            entry = tarfile.TarInfo(f"{i:05}.png")
            entry.size = data.tell()
            data.seek(0)
            tar.addfile(entry, data)
