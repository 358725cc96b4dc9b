"""A rendered ticket as the door sees it: rasterised, its text, its code read by two independent decoders."""

import io
import pathlib
import subprocess
import tempfile

import zxingcpp
from PIL import Image


def text_of(pdf):
    done = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True, timeout=60)
    return done.stdout.decode("utf-8")


def raster_of(pdf, dpi=150):
    """The first page as PNG bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "ticket.pdf"
        source.write_bytes(pdf)
        subprocess.run(["pdftoppm", "-r", str(dpi), "-f", "1", "-l", "1", "-singlefile", "-png", str(source),
                        f"{folder}/page"], check=True, timeout=60)
        return (pathlib.Path(folder) / "page.png").read_bytes()


def decode_zbar(png):
    with tempfile.NamedTemporaryFile(suffix=".png") as picture:
        picture.write(png)
        picture.flush()
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable", picture.name],
                              capture_output=True, text=True, timeout=60)
    return done.stdout.split()


def decode_zxing(png):
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    return [code.text for code in found]


def decode_with_both(pdf):
    """The codes on the page, which both decoders must agree on."""
    png = raster_of(pdf)
    first, second = decode_zbar(png), decode_zxing(png)
    assert first == second, (first, second)
    return first


def page_count(pdf):
    done = subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True, timeout=60)
    lines = done.stdout.decode().splitlines()
    return int(next(line.split(":")[1] for line in lines if line.startswith("Pages:")))


def is_sound(pdf):
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        return subprocess.run(["qpdf", "--check", file.name], capture_output=True, timeout=60).returncode == 0
