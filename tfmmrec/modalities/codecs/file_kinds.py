"""The kind of a file by its first bytes, to name what is not read."""

import dataclasses
import re

PICTURE, SOUND, VIDEO, OTHER = "picture", "sound", "video", "other"


@dataclasses.dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: what the file is, such as `HEIC` or `a web page`.
        medium: `picture`, `sound`, `video` (which may be sound alone), or `other`.
        start: a regular expression for the first bytes.
        by_ffmpeg: whether it is a sound that only FFmpeg reads.
    """

    name: str
    medium: str
    start: bytes
    by_ffmpeg: bool = False


# Ogg names the codec at the start of the first packet, behind a page header of 28 bytes.
_OGG = rb"OggS.{24}"
_FTYP = rb".{4}ftyp"
_SPACE = rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*|<\?.*?\?>\s*)*"

# The first that matches counts.
_KINDS = (
    FileKind("PNG", PICTURE, rb"\x89PNG\r\n\x1a\n"),
    FileKind("JPEG", PICTURE, rb"\xff\xd8\xff"),
    FileKind("GIF", PICTURE, rb"GIF8"),
    FileKind("WebP", PICTURE, rb"RIFF.{4}WEBP"),
    FileKind("AVIF", PICTURE, _FTYP + rb"(?:.{4}){0,8}?avi[fs]"),
    FileKind("HEIC", PICTURE, _FTYP + rb"(?:hei|hev|mif1|msf1)"),
    FileKind("a Canon raw photo (CR3)", PICTURE, _FTYP + rb"crx "),
    FileKind("a Canon raw photo (CR2)", PICTURE, rb"II\*\0.{4}CR"),
    FileKind("a Fujifilm raw photo (RAF)", PICTURE, rb"FUJIFILMCCD-RAW"),
    FileKind("an Olympus raw photo (ORF)", PICTURE, rb"IIR[OS]|MMOR"),
    FileKind("a Panasonic raw photo (RW2)", PICTURE, rb"IIU\0"),
    FileKind("TIFF", PICTURE, rb"II[*+]\0|MM\0[*+]"),
    FileKind("JPEG XL", PICTURE, rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
    FileKind("JPEG 2000", PICTURE, rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n"),
    FileKind(
        "SVG", PICTURE, _SPACE + rb"(?:<!DOCTYPE svg.*?>\s*)?<(?:\w+:)?svg\b|\x1f\x8b.*\.svg\0"
    ),
    FileKind("PSD (Photoshop)", PICTURE, rb"8BP[SB]"),
    FileKind("XCF (GIMP)", PICTURE, rb"gimp xcf"),
    FileKind("EPS (PostScript)", PICTURE, rb"%!PS|\xc5\xd0\xd3\xc6"),
    FileKind("EMF or WMF", PICTURE, rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF"),
    FileKind("OpenEXR", PICTURE, rb"v/1\x01"),
    FileKind("Radiance HDR", PICTURE, rb"#\?(?:RADIANCE|RGBE)"),
    FileKind("DjVu", PICTURE, rb"AT&TFORM"),
    FileKind("DICOM", PICTURE, rb".{128}DICM"),
    FileKind("FITS", PICTURE, rb"SIMPLE  ="),
    FileKind("BMP", PICTURE, rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0"),
    FileKind("WAV", SOUND, rb"(?:RIFF|RIFX|RF64|BW64).{4}WAVE"),
    FileKind("FLAC", SOUND, rb"fLaC"),
    FileKind("FLAC in Ogg", SOUND, _OGG + rb"\x7fFLAC", True),
    FileKind("Speex in Ogg", SOUND, _OGG + rb"Speex", True),
    FileKind("video in Ogg", VIDEO, _OGG + rb"(?:\x80theora|fishead\0|\x01video)", True),
    FileKind("Ogg", SOUND, rb"OggS"),
    FileKind("MP3 behind an ID3 tag", SOUND, rb"ID3"),
    FileKind("MIDI", SOUND, rb"MThd|RIFF.{4}RMID"),
    FileKind("AAC in MP4", SOUND, _FTYP + rb"(?:M4[ABP] |F4[AB] )", True),
    FileKind("MP4 (AAC or video)", VIDEO, _FTYP + rb"|.{4}(?:moov|mdat|wide)", True),
    FileKind("AAC", SOUND, rb"\xff[\xf0\xf1\xf8\xf9]|ADIF", True),
    FileKind("WMA", SOUND, rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", True),
    FileKind("Matroska or WebM", VIDEO, rb"\x1a\x45\xdf\xa3", True),
    FileKind("AMR", SOUND, rb"#!AMR", True),
    FileKind("AC-3", SOUND, rb"\x0b\x77", True),
    FileKind("DTS", SOUND, rb"\x7f\xfe\x80\x01", True),
    FileKind("Monkey's Audio", SOUND, rb"MAC ", True),
    FileKind("WavPack", SOUND, rb"wvpk", True),
    FileKind("True Audio", SOUND, rb"TTA[12]", True),
    FileKind("Musepack", SOUND, rb"MPCK|MP\+", True),
    FileKind("DSD", SOUND, rb"DSD |FRM8", True),
    FileKind("RealMedia", VIDEO, rb"\.RMF|\.ra\xfd", True),
    FileKind("AIFF", SOUND, rb"FORM.{4}AIF[FC]"),
    FileKind("AU", SOUND, rb"\.snd"),
    FileKind("CAF", SOUND, rb"caff\0"),
    FileKind("NIST", SOUND, rb"NIST_1A\n"),
    FileKind("W64", SOUND, rb"riff\x2e\x91\xcf\x11"),
    FileKind("AVI", VIDEO, rb"RIFF.{4}AVI ", True),
    FileKind("a Flash video", VIDEO, rb"FLV", True),
    FileKind("an MPEG video", VIDEO, rb"\0\0\x01[\xba\xb3]", True),
    FileKind(
        "a web page", OTHER, _SPACE + rb"<(?i:!doctype\s+html|html|head|body|script|meta|title)\b"
    ),
    FileKind("an XML file, such as an error message", OTHER, rb"(?:\xef\xbb\xbf)?\s*<\?xml"),
    FileKind(
        "a JSON file, such as an error message",
        OTHER,
        rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]\d])",
    ),
    FileKind("a pointer of Git LFS (run git lfs pull)", OTHER, rb"version https://git-lfs"),
    FileKind("PDF", OTHER, rb"%PDF"),
    FileKind("a ZIP archive", OTHER, rb"PK(?:\x03\x04|\x05\x06)"),
    FileKind("a gzip file", OTHER, rb"\x1f\x8b"),
    FileKind("an archive", OTHER, rb"Rar!|7z\xbc\xaf|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|.{257}ustar"),
    FileKind("an Apple property list", OTHER, rb"bplist00"),
    FileKind(
        "a file of macOS that describes another (._ in front of its name)",
        OTHER,
        rb"\0\x05\x16\x07",
    ),
    FileKind("a program", OTHER, rb"\x7fELF|MZ.{38,}PE\0\0"),
    FileKind("nothing but zero bytes", OTHER, rb"\0+\Z"),
    FileKind("a text", OTHER, rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]+){16,}\Z"),
)
_PATTERNS = [(kind, re.compile(kind.start, re.DOTALL)) for kind in _KINDS]
_LOOKED_AT = 512


def kind_of(data: bytes) -> FileKind | None:
    """Returns the kind of a file by its first bytes, None if they tell nothing."""
    head = data[:_LOOKED_AT]
    for kind, pattern in _PATTERNS:
        if pattern.match(head):
            return kind
    return None


def why_not(data: bytes, wanted: str, read: str) -> str:
    """Returns why a file is not read: its kind, and which kinds are.

    Args:
        data: the bytes of the file.
        wanted: `picture` or `sound`.
        read: the formats that are read, such as "JPEG, PNG and GIF".
    """
    kind = kind_of(data)
    if kind is None:
        return f"not a {wanted} that can be decoded"
    if kind.name in read:
        return f"the file is {kind.name} of a kind that cannot be decoded"
    if kind.medium == wanted:
        return f"the file is {kind.name}, which is not read; {read} are"
    what = {PICTURE: " (a picture)", SOUND: " (a sound)", VIDEO: ""}.get(kind.medium, "")
    return f"the file is {kind.name}{what}, not a {wanted}"
