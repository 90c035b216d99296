"""Pictures as files of many kinds, whole and odd ones."""

import io
import struct
import zlib

import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from ml import costly
from tests.ml import colours

TRUTH = colours.truth()
END = b"\xff\xd9"


def file_of(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def bitmap(width: int, height: int, bits: int, body: bytes, palette: bytes) -> bytes:
    """In runs, of eight bits or four."""
    size, compression = 40 + len(palette), {8: 1, 4: 2}[bits]
    head = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(body), 0, 0, 0, 0
    )
    start = struct.pack("<2sIHHI", b"BM", 14 + size + len(body), 0, 0, 14 + size)
    return start + head + palette + body


def dicom(inside: bytes, syntax: str = ExplicitVRLittleEndian, **elements) -> bytes:
    file = FileDataset(None, {}, preamble=bytes(128), file_meta=FileMetaDataset())
    file.file_meta.TransferSyntaxUID = syntax
    file.file_meta.MediaStorageSOPClassUID = pydicom.uid.VLPhotographicImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    file.PatientName, file.PatientID, file.PatientBirthDate = "Doe^Alice", "4711", "19800101"
    file.Rows, file.Columns = TRUTH.shape[:2]
    file.SamplesPerPixel, file.PlanarConfiguration = 3, 0
    file.PhotometricInterpretation = "RGB"
    file.BitsAllocated = file.BitsStored = 8
    file.HighBit, file.PixelRepresentation = 7, 0
    file.PixelData = inside
    for name, value in elements.items():
        setattr(file, name, value)
    if file.file_meta.TransferSyntaxUID.is_encapsulated:
        file["PixelData"].VR = "OB"
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, file, enforce_file_format=True)
    return stream.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I4s", len(content), name) + content + struct.pack(">I", checksum)


def png(width: int, height: int, *, rows: int, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1 + 3 * width) * rows)
    return (
        costly.PNG + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
