"""Forms: what is written is read again, and what is no form is refused with a sentence."""

from __future__ import annotations

import pytest

from pixapi.errors import BadRequest, UnsupportedMedia
from pixapi.interfaces import Upload
from pixapi.wire.json import decode_any, raw
from pixapi.wire.multipart import FormReader, read_form, write_form

FILE = Upload("file", "a b.mp3", "audio/mpeg", b"\x00\r\n--not the boundary\r\n\xff")
BODY = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="x.wav"\r\n\r\nRIFF\r\n--b--\r\n'
)
MANY = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n' * 257 + b"--b--\r\n"


def plain(fields):
    return {name: decode_any(value) for name, value in fields.items()}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"model": "m"}, {"model": "m"}),
        ({"prompt": 'a "cat"\r\n世界'}, {"prompt": 'a "cat"\r\n世界'}),
        ({"n": 2, "stream": False}, {"n": "2", "stream": "false"}),
        ({"tags[]": ["word"]}, {"tags[]": ["word"]}),
        ({"tags[]": ["word", "segment"]}, {"tags[]": ["word", "segment"]}),
        ({"empty": ""}, {"empty": ""}),
    ],
)
def test_what_is_written_is_read(sent, read) -> None:
    kind, body = write_form({name: raw(value) for name, value in sent.items()}, [FILE], "req_1")
    fields, uploads = read_form(kind, body)
    assert plain(fields) == read
    assert uploads == (FILE,)


def test_a_form_of_someone_elses_hand() -> None:
    fields, uploads = read_form("Multipart/Form-Data; boundary=b", BODY)
    assert plain(fields) == {"model": "m"}
    assert uploads == (Upload("file", "x.wav", "application/octet-stream", b"RIFF"),)


def test_the_same_call_gives_the_same_bytes_and_no_file_holds_the_boundary() -> None:
    kind, body = write_form({}, [FILE], "req_1")
    assert (kind, body) == write_form({}, [FILE], "req_1")
    boundary = kind.partition("boundary=")[2]
    evil = Upload("file", "x", "audio/mpeg", f"\r\n--{boundary}--\r\n".encode())
    kind, body = write_form({}, [evil], "req_1")
    assert boundary not in kind
    assert read_form(kind, body)[1] == (evil,)


def test_names_and_media_types_break_no_line() -> None:
    evil = Upload("file", 'x"\r\nevil: 1', "audio/mpeg\r\nevil: 1", b"")
    body = write_form({}, [evil], "s")[1]
    assert b"\r\nevil" not in body


@pytest.mark.parametrize("cut", range(len(BODY) + 1))
def test_any_cutting_reads_the_same(cut) -> None:
    reader = FormReader("multipart/form-data; boundary=b")
    for piece in (BODY[:cut], BODY[cut:]):
        reader.feed(piece)
    assert reader.close() == read_form("multipart/form-data; boundary=b", BODY)


class Elsewhere:
    """Implements `pixapi.interfaces.Body`."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def chunks(self):
        yield from (self.data[at : at + 7] for at in range(0, len(self.data), 7))


def test_a_file_that_lies_elsewhere_gives_the_same_form() -> None:
    fields = {"model": raw("m"), "tags[]": raw(["a", "b"])}
    small = Upload("mask", "m.png", "image/png", b"mask")
    kind, body = write_form(fields, [FILE, small], "req_1")
    away = Upload(FILE.name, FILE.filename, FILE.media_type, Elsewhere(FILE.data))
    assert (away.data, away.size, away.start(3)) == (FILE.data, FILE.size, FILE.start(3))
    same_kind, pieces = write_form(fields, [away, small], "req_1")
    assert not isinstance(pieces, bytes)
    assert (same_kind, len(pieces)) == (kind, len(body))
    assert b"".join(pieces.chunks()) == b"".join(pieces.chunks()) == body
    assert read_form(kind, pieces) == read_form(kind, body)


def test_whoever_reads_says_where_files_go_and_texts_stay_at_hand() -> None:
    kept = []

    class Counted(Elsewhere):
        def __init__(self) -> None:
            super().__init__(b"")
            kept.append(self)

        def write(self, data: bytes) -> None:
            self.data += data

        def end(self):
            return self

    reader = FormReader("multipart/form-data; boundary=b", Counted)
    reader.feed(BODY)
    fields, (upload,) = reader.close()
    assert plain(fields) == {"model": "m"}
    assert upload.content is kept[0]
    assert upload.data == b"RIFF"


@pytest.mark.parametrize("cut", range(len(BODY) - len(b"--\r\n")))
def test_a_form_that_breaks_off_anywhere_is_refused(cut) -> None:
    with pytest.raises(BadRequest):
        read_form("multipart/form-data; boundary=b", BODY[:cut])


@pytest.mark.parametrize(
    ("kind", "body", "refusal"),
    [
        ("", BODY, UnsupportedMedia),
        ("application/json", b"{}", UnsupportedMedia),
        ("multipart/form-data", BODY, BadRequest),
        ("multipart/form-data; boundary=c", BODY, BadRequest),
        ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n", BadRequest),
        ("multipart/form-data; boundary=b", BODY.replace(b"\r\n\r\nm\r\n", b"\r\n\r\n\xff\r\n"), BadRequest),
        ("multipart/form-data; boundary=b", MANY, BadRequest),
    ],
)
def test_what_is_no_form(kind, body, refusal) -> None:
    with pytest.raises(refusal) as caught:
        read_form(kind, body)
    assert len(caught.value.message) > 20
