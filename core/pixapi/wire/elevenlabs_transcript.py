"""Transcriptions of OpenAI's API (OpenAI API reference, "Create transcription") from ElevenLabs' speech to text.

Source: ElevenLabs API reference, "Create transcript" (POST /v1/speech-to-text); `elevenlabs` 2.78 on PyPI. The reply
has the text, its words with their times (``type`` word, spacing or audio_event) and, mostly, the length of the sound,
which is what is paid for; where it is missing the last word's end stands for it.

OpenAI's shapes are made here. Of the members that tell of Whisper's insides, ``tokens`` is empty and ``seek`` and
``no_speech_prob`` are 0. ``language`` is the vendor's code (ISO 639-3), not a name.
"""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

import msgspec

from pixapi.errors import BadRequest, UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.http import Body, HttpReply
from pixapi.interfaces.usage import Usage
from pixapi.wire.elevenlabs_errors import is_error, read_error
from pixapi.wire.json import FALSE, TRUE, Fields, encode, is_null, lenient, raw
from pixapi.wire.multipart import write_form
from pixapi.wire.openai_result import open_reply
from pixapi.wire.subtitles import Segment, Word, segments_of, write_srt, write_vtt

_FORMATS = ("json", "text", "srt", "vtt", "verbose_json", "diarized_json")
_PASSED = (
    "temperature",
    "seed",
    "num_speakers",
    "diarization_threshold",
    "no_verbatim",
    "numbers_format",
    "secondary_language_codes",
)
"""The vendor's own fields that cost nothing and reach for nothing that belongs to somebody else."""
_WITHHELD = (
    "keyterms",
    "transcript_edit",
    "entity_detection",
    "entity_redaction",
    "detect_speaker_roles",
    "use_multi_channel",
    "use_speaker_library",
    "source_url",
    "cloud_storage_url",
    "webhook",
)
"""Paid for in addition, or with other sounds than the file that the call was priced by, or the operator's own."""
_INEXPRESSIBLE = ("prompt", "include", "include[]", "known_speaker_names[]", "known_speaker_references[]")


class _Word(msgspec.Struct):
    text: str = ""
    start: float | None = None
    end: float | None = None
    type: str = "word"
    speaker_id: str | None = None
    logprob: float | None = None


class _Said(msgspec.Struct):
    text: str
    words: list[_Word] = []
    language_code: str = ""
    audio_duration_secs: float | None = None


_SAID = msgspec.json.Decoder(_Said)


def write_transcription(call: Call) -> tuple[str, bytes | Body]:
    """Content type and body of the form.

    Raises:
        BadRequest: a field says what the vendor has no word for, or what is not offered here.
    """
    fields = call.fields
    for name in _INEXPRESSIBLE:
        if not is_null(fields.get(name)) and lenient(fields[name]) != "":
            raise BadRequest(f"{name} is not offered by this model's provider; leave it out", param=name)
    for name in _WITHHELD:
        if not is_null(fields.get(name)):
            raise BadRequest(
                f"{name} is paid for beyond the seconds of the file, or is the operator's; leave it out",
                param=name,
            )
    form: Fields = {"model_id": raw(call.model)}
    if not is_null(fields.get("language")) and lenient(fields["language"]) != "":
        form["language_code"] = fields["language"]
    form |= {name: fields[name] for name in _PASSED if not is_null(fields.get(name))}
    # OpenAI's callers expect words, and no (laughter).
    form["tag_audio_events"] = fields.get("tag_audio_events", FALSE)
    form["timestamps_granularity"] = raw("word")
    form["diarize"] = TRUE if _format(fields) == "diarized_json" else FALSE
    return write_form(form, call.uploads, call.id)


def read_transcription(call: Call, reply: HttpReply) -> Result:
    """The transcript in the format that was asked for.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is no transcript.
    """
    if is_error(reply.body):
        raise read_error(None, reply.body)
    open_reply(reply.body)
    try:
        said = _SAID.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamInvalid("The provider of this model answered without any text; try again.") from None
    heard_s = _heard_s(said)
    usage = None if heard_s is None else Usage(seconds=Decimal(str(heard_s)))
    form = _format(call.fields)
    if form == "text":
        return Result(usage, said.text.encode() + b"\n", media_type="text/plain; charset=utf-8")
    if form == "srt":
        text = write_srt(segments_of(_words(said)))
        return Result(usage, text.encode(), media_type="application/x-subrip; charset=utf-8")
    if form == "vtt":
        text = write_vtt(segments_of(_words(said)))
        return Result(usage, text.encode(), media_type="text/vtt; charset=utf-8")
    body: dict[str, Any] = {"text": said.text}
    if form == "verbose_json":
        body = {"task": "transcribe", "language": said.language_code, "duration": heard_s or 0.0, **body}
        body |= _verbose(call.fields, said)
    elif form == "diarized_json":
        segments = segments_of(_words(said))
        body = {"task": "transcribe", "duration": heard_s or 0.0, **body, "segments": _diarized(segments)}
    if heard_s is not None:
        body["usage"] = {"type": "duration", "seconds": heard_s}
    return Result(usage, encode(body))


def _format(fields: Fields) -> str:
    said = lenient(fields.get("response_format"))
    if said is None:
        return "json"
    if said not in _FORMATS:
        raise BadRequest(
            f"response_format is none of those that are offered: {', '.join(_FORMATS)}",
            param="response_format",
        )
    return said


def _heard_s(said: _Said) -> float | None:
    if said.audio_duration_secs is not None and said.audio_duration_secs >= 0:
        return said.audio_duration_secs
    return max((word.end for word in said.words if word.end is not None and word.end >= 0), default=None)


def _words(said: _Said) -> list[Word]:
    """Words with the spacing before them; what has no times is where the word before it ended."""
    found: list[Word] = []
    space, at_s = "", 0.0
    for word in said.words:
        if word.type == "spacing":
            space += word.text
            continue
        start_s = at_s if word.start is None else word.start
        at_s = max(start_s, start_s if word.end is None else word.end)
        found.append(Word(space + word.text, start_s, at_s, word.speaker_id, word.logprob or 0.0))
        space = ""
    return found


def _verbose(fields: Fields, said: _Said) -> dict[str, Any]:
    wanted = lenient(fields.get("timestamp_granularities[]", fields.get("timestamp_granularities")))
    wanted = wanted if isinstance(wanted, list) else [wanted or "segment"]
    words = _words(said)
    body: dict[str, Any] = {}
    if "segment" in wanted:
        heat = lenient(fields.get("temperature"))
        body["segments"] = [
            _whispered(number, segment, heat) for number, segment in enumerate(segments_of(words))
        ]
    if "word" in wanted:
        body["words"] = [{"word": w.text.strip(), "start": w.start_s, "end": w.end_s} for w in words]
    return body


def _whispered(number: int, segment: Segment, heat: Any) -> dict[str, Any]:
    text = segment.text.encode()
    try:
        temperature = float(heat or 0)
    except (TypeError, ValueError):
        temperature = 0.0
    return {
        "id": number,
        "seek": 0,
        "start": segment.start_s,
        "end": segment.end_s,
        "text": segment.text,
        "tokens": [],
        "temperature": temperature,
        "avg_logprob": segment.logprob,
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 3),
        "no_speech_prob": 0.0,
    }


def _diarized(segments: list[Segment]) -> list[dict[str, Any]]:
    """Speakers are A, B and so on, in the order in which they begin to speak."""
    names: dict[str | None, str] = {}
    for segment in segments:
        names.setdefault(segment.speaker, _letters(len(names)))
    return [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{number:03}",
            "start": segment.start_s,
            "end": segment.end_s,
            "text": segment.text,
            "speaker": names[segment.speaker],
        }
        for number, segment in enumerate(segments, 1)
    ]


def _letters(number: int) -> str:
    letter = chr(ord("A") + number % 26)
    return letter if number < 26 else _letters(number // 26 - 1) + letter
